// Where former versions of records stand: beside each table that keeps them one with the same columns, and when each version ended and how.
// Brings it to the shape of the catalog, in the transaction of prepare-catalog.ts. No versions are written here.
import { dateTimeOf } from "../base/date-time.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import type { CatalogShape, TableShape } from "./catalog-shape.ts";
import { ROW_COLUMN, comparedColumn, fieldOf, foldColumn, keyColumn, quoted, storedFields } from "./column.ts";
import { type Difference, difference } from "./compare-shapes.ts";
import type { Connection } from "./connection.ts";
import { columnsDdl, relationKeys } from "./ddl.ts";
import { literal } from "./evolve-table.ts";
import { ENDED_COLUMN, ENDING_COLUMN, UNTIL_COLUMN, historyTable, keepsFormer, readHistoryStart, writeHistoryStart } from "./history-tables.ts";
import { defaultsOf, keepMigrated } from "./keep-migrated.ts";
import { nextPosition } from "./migration-entry.ts";
import { keepMoment } from "./moments.ts";
import { renameTableInFile } from "./renames.ts";
import { isRetyped } from "./rows-before.ts";

interface HistoryContext { readonly connection: Connection; readonly catalog: Catalog; readonly nowMs: number }

const MOMENT_DDL = [
  `CREATE TABLE IF NOT EXISTS "$moment" ("position" INTEGER PRIMARY KEY, "time" TEXT NOT NULL, "actor" TEXT, "causes" TEXT) STRICT`,
  `CREATE INDEX IF NOT EXISTS "$moment$index(time)" ON "$moment" ("time")`,
];

/** What else is known of the change. */
export interface HistoryChange {
  /** The shape before. */
  readonly old: CatalogShape;
  /** Types whose records were written anew. */
  readonly rewritten: ReadonlySet<string>;
  isApproved(difference: Difference): boolean;
}

/** What became of kept versions. */
export interface PreparedHistory {
  /** What would lose some; then the caller must roll back. */
  readonly differences: readonly Difference[];
  /** Types of which records have a version that ends with this change, at the position after the newest: its entry must be written. */
  readonly ended: ReadonlySet<string>;
}

/** After the tables themselves have their shape. */
export function prepareHistory(context: HistoryContext, change: HistoryChange): PreparedHistory {
  const { connection, catalog } = context;
  const { old } = change;
  const differences: Difference[] = [];
  const keeping = [...catalog.tables.values()].filter(keepsFormer);
  if (keeping.length > 0) for (const sql of MOMENT_DDL) connection.execute(sql);
  const followed = new Set<TableShape>();
  const unlike = new Map<string, readonly string[]>();
  for (const table of keeping) {
    const before = old.tables.find((shape) => shape.sqlName === table.sqlName) ?? old.tables.find((shape) => shape.name === table.renamedFrom) ?? null;
    if (before !== null) followed.add(before);
    unlike.set(table.name, before === null ? [] : retypedFields(table, before));
    differences.push(...prepareTable(context, table, before, change));
  }
  for (const shape of old.tables) if (shape.keeps !== undefined && !followed.has(shape)) differences.push(...removeHistory(context, shape, change));
  return { differences, ended: differences.length > 0 ? new Set() : endVersions(context, keeping, unlike) };
}

/** `unlike`: fields that the versions that end cannot hold, by type. */
function endVersions({ connection, catalog, nowMs }: HistoryContext, keeping: readonly Table[], unlike: ReadonlyMap<string, readonly string[]>): Set<string> {
  const [position, time] = [nextPosition(connection), dateTimeOf(nowMs)];
  const ended = keeping.filter((table) => keepMigrated({ connection, catalog, position, time }, table)).map(({ name }) => name);
  if (ended.length > 0) keepMoment(connection, { position, time, actor: null, causes: Object.fromEntries(ended.map((name) => [name, unlike.get(name) ?? []])) });
  return new Set(ended);
}

function prepareTable(context: HistoryContext, table: Table, old: TableShape | null, change: HistoryChange): Difference[] {
  const { connection } = context;
  if (old?.keeps !== undefined && old.sqlName !== table.sqlName) renameHistory(connection, old.sqlName, table.sqlName);
  renameColumns(connection, table);
  const present = columnsOf(connection, historyTable(table.sqlName));
  const known = present.size === 0 ? null : old;
  const refused = known === null ? [] : losses(context, table, known, present).filter((one) => !change.isApproved(one));
  if (refused.length > 0) return refused;
  const isAnew = present.size === 0 || (known !== null && retyped(table, known, present) !== null);
  if (isAnew) createHistory(context, table);
  else {
    dropIndexes(context, table);
    evolveHistory(context, table, present);
  }
  createIndexes(context, table);
  const isRewritten = change.rewritten.has(table.name);
  const begins = isAnew || (table.historyMs !== null && old?.keeps?.history !== true) || (isRewritten && isRequiredAnew(table, old));
  if (begins) beginNow(context, table, isRewritten ? 1 : 0);
  return [];
}

/** A function gave what former versions lack, so that they do not have the form that every reader may count on. */
function isRequiredAnew(table: Table, old: TableShape | null): boolean {
  const was = new Set(old?.fields.filter(({ type }) => type.required).map(({ name }) => name));
  return storedFields(table).some(({ name, renamedFrom = null, type, fill }) => type.required && fill?.kind !== "computed" && !was.has(name) && !was.has(renamedFrom ?? name));
}

function losses(context: HistoryContext, table: Table, old: TableShape, present: ReadonlyMap<string, string>): Difference[] {
  return [...changedType(context, table, old, present), ...droppedFields(context, table, old, present), ...endedHistory(context, table, old)];
}

function renameHistory(connection: Connection, from: string, to: string): void {
  const isSameToSqlite = from.toLowerCase() === to.toLowerCase();
  if (columnsOf(connection, historyTable(from)).size === 0 || (!isSameToSqlite && columnsOf(connection, historyTable(to)).size > 0)) return;
  renameTableInFile(connection, historyTable(from), historyTable(to));
  const start = readHistoryStart(connection, from);
  if (start !== null) writeHistoryStart(connection, to, start);
}

/** @renamed(from): the old values go on under the new name. */
function renameColumns(connection: Connection, table: Table): void {
  const present = columnsOf(connection, historyTable(table.sqlName));
  for (const { name, renamedFrom } of table.fields.values()) {
    if (renamedFrom === undefined || renamedFrom === null || present.has(name)) continue;
    for (const [from, to] of [[renamedFrom, name], [keyColumn(renamedFrom), keyColumn(name)], [foldColumn(renamedFrom), foldColumn(name)]] as const) {
      if (present.has(from)) connection.execute(`ALTER TABLE ${quoted(historyTable(table.sqlName))} RENAME COLUMN ${quoted(from)} TO ${quoted(to)}`);
    }
  }
}

function createHistory({ connection }: HistoryContext, table: Table): void {
  const name = quoted(historyTable(table.sqlName));
  const columns = wantedColumns(table).map(({ name: column, type }) => `${quoted(column)} ${type}`);
  connection.execute(`DROP TABLE IF EXISTS ${name}`);
  connection.execute(`CREATE TABLE ${name} (${[...columns, `${quoted(UNTIL_COLUMN)} INTEGER NOT NULL`, `${quoted(ENDED_COLUMN)} TEXT NOT NULL`, `${quoted(ENDING_COLUMN)} TEXT NOT NULL`].join(", ")}) STRICT`);
}

/** By key, by time, and by the keys that relations go by: embeds would otherwise visit all later versions for each row. */
function wantedIndexes(table: Table, catalog: Catalog): { readonly name: string; readonly sql: string }[] {
  const history = historyTable(table.sqlName);
  const columns = [...new Set([table.primaryKey, ...relationKeys(table, catalog)])].map((field) => [comparedColumn(fieldOf(table, field)), UNTIL_COLUMN]);
  return [[UNTIL_COLUMN], ...columns].map((indexed) => {
    const name = `${history}$index(${indexed.join(",")})`;
    return { name, sql: `CREATE INDEX ${quoted(name)} ON ${quoted(history)} (${indexed.map(quoted).join(", ")})` };
  });
}

/** The others are dropped: columns cannot go before the indexes on them. */
function dropIndexes({ connection, catalog }: HistoryContext, table: Table): void {
  const wanted = new Set(wantedIndexes(table, catalog).map(({ name }) => name));
  for (const name of indexesOf(connection, table)) if (!wanted.has(name)) connection.execute(`DROP INDEX ${quoted(name)}`);
}

function createIndexes({ connection, catalog }: HistoryContext, table: Table): void {
  const present = new Set(indexesOf(connection, table));
  for (const { name, sql } of wantedIndexes(table, catalog)) if (!present.has(name)) connection.execute(sql);
}

function indexesOf(connection: Connection, table: Table): string[] {
  return connection.values(`SELECT "name" FROM sqlite_schema WHERE "type" = 'index' AND "tbl_name" = ?1 AND "sql" IS NOT NULL`, historyTable(table.sqlName)).map(([name]) => name as string);
}

/** What came is added, what went is dropped. */
function evolveHistory({ connection, catalog }: HistoryContext, table: Table, present: ReadonlyMap<string, string>): void {
  const name = quoted(historyTable(table.sqlName));
  const wanted = wantedColumns(table);
  const defaults = defaultsOf(table, catalog);
  for (const { name: column, type } of wanted) {
    if (present.has(column)) continue;
    const value = defaults.get(column);
    connection.execute(`ALTER TABLE ${name} ADD COLUMN ${quoted(column)} ${type}${value === undefined ? "" : ` DEFAULT ${literal(value)}`}`);
  }
  const known = new Set([...wanted.map((column) => column.name), UNTIL_COLUMN, ENDED_COLUMN, ENDING_COLUMN]);
  for (const column of present.keys()) if (!known.has(column)) connection.execute(`ALTER TABLE ${name} DROP COLUMN ${quoted(column)}`);
}

/** A field whose values have another form by now, so that the old ones could not be read. */
function changedType(context: HistoryContext, table: Table, old: TableShape, present: ReadonlyMap<string, string>): Difference[] {
  const changed = retyped(table, old, present);
  const count = changed === null ? 0 : context.connection.values(`SELECT count(*) FROM ${quoted(historyTable(table.sqlName))}`)[0]![0] as number;
  if (changed === null || count === 0) return [];
  return [difference(old, changed, `changed its type, and ${count} former versions hold the old one`,
    `Keep the type, or add a field beside it; if the former versions may be lost, run ambit migrate apply --allow-destroy ${table.name}.${changed}.`, "destructive")];
}

/** By their names of now. */
function retypedFields(table: Table, old: TableShape): string[] {
  return storedFields(table).filter(({ name, renamedFrom = null }) => {
    const was = old.fields.find((field) => field.name === name) ?? old.fields.find((field) => field.name === renamedFrom);
    return was !== undefined && isRetyped(table, { ...was, name });
  }).map(({ name }) => name);
}

/** By its old name. */
function retyped(table: Table, old: TableShape, present: ReadonlyMap<string, string>): string | null {
  const columns = new Map(wantedColumns(table).map(({ name, type }) => [name, type]));
  const changed = old.fields.find((field) => {
    const now = table.fields.get(field.name) ?? [...table.fields.values()].find(({ renamedFrom }) => renamedFrom === field.name);
    if (now?.kind !== "stored" || !present.has(now.name)) return false;
    return isRetyped(table, { ...field, name: now.name }) || columns.get(now.name) !== present.get(now.name);
  });
  return changed?.name ?? null;
}

/** Fields that only former versions still hold. */
function droppedFields({ connection }: HistoryContext, table: Table, old: TableShape, present: ReadonlyMap<string, string>): Difference[] {
  const wanted = new Set(wantedColumns(table).map(({ name }) => name));
  return old.fields.flatMap(({ name, computed }) => {
    if (computed !== null || wanted.has(name) || !present.has(name)) return [];
    const count = connection.values(`SELECT count(*) FROM ${quoted(historyTable(table.sqlName))} WHERE ${quoted(name)} IS NOT NULL`)[0]![0] as number;
    if (count === 0) return [];
    return [difference(old, name, `was removed, and ${count} former versions hold it`, `Keep the field; if its values may be lost, run ambit migrate apply --allow-destroy ${old.name}.${name}.`, "destructive")];
  });
}

/** From a history to a trash alone: what was not deleted would go with the next housekeeping. */
function endedHistory({ connection }: HistoryContext, table: Table, old: TableShape): Difference[] {
  if (table.historyMs !== null || old.keeps?.history !== true) return [];
  const count = connection.values(`SELECT count(*) FROM ${quoted(historyTable(table.sqlName))} WHERE ${quoted(ENDING_COLUMN)} NOT IN ('delete', 'cascade')`)[0]![0] as number;
  if (count === 0) return [];
  return [difference(old, null, `no longer keeps a history, and there are ${count} former versions`,
    `Keep @table(history), or shorten it and let them pass first; if they may be lost, run ambit migrate apply --allow-destroy ${old.name}.`, "destructive")];
}

function removeHistory({ connection }: HistoryContext, shape: TableShape, { isApproved }: HistoryChange): Difference[] {
  const name = quoted(historyTable(shape.sqlName));
  const count = connection.values(`SELECT count(*) FROM ${name}`)[0]![0] as number;
  const lost = difference(shape, null, `no longer keeps former versions, and there are ${count}`,
    `Keep @table(history) or @table(trash), or shorten it and let them pass first; if they may be lost, run ambit migrate apply --allow-destroy ${shape.name}.`, "destructive");
  if (count > 0 && !isApproved(lost)) return [lost];
  connection.execute(`DROP TABLE ${name}`);
  return [];
}

/** `ahead`: of the newest entry. */
function beginNow({ connection, nowMs }: HistoryContext, table: Table, ahead: 0 | 1): void {
  const position = (connection.values(`SELECT max("position") FROM "$log"`)[0]![0] as number | null ?? 0) + ahead;
  writeHistoryStart(connection, table.sqlName, { position, time: dateTimeOf(nowMs) });
}

/** Those of the table, without what only its own rows need. */
function wantedColumns(table: Table): { readonly name: string; readonly type: string }[] {
  return columnsDdl(table).filter(({ name }) => name !== ROW_COLUMN).map(({ name, sql }) => ({ name, type: sql.slice(quoted(name).length + 1).split(" ")[0]! }));
}

/** Names and types; empty where there is no such table. */
function columnsOf(connection: Connection, name: string): Map<string, string> {
  return new Map(connection.values(`SELECT "name", "type" FROM pragma_table_info(?1)`, name).map(([column, type]) => [column as string, type as string]));
}
