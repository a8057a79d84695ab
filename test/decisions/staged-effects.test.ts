// What an effect is held to when it is staged: all that is known by then, and nothing that the answer is still to say.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { answers, startBoundsApp, type Answered, type BoundsApp } from "./bounds-app.ts";

const schema = `type Settled { amount: Int! }
enum Status { OPEN CLOSED }
type Order @table @export @allow(to: ["support"], do: [READ, UPDATE]) { id: ID! @primaryKey total: Int! refunded: Int! @default(value: 0) status: Status! @default(value: OPEN) hidden: ID @secret }
type Credit @table @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey orderId: ID! amount: Int! }
type Decisions {
  """Settle."""
  settle(orderId: ID!): Settled! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}")
    @mayWrite(operation: "Order.update", fields: ["refunded"], set: { id: "order.id" }, where: "row.status == 'OPEN' && args.refunded <= row.total", max: 3)
    @mayWrite(operation: "Credit.create", set: { orderId: "order.id", amount: "out.amount" }, where: "args.orderId == order.id && args.amount <= 50")
    @bound(name: "left", at: EFFECT, rule: "args.amount == null || args.amount <= order.total", tell: "No more than was paid.")
    @fallback(value: { amount: 0 })
  """Change what is hidden."""
  reveal(orderId: ID!): Settled! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}")
    @mayWrite(operation: "Order.update", fields: ["refunded"], set: { id: "string(order.hidden)" }, where: "args.refunded < 5")
    @fallback(value: { amount: 0 })
}`;

let bounds: BoundsApp;
beforeAll(async () => { bounds = await startBoundsApp(schema); });
afterAll(async () => { await bounds?.stop(); });
beforeEach(async () => {
  await bounds.write("Order", "o1", { total: 40, refunded: 0, status: "OPEN", hidden: "o-unseen" });
});

/** Calls, one for each request, then the answer. */
function asks(decision: string, ...calls: readonly { readonly name: string; readonly arguments: object }[]): Promise<Answered> {
  bounds.model.requests.length = 0;
  bounds.model.script = (_, count) => (count <= calls.length ? [calls[count - 1]!] : [answers({ amount: 30 })]);
  return bounds.decide(decision, { orderId: "o1" });
}
const told = (request: number): unknown => JSON.parse(String(bounds.model.requests[request]!.messages.at(-1)!.content));

test("the record that the runtime names is known: a condition over it is judged at once, and its id is told", async () => {
  expect(await asks("settle", { name: "Order_update", arguments: { refunded: 41 } }, { name: "Order_update", arguments: {} }, { name: "Order_update", arguments: { refunded: 40 } })).toMatchObject({ status: 200, source: "model" });
  expect([1, 2, 3].map(told)).toEqual([{ refused: "NOT_PERMITTED", tell: "This is not permitted." }, { refused: "NOT_PERMITTED", tell: "This is not permitted." }, { staged: "o1" }]);
  expect(bounds.row("Order", "o1")).toMatchObject({ refunded: 40 });
  await bounds.write("Order", "o1", { status: "CLOSED" });
  await asks("settle", { name: "Order_update", arguments: { refunded: 1 } });
  expect(bounds.row("Order", "o1")).toMatchObject({ refunded: 40 });
});

test("what the answer fills in is judged when there is one, in where and at EFFECT", async () => {
  expect(await asks("settle", { name: "Credit_create", arguments: {} })).toMatchObject({ status: 200, source: "model", body: { amount: 30 } });
  expect(bounds.values(`SELECT "orderId", "amount" FROM "Credit"`)).toEqual([["o1", 30]]);
  await bounds.write("Order", "o1", { total: 29 });
  expect(await asks("settle", { name: "Credit_create", arguments: {} })).toMatchObject({ source: "fallback", body: { amount: 0 } });
  expect(bounds.values(`SELECT count(*) FROM "Credit"`)).toEqual([[1]]);
});

test("an id that is secret is not told", async () => {
  await bounds.write("Order", "o-unseen", { total: 1 });
  expect(await asks("reveal", { name: "Order_update", arguments: { refunded: 1 } })).toMatchObject({ status: 200, source: "model" });
  expect(told(1)).toEqual({ staged: 1 });
  expect(bounds.row("Order", "o-unseen")).toMatchObject({ refunded: 1 });
});
