// What of a table goes out with an export, for any kind of target: its fields, keys, references and the rows that are there.
import type { RecordValues } from "../base/value.ts";
import { appTables } from "../schema/account-tables.ts";
import type { Catalog, Field, Table } from "../schema/catalog.ts";
import { fieldOf, isText, storedFields } from "./column.ts";
import type { Connection } from "./connection.ts";
import { indexesDdl } from "./ddl.ts";
import { storedRows } from "./stored-rows.ts";

export interface ExportedTable {
  readonly table: Table;
  readonly fields: readonly Field[];
  readonly indexes: readonly ExportedIndex[];
  readonly references: readonly ExportedReference[];
  /** What no SQL database has in this form: said in a comment. */
  readonly left: readonly string[];
}

export interface ExportedIndex {
  readonly unique: boolean;
  readonly parts: readonly { readonly field: Field; readonly fold: boolean }[];
}

export interface ExportedReference {
  readonly field: string;
  readonly target: Table;
  readonly to: string;
  readonly onDelete: "RESTRICT" | "CASCADE" | "SET NULL";
}

export interface ExportSource {
  /** One snapshot is open on it. */
  readonly connection: Connection;
  readonly catalog: Catalog;
  /** Canonical; what has expired by then is not there. */
  readonly now: string;
}

export function exportedTables(catalog: Catalog): ExportedTable[] {
  return appTables(catalog).map((table) => ({
    table, fields: storedFields(table), indexes: indexesOf(table, catalog), references: referencesOf(table, catalog), left: leftOf(table),
  }));
}

export function* exportedRows({ connection, catalog, now }: ExportSource, table: Table): Generator<RecordValues> {
  for (const { values, expires } of storedRows({ connection, catalog, table })) {
    if (expires === null || expires > now) yield values;
  }
}

function indexesOf(table: Table, catalog: Catalog): ExportedIndex[] {
  return indexesDdl(table, catalog).flatMap(({ unique, fields, columns }) => {
    const parts = fields.map((name, index) => ({ field: fieldOf(table, name), fold: columns[index] !== name && isText(fieldOf(table, name).type) }));
    return parts.length === 0 ? [] : [{ unique, parts }];
  });
}

/** Where two relations go over one key, the one that loses least data decides, as in tables/. */
function referencesOf(table: Table, catalog: Catalog): ExportedReference[] {
  const caution = { RESTRICT: 2, "SET NULL": 1, CASCADE: 0 };
  const references = new Map<string, ExportedReference>();
  for (const { relation } of table.fields.values()) {
    const target = relation?.kind === "one" ? catalog.tables.get(relation.table) : undefined;
    if (relation === null || target === undefined) continue;
    const onDelete = relation.onDelete === "SET_NULL" ? "SET NULL" : relation.onDelete ?? "RESTRICT";
    const known = references.get(`${relation.from} ${relation.table}`);
    if (known === undefined || caution[known.onDelete] < caution[onDelete]) references.set(`${relation.from} ${relation.table}`, { field: relation.from, target, to: relation.to, onDelete });
  }
  return [...references.values()];
}

function leftOf(table: Table): string[] {
  return [
    ...table.indexes.filter(({ kind }) => kind !== "BTREE").map(({ kind, fields }) => `the ${kind} index of ${fields.join(", ")}`),
    ...(table.search.length > 0 ? ["@search"] : []),
    ...(table.tenant === null ? [] : [`the confinement of tenants by ${table.tenant}`]),
    ...table.checks.map(({ rule }) => `the check ${JSON.stringify(rule.source)}`),
    ...(table.allow.length > 0 ? ["the access rules"] : []),
    ...[...table.fields.values()].filter(({ kind }) => kind === "computed").map(({ name }) => `the computed field ${name}`),
  ];
}
