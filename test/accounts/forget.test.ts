// Somebody with an account is forgotten: out at once on every credential, and nothing of sign-in is left of them in the data file.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { adminToken, startTestApp } from "../scenarios/started-app.ts";
import { Mailbox } from "./mailbox.ts";
import { Visitor } from "./visitor.ts";

const schema = `
type User @table @export @account(signUp: OPEN) @allow(to: ["authenticated"], do: [READ], where: "record.id == auth.subject") @allow(to: ["owner"], do: [CREATE]) {
  id: ID! @primaryKey
  email: String! @indexed(unique: true, fold: true)
}
type Note @table @personal(of: "ownerId") @export @allow(to: ["authenticated"], do: [READ, CREATE], where: "record.ownerId == auth.subject") { id: ID! @primaryKey ownerId: ID! @indexed @createdBy text: String }
type Endpoints { token: String! @http @allow(to: ["authenticated"]) }`;
const resources = `import { endpoints } from "ambit";
export const Endpoints = endpoints({ token: (ctx) => ctx.token({ subject: ctx.auth.subject! }) });`;

test("sessions, keys and tokens end, and no byte of the account stays", async () => {
  const app = await startTestApp({ schema, resources, config: "auth: { password: true }\nlimits: { passwordMemoryKib: 64, passwordPasses: 1 }\n" });
  try {
    const [gone, stays] = [new Visitor(app.url), new Visitor(app.url)];
    const people = await Promise.all([gone, stays].map(async (visitor, index) => (await visitor.post("/auth/sign-up/email", { email: `whoever${index}@example.com`, password: "correct horse" })).json));
    const ids = people.map(({ user }) => user!["id"]!);
    await gone.post("/Note", { text: "mine" });
    const program = new Visitor(app.url);
    program.origin = null;
    const key = (await program.post("/auth/keys", { name: "ci" }, { headers: { authorization: `Bearer ${people[0]!["token"]!}` } })).json["token"]!;
    const token = JSON.parse((await gone.post("/token")).text) as string;
    const holds = (): boolean => ["data.db", "data.db-wal"].some((name) => readFileSync(join(app.directory, "data", name)).includes("whoever0"));
    const statuses = (): Promise<number[]> => Promise.all([gone.get("/Note"), ...[key, token].map((bearer) => new Visitor(app.url).get("/Note", { headers: { authorization: `Bearer ${bearer}` } }))].map(async (asked) => (await asked).status));
    expect([holds(), await statuses()]).toEqual([true, [200, 200, 200]]);
    const { json } = await new Visitor(app.url).post("/admin/forget", { subject: ids[0]! }, { headers: { authorization: `Bearer ${adminToken}` } });
    const stores = Object.fromEntries((json as unknown as { stores: { store: string; erased: number }[] }).stores.map(({ store, erased }) => [store, erased]));
    expect([stores["keys"], stores["records"]! >= 3]).toEqual([1, true]);
    expect(await statuses()).toEqual([401, 401, 401]);
    expect(holds()).toBe(false);
    expect((await stays.get(`/User/${ids[1]!}`)).json).toMatchObject({ email: "whoever1@example.com" });
  } finally {
    await app.stop();
  }
}, 120_000);

test("invitations, codes under way, mails and what the forgetting itself makes known do not name who was forgotten", async () => {
  const mailbox = new Mailbox();
  const app = await startTestApp({ schema, resources, config: `auth: { password: true, keys: [{ token: key-owner, subject: o1, roles: [owner] }] }\nmail: { url: "${mailbox.url}" }\nlimits: { passwordMemoryKib: 64, passwordPasses: 1 }\n` });
  try {
    const [visitor, email, password] = [new Visitor(app.url), "invited@example.com", "correct horse"];
    const owner = { headers: { authorization: "Bearer key-owner" } };
    const asAdmin = { headers: { authorization: `Bearer ${adminToken}` } };
    await new Visitor(app.url).post("/auth/invite", { email: "other@example.com" }, owner);
    await new Visitor(app.url).post("/auth/invite", { email }, owner);
    const invitation = (await mailbox.next(email)).text.split(": ").at(-1)!;
    const signedUp = await visitor.post("/auth/sign-up/email", { email, password, invitation });
    expect(signedUp.status).toBe(200);
    const { user } = (await visitor.post("/auth/sign-in/email", { email, password })).json;
    const subject = user!["id"]!;
    const after = mailbox.mails.length;
    await visitor.post("/auth/request-password-reset", { email, redirectTo: `${app.url}/reset` });
    await mailbox.next(email, after);
    const { storage: { reader } } = app.running;
    const waiting = (): number => reader.values(`SELECT count(*) FROM "$outbox" WHERE "finished" IS NULL`)[0]![0] as number;
    const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => { while (!(await holds())) await Bun.sleep(5); };
    await until(() => waiting() === 0);
    expect((await new Visitor(app.url).post("/admin/forget", { subject }, asAdmin)).status).toBe(200);
    const events = async (): Promise<readonly { readonly event: string }[]> => (await new Visitor(app.url).get("/admin/security", asAdmin)).json["events"] as unknown as { event: string }[];
    await until(async () => (await events()).some(({ event }) => event === "account-deleted"));
    const tables = reader.values(`SELECT "name" FROM sqlite_master WHERE "type" = 'table'`).map(([name]) => name as string);
    const naming = (text: string): string[] => tables.filter((table) => reader.values(`SELECT * FROM "${table}"`).some((row) => row.some((value) => (value instanceof Uint8Array ? Buffer.from(value) : Buffer.from(String(value))).includes(text))));
    expect([naming(email), naming(subject)]).toEqual([[], []]);
    expect(naming("other@example.com")).toContain("_ambit_invite");
  } finally {
    await app.stop();
    await mailbox.stop();
  }
}, 120_000);
