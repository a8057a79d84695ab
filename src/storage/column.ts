// Which columns and companion structures a table has in SQLite, by name. The one place that knows the naming; no SQL statements here.
import type { Catalog, Field, Index, Table, TypeRef } from "../schema/catalog.ts";

export type SqlType = "INTEGER" | "REAL" | "TEXT" | "BLOB";

export const ROW_COLUMN = "$row";
export const VERSION_COLUMN = "$version";
export const OPEN_COLUMN = "$open";
export const EXPIRES_COLUMN = "$expires";

/** A companion holds a field's value in a form that SQLite can compare: order-preserving text, milliseconds, float32 bytes. */
export type KeyCompanion = "decimal" | "duration" | "vector";

/** Always double-quoted: names may be SQL keywords. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Fields that have a column, in order of declaration. */
export function storedFields(table: Table): readonly Field[] {
  return [...table.fields.values()].filter((field) => field.kind === "stored");
}

export function fieldOf(table: Table, name: string): Field {
  const field = table.fields.get(name);
  if (field === undefined) throw new TypeError(`${table.name} has no field ${name}`);
  return field;
}

export function columnType(type: TypeRef): SqlType {
  if (type.list || type.kind !== "scalar") return "TEXT";
  switch (type.name) {
    case "Int": case "Long": case "Money": case "Boolean": return "INTEGER";
    case "Float": return "REAL";
    default: return "TEXT";
  }
}

/** True where the column holds JSON text: lists, nested objects, JSON and Vector. */
export function isJsonColumn(type: TypeRef): boolean {
  return type.list || type.kind === "object" || (type.kind === "scalar" && (type.name === "JSON" || type.name === "Vector"));
}

export function keyCompanion(type: TypeRef): KeyCompanion | null {
  if (type.list || type.kind !== "scalar") return null;
  switch (type.name) {
    case "Decimal": return "decimal";
    case "Duration": return "duration";
    case "Vector": return "vector";
    default: return null;
  }
}

export function keyColumn(field: string): string {
  return `${field}$key`;
}

export function foldColumn(field: string): string {
  return `${field}$fold`;
}

/** The column to compare, order and index by: the companion of Decimal and Duration, else the field's own. */
export function comparedColumn(field: Field): string {
  const companion = keyCompanion(field.type);
  return companion === "decimal" || companion === "duration" ? keyColumn(field.name) : field.name;
}

/** Fields of a B-tree index as it stands in SQLite. Of a tenant table the tenant's comes first: what is unique is so within one, and readers look through one. */
export function indexedFields(table: Table, declared: readonly string[]): readonly string[] {
  return table.tenant === null || declared.includes(table.tenant) ? declared : [table.tenant, ...declared];
}

/** The column of one field of such an index. Tenants whose names differ in case are two. */
export function indexColumn(table: Table, field: Field, fold: boolean): string {
  return fold && isText(field.type) && field.name !== table.tenant ? foldColumn(field.name) : comparedColumn(field);
}

/** Fields that some fold index compares case-folded. */
export function foldFields(table: Table): ReadonlySet<string> {
  const names = new Set<string>();
  for (const index of table.indexes) {
    if (index.kind !== "BTREE" || !index.fold) continue;
    for (const name of index.fields) if (isText(fieldOf(table, name).type)) names.add(name);
  }
  return names;
}

/** True if the primary key itself is SQLite's row key. */
export function hasIntegerKey(table: Table): boolean {
  return columnType(fieldOf(table, table.primaryKey).type) === "INTEGER";
}

/** The column that names a row inside SQLite, also in FTS and R-Tree companions. */
export function rowKeyColumn(table: Table): string {
  return hasIntegerKey(table) ? table.primaryKey : ROW_COLUMN;
}

/** True if the table has an `"$expires"` column. */
export function expires(table: Table): boolean {
  return table.expirationMs !== null || table.expiresAt !== null;
}

/** The FTS5 table of a table with `textFields`. */
export function textTable(table: Table): string {
  return `${table.sqlName}$text`;
}

/** A field's column in the FTS5 table: its name, but for the two that FTS5 reserves. */
export function textColumn(field: string): string {
  return /^(rank|rowid)$/i.test(field) ? `${field}$` : field;
}

/** Fields that the FTS5 table holds, in order of declaration: TEXT indexes, own @search fields, those that other tables' @search reaches. */
export function textFields(table: Table, catalog: Catalog): readonly string[] {
  const names = new Set<string>();
  for (const index of table.indexes) if (index.kind === "TEXT") for (const name of index.fields) names.add(name);
  for (const other of catalog.tables.values()) {
    for (const { path } of other.search) {
      const end = searchEnd(other, path, catalog);
      if (end !== null && end.table.name === table.name) names.add(end.field);
    }
  }
  return storedFields(table).map((field) => field.name).filter((name) => names.has(name));
}

/** Where a search path ends. Null if it names something that does not exist: the schema's rules report that. */
function searchEnd(start: Table, path: readonly string[], catalog: Catalog): { table: Table; field: string } | null {
  let table: Table | undefined = start;
  for (const step of path.slice(0, -1)) {
    const field: Field | undefined = table?.fields.get(step);
    table = catalog.tables.get(field?.relation?.table ?? "");
  }
  const field = path.at(-1);
  return table === undefined || field === undefined ? null : { table, field };
}

/** The R-Tree of a GEO index, with columns row, minLat, maxLat, minLon, maxLon. */
export function geoTable(table: Table, index: Index): string {
  return `${table.sqlName}$geo$${index.fields[0]!}`;
}

export function isText(type: TypeRef): boolean {
  if (type.list) return false;
  return type.kind === "enum" || (type.kind === "scalar" && (type.name === "String" || type.name === "ID"));
}
