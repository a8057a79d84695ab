// The functions of `Migrations`: how one is called, and which of them have done their work already. A function works once: one that
// was left behind must not meet records of a later shape.
import type { RecordValues, Value } from "../base/value.ts";
import type { Connection } from "./connection.ts";
import { readMeta, writeMeta } from "./system-tables.ts";

/** From the old record to fields of the new one. Pure and synchronous. */
export type MigrationFunction = (old: RecordValues) => unknown;

/** By name of the table's type. */
export type MigrationFunctions = ReadonlyMap<string, MigrationFunction>;

/** What a person has agreed to. */
export interface MigrationApproval {
  readonly functions: MigrationFunctions;
  /** False: where a function was never called for a table that changes, the change is refused instead. */
  readonly calls: boolean;
  /** `Task`, `Task.due`: what may be lost. */
  readonly destroy: ReadonlySet<string>;
}

export const noApproval: MigrationApproval = { functions: new Map(), calls: false, destroy: new Set() };

const APPLIED_KEY = "appliedMigrations";

export function isApplied(connection: Connection, table: string, run: MigrationFunction): boolean {
  return readApplied(connection).includes(signature(table, run));
}

/** In a transaction of the caller's. */
export function rememberApplied(connection: Connection, functions: MigrationFunctions): void {
  const added = [...functions].map(([table, run]) => signature(table, run));
  if (added.length > 0) writeMeta(connection, APPLIED_KEY, JSON.stringify([...new Set([...readApplied(connection), ...added])]));
}

function readApplied(connection: Connection): string[] {
  const text = readMeta(connection, APPLIED_KEY);
  return text === null ? [] : JSON.parse(text) as string[];
}

/** Of what it does, not of how it is laid out: the text that a loader makes of it differs from a bundler's. */
export function signature(table: string, run: MigrationFunction): string {
  const text = String(run).replace(/\/\*[\s\S]*?\*\/|[\s;]+/g, "").replaceAll("'", '"').replace(/,(?=[)\]}])/g, "");
  return `${table} ${Bun.hash(text).toString(36)}`;
}

export type FunctionAnswer = { readonly ok: true; readonly fields: { readonly [field: string]: unknown } } | { readonly ok: false; readonly what: string };

/** Whatever it does wrong is told, never thrown. */
export function callFunction(run: MigrationFunction, old: RecordValues): FunctionAnswer {
  let answer: unknown;
  try {
    answer = run(frozen(old) as RecordValues);
  } catch (error) {
    return { ok: false, what: `fails: ${error instanceof Error ? error.message : String(error)}` };
  }
  if (answer instanceof Promise) {
    answer.catch(() => {});
    return { ok: false, what: "answers with a promise, but must be synchronous" };
  }
  if (typeof answer !== "object" || answer === null || Array.isArray(answer)) return { ok: false, what: "answers with something that is no object of fields" };
  return { ok: true, fields: answer as { [field: string]: unknown } };
}

function frozen(value: Value): Value {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const inner of Array.isArray(value) ? value : Object.values(value)) frozen(inner as Value);
  return Object.freeze(value);
}
