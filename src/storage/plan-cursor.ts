// Order keys of a plan's rows as SQL, and the condition that holds for the rows after a cursor. Null order is exact in any mix.
import { fault } from "../base/error.ts";
import type { Json, SqlValue } from "../base/value.ts";

export interface OrderKey {
  /** What SQLite compares. */
  readonly sql: string;
  /** What the cursor holds, ready for json_array. */
  readonly wire: string;
  readonly descending: boolean;
  readonly nulls: "first" | "last";
  readonly nullable: boolean;
  /** The key that the output object has for the same value, or null. */
  readonly output: string | null;
  /** The wire form of a value other than null as SQLite compares it; undefined where it is none. */
  readonly read: (wire: Json) => SqlValue | undefined;
}

/** SQLite's own place of nulls is first ascending, last descending; only the other one is said, so that indexes serve. */
export function orderClause(keys: readonly OrderKey[]): string {
  if (keys.length === 0) return "";
  return ` ORDER BY ${keys.map(orderTerm).join(", ")}`;
}

function orderTerm({ sql, descending, nulls, nullable }: OrderKey): string {
  const native = descending ? "last" : "first";
  return `${sql}${descending ? " DESC" : ""}${nullable && nulls !== native ? ` NULLS ${nulls.toUpperCase()}` : ""}`;
}

/** A key and its value in the cursor: a placeholder, or null for null. */
export interface CursorKey { readonly key: OrderKey; readonly value: string | null }

/** Placeholders for the cursor's values. Whether one is null is part of the statement's shape. */
export function cursorKeys(keys: readonly OrderKey[], after: readonly Json[], bind: (value: SqlValue) => string): CursorKey[] {
  if (after.length !== keys.length) throw fault("MALFORMED_CURSOR", "The cursor belongs to another order.");
  return keys.map((key, index) => {
    const wire = after[index] ?? null;
    if (wire === null) {
      if (!key.nullable) throw fault("MALFORMED_CURSOR", "The cursor belongs to another order.");
      return { key, value: null };
    }
    const value = key.read(wire);
    if (value === undefined) throw fault("MALFORMED_CURSOR", "The cursor belongs to another order.");
    return { key, value: bind(value) };
  });
}

/** True for rows strictly after the cursor. */
export function afterTerm(keys: readonly CursorKey[]): string {
  const oneWay = keys.every((cursor) => nullsAreBefore(cursor) && cursor.key.descending === keys[0]?.key.descending);
  return oneWay ? rowComparison(keys) : orChain(keys);
}

/** A comparison with the cursor's value leaves out the rows whose key is null, and rightly so. */
function nullsAreBefore({ key, value }: CursorKey): boolean {
  return !key.nullable || (key.nulls === "first" && value !== null);
}

/** SQLite walks an index by a comparison of rows, where all keys go one way. */
function rowComparison(keys: readonly CursorKey[]): string {
  const operator = keys[0]?.key.descending === true ? "<" : ">";
  const sql = keys.map(({ key }) => key.sql).join(", ");
  const values = keys.map(({ value }) => value).join(", ");
  return keys.length === 1 ? `${sql} ${operator} ${values}` : `(${sql}) ${operator} (${values})`;
}

function orChain(keys: readonly CursorKey[]): string {
  let chain = "";
  for (let index = keys.length - 1; index >= 0; index--) {
    const cursor = keys[index]!;
    const later = laterTerms(cursor);
    if (chain !== "") later.push(`(${equalTerm(cursor)} AND ${chain})`);
    chain = later.length === 0 ? "0" : `(${later.join(" OR ")})`;
  }
  const bound = keys[0] === undefined ? null : firstBound(keys[0]);
  return bound === null ? chain : `${bound} AND ${chain}`;
}

/** A range of the first key that holds for every row after the cursor, so that an index may begin there. */
function firstBound({ key, value }: CursorKey): string | null {
  if (value === null || !nullsAreBefore({ key, value })) return null;
  return `${key.sql} ${key.descending ? "<=" : ">="} ${value}`;
}

/** The row's own key comes after the cursor's: any of these. */
export function laterTerms({ key, value }: CursorKey): string[] {
  if (value === null) return key.nulls === "first" ? [`${key.sql} IS NOT NULL`] : [];
  const terms = [`${key.sql} ${key.descending ? "<" : ">"} ${value}`];
  if (key.nullable && key.nulls === "last") terms.push(`${key.sql} IS NULL`);
  return terms;
}

export function equalTerm({ key, value }: CursorKey): string {
  return value === null ? `${key.sql} IS NULL` : `${key.sql} = ${value}`;
}
