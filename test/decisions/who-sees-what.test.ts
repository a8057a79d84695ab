// Who sees what of a run, over each way in: its starter how it ended and what was told, whoever may inspect also how and why, everybody else not even that there is
// such a run. Names of bounds, expressions, policies, secrets and the words of models and providers are in no answer but theirs, and in no log.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { EventClient, SocketClient } from "../scenarios/live-clients.ts";
import { adminToken, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { scriptedModel, type ScriptedModel } from "../models/scripted-model.ts";

const schema = `
type Order @table @export @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey total: Int! cost: Int! @default(value: 7777777) @secret }
type Decisions {
  """CANARY of the policy: decide what to refund."""
  refund(orderId: ID!): Int! @decision(mode: ENFORCE, inspect: ["auditor"]) @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}")
    @bound(name: "canaryCap", rule: "out <= order.total", else: FALLBACK, tell: "At most what was paid.")
    @bound(name: "canaryMargin", rule: "out < order.cost", else: FALLBACK)
    @fallback(value: 0)
  """Nobody but the one who asks."""
  plain(orderId: ID!): Int! @decision(mode: ENFORCE) @export @allow(to: ["support"]) @bound(name: "cap", rule: "out <= 50", else: REFUSE, tell: "Too much.") @fallback(value: 0)
}`;
const keys = [["starter", "support", "acme"], ["colleague", "support", "acme"], ["auditor", "auditor", "acme"], ["stranger", "auditor", "other"], ["elsewhere", "support", "other"]];

let app: StartedApp;
let model: ScriptedModel;
beforeAll(async () => {
  model = scriptedModel(() => [{ name: "answer", arguments: "60" }]);
  const auth = keys.map(([subject, role, tenant]) => `    - { token: key-${subject}, subject: ${subject}, roles: [${role}], tenant: ${tenant} }\n`).join("");
  app = await startTestApp({ schema, config: `auth:\n  keys:\n${auth}limits: { modelAttempts: 1 }\nmodels: { default: { provider: openai-compatible, model: scripted, url: "${model.url}" } }\n` });
  expect((await call("POST", "/Order", "starter", { id: "o1", total: 50 })).status).toBe(201);
});
afterAll(async () => {
  await app?.stop();
  await model?.stop();
});

const authOf = (who: string): Record<string, string> => (who === "nobody" ? {} : { authorization: `Bearer ${who === "administrator" ? adminToken : `key-${who}`}` });

interface Said { readonly status: number; readonly body: { readonly [name: string]: unknown }; readonly text: string; readonly headers: Headers }

async function call(method: string, path: string, who: string, body: object | null = null): Promise<Said> {
  const response = await fetch(app.url + path, { method, headers: { "content-type": "application/json", ...authOf(who) }, ...(body === null ? {} : { body: JSON.stringify(body) }) });
  const text = await response.text();
  return { status: response.status, text, headers: response.headers, body: (/json/.test(response.headers.get("content-type") ?? "") ? JSON.parse(text) : {}) as Said["body"] };
}

/** Everything of one viewer about one run: by REST, and what a WebSocket says to the same. */
async function views(run: string, who: string): Promise<readonly { readonly status: number; readonly text: string }[]> {
  const found = await Promise.all([`/runs/${run}`, `/runs/${run}/receipt`, `/runs/${run}/trace`].map((path) => call("GET", path, who)));
  const events = await EventClient.open(`${app.url}/runs/${run}`, authOf(who));
  if (events.response.status === 200) await events.ended();
  const socket = await SocketClient.open(app.url, authOf(who));
  const called = await socket.ask({ op: "call", id: "c", method: "GET", path: `/runs/${run}` });
  const followed = await socket.ask({ op: "subscribe", id: "s", query: `/runs/${run}` });
  socket.close();
  return [
    ...found, { status: events.response.status, text: events.text.join("\n") },
    { status: called.status ?? called.problem!.status, text: JSON.stringify(called) }, { status: followed.problem?.status ?? 200, text: JSON.stringify(followed) },
  ];
}

const CANARY = /canary|CANARY|out <|7777777|PELICAN/;
let run = "";

test("the caller: the answer, a class of reasons, what was told", async () => {
  const { status, text, headers } = await call("POST", "/decide/refund", "starter", { orderId: "o1" });
  run = headers.get("ambit-run")!;
  expect([status, text, headers.get("ambit-reason")]).toEqual([200, "0", "bounded"]);
  expect(JSON.stringify([...headers])).not.toMatch(CANARY);
  const graphql = await call("POST", "/graphql", "starter", { query: `mutation { refund(orderId: "o1") { state reason source tells value } }` });
  expect(graphql.body).toEqual({ data: { refund: { state: "FELL_BACK", reason: "bounded", source: "fallback", tells: [], value: 0 } } });
  const refused = await call("POST", "/decide/plain", "starter", { orderId: "o1" });
  expect(refused).toMatchObject({ status: 422, body: { code: "DECISION_REFUSED", details: { tells: ["Too much."] } } });
  expect(refused.text).not.toMatch(/"cap"|out </);
});

test("the starter: state, class of the reason, answer, tells, receipt; neither version nor trace nor record", async () => {
  const [view, receipt, trace, ...more] = await views(run, "starter");
  expect(JSON.parse(view!.text)).toEqual({
    run, decision: "refund", state: "FELL_BACK", source: "fallback", reason: "bounded", taint: null, admittedAt: expect.any(String), endedAt: expect.any(String), status: 200, answer: 0, tells: expect.any(Array),
  });
  expect([receipt!.status, trace!.status, ...more.map(({ status }) => status)]).toEqual([200, 404, 200, 200, 200]);
  expect(JSON.parse(receipt!.text)).not.toHaveProperty("record");
  for (const { text } of [view!, receipt!, trace!, ...more]) expect(text).not.toMatch(CANARY);
});

test("whoever may inspect: the names, the record, the trace, without what is secret; the look at it is recorded", async () => {
  for (const who of ["auditor", "administrator"]) {
    const all = await views(run, who);
    expect(all.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    const [view, receipt, trace] = all.map(({ text }) => text);
    expect(JSON.parse(view!)).toMatchObject({ reason: "bound:canaryCap", version: expect.any(String), parent: null, leaf: expect.any(Number) });
    expect(JSON.parse(receipt!)).toHaveProperty("record");
    expect(trace).toContain("CANARY of the policy");
    for (const { text } of all) expect(text).not.toContain("7777777");
  }
  const lookers = app.running.storage.reader.values(`SELECT "payloads" FROM "$audit" WHERE "run" = ?1 AND "record" ->> '$.kind' = 'look' ORDER BY "number"`, run).map(([data]) => String(data));
  expect([lookers.length, lookers[0]!.includes("auditor"), lookers[1]!.includes("administrator")]).toEqual([2, true, true]);
});

test("everybody else: what those are told who invent a run", async () => {
  for (const who of ["colleague", "stranger", "elsewhere", "nobody"]) {
    const [known, unknown] = [await views(run, who), await views("0190a000-0000-7000-8000-000000000000", who)];
    expect([who, ...known.map(({ status }) => status)]).toEqual([who, ...unknown.map(({ status }) => status)]);
    for (const { status } of known) expect(status).toBeOneOf(who === "nobody" ? [401, 404] : [404]);
    const withoutIds = (text: string): string => text.replaceAll(/"requestId":"[^"]*"/g, "");
    expect(known.map(({ text }) => withoutIds(text))).toEqual(unknown.map(({ text }) => withoutIds(text)));
    expect((await call("DELETE", `/runs/${run}`, who)).status).toBeOneOf(who === "nobody" ? [401, 404] : [404]);
  }
  // Without inspect nobody but the starter and the administrator.
  const { headers } = await call("POST", "/decide/plain", "starter", { orderId: "o1" });
  const other = headers.get("ambit-run") ?? String((app.running.storage.reader.values(`SELECT "id" FROM "$decision" WHERE "name" = 'plain' ORDER BY "admitted" DESC LIMIT 1`)[0] as [string])[0]);
  expect(await Promise.all(["starter", "auditor", "administrator"].map(async (who) => (await call("GET", `/runs/${other}`, who)).status))).toEqual([200, 404, 200]);
});

test("the words of a provider, of prompts and of bounds are in no answer, no log and no metric", async () => {
  model.script = () => new Response(`{"error": {"message": "PELICAN ate key sk-1"}}`, { status: 500 });
  const said = await call("POST", "/decide/refund", "starter", { orderId: "o1" });
  expect([said.status, said.headers.get("ambit-reason")]).toEqual([200, "provider_unavailable"]);
  for (const who of ["starter", "auditor"]) expect((await views(said.headers.get("ambit-run")!, who)).map(({ text }) => text).join("\n")).not.toContain("PELICAN");
  expect(app.log.join("\n")).not.toMatch(/CANARY|PELICAN|out <|7777777/);
  expect((await call("GET", "/metrics", "administrator")).text).not.toMatch(/CANARY|PELICAN|out <|7777777/);
});
