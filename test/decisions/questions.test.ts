// Decisions by endpoints that answer questions: what these are sent, what is kept of what they say, and that budgets, fallbacks, shadows, rollouts,
// backtests, replays and tests of apps take them for any other model.
import { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decisions } from "../../src/runtime/decisions.ts";
import { runAmbit } from "../processes/ambit-command.ts";
import { startApp } from "../processes/app-process.ts";
import { ambitHere } from "../processes/ambit-here.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { adminToken, keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { questionFormats, type Asked, type ToldAnswer } from "./question-formats.ts";
import { completion } from "../models/scripted-model.ts";
import { reply, wireServer, type WireServer } from "./wire-server.ts";
import { until } from "../processes/waits.ts";

const FALLBACK = "@fallback(value: { team: SUPPORT, urgent: false, level: 1 })";
const CONTEXT = '@context(name: "ticket", query: "Ticket/{input.ticketId}")';
const judged = (name: string, more: string): string => `
  """Who handles it? Be quick."""
  ${name}(ticketId: ID!): Verdict! @export @allow(to: ["support"]) ${CONTEXT} ${FALLBACK} ${more}`;
const schema = `
"""Whose work it is."""
enum Team { BILLING SUPPORT }
type Verdict { team: Team! "Waits for nobody." urgent: Boolean! level: Int! @range(min: 1, max: 5) }
type Said { angry: Boolean! }
type Ticket @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey text: String! @untrusted floor: String @secret level: Int }
type Decisions {${[
    judged("triage", `@decision(mode: ENFORCE, kind: JUDGE, model: "judge") @effect(operation: "Ticket.update", set: { id: "ticket.id", level: "out.level" })
      @bound(name: "cap", rule: "out.level <= 4", tell: "At most 4.") @budget(per: DECISION_DAY, cost: "1 USD")`),
    judged("poor", '@decision(mode: ENFORCE, kind: JUDGE, model: "judge") @budget(per: RUN, tokens: 10)'),
    judged("dear", '@decision(mode: ENFORCE, kind: JUDGE, model: "judge") @budget(per: RUN, cost: "0.000001 USD")'),
    judged("words", '@decision(mode: ENFORCE, kind: JUDGE, model: "words")'),
    judged("then", '@decision(mode: ENFORCE, kind: JUDGE, model: "then")'),
    judged("down", '@decision(mode: ENFORCE, kind: JUDGE, model: "down")'),
    judged("beside", '@decision(kind: JUDGE, model: "judge")'),
    judged("tried", '@decision(mode: ENFORCE, kind: JUDGE, model: "words") @rollout(candidate: "triage", canary: 1)'),
    judged("loop", '@decision(mode: ENFORCE, model: "chat")'),
  ].join("")}
  """Who handles it?"""
  once(about: String!): Verdict! @decision(mode: ENFORCE, kind: JUDGE, model: "judge", deadline: "PT60S", idempotency: "input.about") @export @allow(to: ["support"])
    @bound(name: "cap", rule: "out.level <= 4") ${FALLBACK}
  """Is it urgent?"""
  read(text: String! @untrusted): Boolean! @decision(mode: ENFORCE, kind: JUDGE, model: "judge") @export @allow(to: ["support"])
    @context(name: "said", from: "input.text", extract: "Said") @fallback(value: false)
}`;

const [openai, google] = questionFormats as readonly [typeof questionFormats[number], typeof questionFormats[number]];
const well = { team: { choice: "BILLING", likely: { BILLING: 0.8, SUPPORT: 0.2 } }, urgent: { yes: 0.93 }, level: { score: 1.5, likely: { 0: 0, 1: 0.5, 2: 0.5, 3: 0, 4: 0 } } } as const;

let app: StartedApp;
let server: WireServer;
let told: (asked: Asked, count: number) => { readonly [member: string]: ToldAnswer };
const usual: typeof told = ({ questions }) => Object.fromEntries(questions.map(({ name }) => [name, well[name as keyof typeof well] ?? { yes: 0.5 }]));

const config = (): string => {
  const at = (name: string): string => `url: "http://127.0.0.1:${server.port}/${name}/v1", key: k`;
  return `${keysFor("support")}models:
  judge: { provider: openai, model: luna, kind: decisions, ${at("q")}, price: { input: "0.10 USD", output: "0 USD" } }
  words: { provider: openai-compatible, model: w, ${at("words")}, fallback: judge }
  chat: { provider: openai-compatible, model: c, ${at("chat")} }
  then: { provider: google, model: g, kind: decisions, ${at("g")}, fallback: chat }
  down: { provider: google, model: g, kind: decisions, ${at("down")} }
limits: { modelAttempts: 1, modelFailures: 2, modelPauseMs: 60000 }
`;
};

beforeAll(async () => {
  server = wireServer();
  server.respond.set("q", ({ body }, count) => reply(openai.body({ answers: told(openai.asked(body), count) })));
  server.respond.set("g", () => reply("{}", { status: 400 }));
  server.respond.set("words", () => reply("{}", { status: 400 }));
  server.respond.set("down", () => reply("{}", { status: 500 }));
  server.respond.set("chat", () => reply(JSON.stringify(completion([{ name: "answer", arguments: { team: "SUPPORT", urgent: true, level: 2 } }]))));
  app = await startTestApp({ schema, config: config() });
  await app.running.tables.commit((session) => session.write({ kind: "create", table: "Ticket", input: { id: "t1", text: "It is all broken.", floor: "floor-is-17" }, onConflict: null }, { dialect: "wire", authority: null, sent: null }), { actor: "test", requestId: "seed" });
  told = usual;
}, 120_000);
afterEach(() => {
  told = usual;
  server.received.clear();
});
const scratch = scratchFolder();
afterAll(async () => {
  scratch.remove();
  await app?.stop();
  server?.stop();
});

async function decide(name: string, input: object = { ticketId: "t1" }) {
  const response = await fetch(`${app.url}/decide/${name}`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support" }, body: JSON.stringify(input) });
  const { headers } = response;
  return { body: await response.json() as unknown, run: headers.get("ambit-run")!, source: headers.get("ambit-source"), reason: headers.get("ambit-reason"), taint: headers.get("ambit-taint") };
}

interface Trace {
  readonly costMicros: number; readonly tokens: object; readonly repairs: number; readonly comparison: unknown; readonly extracted: unknown;
  readonly steps: readonly { readonly model: string; readonly sent: readonly { readonly role: string; readonly text: string }[]; readonly answer: { readonly probabilities?: unknown; readonly calls: readonly { readonly arguments: string }[] } | null; readonly settled: object | null; readonly reserved: object | null; readonly verdict: unknown }[];
}

const trace = async (run: string): Promise<Trace> => await (await fetch(`${app.url}/runs/${run}/trace`, { headers: { authorization: `Bearer ${adminToken}` } })).json() as Trace;
const asked = (): Asked[] => (server.received.get("q") ?? []).map(({ body }) => openai.asked(body));

test("what it is sent is what the run has recorded: policy, data without secrets, a question for each field", async () => {
  const { body, run, source, taint } = await decide("triage");
  expect({ body, source, taint }).toEqual({ body: { team: "BILLING", urgent: true, level: 3 }, source: "model", taint: "UNTRUSTED" });
  const { steps } = await trace(run);
  const [{ state, questions }] = asked() as [Asked];
  expect(state).toEqual(steps[0]!.sent.map(({ text }) => text));
  expect(state[0]).toContain("Who handles it? Be quick.");
  expect(JSON.parse(state[1]!)).toMatchObject({ input: { ticketId: "t1" }, contexts: { ticket: { id: "t1", text: "It is all broken." } }, told: ["At most 4."] });
  expect(server.received.get("q")![0]!.body).not.toContain("floor-is-17");
  expect(questions).toEqual([
    { name: "team", type: "choice", text: 'By the policy, choose "team" of the answer. Whose work it is.', values: ["BILLING", "SUPPORT"] },
    { name: "urgent", type: "predicate", text: 'By the policy, "urgent" of the answer is true. Waits for nobody.', values: [] },
    { name: "level", type: "score", text: 'By the policy, choose "level" of the answer, from 1 to 5.', values: ["1", "2", "3", "4", "5"] },
  ]);
});

test("likelihoods are kept with the run, in values of the app; tokens are paid for as of any model", async () => {
  const { run } = await decide("triage");
  const { steps: [step], costMicros, tokens } = await trace(run);
  expect(step).toMatchObject({
    model: "luna", settled: { tokens: 100, micros: 10, flag: null }, verdict: { malformed: false, violated: [] },
    answer: { finish: "complete", text: "", calls: [{ name: "answer", arguments: '{"team":"BILLING","urgent":true,"level":3}' }], probabilities: { team: { BILLING: 0.8, SUPPORT: 0.2 }, urgent: { true: 0.93 }, level: { 1: 0, 2: 0.5, 3: 0.5, 4: 0, 5: 0 } } },
  });
  expect({ costMicros, tokens }).toEqual({ costMicros: 10, tokens: { input: 100, output: 0 } });
  const { out } = await ambitHere(["trace", run, app.directory, "--data", join(app.directory, "data")]);
  expect(out).toContain('"team":{"BILLING":0.8,"SUPPORT":0.2}');
});

test("a bound that does not hold is told, and what was answered before", async () => {
  told = (questions, count) => ({ ...usual(questions, count), ...(count === 1 ? { level: { score: 4, likely: { 0: 0, 1: 0, 2: 0, 3: 0, 4: 1 } } } : {}) });
  const { body, run } = await decide("triage");
  expect(body).toMatchObject({ level: 3 });
  expect(asked()[1]!.state.slice(2)).toEqual(['{"answered":{"team":"BILLING","urgent":true,"level":5}}', '{"refused":"BOUND","tell":"At most 4."}']);
  const { repairs, steps } = await trace(run);
  expect([repairs, steps.map(({ verdict }) => verdict)]).toEqual([1, [{ malformed: false, violated: ["cap"] }, { malformed: false, violated: [] }]]);
});

test("a replay comes to the same, and asks nobody", async () => {
  told = (questions, count) => (count % 2 === 1 ? {} : usual(questions, count));
  const runs = [(await decide("triage")).run, (await decide("poor")).run, (await decide("read", { text: "Now!" })).run];
  const requests = asked().length;
  for (const run of runs) expect(decisions.audit!.replay(app.running.storage.reader, run, app.running.loaded)).toMatchObject({ outcome: "SAME", differences: [] });
  expect(asked().length).toBe(requests);
});

test("what a budget does not allow is not sent", async () => {
  expect(await decide("poor")).toMatchObject({ source: "fallback", reason: "bounded" });
  expect(await decide("dear")).toMatchObject({ source: "fallback", reason: "bounded" });
  expect(asked()).toEqual([]);
});

test("it stands in for a language model, and a language model for it", async () => {
  const [words, then] = [await decide("words"), await decide("then")];
  expect([words.body, then.body]).toEqual([{ team: "BILLING", urgent: true, level: 3 }, { team: "SUPPORT", urgent: true, level: 2 }]);
  expect((await trace(words.run)).steps.map(({ model }) => model)).toEqual(["luna"]);
  expect((await trace(then.run)).steps.map(({ model }) => model)).toEqual(["c"]);
});

test("one that fails is left alone", async () => {
  const reasons = [];
  for (let index = 0; index < 4; index++) reasons.push((await decide("down")).reason);
  expect(reasons).toEqual(["provider_unavailable", "provider_unavailable", "circuit_open", "circuit_open"]);
  expect(server.received.get("down")).toHaveLength(2);
});

test("text is read by it, too: into what it can answer", async () => {
  told = ({ questions: [question] }) => ({ [question!.name]: { yes: question!.name === "angry" ? 0.9 : 0.2 } });
  const { body, run, taint } = await decide("read", { text: "NOW!" });
  expect([body, taint]).toEqual([false, null]);
  const [reading, judging] = asked();
  expect([reading!.state[1], JSON.parse(judging!.state[1]!)]).toMatchObject([expect.stringContaining("NOW!"), { contexts: { said: { angry: true } } }]);
  expect((await trace(run)).extracted).toEqual({ said: { angry: true } });
});

test("beside a decision, and in the place of another", async () => {
  const { reason, body, run } = await decide("beside");
  expect([reason, body]).toEqual(["mode_shadow", { team: "SUPPORT", urgent: false, level: 1 }]);
  const shadow = (): unknown => app.running.storage.reader.values(`SELECT "id" FROM "$decision" WHERE "parent" = ?1 AND "state" = 'SHADOWED'`, run)[0]?.[0];
  await until(() => shadow() !== undefined, "the one beside has ended");
  const { comparison, steps } = await trace(shadow() as string);
  expect([comparison, steps[0]!.answer!.probabilities]).toMatchObject([{ agrees: false }, { urgent: { true: 0.93 } }]);
  expect((await decide("tried")).body).toMatchObject({ team: "BILLING" });
});

test("a backtest asks it in the place of a language model, where it can answer", async () => {
  for (let index = 0; index < 3; index++) await decide("then");
  const backtest = (name: string, model: string) => ambitHere(["backtest", name, app.directory, "--json", "--last", "50", "--data", join(app.directory, "data"), "--model", model]);
  server.received.clear();
  const { code, objects } = await backtest("then", "judge");
  expect([code, asked().length > 0]).toEqual([0, true]);
  expect(objects()[0]).toMatchObject({ kind: "counterfactual", agreement: 0, agreementByField: { team: 0, urgent: 1 }, isPartial: false });
  const refused = await backtest("loop", "judge");
  expect([refused.code, refused.out + refused.err]).toEqual([1, expect.stringContaining("loop may ask judge, which only answers questions: it is no kind: JUDGE.")]);
}, 120_000);

test("ambit test: by script, and by recordings that keep likelihoods", async () => {
  const folder = scratch.app({
    "config.yaml": config(), "schema.graphql": schema,
    "scripted.test.ts": `import { expect, test } from "ambit/test";
      const ask = async (app) => (await app.as("u", "support").post("/decide/read", { text: "" })).body;
      test("a script", async (app) => {
        app.model({ read: { answer: true } });
        expect(await ask(app)).toBe(true);
        app.model({ read: { fails: "rate_limited" } });
        expect(await ask(app)).toBe(false);
      });
      test("recorded", async (app) => {
        app.recordings("models.jsonl");
        expect(await ask(app)).toBe(true);
      });`,
  });
  told = () => ({ value: { yes: 0.75 } });
  const results = async (environment: Record<string, string>): Promise<unknown[]> => (await runAmbit(["test", folder, "--json"], { temporary: scratch.path, environment })).objects().map(({ test: name, status }) => [name, status]).sort();
  expect(await results({ AMBIT_RECORD: "1" })).toEqual([["a script", "passed"], ["recorded", "passed"]]);
  expect(readFileSync(join(folder, "models.jsonl"), "utf8")).toContain('"probabilities":{"value":{"true":0.75}}');
  told = () => ({ value: { yes: 0 } });
  expect(await results({})).toEqual([["a script", "passed"], ["recorded", "passed"]]);
  expect(server.received.get("q")).toHaveLength(1);
}, 120_000);

test("killed while it is asked again, a run goes on behind its first answer", async () => {
  const folder = scratch.app({ "config.yaml": config(), "schema.graphql": schema });
  const data = scratch.free("killed");
  const headers = { "content-type": "application/json", authorization: "Bearer key-support" };
  const process = await startApp(folder, { data, temporary: scratch.path, environment: { AMBIT_LOG: "quiet" } });
  told = (questions, count) => {
    if (count === 2) void process.kill();
    return { ...usual(questions, count), ...(count === 1 ? { level: { score: 4, likely: { 0: 0, 1: 0, 2: 0, 3: 0, 4: 1 } } } : {}) };
  };
  const ask = (url: string): Promise<Response> => fetch(`${url}/decide/once`, { method: "POST", headers, body: JSON.stringify({ about: "x" }) });
  expect(await ask(process.url).then((response) => response.status, () => "killed")).toBe("killed");
  await process.exited;
  const again = await startApp(folder, { data, temporary: scratch.path, environment: { AMBIT_LOG: "quiet" } });
  const answer = await ask(again.url).finally(() => again.stop());
  expect([await answer.json(), asked().length]).toEqual([{ team: "BILLING", urgent: true, level: 3 }, 3]);
  using file = new Database(join(data, "data.db"), { readonly: true });
  const [[transcript]] = file.query(`SELECT "payloads" -> '$.transcript' FROM "$audit" WHERE "run" = ?1`).values(answer.headers.get("ambit-run")!) as [[string]];
  expect((JSON.parse(transcript) as { answer: { probabilities: { level: unknown } } }[]).map(({ answer: { probabilities } }) => probabilities.level)).toEqual([{ 1: 0, 2: 0, 3: 0, 4: 0, 5: 1 }, { 1: 0, 2: 0.5, 3: 0.5, 4: 0, 5: 0 }]);
}, 120_000);

test("google is asked the same", async () => {
  server.respond.set("g", () => reply(google.body({ answers: well })));
  const { body, run } = await decide("then");
  expect([body, (await trace(run)).steps[0]!.answer!.probabilities]).toMatchObject([{ level: 3 }, { level: { 2: 0.5, 3: 0.5 } }]);
  const [request] = server.received.get("g")!;
  expect(google.asked(request!.body).state).toEqual((await trace(run)).steps[0]!.sent.map(({ text }) => text));
  expect(request!.headers).toContain("k");
});
