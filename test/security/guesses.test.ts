// Who guesses: wrong credentials by address, wrong passwords by account and address; the true owner goes on, and the record tells of it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Visitor } from "../accounts/visitor.ts";
import { adminToken, startTestApp, type StartedApp } from "../scenarios/started-app.ts";

const schema = `
type User @table @export @account(signUp: OPEN) @allow(to: ["authenticated"], do: [READ]) @allow(to: ["boss"], do: [UPDATE]) {
  id: ID! @primaryKey
  email: String! @indexed(unique: true, fold: true)
  roles: [String!] @readOnly
  promote(roles: [String!]!): Boolean @action @allow(to: ["boss"])
}
type Secret @table @export @allow(to: ["boss"], do: [READ]) { id: ID! @primaryKey }
`;
const resources = `
import { Table } from "ambit";
export class User extends Table("User") { async promote({ roles }) { await this.update({ roles }); return true; } }
`;
const config = `
http: { trustProxy: [127.0.0.1] }
auth: { password: true, keys: [{ token: key-boss, subject: boss, roles: [boss] }, { token: key-ann, subject: ann }] }
limits: { passwordMemoryKib: 64, passwordPasses: 1, wrongCredentialsPerMinute: 3, signInAttempts: 3, accountSignInAttempts: 6 }
`;

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, resources, config }); });
afterAll(() => app.stop());

const from = (address: string, credential?: string): { headers: Record<string, string> } => ({ headers: { "x-forwarded-for": address, ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }) } });
const get = async (path: string, address: string, credential?: string): Promise<Response> => fetch(app.url + path, from(address, credential));
async function events(query: string): Promise<readonly Record<string, unknown>[]> {
  // What was noted is written down each second.
  app.clock.advance(1_200);
  await Bun.sleep(50);
  await app.running.storage.commit(() => {});
  const response = await fetch(`${app.url}/admin/security?${query}`, { headers: { authorization: `Bearer ${adminToken}` } });
  return ((await response.json()) as { events: Record<string, unknown>[] }).events;
}

describe("wrong credentials", () => {
  test("are held up by address, even where the next one would be right; others and who was right before go on", async () => {
    expect((await get("/User", "10.9.0.1", "key-ann")).status).toBe(200);
    const statuses: number[] = [];
    for (const guess of ["a", "b", "c", "d", "key-boss"]) statuses.push((await get("/Secret", "10.9.0.1", guess)).status);
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    expect(Number((await get("/Secret", "10.9.0.1", "e")).headers.get("retry-after"))).toBeWithin(1, 21);
    expect([(await get("/User", "10.9.0.1", "key-ann")).status, (await get("/Secret", "10.9.0.2", "key-boss")).status, (await get("/Secret", "10.9.0.1")).status]).toEqual([200, 200, 401]);
    expect(await events("event=credential-refused")).toMatchObject([{ address: "10.9.0.1", subject: null, count: 3 }]);
  });
});

describe("wrong passwords", () => {
  const signIn = (visitor: Visitor, email: string, password: string, address: string): Promise<number> => visitor.post("/auth/sign-in/email", { email, password }, from(address)).then(({ status }) => status);

  test("of one account are held up by address, and in all; whoever was there before signs in", async () => {
    const visitor = new Visitor(app.url);
    expect((await visitor.post("/auth/sign-up/email", { email: "ann@example.com", password: "correct horse" }, from("10.9.1.1"))).status).toBe(200);
    expect(await signIn(visitor, "ann@example.com", "correct horse", "10.9.1.1")).toBe(200);
    const attacker = new Visitor(app.url);
    const many = await Promise.all(Array.from({ length: 6 }, (_, index) => signIn(attacker, "Ann@example.com ", `guess ${index}`, "10.9.2.1")));
    expect(many.filter((status) => status === 429)).toHaveLength(3);
    expect(await signIn(attacker, "ann@example.com", "correct horse", "10.9.2.1")).toBe(429);
    for (const address of ["10.9.2.2", "10.9.2.3", "10.9.2.4"]) await signIn(attacker, "ann@example.com", "wrong", address);
    expect(await signIn(attacker, "ann@example.com", "correct horse", "10.9.2.5")).toBe(429);
    expect(await signIn(visitor, "ann@example.com", "correct horse", "10.9.1.1")).toBe(200);
  });

  test("an account that does not exist is held up alike", async () => {
    const statuses: number[] = [];
    for (let index = 0; index < 4; index++) statuses.push(await signIn(new Visitor(app.url), "nobody@example.com", `guess ${index}`, "10.9.3.1"));
    expect(statuses).toEqual([401, 401, 401, 429]);
  });

  test("what was right costs nothing", async () => {
    const visitor = new Visitor(app.url);
    await visitor.post("/auth/sign-up/email", { email: "bea@example.com", password: "correct horse" }, from("10.9.4.1"));
    const statuses: number[] = [];
    for (let index = 0; index < 5; index++) statuses.push(await signIn(visitor, "bea@example.com", "correct horse", "10.9.4.1"));
    expect(statuses).toEqual([200, 200, 200, 200, 200]);
  });
});

test("the record has sign-ins, denials, rights and what the administrator did, and no secret", async () => {
  const visitor = new Visitor(app.url);
  const { json } = await visitor.post("/auth/sign-up/email", { email: "cy@example.com", password: "correct horse battery" }, from("10.9.5.1"));
  const id = json["user"]!["id"]!;
  await signOutAndIn(visitor);
  expect((await get("/Secret", "10.9.5.1", json["token"])).status).toBe(403);
  expect((await fetch(`${app.url}/User/${id}/promote`, { method: "POST", headers: { authorization: "Bearer key-boss", "content-type": "application/json" }, body: '{"roles":["boss"]}' })).status).toBe(200);
  await fetch(`${app.url}/Secret`, { method: "POST", headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" }, body: "{}" });
  const all = await events("limit=1000");
  const named = (event: string): readonly Record<string, unknown>[] => all.filter((one) => one["event"] === event && (one["about"] === id || one["about"] === null));
  expect(named("signed-up")).toContainEqual(expect.objectContaining({ about: id, address: "10.9.5.1" }));
  expect(named("signed-in")).toContainEqual(expect.objectContaining({ about: id }));
  expect(named("roles-changed")).toContainEqual(expect.objectContaining({ about: id, details: { roles: ["boss"] } }));
  expect(named("access-denied")).toContainEqual(expect.objectContaining({ subject: id, details: { operation: "GET /Secret", code: "FORBIDDEN" } }));
  expect(named("administrator-acted")).toContainEqual(expect.objectContaining({ subject: "(administrator)", details: { operation: "create Secret" } }));
  const text = JSON.stringify(all);
  for (const secret of ["correct horse", json["token"]!, adminToken, "key-boss", "cy@example.com"]) expect([secret, text.includes(secret)]).toEqual([secret, false]);
});

async function signOutAndIn(visitor: Visitor): Promise<void> {
  expect((await visitor.post("/auth/sign-in/email", { email: "cy@example.com", password: "correct horse battery" }, from("10.9.5.1"))).status).toBe(200);
}

test("an account makes keys for itself that may what it may by then, and they end with it", async () => {
  const visitor = new Visitor(app.url);
  const { json } = await visitor.post("/auth/sign-up/email", { email: "dee@example.com", password: "correct horse" }, from("10.9.6.1"));
  const id = json["user"]!["id"]!;
  const grant = (roles: readonly string[]): Promise<Response> => fetch(`${app.url}/User/${id}/promote`, { method: "POST", headers: { authorization: "Bearer key-boss", "content-type": "application/json" }, body: JSON.stringify({ roles }) });
  expect((await visitor.post("/auth/keys", { roles: ["boss"] })).status).toBe(403);
  await grant(["boss"]);
  const made = await visitor.post("/auth/keys", { name: "mine" });
  expect([made.status, made.json["roles"], made.json["subject"]] as unknown[]).toEqual([201, ["boss"], id]);
  const token = made.json["token"]!;
  expect((await get("/Secret", "10.9.6.2", token)).status).toBe(200);
  await grant([]);
  expect((await get("/Secret", "10.9.6.2", token)).status).toBe(403);
  // A page of another makes none by the cookie.
  visitor.origin = "https://evil.example";
  expect((await visitor.post("/auth/keys", {})).status).toBe(403);
  visitor.origin = app.url;
  expect((await visitor.get("/auth/keys")).text).not.toContain(token);
  expect((await fetch(`${app.url}/User/${id}`, { method: "DELETE", headers: { authorization: `Bearer ${adminToken}` } })).status).toBe(204);
  expect((await get("/User", "10.9.6.2", token)).status).toBe(401);
});
