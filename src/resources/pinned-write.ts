// A write as it came out in its rehearsal: what was made up there, keys and defaults, is given again in the commit, so that both agree.
import { equalValues } from "../base/equal-values.ts";
import type { Field, Catalog } from "../schema/catalog.ts";
import { toWireValue } from "../schema/wire-value.ts";
import type { Write, WriteOptions, WriteOutcome } from "../tables/write.ts";

export interface PinnedWrite { readonly write: Write; readonly options: WriteOptions }

export function pinned(write: Write, options: WriteOptions, outcome: WriteOutcome, catalog: Catalog): PinnedWrite {
  if (outcome.status !== "created" || outcome.record === null || !("input" in write)) return { write, options };
  const input: { [field: string]: unknown } = Object.assign(Object.create(null), write.input);
  const table = catalog.tables.get(write.table)!;
  for (const field of table.fields.values()) {
    const given = input[field.name];
    if (given !== undefined || !isPinned(field, field.name === table.primaryKey)) continue;
    const value = outcome.record[field.name] ?? null;
    input[field.name] = options.dialect === "wire" ? toWireValue(value, field.type, catalog) : value;
  }
  // What the caller did not send is not held to its rules.
  return { write: { ...write, input }, options: { ...options, sent: options.sent ?? new Set(Object.keys(write.input)) } };
}

/** True if the write left the record that the rehearsal left, besides what the commit's own time decides. */
export function isSameOutcome(outcome: WriteOutcome, rehearsed: WriteOutcome, catalog: Catalog): boolean {
  if (outcome.status !== rehearsed.status || !equalValues(outcome.id, rehearsed.id)) return false;
  const [record, expected] = [outcome.record, rehearsed.record];
  if (record === null || expected === null) return record === expected;
  for (const field of catalog.tables.get(outcome.table)!.fields.values()) {
    if (field.kind === "stored" && !dependsOnTime(field) && !equalValues(record[field.name] ?? null, expected[field.name] ?? null)) return false;
  }
  return true;
}

/** Numbers from a sequence are not pinned: they are compared instead, because the sequence must move in the commit. */
function isPinned(field: Field, isKey: boolean): boolean {
  if (field.kind !== "stored") return false;
  if (isKey) return field.type.name === "ID" || field.type.name === "String";
  return field.fill?.kind === "default-rule" || field.fill?.kind === "created-time";
}

function dependsOnTime({ fill, expiresAt }: Field): boolean {
  if (fill === null) return false;
  return expiresAt || fill.kind === "updated-time" || fill.kind === "created-time" || fill.kind === "default-rule" || fill.kind === "computed";
}
