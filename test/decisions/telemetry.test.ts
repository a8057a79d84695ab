// Spans as a collector gets them: requests, runs with their steps, models by the conventions for generative AI, under the context of the caller; what
// somebody wrote is in none; and a collector that is gone or slow harms nobody.
import { afterEach, expect, test } from "bun:test";
import { adminToken, keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { scriptedModel, type ScriptedModel } from "../models/scripted-model.ts";
import { until } from "../processes/waits.ts";

const schema = `type Refund { amount: Int! reason: String! }
type Order @table @export @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey total: Int! }
type Decisions {
  """Be generous."""
  refund(orderId: ID!, story: String! @untrusted): Refund! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}")
    @mayRead(name: "others", query: "Order?total=gte.{?atLeast: Int}&order=id&limit=3")
    @bound(name: "cap", rule: "out.amount >= 0 && out.amount <= order.total", tell: "Too much.")
    @fallback(value: { amount: 0, reason: "no decision" })
}
type Endpoints { call(to: String!): Int! @http(method: POST, path: "/call", transaction: NONE) @allow(to: ["support"]) send(to: String!): Boolean @http(method: POST, path: "/send") @allow(to: ["support"]) }`;
const resources = `import { endpoints } from "ambit";
export const Endpoints = endpoints({
  async call(ctx, { to }) { return (await ctx.fetch(to)).status; },
  async send(ctx, { to }) { await ctx.send({ url: to, key: "k" }); return null; },
});
`;

interface SentSpan {
  readonly traceId: string; readonly spanId: string; readonly parentSpanId?: string; readonly name: string; readonly kind: number; readonly status?: { readonly code?: number };
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string; readonly intValue?: number; readonly boolValue?: boolean; readonly arrayValue?: { readonly values: readonly { readonly stringValue: string }[] } } }[];
}
interface Collector { readonly url: string; readonly spans: SentSpan[]; readonly bodies: string[]; readonly authorizations: (string | null)[]; /** In the place of 200. */ answer: () => Response | Promise<Response>; stop(): Promise<void> }

function startCollector(): Collector {
  const collector: Omit<Collector, "url" | "stop"> = { spans: [], bodies: [], authorizations: [], answer: () => Response.json({}) };
  const server = Bun.serve({
    hostname: "127.0.0.1", port: 0,
    async fetch(request) {
      const text = await request.text();
      collector.bodies.push(text);
      collector.authorizations.push(request.headers.get("authorization"));
      if (new URL(request.url).pathname !== "/v1/traces") return new Response("no", { status: 404 });
      const { resourceSpans } = JSON.parse(text) as { resourceSpans: { scopeSpans: { spans: SentSpan[] }[] }[] };
      collector.spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)));
      return collector.answer();
    },
  });
  return Object.assign(collector, { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) });
}

let app: StartedApp | null = null;
let model: ScriptedModel | null = null;
let collector: Collector | null = null;
afterEach(async () => {
  await app?.stop();
  await model?.stop();
  await collector?.stop();
  [app, model, collector] = [null, null, null];
});

async function start(telemetry: string, limits = ""): Promise<void> {
  collector = startCollector();
  model = scriptedModel(({ messages }) => [
    [{ name: "others", arguments: { atLeast: 10 } }, { name: "words of the model", arguments: {} }],
    [{ name: "answer", arguments: { amount: 1_000, reason: "everything" } }],
    [{ name: "answer", arguments: { amount: 60, reason: "some of it" } }],
  ][messages.filter(({ role }) => role === "assistant").length]!);
  app = await startTestApp({
    schema, resources,
    config: `${keysFor("support")}models: { default: { provider: openai-compatible, model: gpt-test, url: "${model.url}" } }\n${limits}telemetry: { url: "${collector.url}"${telemetry} }\noutbound: { allowPrivate: ["127.0.0.1"] }\nsecrets: { calls: a-secret-to-sign-with }\ncallbacks: { sign: calls }\n`,
  });
  await app.running.tables.commit((session) => session.write({ kind: "create", table: "Order", input: { id: "o1", total: 100 }, onConflict: null }, { dialect: "wire", authority: null, sent: null }), { actor: "test", requestId: "seed" });
}

const post = (path: string, body: object, headers: Record<string, string> = {}): Promise<Response> => fetch(`${app!.url}${path}`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support", ...headers }, body: JSON.stringify(body) });

function attributesOf({ attributes }: SentSpan): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value: { stringValue, intValue, boolValue, arrayValue } }) => [key, stringValue ?? intValue ?? boolValue ?? arrayValue?.values.map((one) => one.stringValue)]));
}

const REMOTE = { trace: "0af7651916cd43dd8448eb211c80319c", span: "b7ad6b7169203331" };

test("a run is a span of its request, and its steps, models and tools are spans of it", async () => {
  await start(', headers: { authorization: "Bearer of-the-collector" }');
  const response = await post("/decide/refund", { orderId: "o1", story: "PRIVATE story" }, { traceparent: `00-${REMOTE.trace}-${REMOTE.span}-01` });
  expect(await response.json()).toEqual({ amount: 60, reason: "some of it" });
  await app!.running.stop();
  app = null;
  const { spans, bodies, authorizations } = collector!;
  const ofTrace = spans.filter(({ traceId }) => traceId === REMOTE.trace);
  const [request] = ofTrace.filter(({ parentSpanId }) => parentSpanId === REMOTE.span);
  expect([request!.name, request!.kind, attributesOf(request!)["http.route"], attributesOf(request!)["http.response.status_code"]]).toEqual(["POST /decide/refund", 2, "/decide/refund", 200]);
  const [run] = ofTrace.filter(({ parentSpanId }) => parentSpanId === request!.spanId);
  expect(run!.name).toBe("invoke_agent refund");
  expect(attributesOf(run!)).toMatchObject({ "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "refund", "ambit.run.id": response.headers.get("ambit-run"), "ambit.run.state": "DECIDED", "ambit.run.source": "model", "ambit.run.untrusted": true });
  const within = ofTrace.filter(({ parentSpanId }) => parentSpanId === run!.spanId);
  expect(within.map(({ name }) => name).sort()).toEqual(["chat gpt-test", "chat gpt-test", "chat gpt-test", "commit", "execute_tool _OTHER", "execute_tool others"].sort());
  expect(attributesOf(within.find(({ name }) => name.startsWith("chat"))!)).toMatchObject({
    "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-test", "gen_ai.request.max_tokens": expect.any(Number), "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20, "gen_ai.response.finish_reasons": ["complete"],
  });
  // The HTTP calls to the provider are spans of what asked it.
  expect(ofTrace.filter(({ parentSpanId, kind }) => kind === 3 && within.some(({ spanId }) => spanId === parentSpanId))).toHaveLength(3);
  expect(bodies.join("")).not.toMatch(/PRIVATE|some of it|everything|generous|words of the model|key-support|Too much/);
  expect(new Set(authorizations)).toEqual(new Set(["Bearer of-the-collector"]));
});

test("the context goes out with ctx.fetch, with ctx.send and with callbacks", async () => {
  await start("");
  const seen: [string, string | null][] = [];
  const other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => { seen.push([new URL(request.url).pathname, request.headers.get("traceparent")]); return new Response("ok"); } });
  try {
    const traceparent = `00-${REMOTE.trace}-${REMOTE.span}-01`;
    expect(await (await post("/call", { to: `http://127.0.0.1:${other.port}/called` }, { traceparent })).json()).toBe(200);
    expect((await post("/send", { to: `http://127.0.0.1:${other.port}/sent` }, { traceparent })).status).toBeLessThan(300);
    expect((await post("/decide/refund", { orderId: "o1", story: "" }, { traceparent, prefer: "respond-async", "ambit-callback": `http://127.0.0.1:${other.port}/told` })).status).toBe(202);
    await until(() => seen.length === 3);
    for (const [, sent] of seen) expect(sent).toMatch(new RegExp(`^00-${REMOTE.trace}-(?!${REMOTE.span})[0-9a-f]{16}-01$`));
    expect(seen.map(([path]) => path).sort()).toEqual(["/called", "/sent", "/told"]);
  } finally {
    await other.stop(true);
  }
});

test("what is no trace context begins a trace of its own; an unsampled one is not sent; sample: 0 sends nothing", async () => {
  await start("");
  for (const traceparent of ["", "x", `00-${"0".repeat(32)}-${REMOTE.span}-01`, `00-${REMOTE.trace}-${REMOTE.span}-01-more`, `01-${REMOTE.trace}-${REMOTE.span}-01`, "é".repeat(40)]) {
    await fetch(`${app!.url}/health`, { headers: traceparent === "" ? {} : { traceparent: encodeURI(traceparent) } });
  }
  await fetch(`${app!.url}/ready`, { headers: { traceparent: `00-${REMOTE.trace}-${REMOTE.span}-00` } });
  await app!.running.stop();
  const health = collector!.spans.filter(({ name }) => name === "GET /health");
  expect(health).toHaveLength(6);
  expect(health.every(({ parentSpanId = "", traceId }) => parentSpanId === "" && traceId !== REMOTE.trace)).toBe(true);
  expect(collector!.spans.some(({ name }) => name.includes("/ready"))).toBe(false);
  await Promise.all([model!.stop(), collector!.stop()]);
  await start(", sample: 0");
  await fetch(`${app!.url}/health`);
  await app!.running.stop();
  app = null;
  expect(collector!.bodies).toEqual([]);
});

test("paths that nobody declared, faults and records are named by their route alone", async () => {
  await start("");
  await fetch(`${app!.url}/secret-path-of-somebody?q=words`);
  await fetch(`${app!.url}/Order/id-of-somebody`, { headers: { authorization: "Bearer key-support" } });
  await fetch(`${app!.url}/Order`, { method: "BREW" }).catch(() => {});
  await app!.running.stop();
  app = null;
  const text = collector!.bodies.join("");
  expect(text).not.toMatch(/secret-path|words|id-of-somebody|BREW/);
  expect(collector!.spans.map(({ name }) => name)).toEqual(expect.arrayContaining(["GET", "GET /Order/{id}"]));
});

test("a collector that refuses, hangs or is gone: requests are answered, at most so many spans wait, and the log says it once", async () => {
  await start("", "limits: { telemetrySpans: 20 }\n");
  const ask = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) expect((await fetch(`${app!.url}/health`)).status).toBe(200);
  };
  const hanging: (() => void)[] = [];
  collector!.answer = () => new Promise((resolve) => { hanging.push(() => resolve(new Response("out of order", { status: 400 }))); });
  await ask(300);
  // What two requests to it took along, and what waited.
  expect(collector!.spans.length).toBeLessThanOrEqual(60);
  collector!.answer = () => new Response("out of order", { status: 400 });
  for (const release of hanging) release();
  await until(() => app!.log.some((line) => line.includes("telemetry-failed")));
  await ask(50);
  await collector!.stop();
  await ask(50);
  expect(app!.log.filter((line) => line.includes("telemetry-failed"))).toHaveLength(1);
  expect((await fetch(`${app!.url}/metrics`, { headers: { authorization: `Bearer ${adminToken}` } })).status).toBe(200);
});
