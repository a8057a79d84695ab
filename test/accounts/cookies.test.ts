// Sessions in cookies: browsers send them whoever asks, so pages of others get nothing and change nothing by them; and nobody is given a session of
// another's choice.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { SocketClient } from "../scenarios/live-clients.ts";
import { startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { Visitor } from "./visitor.ts";

// The first request loads the library.
setDefaultTimeout(30_000);

const schema = `
type User @table @export @account(signUp: OPEN) @allow(to: ["authenticated"], do: [READ], where: "record.id == auth.subject") {
  id: ID! @primaryKey
  email: String! @indexed(unique: true, fold: true)
  name: String
}
type Note @table @export @allow(to: ["authenticated"], do: [READ, CREATE, UPDATE, DELETE], where: "record.by == auth.subject") { id: ID! @primaryKey text: String by: ID @createdBy }
type Endpoints { who: JSON! @http(method: GET) @allow(to: ["public"]) }
`;
const resources = `import { endpoints } from "ambit";
export const Endpoints = endpoints({ async who(ctx) { return { subject: ctx.auth.subject }; } });
`;
const limits = "limits: { passwordMemoryKib: 64, passwordPasses: 1 }\n";

let app: StartedApp;
let secure: StartedApp;
beforeAll(async () => {
  app = await startTestApp({ schema, resources, config: `http: { cors: { origins: ["https://page.example"] } }\nauth: { password: true }\n${limits}` });
  secure = await startTestApp({ schema, resources, config: `auth: { password: true, url: "https://shop.example" }\n${limits}` });
});
afterAll(async () => { await Promise.all([app?.stop(), secure?.stop()]); });

let count = 0;
async function signedIn(): Promise<{ visitor: Visitor; id: string; email: string; token: string }> {
  const visitor = new Visitor(app.url);
  const email = `c${++count}@example.com`;
  const { json } = await visitor.post("/auth/sign-up/email", { email, password: "correct horse" });
  return { visitor, id: json["user"]!["id"]!, email, token: json["token"]! };
}

const foreign: readonly { readonly [header: string]: string }[] = [
  { origin: "https://evil.example" }, { origin: "null" }, { origin: "http://127.0.0.1" }, { origin: "http://127.0.0.1.evil.example" }, { origin: "https://127.0.0.1:1" }, { "sec-fetch-site": "cross-site" }, { "sec-fetch-site": "same-site" }, { "sec-fetch-site": "none" }, {},
];

test("a page of another changes nothing by somebody's cookie", async () => {
  const { visitor } = await signedIn();
  visitor.origin = null;
  for (const headers of foreign) {
    for (const [method, path, body] of [["POST", "/Note", { text: "evil" }], ["DELETE", "/Note?text=eq.mine", undefined], ["POST", "/batch", { operations: [{ method: "POST", path: "/Note", body: { text: "evil" } }] }], ["POST", "/graphql", { query: "mutation { createNote(input: { text: \"evil\" }) { id } }" }], ["POST", "/auth/sign-out", {}], ["POST", "/auth/ticket", {}], ["POST", "/auth/revoke-sessions", {}], ["POST", "/auth/change-password", { currentPassword: "correct horse", newPassword: "evil evil evil" }]] as const) {
      const { status, json } = await visitor.ask(method, path, { headers: { ...headers, "content-type": "text/plain" }, ...(body === undefined ? {} : { body }) });
      expect([headers, path, status, json["code"] as unknown]).toEqual([headers, path, 403, "ORIGIN_NOT_ALLOWED"]);
    }
  }
  visitor.origin = app.url;
  expect((await visitor.get("/Note")).json as unknown).toEqual([]);
  for (const origin of [app.url, "https://page.example"]) {
    visitor.origin = origin;
    expect((await visitor.post("/Note", { text: "mine" })).status).toBe(201);
  }
});

test("a page of another signs nobody in, with its own account or any", async () => {
  const { email } = await signedIn();
  const visitor = new Visitor(app.url);
  for (const headers of foreign.filter((one) => Object.keys(one).length > 0)) {
    visitor.origin = null;
    const { json } = await visitor.post("/auth/sign-in/email", { email, password: "correct horse" }, { headers });
    expect([headers, json["code"] as unknown, visitor.cookies.size]).toEqual([headers, "ORIGIN_NOT_ALLOWED", 0]);
  }
});

test("a page of another reads nothing and opens no socket by a cookie; a link that leads here is followed", async () => {
  const { visitor, id } = await signedIn();
  visitor.origin = null;
  expect((await visitor.get("/who", { headers: { origin: "https://evil.example" } })).status).toBe(403);
  expect((await visitor.get("/who", { headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" } })).status).toBe(403);
  expect((await visitor.get("/who", { headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" } })).json["subject"]!).toBe(id as never);
  expect((await visitor.get("/who")).json["subject"]!).toBe(id as never);
  for (const headers of [{ origin: "https://evil.example" }, { origin: "null" }, {}]) {
    const { status } = await visitor.get("/ws", { headers: { ...headers, connection: "upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" } });
    expect([headers, status]).toEqual([headers, 403]);
  }
  const socket = await SocketClient.open(app.url, { cookie: visitor.cookie, origin: app.url });
  socket.send({ op: "call", id: "1", method: "GET", path: "/User" });
  expect(await socket.next()).toMatchObject({ op: "result", body: [{ id }] });
  socket.close();
});

test("nobody is given a session of another's choice", async () => {
  const { visitor: mallory, id: malloryId, email, token } = await signedIn();
  const { email: own } = await signedIn();
  const fixed = mallory.cookie;
  const victim = new Visitor(app.url);
  for (const [name, value] of mallory.cookies) victim.cookies.set(name, value);
  await victim.post("/auth/sign-in/email", { email: own, password: "correct horse" });
  // Signing in makes a new one; the old one is not turned into the victim's.
  expect(victim.cookie).not.toBe(fixed);
  expect((await mallory.get("/auth/get-session")).json["user"]!["email"]!).toBe(email as never);
  expect((await victim.get("/auth/get-session")).json["user"]!["email"]!).toBe(own as never);
  // Nor by anything else that a request could carry.
  const fresh = new Visitor(app.url);
  for (const [path, headers] of [["/who?token=" + token, {}], ["/who?session=" + token, {}], ["/who", { "x-session": token }], ["/who", { cookie: `ambit-session2=${token}` }], ["/who", { cookie: `x=ambit-session=${token}` }], ["/who", { cookie: `__Host-ambit-session=${token}` }]] as const) {
    expect((await fresh.get(path, { headers })).text).not.toContain(malloryId);
  }
});

test("a session's cookie counts as it was set, and no other", async () => {
  const { visitor, token } = await signedIn();
  const [name, value] = [...visitor.cookies].find(([, one]) => one.startsWith(token))!;
  const ask = async (cookie: string): Promise<[number, string | undefined]> => {
    const { status, json } = await new Visitor(app.url).get("/who", { headers: { cookie } });
    return [status, json["code"]];
  };
  expect((await ask(`${name}=${value}`))[0]).toBe(200);
  expect((await ask(`${name}="${decodeURIComponent(value)}"`))[0]).toBe(200);
  const [, signature = ""] = decodeURIComponent(value).split(".");
  const last = signature.at(-2)!;
  for (const changed of [token, `${token}.`, `${token}.${signature.slice(0, -2)}${last === "A" ? "B" : "A"}=`, `${token}.${signature}x`, `${token.slice(0, -1)}${token.endsWith("a") ? "b" : "a"}.${signature}`]) {
    expect([changed, ...await ask(`${name}=${changed}`)]).toEqual([changed, 401, "INVALID_TOKEN"]);
  }
});

test("what somebody sends becomes no header of an answer, and cookies say who may have them", async () => {
  const visitor = new Visitor(app.url);
  for (const name of ["a\r\nSet-Cookie: evil=1", "a\nX-Evil: 1", "ä\u0000b"]) {
    const { headers } = await visitor.post("/auth/sign-up/email", { email: `h${++count}@example.com`, password: "correct horse", name, callbackURL: "/a\r\nX-Evil: 1" });
    expect([headers.get("x-evil"), headers.getSetCookie().some((cookie) => cookie.includes("evil"))]).toEqual([null, false]);
  }
  const plain = await visitor.post("/auth/sign-up/email", { email: `h${++count}@example.com`, password: "correct horse" });
  for (const cookie of plain.headers.getSetCookie()) expect(cookie).toMatch(/HttpOnly.*SameSite=Lax|SameSite=Lax.*HttpOnly/i);
  const behind = new Visitor(secure.url);
  behind.origin = "https://shop.example";
  const { headers, status } = await behind.post("/auth/sign-up/email", { email: "s@example.com", password: "correct horse" });
  expect(status).toBe(200);
  const session = headers.getSetCookie().find((cookie) => cookie.startsWith("__Host-ambit-session="))!;
  for (const part of [/HttpOnly/i, /Secure/i, /SameSite=Lax/i, /Path=\//i]) expect(session).toMatch(part);
  expect(session).not.toMatch(/Domain/i);
  expect((await behind.get("/who")).json["subject"] as unknown).toBeString();
  behind.origin = secure.url;
  expect((await behind.get("/who")).status).toBe(403);
});
