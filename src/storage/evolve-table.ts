// Changes one table that holds records, inside the transaction of prepare-catalog.ts. What the records do not allow is returned, not thrown.
import { SQLiteError } from "bun:sqlite";
import { assert } from "../base/assert.ts";
import type { SqlValue, Value } from "../base/value.ts";
import type { Fill, Table, TypeRef } from "../schema/catalog.ts";
import { columnsDdl, createTable } from "./ddl.ts";
import { OPEN_COLUMN, columnType, fieldOf, isJsonColumn, keyColumn, quoted } from "./column.ts";
import type { IndexShape, TableShape } from "./catalog-shape.ts";
import type { Connection } from "./connection.ts";
import { type Difference, type TableChange, difference, exampleFunction, remedied } from "./compare-shapes.ts";
import { indexName } from "./index-names.ts";
import type { RecordMigrationOptions } from "./migrate-record.ts";
import { fieldColumns } from "./record-codec.ts";
import { type RefillContext, expireFilledRows, expireRows, refillRows } from "./refill-rows.ts";
import { rewriteTable } from "./rewrite-table.ts";
import { putRowsAside } from "./rows-before.ts";
import { searchDdl } from "./search-ddl.ts";

const FLOAT_BYTES = 4;

export interface EvolveOptions {
  /** What a person has agreed to lose. */
  isApproved(difference: Difference): boolean;
  /** Each record is written anew, with what Migrations gives where it has a function for the table. Null: only where there is no other way. */
  readonly rewrite: Omit<RecordMigrationOptions, "change"> | null;
}

/** Returns what is not possible; then the caller must roll back. */
export function evolveTable(context: RefillContext, change: TableChange, { isApproved, rewrite }: EvolveOptions): Difference[] {
  const found = [...change.refused, ...heldNulls(context, change), ...heldUndeclared(context, change), ...heldVectors(context, change)];
  const refused = found.filter((one) => !isApproved(one) && (rewrite === null || one.kind !== "needs-data"));
  if (refused.length > 0) return refused;
  if (rewrite !== null || hasOtherCase(change) || found.some(({ kind, field }) => kind === "destructive" && keepsPart(change, field))) return rewriteAll(context, change, rewrite ?? { run: null, renamed: [], dropsUndeclared: true });
  if (change.refilled.length > 0 || change.tightened.some(({ name }) => constantDefault(fieldOf(context.table, name).fill) !== null)) putRowsAside(context.connection, context.table, change.old);
  const steps = parts(change);
  dropParts(context, change.old, steps);
  addColumns(context, change);
  const unfilled = change.refilled.length === 0 ? [] : refillRows(context, change.refilled);
  if (unfilled.length > 0) return unfilled;
  const ownTime = change.next.expiry?.field ?? null;
  if (beginsToExpire(change)) expireRows(context);
  else if (ownTime !== null && change.tightened.some((field) => field.name === ownTime)) expireFilledRows(context, ownTime);
  if (change.rebuild) copyTable(context, change);
  return createParts(context, steps);
}

/** A new field is called like an old column but for upper and lower case: in one table they cannot stand beside each other. */
function hasOtherCase({ old, addedFields }: TableChange): boolean {
  const present = new Set(old.columns.map((column) => column.toLowerCase()));
  return addedFields.some(({ name }) => present.has(name.toLowerCase()));
}

/** Of what is lost a part stays: values of an enum, fields of stored objects. */
function keepsPart({ next }: TableChange, field: string | null): boolean {
  return next.fields.some(({ name, computed }) => computed === null && field?.split(".")[0] === name);
}

function rewriteAll(context: RefillContext, change: TableChange, rewrite: Omit<RecordMigrationOptions, "change">): Difference[] {
  putRowsAside(context.connection, context.table, change.old);
  const everything = parts({ ...change, rebuild: true });
  dropParts(context, change.old, everything);
  const problems = rewriteTable(context, { ...rewrite, change });
  return problems.length > 0 ? problems : [...createParts(context, everything), ...heldVectors(context, change)];
}

/** Indexes and companions to take away first and to create at the end. */
interface Parts {
  readonly dropIndexes: readonly IndexShape[];
  readonly createIndexes: readonly IndexShape[];
  readonly dropSearch: TableShape["search"];
  /** Names of those to create. */
  readonly createSearch: readonly string[];
}

function parts({ old, next, rebuild, refilled }: TableChange): Parts {
  // A copy loses its indexes and triggers; a refill is quicker without them.
  if (rebuild || refilled.length > 0) {
    return { dropIndexes: old.indexes, createIndexes: next.indexes, dropSearch: old.search, createSearch: next.search.map((part) => part.name) };
  }
  const kept = <Part extends { readonly name: string }>(part: Part, others: readonly Part[]): boolean =>
    others.some((other) => JSON.stringify(other) === JSON.stringify(part));
  return {
    dropIndexes: old.indexes.filter((index) => !kept(index, next.indexes)),
    createIndexes: next.indexes.filter((index) => !kept(index, old.indexes)),
    dropSearch: old.search.filter((part) => !kept(part, next.search)),
    createSearch: next.search.filter((part) => !kept(part, old.search)).map((part) => part.name),
  };
}

function dropParts({ connection }: RefillContext, { sqlName }: TableShape, { dropIndexes, dropSearch }: Parts): void {
  for (const index of dropIndexes) {
    const name = indexName(connection, sqlName, index);
    assert(name !== null, `the index ${index.name} is there`);
    connection.execute(`DROP INDEX ${quoted(name)}`);
  }
  for (const part of dropSearch) for (const sql of part.drop) connection.execute(sql);
}

function createParts({ connection, table, catalog }: RefillContext, { createIndexes, createSearch }: Parts): Difference[] {
  const differences = createIndexes.flatMap((index) => createIndex(index, connection, table));
  for (const part of searchDdl(table, catalog)) {
    if (!createSearch.includes(part.name)) continue;
    for (const sql of part.create) connection.execute(sql);
    connection.execute(part.fill);
  }
  return differences;
}

function createIndex(index: IndexShape, connection: Connection, table: Table): Difference[] {
  try {
    connection.execute(index.sql);
    return [];
  } catch (error) {
    if (!(error instanceof SQLiteError) || !(error.code ?? "").startsWith("SQLITE_CONSTRAINT")) throw error;
    const [only] = index.fields;
    return [remedied(difference(table, index.fields.length === 1 ? only! : null,
      `became unique${index.fields.length === 1 ? "" : ` in ${index.fields.join(", ")}`}, and records share a value`, "Keep it without unique: true, or correct the values, by writing them or in Migrations."), { make: "not-unique", fields: index.fields })];
  }
}

/** Records that hold null where the schema now requires a value; a constant default fills them. */
function heldNulls({ connection, table }: RefillContext, { tightened, refilled }: TableChange): Difference[] {
  return tightened.flatMap((field) => {
    const column = quoted(field.name);
    if (refilled.includes(field.name) || constantDefault(fieldOf(table, field.name).fill) !== null) return [];
    const count = connection.values(`SELECT count(*) FROM ${quoted(table.sqlName)} WHERE ${column} IS NULL`)[0]![0] as number;
    if (count === 0) return [];
    return [remedied(difference(table, field.name, `became required, and ${count} records have none`, `Keep it nullable, give it @default(value: ...), or give its values in Migrations: ${exampleFunction(table.name, field.name)}.`), { make: "nullable", field: field.name })];
  });
}

/** Undeclared fields that nobody could read any more, or that a new field of that name would hide. */
function heldUndeclared({ connection, table }: RefillContext, { old, next, addedFields }: TableChange): Difference[] {
  if (!old.open) return [];
  const open = quoted(OPEN_COLUMN);
  const holders = (where: string): number => connection.values(`SELECT count(*) FROM ${quoted(table.sqlName)} WHERE ${where}`)[0]![0] as number;
  if (!next.open) {
    const count = holders(`${open} IS NOT NULL`);
    return count === 0 ? [] : [difference(table, "*", `no longer admits undeclared fields, and ${count} records have some`,
      `Keep @table(open: true), remove them first, or run ambit migrate apply --allow-destroy ${table.name}.`, "destructive")];
  }
  return addedFields.flatMap((field) => {
    const count = holders(`json_type(${open}, '$."${field.name}"') IS NOT NULL`);
    return count === 0 ? [] : [difference(table, field.name, `is new, and ${count} records hold an undeclared field of that name`, "Choose another name, or give its values in Migrations.")];
  });
}

/** Vectors that the index's metric could not compare with those of its length. */
function heldVectors({ connection, table }: RefillContext, { old, next }: TableChange): Difference[] {
  const before = new Set(old.fields.map((field) => field.name));
  return next.vectors.flatMap(({ field, dimensions }) => {
    if (!before.has(field)) return [];
    const key = quoted(keyColumn(field));
    const count = connection.values(`SELECT count(*) FROM ${quoted(table.sqlName)} WHERE length(${key}) <> ?1`, dimensions * FLOAT_BYTES)[0]![0] as number;
    if (count === 0) return [];
    return [difference(table, field, `has ${dimensions} dimensions now, and ${count} records hold vectors of another length`, "Keep the dimensions, add a field of the new ones beside it, or give its values in Migrations.")];
  });
}

export function constantDefault(fill: Fill | null): Value {
  return fill?.kind === "default-value" ? fill.value : null;
}

/** New columns, with a constant that SQLite gives to the rows that are there without writing them. */
function addColumns({ connection, table, catalog }: RefillContext, change: TableChange): void {
  const defaults = new Map<string, SqlValue>();
  for (const { name, type } of change.addedFields) {
    const field = fieldOf(table, name);
    const value = constantDefault(field.fill);
    if (value !== null) for (const column of fieldColumns(field, catalog)) defaults.set(column.name, column.encode({ [name]: value }, 0, null));
    // A computed one is written in the next step; NOT NULL needs something until then.
    else if (type.required) defaults.set(name, placeholder(field.type));
  }
  const present = new Set(change.old.columns);
  for (const column of columnsDdl(table)) {
    if (present.has(column.name)) continue;
    const value = defaults.get(column.name) ?? null;
    connection.execute(`ALTER TABLE ${quoted(table.sqlName)} ADD COLUMN ${column.sql}${value === null ? "" : ` DEFAULT ${literal(value)}`}`);
  }
  for (const { name } of change.tightened) {
    const field = fieldOf(table, name);
    const value = constantDefault(field.fill);
    if (value === null) continue;
    const columns = fieldColumns(field, catalog);
    const set = columns.map((column) => `${quoted(column.name)} = ${literal(column.encode({ [name]: value }, 0, null))}`).join(", ");
    connection.execute(`UPDATE ${quoted(table.sqlName)} SET ${set} WHERE ${quoted(name)} IS NULL`);
  }
}

function placeholder(type: TypeRef): SqlValue {
  if (isJsonColumn(type)) return "null";
  return columnType(type) === "TEXT" ? "" : 0;
}

export function literal(value: SqlValue): string {
  if (value === null) return "NULL";
  if (typeof value === "string") return `'${value.replaceAll("'", "''")}'`;
  return value instanceof Uint8Array ? `X'${value.toHex()}'` : String(value);
}

/** Row keys stay: the companions name rows by them. */
function copyTable({ connection, table, catalog }: RefillContext, { next }: TableChange): void {
  const copy = `${table.sqlName}$copy`;
  const columns = next.columns.map(quoted).join(", ");
  connection.execute(createTable(table, catalog, copy));
  connection.execute(`INSERT INTO ${quoted(copy)} (${columns}) SELECT ${columns} FROM ${quoted(table.sqlName)}`);
  connection.execute(`DROP TABLE ${quoted(table.sqlName)}`);
  connection.execute(`ALTER TABLE ${quoted(copy)} RENAME TO ${quoted(table.sqlName)}`);
}

/** Records that were there before get their time by the new rule; a longer or shorter expiration counts from the next write. */
function beginsToExpire({ old, next }: TableChange): boolean {
  if (next.expiry === null) return false;
  return old.expiry === null || old.expiry.field !== next.expiry.field || (old.expiry.ms === null) !== (next.expiry.ms === null);
}
