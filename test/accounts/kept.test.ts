// What sign-in keeps: restored with a backup, in no export, forgotten with its person; and an app without accounts loads nothing of it.
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { runAmbit } from "../processes/ambit-command.ts";
import { type AppProcess, startApp } from "../processes/app-process.ts";
import { root, scratchFolder } from "../processes/scratch-folder.ts";
import { adminToken, startTestApp } from "../scenarios/started-app.ts";
import { Visitor } from "./visitor.ts";

// The first request loads the library.
setDefaultTimeout(30_000);

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const schema = `
type User @table @export @account(signUp: OPEN) @allow(to: ["authenticated"], do: [READ], where: "record.id == auth.subject") {
  id: ID! @primaryKey
  email: String! @indexed(unique: true, fold: true)
  name: String
}
type Endpoints {
  who: ID @http(method: GET) @allow(to: ["public"])
  visit: String! @http @allow(to: ["public"])
}
`;
const resources = `import { endpoints } from "ambit";
export const Endpoints = endpoints({
  async who(ctx) { return ctx.auth.subject; },
  async visit(ctx) { return ctx.token({ subject: "visitor", roles: [], claims: {} }); },
});
`;
const config = "auth: { password: true }\nlimits: { passwordMemoryKib: 64, passwordPasses: 1 }\n";
const password = "correct horse";
const bearer = (token: string): { headers: { authorization: string } } => ({ headers: { authorization: `Bearer ${token}` } });

test("a backup keeps people signed in, and tokens signed; an export has people and nothing of how they sign in", async () => {
  const folder = scratch.app({ "schema.graphql": schema, "resources.ts": resources, "config.yaml": config });
  const [data, backup, restored, exported] = [scratch.free("data"), scratch.free("backup"), scratch.free("data"), scratch.free("export")];
  const options = { temporary: scratch.path };
  let app: AppProcess = await startApp(folder, { data, ...options });
  const { json } = await new Visitor(app.url).post("/auth/sign-up/email", { email: "kept@example.com", password, name: "Kept" });
  const [id, token] = [json["user"]!["id"]!, json["token"]!];
  const visit = (await new Visitor(app.url).post("/visit")).json as unknown as string;
  await app.stop();
  const commands = [["backup", backup, folder, "--data", data], ["restore", backup, folder, "--data", restored], ["export", exported, folder, "--data", data]];
  for (const words of commands) {
    const { code, err } = await runAmbit(words, options);
    expect([words[0], code, err]).toEqual([words[0], 0, expect.any(String)]);
  }
  app = await startApp(folder, { data: restored, ...options });
  const visitor = new Visitor(app.url);
  visitor.origin = null;
  expect((await visitor.get("/who", bearer(token))).json as unknown).toBe(id);
  expect((await visitor.get("/who", bearer(visit))).json as unknown).toBe("visitor");
  expect((await visitor.post("/auth/sign-in/email", { email: "kept@example.com", password })).status).toBe(200);
  await app.stop();
  const texts = filesIn(exported).map((file) => [file, readFileSync(file, "utf8")] as const);
  expect(texts.some(([, text]) => text.includes("kept@example.com"))).toBe(true);
  for (const [file, text] of texts) expect([file, /_ambit_|argon2|token/.test(file + text)]).toEqual([file, false]);
}, 120_000);

function filesIn(place: string): string[] {
  if (!existsSync(place)) return [];
  if (!statSync(place).isDirectory()) return [place];
  return readdirSync(place).flatMap((name) => filesIn(join(place, name)));
}

test("a person who is forgotten is in no byte of the data: neither where they signed in from, nor in sessions of before", async () => {
  const app = await startTestApp({ schema, resources, config });
  try {
    const visitor = new Visitor(app.url);
    const { json } = await visitor.post("/auth/sign-up/email", { email: "canary-mail@example.com", password, name: "canary-name" }, { headers: { "user-agent": "canary-browser" } });
    const id = json["user"]!["id"]!;
    await visitor.post("/auth/sign-out");
    await visitor.post("/auth/sign-in/email", { email: "canary-mail@example.com", password }, { headers: { "user-agent": "canary-browser" } });
    const other = new Visitor(app.url);
    const stays = (await other.post("/auth/sign-up/email", { email: "stays@example.com", password })).json["user"]!["id"]!;
    const { status, text } = await new Visitor(app.url).post("/admin/forget", { subject: id }, bearer(adminToken));
    expect([status, text]).toEqual([200, expect.any(String)]);
    expect((await visitor.get("/who")).status).toBe(401);
    expect((await other.get("/who")).json as unknown).toBe(stays);
    for (const file of filesIn(join(app.directory, "data"))) expect([file, /canary-(mail|name|browser)/.exec(readFileSync(file, "latin1"))?.[0]]).toEqual([file, undefined]);
  } finally {
    await app.stop();
  }
}, 120_000);

test("within a tenant nobody forgets, or ends the sessions of, a person of another", async () => {
  const app = await startTestApp({
    schema: `
type User @table(tenant: "orgId") @export @account(signUp: OPEN) @allow(to: ["authenticated"], do: [READ], where: "record.id == auth.subject") {
  id: ID! @primaryKey
  orgId: ID!
  email: String! @indexed(unique: true, fold: true)
}
type Endpoints {
  who: ID @http(method: GET) @allow(to: ["public"])
  gone(subject: String!): JSON @http @allow(to: ["boss"])
  out(subject: String!): Boolean @http @allow(to: ["boss"])
}
`,
    resources: `import { Table, endpoints } from "ambit";
export class User extends Table("User") { static async create(ctx, input) { return super.create(ctx, { orgId: "a", ...input }); } }
export const Endpoints = endpoints({
  async who(ctx) { return ctx.auth.subject; },
  async gone(ctx, { subject }) { return await ctx.forget(subject); },
  async out(ctx, { subject }) { await ctx.revoke(subject); return true; },
});
`,
    config: "auth: { password: true, keys: [{ token: key-a, subject: a, roles: [boss], tenant: a }, { token: key-b, subject: b, roles: [boss], tenant: b }] }\nlimits: { passwordMemoryKib: 64, passwordPasses: 1 }\n",
  });
  try {
    const visitor = new Visitor(app.url);
    const id = (await visitor.post("/auth/sign-up/email", { email: "t@example.com", password })).json["user"]!["id"]!;
    const who = async (): Promise<unknown> => (await visitor.get("/who")).json;
    const boss = new Visitor(app.url);
    boss.origin = null;
    for (const path of ["/gone", "/out"]) expect((await boss.post(path, { subject: id }, bearer("key-b"))).status).toBe(200);
    expect(await who()).toBe(id);
    expect((await visitor.post("/auth/sign-in/email", { email: "t@example.com", password })).status).toBe(200);
    expect((await boss.post("/out", { subject: id }, bearer("key-a"))).status).toBe(200);
    expect((await visitor.get("/who")).status).toBe(401);
    expect((await visitor.post("/auth/sign-in/email", { email: "t@example.com", password })).status).toBe(200);
    expect((await boss.post("/gone", { subject: id }, bearer("key-a"))).status).toBe(200);
    expect((await visitor.post("/auth/sign-in/email", { email: "t@example.com", password })).status).toBe(401);
  } finally {
    await app.stop();
  }
}, 120_000);

test("an app without @account loads nothing of sign-in, and has no path of it", () => {
  const script = `
    import { startTestApp } from "${root}/test/scenarios/started-app.ts";
    const app = await startTestApp({ schema: "type Note @table @export @allow(to: [\\"public\\"], do: [READ]) { id: ID! @primaryKey }" });
    await fetch(app.url + "/Note");
    const status = (await fetch(app.url + "/auth/sign-in/email", { method: "POST", body: "{}" })).status;
    const loaded = () => Object.keys(require.cache).filter((name) => name.includes("better-auth")).length;
    const without = loaded();
    await app.stop();
    const other = await startTestApp({ schema: "type User @table @account { id: ID! @primaryKey email: String! @indexed(unique: true, fold: true) }" });
    const before = loaded();
    await fetch(other.url + "/auth/get-session");
    const after = loaded();
    await other.stop();
    console.log(JSON.stringify({ status, without, before, isLoadedWhenAsked: after > 0 }));
    process.exit(0);
  `;
  const { stdout, stderr } = Bun.spawnSync([process.execPath, "-e", script], { cwd: root });
  expect(stderr.toString()).toBe("");
  expect(JSON.parse(stdout.toString()) as unknown).toEqual({ status: 404, without: 0, before: 0, isLoadedWhenAsked: true });
});
