// @fallback(table): a CSV file beside the schema answers, as a RULE and where no model does.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadApp } from "../../src/runtime/load-app.ts";
import { startApp, type AppProcess } from "../processes/app-process.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { keysFor } from "../scenarios/started-app.ts";

const schema = `enum Tier { GOLD SILVER NONE }
type Fee { amount: Int! reason: String }
type Order @table @export @allow(to: ["clerk"], do: [READ, CREATE]) { id: ID! @primaryKey total: Int! }
type Decisions {
  fee(orderId: ID!, tier: Tier!): Fee! @decision(kind: RULE) @export @allow(to: ["clerk"]) @context(name: "order", query: "Order/{input.orderId}")
    @bound(name: "low", rule: "out.amount <= 1000") @fallback(table: "fees.csv")
  """Choose the fee."""
  asked(orderId: ID!, tier: Tier!): Fee! @decision(mode: ENFORCE) @export @allow(to: ["clerk"]) @context(name: "order", query: "Order/{input.orderId}") @fallback(table: "fees.csv")
}`;
const fees = "input.tier,order.total,out.amount,out.reason\nGOLD,-,0,free for gold\nSILVER|NONE,>= 5000,0,large order\nSILVER,< 5000,290,\nNONE,0..1999,590,small order\nNONE,2000..4999,490,\n";
const scratch = scratchFolder();
const folder = scratch.app({ "schema.graphql": schema, "fees.csv": fees, "config.yaml": keysFor("clerk") });
let app: AppProcess;
beforeAll(async () => { app = await startApp(folder, { data: scratch.free("data") }); });
afterAll(async () => {
  await app?.stop();
  scratch.remove();
});

const headers = { "content-type": "application/json", authorization: "Bearer key-clerk" };
const post = (path: string, body: object): Promise<Response> => fetch(app.url + path, { method: "POST", headers, body: JSON.stringify(body) });

test("the first row that fits answers, over REST and beside a model that is not there", async () => {
  for (const [id, total] of [["small", 100], ["middle", 2000], ["large", 5000], ["owed", -5]] as const) await post("/Order", { id, total });
  const answers = await Promise.all([["small", "NONE"], ["middle", "NONE"], ["middle", "SILVER"], ["large", "NONE"], ["small", "GOLD"]].map(async ([orderId, tier]) => (await post("/decide/fee", { orderId, tier })).json()));
  expect(answers).toEqual([{ amount: 590, reason: "small order" }, { amount: 490, reason: null }, { amount: 290, reason: null }, { amount: 0, reason: "large order" }, { amount: 0, reason: "free for gold" }]);
  const asked = await post("/decide/asked", { orderId: "large", tier: "SILVER" });
  expect([asked.headers.get("ambit-source"), asked.headers.get("ambit-reason"), await asked.json()]).toEqual(["fallback", "no_model", { amount: 0, reason: "large order" }]);
  expect((await post("/decide/fee", { orderId: "owed", tier: "NONE" })).status).toBe(422);
});

test("what is wrong with a table is said at the start", async () => {
  const told = async (text: string, file = "fees.csv"): Promise<string[]> => {
    const copy = scratch.app({ "schema.graphql": schema, "config.yaml": keysFor("clerk") });
    writeFileSync(join(copy, file), text);
    return (await loadApp(copy, { environment: {}, typeCheck: false })).diagnostics.filter(({ message }) => message.includes("fee")).map(({ code, severity, message }) => `${severity} ${code} ${message}`);
  };
  expect((await told(fees))[0]).toBe("warning DECISION_TABLE fees.csv: No row answers where input.tier = NONE, order.total < 0.");
  expect((await told("input.tier,out.amount\nGOLD,x\n"))[0]).toStartWith("error DECISION_TABLE fees.csv: Line 2, out.amount: ");
  expect((await told("input.tier,out.amount\n-,1001\n"))[0]).toBe("error FALLBACK_BOUND Line 2 of the fallback of fee breaks its bound low.");
  expect((await told(fees, "other.csv"))[0]).toBe("error DECISION_TABLE fees.csv: It cannot be read: it must be a file in the app's folder.");
});
