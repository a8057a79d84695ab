// Requests that are under way while the schema changes: what they had not committed is done again by the app of the new schema; nobody
// gets an answer that fits neither.
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { httpCaller } from "../processes/http-caller.ts";
import { startTestApp } from "../scenarios/started-app.ts";

const allow = `@table @export @allow(to: ["public"], do: [READ, CREATE, UPDATE, DELETE])`;
const schema = (fields: string): string => `type Task ${allow} { id: ID! @primaryKey title: String! ${fields}
  raise(by: Int!): Task! @action @allow(to: ["public"]) }
type Endpoints { renameAll(title: String!): Int! @http @allow(to: ["public"]) }`;
const resources = (field: string, migrations: string): string => `import { Table, endpoints, migrations } from "ambit";
const wait = () => new Promise((resolve) => setTimeout(resolve, 150));
export class Task extends Table("Task") {
  async raise({ by }) {
    await wait();
    return this.update({ ${field}: this.${field} + by });
  }
}
export const Endpoints = endpoints({
  async renameAll(ctx, { title }) {
    const all = await ctx.db.Task.find({ order: { id: "asc" } });
    for (const one of all) { await wait(); await ctx.db.Task.update(one.id, { title }); }
    return all.length;
  },
});
${migrations}`;

test("actions and endpoints that the change overtakes run again and count once", async () => {
  const app = await startTestApp({ schema: schema("rank: Int! @default(value: 1)"), resources: resources("rank", "") });
  try {
    const directory = app.running.loaded.directory;
    const caller = httpCaller(() => app.url, null);
    for (const id of ["a", "b", "c"]) expect((await caller.post("/Task", { id, title: id })).status).toBe(201);
    writeFileSync(join(directory, "schema.graphql"), schema(`weight: Int! @renamed(from: "rank") due: Date!`));
    writeFileSync(join(directory, "resources.ts"), resources("weight", `export const Migrations = migrations({ Task: () => ({ due: "2026-01-01" }) });`));
    const underway = [caller.post("/Task/a/raise", { by: 10 }), caller.post("/Task/a/raise", { by: 100 }), caller.post("/renameAll", { title: "same" }), caller.get("/Task/b")];
    await Bun.sleep(40);
    const report = await app.running.migrate({ action: "apply", destroy: [] });
    expect(report.differences).toEqual([]);
    const late = caller.patch("/Task/c", { weight: 7 });
    const answers = await Promise.all([...underway, late]);
    expect({ answers: answers.map(({ status, text }) => (status < 300 ? status : text)), log: app.log.filter((line) => line.includes("failed") || line.includes("incident")) }).toEqual({ answers: [200, 200, 200, 200, 204], log: [] });
    expect((await caller.get("/Task?order=id&select=id,title,weight,due")).json<object[]>()).toEqual([
      { id: "a", title: "same", weight: 111, due: "2026-01-01" }, { id: "b", title: "same", weight: 1, due: "2026-01-01" }, { id: "c", title: "same", weight: 7, due: "2026-01-01" },
    ]);
  } finally {
    await app.stop();
  }
}, 120_000);

test("an administrator may ask for it over the wire, nobody else; a plan changes nothing", async () => {
  const app = await startTestApp({ schema: `type Task ${allow} { id: ID! @primaryKey }` });
  try {
    const body = { action: "plan", destroy: [] };
    expect((await httpCaller(() => app.url, null).post("/admin/migrate", body)).status).toBe(401);
    const administrator = httpCaller(() => app.url, "administrator-token-of-tests");
    expect((await administrator.post("/admin/migrate", body)).json<object>()).toEqual({ steps: [], differences: [], online: [], progress: [], snapshot: null });
    expect((await administrator.post("/admin/migrate", { action: "destroy" })).code).toBe("MALFORMED_BODY");
    expect((await administrator.get("/admin/migrate")).code).toBe("METHOD_NOT_ALLOWED");
    writeFileSync(join(app.running.loaded.directory, "schema.graphql"), `type Task ${allow} { id: ID! @primaryKey `);
    expect((await administrator.post("/admin/migrate", { action: "apply" })).code).toBe("UNAVAILABLE");
  } finally {
    await app.stop();
  }
}, 120_000);
