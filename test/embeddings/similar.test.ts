// `similar` by a text, over every interface and in code: the model is asked once for a text, and when it cannot answer that is said.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { DIMENSIONS, startEmbeddingServer, vectorsOf, type EmbeddingServer } from "./embedding-server.ts";

const schema = `
type Note @table(tenant: "team") @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) @allow(to: ["guest"], do: [READ]) {
  id: ID! @primaryKey
  team: String!
  text: String!
  plain: Vector @indexed(type: VECTOR, dimensions: 2)
  meaning: Vector @embed(from: ["text"]) @indexed(type: VECTOR) @allow(to: ["clerk"], do: [READ])
}
type Found { id: ID! }
type Endpoints {
  find(text: String!): [Found!]! @http(method: GET, path: "/find") @allow(to: ["clerk"])
  findIn(text: String!): [Found!]! @http @allow(to: ["clerk"])
}`;
const resources = `/// <reference path="./.ambit/types.d.ts" />
import { endpoints } from "ambit";
export const Endpoints = endpoints({
  async find(ctx, { text }) {
    const one = await ctx.db.Note.find({ similar: { field: "meaning", text }, limit: 1 });
    const same = await ctx.db.Note.first({ similar: { text, field: "meaning" } });
    if (one[0]?.id !== same?.id) throw new Error("two answers");
    return one.map(({ id }) => ({ id }));
  },
  async findIn(ctx, { text }) { return (await ctx.db.Note.find({ similar: { field: "meaning", text }, limit: 1 })).map(({ id }) => ({ id })); },
});`;

const texts = { tree: "plant a tree in the garden", bread: "bake bread with flour", boat: "sail a boat on the lake" };

let server: EmbeddingServer;
let app: StartedApp;
beforeAll(async () => {
  server = startEmbeddingServer();
  const models = `models:\n  embedding: { provider: openai-compatible, url: "${server.url}", model: words, dimensions: ${DIMENSIONS} }\nlimits: { embeddingQueryMs: 400, modelAttempts: 1, modelFailures: 1000 }\n`;
  app = await startTestApp({ schema, resources, config: `${keysFor("clerk", "guest").replaceAll("] }", "], tenant: t1 }")}    - { token: key-other, subject: other, roles: [clerk], tenant: t2 }\n${models}` });
  for (const [id, text] of Object.entries(texts)) expect((await ask("POST", "/Note", { body: { id, text } })).status).toBe(201);
  await ask("POST", "/Note", { body: { id: "theirs", text: texts.tree }, key: "other" });
  await app.running.embedder.settled();
});
afterEach(() => server.behaves(() => null));
afterAll(async () => {
  await app.stop();
  await server.stop();
});

interface Said { readonly data?: unknown; readonly id?: string; readonly code?: string; readonly retry?: boolean; readonly errors?: readonly { readonly extensions: { readonly code: string } }[]; readonly [index: number]: { readonly id: string } }

async function ask(method: string, path: string, { body = undefined as unknown, key = "clerk" } = {}): Promise<{ status: number; body: Said; headers: Headers }> {
  const answer = await fetch(`${app.url}${path}`, { method, headers: { authorization: `Bearer key-${key}`, "content-type": "application/json" }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: (text === "" ? null : JSON.parse(text)) as Said };
}

const path = (text: string, more = ""): string => `/Note?similar=${encodeURIComponent(`meaning:${text}`)}&select=id${more}`;
const graphql = (text: string): ReturnType<typeof ask> => ask("POST", "/graphql", { body: { query: "query ($text: String!) { noteList(similar: { field: \"meaning\", text: $text }, limit: 1) { rows { id } } }", variables: { text } } });

test("REST: nearest first, of one's own tenant, with filters and pages", async () => {
  expect((await ask("GET", path("a tree for my garden"))).body[0]).toEqual({ id: "tree" });
  expect((await ask("GET", path("flour for bread", "&limit=1"))).body).toEqual([{ id: "bread" }]);
  expect((await ask("GET", path("flour for bread", "&id=neq.bread&limit=3"))).body).toHaveLength(2);
  expect((await ask("GET", path("a tree for my garden"), { key: "other" })).body).toEqual([{ id: "theirs" }]);
  expect((await ask("GET", "/Note?similar=sail&select=id")).body.code).toBe("MALFORMED_QUERY");
});

test("GraphQL and code", async () => {
  expect((await graphql("who can bake")).body).toEqual({ data: { noteList: { rows: [{ id: "bread" }] } } });
  expect((await ask("GET", "/find?text=boat")).body).toEqual([{ id: "boat" }]);
  expect((await ask("POST", "/findIn", { body: { text: "boat" } })).body.code).toBe("EXTERNAL_IN_TRANSACTION");
});

test("a vector is still a vector", async () => {
  const [vector] = await vectorsOf([texts.boat]);
  const asked = server.requests.length;
  expect((await ask("GET", path(JSON.stringify(vector), "&limit=1"))).body).toEqual([{ id: "boat" }]);
  expect(server.requests).toHaveLength(asked);
});

test("a text is asked about once", async () => {
  const asked = server.requests.length;
  for (let time = 0; time < 3; time++) expect((await ask("GET", path("the same again", "&limit=1"))).status).toBe(200);
  await graphql("the same again");
  expect(server.requests).toHaveLength(asked + 1);
});

test("who may not read the vector knows no such field, and nobody is asked", async () => {
  const asked = server.requests.length;
  expect((await ask("GET", path("tree"), { key: "guest" })).body.code).toBe("UNKNOWN_FIELD");
  expect((await ask("GET", path("tree"), { key: "nobody" })).status).toBe(401);
  expect(server.requests).toHaveLength(asked);
});

test("what no model fills is compared with vectors", async () => {
  expect((await ask("GET", "/Note?similar=plain:tree")).body).toMatchObject({ code: "MALFORMED_QUERY", where: "similar" });
  expect((await ask("GET", "/Note?similar=meaning:%20")).body.code).toBe("BAD_FILTER_VALUE");
});

test("a bulk write takes a text; a batch, a transaction and a followed query do not", async () => {
  expect((await ask("PATCH", `${path("bake bread")}&limit=1&id=neq.tree`, { body: { plain: [1, 2] } })).status).toBe(204);
  expect((await ask("GET", "/Note?plain=not.is.null&select=id")).body).toEqual([{ id: "bread" }]);
  const batch = await ask("POST", "/batch", { body: { operations: [{ id: "a", method: "GET", path: path("bread") }] } });
  expect(batch.body.code).toBe("NOT_IN_BATCH");
  const inBatch = await ask("POST", "/batch", { body: { operations: [{ id: "a", method: "PATCH", path: `${path("bread")}&id=neq.tree`, body: { plain: [1, 2] } }] } });
  expect(inBatch.body.code).toBe("EXTERNAL_IN_TRANSACTION");
  const followed = await fetch(`${app.url}${path("bread")}`, { headers: { authorization: "Bearer key-clerk", accept: "text/event-stream" } });
  expect((await followed.json() as { code: string }).code).toBe("NOT_LIVE");
});

test("a provider that fails or is slow is said to be down, and the rest goes on", async () => {
  server.behaves(() => new Response("secret words", { status: 500 }));
  const failed = await ask("GET", path("never asked before"));
  expect([failed.status, failed.body.code, failed.body.retry, failed.headers.get("retry-after")]).toEqual([503, "EMBEDDING_UNAVAILABLE", true, "1"]);
  expect(JSON.stringify(failed.body)).not.toContain("secret words");
  server.behaves(() => new Response("", { status: 429, headers: { "retry-after": "9" } }));
  expect((await ask("GET", path("never asked before"))).headers.get("retry-after")).toBe("9");
  server.behaves(async () => {
    await Bun.sleep(2_000);
    return null;
  });
  expect((await ask("GET", path("never asked before"))).body.code).toBe("EMBEDDING_UNAVAILABLE");
  expect((await graphql("never asked before")).body.errors?.[0]?.extensions.code).toBe("EMBEDDING_UNAVAILABLE");
  expect((await ask("GET", "/find?text=never%20asked")).body.code).toBe("EMBEDDING_UNAVAILABLE");
  expect((await ask("GET", path("a tree for my garden"))).body[0]).toEqual({ id: "tree" });
});
