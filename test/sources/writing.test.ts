// Writes to records that live elsewhere: judged here, written there, then here; and what happens when one of these fails.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { startUpstream, type Upstream } from "./upstream.ts";

const schema = `
type Customer @table @export @source(maxAge: "PT1H") @allow(to: ["public"], do: [READ])
  @allow(to: ["clerk"], do: [CREATE, UPDATE, DELETE], where: "record.name != 'boss'") {
  id: ID! @primaryKey
  name: String!
  visits: Int! @default(value: 0)
  secret: String @internal
}
type Rate @table @export @source(maxAge: "PT1H") @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey rate: Float! }
type Endpoints {
  rename(id: ID!, name: String!): String! @http(path: "/rename", transaction: NONE) @allow(to: ["clerk"])
  renameWithin(id: ID!, name: String!): String! @http(path: "/rename-within") @allow(to: ["clerk"])
}`;

const resources = `
import { endpoints, fetched, sources } from "ambit";
const call = async (ctx, method, id, body) => {
  const answer = await ctx.fetch(ctx.values.upstream + "/customers/" + id, { method, body: body === undefined ? undefined : JSON.stringify(body, (_, value) => value ?? undefined) });
  if (answer.status === 404) return null;
  if (answer.status === 409) throw ctx.error(409, "TAKEN", "The name is taken.");
  if (!answer.ok) throw new Error("upstream said " + answer.status);
  return answer.status === 204 ? undefined : answer.json();
};
export const Sources = sources({
  Customer: {
    get: (ctx, id, previous) => call(ctx, "GET", id),
    put: async (ctx, id, record, previous) => {
      ctx.log.info("put", { previous: previous?.record.name ?? null, by: ctx.auth.subject });
      return call(ctx, "PUT", id, record);
    },
    remove: (ctx, id) => call(ctx, "DELETE", id),
  },
  Rate: { get: () => ({ rate: 1 }) },
});
const rename = async (ctx, { id, name }) => (await ctx.db.Customer.update(id, { name })).name;
export const Endpoints = endpoints({ rename, renameWithin: rename });`;

/** The fields that these tests look at. */
interface Body { readonly code: string; readonly rate: number; readonly data: unknown; readonly name: string; readonly visits: number; readonly id: string; readonly length: number; readonly [index: number]: Body }

let app: StartedApp;
let upstream: Upstream;
const clerk = { authorization: "Bearer key-clerk" };

beforeEach(async () => {
  upstream = startUpstream();
  upstream.records.set("/customers/a", { id: "a", name: "Ada" });
  app = await startTestApp({ schema, resources, config: `${keysFor("clerk")}values: { upstream: "${upstream.url}" }\n` });
});
afterEach(async () => {
  await app.stop();
  await upstream.stop();
});

async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = clerk): Promise<{ status: number; body: Body; headers: Headers }> {
  const response = await fetch(app.url + path, { method, headers: { "content-type": "application/json", ...headers }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await response.text();
  return { status: response.status, body: (text === "" ? null : JSON.parse(text)) as Body, headers: response.headers };
}

const asked = (): string[] => upstream.asked.map(({ method, path }) => `${method} ${path}`);

test("a change is made of what is fresh, written at the source with the caller's rights, and then answered without asking", async () => {
  expect((await send("PATCH", "/Customer/a", { visits: 3 })).status).toBe(204);
  expect(asked()).toEqual(["GET /customers/a", "PUT /customers/a"]);
  expect(upstream.records.get("/customers/a")).toEqual({ id: "a", name: "Ada", visits: 3 });
  const { body, headers } = await send("GET", "/Customer/a");
  expect<unknown>([body, headers.get("age")]).toEqual([{ id: "a", name: "Ada", visits: 3 }, "0"]);
  expect(asked()).toHaveLength(2);
  expect(app.log.find((line) => line.includes('"put"'))).toContain('"by":"clerk"');
});

test("a new record has the same made-up id there and here; a deleted one is gone there and here", async () => {
  const { status, headers, body } = await send("POST", "/Customer", { name: "Bob" }, { ...clerk, prefer: "return=representation" });
  const id = headers.get("location")!.slice("/Customer/".length);
  expect([status, body[0]?.id]).toEqual([201, id]);
  expect(upstream.records.get(`/customers/${id}`)).toEqual({ id, name: "Bob", visits: 0 });
  expect((await send("DELETE", `/Customer/${id}`)).status).toBe(204);
  expect(upstream.records.has(`/customers/${id}`)).toBe(false);
  expect((await send("GET", `/Customer/${id}`)).status).toBe(404);
  expect((await send("PUT", "/Customer/new", { name: "Cleo" })).status).toBe(201);
  expect(upstream.records.get("/customers/new")).toMatchObject({ name: "Cleo" });
});

test("what the source makes of a record is kept instead", async () => {
  upstream.behave = (request) => Response.json(request.method === "PUT" ? { id: "a", name: "ADA", visits: 9 } : { id: "a", name: "Ada" });
  const { body } = await send("PATCH", "/Customer/a", { name: "ada" }, { ...clerk, prefer: "return=representation" });
  expect(body[0] ?? body).toMatchObject({ name: "ADA", visits: 9 });
  expect((await send("GET", "/Customer/a")).body).toMatchObject({ name: "ADA", visits: 9 });
});

test("the source never hears of what the rules, the schema or a precondition refuse", async () => {
  const { headers } = await send("GET", "/Customer/a");
  upstream.asked.length = 0;
  expect((await send("PATCH", "/Customer/a", { name: "boss" })).status).toBe(403);
  expect((await send("PATCH", "/Customer/a", { visits: "many" })).status).toBe(400);
  expect((await send("PATCH", "/Customer/a", { name: "x" }, {})).status).toBe(401);
  expect((await send("PATCH", "/Customer/a", { name: "x" }, { ...clerk, "if-match": '"v999"' })).status).toBe(412);
  expect(asked()).toEqual([]);
  expect((await send("PATCH", "/Customer/a", { name: "x" }, { ...clerk, "if-match": headers.get("etag")! })).status).toBe(204);
  expect((await send("PATCH", "/Customer/none", { name: "x" })).status).toBe(404);
});

test("where the source refuses or fails nothing is written here, and what is there is asked for again", async () => {
  await send("GET", "/Customer/a");
  const down = (status: number) => (request: Request): Response => (request.method === "PUT" ? new Response(null, { status }) : Response.json({ id: "a", name: "Ada" }));
  upstream.behave = down(409);
  expect(await send("PATCH", "/Customer/a", { name: "taken" })).toMatchObject({ status: 409, body: { code: "TAKEN" } });
  upstream.behave = down(500);
  expect(await send("PATCH", "/Customer/a", { name: "lost" })).toMatchObject({ status: 502, body: { code: "SOURCE_FAILED" } });
  // It failed there, or perhaps only its answer was lost.
  upstream.behave = null;
  upstream.records.set("/customers/a", { id: "a", name: "lost" });
  expect((await send("GET", "/Customer/a")).body.name).toBe("lost");
});

test("changes of one record go one after the other, and readers between them see one of them", async () => {
  let running = 0;
  let most = 0;
  upstream.behave = async (request) => {
    if (request.method === "GET") return Response.json(upstream.records.get("/customers/a"));
    most = Math.max(most, ++running);
    await Bun.sleep(5);
    running--;
    const body = upstream.asked.findLast(({ method }) => method === "PUT")!.body as object;
    upstream.records.set("/customers/a", body);
    return Response.json(body);
  };
  const writes = Array.from({ length: 10 }, (_, index) => send("PATCH", "/Customer/a", { visits: index + 1 }));
  const reads = Array.from({ length: 10 }, () => send("GET", "/Customer/a"));
  expect((await Promise.all(writes)).map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 204));
  expect((await Promise.all(reads)).every(({ status, body }) => status === 200 && body.visits >= 0)).toBe(true);
  expect(most).toBe(1);
  const { body } = await send("GET", "/Customer/a");
  expect(body.visits).toBe((upstream.records.get("/customers/a") as { visits: number }).visits);
});

test("code writes through outside of transactions; inside them, in batches and in bulk nothing is written at a source", async () => {
  expect<unknown>((await send("POST", "/rename", { id: "a", name: "Eve" })).body).toBe("Eve");
  expect(upstream.records.get("/customers/a")).toMatchObject({ name: "Eve" });
  expect((await send("POST", "/rename-within", { id: "a", name: "Mallory" })).body.code).toBe("EXTERNAL_IN_TRANSACTION");
  expect((await send("POST", "/batch", { operations: [{ id: "a", method: "PATCH", path: "/Customer/a", body: { name: "x" } }] })).body.code).toBe("NOT_IN_BATCH");
  expect((await send("PATCH", "/Customer?name=eq.Eve", { name: "x" })).body.code).toBe("TOO_MANY_ROWS");
  expect((await send("POST", "/Customer", [{ name: "x" }, { name: "y" }])).body.code).toBe("TOO_MANY_ROWS");
  expect(upstream.records.get("/customers/a")).toMatchObject({ name: "Eve" });
});

test("a source without put or remove takes no writes", async () => {
  expect<unknown>((await send("GET", "/Rate/EUR")).body).toEqual({ id: "EUR", rate: 1 });
  const refused = await send("PUT", "/Rate/EUR", { rate: 2 });
  expect([refused.status, refused.body.code, refused.headers.get("allow")]).toEqual([405, "METHOD_NOT_ALLOWED", "GET, HEAD, OPTIONS"]);
  expect((await send("DELETE", "/Rate/EUR")).status).toBe(405);
});

test("a key makes a write happen once", async () => {
  const headers = { ...clerk, "idempotency-key": crypto.randomUUID() };
  const [first, second] = [await send("POST", "/Customer", { name: "Once" }, headers), await send("POST", "/Customer", { name: "Once" }, headers)];
  expect([first.status, second.status, second.headers.get("idempotency-replayed"), second.headers.get("location")]).toEqual([201, 201, "true", first.headers.get("location")]);
  expect(upstream.asked.filter(({ method }) => method === "PUT")).toHaveLength(1);
});
