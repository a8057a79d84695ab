// SQL of the FTS5 and R-Tree tables that stand beside a table, and of the triggers that keep them in step.
import type { Catalog, Index, Table } from "../schema/catalog.ts";
import { fieldOf, geoTable, quoted, rowKeyColumn, textColumn, textFields, textTable } from "./column.ts";

/** One companion table: how to make, fill and drop it. Two with equal `create` are the same. */
export interface SearchPart {
  readonly name: string;
  /** The virtual table, then its triggers. */
  readonly create: readonly string[];
  /** From the rows that are already there. */
  readonly fill: string;
  readonly drop: readonly string[];
}

export function searchDdl(table: Table, catalog: Catalog): SearchPart[] {
  const parts = table.indexes.filter((index) => index.kind === "GEO").map((index) => geoPart(table, index));
  const fields = textFields(table, catalog);
  return fields.length === 0 ? parts : [textPart(table, fields), ...parts];
}

/** Contentless: the text stands in the table already, and rows are deleted by their key alone. */
function textPart(table: Table, fields: readonly string[]): SearchPart {
  const name = textTable(table);
  const columns = fields.map((field) => quoted(textColumn(field)));
  const virtual = `CREATE VIRTUAL TABLE ${quoted(name)} USING fts5(${columns.join(", ")}, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2')`;
  const into = `INSERT INTO ${quoted(name)} (rowid, ${columns.join(", ")})`;
  const values = (row: string): string => [rowKeyColumn(table), ...fields].map((column) => `${row}${quoted(column)}`).join(", ");
  return companion(table, {
    name, virtual, watched: fields,
    insert: `${into} VALUES (${values("new.")})`,
    insertWhen: null,
    remove: `DELETE FROM ${quoted(name)} WHERE rowid = old.${quoted(rowKeyColumn(table))}`,
    fill: `${into} SELECT ${values("")} FROM ${quoted(table.sqlName)}`,
  });
}

/** Records without both coordinates are not in the R-Tree. */
function geoPart(table: Table, index: Index): SearchPart {
  const name = geoTable(table, index);
  const key = quoted(rowKeyColumn(table));
  const [latitude, longitude] = coordinates(table, index);
  const point = (row: string): string => [latitude(row), latitude(row), longitude(row), longitude(row)].join(", ");
  const located = (row: string): string => `${latitude(row)} IS NOT NULL AND ${longitude(row)} IS NOT NULL`;
  const into = `INSERT INTO ${quoted(name)}`;
  return companion(table, {
    name, virtual: `CREATE VIRTUAL TABLE ${quoted(name)} USING rtree(row, minLat, maxLat, minLon, maxLon)`, watched: index.fields,
    insert: `${into} VALUES (new.${key}, ${point("new.")})`,
    insertWhen: located("new."),
    remove: `DELETE FROM ${quoted(name)} WHERE row = old.${key}`,
    fill: `${into} SELECT ${key}, ${point("")} FROM ${quoted(table.sqlName)} WHERE ${located("")}`,
  });
}

type ColumnText = (row: string) => string;

function coordinates(table: Table, index: Index): [ColumnText, ColumnText] {
  const [first, second] = index.fields as [string, string?];
  if (second !== undefined) return [(row) => row + quoted(first), (row) => row + quoted(second)];
  const place = quoted(fieldOf(table, first).name);
  return [(row) => `json_extract(${row}${place}, '$.lat')`, (row) => `json_extract(${row}${place}, '$.lon')`];
}

interface CompanionSql {
  readonly name: string;
  readonly virtual: string;
  /** An update of none of these leaves the companion alone. */
  readonly watched: readonly string[];
  /** Adds row `new`. */
  readonly insert: string;
  /** Condition over `new`, or null: always. */
  readonly insertWhen: string | null;
  /** Takes row `old` away. */
  readonly remove: string;
  readonly fill: string;
}

function companion(table: Table, sql: CompanionSql): SearchPart {
  const changed = sql.watched.map((field) => `old.${quoted(field)} IS NOT new.${quoted(field)}`).join(" OR ");
  const trigger = (name: string, event: string, when: string | null, action: string): string =>
    `CREATE TRIGGER ${quoted(`${sql.name}$${name}`)} AFTER ${event} ON ${quoted(table.sqlName)}${when === null ? "" : ` WHEN ${when}`} BEGIN ${action}; END`;
  const update = `UPDATE OF ${sql.watched.map(quoted).join(", ")}`;
  const updatedWhen = sql.insertWhen === null ? `(${changed})` : `(${changed}) AND ${sql.insertWhen}`;
  // SQLite runs the triggers of one event in no promised order: the update that adds also removes first.
  const steps = [
    trigger("insert", "INSERT", sql.insertWhen, sql.insert),
    trigger("update", update, updatedWhen, `${sql.remove}; ${sql.insert}`),
    trigger("delete", "DELETE", null, sql.remove),
  ];
  if (sql.insertWhen !== null) steps.push(trigger("clear", update, `(${changed}) AND NOT (${sql.insertWhen})`, sql.remove));
  const names = ["insert", "update", "delete", ...(sql.insertWhen === null ? [] : ["clear"])];
  return {
    name: sql.name, create: [sql.virtual, ...steps], fill: sql.fill,
    drop: [...names.map((name) => `DROP TRIGGER ${quoted(`${sql.name}$${name}`)}`), `DROP TABLE ${quoted(sql.name)}`],
  };
}
