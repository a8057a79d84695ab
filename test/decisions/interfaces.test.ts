// Decisions over GraphQL, the WebSocket, in OpenAPI and in the description of the app: asked, refused, and told of only to whoever may ask.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { adminToken, keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";

const schema = `
enum Verdict { YES NO }
type Answer { verdict: Verdict! big: Long! }
type Item @table @export @allow(to: ["clerk"], do: [READ]) { id: ID! @primaryKey }
type Decisions {
  ruled(big: Long!, note: String = "none"): Answer! @decision(kind: RULE) @export @allow(to: ["clerk"])
    @bound(name: "cap", rule: "out.big < 9007199254740999", else: REFUSE, tell: "Too much.")
    @fallback(call: "byRule")
  """Ours or yours."""
  beside(of: Int!): Answer! @decision @export @allow(to: ["clerk"]) @fallback(own: true)
  restOnly: Int! @decision(kind: RULE) @export(over: [REST]) @allow(to: ["clerk"]) @fallback(value: 1)
}
type Endpoints { ask(big: Long!): String @http(method: POST, transaction: NONE) @allow(to: ["clerk"]) }`;

const resources = `import { endpoints, fallbacks } from "ambit";
export const Fallbacks = fallbacks({ byRule: ({ big }) => ({ verdict: "YES", big: big + 1n }) });
export const Endpoints = endpoints({ async ask(ctx, { big }) { const { value } = await ctx.decide.ruled({ big }); return typeof value.big + value.big; } });
`;

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, resources, config: keysFor("clerk", "other") }); });
afterAll(async () => { await app?.stop(); });

const headersOf = (token: string): Record<string, string> => ({ "content-type": "application/json", authorization: `Bearer ${token}` });

async function graphql(query: string, token = "key-clerk"): Promise<unknown> {
  return (await fetch(`${app.url}/graphql`, { method: "POST", headers: headersOf(token), body: JSON.stringify({ query }) })).json();
}

test("GraphQL: a mutation per decision answers how it ended", async () => {
  expect(await graphql(`mutation { ruled(big: "9007199254740993") { __typename state source reason taint tells value { verdict big } } }`))
    .toEqual({ data: { ruled: { __typename: "RuledDecided", state: "DECIDED", source: "rule", reason: null, taint: null, tells: [], value: { verdict: "YES", big: "9007199254740994" } } } });
  expect(await graphql(`mutation { beside(of: 1, own: { verdict: NO, big: "2" }) { state source reason value { v: verdict } } }`))
    .toEqual({ data: { beside: { state: "FELL_BACK", source: "fallback", reason: "mode_shadow", value: { v: "NO" } } } });
});

test("GraphQL: what is refused is an answer, with what the bound tells", async () => {
  expect(await graphql(`mutation { ruled(big: "9007199254740998") { state tells value { big } } }`)).toEqual({ data: { ruled: { state: "REFUSED", tells: ["Too much."], value: null } } });
});

test("GraphQL: it exists for whoever may ask, where it is exported, and not in a transaction", async () => {
  expect(JSON.stringify(await graphql(`mutation { ruled(big: "1") { state } }`, "key-other"))).toContain("INVALID_DOCUMENT");
  expect(JSON.stringify(await graphql("mutation { restOnly { state } }"))).toContain("INVALID_DOCUMENT");
  expect(JSON.stringify(await graphql(`mutation @transaction { ruled(big: "1") { state } }`))).toContain("NOT_IN_BATCH");
});

test("the WebSocket calls it as any operation", async () => {
  const socket = new WebSocket(`${app.url.replace("http", "ws")}/ws`);
  const frames: { readonly id?: string; readonly status?: number; readonly body?: unknown }[] = [];
  const told = new Promise<void>((resolve) => {
    socket.addEventListener("message", ({ data }) => {
      frames.push(JSON.parse(String(data)) as (typeof frames)[number]);
      if (frames.at(-1)!.id === "c") resolve();
    });
  });
  await new Promise((resolve) => { socket.addEventListener("open", resolve); });
  socket.send(JSON.stringify({ op: "auth", token: "key-clerk" }));
  socket.send(JSON.stringify({ op: "call", id: "c", method: "POST", path: "/decide/ruled", body: { big: "5" } }));
  await told;
  socket.close();
  expect(frames.at(-1)).toMatchObject({ id: "c", status: 200, body: { verdict: "YES", big: "6" } });
});

test("code gets values of its own types", async () => {
  const response = await fetch(`${app.url}/ask`, { method: "POST", headers: headersOf("key-clerk"), body: JSON.stringify({ big: "9007199254740993" }) });
  expect(await response.json()).toBe("bigint9007199254740994");
});

test("OpenAPI has the decisions of the caller, with their types", async () => {
  const documentOf = async (token: string): Promise<{ paths: Record<string, { post?: { requestBody: unknown; responses: Record<string, unknown> } }>; components: { schemas: object } }> =>
    (await fetch(`${app.url}/openapi.json`, { headers: headersOf(token) })).json() as never;
  const { paths, components } = await documentOf("key-clerk");
  expect(Object.keys(paths)).toEqual(expect.arrayContaining(["/decide/ruled", "/decide/beside", "/decide/restOnly", "/decide", "/runs/{id}"]));
  expect(JSON.stringify(paths["/decide/beside"]!.post!.requestBody)).toContain('"own"');
  expect(JSON.stringify(paths["/decide/ruled"]!.post!.responses["200"])).toContain("#/components/schemas/Answer");
  expect(Object.keys(components.schemas)).toContain("Answer");
  expect(JSON.stringify(paths["/decide/ruled"])).toContain('"Ambit-Callback"');
  expect(JSON.stringify(paths["/runs/{id}"])).toContain("text/event-stream");
  expect(Object.keys((await documentOf("key-other")).paths).filter((path) => path.startsWith("/decide"))).toEqual([]);
});

test("the words of a policy, a part of the prompt, are told to those who may see one, and to nobody else who may ask", async () => {
  const introspection = await graphql("{ __schema { mutationType { fields { name description } } } }");
  const told = await Promise.all(["/decide", "/openapi.json"].map(async (path) => (await fetch(app.url + path, { headers: headersOf("key-clerk") })).text()));
  for (const text of [JSON.stringify(introspection), ...told]) {
    expect(text).toContain("beside");
    expect(text).not.toContain("Ours or yours.");
  }
  expect(await (await fetch(`${app.url}/decide`, { headers: headersOf(adminToken) })).json()).toContainEqual(expect.objectContaining({ name: "beside", description: "Ours or yours." }));
});

test("the description of the app has them", async () => {
  const { decisions, routes } = await (await fetch(`${app.url}/admin/describe`, { headers: headersOf(adminToken) })).json() as { decisions: { name: string }[]; routes: string[] };
  expect(decisions[0]).toMatchObject({ name: "ruled", mode: "SHADOW", kind: "RULE", bounds: ["cap (OUTPUT): out.big < 9007199254740999"], fallback: "call" });
  expect(routes).toEqual(expect.arrayContaining(["POST /decide/ruled", "GET /decide", "GET DELETE /runs/{id}"]));
});
