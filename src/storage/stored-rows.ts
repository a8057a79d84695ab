// All rows of one table, expired ones too, page by page: whoever visits them may write them.
import type { Catalog, Table } from "../schema/catalog.ts";
import { quoted, rowKeyColumn } from "./column.ts";
import type { Connection } from "./connection.ts";
import { recordCodec, type StoredRow } from "./record-codec.ts";

const ROWS_AT_ONCE = 500;

export interface TableContext { readonly connection: Connection; readonly catalog: Catalog; readonly table: Table }

/** `key`: by which SQLite knows the row. */
export interface KeyedRow { readonly key: bigint; readonly row: StoredRow }

export const LEAST_KEY = -(2n ** 63n);

export function* storedRows(context: TableContext): Generator<StoredRow> {
  for (const { row } of keyedRows(context)) yield row;
}

/** In the order of their keys, from `from` on. */
export function* keyedRows(context: TableContext, from = LEAST_KEY): Generator<KeyedRow> {
  const read = rowReader(context);
  for (let next: bigint | null = from; next !== null;) {
    const rows = read(next, ROWS_AT_ONCE);
    yield* rows;
    const last = rows.at(-1)?.key;
    next = rows.length < ROWS_AT_ONCE || last === undefined || last === 2n ** 63n - 1n ? null : last + 1n;
  }
}

/** Reads at most `count` rows with keys from `from` on. */
export function rowReader({ connection, catalog, table }: TableContext): (from: bigint, count: number) => KeyedRow[] {
  const codec = recordCodec(table, catalog);
  const key = quoted(rowKeyColumn(table));
  const page = `SELECT CAST(${key} AS TEXT), ${codec.columns} FROM ${quoted(table.sqlName)} WHERE ${key} >= ?1 ORDER BY ${key} LIMIT ?2`;
  return (from, count) => connection.values(page, from, count).map(([text, ...row]) => ({ key: BigInt(text as string), row: codec.decode(row) }));
}
