// Runs as resources: answered before they end, seen while they go on, cancelled with what they have asked; by whoever may.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { adminToken, keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { scriptedModel, type ScriptedModel } from "../models/scripted-model.ts";

const schema = `
type Order @table @export @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey refunded: Int! @default(value: 0) }
type Decisions {
  """Decide what to refund."""
  refund(orderId: ID!): Int! @decision(mode: ENFORCE, deadline: "PT60S", inspect: ["auditor"]) @export @allow(to: ["support", "other"])
    @mayAsk(decision: "mood")
    @effect(operation: "Order.create", set: { id: "input.orderId", refunded: "out" })
    @acknowledge(rule: "UNBOUNDED_WRITE", reason: "A test.")
    @bound(name: "cap", rule: "out >= 0")
    @fallback(value: 0)
  """How annoyed?"""
  mood(text: String!): Int! @decision(mode: ENFORCE, kind: JUDGE, deadline: "PT60S") @export @allow(to: ["support"]) @bound(name: "scale", rule: "out <= 10") @fallback(value: 5)
  ruled: Int! @decision(kind: RULE) @export @allow(to: ["support"]) @fallback(value: 7)
}`;

let app: StartedApp;
let model: ScriptedModel;
/** Lets the model answer. */
let answers: PromiseWithResolvers<void>;
let asked: PromiseWithResolvers<void>;

beforeAll(async () => {
  model = scriptedModel(() => []);
  app = await startTestApp({ schema, config: `${keysFor("support", "other", "auditor")}limits: { decisionRuns: 30 }\nmodels: { default: { provider: openai-compatible, model: scripted, url: "${model.url}" } }\n` });
});
afterAll(async () => {
  answers.resolve();
  await app?.stop();
  await model?.stop();
});
beforeEach(() => {
  model.requests.length = 0;
  answers = Promise.withResolvers();
  asked = Promise.withResolvers();
  model.script = async () => {
    asked.resolve();
    await answers.promise;
    return [{ name: "answer", arguments: "40" }];
  };
});

interface Said { readonly status: number; readonly headers: Headers; readonly body: { readonly [name: string]: unknown } }

async function call(method: string, path: string, body: object | null = null, headers: Record<string, string> = {}, token = "key-support"): Promise<Said> {
  const response = await fetch(app.url + path, { method, headers: { "content-type": "application/json", authorization: `Bearer ${token}`, ...headers }, ...(body === null ? {} : { body: JSON.stringify(body) }) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: JSON.parse(text === "" ? "{}" : text) as Said["body"] };
}

const soon = { prefer: "respond-async" };

async function ended(run: unknown): Promise<Said["body"]> {
  for (;;) {
    const { body } = await call("GET", `/runs/${String(run)}`);
    if (body["endedAt"] !== null) return body;
    await Bun.sleep(5);
  }
}

test("who does not want to wait is told where the run is; its end is there", async () => {
  const { status, headers, body } = await call("POST", "/decide/refund", { orderId: "soon" }, soon);
  expect({ status, body }).toEqual({ status: 202, body: { run: expect.any(String), state: "REASONING" } });
  expect([headers.get("location"), headers.get("preference-applied"), headers.get("ambit-run")]).toEqual([`/runs/${String(body["run"])}`, "respond-async", body["run"] as string]);
  expect((await call("GET", headers.get("location")!)).body).toMatchObject({ state: "REASONING", endedAt: null, answer: null });
  answers.resolve();
  expect(await ended(body["run"])).toMatchObject({ state: "DECIDED", answer: 40, status: 200 });
  expect(app.running.tables.get("Order", "soon")!.values["refunded"]).toBe(40);
});

test("with a key it is the same run: 202 while it goes on, then the answer; who waits gets it too", async () => {
  const key = { "idempotency-key": "k1" };
  const first = await call("POST", "/decide/refund", { orderId: "keyed" }, { ...soon, ...key });
  const second = await call("POST", "/decide/refund", { orderId: "keyed" }, { ...soon, ...key });
  expect([first.status, second.status, second.body]).toEqual([202, 202, first.body]);
  expect((await call("POST", "/decide/refund", { orderId: "another" }, { ...soon, ...key })).status).toBe(422);
  const waiting = call("POST", "/decide/refund", { orderId: "keyed" }, key);
  answers.resolve();
  expect(await waiting).toMatchObject({ status: 200, body: 40 });
  expect(await call("POST", "/decide/refund", { orderId: "keyed" }, { ...soon, ...key })).toMatchObject({ status: 200, body: 40 });
  expect(model.requests.length).toBe(1);
});

test("an answer without members is asked for in an object, as providers demand, and is taken with it or bare", async () => {
  for (const [written, status] of [['{"value":4}', 4], ["4", 4], ['{"value":4.0}', 5], ['{"value":4,"more":1}', 5], ['{"value":{"value":4}}', 5], ['{"values":4}', 5]] as const) {
    model.script = () => [{ name: "answer", arguments: written }];
    expect([written, (await call("POST", "/decide/mood", { text: "a" })).body as unknown]).toEqual([written, status]);
  }
  expect(model.requests[0]!.tools[0]!.function.parameters).toMatchObject({ type: "object", properties: { value: { type: "integer" } }, required: ["value"] });
});

test("what needs no model, or is refused before it begins, is answered at once", async () => {
  expect(await call("POST", "/decide/ruled", {}, soon)).toMatchObject({ status: 200, body: 7 });
  expect(await call("POST", "/decide/refund", {}, soon)).toMatchObject({ status: 400 });
  expect(await call("POST", "/decide/mood", { text: "a" }, soon, "key-other")).toMatchObject({ status: 403 });
});

test("cancelled with whom it has asked, these first: whoever waits is told, and nothing is committed", async () => {
  const { script } = model;
  model.script = async (request, count) => (count === 1 ? [{ name: "mood", arguments: { text: "a" } }] : script(request, count));
  const key = { "idempotency-key": "k2" };
  const waiting = call("POST", "/decide/refund", { orderId: "cancelled" }, key);
  await asked.promise;
  const { body: { run } } = await call("POST", "/decide/refund", { orderId: "cancelled" }, { ...soon, ...key });
  for (const token of ["key-other", "key-none"]) expect((await call("DELETE", `/runs/${String(run)}`, null, {}, token)).status).toBeOneOf([401, 404]);
  const { status, body } = await call("DELETE", `/runs/${String(run)}`);
  expect({ status, body }).toEqual({ status: 200, body: { run, state: "CANCELLED", nodes: [{ run: expect.any(String), outcome: "cancelled", state: "CANCELLED" }, { run, outcome: "cancelled", state: "CANCELLED" }] } });
  expect(await waiting).toMatchObject({ status: 409, body: { code: "DECISION_CANCELLED" } });
  expect(await call("POST", "/decide/refund", { orderId: "cancelled" }, key)).toMatchObject({ status: 409, body: { code: "DECISION_CANCELLED" } });
  const child = (body["nodes"] as { run: string }[])[0]!.run;
  expect((await call("GET", `/runs/${child}`, null, {}, adminToken)).body).toMatchObject({ state: "CANCELLED", parent: run });
  expect(await call("DELETE", `/runs/${String(run)}`)).toMatchObject({ status: 200, body: { state: "CANCELLED", nodes: [{ outcome: "ended" }, { outcome: "ended" }] } });
  answers.resolve();
  expect(app.running.tables.get("Order", "cancelled")).toBeNull();
  expect(app.log.filter((line) => line.includes("decision-failed"))).toEqual([]);
});

test("an inspector cancels, too; of many that end and are cancelled at once each has one end", async () => {
  const runs = await Promise.all(Array.from({ length: 30 }, async (_, index) => (await call("POST", "/decide/refund", { orderId: `race${index}` }, soon)).body["run"] as string));
  expect((await call("DELETE", `/runs/${runs[0]!}`, null, {}, "key-auditor")).status).toBe(200);
  // The one that was cancelled has left its place.
  const more = (name: string): Promise<Said> => call("POST", "/decide/refund", { orderId: name }, soon);
  expect([(await more("more")).status, (await more("toomany")).status]).toEqual([202, 503]);
  answers.resolve();
  const cancelled = await Promise.all(runs.slice(1).map((run, index) => (index % 2 === 0 ? call("DELETE", `/runs/${run}`) : call("POST", `/runs/${run}/cancel`))));
  for (const [index, run] of runs.slice(1).entries()) {
    const isCancelled = cancelled[index]!.status === 200;
    expect((await ended(run))["state"]).toBe(isCancelled ? "CANCELLED" : "DECIDED");
    expect(app.running.tables.get("Order", `race${index + 1}`) === null).toBe(isCancelled);
  }
});
