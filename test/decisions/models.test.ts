// Several models of one decision: whom a failure leads to and at which price, and a provider that is left alone. The clock is the test's.
import { afterEach, expect, test } from "bun:test";
import { fakeClock } from "../../src/base/clock.ts";
import { readRun } from "../../src/storage/decision-rows.ts";
import { keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { completion } from "../models/scripted-model.ts";
import { reply, wireServer, type Respond, type WireServer } from "./wire-server.ts";

const schema = `
type Out { n: Int! }
type Decisions {
  """Judge."""
  judge: Out! @decision(mode: ENFORCE, kind: JUDGE) @export @allow(to: ["clerk"])
    @budget(per: RUN, cost: "0.10 USD") @budget(per: DECISION_DAY, tokens: 1000000, cost: "5 USD") @fallback(value: { n: 0 })
}`;

let app: StartedApp | null = null;
let server: WireServer | null = null;
afterEach(async () => {
  await app?.stop();
  server?.stop();
  app = null;
});

async function start(prices: { readonly first: string; readonly second: string }, limits = "modelAttempts: 1, modelFailures: 2, modelPauseMs: 10000") {
  const clock = fakeClock();
  const listening = server = wireServer();
  const model = (name: string, price: string, more = ""): string => `  ${name}: { provider: openai-compatible, model: ${name}, url: "http://127.0.0.1:${listening.port}/${name}/v1", price: { input: "${price} USD", output: "${price} USD" }${more} }\n`;
  app = await startTestApp({ schema, config: `${keysFor("clerk")}models:\n${model("default", prices.first, ", fallback: second")}${model("second", prices.second)}limits: { ${limits}, decisionOutputTokens: 100 }\n` }, { clock });
  const { url, running } = app;
  const asked = (name: string): number => listening.received.get(name)?.length ?? 0;
  const decide = async () => {
    const response = await fetch(`${url}/decide/judge`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-clerk" }, body: "{}" });
    const { reason, state } = readRun(running.storage.reader, response.headers.get("ambit-run")!)!;
    return [state, reason, (await response.json() as { n: number }).n, asked("default"), asked("second")];
  };
  const spent = (kind: string): unknown => running.storage.reader.query(`SELECT * FROM "$decision_sum" WHERE "scope" LIKE ?1`).all(`%${kind}`);
  return { clock, decide, spent, answers: (name: string, respond: Respond) => listening.respond.set(name, respond) };
}

const good = (n: number): Respond => () => reply(JSON.stringify(completion([{ name: "answer", arguments: { n } }])));
const broken: Respond = () => reply("", { status: 503 });

test("where one fails the other is asked, until it is left alone; later one request tries", async () => {
  const { clock, decide, answers } = await start({ first: "1", second: "1" });
  answers("default", broken);
  answers("second", good(2));
  expect(await decide()).toEqual(["DECIDED", null, 2, 1, 1]);
  expect(await decide()).toEqual(["DECIDED", null, 2, 2, 2]);
  // Open.
  expect(await decide()).toEqual(["DECIDED", null, 2, 2, 3]);
  clock.advance(10_000);
  expect(await decide()).toEqual(["DECIDED", null, 2, 3, 4]);
  expect(await decide()).toEqual(["DECIDED", null, 2, 3, 5]);
  answers("default", good(1));
  clock.advance(10_000);
  expect(await decide()).toEqual(["DECIDED", null, 1, 4, 5]);
  expect(await decide()).toEqual(["DECIDED", null, 1, 5, 5]);
});

test("with both left alone it falls back at once, asks nobody and spends nothing", async () => {
  const { decide, answers, spent } = await start({ first: "1", second: "1" });
  answers("default", broken);
  answers("second", broken);
  expect(await decide()).toEqual(["FELL_BACK", "provider_unavailable", 0, 1, 1]);
  expect(await decide()).toEqual(["FELL_BACK", "provider_unavailable", 0, 2, 2]);
  const before = [spent("tokens"), spent("cost")];
  for (let count = 0; count < 5; count++) expect(await decide()).toEqual(["FELL_BACK", "circuit_open", 0, 2, 2]);
  expect([spent("tokens"), spent("cost")]).toEqual(before);
});

test("the other's price is its own: what it may cost is reserved before it is asked", async () => {
  const { decide, answers } = await start({ first: "1", second: "1000" });
  answers("default", broken);
  answers("second", good(2));
  expect(await decide()).toEqual(["FELL_BACK", "budget:cost", 0, 1, 0]);
  expect(await decide()).toEqual(["FELL_BACK", "budget:cost", 0, 2, 0]);
  // With the first left alone, too.
  expect(await decide()).toEqual(["FELL_BACK", "budget:cost", 0, 2, 0]);
});

test("a rate that is too high is nobody's failure", async () => {
  const { decide, answers } = await start({ first: "1", second: "1" });
  answers("default", () => reply("", { status: 429, headers: "Retry-After: 3600" }));
  answers("second", good(2));
  for (let count = 1; count <= 4; count++) expect(await decide()).toEqual(["DECIDED", null, 2, count, count]);
});

test("without a model decisions answer by their fallbacks, which /ready says; where none wants one, all is well", async () => {
  const declare = (args: string): string => `type Out { n: Int! }\ntype Decisions {\n"""Judge."""\njudge: Out! @decision(${args}) @export @allow(to: ["clerk"]) @fallback(value: { n: 5 }) }`;
  const ready = async (schema: string, config = ""): Promise<unknown> => {
    app = await startTestApp({ schema, config: keysFor("clerk") + config });
    const response = await fetch(`${app.url}/ready`);
    const decided = await fetch(`${app.url}/decide/judge`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-clerk" }, body: "{}" });
    const { state, reason } = readRun(app.running.storage.reader, decided.headers.get("ambit-run")!)!;
    await app.stop();
    app = null;
    return [response.status, await response.json(), state, reason, await decided.json()];
  };
  const degraded = { status: "degraded", reasons: ["no_model"] };
  expect(await ready(declare("mode: ENFORCE"))).toEqual([200, degraded, "FELL_BACK", "no_model", { n: 5 }]);
  expect(await ready(declare("mode: SHADOW"))).toEqual([200, degraded, "FELL_BACK", "mode_shadow", { n: 5 }]);
  expect(await ready(declare("mode: OFF"))).toEqual([200, { status: "ready" }, "FELL_BACK", "mode_off", { n: 5 }]);
  // A key that is empty is none.
  expect(await ready(declare("mode: ENFORCE"), "models: { default: { provider: anthropic, model: m, key: \"\" } }\n")).toEqual([200, degraded, "FELL_BACK", "no_model", { n: 5 }]);
});
