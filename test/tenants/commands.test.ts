// `ambit call --tenant` and `app.tenant` in an app's own tests: who acts, and within which tenant.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { createLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { main } from "../../src/cli/main.ts";
import { startApp, type RunningApp } from "../../src/runtime/start-app.ts";

const schema = `type Task @table(tenant: "orgId") @export @allow(to: ["member"], do: [READ, CREATE]) { id: ID! @primaryKey orgId: ID! title: String! }\n`;
const tests = `/// <reference path="./.ambit/types.d.ts" />
import { expect, test } from "ambit/test";
test("each tenant has its own", async (app) => {
  expect((await app.tenant("a").as("ann", "member").post("/Task", { title: "A" })).status).toBe(201);
  expect((await app.tenant("b").as("ann", "member").get("/Task")).body).toEqual([]);
  expect((await app.as("ann", "member").get("/Task")).body).toEqual([]);
  expect((await app.tenant("a").administrator.get("/Task?select=title,orgId")).body).toEqual([{ title: "A", orgId: "a" }]);
  expect((await app.tenant("b").administrator.get("/Task")).body).toEqual([]);
  expect((await app.administrator.get("/Task")).body).toHaveLength(1);
});
`;

let directory = "";
let running: RunningApp;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "ambit-tenants-"));
  writeFileSync(join(directory, "schema.graphql"), schema);
  writeFileSync(join(directory, "task.test.ts"), tests);
  const clock = systemClock();
  running = await startApp({
    directory, dataDirectory: join(directory, ".ambit", "data"), port: 0, environment: {}, adminToken: null, development: false, seed: null, clock, random: systemRandom(),
    log: createLog({ clock, sink: () => {} }), forbidOutbound: true, onFatal: (error) => { throw error; },
  });
});
afterAll(async () => {
  await running.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function ambit(...words: string[]): Promise<{ code: number; output: string }> {
  let output = "";
  const code = await main(words, {}, { out: (text) => { output += text; }, err: (text) => { output += text; }, terminal: false });
  return { code, output };
}

test("call acts within the tenant that is named", async () => {
  const call = (...words: string[]): ReturnType<typeof ambit> => ambit("call", ...words, "--dir", directory, "--json");
  expect((await call("POST", "/Task", '{"title":"A"}', "--as", "ann", "--role", "member", "--tenant", "a")).code).toBe(0);
  const seen = async (...who: string[]): Promise<unknown> => (JSON.parse((await call("GET", "/Task?select=orgId", ...who)).output) as { body: unknown }).body;
  expect(await seen("--as", "ann", "--role", "member", "--tenant", "a")).toEqual([{ orgId: "a" }]);
  expect(await seen("--as", "ann", "--role", "member", "--tenant", "b")).toEqual([]);
  expect(await seen("--as", "ann", "--role", "member")).toEqual([]);
  expect([await seen("--admin"), await seen("--admin", "--tenant", "a"), await seen("--admin", "--tenant", "b")]).toEqual([[{ orgId: "a" }], [{ orgId: "a" }], []]);
  expect((await call("GET", "/Task", "--tenant", "a")).code).toBe(2);
});

test("an app's tests act within tenants", async () => {
  const { code, output } = await ambit("test", directory, "--json");
  expect(output).toContain('"status":"passed"');
  expect(code).toBe(0);
}, 120_000);
