// Jobs as their users meet them: an app in a process of its own, asked over HTTP, over a WebSocket's calls and with `ambit jobs`.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ambitHere } from "../processes/ambit-here.ts";
import { type AppProcess, startApp } from "../processes/app-process.ts";
import { httpCaller } from "../processes/http-caller.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { until } from "../processes/waits.ts";

const resources = (sign: string): string => `/// <reference path="./.ambit/types.d.ts" />
import { endpoints, jobs } from "ambit";
export const Endpoints = endpoints({
  async start(ctx, { text, fails }) { return ctx.enqueue("note", { text, fails }); },
  async wait(ctx) { return ctx.enqueue("wait"); },
});
export const Jobs = jobs({
  async note(ctx, { text, fails }) {
    ctx.progress(1, 2);
    if (fails) throw ctx.error(409, "NOT_NOW", "Not now.");
    return ctx.transaction(async (ctx) => (await ctx.db.Note.create({ text: text + "${sign}" })).text);
  },
  async wait(ctx) { await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve)); throw new Error("ended"); },
});
`;
const files = {
  "schema.graphql": `
type Note @table @export @allow(to: ["writer"], do: [READ, CREATE]) { id: ID! @primaryKey text: String! by: ID @createdBy }
type Endpoints {
  start(text: String!, fails: Boolean = false): String! @http @allow(to: ["writer"])
  wait: String! @http @allow(to: ["writer"])
}
type Jobs { note(text: String!, fails: Boolean = false): String @retry(times: 0) wait: Boolean }`,
  "resources.ts": resources("!"),
  "config.yaml": "auth: { keys: [{ token: key-of-ann, subject: ann, roles: [writer] }, { token: key-of-bob, subject: bob, roles: [writer] }] }\n",
};

const scratch = scratchFolder();
const folder = scratch.app(files);
const data = scratch.free("data");
let app: AppProcess;
beforeAll(async () => { app = await startApp(folder, { data, command: "dev" }); });
afterAll(async () => { await app.stop(); scratch.remove(); });

const ann = httpCaller(() => app.url, "key-of-ann");
const bob = httpCaller(() => app.url, "key-of-bob");
const jobs = (...words: string[]): ReturnType<typeof ambitHere> => ambitHere(["jobs", folder, "--data", data, "--json", ...words]);

interface Run { readonly id: string; readonly state: string; readonly result: unknown; readonly attempts: number; readonly problem: { readonly code: string } | null; readonly progress: object }

async function ended(id: string): Promise<Run> {
  let run: Run;
  await until(async () => !["QUEUED", "RUNNING"].includes((run = (await ann.get(`/runs/${id}`)).json<Run>()).state), "it ends");
  return run!;
}

test("GET /runs/{id} tells how it went, to whoever asked for it", async () => {
  const id = (await ann.post("/start", { text: "hello" })).json<string>();
  expect(await ended(id)).toMatchObject({ id, job: "note", state: "SUCCEEDED", result: "hello!", attempts: 1, progress: { done: 1, total: 2 } });
  expect((await ann.get("/Note?text=eq.hello!&select=by")).json<unknown>()).toEqual([{ by: "ann" }]);
  expect([(await bob.get(`/runs/${id}`)).status, (await httpCaller(() => app.url, null).get(`/runs/${id}`)).status, (await ann.get("/runs/none")).status]).toEqual([404, 404, 404]);
  expect([(await ann.get(`/runs/${id}`)).headers.get("cache-control"), (await ann.send("POST", `/runs/${id}`, {})).status]).toEqual(["private, no-store", 405]);
});

test("DELETE /runs/{id} tells it to end", async () => {
  const id = (await ann.post("/wait", {})).json<string>();
  while ((await ann.get(`/runs/${id}`)).json<Run>().state !== "RUNNING") await Bun.sleep(5);
  expect((await bob.send("DELETE", `/runs/${id}`)).status).toBe(404);
  expect((await ann.send("DELETE", `/runs/${id}`)).status).toBe(200);
  expect((await ended(id)).state).toBe("CANCELLED");
  expect((await ann.send("DELETE", `/runs/${id}`)).code).toBe("CONFLICT");
});

test("ambit jobs lists dead letters, replays them and enqueues", async () => {
  const id = (await ann.post("/start", { text: "x", fails: true })).json<string>();
  expect(await ended(id)).toMatchObject({ state: "FAILED", problem: { code: "NOT_NOW" } });
  expect((await jobs("--state", "FAILED", "--job", "note")).objects()).toMatchObject([{ id, input: { text: "x", fails: true }, owner: { subject: "ann" } }]);
  expect((await jobs("--replay", id)).objects()).toMatchObject([{ id, state: expect.stringMatching(/QUEUED|RUNNING|FAILED/) }]);
  await ended(id);
  expect((await jobs("--run", id)).objects()).toMatchObject([{ id, attempts: 1 }]);
  const [made] = (await jobs("--enqueue", "note", "--input", `{"text": "by hand"}`)).objects();
  await ended(String(made!["id"]));
  expect((await jobs("--run", String(made!["id"]))).objects()).toMatchObject([{ state: "SUCCEEDED", owner: { kind: "administrator" } }]);
  const first = (await jobs("--limit", "1")).objects();
  expect((await jobs("--limit", "1", "--after", String(first[1]!["next"]))).objects()[0]!["id"]).not.toBe(first[0]!["id"]);
  for (const [words, code] of [[["--state", "DONE"], "MALFORMED_QUERY"], [["--enqueue", "none"], "NOT_FOUND"], [["--enqueue", "note"], "VALIDATION_FAILED"], [["--run", "none"], "NOT_FOUND"], [["--enqueue", "note", "--input", "{"], "USAGE"], [["--run", "a", "--cancel", "b"], "USAGE"]] as const) {
    expect([words, (await jobs(...words)).objects()[0]?.["code"]]).toEqual([words, code]);
  }
});

test("what a batch enqueues is part of it: all or nothing", async () => {
  const enqueued = async (): Promise<number> => Number(/^ambit_jobs_enqueued (\d+)/m.exec((await ann.get("/metrics")).text)![1]);
  const before = await enqueued();
  const start = { method: "POST", path: "/start", body: { text: "of a batch" } };
  const wrong = await ann.post("/batch", { operations: [start, { method: "POST", path: "/Note", body: { text: 5 } }] });
  expect([wrong.status, await enqueued()]).toEqual([400, before]);
  const right = await ann.post("/batch", { operations: [start, { method: "POST", path: "/Note", body: { text: "beside it" } }, start] });
  expect([right.status, await enqueued()]).toEqual([200, before + 2]);
});

test("the same Idempotency-Key enqueues once", async () => {
  const send = async (): Promise<string> => (await ann.send("POST", "/start", { text: "once" }, { "idempotency-key": "a-key-of-ann-0123456789" })).json<string>();
  const id = await send();
  expect(await send()).toBe(id);
  await ended(id);
  expect((await ann.get("/Note?text=like.once*&select=id")).json<unknown[]>().length).toBe(1);
});

test("/admin/jobs is the administrator's alone; /metrics counts", async () => {
  expect((await ann.get("/admin/jobs")).status).toBe(403);
  const metrics = (await ann.get("/metrics")).text;
  for (const name of ["waiting", "running", "dead_letters", "enqueued", "succeeded", "failed_attempts"]) expect(metrics).toMatch(new RegExp(`^ambit_jobs_${name} \\d`, "m"));
});

test("a reload goes on with the new code; what runs is not cut off", async () => {
  const waits = (await ann.post("/wait", {})).json<string>();
  while ((await ann.get(`/runs/${waits}`)).json<Run>().state !== "RUNNING") await Bun.sleep(5);
  const from = app.events.length;
  writeFileSync(join(folder, "resources.ts"), resources("?"));
  await app.event(({ event }) => event === "reloaded", from);
  const id = (await ann.post("/start", { text: "after" })).json<string>();
  expect((await ended(id)).result).toBe("after?");
  expect((await ann.get(`/runs/${waits}`)).json<Run>().state).toBe("RUNNING");
  await ann.send("DELETE", `/runs/${waits}`);
  expect((await ended(waits)).state).toBe("CANCELLED");
});
