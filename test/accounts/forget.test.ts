// Somebody with an account is forgotten: out at once on every credential, and nothing of sign-in is left of them in the data file.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { adminToken, startTestApp } from "../scenarios/started-app.ts";
import { Visitor } from "./visitor.ts";

const schema = `
type User @table @export @account(signUp: OPEN) @allow(to: ["authenticated"], do: [READ], where: "record.id == auth.subject") {
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
}, 30_000);
