// Whom a run and the app's code may ask where nobody else may, and what a tool knows of its call.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { answers, startBoundsApp, type BoundsApp } from "./bounds-app.ts";

const schema = `type Told { amount: Int! }
type Tools { keyOf(n: Int!): String! }
type Endpoints {
  asksOpen: Int! @http(transaction: NONE) @allow(to: ["support"])
  asksClosed: Int! @http(transaction: NONE) @allow(to: ["support"])
  asksRule: Int! @http @allow(to: ["support"])
  keyless: String! @http(method: GET) @allow(to: ["support"])
}
type Decisions {
  """Ask others."""
  asking: Told! @decision(mode: ENFORCE) @export @allow(to: ["support"]) @mayAsk(decision: "open") @mayAsk(decision: "closed") @mayCall(tool: "keyOf", max: 3) @fallback(value: { amount: 0 })
  """Nobody is named who may ask."""
  open: Int! @decision(mode: ENFORCE, kind: JUDGE) @export @fallback(value: 1)
  """Somebody else may."""
  closed: Int! @decision(mode: ENFORCE, kind: JUDGE) @allow(to: ["boss"]) @fallback(value: 1)
  rule: Int! @decision(kind: RULE) @fallback(value: 3)
}`;
const resources = `/// <reference path="./.ambit/types.d.ts" />
import { endpoints, tools } from "ambit";
export const Tools = tools({ async keyOf(ctx) { return ctx.callKey; } });
export const Endpoints = endpoints({
  async asksOpen(ctx) { return (await ctx.decide.open({})).value!; },
  async asksClosed(ctx) { return (await ctx.decide.closed({})).value!; },
  async asksRule(ctx) { return (await ctx.decide.rule({})).value!; },
  async keyless(ctx) { return ctx.callKey; },
});
`;

let bounds: BoundsApp;
beforeAll(async () => { bounds = await startBoundsApp(schema, { resources }); });
afterAll(async () => { await bounds?.stop(); });
beforeEach(() => { bounds.model.requests.length = 0; });

const told = (request: number): unknown => JSON.parse(String(bounds.model.requests[request]!.messages.at(-1)!.content));
const call = async (method: string, path: string): Promise<{ status: number; body: unknown }> => {
  const response = await fetch(`${bounds.app.url}${path}`, { method, headers: { authorization: "Bearer key-support", ...(method === "POST" ? { "content-type": "application/json" } : {}) }, ...(method === "POST" ? { body: "{}" } : {}) });
  return { status: response.status, body: await response.json() };
};

test("a declaration lets a run ask what names nobody; what names others stays theirs", async () => {
  bounds.model.script = (request, count) => [request.tools.length === 1 ? answers({ value: 7 }) : count === 1 ? { name: "open", arguments: {} } : count === 3 ? { name: "closed", arguments: {} } : answers({ amount: 5 })];
  expect(await bounds.decide("asking", {})).toMatchObject({ status: 200, source: "model", body: { amount: 5 } });
  expect([told(2), told(3)]).toEqual([7, { refused: "FORBIDDEN", tell: null }]);
});

test("so may code; over the wire nobody may", async () => {
  bounds.model.script = () => [answers({ value: 7 })];
  expect(await call("POST", "/asksOpen")).toEqual({ status: 200, body: 7 });
  expect(await call("POST", "/asksRule")).toEqual({ status: 200, body: 3 });
  expect(await call("POST", "/asksClosed")).toMatchObject({ status: 403 });
  expect(await call("POST", "/decide/open")).toMatchObject({ status: 403, body: { code: "FORBIDDEN" } });
});

test("a tool knows its call by a key; other code has none", async () => {
  bounds.model.script = (_, count) => (count === 1 ? [1, 2].map((n) => ({ name: "keyOf", arguments: { n } })) : [answers({ amount: 1 })]);
  const { run } = await bounds.decide("asking", {});
  const keys = bounds.model.requests[1]!.messages.filter(({ role }) => role === "tool").map(({ content }) => JSON.parse(String(content)) as string);
  expect(keys.map((key) => key.startsWith(`${run}-`))).toEqual([true, true]);
  expect(new Set(keys).size).toBe(2);
  expect(await call("GET", "/keyless")).toMatchObject({ status: 500 });
});
