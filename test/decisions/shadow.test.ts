// The model beside a SHADOW: from what the answering run saw, judged by all bounds, compared and recorded, and without a trace in the data.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { answers, startBoundsApp, type BoundsApp } from "./bounds-app.ts";
import { until } from "../processes/waits.ts";

const schema = `type Given { amount: Int! }
type Account @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey limit: Int! spent: Int! @default(value: 0) }
type Log @table @allow(to: ["support"], do: [CREATE]) { id: ID! @primaryKey text: String }
type Tools { look: Int! }
type Decisions {
  """Spend."""
  spend(accountId: ID!): Given! @decision(deadline: "PT8S") @export @allow(to: ["support"])
    @context(name: "account", query: "Account/{input.accountId}")
    @mayCall(tool: "look")
    @mayWrite(operation: "Log.create", fields: ["text"], where: "args.text == null || size(args.text) < 100")
    @effect(operation: "Account.update", set: { id: "account.id", spent: "account.spent + out.amount" })
    @bound(name: "cap", at: COMMIT, rule: "after.account.spent <= after.account.limit", else: FALLBACK)
    @budget(per: DECISION_DAY, tokens: 1000000)
    @fallback(value: { amount: 1 })
}`;
const resources = `/// <reference path="./.ambit/types.d.ts" />
import { tools } from "ambit";
export const Tools = tools({ async look() { return 1; } });
`;

let bounds: BoundsApp;
beforeAll(async () => { bounds = await startBoundsApp(schema, { resources, config: "limits: { decisionShadows: 2 }\n" }); });
afterAll(async () => { await bounds?.stop(); });
beforeEach(async () => {
  bounds.model.requests.length = 0;
  await bounds.write("Account", "a", { limit: 100, spent: 0 });
});

type Shadow = { readonly id: string; readonly reason: string | null; readonly parts: { readonly [name: string]: unknown } };

async function shadowOf(run: string): Promise<Shadow> {
  const found = (): readonly (readonly unknown[])[] => bounds.values(`SELECT "id", "reason" FROM "$decision" WHERE "parent" = '${run}' AND "state" = 'SHADOWED'`);
  await until(() => found().length > 0, "there is a shadow");
  const [id, reason] = found()[0] as [string, string | null];
  return { id, reason, parts: JSON.parse(bounds.values(`SELECT "payloads" FROM "$audit" WHERE "run" = '${id}'`)[0]![0] as string) as Shadow["parts"] };
}

test("the fallback answers; the model thinks over the same contexts, and what it would do is recorded and discarded", async () => {
  bounds.model.script = (_request, count) => (count === 1 ? [{ name: "look", arguments: {} }, { name: "Log_create", arguments: { text: "x" } }] : [answers({ amount: 40 })]);
  const { run, reason, body } = await bounds.decide("spend", { accountId: "a" });
  expect({ reason, body }).toEqual({ reason: "mode_shadow", body: { amount: 1 } });
  const shadow = await shadowOf(run);
  expect(shadow.reason).toBeNull();
  expect(shadow.parts).toMatchObject({ output: { amount: 40 }, comparison: { answered: { amount: 1 }, agrees: false }, contexts: { account: [{ spent: 0 }] }, effects: [{ operation: "Log.create" }, { operation: "Account.update" }] });
  expect((JSON.parse(bounds.model.requests[0]!.messages[1]!.content as string) as { contexts: object }).contexts).toEqual({ account: { id: "a", limit: 100, spent: 0 } });
  expect(bounds.model.requests[1]!.messages.at(-2)!.content).toBe('{"refused":"NOT_RECORDED","tell":null}');
  expect([bounds.row("Account", "a")!["spent"], bounds.values(`SELECT count(*) FROM "Log"`)]).toEqual([1, [[0]]]);
});

test("all bounds are judged, those of the commit too", async () => {
  bounds.model.script = () => [answers({ amount: 101 })];
  const { run } = await bounds.decide("spend", { accountId: "a" });
  const shadow = await shadowOf(run);
  expect(shadow.reason).toBe("bound:cap");
  expect(bounds.row("Account", "a")!["spent"]).toBe(1);
});

test("it agrees where it says the same, and what fails is recorded too", async () => {
  bounds.model.script = () => [answers({ amount: 1 })];
  expect((await shadowOf((await bounds.decide("spend", { accountId: "a" })).run)).parts["comparison"]).toEqual({ answered: { amount: 1 }, agrees: true });
  bounds.model.script = () => new Response("{}", { status: 400 });
  expect(await shadowOf((await bounds.decide("spend", { accountId: "a" })).run)).toMatchObject({ reason: "provider_unavailable", parts: { output: null, comparison: { agrees: false } } });
});

test("it spends from a budget of its own, and its starter does not see it", async () => {
  bounds.model.script = () => [answers({ amount: 1 })];
  const { id } = await shadowOf((await bounds.decide("spend", { accountId: "a" })).run);
  const scopes = bounds.values(`SELECT "scope" FROM "$decision_sum"`).map(([scope]) => scope);
  expect(scopes).toEqual([expect.stringContaining("shadow")]);
  expect((await fetch(`${bounds.app.url}/runs/${id}`, { headers: { authorization: "Bearer key-support" } })).status).toBe(404);
});

test("no more wait than may; the answers do not", async () => {
  let go = (): void => {};
  const held = new Promise<void>((resolve) => { go = resolve; });
  bounds.model.script = async () => {
    await held;
    return [answers({ amount: 1 })];
  };
  const runs = await Promise.all(Array.from({ length: 8 }, () => bounds.decide("spend", { accountId: "a" })));
  expect(runs.map(({ status }) => status)).toEqual(Array(8).fill(200));
  go();
  const shadows = (): number => bounds.values(`SELECT count(*) FROM "$decision" WHERE "state" = 'SHADOWED' AND "parent" IN (${runs.map(({ run }) => `'${run}'`).join()})`)[0]![0] as number;
  while (shadows() < 3) await Bun.sleep(10);
  await Bun.sleep(50);
  expect(shadows()).toBe(3);
  expect(bounds.app.log.filter((line) => line.includes("shadow-left-out"))).toHaveLength(5);
});
