// The end of a session, of a token or of a right, as open connections see it: what they follow ends or begins anew within two seconds, and nothing
// of what came after is told. Over server-sent events, WebSocket, GraphQL and MQTT.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { connected } from "../mqtt/mqtt-clients.ts";
import { SocketClient } from "../scenarios/live-clients.ts";
import { adminToken, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { Visitor } from "./visitor.ts";

// The first request loads the library.
setDefaultTimeout(30_000);

const schema = `
type User @table @export @account(signUp: OPEN) @allow(to: ["authenticated"], do: [READ], where: "record.id == auth.subject") {
  id: ID! @primaryKey
  email: String! @indexed(unique: true, fold: true)
  roles: [String!] @readOnly
}
type Note @table @export @allow(to: ["reader"], do: [READ]) { id: ID! @primaryKey text: String }
type Endpoints {
  visit(name: String!): String! @http @allow(to: ["public"])
  end(subject: String!): Boolean! @http @allow(to: ["public"])
  role(id: ID!, roles: [String!]!): Boolean! @http @allow(to: ["public"])
  who: JSON! @http(method: GET) @allow(to: ["public"])
}
`;
const resources = `import { endpoints } from "ambit";
export const Endpoints = endpoints({
  async visit(ctx, { name }) { return ctx.token({ subject: name, roles: ["reader"], claims: { seat: 7 }, expires: "PT1H" }); },
  async end(ctx, { subject }) { await ctx.revoke(subject); return true; },
  async role(ctx, { id, roles }) { await ctx.system.User.update(id, { roles }); return true; },
  async who(ctx) { return { subject: ctx.auth.subject, roles: ctx.auth.roles, claims: ctx.auth.claims }; },
});
`;
const config = "mqtt: { port: 0 }\nauth: { password: true }\nlimits: { passwordMemoryKib: 64, passwordPasses: 1 }\n";

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, config, resources }); });
afterAll(() => app?.stop());

const admin = { headers: { authorization: `Bearer ${adminToken}` } };
const ENDED_MS = 2_000;

/** Everything that comes over each of the ways in, for the holder of a token. */
class Follower {
  readonly heard = new Map<string, string>();
  readonly ends: (() => unknown)[] = [];

  hear(way: string, text: string): void {
    this.heard.set(way, (this.heard.get(way) ?? "") + text);
  }

  static async open(token: string, ways: readonly string[] = ["sse", "ws", "graphql", "mqtt"]): Promise<Follower> {
    const one = new Follower();
    const authorization = `Bearer ${token}`;
    const events = async (way: string, path: string, init: object): Promise<void> => {
      const abort = new AbortController();
      one.ends.push(() => abort.abort());
      const { body } = await fetch(app.url + path, { ...init, headers: { authorization, accept: "text/event-stream", "content-type": "application/json" }, signal: abort.signal });
      void (async () => { for await (const chunk of body!.pipeThrough(new TextDecoderStream())) one.hear(way, String(chunk)); })().catch(() => {});
    };
    await events("sse", "/Note", {});
    await events("graphql", "/graphql", { method: "POST", body: JSON.stringify({ query: "subscription { noteList { op rows { text } changes { type record { text } } } }" }) });
    const socket = await SocketClient.open(app.url, { authorization });
    socket.socket.addEventListener("message", ({ data }) => one.hear("ws", String(data)));
    socket.send({ op: "subscribe", id: "n", query: "/Note" });
    one.ends.push(() => socket.close());
    if (ways.includes("mqtt")) {
      const client = await connected(app.running.mqtt.port!, { protocolVersion: 5, username: "x", password: token, clientId: `c-${Math.random()}`, reconnectPeriod: 0 } as object);
      client.client.on("message", (topic, payload) => one.hear("mqtt", `${topic} ${String(payload)}`));
      await client.client.subscribeAsync("Note/+", { qos: 1 });
      one.ends.push(() => client.end(true));
    }
    return one;
  }

  async hears(text: string): Promise<void> {
    for (const way of ["sse", "ws", "graphql", "mqtt"]) while (!(this.heard.get(way) ?? "").includes(text)) await Bun.sleep(5);
  }

  close(): void {
    for (const end of this.ends) end();
  }
}

let notes = 0;
async function write(): Promise<string> {
  const text = `note-${++notes}-`;
  expect((await new Visitor(app.url).post("/Note", { text }, admin)).status).toBe(201);
  return text;
}

async function person(): Promise<{ visitor: Visitor; token: string; id: string }> {
  const visitor = new Visitor(app.url);
  const { json } = await visitor.post("/auth/sign-up/email", { email: `l${++notes}@example.com`, password: "correct horse" });
  const id = json["user"]!["id"]!;
  expect((await visitor.post("/role", { id, roles: ["reader"] })).status).toBe(200);
  return { visitor, token: json["token"]!, id };
}

const endings: readonly (readonly [name: string, end: (one: { visitor: Visitor; id: string }) => Promise<unknown>, status: number])[] = [
  ["signed out", ({ visitor }) => visitor.post("/auth/sign-out"), 401],
  ["revoked", ({ id }) => new Visitor(app.url).post("/end", { subject: id }), 401],
  ["signed out everywhere", ({ visitor }) => visitor.post("/auth/revoke-sessions"), 401],
  ["without the role", ({ id }) => new Visitor(app.url).post("/role", { id, roles: [] }), 403],
  ["deleted", ({ id }) => new Visitor(app.url).ask("DELETE", `/User/${id}`, admin), 401],
];

for (const [name, end, status] of endings) {
  test(`${name}: the next request is refused, and nothing is told from two seconds on`, async () => {
    const one = await person();
    const follower = await Follower.open(one.token);
    await follower.hears(await write());
    await end(one);
    expect((await new Visitor(app.url).get("/Note", { headers: { authorization: `Bearer ${one.token}` } })).status).toBe(status);
    const early = await write();
    app.clock.advance(ENDED_MS);
    await Bun.sleep(200);
    const late = await write();
    await Bun.sleep(200);
    follower.close();
    for (const [way, text] of follower.heard) expect([way, text.includes(late), text.includes(early)]).toEqual([way, false, false]);
  }, 120_000);
}

test("a token that the app signed is whom it names, until it is revoked", async () => {
  const visitor = new Visitor(app.url);
  visitor.origin = null;
  const token = (await visitor.post("/visit", { name: "guest-1" })).json as unknown as string;
  const bearer = { headers: { authorization: `Bearer ${token}` } };
  expect((await visitor.get("/who", bearer)).json as unknown).toMatchObject({ subject: "guest-1", roles: ["reader"], claims: { seat: 7 } });
  const follower = await Follower.open(token);
  await follower.hears(await write());
  const [head = "", body = "", signature = ""] = token.split(".");
  const other = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(body, "base64url").toString()) as object, roles: ["boss"] })).toString("base64url");
  const none = Buffer.from(JSON.stringify({ alg: "none", typ: "JWT" })).toString("base64url");
  for (const forged of [`${head}.${other}.${signature}`, `${none}.${body}.`, `${none}.${other}.${signature}`, `${head}.${body}.${signature.slice(0, -1)}`, `${head}.${body}.`, `${head}.${body}.${signature}=`]) {
    expect([forged, (await visitor.get("/who", { headers: { authorization: `Bearer ${forged}` } })).status]).toEqual([forged, 401]);
  }
  await Bun.sleep(2);
  expect((await visitor.post("/end", { subject: "guest-1" })).status).toBe(200);
  expect((await visitor.get("/who", bearer)).status).toBe(401);
  const early = await write();
  app.clock.advance(ENDED_MS);
  await Bun.sleep(200);
  const late = await write();
  await Bun.sleep(200);
  follower.close();
  for (const [way, text] of follower.heard) expect([way, text.includes(late), text.includes(early)]).toEqual([way, false, false]);
  await Bun.sleep(2);
  const again = (await visitor.post("/visit", { name: "guest-1" })).json as unknown as string;
  expect((await visitor.get("/who", { headers: { authorization: `Bearer ${again}` } })).status).toBe(200);
}, 120_000);
