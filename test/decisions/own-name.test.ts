// `as: DECISION`: what a decision writes and reads under its own name, whatever its caller may do, and no more than its own @allow gives it.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { answers, startBoundsApp, type BoundsApp } from "./bounds-app.ts";

const schema = `type Given { amount: Int! }
type Account @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey limit: Int! }
type Credit @table @allow(to: ["decision:own"], do: [CREATE], where: "record.amount <= 50") { id: ID! @primaryKey accountId: ID! amount: Int! }
type Decisions {
  """Spend."""
  own(accountId: ID!): Given! @decision(mode: ENFORCE) @export @allow(to: ["support"]) @context(name: "account", query: "Account/{input.accountId}")
    @mayWrite(operation: "Credit.create", fields: ["amount"], set: { accountId: "account.id" }, where: "args.amount <= 100", as: DECISION) @fallback(value: { amount: 0 })
  """Spend."""
  others(accountId: ID!): Given! @decision(mode: ENFORCE) @export @allow(to: ["support"]) @context(name: "account", query: "Account/{input.accountId}")
    @mayWrite(operation: "Credit.create", fields: ["amount"], set: { accountId: "account.id" }, where: "args.amount <= 100", as: DECISION) @fallback(value: { amount: 0 })
  """Spend."""
  callers(accountId: ID!): Given! @decision(mode: ENFORCE) @export @allow(to: ["support"]) @context(name: "account", query: "Account/{input.accountId}")
    @mayWrite(operation: "Credit.create", fields: ["amount"], set: { accountId: "account.id" }, where: "args.amount <= 100") @fallback(value: { amount: 0 })
}`;

let bounds: BoundsApp;
beforeAll(async () => { bounds = await startBoundsApp(schema); });
afterAll(() => bounds?.stop());
beforeEach(async () => { await bounds.write("Account", "a", { limit: 100 }); });

const creating = (amount: number): void => { bounds.model.script = (_request, count) => (count % 2 === 1 ? [{ name: "Credit_create", arguments: { amount } }] : [answers({ amount })]); };
const credits = (): readonly unknown[] => bounds.values(`SELECT "amount" FROM "Credit" ORDER BY "amount"`);

test("its own @allow counts, not its caller's", async () => {
  for (const [name, amount, expected] of [["own", 40, 40], ["own", 60, 0], ["others", 40, 0], ["callers", 40, 0]] as const) {
    bounds.model.requests.length = 0;
    creating(amount);
    const { body } = await bounds.decide(name, { accountId: "a" });
    expect([name, amount, body]).toEqual([name, amount, { amount: expected }]);
  }
  expect(credits()).toEqual([[40]]);
});
