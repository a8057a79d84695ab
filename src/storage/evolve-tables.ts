// Brings all tables from one shape to the next, inside the transaction of prepare-catalog.ts. What the records do not allow is returned, not thrown.
import type { Catalog, Table } from "../schema/catalog.ts";
import { beginSequences } from "./begin-sequences.ts";
import { brokenChecks } from "./broken-checks.ts";
import type { CatalogContext } from "./catalog-context.ts";
import type { CatalogShape, TableShape } from "./catalog-shape.ts";
import { quoted } from "./column.ts";
import { type Difference, compareTables, difference, remedied } from "./compare-shapes.ts";
import type { Connection } from "./connection.ts";
import { tableDdl } from "./ddl.ts";
import { strayedTenants } from "./strayed-tenants.ts";
import { evolveTable } from "./evolve-table.ts";
import { type PreparedHistory, prepareHistory } from "./history-ddl.ts";
import type { MigrationFunctions } from "./migration-functions.ts";
import type { TableRename } from "./renames.ts";
import { putRowsAside } from "./rows-before.ts";
import { swapShadow } from "./shadow-table.ts";

export interface Evolution {
  /** Before and after renames were carried out. */
  readonly stored: CatalogShape;
  readonly old: CatalogShape;
  readonly next: CatalogShape;
  readonly renames: readonly TableRename[];
  /** By SQL name: filled ones to take the place of tables; null: the table is left alone, since its turn comes later. */
  readonly shadows: ReadonlyMap<string, string | null>;
  /** Types whose records a function gave values to, here or in shadows. */
  readonly rewritten: ReadonlySet<string>;
  /** Of tables whose records are to be written anew. */
  readonly functions: MigrationFunctions;
  isApproved(difference: Difference): boolean;
}

/** `differences`: what the records do not allow; then the caller must roll back. */
export function evolveTables(context: CatalogContext, evolution: Evolution): PreparedHistory {
  const { stored, old, shadows, rewritten, isApproved } = evolution;
  const differences = [...eachTable(context, evolution), ...(old.tables.length === 0 ? [] : brokenReferences(context.connection, evolution))];
  // Only in the new shape can records be read.
  const isPartial = [...shadows.values()].includes(null);
  if (differences.length === 0 && !isPartial) differences.push(...strayedTenants(context, old, rewritten));
  if (differences.length === 0 && !isPartial) differences.push(...brokenChecks(context, old, new Set(shadows.keys())));
  if (differences.length === 0 && !isPartial) beginSequences(context.connection, context.catalog, old);
  return differences.length > 0 ? { differences, ended: new Set() } : prepareHistory(context, { old: stored, rewritten, isApproved });
}

function eachTable(context: CatalogContext, { old, next, renames, shadows, functions, isApproved }: Evolution): Difference[] {
  const { connection, catalog } = context;
  const before = new Map(old.tables.map((table) => [table.sqlName, table]));
  const tables = new Map([...catalog.tables.values()].map((table) => [table.sqlName, table]));
  const differences: Difference[] = [];
  for (const table of old.tables) if (!tables.has(table.sqlName)) differences.push(...removeTable(connection, table, { heir: heirOf(table, old, next), isApproved }));
  for (const shape of next.tables) {
    const table = tables.get(shape.sqlName)!;
    const present = before.get(shape.sqlName);
    if (present === undefined) createTable(connection, table, catalog);
    else if (shadows.has(shape.sqlName)) placeShadow(context, table, present, shadows.get(shape.sqlName)!);
    else if (isEmpty(connection, present)) recreateTable(connection, table, catalog, present, shape);
    else {
      const run = functions.get(table.name);
      const rewrite = run === undefined ? null : { run, dropsUndeclared: true, renamed: renames.find(({ to }) => to.sqlName === shape.sqlName)?.fields ?? [] };
      differences.push(...evolveTable({ ...context, table }, compareTables(present, shape, table), { isApproved, rewrite }));
    }
  }
  return differences;
}

function placeShadow({ connection, catalog }: CatalogContext, table: Table, old: TableShape, sqlName: string | null): void {
  if (sqlName === null) return;
  putRowsAside(connection, table, old);
  swapShadow(connection, { table, sqlName }, old, catalog);
}

function createTable(connection: Connection, table: Table, catalog: Catalog): void {
  for (const sql of tableDdl(table, catalog)) connection.execute(sql);
}

function recreateTable(connection: Connection, table: Table, catalog: Catalog, old: TableShape, next: TableShape): void {
  if (JSON.stringify(old) === JSON.stringify(next)) return;
  dropTable(connection, old);
  createTable(connection, table, catalog);
}

interface Removal { readonly heir: string | null; readonly isApproved: Evolution["isApproved"] }

function removeTable(connection: Connection, table: TableShape, { heir, isApproved }: Removal): Difference[] {
  const removed = remedied(difference(table, null, "was removed, and there are records of it",
    `Keep the type, or delete its records first; if it was renamed, give ${heir ?? "the new type"} @renamed(from: "${table.name}"); if its records may be lost, run ambit migrate apply --allow-destroy ${table.name}.`, "destructive"), heir === null ? null : { make: "renamed-type", to: heir, from: table.name });
  if (!isEmpty(connection, table) && !isApproved(removed)) return [removed];
  dropTable(connection, table);
  return [];
}

/** The one new type that may be this one under another name: most fields are the same. */
function heirOf(removed: TableShape, old: CatalogShape, next: CatalogShape): string | null {
  const before = new Set(old.tables.map(({ sqlName }) => sqlName));
  const names = new Set(removed.fields.map(({ name }) => name));
  const alike = next.tables.filter(({ sqlName, fields }) => !before.has(sqlName) && fields.filter(({ name }) => names.has(name)).length * 2 > names.size);
  return alike.length === 1 ? alike[0]!.name : null;
}

function dropTable(connection: Connection, table: TableShape): void {
  for (const part of table.search) for (const sql of part.drop) connection.execute(sql);
  connection.execute(`DROP TABLE ${quoted(table.sqlName)}`);
}

function isEmpty(connection: Connection, table: TableShape): boolean {
  return connection.get(`SELECT 1 FROM ${quoted(table.sqlName)} LIMIT 1`) === null;
}

/** Only of tables whose foreign keys are new or changed, or whose records were written anew: the others held before. */
function brokenReferences(connection: Connection, { old, next, functions, shadows }: Evolution): Difference[] {
  const before = new Map(old.tables.map((table) => [table.sqlName, table]));
  const differences: Difference[] = [];
  const removed = old.tables.length > next.tables.length;
  for (const table of next.tables) {
    // Each row was held to them when it was filled.
    if (shadows.has(table.sqlName)) continue;
    const known = before.get(table.sqlName)?.foreignKeys ?? [];
    if (!removed && !functions.has(table.name) && table.foreignKeys.every((key) => known.includes(key))) continue;
    const broken = connection.all(`PRAGMA foreign_key_check(${quoted(table.sqlName)})`);
    if (broken.length > 0) {
      const parents = [...new Set(broken.map((row) => String(row["parent"])))].join(", ");
      const keys = table.foreignKeys.map((clause) => /^FOREIGN KEY \("((?:[^"]|"")*)"\)/.exec(clause)![1]!);
      const wrong = new Set(broken.map((row) => table.foreignKeys.length - 1 - Number(row["fkid"])));
      differences.push(remedied(difference(table, null, `has ${broken.length} records that refer to missing records of ${parents}`, "Remove @relationship, or correct the keys, by writing them or in Migrations."), { make: "unrelated", keys: keys.filter((_key, index) => wrong.has(index)) }));
    }
  }
  return differences;
}
