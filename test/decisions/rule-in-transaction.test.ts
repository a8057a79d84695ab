// ctx.decide of a decision without a model inside a transaction: its effects, sums, record and answer are there with the transaction or not at all, and it
// sees what the transaction has written. What asks a model is refused there.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startBoundsApp, type BoundsApp } from "./bounds-app.ts";

const schema = `
type Order @table @export @allow(to: ["support"], do: [READ, CREATE, UPDATE]) { id: ID! @primaryKey total: Int! credited: Int! @default(value: 0) }
type Credit @table { id: ID! @primaryKey orderId: ID! @indexed amount: Int! }
type Decisions {
  credit(orderId: ID!, percent: Int!): Int! @decision(kind: RULE) @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}")
    @effect(operation: "Credit.create", set: { orderId: "order.id", amount: "out" })
    @effect(operation: "Order.update", set: { id: "order.id", credited: "order.credited + out" })
    @bound(name: "cap", rule: "out <= order.total", else: REFUSE, tell: "Too much.")
    @bound(name: "day", at: TOTAL, of: "out", per: DECISION_DAY, rule: "total <= 100", else: REFUSE, tell: "Enough for today.")
    @fallback(call: "credit")
  """Asks a model."""
  model(orderId: ID!): Int! @decision @allow(to: ["support"]) @bound(name: "cap", rule: "out <= 5") @fallback(value: 1)
}
type Endpoints {
  place(id: ID!, total: Int!, percents: [Int!]!, fails: Boolean = false, key: String): JSON! @http @allow(to: ["support"])
  asks(id: ID!): JSON! @http @allow(to: ["support"])
  tries(id: ID!, percent: Int!): JSON! @http(transaction: NONE) @allow(to: ["support"])
}`;
const resources = `import { endpoints, fallbacks } from "ambit";
export const Fallbacks = fallbacks({ credit: ({ percent }, { order }) => Math.round(order.total * percent / 100) });
export const Endpoints = endpoints({
  async place(ctx, { id, total, percents, fails, key }) {
    await ctx.db.Order.create({ id, total });
    const said = [];
    for (const percent of percents) said.push(await ctx.decide.credit({ orderId: id, percent }, key ? { key } : undefined));
    if (fails) throw ctx.error(409, "NO", "No.");
    return said;
  },
  async asks(ctx, { id }) { return ctx.decide.model({ orderId: id }); },
  async tries(ctx, { id, percent }) {
    const said = [];
    await ctx.transaction(async (ctx) => { said.push(await ctx.decide.credit({ orderId: id, percent })); throw new Error("undone"); }).catch(() => {});
    await ctx.transaction(async (ctx) => { said.push(await ctx.decide.credit({ orderId: id, percent })); });
    return said;
  },
});
`;

let bounds: BoundsApp;
beforeAll(async () => { bounds = await startBoundsApp(schema, { resources }); });
afterAll(async () => { await bounds?.stop(); });

interface Said { readonly state: string; readonly value?: number; readonly run: string; readonly source: string | null; readonly reason: string | null; readonly tells: readonly string[] }

async function call(path: string, body: object): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(`${bounds.app.url}/${path}`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support" }, body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

const count = (table: string, where = "true"): number => bounds.values(`SELECT count(*) FROM "${table}" WHERE ${where}`)[0]![0] as number;
const sum = (): number => bounds.values(`SELECT coalesce(sum("amount"), 0) FROM "$decision_sum"`)[0]![0] as number;

test("it sees what the transaction has written, and is committed with it", async () => {
  const { status, body } = await call("place", { id: "a", total: 40, percents: [25] });
  expect(status).toBe(200);
  const [said] = body as Said[];
  expect(said).toEqual({ state: "DECIDED", value: 10, run: expect.any(String), source: "rule", reason: null, taint: null, tells: [] } as never);
  expect(bounds.row("Order", "a")).toMatchObject({ total: 40, credited: 10 });
  expect([count("Credit", `"orderId" = 'a'`), sum()]).toEqual([1, 10]);
  expect(bounds.values(`SELECT "state", "source" FROM "$decision" WHERE "id" = '${said!.run}'`)).toEqual([["DECIDED", "rule"]]);
  expect(count("$audit", `"run" = '${said!.run}'`)).toBe(1);
  const response = await fetch(`${bounds.app.url}/runs/${said!.run}/receipt`, { headers: { authorization: "Bearer key-support" } });
  expect(response.status).toBe(200);
});

test("where the transaction fails nothing of it is there: no effect, no record, no sum", async () => {
  const before = [count("Credit"), count("$decision"), count("$audit"), sum()];
  expect(await call("place", { id: "b", total: 40, percents: [25, 10], fails: true })).toMatchObject({ status: 409, body: { code: "NO" } });
  expect([count("Credit"), count("$decision"), count("$audit"), sum()]).toEqual(before);
  expect(bounds.row("Order", "b")).toBeNull();
});

test("a refused one leaves its record and no effect; the transaction goes on", async () => {
  const { status, body } = await call("place", { id: "c", total: 10, percents: [200, 50] });
  expect(status).toBe(200);
  expect((body as Said[]).map(({ state, value, tells }) => ({ state, value, tells }))).toEqual([{ state: "REFUSED", value: undefined, tells: ["Too much."] }, { state: "DECIDED", value: 5, tells: [] }] as never);
  expect(bounds.row("Order", "c")).toMatchObject({ credited: 5 });
  expect(count("Credit", `"orderId" = 'c'`)).toBe(1);
});

test("each call is a run of its own; with a key it is one, also of the next transaction", async () => {
  const first = await call("place", { id: "d", total: 10, percents: [10], key: "once" });
  const [one] = first.body as Said[];
  const credits = count("Credit");
  expect(await call("place", { id: "e", total: 10, percents: [10], key: "once" })).toMatchObject({ status: 422, body: { code: "IDEMPOTENCY_MISMATCH" } });
  await fetch(`${bounds.app.url}/Order/d`, { headers: { authorization: "Bearer key-support" } });
  expect([count("Credit"), count("$decision", `"id" = '${one!.run}'`)]).toEqual([credits, 1]);
});

test("a part that was undone takes its decision along, and the next one is another", async () => {
  await call("place", { id: "f", total: 20, percents: [] });
  const { status, body } = await call("tries", { id: "f", percent: 10 });
  expect(status).toBe(200);
  const [undone, done] = body as Said[];
  expect([count("$decision", `"id" = '${undone!.run}'`), count("$decision", `"id" = '${done!.run}'`), count("Credit", `"orderId" = 'f'`)]).toEqual([0, 1, 1]);
});

test("many at once never exceed what a day may give", async () => {
  const answered = await Promise.all(Array.from({ length: 40 }, (_, index) => call("place", { id: `m${index}`, total: 10, percents: [70] })));
  expect(new Set(answered.map(({ status }) => status))).toEqual(new Set([200]));
  expect(sum()).toBeLessThanOrEqual(100);
  expect(bounds.values(`SELECT sum("amount") FROM "Credit"`)[0]![0]).toBe(sum());
  const refused = answered.filter(({ body }) => (body as Said[])[0]!.state === "REFUSED");
  expect(refused.length).toBe(40 - answered.filter(({ body }) => (body as Said[])[0]!.state === "DECIDED").length);
  expect(refused.length).toBeGreaterThan(0);
});

test("what asks a model is refused", async () => {
  expect(await call("asks", { id: "a" })).toMatchObject({ status: 422, body: { code: "DECIDE_IN_TRANSACTION" } });
});
