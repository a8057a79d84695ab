// Each point at which bounds are checked, and what is left where one does not hold: nothing. A run that somebody else has taken commits nothing.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { answers, startBoundsApp, type BoundsApp } from "./bounds-app.ts";

const schema = `type Given { amount: Int! extra: Int }
type Account @table @export @allow(to: ["support"], do: [READ, UPDATE]) { id: ID! @primaryKey limit: Int! spent: Int! @default(value: 0) }
type Log @table @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey text: String }
type Tools { look(at: Int!): Int! }
type Decisions {
  """Spend."""
  spend(accountId: ID!, wanted: Int!): Given! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @context(name: "account", query: "Account/{input.accountId}")
    @mayCall(tool: "look") @mayWrite(operation: "Log.create", fields: ["text"])
    @acknowledge(rule: "UNBOUNDED_WRITE", reason: "The bound at EFFECT is what is tested.")
    @effect(operation: "Account.update", set: { id: "account.id", spent: "account.spent + out.amount" })
    @bound(name: "asked", at: INPUT, rule: "input.wanted < 1000", tell: "Too much.")
    @bound(name: "looked", at: CALL, rule: "row == null && args.at != null && args.at < 5", tell: "Look elsewhere.")
    @bound(name: "said", at: EFFECT, rule: "args.text == null || args.text != 'forbidden'", tell: "Not in these words.")
    @bound(name: "positive", rule: "out.amount >= 0", else: FALLBACK)
    @bound(name: "limit", at: COMMIT, rule: "after.account.spent <= after.account.limit", else: FALLBACK)
    @bound(name: "day", at: TOTAL, of: "out.amount == 0 ? 0 : out.amount", per: RUN, rule: "total <= 50", else: FALLBACK)
    @fallback(value: { amount: 0 })
  """Note."""
  noted(wanted: Int!): Given! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @context(name: "house", query: "Account/a") @context(name: "all", query: "Account?order=id&select=id")
    @mayCall(tool: "look", max: 2) @mayWrite(operation: "Log.create", fields: ["text"])
    @mayWrite(operation: "Account.increment", fields: ["by"], set: { id: "house.id", field: "'spent'" }, where: "args.by <= house.limit")
    @bound(name: "words", at: EFFECT, rule: "args.text == null || size(args.text) < 9", tell: "Fewer words.")
    @bound(name: "secret", at: EFFECT, rule: "args.text == null || !args.text.contains('!')", else: FALLBACK)
    @bound(name: "rude", at: EFFECT, rule: "args.text == null || !args.text.contains('?')", else: REFUSE, tell: "Be polite.")
    @bound(name: "far", at: CALL, rule: "args.at < 100", else: FALLBACK)
    @fallback(value: { amount: 0 })
  """Hurry."""
  hurried: Given! @decision(mode: ENFORCE, deadline: "PT60S") @export @allow(to: ["support"]) @budget(time: "PT0.1S") @fallback(value: { amount: 3 })
  """Clamp."""
  clamped(accountId: ID!): Given! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @context(name: "account", query: "Account/{input.accountId}")
    @bound(name: "least", rule: "out.amount >= 10", else: CLAMP, to: "{amount: 10}")
    @bound(name: "most", rule: "out.amount <= account.limit", else: CLAMP, to: "{amount: account.limit, extra: 1}")
    @effect(operation: "Account.update", set: { id: "account.id", spent: "out.amount" })
    @fallback(value: { amount: 10 })
}`;
const resources = `/// <reference path="./.ambit/types.d.ts" />
import { tools } from "ambit";
export const Tools = tools({ async look(_ctx, { at }) { return at; } });
`;

let bounds: BoundsApp;
beforeAll(async () => { bounds = await startBoundsApp(schema, { resources }); });
afterAll(async () => { await bounds?.stop(); });
beforeEach(async () => {
  bounds.model.requests.length = 0;
  await bounds.write("Account", "a", { limit: 40, spent: 0 });
});

const spent = (): unknown => bounds.row("Account", "a")!["spent"];
const logs = (): unknown => bounds.values(`SELECT count(*) FROM "Log"`)[0]![0];
const spend = (): ReturnType<BoundsApp["decide"]> => bounds.decide("spend", { accountId: "a", wanted: 1 });

test("INPUT: denied before a model is asked", async () => {
  bounds.model.script = () => [answers({ amount: 1 })];
  expect(await bounds.decide("spend", { accountId: "a", wanted: 1_000 })).toMatchObject({ status: 422, body: { code: "DECISION_DENIED", details: { tells: ["Too much."] } } });
  expect(bounds.model.requests).toHaveLength(0);
});

test("CALL: the tool is not run", async () => {
  bounds.model.script = (_request, count) => (count === 1 ? [{ name: "look", arguments: { at: 5 } }] : [answers({ amount: 1 })]);
  expect(await spend()).toMatchObject({ source: "model" });
  expect(bounds.model.requests[1]!.messages.at(-1)!.content).toBe('{"refused":"BOUND","tell":"Look elsewhere."}');
});

test("EFFECT: it is not staged", async () => {
  bounds.model.script = (_request, count) => (count === 1 ? [{ name: "Log_create", arguments: { text: "forbidden" } }] : [answers({ amount: 1 })]);
  expect(await spend()).toMatchObject({ source: "model" });
  expect(bounds.model.requests[1]!.messages.at(-1)!.content).toBe('{"refused":"BOUND","tell":"Not in these words."}');
  expect(logs()).toBe(0);
});

const noted = (...calls: readonly { readonly name: string; readonly arguments: unknown }[]): ReturnType<BoundsApp["decide"]> => {
  bounds.model.script = (_request, count) => [calls[count - 1] ?? answers({ amount: 1 })];
  return bounds.decide("noted", { wanted: 1 });
};
const log = (text: string): { readonly name: string; readonly arguments: unknown } => ({ name: "Log_create", arguments: { text } });
const told = (): unknown => JSON.parse(String(bounds.model.requests.at(-1)!.messages.at(-1)!.content));

test.each([
  ["EFFECT: FALLBACK ends it", log("no!"), { status: 200, source: "fallback", reason: "bounded" }],
  ["EFFECT: REFUSE ends it", log("no?"), { status: 422, body: { code: "DECISION_REFUSED", details: { tells: ["Be polite."] } } }],
  ["CALL: FALLBACK ends it", { name: "look", arguments: { at: 100 } }, { status: 200, source: "fallback", reason: "bounded" }],
])("%s", async (_, call, ended) => {
  const before = logs();
  expect(await noted(call)).toMatchObject(ended);
  expect([bounds.model.requests.length, logs()]).toEqual([1, before]);
});

test("what was refused may be tried otherwise, and is no one of as many as may be", async () => {
  const before = Number(logs());
  expect(await noted(log("too many words"), log("few"), log("more"))).toMatchObject({ source: "model" });
  expect(told()).toMatchObject({ refused: "TOO_MANY_CALLS" });
  expect(logs()).toBe(before + 1);
});

test("the same call is the same however it is written", async () => {
  expect(await noted({ name: "look", arguments: '{"at":1}' }, { name: "look", arguments: '{ "at": 1 }' }, { name: "look", arguments: '{"at":1 }' })).toMatchObject({ reason: "loop_detected" });
});

test("a tool that does not exist is told once, also if it is called the same way again", async () => {
  expect(await noted({ name: "lооk", arguments: { at: 1 } }, { name: "lооk", arguments: { at: 1 } })).toMatchObject({ reason: "tool_not_allowed" });
  expect(bounds.model.requests).toHaveLength(2);
});

test("a budget of time that is used up before the deadline is why it falls back", async () => {
  bounds.model.script = () => new Promise(() => {});
  const { run, ...ended } = await bounds.decide("hurried", {});
  expect(ended).toMatchObject({ status: 200, source: "fallback", reason: "bounded", body: { amount: 3 } });
  expect(bounds.values(`SELECT "reason" FROM "$decision" WHERE "id" = '${run}'`)).toEqual([["budget:time"]]);
});

test("an increment by what the model says, held by its condition; contexts in the order of their declaration", async () => {
  expect(await noted({ name: "Account_increment", arguments: { by: 41 } }, { name: "Account_increment", arguments: { by: 7 } })).toMatchObject({ source: "model" });
  expect(spent()).toBe(7);
  expect(bounds.model.requests[0]!.messages[1]!.content).toStartWith('{"contexts":{"house":{"id":"a","limit":40,"spent":0},"all":[{"id":"a"}]},"input":');
});

test.each([["OUTPUT", -1], ["COMMIT", 41], ["TOTAL", 51]])("%s: the fallback, and nothing of what was staged", async (_, amount) => {
  await bounds.write("Account", "a", { limit: amount === 51 ? 100 : 40, spent: 0 });
  bounds.model.script = () => [{ name: "Log_create", arguments: { text: "x" } }, answers({ amount })];
  const before = logs();
  expect(await spend()).toMatchObject({ source: "fallback", reason: "bounded", body: { amount: 0 } });
  expect([spent(), logs()]).toEqual([0, before]);
});

test("a clamp changes what it says and is held to all bounds; each once", async () => {
  bounds.model.script = () => [answers({ amount: 41 })];
  expect(await bounds.decide("clamped", { accountId: "a" })).toMatchObject({ source: "model", body: { amount: 40, extra: 1 } });
  expect(spent()).toBe(40);
  bounds.model.script = () => [answers({ amount: 9 })];
  expect(await bounds.decide("clamped", { accountId: "a" })).toMatchObject({ source: "model", body: { amount: 10, extra: null } });
  await bounds.write("Account", "a", { limit: 5, spent: 0 });
  // Up to the least, down to the most, and then neither may clamp again.
  expect(await bounds.decide("clamped", { accountId: "a" })).toMatchObject({ status: 422 });
  expect(spent()).toBe(0);
});

test("a run that somebody else has taken meanwhile commits nothing", async () => {
  bounds.model.script = async () => {
    await bounds.app.running.tables.commit(({ connection }) => { connection.run(`UPDATE "$decision" SET "epoch" = "epoch" + 1 WHERE "ended" IS NULL`); }, { actor: "test", requestId: "taken" });
    return [answers({ amount: 1 })];
  };
  const { status } = await spend();
  expect(status).toBeGreaterThanOrEqual(500);
  expect([spent(), bounds.values(`SELECT "ended" FROM "$decision" WHERE "ended" IS NULL`)]).toEqual([0, [[null]]]);
});
