// A table with every kind of field, random records of it in SQLite and in memory, and both verdicts on an expression. Tests only.
import { Database } from "bun:sqlite";
import type { RecordValues, SqlValue, Value } from "../../base/value.ts";
import { compileCatalogExpressions } from "../../expression/compile-catalog.ts";
import { evaluate, isTrue } from "../../expression/evaluate.ts";
import type { Environment, Expression, RecordSource } from "../../expression/expression.ts";
import { typeOf } from "../../expression/field-type.ts";
import { compileSchema } from "../../schema/compile-schema.ts";
import { tableDdl } from "../ddl.ts";
import { expressionSql, orderKeySql, type SqlContext } from "../expression-sql.ts";
import { recordCodec } from "../record-codec.ts";
import { registerSqlFunctions } from "../sql-functions.ts";
import { toSqlValue } from "../sql-value.ts";

export const fixtureNow = "2026-03-01T12:00:00.000Z";

const SCHEMA = `
enum Color { RED GREEN BLUE }
type Inner { deep: String count: Long flag: Boolean }
type Address { city: String lat: Float lon: Float floors: Int people: Long since: Date price: Decimal tags: [String] meta: JSON inner: Inner open: Boolean }
type Owner @table {
  id: ID! @primaryKey
  name: String
  age: Int
  credit: Decimal
  vip: Boolean
  until: DateTime @expiresAt
  bossId: ID
  boss: Owner @relationship(from: "bossId")
  half: Float @computed(rule: "double(record.age) / 2.0")
}
type Item @table @indexed(type: GEO, fields: ["lat", "lon"]) {
  id: Long! @primaryKey
  i: Int
  l: Long
  m: Money @currency(code: "EUR")
  f: Float
  b: Boolean
  s: String @indexed(fold: true)
  t: String @indexed(type: TEXT)
  u: String @indexed(type: TEXT)
  color: Color
  at: DateTime @indexed
  on: Date
  d: Duration
  x: Decimal @indexed
  y: Decimal
  j: JSON
  bytes: Bytes
  place: Address @indexed(type: GEO)
  lat: Float
  lon: Float
  ss: [String]
  ii: [Int]
  ll: [Long]
  ff: [Float]
  xx: [Decimal]
  dd: [Duration]
  bb: [Boolean]
  places: [Address]
  ownerId: ID
  owner: Owner @relationship(from: "ownerId")
  twice: Int @computed(rule: "record.i * 2")
  ownerAge: Int @computed(rule: "record.owner.age")
}`;

const compiled = compileSchema({ file: "schema.graphql", text: SCHEMA });
const { book, diagnostics } = compileCatalogExpressions(compiled.catalog, { ruleSteps: 16 });
export const fixtureProblems = [...compiled.diagnostics, ...diagnostics];
export const fixtureCatalog = compiled.catalog;
export const fixtureBook = book;

export interface ExpressionFixture {
  readonly database: Database;
  readonly items: readonly RecordValues[];
  environment(item: RecordValues): Environment;
  /** By record, in order of their ids. Integers as text, so that none is rounded. */
  bySql(expression: Expression, key?: boolean): { readonly values: readonly SqlValue[]; readonly sql: string };
  inMemory(expression: Expression): readonly Value[];
}

export function expressionFixture(items: readonly RecordValues[], owners: readonly RecordValues[], variables: Readonly<Record<string, Value>>): ExpressionFixture {
  const database = new Database(":memory:");
  registerSqlFunctions(database);
  for (const table of fixtureCatalog.tables.values()) for (const statement of tableDdl(table, fixtureCatalog)) database.run(statement);
  database.run("PRAGMA foreign_keys = OFF");
  store(database, "Owner", owners);
  store(database, "Item", items);
  const source = memorySource({ Item: items, Owner: owners });
  const environment = (item: RecordValues): Environment => ({ rows: { record: item, old: null }, variables, now: fixtureNow, source });
  return {
    database, items, environment,
    bySql: (expression, key = false) => valuesBySql(database, expression, environment(items[0]!), key),
    inMemory: (expression) => items.map((item) => evaluate(expression, environment(item), book)),
  };
}

function store(database: Database, name: string, records: readonly RecordValues[]): void {
  const codec = recordCodec(fixtureCatalog.tables.get(name)!, fixtureCatalog);
  const insert = database.prepare(codec.insertSql);
  for (const record of records) insert.run(...codec.encode(record, 1, (record["until"] ?? null) as string | null));
}

function memorySource(tables: Readonly<Record<string, readonly RecordValues[]>>): RecordSource {
  const alive = (name: string): readonly RecordValues[] => tables[name]!.filter((record) => (record["until"] ?? null) === null || (record["until"] as string) > fixtureNow);
  return {
    get: (table, id) => alive(table).find((record) => record["id"] === id) ?? null,
    exists: (table, row, where, environment) => alive(table).some((record) => isTrue(where, { ...environment, rows: { ...environment.rows, [row]: record } }, book)),
  };
}

function valuesBySql(database: Database, expression: Expression, environment: Environment, key: boolean): { values: SqlValue[]; sql: string } {
  const bound: SqlValue[] = [];
  let aliases = 0;
  const context: SqlContext = {
    catalog: fixtureCatalog, book, rows: { record: { alias: "r", table: "Item" }, old: { alias: "nothing", table: "Item" } },
    bind(slot) {
      const value = slot.kind === "value" ? slot.value : toSqlValue(evaluate(slot.expression, { ...environment, rows: {} }, book), typeOf(slot.expression));
      return `?${bound.push(value)}`;
    },
    nextAlias: () => `a${aliases++}`,
  };
  const sql = key ? orderKeySql(expression, context) : expressionSql(expression, context);
  const text = typeOf(expression).kind === "int" ? `CASE typeof(v) WHEN 'integer' THEN CAST(v AS TEXT) WHEN 'null' THEN NULL ELSE 'not an integer: ' || v END` : "v";
  const rows = database.query(`SELECT ${text} FROM (SELECT ${sql} AS v FROM "Item" AS "r" ORDER BY "id")`).values(...bound);
  return { values: rows.map((row) => row[0] as SqlValue), sql };
}
