// From an empty folder: `ambit init`, and the loop that its AGENTS.md describes. What the launcher adds is tested in start.test.ts.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CommandResult, runAmbit } from "../processes/ambit-command.ts";
import { type AppProcess, startApp } from "../processes/app-process.ts";
import { httpCaller } from "../processes/http-caller.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";

const scratch = scratchFolder();
const folder = join(scratch.path, "todo");
let app: AppProcess;

/** In the folder above the app, or in the app. */
const ambit = (words: readonly string[], where = folder, input?: string): Promise<CommandResult> =>
  runAmbit(words, { folder: where, temporary: scratch.path, ...(input === undefined ? {} : { input }) });

const only = (result: CommandResult): Readonly<Record<string, unknown>> => {
  expect(result.err).toBe("");
  const [object, ...more] = result.objects();
  expect(more).toEqual([]);
  return object!;
};

beforeAll(async () => {
  expect((await ambit(["init", "todo"], scratch.path)).code).toBe(0);
  app = await startApp(folder, { command: "dev", data: join(folder, ".ambit", "data"), temporary: scratch.path });
});
afterAll(async () => {
  await app.stop();
  scratch.remove();
});

test("init writes three files and AGENTS.md, never over others; what the runtime writes beside them is not for git", async () => {
  expect(readdirSync(folder).sort()).toEqual([".ambit", "AGENTS.md", "config.yaml", "resources.ts", "schema.graphql"]);
  expect(Bun.spawnSync(["sh", "-c", "git init -q && git add -A && git ls-files"], { cwd: folder }).stdout.toString()).toBe("AGENTS.md\nconfig.yaml\nresources.ts\nschema.graphql\n");
  const before = readFileSync(join(folder, "schema.graphql"), "utf8");
  const again = await ambit(["init", "todo", "--json"], scratch.path);
  expect([again.code, again.objects().map(({ code }) => code)]).toEqual([1, ["CONFLICT"]]);
  expect(readFileSync(join(folder, "schema.graphql"), "utf8")).toBe(before);
});

test("check finds nothing wrong in it, and everything in what is broken, with edits", async () => {
  const good = await ambit(["check"]);
  expect([good.code, good.out]).toEqual([0, "ok: 1 table, 1 endpoint\n"]);
  const broken = scratch.copy("examples/store");
  const schema = readFileSync(join(broken, "schema.graphql"), "utf8");
  writeFileSync(join(broken, "schema.graphql"), schema.replace("@readOnly @indexed", "@readonly @indexed").replace(`"record.published"`, `"record.publishd"`));
  const { code, objects } = await ambit(["check", broken, "--json"]);
  expect(code).toBe(1);
  const problems = objects() as { code: string; file: string; line: number; fix: string; edits: { text: string }[] }[];
  expect(problems.map((one) => one.code)).toContain("CEL_TYPE");
  expect(problems.flatMap(({ edits }) => edits.map(({ text }) => text)).join(" ")).toMatch(/published.*readOnly|readOnly.*published/);
});

test("call acts as anybody through the control socket, without a key", async () => {
  const made = only(await ambit(["call", "POST", "/Task", `{"title":"Write tests"}`, "--as", "ann", "--header", "prefer: return=representation", "--json"])) as { status: number; body: { id: string; owner: string }[] };
  expect([made.status, made.body[0]!.owner]).toEqual([201, "ann"]);
  const { id } = made.body[0]!;
  const read = await ambit(["call", "GET", "/Task?select=title,done", "--as", "ann"]);
  expect([read.code, read.out]).toEqual([0, `200 OK\n${JSON.stringify([{ title: "Write tests", done: false }], null, 2)}\n`]);
  expect(only(await ambit(["call", "GET", "/Task", "--as", "bob", "--json"]))).toMatchObject({ status: 200, body: [] });
  const finished = only(await ambit(["call", "POST", `/Task/${id}/finish`, "-", "--as", "ann", "--json"], folder, "{}"));
  expect(finished).toMatchObject({ status: 200, body: { done: true } });
  const twice = await ambit(["call", "post", `/Task/${id}/finish`, "{}", "--as", "ann", "--json"]);
  expect([twice.code, (only(twice) as { body: { code: string } }).body.code]).toEqual([1, "ALREADY_DONE"]);
  expect((await ambit(["call", "GET", "/Task", "--json"])).code).toBe(1);
  expect(only(await ambit(["call", "GET", `/Task/${id}`, "--admin", "--json"]))).toMatchObject({ status: 200 });
  const elsewhere = await ambit(["call", "GET", "/Task", "--json"], scratch.path);
  expect([elsewhere.code, elsewhere.objects().map(({ code }) => code)]).toEqual([1, ["UNAVAILABLE"]]);
});

test("describe tells what is there, of a folder at rest, a running app and a URL, within bounds", async () => {
  const running = only(await ambit(["describe", "--json"])) as { tables: { name: string; records: number }[] };
  expect(running.tables.map(({ name, records }) => [name, typeof records])).toEqual([["Task", "number"]]);
  const section = await ambit(["describe", "--section", "tables"]);
  expect(Object.keys(JSON.parse(section.out) as object)).toEqual(["tables"]);
  const atRest = only(await ambit(["describe", scratch.copy("examples/store"), "--json"])) as { tables: { name: string }[] };
  expect(atRest.tables.map(({ name }) => name)).toContain("Order");
  expect(JSON.stringify(atRest).length).toBeLessThan(40_000);
  const started = app.events.find(({ event }) => event === "started")!;
  const environment = { AMBIT_ADMIN_TOKEN: String(started["adminToken"]) };
  expect((await runAmbit(["describe", app.url, "--json"], { temporary: scratch.path, environment })).code).toBe(0);
  for (const wrong of [{}, { AMBIT_ADMIN_TOKEN: "wrong" }]) expect((await runAmbit(["describe", app.url, "--json"], { temporary: scratch.path, environment: wrong })).code).toBe(1);
});

test("explain shows an error's page, and the SQL and indexes of a query", async () => {
  const page = await ambit(["explain", "UNIQUE_VIOLATION"]);
  expect([page.code, page.out.startsWith("# UNIQUE_VIOLATION")]).toEqual([0, true]);
  expect((await ambit(["explain", "INVALID_EMAIL_OR_PASSWORD"])).out).toStartWith("# SIGN_IN_FAILED");
  const query = await ambit(["explain", "/Task?owner=eq.ann&order=title", "--json"]);
  expect(query.code).toBe(0);
  expect(JSON.stringify(only(query))).toContain("Task");
  expect(JSON.stringify(only(query))).toMatch(/USING INDEX|SEARCH/);
  const typo = await ambit(["explain", "UNIQUE_VIOLATON", "--json"]);
  expect([typo.code, typo.objects().map(({ message }) => message)]).toEqual([2, [expect.stringContaining("UNIQUE_VIOLATION")]]);
});

test("test runs the app's tests, says which failed and why, and exits by it", async () => {
  const copy = join(scratch.path, "tested");
  expect((await ambit(["init", "tested"], scratch.path)).code).toBe(0);
  const none = await ambit(["test", "--json"], copy);
  expect([none.code, none.objects().map(({ code }) => code)]).toEqual([1, ["APP_MISSING"]]);
  const header = `/// <reference path="./.ambit/types.d.ts" />\nimport { expect, test } from "ambit/test";\n`;
  writeFileSync(join(copy, "task.test.ts"), `${header}
test("a task is finished once", async (app) => {
  const ann = app.as("ann");
  const made = await ann.post("/Task", { title: "x" }, { prefer: "return=representation" });
  const finished = await ann.post("/Task/" + made.body[0].id + "/finish", {});
  expect(finished.body.doneAt).toBe(app.clock.now().toISOString());
  expect((await app.as("bob").get("/Task")).body).toEqual([]);
});
test("each test has a database of its own", async (app) => {
  expect((await app.administrator.get("/Task")).body).toEqual([]);
});
`);
  const passed = await ambit(["test", "--json"], copy);
  expect([passed.code, passed.objects().map(({ status }) => status)]).toEqual([0, ["passed", "passed"]]);
  writeFileSync(join(copy, "wrong.test.ts"), `${header}\ntest("this one fails", async (app) => { expect((await app.anonymous.get("/Task")).status).toBe(200); });\n`);
  const failed = await ambit(["test", "--json"], copy);
  expect(failed.code).toBe(1);
  expect(failed.objects().map(({ test: name, status }) => [name, status])).toContainEqual(["this one fails", "failed"]);
  expect((await ambit(["test", "--name", "own"], copy)).code).toBe(0);
  expect((await ambit(["test", "--name", "fails"], copy)).code).toBe(1);
});

test("what init wrote serves over HTTP as its own files say", async () => {
  const token = String(app.events.find(({ event }) => event === "started")!["adminToken"]);
  const administrator = httpCaller(() => app.url, token);
  expect((await httpCaller(() => app.url, null).get("/Task")).status).toBe(401);
  expect((await administrator.post("/Task", { title: "" })).code).toBe("VALIDATION_FAILED");
  expect((await administrator.get("/open")).status).toBe(200);
});
