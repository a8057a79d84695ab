// Bounds over effects: at EFFECT each is held, whoever gave the answer; from PROPOSED on `effects` are all of them, those to come as those that are done.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { decisions } from "../../src/runtime/decisions.ts";
import { adminToken } from "../scenarios/started-app.ts";
import { answers, startBoundsApp, type BoundsApp } from "./bounds-app.ts";

const schema = `type Given { amount: Int! }
type Account @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey spent: Int! @default(value: 0) @check(rule: "record.spent < 1000") }
type Log @table @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey text: String note: String @untrusted }
type Decisions {
  """Spend."""
  spend(accountId: ID!): Given! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @context(name: "account", query: "Account/{input.accountId}")
    @effect(operation: "Account.update", set: { id: "account.id", spent: "account.spent + out.amount" })
    @bound(name: "most", at: EFFECT, rule: "args.spent == null || args.spent <= 100", else: FALLBACK, tell: "No more than 100.")
    @bound(name: "steps", at: EFFECT, rule: "row == null || row.spent == null || row.spent < 50", else: REFUSE, tell: "Half of it is gone.")
    @fallback(value: { amount: 5 })
  """Clamp."""
  clamp(accountId: ID!): Given! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @context(name: "account", query: "Account/{input.accountId}")
    @effect(operation: "Account.update", set: { id: "account.id", spent: "out.amount" })
    @bound(name: "most", at: EFFECT, rule: "args.spent == null || args.spent <= 100", else: CLAMP, to: "{amount: 100 * size(effects)}")
    @fallback(value: { amount: 5 })
  """Log."""
  log(accountId: ID!): Given! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @context(name: "account", query: "Account/{input.accountId}")
    @mayWrite(operation: "Log.create", fields: ["text"], where: "run.taint == 'TRUSTED' && args.text != null", max: 3)
    @effect(operation: "Log.create", set: { id: "'own-' + account.id", text: "'of ' + account.id" }, when: "effects.exists(e, e.operation == 'Log.create')")
    @effect(operation: "Account.update", set: { id: "account.id", spent: "out.amount" })
    @bound(name: "logged", rule: "effects.exists(e, e.operation == 'Log.create') || out.amount == 0", tell: "Say why.")
    @bound(name: "known", rule: "effects.all(e, e.operation != 'Account.update' || e.before == null || e.before.spent == null || e.before.spent != 7)", else: FALLBACK)
    @fallback(value: { amount: 0 })
}`;

let bounds: BoundsApp;
beforeAll(async () => { bounds = await startBoundsApp(schema); });
afterAll(async () => { await bounds?.stop(); });
beforeEach(async () => {
  bounds.model.requests.length = 0;
  await bounds.write("Account", "a", { spent: 0 });
});

const spent = (): unknown => bounds.row("Account", "a")!["spent"];
const logged = (): unknown[] => bounds.values(`SELECT "text" FROM "Log" ORDER BY "id"`).map(([text]) => text);

test("an effect of the answer is held to bounds at EFFECT, with its arguments and the record that it changes", async () => {
  bounds.model.script = () => [answers({ amount: 40 })];
  expect(await bounds.decide("spend", { accountId: "a" })).toMatchObject({ source: "model", body: { amount: 40 } });
  bounds.model.script = () => [answers({ amount: 61 })];
  expect(await bounds.decide("spend", { accountId: "a" })).toMatchObject({ source: "fallback", reason: "bounded", body: { amount: 5 } });
  expect(spent()).toBe(45);
  await bounds.write("Account", "a", { spent: 50 });
  bounds.model.script = () => [answers({ amount: 1 })];
  expect(await bounds.decide("spend", { accountId: "a" })).toMatchObject({ status: 422, body: { code: "DECISION_REFUSED", details: { tells: ["Half of it is gone."] } } });
  expect(spent()).toBe(50);
});

test("those of a fallback, too: what breaks them is refused", async () => {
  await bounds.write("Account", "a", { spent: 49 });
  bounds.model.script = () => [answers({ amount: 99 })];
  expect(await bounds.decide("spend", { accountId: "a" })).toMatchObject({ source: "fallback", body: { amount: 5 } });
  await bounds.write("Account", "a", { spent: 99 });
  expect(await bounds.decide("spend", { accountId: "a" })).toMatchObject({ status: 422 });
  expect(spent()).toBe(99);
});

test("a bound over an effect may clamp the answer, and see what would become of it", async () => {
  bounds.model.script = () => [answers({ amount: 101 })];
  expect(await bounds.decide("clamp", { accountId: "a" })).toMatchObject({ source: "model", body: { amount: 100 } });
  expect(spent()).toBe(100);
});

test("a bound at OUTPUT sees the effects that the answer would have: the model is told, and repairs; where is judged when there is an answer", async () => {
  bounds.model.script = (_request, count) => (count === 1 ? [answers({ amount: 3 })] : [{ name: "Log_create", arguments: { text: "because" } }, answers({ amount: 3 })]);
  const { source, run } = await bounds.decide("log", { accountId: "a" });
  expect(source).toBe("model");
  expect(bounds.model.requests[1]!.messages.at(-1)!.content).toBe('{"refused":"BOUND","tell":"Say why."}');
  // The effects before it were there for the second @effect.
  expect([spent(), logged().sort()]).toEqual([3, ["because", "of a"]]);
  const trace = await fetch(`${bounds.app.url}/runs/${run}/trace`, { headers: { authorization: `Bearer ${adminToken}` } });
  const { steps, verdicts } = await trace.json() as { steps: { verdict: unknown }[]; verdicts: { bound: string; holds: boolean }[] };
  expect(steps.map(({ verdict }) => verdict)).toEqual([{ malformed: false, violated: ["logged"] }, { malformed: false, violated: [] }]);
  expect(verdicts.filter(({ holds }) => !holds)).toEqual([]);
});

test("in the commit it is held against the effects as they are", async () => {
  await bounds.write("Account", "a", { spent: 7 });
  bounds.model.script = () => [answers({ amount: 0 })];
  // Nobody knew what was there before; the fallback meets the same.
  expect(await bounds.decide("log", { accountId: "a" })).toMatchObject({ status: 422 });
  expect(spent()).toBe(7);
});

test("all of it is found again in a replay", () => {
  const { reader } = bounds.app.running.storage;
  const runs = bounds.values(`SELECT "id" FROM "$decision"`).map(([id]) => String(id));
  expect(runs.length).toBeGreaterThan(5);
  for (const run of runs) expect(decisions.audit!.replay(reader, run, bounds.app.running.loaded)).toEqual({ run, outcome: "SAME", differences: [] });
});
