// What the tests of storage/ share: temporary directories, schemas from SDL, opened storages that report what stops them.
import { afterAll } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FakeClock, fakeClock } from "../../base/clock.ts";
import { type Limits, defaultLimits } from "../../base/limits.ts";
import { compileCatalogExpressions } from "../../expression/compile-catalog.ts";
import type { ExpressionBook } from "../../expression/expression-book.ts";
import type { Catalog, Table } from "../../schema/catalog.ts";
import { compileSchema } from "../../schema/compile-schema.ts";
import { type Storage, openStorage } from "../open-storage.ts";

/** Each is removed after the file's tests. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "ambit-storage-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export interface App { readonly catalog: Catalog; readonly book: ExpressionBook }

export function appOf(text: string): App {
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text });
  const compiled = compileCatalogExpressions(catalog);
  const errors = [...diagnostics, ...compiled.diagnostics].filter((diagnostic) => diagnostic.severity === "error");
  if (errors.length > 0) throw new Error(errors.map((one) => `${one.position.line}: ${one.message}`).join("\n"));
  return { catalog, book: compiled.book };
}

export function tableOf({ catalog }: App, name: string): Table {
  const table = catalog.tables.get(name);
  if (table === undefined) throw new Error(`no table ${name}`);
  return table;
}

export interface OpenedStorage {
  readonly storage: Storage;
  readonly directory: string;
  readonly clock: FakeClock;
  /** What onFatal was called with. */
  readonly fatal: unknown[];
}

export function openedStorage(directory = temporaryDirectory(), limits: Partial<Limits> = {}): OpenedStorage {
  const fatal: unknown[] = [];
  const clock = fakeClock();
  const storage = openStorage({ directory, limits: { ...defaultLimits, ...limits }, clock, onFatal: (error) => fatal.push(error) });
  return { storage, directory, clock, fatal };
}

/** The code of the AmbitError that `step` throws or rejects with; null when it does not. */
export async function codeOf(step: () => unknown): Promise<string | null> {
  try {
    await step();
    return null;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
