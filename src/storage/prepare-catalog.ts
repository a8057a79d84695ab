// Brings the data file to the shape of a catalog, in one transaction: creates what is missing, applies what is safe, refuses the rest
// with one error that lists all of it. The shape that the data has is kept beside it.
import { assert } from "../base/assert.ts";
import { fault } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import type { Json } from "../base/value.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import { brokenChecks } from "./broken-checks.ts";
import { evolveTable } from "./evolve-table.ts";
import { type CatalogShape, type TableShape, catalogShape } from "./catalog-shape.ts";
import { quoted } from "./column.ts";
import { type Difference, compareTables, difference } from "./compare-shapes.ts";
import type { Connection } from "./connection.ts";
import { tableDdl } from "./ddl.ts";
import { prepareHistory } from "./history-ddl.ts";
import { answerFor } from "./sqlite-failure.ts";
import { readMeta, writeMeta } from "./system-tables.ts";

const SHAPE_KEY = "catalog";

export interface CatalogContext {
  readonly connection: Connection;
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  readonly limits: Limits;
  readonly nowMs: number;
}

/** Outside of transactions. Throws MIGRATION_NEEDED and changes nothing where stored records do not allow a difference. */
export function prepareCatalog(context: CatalogContext): void {
  const { connection, catalog } = context;
  const next = catalogShape(catalog);
  const text = JSON.stringify(next);
  const stored = readMeta(connection, SHAPE_KEY);
  if (stored === text) return;
  const old: CatalogShape = stored === null ? { tables: [] } : JSON.parse(stored) as CatalogShape;
  assert(!connection.inTransaction, "the catalog changes outside of transactions");
  // A table is copied by dropping it; references to it are checked once at the end instead. Has no effect inside a transaction.
  connection.execute("PRAGMA foreign_keys = OFF");
  try {
    connection.execute("BEGIN IMMEDIATE");
    const differences = [...evolve(context, old, next), ...(old.tables.length === 0 ? [] : brokenReferences(connection, old, next))];
    // Only in the new shape can records be read.
    if (differences.length === 0) differences.push(...brokenChecks(context, old));
    if (differences.length === 0) differences.push(...prepareHistory(context, old));
    if (differences.length > 0) throw migrationNeeded(differences);
    writeMeta(connection, SHAPE_KEY, text);
    connection.execute("COMMIT");
  } catch (error) {
    if (connection.inTransaction) connection.execute("ROLLBACK");
    throw answerFor(error);
  } finally {
    connection.execute("PRAGMA foreign_keys = ON");
  }
}

function evolve(context: CatalogContext, old: CatalogShape, next: CatalogShape): Difference[] {
  const { connection, catalog } = context;
  const before = new Map(old.tables.map((table) => [table.sqlName, table]));
  const tables = new Map([...catalog.tables.values()].map((table) => [table.sqlName, table]));
  const differences: Difference[] = [];
  for (const table of old.tables) if (!tables.has(table.sqlName)) differences.push(...removeTable(connection, table));
  for (const shape of next.tables) {
    const table = tables.get(shape.sqlName)!;
    const present = before.get(shape.sqlName);
    if (present === undefined) createTable(connection, table, catalog);
    else if (isEmpty(connection, present)) recreateTable(connection, table, catalog, present, shape);
    else differences.push(...evolveTable({ ...context, table }, compareTables(present, shape, table)));
  }
  return differences;
}

function createTable(connection: Connection, table: Table, catalog: Catalog): void {
  for (const sql of tableDdl(table, catalog)) connection.execute(sql);
}

function recreateTable(connection: Connection, table: Table, catalog: Catalog, old: TableShape, next: TableShape): void {
  if (JSON.stringify(old) === JSON.stringify(next)) return;
  dropTable(connection, old);
  createTable(connection, table, catalog);
}

function removeTable(connection: Connection, table: TableShape): Difference[] {
  if (isEmpty(connection, table)) {
    dropTable(connection, table);
    return [];
  }
  return [difference(table, null, "was removed, and there are records of it",
    `Keep the type, or delete its records first; if it was renamed, give the new type @table(name: "${table.sqlName}").`)];
}

function dropTable(connection: Connection, table: TableShape): void {
  for (const part of table.search) for (const sql of part.drop) connection.execute(sql);
  connection.execute(`DROP TABLE ${quoted(table.sqlName)}`);
}

function isEmpty(connection: Connection, table: TableShape): boolean {
  return connection.get(`SELECT 1 FROM ${quoted(table.sqlName)} LIMIT 1`) === null;
}

/** Only of tables whose foreign keys are new or changed: the others held before. */
function brokenReferences(connection: Connection, old: CatalogShape, next: CatalogShape): Difference[] {
  const before = new Map(old.tables.map((table) => [table.sqlName, table]));
  const differences: Difference[] = [];
  for (const table of next.tables) {
    const known = before.get(table.sqlName)?.foreignKeys ?? [];
    if (table.foreignKeys.every((key) => known.includes(key))) continue;
    const broken = connection.all(`PRAGMA foreign_key_check(${quoted(table.sqlName)})`);
    if (broken.length > 0) {
      const parents = [...new Set(broken.map((row) => String(row["parent"])))].join(", ");
      differences.push(difference(table, null, `has ${broken.length} records that refer to missing records of ${parents}`, "Remove @relationship, or correct the keys first."));
    }
  }
  return differences;
}

function migrationNeeded(differences: readonly Difference[]): Error {
  const named = differences.slice(0, 3);
  const first = named.map((one) => one.message).join(" ");
  const more = differences.length > 3 ? ` And ${differences.length - 3} more.` : "";
  return fault("MIGRATION_NEEDED", `The stored data does not allow what the schema changed. ${first}${more}`, {
    details: differences.map((one): Json => ({ ...one })),
    fix: differences.length === 1 ? differences[0]!.fix : named.map(({ table, field, fix }) => `${field === null ? table : `${table}.${field}`}: ${fix}`).join(" "),
  });
}
