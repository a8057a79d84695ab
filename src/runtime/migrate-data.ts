// Plans and carries out changes of the schema on stored data, for `ambit migrate`: on data that nobody serves, or by the app that does.
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fault } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import { backupDatabase } from "../storage/backup.ts";
import type { Difference } from "../storage/compare-shapes.ts";
import type { MigrationStep } from "../storage/describe-migration.ts";
import type { MigrationApproval } from "../storage/migration-functions.ts";
import type { Storage } from "../storage/open-storage.ts";
import type { LoadedApp } from "./load-app.ts";

export interface MigrationRequest {
  readonly action: "plan" | "apply";
  /** What may be lost: `Task`, `Task.due`. */
  readonly destroy: readonly string[];
}

export interface MigrationReport {
  readonly steps: readonly MigrationStep[];
  /** What stands in the way; empty after an apply. */
  readonly differences: readonly Difference[];
  /** Taken before anything was lost. */
  readonly snapshot: string | null;
}

export interface MigrationParts {
  readonly storage: Storage;
  readonly loaded: LoadedApp;
  readonly dataDirectory: string;
}

const SNAPSHOTS_MAX = 3;

export function approvalOf({ code }: LoadedApp, destroy: readonly string[]): MigrationApproval {
  return { functions: code.migrations, destroy: new Set(destroy) };
}

export function planMigration({ storage, loaded }: MigrationParts, destroy: readonly string[]): MigrationReport {
  const { steps, differences } = storage.planCatalog(loaded.catalog, loaded.book, approvalOf(loaded, destroy));
  return { steps, differences, snapshot: null };
}

/** A snapshot first where anything is lost. Throws MIGRATION_NEEDED where something stands in the way; then nothing has changed. */
export async function applyMigration(parts: MigrationParts, destroy: readonly string[]): Promise<MigrationReport> {
  const { storage, loaded } = parts;
  const plan = planMigration(parts, destroy);
  const snapshot = plan.differences.length === 0 && plan.steps.some(({ kind }) => kind === "destructive") ? await takeSnapshot(parts.dataDirectory) : null;
  const steps = storage.prepareCatalog(loaded.catalog, loaded.book, approvalOf(loaded, destroy));
  return { steps, differences: [], snapshot };
}

/** Newest last. */
export function snapshotsOf(dataDirectory: string): string[] {
  const folder = snapshotFolder(dataDirectory);
  return existsSync(folder) ? readdirSync(folder).filter((name) => /^before-migration-\d+\.db$/.test(name)).sort().map((name) => join(folder, name)) : [];
}

/** The name sorts by number; the oldest beyond a few go. */
async function takeSnapshot(dataDirectory: string): Promise<string> {
  const present = snapshotsOf(dataDirectory);
  mkdirSync(snapshotFolder(dataDirectory), { recursive: true, mode: 0o700 });
  const last = present.at(-1);
  const number = last === undefined ? 1 : Number(/(\d+)\.db$/.exec(last)![1]) + 1;
  const target = join(snapshotFolder(dataDirectory), `before-migration-${String(number).padStart(6, "0")}.db`);
  await backupDatabase(join(dataDirectory, "data.db"), target);
  for (const old of present.slice(0, Math.max(0, present.length + 1 - SNAPSHOTS_MAX))) rmSync(old, { force: true });
  return target;
}

function snapshotFolder(dataDirectory: string): string {
  return join(dataDirectory, "snapshots");
}

/** What came over the control socket. Throws MALFORMED_BODY. */
export function readMigrationRequest(body: Json): MigrationRequest {
  const { action, destroy } = (typeof body === "object" && body !== null && !Array.isArray(body) ? body : {}) as { action?: Json; destroy?: Json };
  const names = Array.isArray(destroy) ? destroy.filter((name) => typeof name === "string") : [];
  if (action !== "plan" && action !== "apply") throw fault("MALFORMED_BODY", "The body says neither plan nor apply.", { where: "action" });
  return { action, destroy: names };
}
