// API keys: made by those who may, shown once, never more than their maker, gone at the next request and on what is open.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { connected } from "../mqtt/mqtt-clients.ts";
import { EventClient, SocketClient } from "../scenarios/live-clients.ts";
import { adminToken, startTestApp, type StartedApp } from "../scenarios/started-app.ts";

const schema = `
type Product @table @export @allow(to: ["merchant"], do: [READ, CREATE, UPDATE, DELETE]) @allow(to: ["customer"], do: [READ]) {
  id: ID! @primaryKey
  title: String
  stock: [Stock!]! @relationship(to: "productId")
  sell: Boolean @action @allow(to: ["merchant"])
  burn: Boolean @action @allow(to: ["merchant"])
}
type Stock @table @export @allow(to: ["merchant"], do: [READ, CREATE]) { id: ID! @primaryKey productId: ID @indexed product: Product @relationship(from: "productId") }
type Wall @channel(key: "id") @export @allow(do: [SUBSCRIBE, PUBLISH]) { id: ID! text: String }
type Endpoints { who: JSON! @http(method: GET) @allow(to: ["public"]) }
`;
const resources = `
import { Table, endpoints } from "ambit";
export class Product extends Table("Product") { async sell() { return true; } async burn() { return true; } }
export const Endpoints = endpoints({
  async who(ctx) { return { subject: ctx.auth.subject, roles: ctx.auth.roles, tenant: ctx.auth.tenant }; },
});
`;
const config = `
mqtt: { port: 0 }
auth: { keys: [{ token: key-mia, subject: mia, roles: [merchant], tenant: t1 }, { token: key-cus, subject: cus, roles: [customer] }] }
limits: { subjectKeys: 3 }
`;

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, resources, config }); });
afterAll(() => app.stop());

interface Made { readonly id: string; readonly token: string; readonly [name: string]: unknown }
interface Asked { readonly status: number; readonly json: Record<string, unknown> }

async function ask(method: string, path: string, as: string | null, body?: unknown): Promise<Asked> {
  const response = await fetch(app.url + path, { method, headers: { ...(as === null ? {} : { authorization: `Bearer ${as}` }), ...(body === undefined ? {} : { "content-type": "application/json" }) }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await response.text();
  return { status: response.status, json: text === "" ? {} : JSON.parse(text) as Record<string, unknown> };
}
async function make(input: object): Promise<Made> {
  const { status, json } = await ask("POST", "/admin/keys", adminToken, input);
  expect([status, json]).toEqual([200, expect.anything()]);
  return json as Made;
}

describe("a key", () => {
  test("acts as what it was made for, is shown once, and is nowhere else", async () => {
    const made = await make({ subject: "m1", roles: ["merchant"], tenant: "t9", name: "till" });
    expect(made.token).toMatch(/^ambit_[\w-]{43}$/);
    expect((await ask("GET", "/who", made.token)).json).toEqual({ subject: "m1", roles: ["merchant"], tenant: "t9" });
    const { json } = await ask("GET", "/admin/keys?subject=m1", adminToken);
    expect(json["keys"]).toEqual([{ id: made.id, name: "till", subject: "m1", roles: ["merchant"], tenant: "t9", only: null, rate: null, createdAt: expect.any(String), expiresAt: null }]);
    await ask("GET", "/admin/security", adminToken);
    await app.running.storage.commit(() => {});
    const file = new Database(join(app.directory, "data", "data.db"), { readonly: true });
    for (const { name } of file.query(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all() as { name: string }[]) {
      expect([name, JSON.stringify(file.query(`SELECT * FROM "${name}"`).all()).includes(made.token.slice(6))]).toEqual([name, false]);
    }
    file.close();
    expect(app.log.join("\n")).not.toContain(made.token.slice(6));
  });

  test("that is not known, has a wrong letter or ended is refused, over every interface alike", async () => {
    const made = await make({ subject: "m2", expires: "PT1H" });
    const wrong = `${made.token.slice(0, -1)}${made.token.endsWith("A") ? "B" : "A"}`;
    expect([(await ask("GET", "/who", made.token)).status, (await ask("GET", "/who", wrong)).json["code"]]).toEqual([200, "INVALID_TOKEN"]);
    app.clock.advance(3_600_000);
    expect((await ask("GET", "/who", made.token)).json["code"]).toBe("INVALID_TOKEN");
    await expect(connected(app.running.mqtt.port!, { username: "x", password: made.token, protocolVersion: 5 })).rejects.toThrow();
    expect((await ask("POST", "/graphql", made.token, { query: "{ who }" })).status).toBe(401);
  });

  test("is narrowed to tables, verbs and calls, over every interface, embeds included", async () => {
    const { token } = await make({ subject: "m3", roles: ["merchant"], only: ["Product:READ", "Product.sell"] });
    await ask("POST", "/Product", "key-mia", { id: "p1" });
    expect([(await ask("GET", "/Product/p1", token)).status, (await ask("POST", "/Product", token, {})).status, (await ask("PATCH", "/Product/p1", token, { title: "x" })).status]).toEqual([200, 403, 403]);
    expect([(await ask("GET", "/Stock", token)).status, (await ask("GET", "/Product?select=id,stock(id)", token)).status]).toEqual([403, 400]);
    expect([(await ask("POST", "/Product/p1/sell", token)).status, (await ask("POST", "/Product/p1/burn", token)).status, (await ask("GET", "/who", token)).status]).toEqual([200, 403, 403]);
    expect((await ask("POST", "/graphql", token, { query: "{ stockList { rows { id } } }" })).json["errors"]).toBeDefined();
    expect((await ask("POST", "/batch", token, { operations: [{ method: "POST", path: "/Product", body: {} }] })).status).toBe(403);
    expect((await ask("POST", "/Wall/1", token, { text: "x" })).status).toBe(403);
    const socket = await SocketClient.open(app.url, { authorization: `Bearer ${token}` });
    socket.send({ op: "call", id: "1", method: "DELETE", path: "/Product/p1" });
    expect(await socket.next()).toMatchObject({ op: "result", status: 403 });
    socket.close();
  });

  test("with a rate is held to it over everything", async () => {
    const { token } = await make({ subject: "m4", rate: "2/h" });
    expect([(await ask("GET", "/who", token)).status, (await ask("GET", "/nothing", token)).status, (await ask("GET", "/who", token)).status]).toEqual([200, 404, 429]);
  });
});

describe("who makes keys", () => {
  test("gives them no role, tenant or subject that is not theirs, and a key makes none", async () => {
    const own = await ask("POST", "/auth/keys", "key-cus", { name: "mine" });
    // Who came with a static key has a key already.
    expect(own.json["code"]).toBe("FORBIDDEN");
    expect((await ask("POST", "/auth/keys", null, {})).status).toBe(401);
    const { token } = await make({ subject: "m5", roles: ["merchant"] });
    for (const [method, path] of [["POST", "/auth/keys"], ["GET", "/auth/keys"]] as const) expect((await ask(method, path, token, method === "POST" ? {} : undefined)).status).toBe(403);
    expect((await ask("GET", "/admin/keys", token)).status).toBe(403);
  });

  test("is told what is wrong", async () => {
    const codes = async (input: object): Promise<unknown> => (await ask("POST", "/admin/keys", adminToken, input)).json["code"];
    for (const input of [{}, { subject: "" }, { subject: "x", role: [] }, { subject: "x", only: [] }, { subject: "x", only: ["Prodct"] }, { subject: "x", only: ["Product:CALL"] }, { subject: "x", rate: "5" }, { subject: "x", expires: "P0D" }, { subject: "x", expires: "2001-01-01T00:00:00Z" }, { subject: "x", roles: "merchant" }]) {
      expect([input, await codes(input)]).toEqual([input, "VALIDATION_FAILED"]);
    }
  });

  test("has at most limits.subjectKeys, and makes room by revoking", async () => {
    const made = [await make({ subject: "many" }), await make({ subject: "many" }), await make({ subject: "many" })];
    expect((await ask("POST", "/admin/keys", adminToken, { subject: "many" })).json["code"]).toBe("OVERLOADED");
    expect((await ask("DELETE", `/admin/keys/${made[0]!.id}`, adminToken)).status).toBe(200);
    await make({ subject: "many" });
    expect((await ask("DELETE", `/admin/keys/${made[0]!.id}`, adminToken)).status).toBe(404);
  });
});

test("a key that is revoked is refused at the next request, and what is open with it ends", async () => {
  const made = await make({ subject: "gone", roles: ["merchant"] });
  expect((await ask("GET", "/Product", made.token)).status).toBe(200);
  const [socket, events] = [await SocketClient.open(app.url, { authorization: `Bearer ${made.token}` }), await EventClient.open(`${app.url}/Product`, { authorization: `Bearer ${made.token}` })];
  socket.send({ op: "subscribe", id: "1", query: "/Product" });
  expect([(await socket.next()).op, (await events.next()).event]).toEqual(["snapshot", "snapshot"]);
  const mqtt = await connected(app.running.mqtt.port!, { username: "gone", password: made.token, protocolVersion: 5 });
  await mqtt.subscribe("Product/+", 1);
  await ask("DELETE", `/admin/keys/${made.id}`, adminToken);
  expect((await ask("GET", "/Product", made.token)).status).toBe(401);
  await ask("POST", "/Product", "key-mia", { id: "after" });
  const told: string[] = [];
  for (;;) {
    const frame = await socket.next().catch(() => null);
    if (frame === null) break;
    told.push(JSON.stringify(frame));
  }
  await events.ended();
  expect(told.join("")).not.toContain("after");
  await mqtt.end(true);
});

test("the record says who made and revoked which key, never the token, to the administrator alone", async () => {
  const made = await make({ subject: "told" });
  await ask("DELETE", `/admin/keys/${made.id}`, adminToken);
  const { json } = await ask("GET", "/admin/security?subject=told", adminToken);
  expect(json["events"]).toMatchObject([
    { event: "key-revoked", subject: "(administrator)", about: "told", details: { key: made.id }, count: 1 },
    { event: "key-created", subject: "(administrator)", about: "told", details: { key: made.id, roles: [] } },
  ]);
  expect([(await ask("GET", "/admin/security", "key-mia")).status, (await ask("GET", "/admin/security", null)).status]).toEqual([403, 401]);
});
