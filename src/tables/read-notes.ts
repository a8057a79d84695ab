// What the writes of a draft read on their way, as footprints: records, probes of unique and foreign keys, rules over other records.
// A commit notes nothing: it is held against what its draft noted.
import type { Value } from "../base/value.ts";
import { ownFields } from "../expression/inspect.ts";
import { equalityFootprint, keyFootprint, noColumns, type Footprint } from "../query/footprint.ts";
import type { Table } from "../schema/catalog.ts";
import type { Permission } from "./authority.ts";
import { modelOf, type Referrer, type TableModel, type UniqueKey } from "./table-model.ts";
import type { WriteContext } from "./write-context.ts";

/** Takes footprints in. */
export interface ReadNotes { note(footprint: Footprint): void }

/** The whole record with this key, or that there is none. */
export function noteRecord({ reads }: WriteContext, { table }: TableModel, id: Value): void {
  reads?.note(keyFootprint(table, id));
}

/** What counts of the record with this key, and whether there is one. */
export function noteFields(reads: ReadNotes, table: Table, id: Value, looksAt: ReadonlySet<string> | undefined): void {
  reads.note(keyFootprint(table, id, looksAt === undefined ? null : withEnd(table, looksAt)));
}

/** That there is a record with this key, or none; and what `rule` looks at in it. */
export function noteExistence({ reads, book }: WriteContext, { table }: TableModel, id: Value, rule: Permission = true): void {
  reads?.note(keyFootprint(table, id, withEnd(table, typeof rule === "boolean" ? noColumns : ownFields(rule, table.name, book))));
}

/** Who has these unique values, if anybody. No value is null. */
export function noteUnique({ reads }: WriteContext, { table }: TableModel, key: UniqueKey, values: readonly Value[]): void {
  reads?.note(equalityFootprint(table, Object.fromEntries(key.fields.map(({ name }, index) => [name, values[index] ?? null])), withEnd(table, noColumns), key.fold));
}

/** Which records refer to one. Those that let go of it are written anew. */
export function noteReferrers({ reads, models }: WriteContext, referrer: Referrer, id: Value): void {
  const { table } = modelOf(models, referrer.table);
  reads?.note(equalityFootprint(table, { [referrer.field]: id }, referrer.onDelete === "SET_NULL" ? null : withEnd(table, noColumns)));
}

/** A record that comes to its end is gone, too. */
function withEnd({ expiresAt }: Table, columns: ReadonlySet<string>): ReadonlySet<string> {
  return expiresAt === null ? columns : new Set([...columns, expiresAt]);
}
