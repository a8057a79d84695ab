// @renamed(from): which tables and fields of the data have another name in the catalog, and giving them that name. No row is read or
// written, but for text indexes, which are filled again.
import type { Catalog, Table } from "../schema/catalog.ts";
import type { CatalogShape, TableShape } from "./catalog-shape.ts";
import { type Difference, difference } from "./compare-shapes.ts";
import { foldColumn, keyColumn, quoted, storedFields } from "./column.ts";
import type { Connection } from "./connection.ts";
import { renameSubjects } from "./decision-rows.ts";
import { renameFilePlaces } from "./file-rows.ts";
import { indexTail } from "./index-names.ts";
import { renameEmbeddings, renameEmbeddingTable } from "./embedding-rows.ts";
import { renameMemories } from "./memory-rows.ts";
import { renameCommitments } from "./negotiation-rows.ts";
import { readMeta, writeMeta } from "./system-tables.ts";

export interface TableRename {
  readonly from: { readonly name: string; readonly sqlName: string };
  readonly to: { readonly name: string; readonly sqlName: string };
  readonly fields: readonly { readonly from: string; readonly to: string }[];
}

/** What stands under other names in entries of the log up to `position`. */
export interface LoggedRename extends TableRename { readonly position: number }

const RENAMES_KEY = "renames";

/** A name that the data have already is not looked for: @renamed may stay in the schema. */
export function findRenames(old: CatalogShape, catalog: Catalog): TableRename[] {
  const names = new Set([...catalog.tables.values()].map((table) => table.sqlName));
  return [...catalog.tables.values()].flatMap((table) => {
    const before = old.tables.find(({ sqlName }) => sqlName === table.sqlName)
      ?? old.tables.find(({ name, sqlName }) => (name === table.name || name === table.renamedFrom) && !names.has(sqlName));
    if (before === undefined) return [];
    const fields = renamedFields(before, table);
    if (before.name === table.name && before.sqlName === table.sqlName && fields.length === 0) return [];
    return [{ from: { name: before.name, sqlName: before.sqlName }, to: { name: table.name, sqlName: table.sqlName }, fields }];
  });
}

/** Types that would get, by their name in SQLite, records that another type is to keep by its own name or the one before. */
export function takenRecords(old: CatalogShape, catalog: Catalog): Difference[] {
  const known = new Set(old.tables.map(({ name }) => name));
  const tables = [...catalog.tables.values()];
  return tables.flatMap((table) => {
    const before = old.tables.find(({ sqlName }) => sqlName === table.sqlName);
    if (before === undefined || before.name === table.name) return [];
    const heir = tables.find((other) => other !== table && (other.name === before.name || (other.renamedFrom === before.name && !known.has(other.name))));
    if (heir === undefined) return [];
    return [difference(table, null, `has ${table.sqlName} as its name in SQLite, which holds the records of ${before.name}; ${heir.name} is to keep them`,
      `Give ${table.name} another name in SQLite, @table(name: ...).`, "impossible")];
  });
}

function renamedFields(before: TableShape, table: Table): TableRename["fields"] {
  const stored = storedFields(table);
  const held = new Set(before.fields.map((field) => field.name));
  const named = new Set(stored.map((field) => field.name));
  return stored.flatMap(({ name, renamedFrom = null }) =>
    (renamedFrom !== null && held.has(renamedFrom) && !named.has(renamedFrom) && !held.has(name) ? [{ from: renamedFrom, to: name }] : []));
}

/** In a transaction of the caller's, with foreign keys off. */
export function carryOutRenames(connection: Connection, old: CatalogShape, renames: readonly TableRename[], position: number): void {
  for (const { from, to, fields } of renames) {
    const shape = old.tables.find(({ sqlName }) => sqlName === from.sqlName)!;
    if (changesSearch({ from, to, fields })) for (const part of shape.search) for (const sql of part.drop) connection.execute(sql);
    const columns = new Set(shape.columns);
    for (const field of fields) {
      for (const [before, after] of [[field.from, field.to], [keyColumn(field.from), keyColumn(field.to)], [foldColumn(field.from), foldColumn(field.to)]] as const) {
        if (columns.has(before)) connection.execute(`ALTER TABLE ${quoted(from.sqlName)} RENAME COLUMN ${quoted(before)} TO ${quoted(after)}`);
      }
      connection.run(`UPDATE "$sequence" SET "name" = ?1 WHERE "name" = ?2`, `${from.name}.${field.to}`, `${from.name}.${field.from}`);
      renameFilePlaces(connection, { table: from.sqlName, field: field.from }, { table: from.sqlName, field: field.to });
      renameEmbeddings(connection, { table: from.name, field: field.from }, { table: from.name, field: field.to });
    }
    if (from.sqlName !== to.sqlName) {
      renameTableInFile(connection, from.sqlName, to.sqlName);
      renameFilePlaces(connection, { table: from.sqlName }, { table: to.sqlName });
    }
    if (from.name === to.name) continue;
    renameEmbeddingTable(connection, from.name, to.name);
    connection.run(`UPDATE "$sequence" SET "name" = ?1 WHERE "name" = ?2`, to.name, from.name);
    connection.run(`UPDATE "$sequence" SET "name" = ?1 || substr("name", ?2) WHERE substr("name", 1, ?3) = ?4`, to.name, from.name.length + 1, from.name.length + 1, `${from.name}.`);
  }
  const names = new Map(renames.filter(({ from, to }) => from.name !== to.name).map(({ from, to }) => [from.name, to.name]));
  if (names.size > 0) {
    renameMemories(connection, names);
    renameSubjects(connection, names);
    renameCommitments(connection, names);
  }
  if (renames.length > 0) writeMeta(connection, RENAMES_KEY, JSON.stringify([...loggedRenames(connection), ...renames.map((rename) => ({ ...rename, position }))]));
}

/** SQLite does not tell upper from lower case in names, so one that differs in nothing else is taken. */
export function renameTableInFile(connection: Connection, from: string, to: string): void {
  const isTaken = from.toLowerCase() === to.toLowerCase();
  const between = isTaken ? `${to}$renamed` : from;
  if (isTaken) connection.execute(`ALTER TABLE ${quoted(from)} RENAME TO ${quoted(between)}`);
  connection.execute(`ALTER TABLE ${quoted(between)} RENAME TO ${quoted(to)}`);
}

/** In the order in which they came about. */
export function loggedRenames(connection: Connection): LoggedRename[] {
  const text = readMeta(connection, RENAMES_KEY);
  return text === null ? [] : JSON.parse(text) as LoggedRename[];
}

/** The shape that the data have after that. */
export function renamedShape(old: CatalogShape, renames: readonly TableRename[]): CatalogShape {
  return { tables: old.tables.map((table) => renameTable(table, renames)) };
}

function renameTable(table: TableShape, renames: readonly TableRename[]): TableShape {
  const own = renames.find(({ from }) => from.sqlName === table.sqlName);
  const fields = new Map(own?.fields.map(({ from, to }) => [from, to]));
  const field = (name: string): string => fields.get(name) ?? name;
  const column = (name: string): string => name.replace(/^(.*?)(\$key|\$fold)?$/s, (_, base: string, companion: string | undefined) => field(base) + (companion ?? ""));
  const { name, sqlName } = own?.to ?? table;
  return {
    ...table, name, sqlName,
    primaryKey: field(table.primaryKey),
    fields: table.fields.map((one) => ({ ...one, name: field(one.name) })),
    folded: table.folded.map(field),
    columns: table.columns.map(column),
    foreignKeys: table.foreignKeys.map((clause) => renameReference(clause, field, renames)),
    indexes: table.indexes.map((index) => {
      const columns = index.columns.map(column);
      const called = `${sqlName}$${index.unique ? "unique" : "index"}(${columns.join(",")})`;
      const tail = indexTail(index.sql).replaceAll(/"((?:[^"]|"")*)"/g, (_, inside: string) => quoted(column(inside.replaceAll('""', '"'))));
      return { ...index, name: called, columns, fields: index.fields.map(field), sql: `CREATE ${index.unique ? "UNIQUE " : ""}INDEX ${quoted(called)} ON ${quoted(sqlName)} ${tail}` };
    }),
    search: own !== undefined && changesSearch(own) ? [] : table.search,
    ...(typeof table.tenant === "string" ? { tenant: field(table.tenant) } : {}),
    vectors: table.vectors.map((vector) => ({ ...vector, field: field(vector.field) })),
    expiry: table.expiry === null ? null : { ...table.expiry, field: table.expiry.field === null ? null : field(table.expiry.field) },
  };
}

/** Triggers and columns of companions bear the names. */
function changesSearch({ from, to, fields }: TableRename): boolean {
  return from.sqlName !== to.sqlName || fields.length > 0;
}

function renameReference(clause: string, field: (name: string) => string, renames: readonly TableRename[]): string {
  const parts = /^FOREIGN KEY \("((?:[^"]|"")*)"\) REFERENCES "((?:[^"]|"")*)" \("((?:[^"]|"")*)"\)(.*)$/s.exec(clause);
  if (parts === null) return clause;
  const [, own, parent, key, rest] = parts as unknown as [string, string, string, string, string];
  const rename = renames.find(({ from }) => from.sqlName === parent);
  const parentKey = rename?.fields.find(({ from }) => from === key)?.to ?? key;
  return `FOREIGN KEY (${quoted(field(own))}) REFERENCES ${quoted(rename?.to.sqlName ?? parent)} (${quoted(parentKey)})${rest}`;
}
