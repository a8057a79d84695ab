// What of a catalog stands in the data file: tables, columns, indexes, and the structure of values. Kept as JSON beside the data,
// so that the next start can tell what has changed. No data is looked at here.
import type { Catalog, Field, Table, TypeRef } from "../schema/catalog.ts";
import { expires, foldFields, storedFields } from "./column.ts";
import { columnsDdl, foreignKeys, indexesDdl } from "./ddl.ts";
import { keepsFormer } from "./history-tables.ts";
import { searchDdl } from "./search-ddl.ts";

export interface TypeShape {
  /** A scalar's name, `enum` or `object`: their names do not stand in the data. */
  readonly base: string;
  readonly list: boolean;
  readonly required: boolean;
  readonly itemRequired: boolean;
  /** Of an enum. */
  readonly values: readonly string[] | null;
  /** Of a nested object; null also where it contains itself. */
  readonly fields: { readonly [name: string]: TypeShape } | null;
}

export interface FieldShape {
  readonly name: string;
  readonly type: TypeShape;
  /** Of a stored computed field: all computed rules of the table, for it may build on others. */
  readonly computed: string | null;
}

export interface IndexShape {
  readonly name: string;
  readonly sql: string;
  readonly unique: boolean;
  readonly columns: readonly string[];
  readonly fields: readonly string[];
}

export interface TableShape {
  /** Of the type. */
  readonly name: string;
  readonly sqlName: string;
  readonly primaryKey: string;
  readonly fields: readonly FieldShape[];
  /** Fields with a case-folded companion. */
  readonly folded: readonly string[];
  readonly columns: readonly string[];
  readonly foreignKeys: readonly string[];
  readonly indexes: readonly IndexShape[];
  readonly search: readonly { readonly name: string; readonly create: readonly string[]; readonly drop: readonly string[] }[];
  /** What VECTOR indexes compare. */
  readonly vectors: readonly { readonly field: string; readonly dimensions: number }[];
  readonly open: boolean;
  /** Sources of the rules that its records are known to satisfy. */
  readonly checks?: readonly string[];
  /** The field of @table(tenant); absent: none. */
  readonly tenant?: string;
  /** What is kept of former versions; absent: nothing. */
  readonly keeps?: { readonly history: boolean; readonly trash: boolean };
  readonly expiry: { readonly ms: number | null; readonly field: string | null } | null;
}

export interface CatalogShape { readonly tables: readonly TableShape[] }

export function catalogShape(catalog: Catalog): CatalogShape {
  return { tables: [...catalog.tables.values()].map((table) => tableShape(table, catalog)) };
}

function tableShape(table: Table, catalog: Catalog): TableShape {
  return {
    name: table.name,
    sqlName: table.sqlName,
    primaryKey: table.primaryKey,
    fields: storedFields(table).map((field) => ({ name: field.name, type: typeShape(field.type, catalog, []), computed: computedBy(field, table) })),
    folded: [...foldFields(table)],
    columns: columnsDdl(table).map((column) => column.name),
    foreignKeys: foreignKeys(table, catalog),
    indexes: indexesDdl(table, catalog),
    search: searchDdl(table, catalog).map(({ name, create, drop }) => ({ name, create, drop })),
    vectors: table.indexes.flatMap(({ kind, fields, dimensions }) => (kind === "VECTOR" && dimensions !== null && table.fields.get(fields[0]!)?.fill?.kind !== "embedding" ? [{ field: fields[0]!, dimensions }] : [])),
    open: table.open,
    checks: table.checks.map(({ rule }) => rule.source),
    expiry: expires(table) ? { ms: table.expirationMs, field: table.expiresAt } : null,
    ...(table.tenant === null ? {} : { tenant: table.tenant }),
    ...(keepsFormer(table) ? { keeps: { history: table.historyMs !== null, trash: table.trashMs !== null } } : {}),
  };
}

function typeShape(type: TypeRef, catalog: Catalog, around: readonly string[]): TypeShape {
  const { list, required, itemRequired } = type;
  const common = { list, required, itemRequired, values: null, fields: null };
  if (type.kind === "scalar") return { ...common, base: type.name };
  if (type.kind === "enum") return { ...common, base: "enum", values: catalog.enums.get(type.name)?.values ?? [] };
  const object = catalog.objects.get(type.name);
  if (object === undefined || around.includes(type.name)) return { ...common, base: "object" };
  const inside = [...object.fields.values()].map((field) => [field.name, typeShape(field.type, catalog, [...around, type.name])] as const);
  return { ...common, base: "object", fields: Object.fromEntries(inside) };
}

function computedBy(field: Field, table: Table): string | null {
  if (field.fill?.kind !== "computed") return null;
  const sources = [...table.fields.values()].flatMap(({ name, fill }) => (fill?.kind === "computed" ? [`${name}: ${fill.rule.source}`] : []));
  return sources.join("\n");
}
