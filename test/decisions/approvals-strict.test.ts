// Under STRICT an approval is void once anything that the model had read is not so any more, by itself or by its tools; else it is good.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { RecordValues } from "../../src/base/value.ts";
import { startApprovalsApp, type ApprovalsApp } from "./approvals-app.ts";
import { answers } from "./bounds-app.ts";

const schema = `type Order @table @export @allow(to: ["support", "manager"], do: [READ]) { id: ID! @primaryKey total: Int! }
type Claim @table @export @allow(to: ["support", "manager"], do: [READ]) { id: ID! @primaryKey orderId: ID! @indexed amount: Int! }
type Stock @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey free: Int! }
type Tools { freeOf(id: ID!): Int! }
type Decisions {
  ${["strict", "anyhow"].map((name) => `"""Refund."""
  ${name}(orderId: ID!): Int! @decision(mode: ENFORCE, freshness: ${name === "strict" ? "STRICT" : "REVALIDATE"}) @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}") @mayRead(name: "claims", query: "Claim?orderId=eq.{order.id}&amount=gte.{?least: Int}&order=id") @mayCall(tool: "freeOf")
    @approval(when: "true", by: ["manager"], within: "PT1H") @fallback(value: 0)`).join("\n  ")}
}`;
const resources = `import { tools } from "ambit";
export const Tools = tools({ async freeOf(ctx, { id }) { return (await ctx.db.Stock.get(id))?.free ?? 0; } });
`;

let people: ApprovalsApp;
beforeAll(async () => { people = await startApprovalsApp(schema, { resources }); });
afterAll(() => people?.stop());
beforeEach(async () => {
  await people.write("Order", "o", { total: 100 });
  await people.write("Claim", "c", { orderId: "o", amount: 10 });
  await people.write("Claim", "other", { orderId: "p", amount: 10 });
  await people.write("Stock", "s", { free: 3 });
  people.model.script = (_request, count) => [[{ name: "claims", arguments: { least: 5 } }], [{ name: "freeOf", arguments: { id: "s" } }]][count - 1] ?? [answers(7)];
  people.model.requests.length = 0;
});

test.each<[string, string, string, string, RecordValues, number]>([
  ["strict", "nothing changes", "Order", "o", { total: 100 }, 200],
  ["strict", "a row that was read", "Claim", "c", { amount: 11 }, 409],
  ["strict", "a row that is found by now", "Claim", "other", { orderId: "o" }, 409],
  ["strict", "a row that no read looks at", "Claim", "other", { amount: 99 }, 200],
  ["strict", "a row that a tool has read", "Stock", "s", { free: 2 }, 409],
  ["anyhow", "a row that was read, without STRICT", "Claim", "c", { amount: 11 }, 200],
])("%s: %s", async (name, _, table, id, change, status) => {
  const { body: { run } } = await people.call("support", "POST", `/decide/${name}`, { orderId: "o" });
  const shown = await people.waiting(run);
  await people.write(table, id, change);
  people.model.script = () => [answers(1)];
  expect(await people.approve("manager", shown)).toMatchObject(status === 200 ? { status } : { status, body: { code: "APPROVAL_VOID" } });
  // What is void is proposed anew, over what there is by then.
  if (status === 409) {
    await people.until(run, "AWAITING_APPROVAL");
    expect((await people.approve("manager", await people.waiting(run))).status).toBe(200);
  }
  await people.until(run, "DECIDED_BY_HUMAN");
  expect((await people.call("support", "GET", `/runs/${String(run)}`)).body).toMatchObject({ answer: status === 409 ? 1 : 7 });
});
