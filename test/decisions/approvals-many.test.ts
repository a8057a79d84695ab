// Very many that wait for people: they are there after kill -9, each once, by pages and in order, and each is decided once; where all of them are too late
// at once, each ends once, and whoever asks for something else meanwhile is answered.
import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { fakeClock } from "../../src/base/clock.ts";
import { startApp } from "../processes/app-process.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { keysFor, startTestApp } from "../scenarios/started-app.ts";

const IS_LONG = process.env["AMBIT_TEST_SIZE"] === "long";
const WAITING = IS_LONG ? 10_000 : 1_000;
const LATE = IS_LONG ? 10_000 : 450;
const AT_ONCE = 50;
const PAGE = 100;

const schema = `
type Order @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey refunded: Int! @default(value: 0) }
type Refund @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey orderId: ID! }
type Decisions {
  refund(orderId: ID!): Int! @decision(kind: RULE) @export @allow(to: ["support"]) @approval(when: "out > 50", by: ["manager"], within: "P1D", else: REFUSE)
    @effect(operation: "Refund.create", set: { orderId: "input.orderId" }) @fallback(value: 80)
}`;
const files = { "schema.graphql": schema, "config.yaml": keysFor("support", "manager") };

const scratch = scratchFolder();
afterAll(() => scratch.remove());

interface Shown { readonly id: string; readonly run: string; readonly hash: string; readonly input: { readonly orderId: string } }
type Call = (who: string, method: string, path: string, body?: object) => Promise<{ readonly status: number; readonly body: unknown }>;
const callerOf = (url: () => string): Call => async (who, method, path, body) => {
  const response = await fetch(url() + path, { method, headers: { "content-type": "application/json", authorization: `Bearer key-${who}` }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  return { status: response.status, body: await response.json() };
};

async function begin(call: Call, count: number): Promise<void> {
  for (let begun = 0; begun < count; begun += AT_ONCE) {
    const told = await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - begun) }, (_, index) => call("support", "POST", "/decide/refund", { orderId: String(begun + index) })));
    expect(told.filter(({ status }) => status !== 202)).toEqual([]);
  }
}

async function queue(call: Call): Promise<Shown[]> {
  const found: Shown[] = [];
  for (;;) {
    const { body } = await call("manager", "GET", `/approvals?limit=${PAGE}${found.length === 0 ? "" : `&after=${found.at(-1)!.id}`}`);
    found.push(...body as Shown[]);
    if ((body as Shown[]).length < PAGE) return found;
  }
}

test(`${WAITING} that wait are there after kill -9, by pages; each is decided once`, async () => {
  const [folder, data] = [scratch.app(files), scratch.free("data")];
  let running = await startApp(folder, { data });
  const call = callerOf(() => running.url);
  await begin(call, WAITING);
  await running.kill();
  running = await startApp(folder, { data });
  try {
    const shown = await queue(call);
    expect([shown.length, new Set(shown.map(({ run }) => run)).size]).toEqual([WAITING, WAITING]);
    expect(new Set(shown.map(({ input: { orderId } }) => orderId))).toEqual(new Set(Array.from({ length: WAITING }, (_, index) => String(index))));
    const sample = shown.filter((_, index) => index % 100 === 0);
    const words = await Promise.all(sample.flatMap(({ id, hash }) => [1, 2].map(() => call("manager", "POST", `/approvals/${id}`, { verdict: "APPROVE", hash }))));
    expect(words.filter(({ status }) => status === 200)).toHaveLength(sample.length);
    expect((await call("support", "GET", `/runs/${sample[0]!.run}`)).body).toMatchObject({ state: "DECIDED_BY_HUMAN", answer: 80 });
    expect((await queue(call)).map(({ id }) => id)).toEqual(shown.filter((one) => !sample.includes(one)).map(({ id }) => id));
    await running.kill();
    const file = new Database(join(data, "data.db"), { readonly: true });
    expect(file.query(`SELECT "orderId" FROM "Refund"`).values().flat().toSorted()).toEqual(sample.map(({ input: { orderId } }) => orderId).toSorted());
    file.close();
  } finally {
    await running.kill();
  }
}, WAITING * 120);

test(`${LATE} that are too late at once end each once; meanwhile others are answered`, async () => {
  const clock = fakeClock();
  const app = await startTestApp({ schema, config: files["config.yaml"] }, { clock });
  try {
    const call = callerOf(() => app.url);
    await begin(call, LATE);
    const { reader } = app.running.storage;
    const waiting = (): number => reader.values(`SELECT count(*) FROM "$decision" WHERE "state" = 'AWAITING_APPROVAL'`)[0]![0] as number;
    expect(waiting()).toBe(LATE);
    clock.advance(24 * 3_600_000);
    const seen = new Set<number>();
    for (let tries = 0; waiting() > 0 && tries < LATE * 10; tries++) {
      // What is looked at each second, and again at once where there is more.
      clock.advance(seen.size === 0 ? 1_000 : 1);
      expect((await call("support", "GET", "/Order")).status).toBe(200);
      seen.add(waiting());
    }
    // Not in one go.
    expect(seen.size).toBeGreaterThan(10);
    expect(reader.values(`SELECT "state", "reason", count(*) FROM "$decision" GROUP BY 1, 2`)).toEqual([["EXPIRED", "approval_timeout", LATE]]);
    expect(reader.values(`SELECT count(*), count(DISTINCT "run") FROM "$audit"`)).toEqual([[LATE, LATE]]);
    expect(await queue(call)).toEqual([]);
  } finally {
    await app.stop();
  }
}, LATE * 120);
