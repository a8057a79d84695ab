// @limit and the limits of config.yaml, as a client meets them: the same over every interface, with what the answer says about it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connected } from "../mqtt/mqtt-clients.ts";
import { SocketClient } from "../scenarios/live-clients.ts";
import { adminToken, startTestApp, type StartedApp } from "../scenarios/started-app.ts";

const schema = `
type Note @table @export @allow(to: ["public"], do: [READ, CREATE, UPDATE]) @limit(rate: "3/h") {
  id: ID! @primaryKey
  text: String
  ping: Boolean @action @allow(to: ["public"])
}
type Task @table @export @allow(do: [READ, CREATE]) {
  id: ID! @primaryKey
  done: Boolean
  finish: Task! @action @allow @limit(rate: "2/h", per: RECORD)
  wait: Boolean @action(transaction: NONE) @allow @limit(concurrency: 2)
  sizes(text: String!): Int! @action @allow @limit(body: "100B")
}
type Big @table @export @allow(to: ["public"], do: [READ, CREATE]) @limit(body: "10KB") { id: ID! @primaryKey text: String }
type Wall @channel(key: "id") @export @allow(to: ["public"], do: [SUBSCRIBE, PUBLISH]) @limit(rate: "3/h", per: IP) { id: ID! text: String }
type Endpoints {
  hello: String! @http(method: GET) @allow(to: ["public"]) @limit(rate: "2/h", per: IP) @limit(rate: "1000/s")
}
type Choice { good: Boolean! }
type Decisions {
  choose(id: ID!): Choice! @decision(kind: RULE) @export @allow @limit(rate: "2/h") @fallback(value: { good: true })
}
`;
const resources = `
import { Table, endpoints } from "ambit";
export class Note extends Table("Note") { async ping() { return true; } }
export class Task extends Table("Task") {
  async finish() { return this.update({ done: true }); }
  async wait() { await new Promise((resolve) => { setTimeout(resolve, 300); }); return true; }
  async sizes({ text }) { return text.length; }
}
export const Endpoints = endpoints({ async hello() { return "hello"; } });
`;
const config = (more = ""): string => `
mqtt: { port: 0 }
http: { trustProxy: [127.0.0.1] }
auth: { keys: [{ token: key-ada, subject: ada }, { token: key-bob, subject: bob }, { token: key-cy, subject: cy }, { token: key-di, subject: di }, { token: key-eve, subject: eve }, { token: key-flo, subject: flo }] }
${more}`;

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, resources, config: config("limits: { bodyBytes: 2KB }") }); });
afterAll(() => app.stop());

interface Sent { readonly method?: string; readonly as?: string | null; readonly from?: string; readonly body?: unknown; readonly headers?: Record<string, string> }

async function send(path: string, { method, as = null, from = "10.0.0.1", body, headers = {} }: Sent = {}): Promise<{ status: number; json: Record<string, unknown>; headers: Headers }> {
  const response = await fetch(app.url + path, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: { "x-forwarded-for": from, ...(as === null ? {} : { authorization: `Bearer ${as}` }), ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, json: /json/.test(response.headers.get("content-type") ?? "") && text !== "" ? JSON.parse(text) as Record<string, unknown> : {}, headers: response.headers };
}
const statuses = async (count: number, request: () => Promise<{ status: number }>): Promise<number[]> => {
  const found: number[] = [];
  for (let index = 0; index < count; index++) found.push((await request()).status);
  return found;
};

describe("a rate", () => {
  test("counts each subject by itself, and whoever is not signed in by address", async () => {
    expect(await statuses(4, () => send("/Note", { as: "key-ada" }))).toEqual([200, 200, 200, 429]);
    expect(await statuses(2, () => send("/Note", { as: "key-bob" }))).toEqual([200, 200]);
    expect(await statuses(4, () => send("/Note", { from: "10.0.1.1" }))).toEqual([200, 200, 200, 429]);
    expect((await send("/Note", { from: "10.0.1.2" })).status).toBe(200);
  });

  test("an address that no trusted proxy has seen is not believed, and a network of IPv6 is one", async () => {
    expect(await statuses(3, () => send("/hello", { from: "1.2.3.4, 10.0.2.1" }))).toEqual([200, 200, 429]);
    expect((await send("/hello", { from: "5.6.7.8, 10.0.2.1" })).status).toBe(429);
    expect(await statuses(2, () => send("/hello", { from: "2001:db8::1" }))).toEqual([200, 200]);
    expect((await send("/hello", { from: "2001:db8::ffff:1" })).status).toBe(429);
    expect((await send("/hello", { from: "2001:db8:0:1::1" })).status).toBe(200);
  });

  test("says how long to wait, and of what nothing is left", async () => {
    for (let index = 0; index < 2; index++) await send("/hello", { from: "10.0.3.1" });
    const { status, json, headers } = await send("/hello", { from: "10.0.3.1" });
    expect({ status, code: json["code"], retry: json["retry"], details: json["details"] }).toEqual({ status: 429, code: "TOO_MANY_REQUESTS", retry: true, details: { limit: 2, windowSeconds: 3600, retryAfterSeconds: Number(headers.get("retry-after")) } });
    expect(Number(headers.get("retry-after"))).toBeWithin(1, 1_801);
    expect([headers.get("ratelimit-policy"), headers.get("ratelimit")]).toEqual(['"hello";q=2;w=3600', expect.stringMatching(/^"hello";r=0;t=(?:3600|3599)$/)]);
  });

  test("per RECORD counts the record, whoever asks", async () => {
    await send("/Task", { as: adminToken, body: [{ id: "1" }, { id: "2" }] });
    expect(await statuses(1, () => send("/Task/1/finish", { as: "key-ada", body: {} }))).toEqual([200]);
    expect(await statuses(2, () => send("/Task/1/finish", { as: "key-bob", body: {} }))).toEqual([200, 429]);
    expect((await send("/Task/2/finish", { as: "key-bob", body: {} })).status).toBe(200);
  });

  test("the administrator is not counted", async () => {
    expect(await statuses(5, () => send("/Note", { as: adminToken }))).toEqual([200, 200, 200, 200, 200]);
  });

  test("what is refused by a limit uses up none of the others", async () => {
    expect(await statuses(3, () => send("/decide/choose", { as: "key-ada", body: { id: "1" } }))).toEqual([200, 200, 429]);
  });
});

describe("over every interface the same counter", () => {
  test("REST, GraphQL, a WebSocket, MQTT, events and a batch", async () => {
    const as = "key-cy";
    expect((await send("/Note", { as, body: { id: "n1" } })).status).toBe(201);
    expect((await send("/graphql", { as, body: { query: "{ a: note(id: \"n1\") { id } b: note(id: \"n1\") { id } c: note(id: \"n1\") { id } }" } })).json["errors"]).toMatchObject([{ extensions: { code: "TOO_MANY_REQUESTS" } }]);
    const socket = await SocketClient.open(app.url, { authorization: `Bearer ${as}` });
    socket.send({ op: "call", id: "1", method: "GET", path: "/Note" });
    expect(await socket.next()).toMatchObject({ op: "result", status: 429 });
    socket.send({ op: "subscribe", id: "2", query: "/Note" });
    expect(await socket.next()).toMatchObject({ op: "error", problem: { code: "TOO_MANY_REQUESTS" } });
    socket.close();
    expect((await send("/Note", { as, headers: { accept: "text/event-stream" } })).status).toBe(429);
    expect((await send("/batch", { as, body: { operations: [{ method: "GET", path: "/Note" }] } })).json).toMatchObject({ code: "TOO_MANY_REQUESTS" });
    const mqtt = await connected(app.running.mqtt.port!, { username: "cy", password: as, protocolVersion: 5 });
    await expect(mqtt.subscribe("Note/+", 0)).rejects.toThrow("Quota exceeded");
    await mqtt.end(true);
  });

  test("a list that is created counts as its items, and more than there ever is says so", async () => {
    const refused = await send("/Note", { as: "key-di", body: [{}, {}, {}, {}] });
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, null]);
    expect((await send("/Note", { as: "key-di", body: [{}, {}, {}] })).status).toBe(201);
    expect((await send("/Note", { as: "key-di" })).status).toBe(429);
  });

  test("the operations of a batch count one by one, once each", async () => {
    const operations = Array.from({ length: 3 }, (_, index) => ({ method: "POST", path: "/Note", body: { text: String(index) } }));
    expect((await send("/batch", { as: "key-eve", body: { operations } })).status).toBe(200);
    expect((await send("/Note", { as: "key-eve" })).status).toBe(429);
  });

  test("messages of a channel, and who follows them", async () => {
    const from = "10.0.4.1";
    expect(await statuses(4, () => send("/Wall/1", { from, body: { text: "x" } }))).toEqual([204, 204, 204, 429]);
    expect((await send("/Wall/1", { from, headers: { accept: "text/event-stream" } })).status).toBe(429);
  });
});

describe("concurrency and size", () => {
  test("no more than so many at once; each that ends makes room", async () => {
    const wait = (as: string): Promise<{ status: number }> => send("/Task/1/wait", { as, body: {} });
    const three = await Promise.all([wait("key-ada"), wait("key-ada"), wait("key-ada"), wait("key-bob")]);
    expect(three.map(({ status }) => status).sort()).toEqual([200, 200, 200, 429]);
    expect((await wait("key-ada")).status).toBe(200);
  });

  test("@limit(body) stands instead of limits.bodyBytes, above and below it", async () => {
    expect((await send("/Note", { as: adminToken, body: { text: "x".repeat(3_000) } })).status).toBe(413);
    expect((await send("/Big", { body: { text: "x".repeat(9_000) } })).status).toBe(201);
    expect((await send("/Big", { body: { text: "x".repeat(11_000) } })).json["code"]).toBe("BODY_TOO_LARGE");
    expect((await send("/Task/1/sizes", { as: "key-ada", body: { text: "x".repeat(50) } })).status).toBe(200);
    expect((await send("/Task/1/sizes", { as: "key-ada", body: { text: "x".repeat(150) } })).status).toBe(413);
    const document = { query: `mutation { sizesTask(id: "1", text: "${"x".repeat(150)}") }` };
    expect((await send("/graphql", { as: "key-ada", body: document })).json["errors"]).toMatchObject([{ extensions: { code: "BODY_TOO_LARGE" } }]);
  });
});

describe("limits of config.yaml", () => {
  test("requestsPerMinute: of each subject and address, whatever it asks for, over sockets too", async () => {
    const other = await startTestApp({ schema, resources, config: config("limits: { requestsPerMinute: 3 }") });
    const ask = async (path: string, as: string | null, from = "10.1.0.1"): Promise<Response> => fetch(other.url + path, { headers: { "x-forwarded-for": from, ...(as === null ? {} : { authorization: `Bearer ${as}` }) } });
    try {
      const first = await ask("/Task", "key-ada");
      expect([first.status, first.headers.get("ratelimit-policy"), first.headers.get("ratelimit")]).toEqual([200, '"requests";q=3;w=60', expect.stringMatching(/^"requests";r=2;t=20$/)]);
      expect([(await ask("/Missing", "key-ada")).status, (await ask("/openapi.json", "key-ada")).status, (await ask("/Task", "key-ada")).status]).toEqual([404, 200, 429]);
      expect((await ask("/Task", "key-bob")).status).toBe(200);
      expect([(await ask("/Big", null)).status, (await ask("/Big", null)).status, (await ask("/Big", null)).status, (await ask("/Big", null)).status]).toEqual([200, 200, 200, 429]);
      expect((await ask("/health", null)).status).toBe(200);
      const socket = await SocketClient.open(other.url, { authorization: "Bearer key-cy" });
      for (let index = 0; index < 4; index++) socket.send({ op: "call", id: String(index), method: "GET", path: "/Task" });
      const told = [await socket.next(), await socket.next(), await socket.next(), await socket.next()];
      expect(told.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
      socket.close();
    } finally {
      await other.stop();
    }
  });

  test("addressRequestsPerMinute: of everybody at an address", async () => {
    const other = await startTestApp({ schema, resources, config: config("limits: { addressRequestsPerMinute: 2 }") });
    try {
      const ask = (as: string): Promise<Response> => fetch(`${other.url}/Task`, { headers: { authorization: `Bearer ${as}`, "x-forwarded-for": "10.2.0.1" } });
      expect([(await ask("key-ada")).status, (await ask("key-bob")).status, (await ask("key-cy")).status]).toEqual([200, 200, 429]);
    } finally {
      await other.stop();
    }
  });

  test("requests: under way at once, of everybody", async () => {
    const other = await startTestApp({ schema, resources, config: config("limits: { requests: 2 }") });
    try {
      await fetch(`${other.url}/Task`, { method: "POST", headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" }, body: '{"id":"1"}' });
      const wait = (as: string): Promise<Response> => fetch(`${other.url}/Task/1/wait`, { method: "POST", headers: { authorization: `Bearer ${as}` } });
      const answers = await Promise.all([wait("key-ada"), wait("key-bob"), wait("key-cy")]);
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 503]);
    } finally {
      await other.stop();
    }
  });

  test("a reload forgets no counter", async () => {
    const other = await startTestApp({ schema, resources, config: config() });
    try {
      const ask = (): Promise<Response> => fetch(`${other.url}/hello`);
      expect([(await ask()).status, (await ask()).status]).toEqual([200, 200]);
      await other.running.reload({ typeCheck: false });
      expect((await ask()).status).toBe(429);
    } finally {
      await other.stop();
    }
  });
});
