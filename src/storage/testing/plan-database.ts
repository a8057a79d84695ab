// For tests of plans: an app's tables in memory, filled with records in memory form, and plans read from them.
import { Database } from "bun:sqlite";
import { assert } from "../../base/assert.ts";
import { defaultLimits, type Limits } from "../../base/limits.ts";
import type { Json, RecordValues, Value } from "../../base/value.ts";
import { compileCatalogExpressions } from "../../expression/compile-catalog.ts";
import type { Environment } from "../../expression/expression.ts";
import type { ExpressionBook } from "../../expression/expression-book.ts";
import type { Plan } from "../../query/plan.ts";
import { parseRestQuery } from "../../query/rest-query.ts";
import { compileSchema } from "../../schema/compile-schema.ts";
import type { Catalog, Table } from "../../schema/catalog.ts";
import { connect, type Connection } from "../connection.ts";
import { tableDdl } from "../ddl.ts";
import { explainPlan } from "../explain-plan.ts";
import { registerPlanFunctions } from "../plan-functions.ts";
import { compilePlan, type CompiledPlan } from "../plan-sql.ts";
import { readRows, type RowSet } from "../read-plan.ts";
import { recordCodec } from "../record-codec.ts";
import { registerSqlFunctions } from "../sql-functions.ts";
import { loadVectorFunctions, usesVectors } from "../vector-functions.ts";

export const testNow = "2026-06-01T00:00:00.000Z";

export interface PlanDatabase {
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  readonly connection: Connection;
  readonly limits: Limits;
  /** Parents first. `expires`: a canonical DateTime under the name `$expires`. */
  insert(table: string, ...records: RecordValues[]): void;
  compile(plan: Plan): CompiledPlan;
  read(plan: Plan, variables?: Environment["variables"]): RowSet;
  rows(plan: Plan, variables?: Environment["variables"]): Json;
  table(name: string): Table;
  /** `Product?price=lt.5&order=price`, as REST reads it, with everything in sight. */
  plan(query: string): Plan;
  /** The answer to such a query. */
  get(query: string): Json;
  /** Steps of EXPLAIN QUERY PLAN, without indentation. */
  steps(plan: Plan): string[];
}

/** `schema` is SDL without errors. */
export function planDatabase(schema: string, limits: Partial<Limits> = {}): PlanDatabase {
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text: schema });
  const { book, diagnostics: broken } = compileCatalogExpressions(catalog);
  const problems = [...diagnostics, ...broken].filter(({ severity }) => severity === "error");
  assert(problems.length === 0, problems.map(({ code, message }) => `${code}: ${message}`).join("\n"));
  const connection = openTables(catalog);
  const bounds = { ...defaultLimits, ...limits };
  const compile = (plan: Plan): CompiledPlan => compilePlan(plan, { catalog, book, limits: bounds });
  const read = (plan: Plan, variables: Environment["variables"] = {}): RowSet =>
    readRows(connection, compile(plan), environmentOf(variables));
  return {
    catalog, book, connection, limits: bounds, compile, read,
    insert: (table, ...records) => insertRecords(connection, catalog, tableOf(catalog, table), records),
    rows: (plan, variables) => JSON.parse(read(plan, variables).json) as Json,
    table: (name) => tableOf(catalog, name),
    plan: (query) => restPlan(query, catalog, bounds),
    get: (query) => JSON.parse(read(restPlan(query, catalog, bounds)).json) as Json,
    steps: (plan) => explainPlan(connection, compile(plan), environmentOf({})).steps.map((step) => step.trim()),
  };
}

function environmentOf(variables: Environment["variables"]): Environment {
  return { rows: {}, variables, now: testNow, source: null };
}

function restPlan(query: string, catalog: Catalog, limits: Limits): Plan {
  const [name, parameters] = query.split("?") as [string, string?];
  const scope = { catalog, fields: (table: Table) => table.fields, readable: () => true };
  return parseRestQuery([...new URLSearchParams(parameters ?? "")], { table: tableOf(catalog, name), scope, limits, now: testNow }).plan;
}

function openTables(catalog: Catalog): Connection {
  const database = new Database(":memory:");
  registerSqlFunctions(database);
  registerPlanFunctions(database);
  if (usesVectors(catalog)) loadVectorFunctions(database);
  const connection = connect(database, defaultLimits.planCacheEntries);
  for (const table of catalog.tables.values()) for (const sql of tableDdl(table, catalog)) connection.execute(sql);
  return connection;
}

function tableOf(catalog: Catalog, name: string): Table {
  const table = catalog.tables.get(name);
  assert(table !== undefined, `no table ${name}`);
  return table;
}

function insertRecords(connection: Connection, catalog: Catalog, table: Table, records: readonly RecordValues[]): void {
  const codec = recordCodec(table, catalog);
  connection.execute("BEGIN");
  for (const { $expires: expires, ...values } of records as readonly { readonly [name: string]: Value }[]) {
    connection.run(codec.insertSql, ...codec.encode(values, 1, (expires ?? null) as string | null));
  }
  connection.execute("COMMIT");
}
