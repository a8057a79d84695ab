// Whenever a commit alters the answer to a plan, it touches a footprint of that plan. Reads by key are touched by no other record.
import { expect, test } from "bun:test";
import { AmbitError } from "../../src/base/error.ts";
import type { Value } from "../../src/base/value.ts";
import type { Change } from "../../src/changes/change.ts";
import type { Environment } from "../../src/expression/expression.ts";
import { FootprintIndex } from "../../src/query/footprint-index.ts";
import { footprintsOf, type AnswerRow } from "../../src/query/footprint-plan.ts";
import { touches, type Footprint } from "../../src/query/footprint.ts";
import type { Plan } from "../../src/query/plan.ts";
import { parseRestQuery } from "../../src/query/rest-query.ts";
import { readRows, type RowSet } from "../../src/storage/read-plan.ts";
import type { CompiledPlan } from "../../src/storage/plan-sql.ts";
import { testNow } from "../../src/storage/testing/plan-database.ts";
import { createDice, type Dice } from "./dice.ts";
import { createWorld, type World } from "./naive-world.ts";
import { randomApp, type FuzzApp } from "./random-app.ts";
import { RandomChanges } from "./random-changes.ts";
import { withRandomMasks } from "./random-masks.ts";
import { randomQuery } from "./random-query.ts";
import { withRandomRules } from "./random-rules.ts";

const size = process.env["AMBIT_TEST_SIZE"] === "long" ? 20_000 : 2_000;
const plansPerApp = 40;
const commitsPerPlan = 10;
const firstSeed = Number(process.env["AMBIT_TEST_SEED"] ?? 1);
const environment: Environment = { rows: {}, variables: { auth: { subject: "u1", roles: ["a"], tenant: null, claims: {} } }, now: testNow, source: null };

/** `standing`: footprints of all plans so far, of which some go. */
interface Fuzzed { readonly app: FuzzApp; readonly world: World; readonly dice: Dice; readonly changes: RandomChanges; readonly standing: Standing }
interface Standing { readonly index: FootprintIndex<Footprint>; readonly all: Set<Footprint> }
interface Counts { altered: number; unaltered: number; vain: number }

const counts = { keyed: noCounts(), window: noCounts(), other: noCounts(), timed: { forever: 0, bounded: 0 } };

function noCounts(): Counts {
  return { altered: 0, unaltered: 0, vain: 0 };
}

test(`${size} commits beside random plans from seed ${firstSeed}`, () => {
  let commits = 0;
  for (let round = 0; commits < size; round++) {
    const fuzzed = startApp(firstSeed + round);
    for (let index = 0; index < plansPerApp; index++) {
      const plan = randomPlan(fuzzed);
      if (plan === null) continue;
      try {
        runPlan(plan, fuzzed);
      } catch (error) {
        throw new Error(`seed ${fuzzed.dice.seed}, plan ${index}: ${JSON.stringify(plan)}\n${error instanceof Error ? error.message : String(error)}`, { cause: error });
      }
      commits += commitsPerPlan;
    }
  }
  const rate = ({ vain, unaltered }: Counts): number => vain / Math.max(1, unaltered);
  console.log(`footprints: ${JSON.stringify(counts)}, in vain: keyed ${rate(counts.keyed).toFixed(3)}, window ${rate(counts.window).toFixed(3)}, other ${rate(counts.other).toFixed(3)}`);
  for (const { altered } of [counts.keyed, counts.window, counts.other]) expect(altered).toBeGreaterThan(size / 400);
  expect(counts.timed.bounded).toBeGreaterThan(size / 100);
  // Those of records that have expired, and of commits that take back what they did.
  expect(rate(counts.keyed)).toBeLessThan(0.2);
  expect(rate(counts.other)).toBeLessThan(0.5);
}, 600_000);

function startApp(seed: number): Fuzzed {
  const dice = createDice(seed);
  const app = randomApp(dice);
  const world = createWorld({ catalog: app.catalog, book: app.database.book, records: app.records, now: testNow, variables: environment.variables });
  return { app, world, dice, changes: new RandomChanges(app, dice), standing: { index: new FootprintIndex(app.database.book), all: new Set() } };
}

/** Null: refused. */
function randomPlan({ app, dice, world, changes }: Fuzzed): Plan | null {
  const { catalog, database } = app;
  const table = database.table(dice.pick(["Alpha", "Alpha", "Beta", "Gamma", "Link"]));
  const keyed = dice.chance(0.15);
  const pairs = keyed ? [["id", `eq.${String(changes.key(table.name))}`] as [string, string]] : randomQuery(table, { catalog, dice });
  const scope = { catalog, fields: () => table.fields, readable: () => true };
  try {
    const { plan } = parseRestQuery(pairs, { table, scope: { ...scope, fields: (one) => one.fields }, limits: database.limits, now: testNow });
    if (keyed) return plan;
    const masked = dice.chance(0.2) ? withRandomMasks(plan, world, dice) : plan;
    const ruled = dice.chance(0.4) ? withRandomRules(masked, { catalog, dice }) : masked;
    return dice.chance(0.2) ? { ...ruled, count: "exact" } : ruled;
  } catch (error) {
    if (error instanceof AmbitError && error.status < 500) return null;
    throw error;
  }
}

function runPlan(first: Plan, fuzzed: Fuzzed): void {
  const { app, dice, changes } = fuzzed;
  const { database } = app;
  let plan = first;
  let compiled = database.compile(plan);
  const keyed = isByKey(plan);
  for (let index = 0; index < commitsPerPlan; index++) {
    const before = answerOf(compiled, app);
    if (before === null) return;
    const answer = dice.chance(0.6) ? JSON.parse(before.json) as AnswerRow[] : null;
    const nextInstant = changes.nextInstant.bind(changes);
    const { footprints, validUntil } = footprintsOf(plan, { environment, rows: before.rows, lastKeys: before.lastKeys, answer, nextInstant }, database);
    checkTime(compiled, before, validUntil, app);
    const made = changes.next({ tables: footprints.map((footprint) => footprint.table), id: keyed ? keyOf(plan) : null });
    const after = answerOf(compiled, app);
    if (after === null) return;
    const touched = isTouched(made, footprints, app);
    stand(footprints, made, fuzzed);
    const altered = after.json !== before.json || after.total !== before.total;
    if (altered && !touched) throw new Error(`${JSON.stringify(made, textOfBigint)}\nbefore ${before.json}\nafter  ${after.json}\n${Bun.inspect(footprints, { depth: 12 })}`);
    if (keyed && touched) expect(made.map(({ table, id }) => `${table} ${String(id)}`)).toContain(`${plan.table} ${String(keyOf(plan))}`);
    const count = keyed ? counts.keyed : before.lastKeys !== null ? counts.window : counts.other;
    if (altered) count.altered++;
    else count.unaltered++;
    if (touched && !altered) count.vain++;
    // The next page, sometimes.
    if (after.lastKeys !== null && dice.chance(0.3)) {
      plan = { ...plan, after: after.lastKeys };
      compiled = database.compile(plan);
    }
  }
}

/** Until then, time alone changes nothing. */
function checkTime(compiled: CompiledPlan, before: RowSet, validUntil: string | null, app: FuzzApp): void {
  const start = Date.parse(testNow);
  const span = validUntil === null ? 20 * 365 * 86_400_000 : Date.parse(validUntil) - start;
  if (span <= 1) return;
  counts.timed[validUntil === null ? "forever" : "bounded"]++;
  for (const part of [0.01, 0.5, 1]) {
    const now = new Date(start + Math.floor((span - 1) * part)).toISOString();
    const later = answerOf(compiled, app, { ...environment, now });
    if (later !== null && (later.json !== before.json || later.total !== before.total)) throw new Error(`valid until ${String(validUntil)}, at ${now}\nbefore ${before.json}\nafter  ${later.json}`);
  }
}

/** The index finds what looking at each finds. */
function isTouched(changes: readonly Omit<Change, "cause">[], footprints: readonly Footprint[], { database: { book } }: FuzzApp): boolean {
  const index = new FootprintIndex<Footprint>(book);
  for (const footprint of footprints) index.add(footprint, [footprint]);
  const found = index.touched(changes);
  expect([...found]).toEqual(expect.arrayContaining(footprints.filter((footprint) => changes.some((change) => touches(change, footprint, book)))));
  for (const footprint of found) expect(changes.some((change) => touches(change, footprint, book))).toBe(true);
  for (const footprint of footprints) index.remove(footprint);
  expect(index.size).toBe(0);
  return found.size > 0;
}

/** Among many the index finds what looking at each finds, also after some have gone. */
function stand(footprints: readonly Footprint[], changes: readonly Omit<Change, "cause">[], { standing: { index, all }, dice, app: { database: { book } } }: Fuzzed): void {
  for (const footprint of footprints) {
    index.add(footprint, [footprint]);
    all.add(footprint);
  }
  const found = index.touched(changes);
  const naive = [...all].filter((footprint) => changes.some((change) => touches(change, footprint, book)));
  expect(found.size).toBe(naive.length);
  for (const footprint of naive) if (!found.has(footprint)) throw new Error(`not found: ${Bun.inspect(footprint, { depth: 12 })}`);
  for (const footprint of all) {
    if (!dice.chance(0.02)) continue;
    index.remove(footprint);
    all.delete(footprint);
  }
  expect(index.size).toBe(all.size);
}

/** Null: a sum is too large to be shown. */
function answerOf(compiled: CompiledPlan, { database }: FuzzApp, at = environment): RowSet | null {
  try {
    return readRows(database.connection, compiled, at);
  } catch (error) {
    if (error instanceof AmbitError) return null;
    throw error;
  }
}

function isByKey({ filter, select }: Plan): boolean {
  return filter?.op === "compare" && filter.comparison === "eq" && filter.left.op === "field" && filter.left.field === "id" && select.every((item) => item.kind !== "embed");
}

function keyOf({ filter }: Plan): Value {
  return filter?.op === "compare" && filter.right.op === "literal" ? filter.right.value : null;
}

function textOfBigint(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}
