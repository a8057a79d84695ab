// Plans and carries out changes of the schema on stored data, for `ambit migrate`: on data that nobody serves, or by the app that does.
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { fault } from "../base/error.ts";
import type { Log } from "../base/log.ts";
import type { Json } from "../base/value.ts";
import { backupDatabase } from "../storage/backup.ts";
import { nameOf, type Difference } from "../storage/compare-shapes.ts";
import type { MigrationStep } from "../storage/describe-migration.ts";
import type { MigrationApproval } from "../storage/migration-functions.ts";
import { isTarget, type MigrationProgress } from "../storage/pending-migration.ts";
import { migrationNeeded } from "../storage/prepare-catalog.ts";
import type { Storage } from "../storage/open-storage.ts";
import { isError, type LoadedApp } from "./load-app.ts";

export interface MigrationRequest {
  readonly action: "plan" | "apply";
  /** What may be lost: `Task`, `Task.due`. */
  readonly destroy: readonly string[];
}

export interface MigrationReport {
  readonly steps: readonly MigrationStep[];
  /** What stands in the way; empty after an apply. */
  readonly differences: readonly Difference[];
  /** Types whose tables are filled beside live writes. */
  readonly online: readonly string[];
  /** Of what is under way by now. */
  readonly progress: readonly MigrationProgress[];
  /** Taken before anything was lost. */
  readonly snapshot: string | null;
}

export interface MigrationParts {
  readonly storage: Storage;
  readonly loaded: LoadedApp;
  readonly dataDirectory: string;
  readonly clock: Clock;
}

const SNAPSHOTS_MAX = 3;
/** Between two batches, so that live requests wait for one of them at most. */
const PAUSE_MS = 2;

export function approvalOf({ code }: LoadedApp, destroy: readonly string[]): MigrationApproval {
  return { functions: code.migrations, calls: true, destroy: new Set(destroy) };
}

export function planMigration({ storage, loaded }: MigrationParts, destroy: readonly string[]): MigrationReport {
  const { steps, ...plan } = storage.planCatalog(loaded.catalog, loaded.book, approvalOf(loaded, destroy));
  checkMeant(destroy, plan.differences);
  return { ...plan, steps: steps.map((step) => asItIs(step, plan.differences)), progress: storage.migrationProgress(), snapshot: null };
}

/** What looks safe by the shapes alone is not, where the records stand in the way of it. */
function asItIs(step: MigrationStep, differences: readonly Difference[]): MigrationStep {
  const inTheWay = differences.find((difference) => nameOf(difference) === step.name);
  return step.kind === "safe" && inTheWay !== undefined ? { ...step, kind: inTheWay.kind === "destructive" ? "destructive" : "needs-data" } : step;
}

/** Throws USAGE where --allow-destroy says only the last part of a name that stands in the way. */
function checkMeant(destroy: readonly string[], differences: readonly Difference[]): void {
  const names = differences.filter(({ kind }) => kind === "destructive").map(nameOf);
  for (const given of destroy) {
    const meant = names.filter((name) => name.endsWith(`.${given}`));
    if (meant.length > 0) throw fault("USAGE", `--allow-destroy ${given} names nothing that would be lost.`, { fix: `Write --allow-destroy ${meant.join(" or ")}.` });
  }
}

/**
 * First what takes long is filled beside live writes; then a snapshot where anything is lost; then one commit, and `switched` at once.
 * Throws MIGRATION_NEEDED where something stands in the way: then records are as before, and what was filled waits for another call.
 */
export async function applyMigration(parts: MigrationParts, destroy: readonly string[], switched: () => void = () => {}): Promise<MigrationReport> {
  const { storage, loaded, dataDirectory, clock } = parts;
  const { catalog, book } = loaded;
  const approval = approvalOf(loaded, destroy);
  const online = storage.onlineTables(catalog, book, approval);
  // A plan does everything once, to undo it: only where it saves a long way or a snapshot in vain.
  const plan = online.length > 0 || destroy.length > 0 ? planMigration(parts, destroy) : null;
  if (plan !== null && plan.differences.length > 0) throw migrationNeeded(plan.differences);
  const pause = (): Promise<void> => new Promise((resolve) => { clock.schedule(PAUSE_MS, resolve); });
  if (online.length > 0) await storage.fillShadows({ catalog, book, approval, pause });
  const snapshot = destroy.length > 0 && plan !== null && plan.steps.length > 0 ? await takeSnapshot(dataDirectory) : null;
  const steps = orForget(snapshot, () => storage.prepareCatalog(catalog, book, approval));
  switched();
  dropOldSnapshots(dataDirectory);
  // What was filled for other files is of no use: these are as the data.
  if (storage.pendingMigration() !== null) await storage.abandonMigration();
  return { steps, differences: [], online, progress: [], snapshot };
}

export interface RunningParts extends Omit<MigrationParts, "loaded"> {
  readonly log: Log;
  readonly isStopping: () => boolean;
  /** The files as they are now. */
  load(): Promise<LoadedApp>;
  /** Serves them from now on. */
  replace(loaded: LoadedApp): void;
}

/** For an app that serves meanwhile. Throws UNAVAILABLE where the files have errors, and what applyMigration throws. */
export async function migrateRunning({ action, destroy }: MigrationRequest, running: RunningParts): Promise<MigrationReport> {
  const loaded = await running.load();
  if (loaded.diagnostics.some(isError)) throw fault("UNAVAILABLE", "The files of the app have errors.", { fix: "ambit check lists them." });
  const parts: MigrationParts = { ...running, loaded };
  if (action === "plan") return planMigration(parts, destroy);
  if (running.isStopping()) throw fault("UNAVAILABLE", "The app is stopping.", { retryAfterS: 1 });
  const report = await applyMigration(parts, destroy, () => running.replace(loaded));
  running.log.info("schema-changed", { steps: report.steps.length, online: report.online, snapshot: report.snapshot !== null });
  return report;
}

/** What a start and a reload may do by themselves. */
export function cautiousApproval({ code }: LoadedApp): MigrationApproval {
  return { functions: code.migrations, calls: false, destroy: new Set() };
}

/** Before the app serves: goes on with a migration to these files that was interrupted. Answers what was agreed to. */
export async function resumeMigration(storage: Storage, loaded: LoadedApp): Promise<MigrationApproval> {
  const pending = storage.pendingMigration();
  if (pending === null || !isTarget(pending, loaded.catalog)) return cautiousApproval(loaded);
  const approval = approvalOf(loaded, pending.destroy);
  await storage.fillShadows({ catalog: loaded.catalog, book: loaded.book, approval });
  return approval;
}

/** Newest last. */
export function snapshotsOf(dataDirectory: string): string[] {
  const folder = snapshotFolder(dataDirectory);
  return existsSync(folder) ? readdirSync(folder).filter((name) => /^before-migration-\d+\.db$/.test(name)).sort().map((name) => join(folder, name)) : [];
}

/** The name sorts by number. */
async function takeSnapshot(dataDirectory: string): Promise<string> {
  const present = snapshotsOf(dataDirectory);
  mkdirSync(snapshotFolder(dataDirectory), { recursive: true, mode: 0o700 });
  const last = present.at(-1);
  const number = last === undefined ? 1 : Number(/(\d+)\.db$/.exec(last)![1]) + 1;
  const target = join(snapshotFolder(dataDirectory), `before-migration-${String(number).padStart(6, "0")}.db`);
  await backupDatabase(join(dataDirectory, "data.db"), target);
  return target;
}

/** A snapshot before what did not happen is of no use. */
function orForget<Result>(snapshot: string | null, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (snapshot !== null) rmSync(snapshot, { force: true });
    throw error;
  }
}

function dropOldSnapshots(dataDirectory: string): void {
  for (const old of snapshotsOf(dataDirectory).slice(0, -SNAPSHOTS_MAX)) rmSync(old, { force: true });
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
