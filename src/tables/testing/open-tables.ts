// Test support: an app's tables on a real data directory in a temporary folder, with a fake clock. For tests only.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AmbitError } from "../../base/error.ts";
import { fakeClock, type FakeClock } from "../../base/clock.ts";
import { defaultLimits, type Limits } from "../../base/limits.ts";
import { seededRandom } from "../../base/random.ts";
import type { Value } from "../../base/value.ts";
import { readEntries, type LogEntry } from "../../changes/log.ts";
import { compileCatalogExpressions } from "../../expression/compile-catalog.ts";
import type { ExpressionBook } from "../../expression/expression-book.ts";
import { compileSchema } from "../../schema/compile-schema.ts";
import type { Catalog } from "../../schema/catalog.ts";
import { openStorage, type Storage } from "../../storage/open-storage.ts";
import type { Authority } from "../authority.ts";
import { createTables, type Committed, type Tables } from "../engine.ts";
import type { Write, WriteOptions, WriteOutcome } from "../write.ts";

export interface OpenTables {
  readonly tables: Tables;
  readonly storage: Storage;
  readonly clock: FakeClock;
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  /** One write, in a commit of its own. */
  write(write: Write, authority?: Authority | null): Promise<WriteOutcome>;
  /** A bulk, in one commit. */
  writeAll(writes: readonly Write[], authority?: Authority | null): Promise<readonly WriteOutcome[]>;
  log(): LogEntry[];
  close(): Promise<void>;
}

export const wire = (authority: Authority | null): WriteOptions => ({ dialect: "wire", authority, sent: null });

export function openTables(sdl: string, limits: Partial<Limits> = {}): OpenTables {
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text: sdl });
  const { book, diagnostics: more } = compileCatalogExpressions(catalog);
  const problems = [...diagnostics, ...more].filter((diagnostic) => diagnostic.severity === "error");
  if (problems.length > 0) throw new Error(problems.map(({ code, message, position }) => `${position.line}:${position.column} ${code} ${message}`).join("\n"));
  const directory = mkdtempSync(join(tmpdir(), "ambit-tables-"));
  const clock = fakeClock();
  const all = { ...defaultLimits, ...limits };
  const storage = openStorage({ directory, limits: all, clock, onFatal: (error) => { throw error; } });
  storage.prepareCatalog(catalog, book);
  const tables = createTables({ storage, catalog, book, clock, random: seededRandom(1), limits: all });
  const who = (authority: Authority | null): { actor: string | null; requestId: string } => ({ actor: authority?.subject ?? null, requestId: "test" });
  const value = async <Result>(committed: Promise<Committed<Result>>): Promise<Result> => (await committed).value;
  return {
    tables, storage, clock, catalog, book,
    write: (write, authority = null) => value(tables.commit((session) => session.write(write, wire(authority)), who(authority))),
    writeAll: (writes, authority = null) => value(tables.commit((session) => session.writeAll(writes, wire(authority)), who(authority))),
    log: () => readEntries(storage.reader, 0, 1_000_000, catalog),
    async close() {
      tables.stop();
      await storage.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export const create = (table: string, input: { readonly [field: string]: unknown }, onConflict: Extract<Write, { kind: "create" }>["onConflict"] = null): Write => ({ kind: "create", table, input, onConflict });
export const update = (table: string, id: Value, input: { readonly [field: string]: unknown }, rest: Partial<Extract<Write, { kind: "update" }>> = {}): Write => ({ kind: "update", table, id, input, merge: false, precondition: null, ...rest });
export const replace = (table: string, id: Value, input: { readonly [field: string]: unknown }, rest: Partial<Extract<Write, { kind: "replace" }>> = {}): Write => ({ kind: "replace", table, id, input, precondition: null, ...rest });
export const remove = (table: string, id: Value, rest: Partial<Extract<Write, { kind: "remove" }>> = {}): Write => ({ kind: "remove", table, id, precondition: null, ...rest });
export const increment = (table: string, id: Value, field: string, by: number | bigint | string): Write => ({ kind: "increment", table, id, field, by });

export interface Failure {
  readonly code: string;
  readonly status: number;
  readonly message: string;
  readonly where: unknown;
  readonly details: unknown;
}

/** The problem that the promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.then((value) => { throw new Error(`it did not fail: ${JSON.stringify(value)}`); }, (caught: unknown) => caught);
  if (!(error instanceof AmbitError)) throw error;
  return { code: error.code, status: error.status, message: error.message, where: error.extras.where, details: error.extras.details };
}
