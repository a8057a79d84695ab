// All data as an SQL script for SQLite: plain STRICT tables without anything of the runtime's own. For `sqlite3 new.db < file`.
import type { Json, Value } from "../base/value.ts";
import type { Catalog, Field, TypeRef } from "../schema/catalog.ts";
import { toWireValue } from "../schema/wire-value.ts";
import { OPEN_COLUMN, columnType, hasIntegerKey, isJsonColumn, quoted } from "./column.ts";
import { exportedRows, exportedTables, type ExportedIndex, type ExportedTable, type ExportSource } from "./exported-table.ts";
import { undeclaredText } from "./undeclared-fields.ts";

export function* sqliteScript(source: ExportSource): Generator<string> {
  const { catalog } = source;
  const tables = exportedTables(catalog);
  yield "PRAGMA foreign_keys = OFF;\nBEGIN;\n";
  for (const exported of tables) {
    yield `\n${exported.left.map((one) => `-- Not carried over: ${one.replaceAll(/\s+/g, " ")}\n`).join("")}${createTable(exported, catalog)}`;
    yield* insertions(source, exported);
    for (const index of exported.indexes) yield createIndex(exported, index);
  }
  yield "\nCOMMIT;\nPRAGMA foreign_keys = ON;\nPRAGMA foreign_key_check;\n";
}

function createTable({ table, fields, references }: ExportedTable, catalog: Catalog): string {
  const lines = fields.map((field) => {
    const { name, type } = field;
    if (name === table.primaryKey) return `${quoted(name)} ${hasIntegerKey(table) ? "INTEGER PRIMARY KEY" : "TEXT NOT NULL PRIMARY KEY"}`;
    return `${quoted(name)} ${isBytes(type) ? "BLOB" : columnType(type)}${type.required ? " NOT NULL" : ""}${checkOf(field, catalog)}`;
  });
  if (table.open) lines.push(`${quoted(OPEN_COLUMN)} TEXT`);
  for (const { field, target, to, onDelete } of references) lines.push(`FOREIGN KEY (${quoted(field)}) REFERENCES ${quoted(target.sqlName)} (${quoted(to)}) ON DELETE ${onDelete}`);
  return `CREATE TABLE ${quoted(table.sqlName)} (\n  ${lines.join(",\n  ")}\n) STRICT;\n`;
}

function checkOf({ name, type }: Field, catalog: Catalog): string {
  if (type.list) return "";
  if (type.kind === "scalar" && type.name === "Boolean") return ` CHECK (${quoted(name)} IN (0, 1))`;
  if (type.kind !== "enum") return "";
  return ` CHECK (${quoted(name)} IN (${(catalog.enums.get(type.name)?.values ?? []).map(textLiteral).join(", ")}))`;
}

function createIndex({ table }: ExportedTable, { unique, parts }: ExportedIndex): string {
  const columns = parts.map(({ field, fold }) => quoted(field.name) + (fold ? " COLLATE NOCASE" : ""));
  const name = `${table.sqlName}(${columns.join(",").replaceAll("\"", "")})${unique ? " unique" : ""}`;
  return `CREATE ${unique ? "UNIQUE " : ""}INDEX ${quoted(name)} ON ${quoted(table.sqlName)} (${columns.join(", ")});\n`;
}

function* insertions(source: ExportSource, { table, fields }: ExportedTable): Generator<string> {
  const { catalog } = source;
  const columns = [...fields.map(({ name }) => name), ...(table.open ? [OPEN_COLUMN] : [])];
  const head = `INSERT INTO ${quoted(table.sqlName)} (${columns.map(quoted).join(", ")}) VALUES (`;
  for (const values of exportedRows(source, table)) {
    const literals = fields.map(({ name, type }) => literal(values[name] ?? null, type, catalog));
    if (table.open) {
      const text = undeclaredText(values, table);
      literals.push(text === null ? "NULL" : textLiteral(text));
    }
    yield `${head}${literals.join(", ")});\n`;
  }
}

function literal(value: Value, type: TypeRef, catalog: Catalog): string {
  if (value === null) return "NULL";
  if (isJsonColumn(type)) return textLiteral(JSON.stringify(toWireValue(value, type, catalog) satisfies Json));
  if (typeof value === "boolean") return value ? "1" : "0";
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  return isBytes(type) ? `X'${Buffer.from(value as string, "base64").toString("hex")}'` : textLiteral(value as string);
}

function isBytes(type: TypeRef): boolean {
  return !type.list && type.kind === "scalar" && type.name === "Bytes";
}

function textLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
