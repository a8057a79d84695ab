// What a backtest makes of runs with effects, people, extractions, the caller's own answers and shadows: as far as their records tell, and no further.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { ambitHere } from "../processes/ambit-here.ts";
import { answers, startBoundsApp, type BoundsApp } from "./bounds-app.ts";

const schema = `type Pay { amount: Int! }
enum Mood { CALM ANGRY }
type Read { mood: Mood! }
type Order @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey total: Int! paid: Int! @default(value: 0) }
type Credit @table @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey amount: Int! }
type Decisions {
  """Pay."""
  pay(orderId: ID!): Pay! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}")
    @mayWrite(operation: "Credit.create", fields: ["amount"], where: "args.amount <= 50")
    @effect(operation: "Order.update", set: { id: "order.id", paid: "order.paid + out.amount" }, when: "out.amount > 0")
    @bound(name: "whole", at: COMMIT, rule: "after.order.paid <= after.order.total", else: FALLBACK)
    @bound(name: "few", at: COMMIT, rule: "effects.all(e, e.operation != 'Credit.create' || (e.args.amount != null && e.args.amount <= 40))", else: FALLBACK)
    @bound(name: "day", at: TOTAL, of: "out.amount", per: DECISION_DAY, rule: "total <= 1000000", else: FALLBACK)
    @fallback(value: { amount: 0 })
  """All orders."""
  list(orderId: ID!): Pay! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}")
    @context(name: "orders", query: "Order?order=id&limit=20")
    @effect(operation: "Order.update", set: { id: "order.id", paid: "out.amount" })
    @bound(name: "sum", at: COMMIT, rule: "after.orders.all(o, o.paid <= 60)", else: FALLBACK)
    @fallback(value: { amount: 0 })
  """People decide of much."""
  asked(orderId: ID!): Pay! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @bound(name: "much", rule: "out.amount <= 70", else: ESCALATE)
    @approval(by: ["boss"], within: "P1D")
    @fallback(value: { amount: 0 })
  """Beside their own rule."""
  own(orderId: ID!): Pay! @decision(mode: SHADOW, kind: JUDGE) @export @allow(to: ["support"])
    @bound(name: "cap", rule: "out.amount <= 80", else: FALLBACK)
    @fallback(own: true)
  """Read the mood elsewhere."""
  moodier(story: String! @untrusted): Pay! @decision(mode: ENFORCE, kind: JUDGE)
    @context(name: "other", from: "input.story", extract: "Read")
    @fallback(value: { amount: 0 })
  """Read the mood."""
  moody(story: String! @untrusted): Pay! @decision(mode: ENFORCE, kind: JUDGE) @export @allow(to: ["support"])
    @context(name: "read", from: "input.story", extract: "Read")
    @bound(name: "angry", rule: "read == null || read.mood != 'ANGRY' || out.amount <= 10", else: FALLBACK)
    @fallback(value: { amount: 0 })
}`;

let bounds: BoundsApp;
let amount = 30;
let credit: number | null = null;

beforeAll(async () => {
  bounds = await startBoundsApp(schema);
  bounds.model.script = ({ messages, tools }) => {
    const isExtraction = JSON.stringify(tools).includes("mood");
    if (isExtraction) return [answers({ mood: "ANGRY" })];
    return [...(credit === null ? [] : [{ name: "Credit_create", arguments: { amount: credit } }]), ...(messages.length > 0 ? [answers({ amount })] : [])];
  };
  await bounds.write("Order", "o1", { total: 100 });
}, 120_000);
afterAll(() => bounds?.stop());

interface Report { readonly runs: number; readonly agreement: number; readonly outcomes: readonly { readonly outcome: string; readonly reason: string | null; readonly before: number; readonly after: number }[]; readonly bounds: readonly { readonly bound: string; readonly after: { readonly violated: number }; readonly unjudged: number }[] }

async function backtest(decision: string, ...words: readonly string[]): Promise<Report> {
  const { directory } = bounds.app;
  const { code, objects, out } = await ambitHere(["backtest", decision, directory, "--json", "--data", join(directory, "data"), ...words]);
  expect([code, out]).toEqual([0, out]);
  return objects()[0] as unknown as Report;
}

const ended = ({ outcomes }: Report, side: "before" | "after"): Record<string, number> => Object.fromEntries(outcomes.filter((one) => one[side] > 0).map((one) => [one.reason === null ? one.outcome : `${one.outcome} ${one.reason}`, one[side]]));

test("effects on a record that was read by its key are seen in after; sums are nobody's to know", async () => {
  expect((await bounds.decide("pay", { orderId: "o1" })).body).toEqual({ amount: 30 });
  const same = await backtest("pay", "--bound", "whole=after.order.paid <= 20");
  expect([ended(same, "before"), ended(same, "after")]).toEqual([{ DECIDED: 1 }, { "FELL_BACK bound:whole": 1 }]);
  expect(same.bounds.find(({ bound }) => bound === "day")).toMatchObject({ unjudged: 1 });
  amount = 120;
  expect(ended(await backtest("pay", "--model", "default"), "after")).toEqual({ "FELL_BACK bound:whole": 1 });
  amount = 60;
  const other = await backtest("pay", "--model", "default");
  expect([other.agreement, ended(other, "after")]).toEqual([0, { DECIDED: 1 }]);
  expect(bounds.row("Order", "o1")).toMatchObject({ paid: 30 });
}, 120_000);

test("what a model would write is staged, judged and left", async () => {
  credit = 45;
  expect(ended(await backtest("pay", "--model", "default"), "after")).toEqual({ "FELL_BACK bound:few": 1 });
  credit = 20;
  expect(ended(await backtest("pay", "--model", "default"), "after")).toEqual({ DECIDED: 1 });
  expect(bounds.values(`SELECT count(*) FROM "Credit"`)).toEqual([[0]]);
  amount = 10;
  expect((await bounds.decide("pay", { orderId: "o1" })).body).toEqual({ amount: 10 });
  expect(ended(await backtest("pay", "--last", "1", "--bound", "few=effects.all(e, e.operation != 'Credit.create' || (e.args.amount != null && e.args.amount <= 19))"), "after")).toEqual({ "FELL_BACK bound:few": 1 });
  credit = null;
}, 120_000);

test("of a list nobody knows what an effect leaves, unless it was recorded", async () => {
  amount = 40;
  await bounds.decide("list", { orderId: "o1" });
  expect(ended(await backtest("list", "--bound", "sum=after.orders.all(o, o.paid <= 39)"), "after")).toEqual({ "FELL_BACK bound:sum": 1 });
  amount = 50;
  const { bounds: judged } = await backtest("list", "--model", "default");
  expect(judged).toMatchObject([{ bound: "sum", unjudged: 1 }]);
}, 120_000);

test("people who would be asked are not", async () => {
  amount = 50;
  await bounds.decide("asked", { orderId: "o1" });
  const report = await backtest("asked", "--bound", "much=out.amount <= 40");
  expect([ended(report, "before"), ended(report, "after"), report.agreement]).toEqual([{ DECIDED: 1 }, { AWAITING_APPROVAL: 1 }, 1]);
  expect(bounds.values(`SELECT count(*) FROM "$approval"`)).toEqual([[0]]);
}, 120_000);

test("in SHADOW the model is judged by what it said beside, and compared with what was answered", async () => {
  amount = 75;
  const response = await fetch(`${bounds.app.url}/decide/own`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support" }, body: JSON.stringify({ orderId: "o1", own: { amount: 9 } }) });
  expect(await response.json()).toEqual({ amount: 9 });
  await bounds.app.running.decisions!.settled("runs and shadows");
  const judged = await backtest("own", "--bound", "cap=out.amount <= 70");
  expect([ended(judged, "before"), ended(judged, "after")]).toEqual([{ DECIDED: 1 }, { "FELL_BACK bound:cap": 1 }]);
  amount = 9;
  expect((await backtest("own", "--model", "default")).agreement).toBe(1);
}, 120_000);

test("what was read out of text stays what it was, and the text is sent to nobody", async () => {
  amount = 8;
  await bounds.decide("moody", { story: "I am very cross" });
  const begin = bounds.model.requests.length;
  amount = 20;
  expect(ended(await backtest("moody", "--model", "default"), "after")).toEqual({ "FELL_BACK bound:angry": 1 });
  const asked = JSON.stringify(bounds.model.requests.slice(begin));
  expect(bounds.model.requests.length).toBe(begin + 1);
  expect(asked).toContain("ANGRY");
  expect(asked).not.toContain("very cross");
  expect(await backtest("moody", "--candidate", "moodier")).toMatchObject({ runs: 0, leftOut: { NOT_RECORDED: 1 } });
}, 120_000);
