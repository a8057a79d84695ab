// What holds over many runs and large contexts: sums of a day under concurrent decisions, budgets of a day, contexts with too many rows.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { scriptedModel, type ScriptedModel } from "../models/scripted-model.ts";

const schema = `
type Grant { points: Int! }
type Account @table @export @allow(to: ["clerk"], do: [READ]) { id: ID! @primaryKey points: Int! @default(value: 0) moves: [Move!]! @relationship(to: "accountId") }
type Move @table { id: ID! @primaryKey accountId: ID! @indexed account: Account! @relationship(from: "accountId") note: String! }
type Decisions {
  grant(accountId: ID!, points: Int!): Grant! @decision(kind: RULE) @export @allow(to: ["clerk"])
    @context(name: "account", query: "Account/{input.accountId}")
    @effect(operation: "Account.update", set: { id: "account.id", points: "account.points + out.points" })
    @bound(name: "day", at: TOTAL, of: "out.points", per: DECISION_DAY, rule: "total <= 50", else: REFUSE, tell: "Enough for today.")
    @bound(name: "most", at: COMMIT, rule: "after.account.points <= 100", else: REFUSE)
    @fallback(call: "asked")
  """Say yes."""
  judged(accountId: ID!): Grant! @decision(kind: JUDGE, mode: ENFORCE) @export @allow(to: ["clerk"])
    @context(name: "account", query: "Account/{input.accountId}")
    @context(name: "moves", query: "Move?accountId=eq.{account.id}&order=id", maxRows: 3, maxBytes: 150)
    @budget(per: DECISION_DAY, runs: 2) @fallback(value: { points: 0 })
}`;
const resources = `import { fallbacks } from "ambit";
export const Fallbacks = fallbacks({ asked: ({ points }) => ({ points }) });
`;

let app: StartedApp;
let model: ScriptedModel;
beforeAll(async () => {
  model = scriptedModel(() => [{ name: "answer", arguments: { points: 1 } }]);
  app = await startTestApp({ schema, resources, config: `${keysFor("clerk")}models: { default: { provider: openai-compatible, model: scripted, url: "${model.url}" } }\n` });
  await app.running.tables.commit((session) => {
    const options = { dialect: "wire", authority: null, sent: null } as const;
    for (const id of ["a", "b", "c"]) session.write({ kind: "create", table: "Account", input: { id }, onConflict: null }, options);
    const moves = { b: 3, c: 4 };
    for (const [accountId, count] of Object.entries(moves)) for (let index = 0; index < count; index++) session.write({ kind: "create", table: "Move", input: { id: `${accountId}${index}`, accountId, note: "n".repeat(60) }, onConflict: null }, options);
  }, { actor: "test", requestId: "seed" });
});
afterAll(async () => {
  await app?.stop();
  await model?.stop();
});

async function decide(name: string, input: object): Promise<{ status: number; reason: string | null; body: unknown }> {
  const response = await fetch(`${app.url}/decide/${name}`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-clerk" }, body: JSON.stringify(input) });
  return { status: response.status, reason: response.headers.get("ambit-reason"), body: await response.json() };
}

test("a sum of the day is kept by decisions at once: exactly as many as fit", async () => {
  const results = await Promise.all(Array.from({ length: 20 }, () => decide("grant", { accountId: "a", points: 10 })));
  expect(results.filter(({ status }) => status === 200)).toHaveLength(5);
  expect(results.filter(({ status }) => status === 422)).toHaveLength(15);
  expect(results.find(({ status }) => status === 422)!.body).toMatchObject({ code: "DECISION_REFUSED", details: { tells: ["Enough for today."] } });
  expect(app.running.tables.get("Account", "a")!.values["points"]).toBe(50);
});

test("what lessens a sum is a violation", async () => {
  expect((await decide("grant", { accountId: "a", points: -1 })).status).toBe(422);
  expect(app.running.tables.get("Account", "a")!.values["points"]).toBe(50);
});

test("a context with more rows than it may have falls back, and no model is asked", async () => {
  expect(await decide("judged", { accountId: "c" })).toEqual({ status: 200, reason: "context_overflow", body: { points: 0 } });
  expect(model.requests).toHaveLength(0);
});

test("what a model is shown is cut at the border of a row, and says so; a budget of the day ends in the fallback", async () => {
  expect(await decide("judged", { accountId: "b" })).toEqual({ status: 200, reason: null, body: { points: 1 } });
  const shown = JSON.stringify(model.requests[0]!.messages.at(-1)!.content);
  expect(shown).toContain("2 more rows are not shown");
  expect(shown).toContain("b0");
  expect(shown).not.toContain("b1");
  expect(model.requests[0]!.tools.map(({ function: { name } }) => name)).toEqual(["answer"]);
  expect((await decide("judged", { accountId: "b" })).reason).toBeNull();
  expect(await decide("judged", { accountId: "b" })).toEqual({ status: 200, reason: "bounded", body: { points: 0 } });
  expect(model.requests).toHaveLength(2);
});
