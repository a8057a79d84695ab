// What waits for people outlives the process, whatever a deploy leaves as it was; what a deploy changes is void, and what fell due meanwhile is over at the
// next start. Who is told of it, and how much may wait.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fakeClock, type FakeClock } from "../../src/base/clock.ts";
import { createLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { startApp, type RunningApp } from "../../src/runtime/start-app.ts";
import { EventClient } from "../scenarios/live-clients.ts";
import { adminToken, keysFor } from "../scenarios/started-app.ts";
import { answers } from "./bounds-app.ts";
import { scriptedModel, type ScriptedModel } from "../models/scripted-model.ts";
import { comesTrue } from "../processes/waits.ts";

interface Shown { readonly id: string; readonly run: string; readonly hash: string }

const schema = (policy: string, bound: string): string => `
type Order @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey refunded: Int! @default(value: 0) }
type Decisions {
  ruled(amount: Int!): Int! @decision(kind: RULE) @export @allow(to: ["support"]) @approval(when: "out > 50", by: ["manager"], within: "P1D") @fallback(call: "ruled")
  """${policy}"""
  asked(amount: Int!): Int! @decision(mode: ENFORCE) @export @allow(to: ["support"]) @bound(name: "cap", rule: "${bound}") @approval(when: "out > 50", by: ["manager"], within: "P1D") @fallback(value: 0)
}`;
const resources = `import { fallbacks } from "ambit";
export const Fallbacks = fallbacks({ ruled({ amount }) { return amount; } });
`;

let directory: string;
let model: ScriptedModel;
let clock: FakeClock;
let running: RunningApp | null = null;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ambit-approvals-"));
  model = scriptedModel(() => [answers(80)]);
  clock = fakeClock();
});
afterEach(async () => {
  await running?.stop();
  await model.stop();
  running = null;
  rmSync(directory, { recursive: true, force: true });
});

async function start(files: { readonly policy?: string; readonly bound?: string; readonly config?: string } = {}): Promise<void> {
  await running?.stop();
  writeFileSync(join(directory, "schema.graphql"), schema(files.policy ?? "Decide.", files.bound ?? "out <= 100"));
  writeFileSync(join(directory, "resources.ts"), resources);
  writeFileSync(join(directory, "config.yaml"), `${keysFor("support", "manager")}models: { default: { provider: openai-compatible, model: scripted, url: "${model.url}" } }\n${files.config ?? ""}`);
  running = await startApp({
    directory, dataDirectory: join(directory, "data"), port: 0, environment: {}, adminToken, development: false, seed: null, clock, random: systemRandom(),
    log: createLog({ clock, sink() {} }), forbidOutbound: false, modelsOutbound: true, onFatal: (error) => { throw error; },
  });
}

async function call(who: string, method: string, path: string, body?: object): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(`${running!.url}${path}`, { method, headers: { "content-type": "application/json", authorization: `Bearer key-${who}` }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  return { status: response.status, body: await response.json() };
}

async function waiting(): Promise<Shown[]> {
  const found: Shown[] = [];
  for (;;) {
    const { body } = await call("manager", "GET", `/approvals?limit=100${found.length === 0 ? "" : `&after=${found.at(-1)!.id}`}`);
    found.push(...body as Shown[]);
    if ((body as Shown[]).length < 100) return found;
  }
}

const ended = async (run: string): Promise<unknown> => (await call("support", "GET", `/runs/${run}`)).body;

async function until(run: string, state: string): Promise<unknown> {
  await comesTrue(async () => (await ended(run) as { readonly state: string }).state === state);
  return ended(run);
}

test("a word has the same answer under its key after a restart, and whoever follows is told what still waits", async () => {
  await start();
  for (const amount of [60, 70]) await call("support", "POST", "/decide/ruled", { amount });
  const [first, second] = await waiting();
  const say = async (): Promise<unknown> => {
    const response = await fetch(`${running!.url}/approvals/${first!.id}`, { method: "POST", headers: { "content-type": "application/json", "authorization": "Bearer key-manager", "idempotency-key": "once" }, body: JSON.stringify({ verdict: "APPROVE", hash: first!.hash }) });
    return [response.status, await response.text()];
  };
  const said = await say();
  await start();
  expect(await say()).toEqual(said);
  const stream = await EventClient.open(`${running!.url}/approvals`, { authorization: "Bearer key-manager" });
  expect((await stream.next()).data).toMatchObject({ op: "snapshot", rows: [{ id: second!.id }] });
  stream.close();
});

test("other words of a policy leave what waits as it is; another bound voids it", async () => {
  await start();
  const run = (await call("support", "POST", "/decide/asked", { amount: 1 })).body as Shown;
  const other = (await call("support", "POST", "/decide/asked", { amount: 2 })).body as Shown;
  await start({ policy: "Decide otherwise." });
  const [first] = await waiting();
  expect(await call("manager", "POST", `/approvals/${first!.id}`, { verdict: "APPROVE", hash: first!.hash })).toMatchObject({ status: 200, body: { state: "APPROVED", run: { id: run.run, state: "DECIDED_BY_HUMAN" } } });
  const [second] = await waiting();
  await start({ policy: "Decide otherwise.", bound: "out <= 90" });
  expect(await call("manager", "POST", `/approvals/${second!.id}`, { verdict: "APPROVE", hash: second!.hash })).toMatchObject({ status: 409, body: { code: "APPROVAL_VOID" } });
  expect(await until(other.run, "FELL_BACK")).toMatchObject({ state: "FELL_BACK", reason: "replay_divergence", answer: 0 });
  expect(await waiting()).toEqual([]);
});

test("what fell due while nobody was there is over at the next start, once", async () => {
  await start();
  const { run } = (await call("support", "POST", "/decide/asked", { amount: 1 })).body as Shown;
  await running!.stop();
  running = null;
  clock.advance(24 * 3_600_000);
  await start();
  expect(await until(run, "FELL_BACK")).toMatchObject({ state: "FELL_BACK", reason: "approval_timeout", answer: 0 });
  expect(await waiting()).toEqual([]);
});

test("no more wait than may; what is one too many fails, and may be asked again", async () => {
  await start({ config: "limits: { approvalsWaiting: 2 }\n" });
  for (let count = 0; count < 2; count++) expect((await call("support", "POST", "/decide/ruled", { amount: 60 })).status).toBe(202);
  expect((await call("support", "POST", "/decide/ruled", { amount: 60 })).status).toBe(503);
  const [first] = await waiting();
  await call("manager", "POST", `/approvals/${first!.id}`, { verdict: "REJECT" });
  expect((await call("support", "POST", "/decide/ruled", { amount: 60 })).status).toBe(202);
});

test("whoever is to be told is told that something waits, and never what", async () => {
  const told: unknown[] = [];
  const server = Bun.serve({ port: 0, async fetch(request) { told.push(await request.json()); return new Response("ok"); } });
  try {
    await start({ config: `approvals: { notify: ["http://127.0.0.1:${server.port}/hook"] }\noutbound: { allowPrivate: ["127.0.0.1"] }\n` });
    const { run } = (await call("support", "POST", "/decide/asked", { amount: 1 })).body as Shown;
    await comesTrue(() => told.length > 0, { meanwhile: () => clock.advance(1_000) });
    expect(told).toEqual([{ type: "approval-waiting", approval: expect.any(String), run, decision: "asked", by: ["manager"], tenant: null, due: expect.any(String) }]);
  } finally {
    await server.stop(true);
  }
});
