// The SQL that creates a table of the Catalog with everything beside it. Only text is made here; nothing is executed.
import type { Catalog, Table } from "../schema/catalog.ts";
import {
  EXPIRES_COLUMN, OPEN_COLUMN, ROW_COLUMN, VERSION_COLUMN, columnType, comparedColumn, expires, fieldOf, foldColumn, foldFields,
  hasIntegerKey, indexColumn, indexedFields, keyColumn, keyCompanion, quoted, storedFields,
} from "./column.ts";
import { searchDdl } from "./search-ddl.ts";

export interface ColumnDdl {
  readonly name: string;
  /** As it stands in CREATE TABLE and in ALTER TABLE ADD COLUMN. */
  readonly sql: string;
}

export interface IndexDdl {
  readonly name: string;
  readonly sql: string;
  readonly unique: boolean;
  readonly columns: readonly string[];
  /** The fields that the columns stand for, for messages. */
  readonly fields: readonly string[];
}

/** Everything of one table, in an order in which it can be executed. */
export function tableDdl(table: Table, catalog: Catalog): string[] {
  return [
    createTable(table, catalog, table.sqlName),
    ...indexesDdl(table, catalog).map((index) => index.sql),
    ...searchDdl(table, catalog).flatMap((part) => part.create),
  ];
}

/** CREATE TABLE under the name `sqlName`, without indexes. */
export function createTable(table: Table, catalog: Catalog, sqlName: string): string {
  const lines = columnsDdl(table).map((column) => column.sql).concat(foreignKeys(table, catalog));
  return `CREATE TABLE ${quoted(sqlName)} (\n  ${lines.join(",\n  ")}\n) STRICT`;
}

export function columnsDdl(table: Table): ColumnDdl[] {
  const columns: ColumnDdl[] = [];
  const add = (name: string, definition: string): void => { columns.push({ name, sql: `${quoted(name)} ${definition}` }); };
  const folded = foldFields(table);
  if (!hasIntegerKey(table)) add(ROW_COLUMN, "INTEGER PRIMARY KEY");
  for (const field of storedFields(table)) {
    if (field.name === table.primaryKey) {
      add(field.name, hasIntegerKey(table) ? "INTEGER PRIMARY KEY" : "TEXT NOT NULL UNIQUE");
      continue;
    }
    add(field.name, columnType(field.type) + (field.type.required ? " NOT NULL" : ""));
    const companion = keyCompanion(field.type);
    if (companion !== null) add(keyColumn(field.name), { decimal: "TEXT", duration: "INTEGER", vector: "BLOB" }[companion]);
  }
  for (const name of folded) add(foldColumn(name), "TEXT");
  add(VERSION_COLUMN, "INTEGER NOT NULL");
  if (table.open) add(OPEN_COLUMN, "TEXT");
  if (expires(table)) add(EXPIRES_COLUMN, "TEXT");
  return columns;
}

/** To-one relations, each key once. SQLite has the last word only: tables/ carries out the referential actions before. */
export function foreignKeys(table: Table, catalog: Catalog): string[] {
  const clauses = new Map<string, string>();
  for (const { relation } of table.fields.values()) {
    if (relation === null || relation.kind !== "one") continue;
    const other = catalog.tables.get(relation.table);
    if (other === undefined) continue;
    const clause = `FOREIGN KEY (${quoted(relation.from)}) REFERENCES ${quoted(other.sqlName)} (${quoted(relation.to)}) ON DELETE RESTRICT`;
    clauses.set(`${relation.from} ${relation.table}`, clause);
  }
  return [...clauses.values()];
}

/** B-tree indexes: declared ones, then those of keys that relations go by, and of the expiry time. */
export function indexesDdl(table: Table, catalog: Catalog): IndexDdl[] {
  const indexes = new Map<string, IndexDdl>();
  const add = (fields: readonly string[], unique: boolean, fold: boolean): void => {
    const index = indexDdl(table, fields, unique, fold);
    indexes.set(index.name, index);
  };
  for (const index of table.indexes) {
    if (index.kind !== "BTREE") continue;
    const fields = indexedFields(table, index.fields);
    add(fields, index.unique, index.fold);
    // Equality on the field itself compares exactly and would not use the folded one.
    if (index.fold) add(fields, false, false);
  }
  // A tenant's records in the order of their keys.
  if (table.tenant !== null && table.tenant !== table.primaryKey) add([table.tenant], false, false);
  // Who signs in names no tenant.
  const by = table.tenant !== null && catalog.account?.table === table.name ? catalog.account.by : null;
  if (by !== null) {
    add([by], false, false);
    if (table.indexes.some(({ kind, fold, fields }) => kind === "BTREE" && fold && fields.includes(by))) add([by], false, true);
  }
  for (const name of relationKeys(table, catalog)) {
    const column = comparedColumn(fieldOf(table, name));
    const covered = name === table.primaryKey || [...indexes.values()].some((index) => index.columns[0] === column);
    if (!covered) add([name], false, false);
  }
  const all = [...indexes.values()];
  return expires(table) ? [...all, expiryIndex(table)] : all;
}

function indexDdl(table: Table, fields: readonly string[], unique: boolean, fold: boolean): IndexDdl {
  const columns = fields.map((name) => indexColumn(table, fieldOf(table, name), fold));
  const name = `${table.sqlName}$${unique ? "unique" : "index"}(${columns.join(",")})`;
  // The primary key is the last order key of every query: with it in the index, a page needs no sort.
  const key = table.primaryKey;
  const ordered = unique || hasIntegerKey(table) || columns.includes(key) ? columns : [...columns, key];
  const sql = `CREATE ${unique ? "UNIQUE " : ""}INDEX ${quoted(name)} ON ${quoted(table.sqlName)} (${ordered.map(quoted).join(", ")})`;
  return { name, sql, unique, columns, fields };
}

function expiryIndex(table: Table): IndexDdl {
  const name = `${table.sqlName}$index(${EXPIRES_COLUMN})`;
  const column = quoted(EXPIRES_COLUMN);
  const sql = `CREATE INDEX ${quoted(name)} ON ${quoted(table.sqlName)} (${column}) WHERE ${column} IS NOT NULL`;
  return { name, sql, unique: false, columns: [EXPIRES_COLUMN], fields: [] };
}

/** Fields of `table` by which some relation, of any table, looks records up. */
export function relationKeys(table: Table, catalog: Catalog): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const other of catalog.tables.values()) {
    for (const { relation } of other.fields.values()) {
      if (relation === null) continue;
      if (relation.kind === "one" && other.name === table.name) keys.add(relation.from);
      if (relation.kind === "many" && relation.table === table.name) keys.add(relation.to);
      if (relation.through?.table === table.name) keys.add(relation.through.from).add(relation.through.to);
    }
  }
  return keys;
}
