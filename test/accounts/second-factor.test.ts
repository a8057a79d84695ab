// What else the library carries: one-time passwords, passkeys, organisations with invitations. On the same tables, with sessions that count everywhere.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createHmac } from "node:crypto";
import { adminToken, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { linkIn, Mailbox } from "./mailbox.ts";
import { SoftwareKey } from "./software-key.ts";
import { Visitor } from "./visitor.ts";

// The first request loads the library.
setDefaultTimeout(30_000);

const schema = `
type User @table @export @account(signUp: OPEN) @allow(to: ["authenticated"], do: [READ], where: "record.id == auth.subject") {
  id: ID! @primaryKey
  email: String! @indexed(unique: true, fold: true)
}
type Endpoints { who: ID @http(method: GET) @allow(to: ["public"]) }
`;
const resources = `import { endpoints } from "ambit";
export const Endpoints = endpoints({ async who(ctx) { return ctx.auth.subject; } });
`;
const password = "correct horse";

const mailbox = new Mailbox();
let app: StartedApp;
beforeAll(async () => {
  app = await startTestApp({ schema, resources, config: `auth: { password: true, totp: true, passkeys: true, organizations: true }\nmail: { url: "${mailbox.url}" }\nlimits: { passwordMemoryKib: 64, passwordPasses: 1 }\n` });
});
afterAll(async () => {
  await app?.stop();
  await mailbox.stop();
});

let count = 0;
async function person(): Promise<{ visitor: Visitor; email: string; id: string }> {
  const visitor = new Visitor(app.url);
  const email = `s${++count}@example.com`;
  await visitor.post("/auth/sign-up/email", { email, password });
  await visitor.get(linkIn(await mailbox.next(email)));
  const { json, status } = await visitor.post("/auth/sign-in/email", { email, password });
  expect(status).toBe(200);
  return { visitor, email, id: json["user"]!["id"]! };
}
const who = async (visitor: Visitor): Promise<unknown> => (await visitor.get("/who")).json;

/** RFC 6238, with its usual choices. */
function oneTimePassword(secret: string, atMs: number): string {
  const bits = [...secret.toUpperCase().replace(/=+$/, "")].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(Array.from({ length: Math.floor(bits.length / 8) }, (_, index) => Number.parseInt(bits.slice(index * 8, index * 8 + 8), 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(atMs / 30_000)));
  const mac = createHmac("sha1", key).update(counter).digest();
  return String((mac.readUInt32BE(mac.at(-1)! & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

test("with a second factor a password alone signs nobody in; a backup code counts once", async () => {
  const { visitor, email, id } = await person();
  expect((await visitor.post("/auth/two-factor/enable", { password: "wrong horse" })).status).toBe(400);
  const enabled = await visitor.post("/auth/two-factor/enable", { password });
  expect(enabled.status).toBe(200);
  const secret = new URL(enabled.json["totpURI"]!).searchParams.get("secret")!;
  const codes = enabled.json["backupCodes"] as unknown as string[];
  expect((await visitor.post("/auth/two-factor/verify-totp", { code: oneTimePassword(secret, Date.now()) })).status).toBe(200);
  const other = new Visitor(app.url);
  expect((await other.post("/auth/sign-in/email", { email, password })).json).toMatchObject({ twoFactorRedirect: true });
  expect(await who(other)).toBeNull();
  expect((await other.post("/auth/two-factor/verify-totp", { code: "000000" })).status).toBe(401);
  expect(await who(other)).toBeNull();
  expect((await other.post("/auth/two-factor/verify-totp", { code: oneTimePassword(secret, Date.now()) })).status).toBe(200);
  expect(await who(other)).toBe(id);
  for (const [index, expected] of [[0, 200], [0, 401], [1, 200]] as const) {
    const third = new Visitor(app.url);
    await third.post("/auth/sign-in/email", { email, password });
    expect([index, (await third.post("/auth/two-factor/verify-backup-code", { code: codes[index] })).status]).toEqual([index, expected]);
    expect(await who(third)).toBe(expected === 200 ? id : null);
  }
  // Kept encrypted, and told to nobody.
  const { text } = await visitor.get("/User?select=*", { headers: { authorization: `Bearer ${adminToken}` } });
  expect(text).not.toContain(secret);
});

test("a passkey signs in without a password, for this app's pages, with its own key", async () => {
  const { visitor, id } = await person();
  const key = new SoftwareKey(app.url);
  const made = await visitor.get("/auth/passkey/generate-register-options");
  expect(made.status).toBe(200);
  expect((await visitor.post("/auth/passkey/verify-registration", { response: key.register(made.json as never), name: "laptop" })).status).toBe(200);
  const other = new Visitor(app.url);
  const asked = await other.get("/auth/passkey/generate-authenticate-options");
  const forged = new SoftwareKey(app.url, key.id).sign(asked.json as never);
  expect((await other.post("/auth/passkey/verify-authentication", { response: forged })).status).toBeGreaterThanOrEqual(400);
  expect(await who(other)).toBeNull();
  const again = await other.get("/auth/passkey/generate-authenticate-options");
  const elsewhere = key.sign(again.json as never, "https://evil.example");
  expect((await other.post("/auth/passkey/verify-authentication", { response: elsewhere })).status).toBeGreaterThanOrEqual(400);
  const third = await other.get("/auth/passkey/generate-authenticate-options");
  const signed = await other.post("/auth/passkey/verify-authentication", { response: key.sign(third.json as never) });
  expect([signed.status, signed.text]).toEqual([200, expect.stringContaining("session")]);
  expect(await who(other)).toBe(id);
  expect((await new Visitor(app.url).post("/auth/passkey/verify-authentication", { response: key.sign(third.json as never) })).status).toBeGreaterThanOrEqual(400);
});

test("organisations have members by invitation, for the address that was invited alone", async () => {
  const [owner, guest, stranger] = [await person(), await person(), await person()];
  const organization = (await owner.visitor.post("/auth/organization/create", { name: "Lamps", slug: "lamps" })).json["id"]!;
  expect(organization).toBeString();
  const invited = await owner.visitor.post("/auth/organization/invite-member", { email: guest.email, role: "member", organizationId: organization });
  expect(invited.status).toBe(200);
  const invitationId = invited.json["id"]!;
  expect((await mailbox.next(guest.email, mailbox.mails.length - 1)).text).toContain(invitationId);
  expect((await stranger.visitor.post("/auth/organization/accept-invitation", { invitationId })).status).toBe(403);
  expect((await guest.visitor.post("/auth/organization/accept-invitation", { invitationId })).status).toBe(200);
  expect((await guest.visitor.post("/auth/organization/accept-invitation", { invitationId })).status).toBe(400);
  const { json } = await owner.visitor.get(`/auth/organization/list-members?organizationId=${organization}`);
  expect((json["members"] as unknown as { userId: string; role: string }[]).map(({ userId, role }) => [userId, role]).sort()).toEqual([[owner.id, "owner"], [guest.id, "member"]].sort());
  expect((await stranger.visitor.get(`/auth/organization/list-members?organizationId=${organization}`)).status).toBe(403);
  expect((await guest.visitor.post("/auth/organization/invite-member", { email: "x@example.com", role: "owner", organizationId: organization })).status).toBe(403);
});
