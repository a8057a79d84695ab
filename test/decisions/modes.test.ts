// Modes lowered by the administrator while the app runs: never above the schema, kept over restarts and reloads, recorded in the audit log.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { decisions } from "../../src/runtime/decisions.ts";
import { startApp, type RunningApp } from "../../src/runtime/start-app.ts";
import { adminToken, keysFor } from "../scenarios/started-app.ts";
import { scriptedModel, type ScriptedModel } from "../models/scripted-model.ts";
import { until } from "../processes/waits.ts";

const schema = (mode: string): string => `type Decisions {
  """Decide."""
  judged(of: Int!): Int! @decision(mode: ${mode}) @export @allow(to: ["support"]) @bound(name: "cap", rule: "out <= 50") @fallback(value: 0)
  """Beside."""
  beside: Int! @decision @export @allow(to: ["support"]) @bound(name: "cap", rule: "out <= 50") @fallback(value: 5)
  ruled: Int! @decision(kind: RULE) @export @allow(to: ["support"]) @fallback(value: 7)
}`;

const directory = mkdtempSync(join(tmpdir(), "ambit-modes-"));
let model: ScriptedModel;
let app: RunningApp;

const start = (): Promise<RunningApp> => startApp({
  directory, dataDirectory: join(directory, "data"), port: 0, environment: {}, adminToken, development: false, seed: null,
  clock: systemClock(), random: systemRandom(), log: silentLog(), forbidOutbound: true, onFatal: (error) => { throw error; },
});
beforeAll(async () => {
  model = scriptedModel(() => [{ name: "answer", arguments: "40" }]);
  writeFileSync(join(directory, "schema.graphql"), schema("ENFORCE"));
  writeFileSync(join(directory, "config.yaml"), `${keysFor("support")}models: { default: { provider: openai-compatible, model: scripted, url: "${model.url}" } }\n`);
  app = await start();
});
afterAll(async () => {
  await app?.stop();
  await model?.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function call(method: string, path: string, body: object | null = null, token = adminToken): Promise<{ readonly status: number; readonly body: unknown; readonly reason: string | null }> {
  const response = await fetch(app.url + path, { method, headers: { "content-type": "application/json", authorization: `Bearer ${token}` }, ...(body === null ? {} : { body: JSON.stringify(body) }) });
  return { status: response.status, body: await response.json(), reason: response.headers.get("ambit-reason") };
}

const judged = async (): Promise<string> => {
  const { body, reason } = await call("POST", "/decide/judged", { of: 1 }, "key-support");
  return `${String(body)} ${String(reason)}`;
};
const lower = (mode: string | null, name = "judged"): ReturnType<typeof call> => call("POST", `/admin/decisions/${name}`, { mode });

test("lowered it answers by its fallback, and again by the model when it is as the schema says", async () => {
  expect(await judged()).toBe("40 null");
  expect(await lower("OFF")).toMatchObject({ status: 200, body: { name: "judged", mode: "OFF", declared: "ENFORCE", kind: "REASON" } });
  expect(await judged()).toBe("0 mode_off");
  const asked = model.requests.length;
  await lower("SHADOW");
  expect(await judged()).toBe("0 mode_shadow");
  await until(() => model.requests.length > asked);
  expect(await lower(null)).toMatchObject({ body: { mode: "ENFORCE" } });
  expect(await judged()).toBe("40 null");
});

test("never above the schema; what has no model has no mode; what is not there is not there", async () => {
  expect(await lower("ENFORCE", "beside")).toMatchObject({ status: 400, body: { code: "VALIDATION_FAILED", where: "mode" } });
  expect(await lower("OFF", "ruled")).toMatchObject({ status: 400 });
  expect(await lower("LOUD")).toMatchObject({ status: 400, body: { where: "mode" } });
  expect(await call("POST", "/admin/decisions/judged", { moed: "OFF" })).toMatchObject({ status: 400, body: { where: "moed" } });
  expect(await lower("OFF", "nobody")).toMatchObject({ status: 404 });
  expect((await call("POST", "/decide/beside", {}, "key-support")).reason).toBe("mode_shadow");
});

test("the administrator sees what runs and what is declared; whoever asks sees what runs; nobody else changes it", async () => {
  await lower("OFF");
  expect(await call("GET", "/decide")).toMatchObject({ status: 200, body: [{ name: "judged", description: "Decide.", mode: "OFF", declared: "ENFORCE" }, { name: "beside", mode: "SHADOW", declared: "SHADOW" }, { name: "ruled" }] });
  expect(await call("GET", "/admin/decisions")).toMatchObject({ status: 200, body: [{ name: "judged", mode: "OFF" }, {}, {}] });
  const listed = (await call("GET", "/decide", null, "key-support")).body as object[];
  expect(listed[0]).toEqual({ name: "judged", description: null, mode: "OFF", kind: "REASON" });
  expect((await call("POST", "/admin/decisions/judged", { mode: null }, "key-support")).status).toBe(403);
  expect((await call("POST", "/admin/decisions/judged", { mode: null }, "nothing")).status).toBe(401);
});

test("it outlives a restart and a reload, and never stands above a schema that has become lower", async () => {
  await lower("SHADOW");
  await app.stop();
  app = await start();
  expect(await judged()).toBe("0 mode_shadow");
  writeFileSync(join(directory, "schema.graphql"), schema("OFF"));
  expect(await app.reload({ typeCheck: false })).toEqual([]);
  expect(await judged()).toBe("0 mode_off");
  writeFileSync(join(directory, "schema.graphql"), schema("ENFORCE"));
  await app.reload({ typeCheck: false });
  expect(await judged()).toBe("0 mode_shadow");
  await lower(null);
});

test("each change is a record of the audit log, which still verifies", () => {
  const { reader } = app.storage;
  const records = reader.values(`SELECT "record" FROM "$audit" WHERE "record" LIKE '%"kind":"mode"%' ORDER BY "number"`).map(([record]) => JSON.parse(record as string) as { decision: string; mode: string; declared: string; commitments: object });
  expect(records.map(({ decision, mode, declared }) => `${decision} ${mode} of ${declared}`)).toEqual(["OFF", "SHADOW", "ENFORCE", "OFF", "SHADOW", "ENFORCE"].map((mode) => `judged ${mode} of ENFORCE`));
  for (const { commitments } of records) expect(Object.keys(commitments)).toEqual(["principal"]);
  expect(decisions.audit!.verify(reader, { notes: null, verifiers: null, leaves: null }).problem).toBeNull();
});
