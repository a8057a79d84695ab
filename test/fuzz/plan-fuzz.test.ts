// Random REST queries on random apps: SQLite's answer is the naive interpreter's, paging meets each row once, nothing but refusals fails.
import { expect, test } from "bun:test";
import { AmbitError } from "../../src/base/error.ts";
import type { Json } from "../../src/base/value.ts";
import type { Plan } from "../../src/query/plan.ts";
import { parseRestQuery } from "../../src/query/rest-query.ts";
import type { Scope } from "../../src/query/scope.ts";
import type { Table } from "../../src/schema/catalog.ts";
import { parametersOf } from "../../src/storage/plan-run.ts";
import { testNow } from "../../src/storage/testing/plan-database.ts";
import { differenceOf } from "./compare-answers.ts";
import { createDice, type Dice } from "./dice.ts";
import { createWorld, type World } from "./naive-world.ts";
import { randomApp, type FuzzApp } from "./random-app.ts";
import { withRandomMasks } from "./random-masks.ts";
import { randomQuery, type Pairs } from "./random-query.ts";

const size = process.env["AMBIT_TEST_SIZE"] === "long" ? 20_000 : 2_000;
const queriesPerApp = 100;
const firstSeed = Number(process.env["AMBIT_TEST_SEED"] ?? 1);
const variables = { auth: { subject: "u1", roles: ["a"], tenant: null, claims: {} } };

interface Fuzzed { readonly app: FuzzApp; readonly world: World; readonly scope: Scope; readonly dice: Dice }

test(`${size} random queries from seed ${firstSeed}`, () => {
  let accepted = 0;
  for (let round = 0; round < size / queriesPerApp; round++) {
    const fuzzed = startApp(firstSeed + round);
    for (let index = 0; index < queriesPerApp; index++) if (runQuery(fuzzed, index)) accepted++;
  }
  // Most must reach SQLite, else the fuzz shows nothing.
  expect(accepted).toBeGreaterThan(size * 0.6);
}, 600_000);

function startApp(seed: number): Fuzzed {
  const dice = createDice(seed);
  const app = randomApp(dice);
  const { catalog } = app;
  const world = createWorld({ catalog, book: app.database.book, records: app.records, now: testNow, variables });
  return { app, world, dice, scope: { catalog, fields: (table) => table.fields, readable: () => true } };
}

/** True if the query was accepted. */
function runQuery(fuzzed: Fuzzed, index: number): boolean {
  const { app, dice, world } = fuzzed;
  const table = app.database.table(dice.pick(["Alpha", "Alpha", "Beta", "Gamma", "Link"]));
  const pairs = randomQuery(table, { catalog: app.catalog, dice });
  try {
    const parsed = planOf(pairs, table, fuzzed);
    if (parsed === null) return false;
    const plan = dice.chance(0.3) ? withRandomMasks(parsed, world, dice) : parsed;
    const difference = differenceOf(plan, app.database, world, variables);
    if (difference !== null) throw new Error(difference);
    checkOtherWay(plan, app);
    if (dice.chance(0.3)) checkPaging(plan, fuzzed);
    return true;
  } catch (error) {
    throw new Error(`seed ${dice.seed}, query ${index}: ${table.name}?${JSON.stringify(pairs)}\n${error instanceof Error ? error.stack : String(error)}`, { cause: error });
  }
}

/** Null: refused, as it should be with an error of the client. */
function planOf(pairs: Pairs, table: Table, { app, scope }: Fuzzed): Plan | null {
  try {
    return parseRestQuery(pairs, { table, scope, limits: app.database.limits, now: testNow }).plan;
  } catch (error) {
    if (error instanceof AmbitError && error.status >= 400 && error.status < 500) return null;
    throw error;
  }
}

/** Where a plan may go by an index or through the table, both give the same rows. */
function checkOtherWay(plan: Plan, { database }: FuzzApp): void {
  const compiled = database.compile(plan);
  if (compiled.sparse === null) return;
  const environment = { rows: {}, variables, now: testNow, source: null };
  const [dense, sparse] = [compiled.rows, compiled.sparse().rows].map((statement) =>
    JSON.stringify(database.connection.all(statement.sql, ...parametersOf(statement, compiled, environment))));
  expect(dense).toBe(sparse!);
}

function rowsUnlessOverflow(plan: Plan, app: FuzzApp): Json[] | null {
  try {
    return app.database.rows(plan, variables) as Json[];
  } catch (error) {
    if (error instanceof AmbitError && error.code === "AGGREGATE_OVERFLOW") return null;
    throw error;
  }
}

/** Page by page with cursors: the same rows as at once, each exactly once. */
function checkPaging(plan: Plan, { app, dice }: Fuzzed): void {
  const ranked = plan.order.length === 0 && (plan.search ?? plan.similar ?? plan.near) !== null;
  if (plan.grouped || ranked || plan.limit === 0) return;
  const whole = { ...plan, limit: 200, offset: 0, after: null };
  const expected = rowsUnlessOverflow(whole, app);
  if (expected === null) return;
  const limit = 1 + dice.below(4);
  const found: Json[] = [];
  let after: Json[] | null = null;
  do {
    const page = app.database.read({ ...whole, limit, after }, variables);
    found.push(...(JSON.parse(page.json) as Json[]));
    after = page.lastKeys;
    if (found.length > expected.length) break;
  } while (after !== null);
  expect(JSON.stringify(found)).toBe(JSON.stringify(expected));
}
