// Random bodies at the same time, beside single writes: each has seen and done what it would have in the order of the log, alone.
import { expect, test } from "bun:test";
import { endpoints } from "../../src/resources/app-api.ts";
import { seededRandom } from "../../src/base/random.ts";
import { logHead, readEntries } from "../../src/changes/log.ts";
import { openApp, nobody, type OpenApp } from "../../src/resources/testing/open-app.ts";
import type { TestContext } from "../../src/resources/testing/typed-context.ts";
import { dataOf, Model, randomProgram, run, type Program } from "./random-bodies.ts";

const SDL = `
type Item @table @export { id: ID! @primaryKey group: Int! @indexed value: Int! sku: String @indexed(unique: true) pointers: [Pointer!]! @relationship(to: "itemId") }
type Pointer @table @export { id: ID! @primaryKey itemId: ID! @indexed item: Item! @relationship(from: "itemId") }
type Endpoints {
  run(index: Int!): Int! @http(method: POST) @allow(to: ["public"])
  nested(index: Int!): Int! @http(method: POST, transaction: NONE) @allow(to: ["public"])
}
`;

const LONG = process.env["AMBIT_TEST_SIZE"] === "long";
const ROUNDS = LONG ? 300 : 40;
const BODIES = 12;

const pause = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
let programs: readonly Program[] = [];
const Endpoints = endpoints({
  run: (ctx: TestContext, { index }: { index: number }) => run(programs[index]!, dataOf(ctx), pause),
  nested: (ctx: TestContext, { index }: { index: number }) => ctx.transaction((inner) => run(programs[index]!, dataOf(inner), pause)),
});

/** What each saw, or the code that it ended in. */
async function together(app: OpenApp, kinds: readonly ("run" | "nested")[]): Promise<(number | string)[]> {
  return Promise.all(kinds.map(async (name, index) => {
    try {
      const { body } = await app.dispatcher.dispatch({
        body: { kind: "endpoint", name, input: { index } }, identity: nobody, requestId: `body ${index}`, idempotency: null, request: null, signal: null,
      });
      return body as number;
    } catch (error) {
      return (error as { code: string }).code;
    }
  }));
}

interface Round { readonly app: OpenApp; readonly model: Model; readonly seen: readonly (number | string)[]; readonly since: number; readonly seed: string }

/** The bodies alone, in the order of their entries; those that changed nothing saw one of the states between. */
async function checkRound({ app, model, seen, since, seed }: Round): Promise<{ model: Model; conflicts: number }> {
  const order = readEntries(app.storage.reader, since, BODIES + 1, app.catalog).map(({ requestId }) => Number(requestId.slice("body ".length)));
  expect(new Set(order).size, seed).toBe(order.length);
  const states = [model];
  for (const index of order) {
    const next = states.at(-1)!.copy();
    expect({ seed, index, seen: await run(programs[index]!, next, async () => {}) }).toEqual({ seed, index, seen: seen[index] as number });
    states.push(next);
  }
  for (const index of seen.keys()) {
    if (order.includes(index) || seen[index] === "TRANSACTION_CONFLICT") continue;
    const fits = await Promise.all(states.map(async (state) => {
      const copy = state.copy();
      return await run(programs[index]!, copy, async () => {}) === seen[index] && copy.text() === state.text();
    }));
    expect({ seed, index, fits: fits.includes(true) }).toEqual({ seed, index, fits: true });
  }
  return { model: states.at(-1)!, conflicts: seen.filter((one) => one === "TRANSACTION_CONFLICT").length };
}

test("the check is not blind: without certification it finds rounds that are not serial", async () => {
  const app = openApp(SDL, { code: { Endpoints }, certifies: false });
  try {
    const check = async (): Promise<void> => {
      let model = new Model();
      for (let round = 0; round < 40; round++) {
        const random = seededRandom(round);
        programs = Array.from({ length: BODIES }, () => randomProgram((sides) => Math.floor(random.next() * sides)));
        const since = logHead(app.storage.reader);
        const seen = await together(app, programs.map(() => "run"));
        model = (await checkRound({ app, model, seen, since, seed: `round ${round}` })).model;
      }
    };
    expect(await check().then(() => "serial", () => "not serial")).toBe("not serial");
  } finally {
    await app.close();
  }
});

test(`${ROUNDS} rounds of ${BODIES} random bodies are serial in the order of the log`, async () => {
  const seed = Number(process.env["AMBIT_TEST_SEED"] ?? Date.now() % 1_000_000);
  const app = openApp(SDL, { code: { Endpoints } });
  try {
    let model = new Model();
    let conflicts = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const random = seededRandom(seed * 1_000 + round);
      const dice = (sides: number): number => Math.floor(random.next() * sides);
      programs = Array.from({ length: BODIES }, () => randomProgram(dice));
      const since = logHead(app.storage.reader);
      const seen = await together(app, programs.map(() => (dice(3) === 0 ? "nested" : "run")));
      const checked = await checkRound({ app, model, seen, since, seed: `AMBIT_TEST_SEED=${seed} round ${round}` });
      model = checked.model;
      conflicts += checked.conflicts;
    }
    const stored = new Model(
      app.storage.reader.all(`SELECT "id", "group", "value", "sku" FROM "Item"`).map((row) => [row["id"] as string, row as never] as const),
      app.storage.reader.all(`SELECT "id", "itemId" FROM "Pointer"`).map((row) => [row["id"] as string, row["itemId"] as string] as const),
    );
    expect(stored.text()).toBe(model.text());
    expect(conflicts).toBeLessThan(ROUNDS);
  } finally {
    await app.close();
  }
}, LONG ? 600_000 : 60_000);
