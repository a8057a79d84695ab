// All rows of one table, expired ones too, page by page: whoever visits them may write them.
import type { Catalog, Table } from "../schema/catalog.ts";
import { quoted, rowKeyColumn } from "./column.ts";
import type { Connection } from "./connection.ts";
import { recordCodec, type StoredRow } from "./record-codec.ts";

const ROWS_AT_ONCE = 500;

export interface TableContext { readonly connection: Connection; readonly catalog: Catalog; readonly table: Table }

export function* storedRows({ connection, catalog, table }: TableContext): Generator<StoredRow> {
  const codec = recordCodec(table, catalog);
  const key = quoted(rowKeyColumn(table));
  const page = `SELECT CAST(${key} AS TEXT), ${codec.columns} FROM ${quoted(table.sqlName)} WHERE ${key} > ?1 ORDER BY ${key} LIMIT ${ROWS_AT_ONCE}`;
  let after = -(2n ** 63n);
  for (let first = true; ; first = false) {
    const rows = connection.values(first ? page.replace("> ?1", ">= ?1") : page, after);
    for (const [, ...row] of rows) yield codec.decode(row);
    if (rows.length < ROWS_AT_ONCE) return;
    after = BigInt(rows.at(-1)![0] as string);
  }
}
