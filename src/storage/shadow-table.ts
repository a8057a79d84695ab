// A second table beside a live one, in the shape to come: its SQL, the triggers that keep it from holding what is no longer so, and the
// swap. What a live write takes out of it is noted as stale, so that it can be written again from the live row.
import type { Catalog, Table } from "../schema/catalog.ts";
import type { TableShape } from "./catalog-shape.ts";
import { hasIntegerKey, quoted, rowKeyColumn } from "./column.ts";
import type { Connection } from "./connection.ts";
import { createTable, foreignKeys, indexesDdl } from "./ddl.ts";
import type { TableRename } from "./renames.ts";
import { searchDdl } from "./search-ddl.ts";

export interface ShadowTable {
  /** In the catalog to come. */
  readonly table: Table;
  /** What the data have now, under the names of now. */
  readonly live: TableShape;
  /** In SQLite. */
  readonly sqlName: string;
}

const NOTES_DDL = [
  `CREATE TABLE IF NOT EXISTS "$stale" ("table" TEXT NOT NULL, "key" INTEGER NOT NULL, PRIMARY KEY ("table", "key")) STRICT, WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS "$blocked" ("table" TEXT NOT NULL, "key" INTEGER NOT NULL, "problems" TEXT NOT NULL, PRIMARY KEY ("table", "key")) STRICT, WITHOUT ROWID`,
];

/** In a transaction of the caller's. */
export function createShadow(connection: Connection, { table, live, sqlName }: ShadowTable, catalog: Catalog, renames: readonly TableRename[]): void {
  for (const sql of NOTES_DDL) connection.execute(sql);
  const shadow = { ...table, sqlName };
  connection.execute(withLiveNames(createTable(table, catalog, sqlName), table, catalog, renames));
  for (const index of indexesDdl(shadow, catalog)) connection.execute(index.sql);
  for (const part of searchDdl(shadow, catalog)) for (const sql of part.create) connection.execute(sql);
  for (const sql of triggers({ table, live, sqlName }, catalog, renames)) connection.execute(sql);
}

/** With all that stands beside it, and the triggers of the live table. */
export function dropShadow(connection: Connection, live: string, sqlName: string): void {
  dropTriggers(connection, sqlName);
  const companions = connection.values(`SELECT "name" FROM sqlite_schema WHERE "type" = 'table' AND "sql" LIKE 'CREATE VIRTUAL TABLE%' AND substr("name", 1, ?1) = ?2`, sqlName.length + 1, `${sqlName}$`);
  // Its own triggers go with the table; they name the companions.
  connection.execute(`DROP TABLE IF EXISTS ${quoted(sqlName)}`);
  for (const [name] of companions) connection.execute(`DROP TABLE ${quoted(name as string)}`);
  if (hasNotes(connection)) for (const notes of ["$stale", "$blocked"]) connection.run(`DELETE FROM ${quoted(notes)} WHERE "table" = ?1`, live);
}

export function hasNotes(connection: Connection): boolean {
  return connection.get("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '$stale'") !== null;
}

export function dropNotes(connection: Connection): void {
  for (const notes of ["$stale", "$blocked"]) connection.execute(`DROP TABLE IF EXISTS ${quoted(notes)}`);
}

/** In the transaction of prepare-catalog.ts, after renames: the live table has the name to come. `old`: its shape as renamed. */
export function swapShadow(connection: Connection, { table, sqlName }: { readonly table: Table; readonly sqlName: string }, old: TableShape, catalog: Catalog): void {
  for (const part of old.search) for (const sql of part.drop) connection.execute(sql);
  const shadowParts = searchDdl({ ...table, sqlName }, catalog);
  for (const part of shadowParts) for (const sql of part.drop.filter((one) => one.startsWith("DROP TRIGGER"))) connection.execute(sql);
  connection.execute(`DROP TABLE ${quoted(table.sqlName)}`);
  connection.execute(`ALTER TABLE ${quoted(sqlName)} RENAME TO ${quoted(table.sqlName)}`);
  searchDdl(table, catalog).forEach((part, index) => {
    connection.execute(`ALTER TABLE ${quoted(shadowParts[index]!.name)} RENAME TO ${quoted(part.name)}`);
    for (const sql of part.create.slice(1)) connection.execute(sql);
  });
}

/** False where the shadow could not be held to its references: what they point to is not there yet. */
export function canHaveShadow(connection: Connection, table: Table, catalog: Catalog, renames: readonly TableRename[]): boolean {
  return parentsOf(table, catalog).every((parent) => connection.get("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1", liveName(parent, renames)) !== null);
}

function parentsOf(table: Table, catalog: Catalog): string[] {
  return [...table.fields.values()].flatMap(({ relation }) => (relation?.kind === "one" ? [catalog.tables.get(relation.table)!.sqlName] : []));
}

function liveName(sqlName: string, renames: readonly TableRename[]): string {
  return renames.find(({ to }) => to.sqlName === sqlName)?.from.sqlName ?? sqlName;
}

/** References of the shadow point to what stands there now; renames take them along. */
function withLiveNames(sql: string, table: Table, catalog: Catalog, renames: readonly TableRename[]): string {
  return foreignKeys(table, catalog).reduce((text, clause) => text.replace(clause, clause.replace(/ REFERENCES "((?:[^"]|"")*)" \("((?:[^"]|"")*)"\)/, (_, parent: string, key: string) => {
    const rename = renames.find(({ to }) => to.sqlName === parent);
    return ` REFERENCES ${quoted(rename?.from.sqlName ?? parent)} (${quoted(rename?.fields.find(({ to }) => to === key)?.from ?? key)})`;
  })), sql);
}

function triggers({ table, live, sqlName }: ShadowTable, catalog: Catalog, renames: readonly TableRename[]): string[] {
  const [shadow, from] = [quoted(sqlName), quoted(live.sqlName)];
  const shadowKey = quoted(rowKeyColumn(table));
  // The key itself may be what was renamed.
  const liveKey = quoted(hasIntegerKey(table) ? live.primaryKey : rowKeyColumn(table));
  const name = (event: string): string => quoted(`${sqlName}$shadow$${event}`);
  const note = (row: "old" | "new"): string => `INSERT OR IGNORE INTO "$stale" VALUES (${literalText(live.sqlName)}, ${row}.${liveKey})`;
  const remove = `DELETE FROM ${shadow} WHERE ${shadowKey} = old.${liveKey}`;
  const own = [
    `CREATE TRIGGER ${name("insert")} AFTER INSERT ON ${from} BEGIN ${note("new")}; END`,
    `CREATE TRIGGER ${name("update")} AFTER UPDATE ON ${from} BEGIN ${remove}; ${note("old")}; END`,
    `CREATE TRIGGER ${name("delete")} AFTER DELETE ON ${from} BEGIN ${remove}; ${note("old")}; END`,
  ];
  // A new relation must not keep anybody from deleting what it points to: the catalog of now does not know it.
  const given = new Set(live.foreignKeys);
  const added = [...table.fields.values()].flatMap(({ relation }) => (relation?.kind === "one" ? [relation] : [])).filter((relation) => {
    const clause = foreignKeys(table, catalog).find((one) => one.startsWith(`FOREIGN KEY (${quoted(relation.from)}) REFERENCES ${quoted(catalog.tables.get(relation.table)!.sqlName)} `))!;
    return !given.has(clause);
  });
  return [...own, ...added.map((relation, index) => {
    const parent = liveName(catalog.tables.get(relation.table)!.sqlName, renames);
    const key = quoted(renames.find(({ from: before }) => before.sqlName === parent)?.fields.find(({ to }) => to === relation.to)?.from ?? relation.to);
    const refers = `${quoted(relation.from)} = old.${key}`;
    return `CREATE TRIGGER ${name(`parent${index}`)} BEFORE DELETE ON ${quoted(parent)} BEGIN
      INSERT OR IGNORE INTO "$stale" SELECT ${literalText(live.sqlName)}, ${shadowKey} FROM ${shadow} WHERE ${refers}; DELETE FROM ${shadow} WHERE ${refers}; END`;
  })];
}

/** In a transaction of the caller's. */
export function dropTriggers(connection: Connection, sqlName: string): void {
  const prefix = `${sqlName}$shadow$`;
  const found = connection.values(`SELECT "name" FROM sqlite_schema WHERE "type" = 'trigger' AND substr("name", 1, ?1) = ?2`, prefix.length, prefix);
  for (const [name] of found) connection.execute(`DROP TRIGGER ${quoted(name as string)}`);
}

function literalText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
