// Makes former versions of the rows that rows-before.ts put aside, where a change of the schema gave the record other values: they end, and
// what stands begins, at the position of the change's entry. In the transaction of prepare-catalog.ts, by statements that hold no rows.
import type { SqlValue } from "../base/value.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import { OPEN_COLUMN, ROW_COLUMN, VERSION_COLUMN, quoted, rowKeyColumn, storedFields } from "./column.ts";
import type { Connection } from "./connection.ts";
import { constantDefault, literal } from "./evolve-table.ts";
import { ENDED_COLUMN, ENDING_COLUMN, UNTIL_COLUMN, historyTable, type Ending } from "./history-tables.ts";
import { fieldColumns } from "./record-codec.ts";
import { beforeTable } from "./rows-before.ts";

/** SQLite holds the keys of as many in memory. */
const ROWS_AT_ONCE = 10_000;

export interface ChangeEntry {
  readonly connection: Connection;
  readonly catalog: Catalog;
  readonly position: number;
  readonly time: string;
}

/** After the history has its shape. False: nothing was put aside, or it is all as it was. */
export function keepMigrated({ connection, catalog, position, time }: ChangeEntry, table: Table): boolean {
  const before = beforeTable(table.sqlName);
  const columns = connection.values("SELECT \"name\" FROM pragma_table_info(?1)", before).map(([name]) => name as string).filter((name) => name !== ROW_COLUMN);
  if (columns.length === 0) return false;
  const was = new Map(columns.map((name) => [name, `was.${quoted(name)}`]));
  for (const [name, value] of defaultsOf(table, catalog)) if (!was.has(name)) was.set(name, literal(value));
  const telling = [...storedFields(table).map(({ name }) => name), ...(table.open ? [OPEN_COLUMN] : [])];
  const other = telling.map((name) => `now.${quoted(name)} IS NOT ${was.get(name) ?? "NULL"}`).join(" OR ");
  const key = `now.${quoted(rowKeyColumn(table))}`;
  const source = `${quoted(before)} AS was JOIN ${quoted(table.sqlName)} AS now ON ${key} = was.${quoted(ROW_COLUMN)} WHERE was.rowid > ?1 AND was.rowid <= ?1 + ${ROWS_AT_ONCE} AND (${other})`;
  const into = [...was.keys(), UNTIL_COLUMN, ENDED_COLUMN, ENDING_COLUMN].map(quoted).join(", ");
  const ending: Ending = "update";
  const end = `INSERT INTO ${quoted(historyTable(table.sqlName))} (${into}) SELECT ${[...was.values()].join(", ")}, ?2, ?3, ?4 FROM ${source}`;
  const begin = `UPDATE ${quoted(table.sqlName)} SET ${quoted(VERSION_COLUMN)} = ?2 WHERE ${quoted(rowKeyColumn(table))} IN (SELECT ${key} FROM ${source})`;
  const rows = connection.values(`SELECT max(rowid) FROM ${quoted(before)}`)[0]![0] as number | null ?? 0;
  let kept = 0;
  for (let from = 0; from < rows; from += ROWS_AT_ONCE) {
    const ended = connection.run(end, from, position, time, ending);
    if (ended > 0) connection.run(begin, from, position);
    kept += ended;
  }
  connection.execute(`DROP TABLE ${quoted(before)}`);
  return kept > 0;
}

/** What former versions have in fields that they did not know. By column. */
export function defaultsOf(table: Table, catalog: Catalog): Map<string, SqlValue> {
  const defaults = new Map<string, SqlValue>();
  for (const field of storedFields(table)) {
    const value = constantDefault(field.fill);
    if (value !== null) for (const column of fieldColumns(field, catalog)) defaults.set(column.name, column.encode({ [field.name]: value }, 0, null));
  }
  return defaults;
}
