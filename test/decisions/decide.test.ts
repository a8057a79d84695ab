// Decisions over HTTP, with a model endpoint that answers by script: what is committed, what is refused, what falls back.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { adminToken, keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { scriptedModel, type ScriptedModel } from "../models/scripted-model.ts";

const schema = `
enum RefundAction { REFUND VOUCHER ASK_HUMAN }
type Refund { action: RefundAction! amount: Money! @currency(code: "EUR") reason: String! }
type Order @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey total: Money! @currency(code: "EUR") refunded: Money! @currency(code: "EUR") @default(value: 0) secretNote: String @secret lines: [Line!]! @relationship(to: "orderId") }
type Line @table @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey orderId: ID! @indexed order: Order! @relationship(from: "orderId") sku: String! }
type Credit @table @export @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey orderId: ID! amount: Money! @currency(code: "EUR") @range(min: 1) }
type Tools { stockOf(sku: String!): Int! writes: Int! breaks: Int! hangs: Int! }
type Decisions {
  """Decide what to refund. Be generous."""
  refund(orderId: ID!, reason: String!): Refund! @decision(mode: ENFORCE, deadline: "PT5S") @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}?select=*,lines(*)")
    @mayRead(name: "lines", query: "Line?orderId=eq.{order.id}&sku=eq.{?sku: String}&select=sku")
    @mayCall(tool: "stockOf") @mayCall(tool: "writes") @mayCall(tool: "breaks") @mayCall(tool: "hangs")
    @mayWrite(operation: "Credit.create", fields: ["amount"], set: { orderId: "order.id" }, where: "args.amount <= 50")
    @effect(operation: "Order.update", set: { id: "order.id", refunded: "order.refunded + out.amount" }, when: "out.action == 'REFUND'")
    @bound(name: "cap", rule: "out.amount >= 0 && out.amount <= order.total - order.refunded", tell: "A refund cannot exceed what was paid.")
    @bound(name: "paid", at: COMMIT, rule: "after.order.refunded <= after.order.total", else: REFUSE, tell: "Too late.")
    @fallback(value: { action: ASK_HUMAN, amount: 0, reason: "no decision" })
  """Shadowed."""
  shadowed(orderId: ID!): Refund! @decision @export @allow(to: ["support"]) @fallback(call: "never")
  ruled(orderId: ID!, amount: Int!): Refund! @decision(kind: RULE) @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}")
    @bound(name: "known", at: INPUT, rule: "order.total > 0", tell: "There is nothing to refund.")
    @bound(name: "cap", rule: "out.amount <= order.total", else: CLAMP, to: "{amount: order.total}")
    @effect(operation: "Order.update", set: { id: "order.id", refunded: "out.amount" })
    @fallback(call: "byRule")
}
type Endpoints { ask(orderId: ID!): JSON @http(method: POST, transaction: NONE) @allow(to: ["support"]) }`;

const resources = `/// <reference path="./.ambit/types.d.ts" />
import { endpoints, fallbacks, tools } from "ambit";
export const Tools = tools({ 
  async stockOf(ctx, { sku }) { return sku === "A" ? 3 : 0; },
  async writes(ctx) { await ctx.db.Credit.create({ orderId: "o", amount: 1 }); return 1; },
  async breaks() { throw new Error("DETAIL"); },
  async hangs() { return new Promise(() => {}); },
});
export const Fallbacks = fallbacks({
  never: (input) => ({ action: "VOUCHER", amount: 0, reason: "shadow of " + input.orderId }),
  byRule: (input, { order }) => ({ action: "REFUND", amount: input.amount, reason: order.id }),
});
export const Endpoints = endpoints({ async ask(ctx, { orderId }) { return ctx.decide.ruled({ orderId, amount: 1 }); } });
`;

let app: StartedApp;
let model: ScriptedModel;
beforeAll(async () => {
  model = scriptedModel(() => []);
  app = await startTestApp({ schema, resources, config: `${keysFor("support", "other")}models: { default: { provider: openai-compatible, model: scripted, url: "${model.url}" } }\n` });
});
afterAll(async () => {
  await app?.stop();
  await model?.stop();
});

beforeEach(async () => {
  model.requests.length = 0;
  await app.running.tables.commit((session) => {
    const options = { dialect: "wire", authority: null, sent: null } as const;
    for (const table of ["Line", "Order", "Credit"]) for (const { id } of session.connection.query(`SELECT id FROM "${table}"`).all()) session.write({ kind: "remove", table, id: id as string, precondition: null }, options);
    session.write({ kind: "create", table: "Order", input: { id: "o", total: 100, secretNote: "CANARY" }, onConflict: null }, options);
    session.write({ kind: "create", table: "Order", input: { id: "empty", total: 0 }, onConflict: null }, options);
    session.write({ kind: "create", table: "Line", input: { id: "l", orderId: "o", sku: "A" }, onConflict: null }, options);
  }, { actor: "test", requestId: "seed" });
});

interface Decided { readonly status: number; readonly body: { readonly [name: string]: unknown }; readonly headers: Headers; readonly text: string }

async function decide(name: string, input: object, headers: Record<string, string> = {}, role = "support"): Promise<Decided> {
  const response = await fetch(`${app.url}/decide/${name}`, { method: "POST", headers: { "content-type": "application/json", authorization: `Bearer key-${role}`, ...headers }, body: JSON.stringify(input) });
  const text = await response.text();
  return { status: response.status, body: JSON.parse(text), headers: response.headers, text };
}

const order = (): Record<string, unknown> => app.running.tables.get("Order", "o")!.values;
const answer = (amount: unknown, action = "REFUND"): { name: string; arguments: unknown } => ({ name: "answer", arguments: { action, amount, reason: "because" } });
const told = (count: number): unknown => model.requests[count]!.messages.at(-1)!.content;

describe("a model decides", () => {
  test("its answer is committed with its effects and a record", async () => {
    model.script = () => [answer(40)];
    const { status, body, headers } = await decide("refund", { orderId: "o", reason: "broken" });
    expect({ status, body }).toEqual({ status: 200, body: { action: "REFUND", amount: 40, reason: "because" } });
    expect([headers.get("ambit-source"), headers.get("ambit-reason")]).toEqual(["model", null]);
    expect(order()["refunded"]).toBe(40);
    const run = await (await fetch(`${app.url}/runs/${headers.get("ambit-run")}`, { headers: { authorization: "Bearer key-support" } })).json() as object;
    expect(run).toMatchObject({ decision: "refund", state: "DECIDED", source: "model", answer: body });
    expect((await fetch(`${app.url}/runs/${headers.get("ambit-run")}`, { headers: { authorization: "Bearer key-other" } })).status).toBe(404);
  });

  test("it sees the policy, the input and the contexts, never what is secret", async () => {
    model.script = () => [answer(0)];
    await decide("refund", { orderId: "o", reason: "broken" });
    const [request] = model.requests;
    expect(request!.messages[0]!.content).toContain("Be generous.");
    const content = request!.messages[1]!.content;
    const document = JSON.parse(typeof content === "string" ? content : (content as { text: string }[])[0]!.text) as object;
    expect(document).toMatchObject({ input: { orderId: "o", reason: "broken" }, contexts: { order: { id: "o", total: 100, lines: [{ sku: "A" }] } }, told: ["A refund cannot exceed what was paid.", "Too late."] });
    expect(JSON.stringify(request)).not.toContain("CANARY");
    expect(request!.tools.map(({ function: { name } }) => name)).toEqual(["lines", "stockOf", "writes", "breaks", "hangs", "Credit_create", "answer"]);
  });

  test("tools read, effects are staged, and a violated bound is told and repaired", async () => {
    model.script = (_request, count) => [
      [{ name: "lines", arguments: { sku: "A" } }, { name: "stockOf", arguments: { sku: "A" } }],
      [{ name: "Credit_create", arguments: { amount: 51 } }, { name: "Credit_create", arguments: { amount: 20 } }, { name: "Credit_create", arguments: { amount: 21 } }],
      [answer(101)], [answer(60)],
    ][count - 1]!;
    const { status, body } = await decide("refund", { orderId: "o", reason: "broken" });
    expect({ status, body }).toEqual({ status: 200, body: { action: "REFUND", amount: 60, reason: "because" } });
    expect(model.requests[1]!.messages.slice(-2).map(({ content }) => content)).toEqual(["[{\"sku\":\"A\"}]", "3"]);
    expect(told(2)).toBe("{\"refused\":\"TOO_MANY_CALLS\",\"tell\":\"This tool is used at most 1 times.\"}");
    expect(told(3)).toBe("{\"refused\":\"BOUND\",\"tell\":\"A refund cannot exceed what was paid.\"}");
  });

  test("a tool that writes or breaks is refused by its code, and the run goes on", async () => {
    model.script = (_request, count) => (count === 1 ? [{ name: "writes", arguments: {} }, { name: "breaks", arguments: {} }] : [answer(1)]);
    const { headers, text } = await decide("refund", { orderId: "o", reason: "broken" });
    expect({ text, source: headers.get("ambit-source") }).toMatchObject({ source: "model" });
    expect(model.requests[1]!.messages.slice(-2).map(({ content }) => content)).toEqual(['{"refused":"TOOL_READS_ONLY","tell":null}', '{"refused":"INTERNAL","tell":null}']);
    expect(JSON.stringify(model.requests)).not.toContain("DETAIL");
    expect(app.running.tables.get("Credit", "1")).toBeNull();
  });

  test("a tool that never ends is given up at the deadline", async () => {
    model.script = () => [{ name: "hangs", arguments: {} }];
    const { headers } = await decide("refund", { orderId: "o", reason: "broken" });
    expect(headers.get("ambit-reason")).toBe("provider_timeout");
  }, 120_000);

  test("what nothing repairs falls back", async () => {
    model.script = () => [answer(101)];
    const { status, body, headers } = await decide("refund", { orderId: "o", reason: "broken" });
    expect({ status, body }).toEqual({ status: 200, body: { action: "ASK_HUMAN", amount: 0, reason: "no decision" } });
    expect([headers.get("ambit-source"), headers.get("ambit-reason")]).toEqual(["fallback", "bounded"]);
    expect(order()["refunded"]).toBe(0);
    expect(model.requests).toHaveLength(2);
  });

  test.each([
    ["a number that is none", "{\"action\":\"REFUND\",\"amount\":4e1,\"reason\":\"x\"}"],
    ["an integer written as 1.0", "{\"action\":\"REFUND\",\"amount\":1.0,\"reason\":\"x\"}"],
    ["a key twice", "{\"action\":\"REFUND\",\"amount\":1,\"amount\":2,\"reason\":\"x\"}"],
    ["a text for a number", "{\"action\":\"REFUND\",\"amount\":\"1\",\"reason\":\"x\"}"],
    ["an unknown member", "{\"action\":\"REFUND\",\"amount\":1,\"reason\":\"x\",\"extra\":1}"],
    ["half of it", "{\"action\":\"REFUND\",\"amount\":1"],
    ["__proto__", "{\"action\":\"REFUND\",\"amount\":1,\"reason\":\"x\",\"__proto__\":{\"a\":1}}"],
    ["an enum value that is none", "{\"action\":\"STEAL\",\"amount\":1,\"reason\":\"x\"}"],
  ])("%s is no answer", async (_, text) => {
    model.script = () => [{ name: "answer", arguments: text }];
    const { headers } = await decide("refund", { orderId: "o", reason: "broken" });
    expect(headers.get("ambit-reason")).toBe("output_invalid");
    expect(order()["refunded"]).toBe(0);
  });

  test("a record that is missing is a 404, before any model is asked", async () => {
    expect((await decide("refund", { orderId: "zz", reason: "x" })).status).toBe(404);
    expect(model.requests).toHaveLength(0);
  });

  test("who may not is refused, and the input is checked", async () => {
    expect((await decide("refund", { orderId: "o", reason: "x" }, {}, "other")).status).toBe(403);
    expect((await decide("refund", { orderId: "o" })).status).toBe(400);
  });

  test("the same key is the same answer, byte for byte, and asks nobody again", async () => {
    model.script = () => [answer(10)];
    const [first, second] = await Promise.all([decide("refund", { orderId: "o", reason: "x" }, { "idempotency-key": "k1" }), decide("refund", { orderId: "o", reason: "x" }, { "idempotency-key": "k1" })]);
    expect(second!.text).toBe(first!.text);
    expect([first, second].filter((one) => one!.headers.get("idempotency-replayed") === "true")).toHaveLength(1);
    expect(model.requests).toHaveLength(1);
    expect(order()["refunded"]).toBe(10);
    expect((await decide("refund", { orderId: "o", reason: "y" }, { "idempotency-key": "k1" })).status).toBe(422);
  });

  test("a run whose process is gone ends when its key is used again, and the decision is made anew", async () => {
    model.script = () => [answer(10)];
    const storage = app.running.tables;
    const ended = await decide("refund", { orderId: "o", reason: "x" }, { "idempotency-key": "gone" });
    await storage.commit(({ connection }) => {
      connection.run(`UPDATE "$decision" SET "ended" = NULL, "state" = 'REASONING', "lease" = "lease" - 3600000 WHERE "id" = ?1`, ended.headers.get("ambit-run"));
    }, { actor: "test", requestId: "crash" });
    const again = await decide("refund", { orderId: "o", reason: "x" }, { "idempotency-key": "gone" });
    expect([again.status, again.headers.get("ambit-source")]).toEqual([200, "model"]);
    expect(again.headers.get("ambit-run")).not.toBe(ended.headers.get("ambit-run"));
    expect(await (await fetch(`${app.url}/runs/${ended.headers.get("ambit-run")}`, { headers: { authorization: "Bearer key-support" } })).json()).toMatchObject({ state: "FAILED", status: 503 });
  });

  test("a slow provider is given up at the deadline", async () => {
    model.script = () => new Promise<Response>(() => {});
    const { headers, status } = await decide("refund", { orderId: "o", reason: "x" });
    expect([status, headers.get("ambit-reason")]).toEqual([200, "provider_timeout"]);
  }, 120_000);

  test.each([
    ["500 of HTML", () => new Response("<html>", { status: 500 }), "provider_unavailable"],
    ["a cut answer", () => Response.json({ choices: [{ index: 0, finish_reason: "length", message: { role: "assistant", content: null, tool_calls: [{ id: "a", type: "function", function: { name: "answer", arguments: "{\"action\":\"REFUND\",\"amount\":1,\"reason\":\"x\"}" } }] } }] }), "output_invalid"],
    ["garbage", () => new Response("{\"choices\":", { headers: { "content-type": "application/json" } }), "output_invalid"],
  ])("%s falls back", async (_, respond, reason) => {
    model.script = () => respond();
    const { headers } = await decide("refund", { orderId: "o", reason: "x" });
    expect(headers.get("ambit-reason")).toBe(reason);
  });
});

describe("without a model", () => {
  test("a shadow answers by its fallback", async () => {
    const { body, headers } = await decide("shadowed", { orderId: "o" });
    expect(body).toEqual({ action: "VOUCHER", amount: 0, reason: "shadow of o" });
    expect(headers.get("ambit-reason")).toBe("mode_shadow");
  });

  test("a rule decides, is clamped, and has its effects", async () => {
    const { body, headers } = await decide("ruled", { orderId: "o", amount: 400 });
    expect(body).toEqual({ action: "REFUND", amount: 100, reason: "o" });
    expect([headers.get("ambit-source"), headers.get("ambit-reason")]).toEqual(["rule", null]);
    expect(order()["refunded"]).toBe(100);
  });

  test("a bound of the input denies, in its own words", async () => {
    const { status, body } = await decide("ruled", { orderId: "empty", amount: 1 });
    expect(status).toBe(422);
    expect(body).toMatchObject({ code: "DECISION_DENIED", details: { tells: ["There is nothing to refund."] } });
  });

  test("code of the app asks it too", async () => {
    const response = await fetch(`${app.url}/ask`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support" }, body: JSON.stringify({ orderId: "o" }) });
    expect(await response.json()).toMatchObject({ state: "DECIDED", source: "rule", value: { amount: 1 } });
  });

  test("what may be asked is listed for whoever may", async () => {
    const list = async (token: string): Promise<string[]> => ((await (await fetch(`${app.url}/decide`, { headers: { authorization: `Bearer ${token}` } })).json()) as { name: string }[]).map(({ name }) => name);
    expect(await list("key-support")).toEqual(["refund", "shadowed", "ruled"]);
    expect(await list("key-other")).toEqual([]);
    expect(await list(adminToken)).toHaveLength(3);
  });
});
