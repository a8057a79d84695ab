// `ambit migrate` as a user calls it: on data that nobody serves, on an app that runs, and what start says before.
import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { runAmbit } from "../processes/ambit-command.ts";
import { startApp } from "../processes/app-process.ts";
import { httpCaller } from "../processes/http-caller.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const allow = `@table @export @allow(to: ["public"], do: [READ, CREATE, UPDATE, DELETE])`;
const task = (fields: string): string => `type Task ${allow} { id: ID! @primaryKey title: String! ${fields} }`;
const give = (body: string): string => `/// <reference path="./.ambit/types.d.ts" />\nimport { migrations } from "ambit";\nexport const Migrations = migrations({ Task: (old) => (${body}) });\n`;

async function seeded(fields: string, ...rows: Record<string, unknown>[]): Promise<{ folder: string; data: string; write(files: Record<string, string>): void }> {
  const folder = scratch.app({ "schema.graphql": task(fields) });
  const data = scratch.free("data");
  await using app = await startApp(folder, { data });
  for (const row of rows) expect((await httpCaller(() => app.url, null).post("/Task", row)).status).toBe(201);
  expect(await app.stop()).toBe(0);
  return { folder, data, write: (files) => { for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text); } };
}

test("start says what is needed, plan says it too, Migrations gives it, apply does it, and then it starts", async () => {
  const { folder, data, write } = await seeded("", { id: "a", title: "first" }, { id: "b", title: "second" });
  write({ "schema.graphql": task("due: Date!") });
  const refused = await runAmbit(["start", folder, "--port", "0", "--data", data, "--json"]);
  expect([refused.code, refused.objects().map((one) => one["code"])]).toEqual([1, ["MIGRATION_NEEDED"]]);
  expect(String(refused.objects()[0]!["fix"])).toContain("export const Migrations = migrations({ Task: (old) => ({ due: ... }) })");
  expect(String(refused.objects()[0]!["hint"])).toContain("ambit migrate plan");
  const plan = await runAmbit(["migrate", "plan", folder, "--data", data, "--json"]);
  expect([plan.code, plan.objects().map((one) => [one["event"], one["name"] ?? one["ready"]])]).toEqual([1, [["step", "Task.due"], ["difference", "Task.due"], ["planned", false]]]);
  expect(plan.objects()[0]!["kind"]).toBe("needs-data");
  write({ "resources.ts": give(`{ due: old["title"] === "first" ? "2026-01-01" : "2026-02-02" }`) });
  expect((await runAmbit(["check", folder])).code).toBe(0);
  const ready = await runAmbit(["migrate", "plan", folder, "--data", data]);
  expect([ready.code, ready.out]).toEqual([0, "needs-data   Task is written anew, each record with what Migrations gives\nneeds-data   Task.due is added\nambit migrate apply does this.\n"]);
  const applied = await runAmbit(["migrate", "apply", folder, "--data", data, "--json"]);
  expect([applied.code, applied.objects().at(-1)]).toEqual([0, { event: "applied", ready: true, steps: 2, snapshot: null }]);
  await using app = await startApp(folder, { data });
  const found = await httpCaller(() => app.url, null).get("/Task?order=id");
  expect(found.json<object[]>()).toEqual([{ id: "a", title: "first", due: "2026-01-01" }, { id: "b", title: "second", due: "2026-02-02" }]);
}, 120_000);

test("an app that runs goes over to the new files without a stop; a record's tag is another one, its key the same", async () => {
  const { folder, data, write } = await seeded("done: Boolean", { id: "a", title: "first", done: true });
  await using app = await startApp(folder, { data });
  const caller = httpCaller(() => app.url, null);
  const before = await caller.get("/Task/a");
  expect(before.headers.get("etag")).toBe(`"v1"`);
  write({ "schema.graphql": task(`finished: Boolean! @renamed(from: "done") priority: Int!`), "resources.ts": give(`{ priority: old["done"] === old["finished"] ? 5 : 1 }`) });
  expect((await caller.get("/Task/a")).text).toBe(before.text);
  const applied = await runAmbit(["migrate", "apply", folder, "--data", data, "--json"]);
  expect([applied.code, applied.objects().map((one) => [one["event"], one["kind"] ?? null, one["name"] ?? null])]).toEqual([0, [
    ["step", "rename", "Task.finished"], ["step", "needs-data", "Task"], ["step", "needs-data", "Task.finished"], ["step", "needs-data", "Task.priority"], ["applied", null, null],
  ]]);
  const after = await caller.get("/Task/a");
  expect([after.json<object>(), after.headers.get("etag")]).toEqual([{ id: "a", title: "first", finished: true, priority: 5 }, `"v2"`]);
  expect((await caller.patch("/Task/a", { priority: 1 }, { "if-match": before.headers.get("etag")! })).status).toBe(412);
  expect((await caller.patch("/Task/a", { priority: 1 }, { "if-match": after.headers.get("etag")! })).status).toBe(204);
  expect((await caller.get("/Task?finished=is.true&select=priority")).json<object[]>()).toEqual([{ priority: 1 }]);
  expect((await runAmbit(["migrate", "plan", folder, "--data", data])).out).toBe("The data have the shape of the schema.\n");
}, 120_000);

test("nothing is lost unless it is named; a snapshot is taken before, and rollback goes back to it", async () => {
  const { folder, data, write } = await seeded("note: String", { id: "a", title: "first", note: "precious" });
  write({ "schema.graphql": task("") });
  const refused = await runAmbit(["migrate", "apply", folder, "--data", data, "--json"]);
  expect([refused.code, refused.objects()[0]!["code"]]).toEqual([1, "MIGRATION_NEEDED"]);
  const halfNamed = await runAmbit(["migrate", "apply", folder, "--data", data, "--allow-destroy", "note", "--json"]);
  expect([halfNamed.code, halfNamed.objects()[0]!["fix"]]).toEqual([2, "Write --allow-destroy Task.note."]);
  expect(String(refused.objects()[0]!["fix"])).toContain("--allow-destroy Task.note");
  const applied = await runAmbit(["migrate", "apply", folder, "--data", data, "--allow-destroy", "Task.note", "--json"]);
  const snapshot = applied.objects().at(-1)!["snapshot"];
  expect([applied.code, snapshot]).toEqual([0, join(data, "snapshots", "before-migration-000001.db")]);
  await using app = await startApp(folder, { data });
  const caller = httpCaller(() => app.url, null);
  expect((await caller.get("/Task/a")).json<object>()).toEqual({ id: "a", title: "first" });
  expect((await caller.post("/Task", { id: "b", title: "later" })).status).toBe(201);
  const live = await runAmbit(["migrate", "rollback", folder, "--data", data, "--json"]);
  expect([live.code, live.objects()[0]!["code"]]).toEqual([1, "DATA_IN_USE"]);
  expect(await app.stop()).toBe(0);
  const back = await runAmbit(["migrate", "rollback", folder, "--data", data, "--json"]);
  expect([back.code, back.objects()[0]!["event"]]).toEqual([0, "rolled-back"]);
  write({ "schema.graphql": task("note: String") });
  await using again = await startApp(folder, { data });
  expect((await httpCaller(() => again.url, null).get("/Task")).json<object[]>()).toEqual([{ id: "a", title: "first", note: "precious" }]);
}, 120_000);

test("called wrongly", async () => {
  const folder = scratch.app({ "schema.graphql": task("") });
  for (const words of [["migrate"], ["migrate", "pan", folder], ["migrate", "apply", folder, "--allow-destroy", "Task due"], ["migrate", "rollback", folder]]) {
    const { code, objects } = await runAmbit([...words, "--json"]);
    expect([words, code, objects()[0]!["code"]]).toEqual([words, 2, "USAGE"]);
  }
}, 120_000);
