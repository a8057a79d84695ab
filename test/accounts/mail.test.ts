// Where mails are sent: addresses are confirmed, passwords reset, people invited; nobody learns who has an account.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { adminToken, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { linkIn, Mailbox } from "./mailbox.ts";
import { Visitor, type VisitorAnswer } from "./visitor.ts";

// The first request loads the library.
setDefaultTimeout(30_000);

const schema = (signUp: string): string => `
type User @table @export @account(signUp: ${signUp}) @allow(to: ["authenticated"], do: [READ, UPDATE], where: "record.id == auth.subject") @allow(to: ["owner"], do: [READ, CREATE], where: "record.roles == null || !('boss' in record.roles)") {
  id: ID! @primaryKey
  email: String! @indexed(unique: true, fold: true)
  city: String
  roles: [String!] @allow(to: ["owner"], do: [READ, CREATE])
}
type Endpoints { who: JSON! @http(method: GET) @allow(to: ["public"]) }
`;
const resources = `import { endpoints } from "ambit";
export const Endpoints = endpoints({ async who(ctx) { return { subject: ctx.auth.subject, roles: ctx.auth.roles }; } });
`;
const limits = "limits: { passwordMemoryKib: 64, passwordPasses: 1, accountSessions: 3, signInAttempts: 1000, addressSignInAttempts: 1000 }\n";

const mailbox = new Mailbox();
let open: StartedApp;
let invited: StartedApp;
beforeAll(async () => {
  const config = `auth: { password: true, keys: [{ token: key-owner, subject: o1, roles: [owner] }] }\nmail: { url: "${mailbox.url}" }\n${limits}`;
  open = await startTestApp({ schema: schema("OPEN"), resources, config });
  invited = await startTestApp({ schema: schema("INVITED"), resources, config });
});
afterAll(async () => {
  await Promise.all([open?.stop(), invited?.stop()]);
  await mailbox.stop();
});

const password = "correct horse";
const told = ({ status, text }: VisitorAnswer): unknown => [status, text.replace(/"requestId":"[^"]*"/, "")];

test("an address is confirmed by the link that came to it, and only then somebody is signed in", async () => {
  const visitor = new Visitor(open.url);
  const signedUp = await visitor.post("/auth/sign-up/email", { email: "a1@example.com", password, callbackURL: `${open.url}/welcome` });
  expect([signedUp.status, signedUp.json["token"] as unknown, visitor.cookies.size]).toEqual([200, null, 0]);
  expect((await visitor.post("/auth/sign-in/email", { email: "a1@example.com", password })).json).toMatchObject({ status: 403, code: "EMAIL_NOT_VERIFIED" });
  const link = linkIn(await mailbox.next("a1@example.com"));
  const confirmed = await visitor.get(link);
  expect([confirmed.status, confirmed.headers.get("location")]).toEqual([302, `${open.url}/welcome`]);
  const signedIn = await visitor.post("/auth/sign-in/email", { email: "a1@example.com", password });
  expect(signedIn.status).toBe(200);
  expect((await visitor.get("/who")).json["subject"]).toBe(signedIn.json["user"]!["id"]!);
  expect(open.log.join("\n")).not.toContain(new URL(link).searchParams.get("token")!);
});

test("who signs up with an address that has an account is answered as anybody; its owner is told by mail", async () => {
  const before = mailbox.mails.length;
  const hashed = async (email: string): Promise<unknown> => {
    const from = open.running.accounts.hashing.count;
    return [told(await new Visitor(open.url).post("/auth/sign-up/email", { email, password: "another horse" })), open.running.accounts.hashing.count - from];
  };
  const known = await hashed("a1@example.com");
  expect(JSON.stringify(known).replaceAll("a1@", "new@")).toBe(JSON.stringify(await hashed("new@example.com")));
  expect((await mailbox.next("a1@example.com", before)).subject).toBe("You have an account already");
  expect((await new Visitor(open.url).post("/auth/sign-in/email", { email: "a1@example.com", password: "another horse" })).status).toBe(401);
});

test("who has an address takes over an account that somebody else made under it, alone", async () => {
  const maker = new Visitor(open.url);
  await maker.post("/auth/sign-up/email", { email: "maker@example.com", password });
  await maker.get(linkIn(await mailbox.next("maker@example.com")));
  await maker.post("/auth/sign-in/email", { email: "maker@example.com", password });
  const key = (await maker.post("/auth/keys", { name: "back door" })).json["token"]!;
  const byKey = async (): Promise<number> => (await new Visitor(open.url).get("/who", { headers: { authorization: `Bearer ${key}` } })).status;
  const reset = async (email: string): Promise<void> => {
    const after = mailbox.mails.length;
    await new Visitor(open.url).post("/auth/request-password-reset", { email, redirectTo: `${open.url}/reset` });
    const page = new URL((await maker.get(linkIn(await mailbox.next(email, after)))).headers.get("location")!);
    expect((await maker.post("/auth/reset-password", { token: page.searchParams.get("token"), newPassword: password })).status).toBe(200);
  };
  // One's own address: keys are one's own.
  await reset("maker@example.com");
  expect(await byKey()).toBe(200);
  await maker.post("/auth/sign-in/email", { email: "maker@example.com", password });
  const { subject } = (await maker.get("/who")).json;
  expect((await maker.ask("PATCH", `/User/${String(subject)}`, { body: { email: "victim@example.com" } })).status).toBe(204);
  await reset("victim@example.com");
  expect(await byKey()).toBe(401);
});

test("a password is reset by a mail, once; all sessions end; an unknown address reads the same", async () => {
  const holder = new Visitor(open.url);
  await holder.post("/auth/sign-in/email", { email: "a1@example.com", password });
  const after = mailbox.mails.length;
  const visitor = new Visitor(open.url);
  const known = await visitor.post("/auth/request-password-reset", { email: "a1@example.com", redirectTo: `${open.url}/reset` });
  expect(told(await visitor.post("/auth/request-password-reset", { email: "nobody@example.com", redirectTo: `${open.url}/reset` }))).toEqual(told(known));
  const opened = await visitor.get(linkIn(await mailbox.next("a1@example.com", after)));
  const page = new URL(opened.headers.get("location")!);
  expect([opened.status, page.origin + page.pathname]).toEqual([302, `${open.url}/reset`]);
  const token = page.searchParams.get("token")!;
  expect((await visitor.post("/auth/reset-password", { token: `${token}x`, newPassword: "battery staple" })).status).toBe(400);
  expect((await visitor.post("/auth/reset-password", { token, newPassword: "battery staple" })).status).toBe(200);
  expect((await visitor.post("/auth/reset-password", { token, newPassword: "battery stable" })).status).toBe(400);
  expect((await holder.get("/who")).status).toBe(401);
  expect((await visitor.post("/auth/sign-in/email", { email: "a1@example.com", password })).status).toBe(401);
  expect((await visitor.post("/auth/sign-in/email", { email: "a1@example.com", password: "battery staple" })).status).toBe(200);
  expect(mailbox.mails.some(({ to }) => to === "nobody@example.com")).toBe(false);
});

test("links lead back to pages of the app alone", async () => {
  const visitor = new Visitor(open.url);
  for (const place of ["https://evil.example/", "//evil.example", "/\\evil.example", "https://evil.example@127.0.0.1/", `${open.url}.evil.example/`, `${open.url}@evil.example`, "javascript:alert(1)", "data:text/html,x", "/%5cevil.example", "http:evil.example"]) {
    const asked = [
      await visitor.post("/auth/request-password-reset", { email: "a1@example.com", redirectTo: place }),
      await visitor.post("/auth/sign-up/email", { email: "a9@example.com", password, callbackURL: place }),
      await visitor.post("/auth/sign-in/email", { email: "a1@example.com", password: "battery staple", callbackURL: place }),
      await visitor.get(`/auth/verify-email?token=x&callbackURL=${encodeURIComponent(place)}`),
      await visitor.get(`/auth/reset-password/x?callbackURL=${encodeURIComponent(place)}`),
    ];
    expect([place, ...asked.map(({ status, headers }) => [status, headers.get("location")])]).toEqual([place, ...asked.map(() => [403, null])]);
  }
});

test("an account has a bounded number of sessions: the oldest end", async () => {
  const visitors = [];
  for (let index = 0; index < 5; index++) {
    const visitor = new Visitor(open.url);
    await visitor.post("/auth/sign-in/email", { email: "a1@example.com", password: "battery staple" });
    visitors.push(visitor);
  }
  expect(await Promise.all(visitors.map(async (visitor) => (await visitor.get("/who")).status))).toEqual([401, 401, 200, 200, 200]);
});

test("who is invited signs up once, as what whoever invites may create, with an address that counts as confirmed", async () => {
  const owner = { headers: { authorization: "Bearer key-owner" } };
  const program = new Visitor(invited.url);
  program.origin = null;
  expect((await program.post("/auth/sign-up/email", { email: "b1@example.com", password })).json).toMatchObject({ status: 403, code: "FORBIDDEN" });
  expect((await program.post("/auth/invite", { email: "b1@example.com" })).status).toBe(401);
  expect((await program.post("/auth/invite", { email: "b1@example.com", roles: ["boss"] }, owner)).status).toBe(403);
  expect((await program.post("/auth/invite", { email: "b1@example.com", odd: 1 }, owner)).status).toBe(400);
  expect((await program.post("/auth/invite", { email: "b1@example.com", roles: ["editor"] }, owner)).json).toEqual({ sent: true } as never);
  const invitation = / ([\w-]{20,})$/.exec((await mailbox.next("b1@example.com")).text)![1]!;
  const visitor = new Visitor(invited.url);
  const take = (fields: object): Promise<VisitorAnswer> => visitor.post("/auth/sign-up/email", { password, invitation, ...fields });
  expect((await take({ email: "b2@example.com" })).status).toBe(403);
  expect((await take({ email: "b1@example.com", invitation: "x".repeat(43) })).status).toBe(403);
  expect((await take({ email: "b1@example.com", roles: ["owner"] })).status).toBe(400);
  expect((await take({ email: "b1@example.com", city: "Berlin" })).status).toBe(200);
  expect((await take({ email: "b1@example.com" })).status).not.toBe(500);
  expect((await visitor.post("/auth/sign-in/email", { email: "b1@example.com", password })).status).toBe(200);
  expect((await visitor.get("/who")).json as unknown).toMatchObject({ roles: ["editor"] });
  expect((await visitor.get("/User")).json as unknown).toEqual([expect.objectContaining({ email: "b1@example.com", city: "Berlin" })]);
  const all = await program.get("/User", { headers: { authorization: `Bearer ${adminToken}` } });
  expect((all.json as unknown as unknown[]).length).toBe(1);
  expect(invited.log.join("\n")).not.toContain(invitation);
});

test("where nobody signs up, people who were created set a password by mail", async () => {
  const closed = await startTestApp({ schema: schema("CLOSED"), resources, config: `auth: { password: true }\nmail: { url: "${mailbox.url}" }\n${limits}` });
  try {
    const admin = { headers: { authorization: `Bearer ${adminToken}` } };
    const visitor = new Visitor(closed.url);
    expect((await visitor.post("/auth/sign-up/email", { email: "c1@example.com", password })).status).toBe(403);
    expect((await visitor.post("/auth/invite", { email: "c1@example.com" }, admin)).status).toBe(404);
    expect((await visitor.post("/User", { email: "C1@example.com", roles: ["owner"] }, admin)).status).toBe(201);
    expect((await visitor.post("/auth/sign-in/email", { email: "c1@example.com", password })).status).toBe(401);
    const from = mailbox.mails.length;
    await visitor.post("/auth/request-password-reset", { email: "c1@example.com", redirectTo: "/reset" });
    const opened = await visitor.get(linkIn(await mailbox.next("c1@example.com", from)));
    const token = new URL(opened.headers.get("location")!, closed.url).searchParams.get("token")!;
    expect((await visitor.post("/auth/reset-password", { token, newPassword: password })).status).toBe(200);
    // A link to set a password does not confirm the address, which may have become another one meanwhile.
    const again = mailbox.mails.length;
    expect((await visitor.post("/auth/sign-in/email", { email: "c1@example.com", password })).status).toBe(403);
    expect((await visitor.get(linkIn(await mailbox.next("c1@example.com", again)))).status).toBe(302);
    expect((await visitor.post("/auth/sign-in/email", { email: "c1@example.com", password })).status).toBe(200);
    expect((await visitor.get("/who")).json as unknown).toMatchObject({ roles: ["owner"] });
  } finally {
    await closed.stop();
  }
});
