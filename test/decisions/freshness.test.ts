// What changes while a model thinks: by `freshness` the answer stands, the model is asked anew, or the fallback takes its place; no bound is broken by it.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { answers, startBoundsApp, type BoundsApp } from "./bounds-app.ts";

const decisionOf = (name: string, freshness: string): string => `"""Spend."""
  ${name}(accountId: ID!): Spent! @decision(mode: ENFORCE, freshness: ${freshness}, deadline: "PT8S") @export @allow(to: ["support"])
    @context(name: "account", query: "Account/{input.accountId}")
    @effect(operation: "Account.update", set: { id: "account.id", spent: "account.spent + out.amount" })
    @bound(name: "cap", rule: "out.amount >= 0 && out.amount <= account.limit - account.spent")
    @fallback(value: { amount: 0 })`;
const rating = (name: string, freshness: string): string => `"""Rate."""
  ${name}: Spent! @decision(mode: ENFORCE, freshness: ${freshness}, deadline: "PT8S") @export @allow(to: ["support"])
    @mayRead(name: "rates", query: "Rate?percent=gte.{?least: Int}&order=id&limit=9") @mayCall(tool: "rateOf")
    @fallback(value: { amount: 0 })`;
const schema = `type Spent { amount: Int! }
type Account @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey limit: Int! spent: Int! @default(value: 0) note: String }
type Rate @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey percent: Int! note: String }
type Tools { rateOf(id: ID!): Int! }
type Decisions { ${decisionOf("snapshot", "SNAPSHOT")} ${decisionOf("revalidate", "REVALIDATE")} ${decisionOf("strict", "STRICT")} ${rating("ratedAnyhow", "REVALIDATE")} ${rating("rated", "STRICT")} }`;
const resources = `/// <reference path="./.ambit/types.d.ts" />
import { tools } from "ambit";
export const Tools = tools({ async rateOf(ctx, { id }) { return (await ctx.db.Rate.get(id))?.percent ?? 0; } });
`;

let bounds: BoundsApp;
beforeAll(async () => { bounds = await startBoundsApp(schema, { resources }); });
afterAll(async () => { await bounds?.stop(); });
beforeEach(async () => {
  bounds.model.requests.length = 0;
  await bounds.write("Account", "a", { limit: 100, spent: 0, note: null });
});

/** The model wants all it sees; before each answer the account changes. */
function thinking(...changes: readonly object[]): void {
  bounds.model.script = async (_request, count) => {
    const change = changes[count - 1];
    const seen = bounds.row("Account", "a")!;
    if (change !== undefined) await bounds.write("Account", "a", change as never);
    return [answers({ amount: (seen["limit"] as number) - (seen["spent"] as number) })];
  };
}

test.each([
  ["snapshot", { source: "model", reason: null, spent: 100, asked: 1 }],
  ["revalidate", { source: "model", reason: null, spent: 100, asked: 1 }],
  ["strict", { source: "fallback", reason: "conflict", spent: 0, asked: 1 }],
])("%s: a change that no bound minds", async (name, expected) => {
  thinking({ note: "changed" });
  const { source, reason } = await bounds.decide(name, { accountId: "a" });
  expect({ source, reason, spent: bounds.row("Account", "a")!["spent"], asked: bounds.model.requests.length }).toEqual(expected as never);
});

test.each([
  ["snapshot", { source: "fallback", reason: "bounded", spent: 0, asked: 1 }],
  ["revalidate", { source: "model", reason: null, spent: 60, asked: 2 }],
  ["strict", { source: "fallback", reason: "conflict", spent: 0, asked: 1 }],
])("%s: a change after which the bound no longer holds", async (name, expected) => {
  thinking({ limit: 60 });
  const { source, reason } = await bounds.decide(name, { accountId: "a" });
  expect({ source, reason, spent: bounds.row("Account", "a")!["spent"], asked: bounds.model.requests.length }).toEqual(expected as never);
});

test("it is asked anew at most twice, over what is there by then", async () => {
  thinking({ limit: 90 }, { limit: 80 }, { limit: 70 }, { limit: 60 });
  const { source, reason } = await bounds.decide("revalidate", { accountId: "a" });
  expect({ source, reason, spent: bounds.row("Account", "a")!["spent"], asked: bounds.model.requests.length }).toEqual({ source: "fallback", reason: "bounded", spent: 0, asked: 3 });
  expect(bounds.model.requests.map(({ messages }) => (JSON.parse(messages[1]!.content as string) as { contexts: { account: { limit: number } } }).contexts.account.limit)).toEqual([100, 90, 80]);
});

test("without a change what breaks the bound in the commit is not asked anew", async () => {
  bounds.model.script = () => [answers({ amount: 101 })];
  expect(await bounds.decide("revalidate", { accountId: "a" })).toMatchObject({ source: "fallback", reason: "bounded" });
  expect(bounds.model.requests).toHaveLength(2);
});

const reading = { name: "rates", arguments: { least: 10 } };
const calling = { name: "rateOf", arguments: { id: "r" } };

test.each<[string, string, typeof reading | typeof calling, { readonly id?: string; readonly percent: number }, string | null]>([
  ["rated", "what a read found", reading, { percent: 11 }, "conflict"],
  ["rated", "what a read had not found", reading, { id: "low", percent: 12 }, "conflict"],
  ["rated", "what no read had looked at", reading, { id: "low", percent: 2 }, null],
  ["rated", "what a tool found", calling, { percent: 11 }, "conflict"],
  ["rated", "what no tool had looked at", calling, { id: "low", percent: 12 }, null],
  ["ratedAnyhow", "what a read found", reading, { percent: 11 }, null],
])("%s: %s changes", async (name, _, call, { id = "r", ...change }, reason) => {
  await bounds.write("Rate", "r", { percent: 10, note: null });
  await bounds.write("Rate", "low", { percent: 1, note: null });
  bounds.model.script = async (_request, count) => {
    if (count === 1) return [call];
    await bounds.write("Rate", id, change);
    return [answers({ amount: 7 })];
  };
  expect(await bounds.decide(name, {})).toMatchObject({ reason, body: { amount: reason === null ? 7 : 0 } });
});
