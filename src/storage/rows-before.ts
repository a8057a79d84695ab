// Before a change of the schema writes records of a table with a history anew: what they are is put aside, as far as the table to come can
// hold it, in the same transaction. keep-migrated.ts makes former versions of it.
import type { Table } from "../schema/catalog.ts";
import type { FieldShape, TableShape } from "./catalog-shape.ts";
import { ROW_COLUMN, foldColumn, keyColumn, quoted, rowKeyColumn } from "./column.ts";
import type { Connection } from "./connection.ts";
import { columnsDdl } from "./ddl.ts";

/** Goes with the transaction. */
export function beforeTable(sqlName: string): string {
  return `${sqlName}$before`;
}

/** `old`: as renamed. Nothing where no history was kept so far. */
export function putRowsAside(connection: Connection, table: Table, old: TableShape): void {
  if (table.historyMs === null || old.keeps?.history !== true) return;
  const present = new Set(old.columns);
  const retyped = retypedColumns(table, old.fields);
  const columns = columnsDdl(table).map(({ name }) => name).filter((name) => name !== ROW_COLUMN && present.has(name));
  const kept = columns.map((name) => (retyped.has(name) ? `NULL AS ${quoted(name)}` : quoted(name)));
  connection.execute(`CREATE TABLE ${quoted(beforeTable(table.sqlName))} AS SELECT ${quoted(rowKeyColumn(table))} AS ${quoted(ROW_COLUMN)}, ${kept.join(", ")} FROM ${quoted(table.sqlName)}`);
}

/** What they held cannot be read as what they hold now. */
export function isRetyped(table: Table, { name, type }: FieldShape): boolean {
  const now = table.fields.get(name);
  if (now?.kind !== "stored") return false;
  return (now.type.kind === "scalar" ? now.type.name : now.type.kind) !== type.base || now.type.list !== type.list;
}

function retypedColumns(table: Table, fields: readonly FieldShape[]): Set<string> {
  return new Set(fields.filter((field) => isRetyped(table, field)).flatMap(({ name }) => [name, keyColumn(name), foldColumn(name)]));
}
