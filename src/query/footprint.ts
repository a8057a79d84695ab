// What a read depended on, and whether a change can have altered its answer: the one function behind certification, caches and
// live queries. Pure. A footprint may be wider than its read, never narrower.
import { assert } from "../base/assert.ts";
import { equalValues } from "../base/equal-values.ts";
import { decimalKey } from "../base/decimal.ts";
import { durationMs } from "../base/duration.ts";
import type { RecordValues, Value } from "../base/value.ts";
import { isTrue } from "../expression/evaluate.ts";
import type { Environment, Expression, ExpressionType } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { plainType } from "../expression/field-type.ts";
import type { Table } from "../schema/catalog.ts";
import type { Narrowing } from "./footprint-narrowing.ts";

/** What a read depended on in one table. Frozen; plain data. */
export interface Footprint {
  readonly table: string;
  /** Equality that every matching record satisfies: field and the texts (see `keyText`) of its possible values; for the index and as a quick no. Null: none known. */
  readonly key: FootprintKey | null;
  /**
   * Over row `record`, local (no other record is asked); null: every record of the table. Unknown counts as no match, as in
   * a filter. Implied by what the read really selects.
   */
  readonly predicate: Expression | null;
  readonly variables: Environment["variables"];
  readonly now: string;
  /** What predicate and key say of single fields, for the index alone. */
  readonly narrowing: readonly Narrowing[];
  /** Fields whose change matters while a record matches before and after, and all that key and predicate read; null: all. */
  readonly columns: ReadonlySet<string> | null;
  /**
   * Its records are found by a foreign key of records that have a footprint of their own. That one is made or goes is then
   * seen there, so only what changes in it counts here.
   */
  readonly referenced: boolean;
}

export interface FootprintKey { readonly field: string; readonly values: ReadonlySet<string>; readonly type: ExpressionType }

/** Any change of its table may have to be looked at. */
export function isBroad({ key, narrowing }: Footprint): boolean {
  return key === null && narrowing.length === 0;
}

/** All that one read depended on. */
export interface ReadDependencies {
  readonly footprints: readonly Footprint[];
  /** Canonical DateTime from which on the answer may differ though nothing was written (expiry, now() in filters); null: never. */
  readonly validUntil: string | null;
}

/** The part of a change (changes/change.ts) that footprints look at. */
export interface TouchingChange {
  readonly table: string;
  /** Full images; null when it did not exist before, or does not after. */
  readonly old: RecordValues | null;
  readonly new: RecordValues | null;
}

/** True if the change may have altered what the read found. `changed`: of `changedFields`, where there are many footprints. */
export function touches(change: TouchingChange, footprint: Footprint, book: ExpressionBook, changed: readonly string[] | null = null): boolean {
  const { old, new: after } = change;
  if (change.table !== footprint.table) return false;
  if (old === null || after === null) return !footprint.referenced && matches((old ?? after)!, footprint, book);
  // Where no such field changed, it matches after as before.
  return readsAny(footprint.columns, change, changed) && (matches(old, footprint, book) || matches(after, footprint, book));
}

/** Null where the record did not exist before or does not after. */
export function changedFields({ old, new: after }: TouchingChange): readonly string[] | null {
  if (old === null || after === null) return null;
  const changed = Object.keys(after).filter((field) => !equalValues(old[field], after[field]));
  for (const field of Object.keys(old)) if (after[field] === undefined && old[field] !== null && !Object.hasOwn(after, field)) changed.push(field);
  return changed;
}

function readsAny(columns: ReadonlySet<string> | null, { old, new: after }: TouchingChange, changed: readonly string[] | null): boolean {
  if (columns === null) return true;
  if (changed !== null) return changed.some((field) => columns.has(field));
  for (const field of columns) if (!equalValues(old![field], after![field])) return true;
  return false;
}

function matches(record: RecordValues, { key, predicate, variables, now }: Footprint, book: ExpressionBook): boolean {
  if (key !== null && !hasKey(record, key)) return false;
  return predicate === null || isTrue(predicate, { rows: { record }, variables, now, source: null }, book);
}

function hasKey(record: RecordValues, { field, values, type }: FootprintKey): boolean {
  const text = keyText(record[field] ?? null, type);
  return text !== null && values.has(text);
}

/** Equal for equal values of the type, and only for these; null for null. Of scalars, not of lists, objects and JSON. */
export function keyText(value: Value, type: ExpressionType): string | null {
  if (value === null) return null;
  switch (typeof value) {
    case "string": return type.kind === "decimal" ? decimalKey(value) : type.kind === "duration" ? String(durationMs(value)) : value;
    case "number": return Number.isInteger(value) && !Number.isSafeInteger(value) ? BigInt(value).toString() : String(value + 0);
    case "object": return null;
    default: return String(value);
  }
}

/** Of a read by primary key, found or not. `columns`: what else it looks at; null: all. */
export function keyFootprint(table: Table, id: Value, columns: ReadonlySet<string> | null = null): Footprint {
  return equalityFootprint(table, { [table.primaryKey]: id }, columns);
}

/**
 * Of a probe: records in which each of these fields has this value, of which there may be none. No value is null.
 * `fold`: text is compared case-folded, as in a unique index so declared.
 */
export function equalityFootprint(table: Table, wanted: RecordValues, columns: ReadonlySet<string> | null = noColumns, fold = false): Footprint {
  const fields = Object.keys(wanted).map((name) => comparedField(table, name));
  const keyed = fields.find(({ type }) => !(fold && type.kind === "string")) ?? null;
  const rest = fields.filter((field) => field !== keyed).map((field) => fieldEquality(table, field, { value: wanted[field.name] ?? null, fold }));
  return {
    table: table.name,
    key: keyed === null ? null : { field: keyed.name, type: keyed.type, values: textsOf([wanted[keyed.name] ?? null], keyed.type) },
    predicate: rest.length > 1 ? { op: "and", operands: rest } : rest[0] ?? null,
    variables: {}, now: "", narrowing: [], columns: columns === null ? null : new Set([...columns, ...Object.keys(wanted)]), referenced: false,
  };
}

/** That a record is there, or is not, and nothing about it. */
export const noColumns: ReadonlySet<string> = new Set();

export function textsOf(values: readonly Value[], type: ExpressionType): ReadonlySet<string> {
  return new Set(values.map((value) => keyText(value, type)).filter((text) => text !== null));
}

interface ComparedField { readonly name: string; readonly type: ExpressionType }

function comparedField(table: Table, name: string): ComparedField {
  const field = table.fields.get(name);
  assert(field !== undefined && !field.type.list && (field.type.kind === "scalar" || field.type.kind === "enum"), `${table.name}.${name} is a field that has one plain value`);
  return { name, type: plainType(field.type) };
}

function fieldEquality(table: Table, { name, type }: ComparedField, { value, fold }: { value: Value; fold: boolean }): Expression {
  const operand: Expression = { op: "field", type, row: "record", table: table.name, path: [], field: name, within: [] };
  if (fold && type.kind === "string") return { op: "like", operand, pattern: String(value).replaceAll(/[\\%_]/g, "\\$&"), fold: true };
  return { op: "compare", comparison: "eq", left: operand, right: { op: "literal", type, value } };
}
