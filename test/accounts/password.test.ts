// People with a password: they sign up as records of the app's own type, sign in with a cookie or a bearer token, and are out at once when they are.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { adminToken, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { Visitor } from "./visitor.ts";

// The first request loads the library.
setDefaultTimeout(30_000);

const schema = `
type User @table @export @account(signUp: OPEN) @allow(to: ["authenticated"], do: [READ, UPDATE, DELETE], where: "record.id == auth.subject") @allow(to: ["boss"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  email: String! @indexed(unique: true, fold: true)
  name: String
  city: String @length(max: 20)
  level: Int! @default(value: 3)
  rank: Int @allow(to: ["boss"], do: [READ, CREATE, UPDATE])
  image: String @allow(to: ["boss"], do: [READ, CREATE, UPDATE])
  roles: [String!] @allow(to: ["boss"], do: [READ, CREATE, UPDATE])
  notes: [Note!]! @relationship(to: "ownerId")
}
type Note @table @export @allow(to: ["authenticated"], do: [READ, CREATE, UPDATE, DELETE], where: "record.ownerId == auth.subject") @allow(to: ["boss"], do: [READ]) {
  id: ID! @primaryKey
  ownerId: ID! @indexed @createdBy
  owner: User @relationship(from: "ownerId", onDelete: CASCADE)
  text: String
}
type Endpoints { who: JSON! @http(method: GET) @allow(to: ["public"]) }
`;
const resources = `import { endpoints } from "ambit";
export const Endpoints = endpoints({ async who(ctx) { return { subject: ctx.auth.subject, roles: ctx.auth.roles, tenant: ctx.auth.tenant }; } });
`;
const config = "auth: { password: true }\nlimits: { passwordMemoryKib: 64, passwordPasses: 1 }\n";

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, config, resources }); });
afterAll(() => app?.stop());

let count = 0;
async function person(fields: object = {}): Promise<{ visitor: Visitor; email: string; id: string; token: string }> {
  const visitor = new Visitor(app.url);
  const email = `p${++count}@example.com`;
  const { status, json, text } = await visitor.post("/auth/sign-up/email", { email, password: "correct horse", ...fields });
  expect([status, text.slice(0, 300)]).toEqual([200, expect.any(String)]);
  return { visitor, email, id: json["user"]!["id"]!, token: json["token"]! };
}
const bearer = (token: string): { headers: { authorization: string } } => ({ headers: { authorization: `Bearer ${token}` } });

test("who signs up is a record of the app's own, and signed in", async () => {
  const { visitor, email, id } = await person({ name: "Ann", city: "Berlin" });
  expect((await visitor.get("/who")).json).toMatchObject({ subject: id, roles: [], tenant: null });
  expect((await visitor.get(`/User/${id}`)).json).toMatchObject({ id, email, name: "Ann", city: "Berlin", level: 3 });
  const { status } = await visitor.post("/Note", { text: "mine" });
  expect(status).toBe(201);
  expect((await visitor.get("/User?select=email,notes(text)")).json as unknown).toEqual([{ email, notes: [{ text: "mine" }] }]);
});

test("refusals of sign-in lead to a page that tells of them", async () => {
  const { visitor, email } = await person();
  const refused = [["/auth/sign-in/email", { email, password: "wrong" }], ["/auth/sign-in/email", { email }], ["/auth/sign-up/email", { email, password: "short" }], ["/auth/change-password", { currentPassword: "wrong", newPassword: "battery staple" }]] as const;
  const page = readFileSync(join(import.meta.dir, "..", "..", "docs", "errors", "SIGN_IN_FAILED.md"), "utf8");
  for (const [path, body] of refused) {
    const { json } = await visitor.post(path, body);
    expect([json["type"], page.includes(`\`${json["code"]!}\``), json["fix"]] as unknown[]).toEqual(["/docs/errors/SIGN_IN_FAILED", true, expect.stringContaining("docs/errors/SIGN_IN_FAILED.md")]);
  }
});

test("a session is a bearer token as well, and the same person with the same rights over it", async () => {
  const { email, id, token } = await person();
  const program = new Visitor(app.url);
  program.origin = null;
  expect((await program.get("/who", bearer(token))).json).toMatchObject({ subject: id });
  const again = await program.post("/auth/sign-in/email", { email: email.toUpperCase(), password: "correct horse" });
  expect(again.status).toBe(200);
  expect(again.json["token"]).not.toBe(token);
  program.cookies.clear();
  expect((await program.get("/who", bearer(again.json["token"]!))).json).toMatchObject({ subject: id });
  expect((await program.get("/auth/get-session", bearer(token))).json).toMatchObject({ user: { id, email } });
});

test("who signs out is out at the next request: this session, one by its id, the others, all of them", async () => {
  const { visitor, email, id, token } = await person();
  const others = await Promise.all([1, 2, 3].map(async () => {
    const other = new Visitor(app.url);
    await other.post("/auth/sign-in/email", { email, password: "correct horse" });
    return other;
  }));
  const who = async (one: Visitor): Promise<string | number> => { const { status, json } = await one.get("/who"); return json["subject"] ?? status; };
  const [first, second, third] = others as [Visitor, Visitor, Visitor];
  expect(await Promise.all([visitor, ...others].map(who))).toEqual([id, id, id, id]);
  const { json: sessions } = await visitor.get("/auth/list-sessions") as unknown as { json: { id: string; token?: string }[] };
  expect(sessions.length).toBe(4);
  // What is told of a session is none of its credentials.
  expect(sessions.filter(({ token: told }) => told !== undefined)).toEqual([]);
  for (const session of sessions) for (const path of ["/who", "/auth/list-sessions"]) expect((await new Visitor(app.url).get(path, bearer(`id:${session.id}`))).status).toBe(401);
  expect((await new Visitor(app.url).post("/auth/revoke-session", { id: sessions[0]!.id }, bearer(`id:${sessions[0]!.id}`))).status).toBe(401);
  const { json: own } = await first.get("/auth/get-session");
  expect((await visitor.post("/auth/revoke-session", { id: own["session"]!["id"] })).status).toBe(200);
  expect<unknown>(await who(first)).toBe(401);
  expect((await second.post("/auth/sign-out")).status).toBe(200);
  expect(second.cookies.size).toBe(0);
  expect((await third.post("/auth/revoke-other-sessions")).status).toBe(200);
  expect(await who(visitor)).toBe(401);
  expect((await visitor.get("/who", bearer(token))).status).toBe(401);
  expect(await who(third)).toBe(id);
  expect((await third.post("/auth/revoke-sessions")).status).toBe(200);
  expect(await who(third)).toBe(401);
});

test("nobody ends the sessions of another", async () => {
  const [one, other] = [await person(), await person()];
  const { json } = await one.visitor.get("/auth/get-session");
  await other.visitor.post("/auth/revoke-session", { id: json["session"]!["id"] });
  await other.visitor.post("/auth/revoke-session", { id: one.token });
  expect<unknown>((await one.visitor.get("/who")).json["subject"]).toBe(one.id);
});

test("roles are those of the record, by now; a deleted account ends its sessions and takes what belongs to it", async () => {
  const { visitor, id, token } = await person();
  const admin = bearer(adminToken);
  const anonymous = new Visitor(app.url);
  expect((await visitor.get("/Note")).json as unknown).toEqual([]);
  expect((await anonymous.ask("PATCH", `/User/${id}`, { body: { roles: ["boss"] }, ...admin })).status).toBe(204);
  expect((await visitor.get("/who")).json).toMatchObject({ roles: ["boss"] });
  expect((await visitor.ask("PATCH", `/User/${id}`, { body: { rank: 7 } })).status).toBe(204);
  expect((await visitor.post("/Note", { text: "left" })).status).toBe(201);
  expect((await anonymous.ask("DELETE", `/User/${id}`, admin)).status).toBe(204);
  expect((await visitor.get("/who")).status).toBe(401);
  expect((await anonymous.get("/who", bearer(token))).status).toBe(401);
  expect((await anonymous.get("/Note?text=eq.left", admin)).json as unknown).toEqual([]);
  expect((await anonymous.get(`/User/${id}`, admin)).status).toBe(404);
});

test("who signs up gives no fields that are not theirs to give", async () => {
  for (const field of [{ roles: ["boss"] }, { rank: 1 }, { id: "chosen" }, { emailVerified: true }, { odd: 1 }, { userId: "x" }, { notes: [] }, { image: 5, rank: 2 }]) {
    const email = `m${++count}@example.com`;
    const { status, json } = await new Visitor(app.url).post("/auth/sign-up/email", { email, password: "correct horse", ...field });
    expect<unknown>([field, status, json["code"] as string]).toEqual([field, 400, "VALIDATION_FAILED"]);
    expect((await new Visitor(app.url).get(`/User?email=eq.${email}`, bearer(adminToken))).json as unknown).toEqual([]);
  }
  // A picture has rules of its own here: it is kept, but not there.
  const email = `m${++count}@example.com`;
  expect((await new Visitor(app.url).post("/auth/sign-up/email", { email, password: "correct horse", image: "https://example.com/x.png" })).status).toBe(200);
  expect((await new Visitor(app.url).get(`/User?email=eq.${email}&select=image`, bearer(adminToken))).json as unknown).toEqual([{ image: null }]);
  // The type's own checks hold, and say what they say.
  const { status, json } = await new Visitor(app.url).post("/auth/sign-up/email", { email: "long@example.com", password: "correct horse", city: "x".repeat(21) });
  expect<unknown>([status, json["code"]]).toEqual([400, "VALIDATION_FAILED"]);
});

test("an unknown person costs the same hash as a wrong password, and reads the same", async () => {
  const { email } = await person();
  const visitor = new Visitor(app.url);
  const attempt = async (address: string): Promise<[number, string, number]> => {
    const before = app.running.accounts.hashing.count;
    const { status, json: { requestId: _, ...told } } = await visitor.post("/auth/sign-in/email", { email: address, password: "wrong horse" });
    return [status, JSON.stringify(told), app.running.accounts.hashing.count - before];
  };
  const [wrong, unknown] = [await attempt(email), await attempt("nobody@example.com")];
  expect(unknown).toEqual(wrong);
  expect([wrong[0], wrong[2]]).toEqual([401, 1]);
});

test("passwords, their hashes and tokens are nowhere to be read", async () => {
  const { visitor, token } = await person();
  const admin = bearer(adminToken);
  for (const name of ["_ambit_session", "_ambit_account", "_ambit_profile", "_ambit_verification"]) {
    for (const path of [`/${name}`, `/${name}?select=*`, `/User?select=*,${name}(*)`, `/openapi.json?x=${name}`, `/describe`]) {
      for (const headers of [admin, {}]) {
        const { text, status } = await visitor.get(path, headers);
        expect([path, status === 200 && /token|argon|_ambit_|password/.test(text.replace(`x=${name}`, "")) && !path.startsWith("/openapi")]).toEqual([path, false]);
      }
    }
    const { text } = await visitor.post("/graphql", { query: `{ __schema { types { name } } }` }, admin);
    expect(text).not.toContain("_ambit_");
  }
  const { text } = await visitor.get("/openapi.json", admin);
  expect(text).not.toContain("_ambit_");
  expect(app.log.join("\n")).not.toContain("correct horse");
  expect(app.log.join("\n")).not.toContain(token);
});
