// A bulk of writes whose order does not decide its outcome: sorted by kind and reference, and what a rule refused asked again once
// the others are in, until nothing more goes through.
import { AmbitError, fault } from "../base/error.ts";
import type { Json, Value } from "../base/value.ts";
import { dependenciesFirst } from "./dependencies-first.ts";
import { equalValues } from "../base/equal-values.ts";
import { modelOf, type TableModels } from "./table-model.ts";
import type { RawInput, Write, WriteOutcome } from "./write.ts";

/** Writes one; throws without a trace. */
type WriteOne = (write: Write) => WriteOutcome;

const RANK = { remove: 0, update: 1, increment: 1, replace: 2, create: 2 } as const;

/** Refusals that a later item of the bulk may turn: rules and checks that look at other records, keys that are given up. */
const MAY_TURN: ReadonlySet<string> = new Set(["UNAUTHENTICATED", "FORBIDDEN", "CHECK_FAILED", "NOT_FOUND", "UNIQUE_VIOLATION"]);

/** Chains of items that each need the one after them may be this long. */
const ROUNDS_MAX = 32;

/** Outcomes in the order of `writes`. Throws the first problem in that order. */
export function writeBulk(models: TableModels, writes: readonly Write[], writeOne: WriteOne): readonly WriteOutcome[] {
  const outcomes = new Map<number, WriteOutcome>();
  const settled = new Map<string, CreateWrite>();
  let pending = inOrder(models, writes);
  for (let round = 0; ; round++) {
    const refused = new Map<number, AmbitError>();
    for (const index of pending) {
      const write = writes[index]!;
      try {
        const outcome = writeOne(write);
        refuseTwice(write, outcome, settled);
        outcomes.set(index, outcome);
      } catch (error) {
        if (!(error instanceof AmbitError)) throw error;
        if (!MAY_TURN.has(error.code)) throw located(error, write, index);
        refused.set(index, error);
      }
    }
    if (refused.size === 0) return writes.map((_, index) => outcomes.get(index)!);
    if (refused.size === pending.length || round === ROUNDS_MAX) {
      const first = Math.min(...refused.keys());
      throw located(refused.get(first)!, writes[first]!, first);
    }
    pending = pending.filter((index) => refused.has(index));
  }
}

type CreateWrite = Extract<Write, { kind: "create" }>;

/** Which of two values would stay depends on the order, so neither may; to ignore the same again does no harm. */
function refuseTwice(write: Write, { table, id, status }: WriteOutcome, settled: Map<string, CreateWrite>): void {
  if (write.kind !== "create" || write.onConflict === null) return;
  const key = `${table} ${String(id)}`;
  const other = settled.get(key);
  if (other !== undefined && !(write.onConflict.resolution === "ignore" && sameInput(other.input, write.input))) {
    throw fault("CONFLICT", `Two items are for the same record of ${table}.`, { fix: "Send each record once." });
  }
  if (status !== "ignored") settled.set(key, write);
}

function sameInput(left: RawInput, right: RawInput): boolean {
  const names = Object.keys(left);
  return names.length === Object.keys(right).length && names.every((name) => Object.hasOwn(right, name) && equalValues(left[name] as Value, right[name] as Value));
}

/** The problem with its place in the bulk before its path. Changes of records found by a filter have no place in the request. */
function located(error: AmbitError, write: Write, index: number): AmbitError {
  if (write.kind !== "create") return error;
  const { where, details } = error.extras;
  const inside = (path: string): string => (path === "" ? `[${index}]` : `[${index}].${path}`);
  const moved = error.code === "VALIDATION_FAILED" && Array.isArray(details)
    ? details.map((issue) => (isIssue(issue) ? { ...issue, path: inside(issue.path) } : issue)) : details;
  return new AmbitError(error.status, error.code, error.message, { ...error.extras, where: inside(where ?? ""), ...(moved === undefined ? {} : { details: moved }) });
}

function isIssue(issue: Json): issue is { path: string; [key: string]: Json } {
  return typeof issue === "object" && issue !== null && !Array.isArray(issue) && typeof issue["path"] === "string";
}

/** Indexes: by kind, those with a given key first, and new records after the new ones that they refer to. */
function inOrder(models: TableModels, writes: readonly Write[]): number[] {
  const created = new Map<string, number>();
  writes.forEach((write, index) => {
    const id = keyOf(models, write);
    if (RANK[write.kind] === 2 && id !== null) created.set(`${write.table} ${id}`, index);
  });
  const rank = (index: number): number => RANK[writes[index]!.kind] + (keyOf(models, writes[index]!) === null ? 1 : 0);
  const sorted = writes.map((_, index) => index).sort((a, b) => rank(a) - rank(b) || a - b);
  if (created.size === 0) return sorted;
  return dependenciesFirst(sorted, (index) => {
    const write = writes[index]!;
    if (RANK[write.kind] !== 2 || !("input" in write)) return [];
    return modelOf(models, write.table).foreignKeys.map((key) => created.get(`${key.target} ${textOf(write.input[key.field])}`)).filter((parent) => parent !== undefined && parent !== index) as number[];
  });
}

function keyOf(models: TableModels, write: Write): string | null {
  if (write.kind !== "create") return textOf(write.id);
  return textOf(write.input[modelOf(models, write.table).table.primaryKey]);
}

/** Raw keys are compared as text: before validation, that is all they have in common. */
function textOf(raw: unknown): string | null {
  return typeof raw === "string" || typeof raw === "number" || typeof raw === "bigint" ? String(raw) : null;
}
