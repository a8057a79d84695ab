// Random REST queries about an earlier moment: rows are spread over tables and their former versions, with versions of other moments between
// them; the answer is the naive interpreter's on the rows of that moment.
import { expect, test } from "bun:test";
import { AmbitError } from "../../src/base/error.ts";
import { asOfPlan } from "../../src/query/as-of.ts";
import type { Plan } from "../../src/query/plan.ts";
import { parseRestQuery } from "../../src/query/rest-query.ts";
import type { Catalog } from "../../src/schema/catalog.ts";
import { quoted } from "../../src/storage/column.ts";
import { prepareHistory } from "../../src/storage/history-ddl.ts";
import { historyTable } from "../../src/storage/history-tables.ts";
import { compilePlan } from "../../src/storage/plan-sql.ts";
import { readRows } from "../../src/storage/read-plan.ts";
import { recordCodec } from "../../src/storage/record-codec.ts";
import { createSystemTables } from "../../src/storage/system-tables.ts";
import { testNow, type PlanDatabase } from "../../src/storage/testing/plan-database.ts";
import { differenceOf } from "./compare-answers.ts";
import { createDice, type Dice } from "./dice.ts";
import { createWorld } from "./naive-world.ts";
import { randomApp } from "./random-app.ts";
import { withRandomMasks } from "./random-masks.ts";
import { randomQuery } from "./random-query.ts";

const size = process.env["AMBIT_TEST_SIZE"] === "long" ? 20_000 : 800;
const queriesPerApp = 100;
const firstSeed = Number(process.env["AMBIT_TEST_SEED"] ?? 1);
const variables = { auth: { subject: "u1", roles: ["a"], tenant: null, claims: {} } };
const MOMENT = { position: 10, time: testNow };

test(`${size} random queries about an earlier moment from seed ${firstSeed}`, () => {
  let accepted = 0;
  for (let round = 0; round < size / queriesPerApp; round++) {
    const dice = createDice(firstSeed + round);
    const app = randomApp(dice);
    const database = spread(app.database, dice);
    const world = createWorld({ catalog: app.catalog, book: database.book, records: app.records, now: testNow, variables });
    for (let index = 0; index < queriesPerApp; index++) {
      const table = app.database.table(dice.pick(["Alpha", "Beta", "Gamma", "Link"]));
      const pairs = randomQuery(table, { catalog: app.catalog, dice });
      const plan = planOf(pairs, database, table.name);
      if (plan === null) continue;
      accepted++;
      const difference = differenceOf(dice.chance(0.3) ? withRandomMasks(plan, world, dice) : plan, database, world, variables);
      expect(difference, `seed ${firstSeed + round}, query ${index}: ${table.name}?${JSON.stringify(pairs)}`).toBeNull();
    }
  }
  expect(accepted).toBeGreaterThan(size * 0.3);
}, 600_000);

/** Null: refused. */
function planOf(pairs: Parameters<typeof parseRestQuery>[0], { catalog, limits }: PlanDatabase, name: string): Plan | null {
  try {
    const scope = { catalog, fields: (table: { readonly fields: ReadonlyMap<string, never> }) => table.fields, readable: () => true };
    const { plan } = parseRestQuery(pairs, { table: catalog.tables.get(name)!, scope: scope as never, limits, now: testNow });
    return asOfPlan(plan, { kind: "time", time: testNow }, catalog);
  } catch (error) {
    if (error instanceof AmbitError && error.status >= 400 && error.status < 500) return null;
    throw error;
  }
}

/** The same records as of MOMENT; around it others. */
function spread(database: PlanDatabase, dice: Dice): PlanDatabase {
  const { connection, book, limits } = database;
  const catalog: Catalog = { ...database.catalog, tables: new Map([...database.catalog.tables].map(([name, table]) => [name, { ...table, historyMs: 1 }])) };
  connection.execute("PRAGMA foreign_keys = OFF");
  createSystemTables(connection);
  prepareHistory({ connection, catalog, nowMs: 0 }, { old: { tables: [] }, rewritten: new Set(), isApproved: () => false });
  for (const table of catalog.tables.values()) {
    const [name, history, key] = [table.sqlName, historyTable(table.sqlName), table.primaryKey].map(quoted) as [string, string, string];
    const columns = recordCodec(table, catalog).names.map(quoted);
    const keep = (until: number, version: number, where: string, ...parameters: (string | number)[]): void => {
      const values = columns.map((column) => (column === `"$version"` ? String(version) : column)).join(", ");
      connection.run(`INSERT INTO ${history} (${columns.join(", ")}, "$until", "$ended", "$ending") SELECT ${values}, ${until}, '', 'update' FROM ${name} WHERE ${where}`, ...parameters);
    };
    // Before it, and after it.
    keep(9, 1, "1");
    keep(20, 11, "1");
    for (const [id] of connection.values(`SELECT CAST(${key} AS TEXT) FROM ${name}`)) {
      const one = `CAST(${key} AS TEXT) = ?1`;
      const how = dice.below(4);
      if (how >= 2) continue;
      keep(dice.pick([11, 15]), dice.pick([1, 10]), one, id as string);
      if (how === 0) connection.run(`DELETE FROM ${name} WHERE ${one}`, id!);
      else connection.run(`UPDATE ${name} SET "$version" = 11 WHERE ${one}`, id!);
    }
  }
  const read: PlanDatabase["read"] = (plan, given = {}) =>
    readRows(connection, compilePlan(plan, { catalog, book, limits }), { rows: {}, variables: { ...given, asof: MOMENT }, now: testNow, source: null });
  return { ...database, catalog, read };
}
