// Whatever the provider, a tool or another decision does, whoever asks gets the fallback soon after the deadline. By a clock that stands still but for the test:
// no pause of the machine counts, and what would need any time beyond the deadline would never end.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { fakeClock } from "../../src/base/clock.ts";
import { until } from "../processes/waits.ts";
import { adminToken, keysFor, startTestApp, type AppFiles, type StartedApp } from "../scenarios/started-app.ts";
import { completion, scriptedModel, type ScriptedModel } from "../models/scripted-model.ts";

const DEADLINE_MS = 700;
const LATE_MS = 250;

const schema = `
type Order @table @export @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey refunded: Int! }
type Tools { hang: Int! calls(url: String!): Int! }
type Decisions {
  """Decide."""
  refund(url: String!): Int! @decision(mode: ENFORCE, deadline: "PT0.7S", inspect: ["support"]) @export @allow(to: ["support"])
    @mayCall(tool: "hang") @mayCall(tool: "calls") @mayAsk(decision: "mood")
    @effect(operation: "Order.create", set: { id: "input.url", refunded: "out" }) @acknowledge(rule: "UNBOUNDED_WRITE", reason: "A test.")
    @bound(name: "cap", rule: "out <= 40") @fallback(value: 1)
  """How annoyed?"""
  mood(text: String!): Int! @decision(mode: ENFORCE, kind: JUDGE, deadline: "PT60S") @allow(to: ["support"]) @bound(name: "scale", rule: "out <= 10") @fallback(value: 5)
}`;
const resources = `import { tools } from "ambit";
export const Tools = tools({
  async hang() { return new Promise(() => {}); },
  async calls(ctx, { url }) { return Number(await (await ctx.fetch(url)).text()); },
});
`;

const clock = fakeClock();
let app: StartedApp;
let model: ScriptedModel;
let silent: ReturnType<typeof Bun.serve>;
const never = new Promise<never>(() => {});
const files = (): AppFiles => ({ schema, resources, config: `${keysFor("support")}limits: { modelFailures: 1000 }\nmodels: { default: { provider: openai-compatible, model: scripted, url: "${model.url}" } }\n` });
beforeAll(async () => {
  model = scriptedModel(() => []);
  silent = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 0, fetch: () => never });
  app = await startTestApp(files(), { clock });
});
afterAll(async () => {
  await app?.stop();
  await silent?.stop(true);
  await model?.stop();
});

/** Bytes that never come to an end: whole ones of an answer one by one, or one answer and nothing more. */
function slowly(text: string, everyMs: number): Response {
  const bytes = Buffer.from(text);
  let at = 0;
  return new Response(new ReadableStream({
    async pull(controller) {
      if (at >= bytes.length) return never;
      await Bun.sleep(everyMs);
      controller.enqueue(bytes.subarray(at, ++at));
    },
  }), { headers: { "content-type": "application/json" } });
}

const whole = JSON.stringify(completion([{ name: "answer", arguments: "40" }]));
const rows: Readonly<Record<string, ScriptedModel["script"]>> = {
  "never answers": () => never,
  "sends one byte at a time": () => slowly(whole, 50),
  "never closes its answer": () => new Response(new ReadableStream({ start(controller) { controller.enqueue(Buffer.from(whole.slice(0, -1))); } }), { headers: { "content-type": "application/json" } }),
  "sends headers and nothing else": () => new Response(new ReadableStream({ pull: () => never }), { headers: { "content-type": "application/json" } }),
  "wants to be asked again in an hour": () => new Response("{}", { status: 429, headers: { "retry-after": "3600" } }),
  "fails again and again": () => new Response("{}", { status: 500 }),
  "calls a tool that hangs": () => [{ name: "hang", arguments: {} }],
  "calls a tool that calls who never answers": () => [{ name: "calls", arguments: { url: String(silent.url) } }],
  "asks a decision whose model never answers": (request) => (request.tools.length > 1 ? [{ name: "mood", arguments: { text: "a" } }] : never),
  "answers after its time": async () => {
    await isOver.promise;
    return [{ name: "answer", arguments: "40" }];
  },
};

/** The run's answer is there: what comes now is late. */
let isOver: PromiseWithResolvers<void>;

const ask = ({ url }: StartedApp, name: string): Promise<Response> => fetch(`${url}/decide/refund`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support" }, body: JSON.stringify({ url: name }) });

/** Between its admission and its end, by the clock of the app. */
async function tookMs({ url }: StartedApp, response: Response): Promise<number> {
  const run = await (await fetch(`${url}/runs/${response.headers.get("ambit-run")!}`, { headers: { authorization: `Bearer ${adminToken}` } })).json() as { admittedAt: string; endedAt: string };
  return Date.parse(run.endedAt) - Date.parse(run.admittedAt);
}

for (const [name, script] of Object.entries(rows)) {
  test(`a model that ${name}`, async () => {
    isOver = Promise.withResolvers();
    model.requests.length = 0;
    model.script = script;
    const asking = ask(app, name);
    await until(() => model.requests.length > 0, "the model is asked");
    // What it does goes on for a while, of which the run's clock knows nothing.
    await Bun.sleep(100);
    clock.advance(DEADLINE_MS);
    const response = await asking;
    expect({ status: response.status, source: response.headers.get("ambit-source"), body: await response.json() }).toEqual({ status: 200, source: "fallback", body: 1 });
    expect(response.headers.get("ambit-reason")).toMatch(/^(provider_timeout|provider_unavailable|rate_limited|circuit_open)$/);
    expect(await tookMs(app, response)).toBeLessThanOrEqual(DEADLINE_MS + LATE_MS);
    // What comes after that is nobody's.
    isOver.resolve();
    await Bun.sleep(100);
    expect(app.running.tables.get("Order", name)!.values["refunded"]).toBe(1);
    for (const [state, ended] of app.running.storage.reader.values(`SELECT "state", "ended" FROM "$decision"`)) expect([state, ended]).toEqual(["FELL_BACK", expect.any(Number)]);
  }, 120_000);
}

test("a run that is late since the machine is busy is not taken from the process that is at work on it", async () => {
  const answer = Promise.withResolvers<Response>();
  model.requests.length = 0;
  model.script = () => answer.promise;
  const asking = ask(app, "late");
  await until(() => model.requests.length > 0, "the model is asked");
  const { storage, tables } = app.running;
  const commit = (sql: string): Promise<unknown> => tables.commit(({ connection }) => { connection.run(sql); }, { actor: "test", requestId: "late" });
  // No timer has fired in time: its lease is over by far, and those who look for such runs come by.
  await commit(`UPDATE "$decision" SET "lease" = 0 WHERE "ended" IS NULL`);
  void app.running.decisions!.recover("lapsed");
  await commit(`UPDATE "$decision" SET "lease" = 0 WHERE "ended" IS NULL`);
  expect(storage.reader.values(`SELECT "epoch", "ended" FROM "$decision" WHERE "ended" IS NULL`)).toEqual([[1, null]]);
  answer.resolve(Response.json(completion([{ name: "answer", arguments: "40" }])));
  const response = await asking;
  expect([response.status, response.headers.get("ambit-source"), await response.json(), model.requests.length]).toEqual([200, "model", 40, 1]);
}, 120_000);

test("by the clock of the machine, too: the best of some, for a machine may pause at any of them", async () => {
  const real = await startTestApp(files());
  try {
    model.script = () => never;
    const took: number[] = [];
    while (took.length < 20 && !took.some((ms) => ms <= DEADLINE_MS + LATE_MS)) took.push(await tookMs(real, await ask(real, `real-${took.length}`)));
    expect(Math.min(...took)).toBeWithin(DEADLINE_MS, DEADLINE_MS + LATE_MS + 1);
  } finally {
    await real.stop();
  }
}, 120_000);
