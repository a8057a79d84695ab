// Where memory tells followers what a commit means for a query, it tells what SQLite would answer: which records come, differ and go,
// and each row to the last digit, whatever the filter, rules, masks and types.
import { expect, test } from "bun:test";
import type { Rights } from "../../src/access/rights.ts";
import { AmbitError } from "../../src/base/error.ts";
import type { Json } from "../../src/base/value.ts";
import type { Change } from "../../src/changes/change.ts";
import type { Environment } from "../../src/expression/expression.ts";
import type { Plan } from "../../src/query/plan.ts";
import { parseRestQuery } from "../../src/query/rest-query.ts";
import { livePlan, rowWriter } from "../../src/resources/live-plan.ts";
import { LiveQuery } from "../../src/resources/live-query.ts";
import { readRows } from "../../src/storage/read-plan.ts";
import { testNow } from "../../src/storage/testing/plan-database.ts";
import { createDice, type Dice } from "./dice.ts";
import { createWorld, type World } from "./naive-world.ts";
import { randomApp, type FuzzApp } from "./random-app.ts";
import { RandomChanges } from "./random-changes.ts";
import { withRandomMasks } from "./random-masks.ts";
import { randomQuery } from "./random-query.ts";
import { withRandomRules } from "./random-rules.ts";

const size = process.env["AMBIT_TEST_SIZE"] === "long" ? 20_000 : 1_500;
const plansPerApp = 60;
const commitsPerPlan = 10;
const firstSeed = Number(process.env["AMBIT_TEST_SEED"] ?? 1);
const environment: Environment = { rows: {}, variables: { auth: { subject: "u1", roles: ["a"], tenant: null, claims: {} } }, now: testNow, source: null };
const unruled = { authority: null, administrator: true } as Rights;

interface Fuzzed { readonly app: FuzzApp; readonly world: World; readonly dice: Dice; readonly changes: RandomChanges }

test(`${size} commits told by memory, from seed ${firstSeed}`, () => {
  let commits = 0;
  let told = 0;
  for (let round = 0; commits < size; round++) {
    const dice = createDice(firstSeed + round);
    const app = randomApp(dice);
    const world = createWorld({ catalog: app.catalog, book: app.database.book, records: app.records, now: testNow, variables: environment.variables });
    const fuzzed: Fuzzed = { app, world, dice, changes: new RandomChanges(app, dice) };
    for (let index = 0; index < plansPerApp; index++) {
      const plan = randomPlan(fuzzed);
      const write = plan === null ? null : rowWriter(plan, true, { catalog: app.catalog, book: app.database.book });
      if (plan === null || write === null) continue;
      try {
        told += follow(plan, write, fuzzed);
      } catch (error) {
        throw new Error(`seed ${dice.seed}, plan ${index}: ${JSON.stringify(plan)}\n${error instanceof Error ? error.message : String(error)}`, { cause: error });
      }
      commits += commitsPerPlan;
    }
  }
  console.log(`live: ${commits} commits, ${told} changes told`);
  expect(told).toBeGreaterThan(size / 10);
}, 600_000);

/** Null: refused, or of records that go by themselves. */
function randomPlan({ app, dice, world }: Fuzzed): Plan | null {
  const { catalog, database } = app;
  const table = database.table(dice.pick(["Alpha", "Alpha", "Beta", "Gamma", "Link"]));
  if (table.expirationMs !== null || table.expiresAt !== null) return null;
  const scope = { catalog, fields: (one: typeof table) => one.fields, readable: () => true };
  try {
    const { plan } = parseRestQuery(randomQuery(table, { catalog, dice }), { table, scope, limits: database.limits, now: testNow });
    // What is not told by memory stays out: most plans would be of that kind.
    const simple = dice.chance(0.8) ? plan.select.filter((item) => item.kind === "value" && item.cast === null || item.kind === "open") : plan.select;
    const followed = livePlan({ plan: { ...plan, select: simple, offset: 0, after: null, search: null, similar: null, near: null }, limit: null }, unruled, { catalog, limits: database.limits });
    const masked = dice.chance(0.4) ? withRandomMasks(followed, world, dice) : followed;
    const ruled = dice.chance(0.4) ? withRandomRules(masked, { catalog, dice }) : masked;
    return { ...ruled, select: ruled.select.map((item) => (item.kind === "value" && item.alias === table.primaryKey ? { ...item, visibleWhen: null } : item)) };
  } catch (error) {
    if (error instanceof AmbitError && error.status < 500) return null;
    throw error;
  }
}

function follow(plan: Plan, writer: NonNullable<ReturnType<typeof rowWriter>>, { app, changes }: Fuzzed): number {
  const { database, catalog } = app;
  const compiled = database.compile(plan);
  const source = { compiled, writer, now: () => environment.now, read: (at: typeof environment) => readRows(database.connection, compiled, at), position: String, rowsMax: 100_000, count: () => {} };
  const query = new LiveQuery(source, { variables: environment.variables, mark: "" });
  const key = catalog.tables.get(plan.table)!.primaryKey;
  const read = (): Map<string, Json> => new Map((JSON.parse(query.read().rows.json) as { [name: string]: Json }[]).map((row) => [JSON.stringify(row[key]), row]));
  const state = read();
  let told = 0;
  for (let index = 0; index < commitsPerPlan; index++) {
    const made = changes.next({ tables: [plan.table], id: null }).map((change): Change => ({ ...change, cause: "write" }));
    for (const change of query.changesOf(made) ?? []) {
      told++;
      expect([change.key, change.type, state.has(change.key)]).toEqual([change.key, change.type, change.type !== "enter"]);
      if (change.type === "leave") state.delete(change.key);
      else state.set(change.key, JSON.parse(change.record) as Json);
    }
    expect(sorted(state)).toEqual(sorted(read()));
  }
  return told;
}

function sorted(rows: ReadonlyMap<string, Json>): unknown {
  return [...rows].sort(([left], [right]) => (left < right ? -1 : 1));
}
