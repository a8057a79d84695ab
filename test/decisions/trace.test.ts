// What can be seen of a run afterwards, and by whom: every step with the bytes that the model saw, verdicts, costs; looks on record; nothing that is
// secret; and what is left when the payloads of a run are taken away.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { ambitHere } from "../processes/ambit-here.ts";
import { adminToken, keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { scriptedModel, type ScriptedModel } from "../models/scripted-model.ts";

const SECRET = 8_642_135;
const schema = `type Mood { anger: Int! }
type Refund { amount: Int! reason: String! }
type Note @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey text: String! }
type Order @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey total: Int! cost: Int! @secret refunded: Int! @default(value: 0) }
type Facts { vip: Boolean note: String }
type Decisions {
  """Keep in mind."""
  keep(orderId: ID!): Mood! @decision(mode: ENFORCE) @export @allow(to: ["support"])
    @memory(about: "'Order:' + input.orderId", reads: ["vip", "note"], writes: ["note"])
    @bound(name: "calm", rule: "mem.note == null || out.anger < 5", else: FALLBACK)
    @fallback(value: { anger: 1 })
  """Be generous."""
  refund(orderId: ID!, story: String! @untrusted): Refund! @decision(mode: ENFORCE, inspect: ["auditor"]) @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}")
    @mayRead(name: "notes", query: "Note?order=id&limit=3")
    @mayAsk(decision: "mood")
    @effect(operation: "Order.update", set: { id: "order.id", refunded: "order.refunded + out.amount" })
    @bound(name: "cap", rule: "out.amount >= 0 && out.amount <= order.total", tell: "Too much.")
    @bound(name: "margin", rule: "out.amount < order.cost", else: REFUSE)
    @bound(name: "rich", soft: true, rule: "out.amount < 50")
    @bound(name: "paid", at: COMMIT, rule: "after.order.refunded <= after.order.total", else: FALLBACK)
    @fallback(value: { amount: 0, reason: "no decision" })
  """How angry are they?"""
  mood(story: String!): Mood! @decision(kind: JUDGE, mode: ENFORCE) @allow(to: ["support"]) @fallback(value: { anger: 3 })
  plain(amount: Int!): Int! @decision(kind: RULE) @export @allow(to: ["support"]) @fallback(call: "same")
}`;
const resources = `import { fallbacks } from "ambit";
export const Fallbacks = fallbacks({ same: ({ amount }) => amount });
`;

let app: StartedApp;
let model: ScriptedModel;
beforeAll(async () => {
  model = scriptedModel(({ messages, tools }) => {
    if (tools.some(({ function: { name } }) => name === "remember")) return [{ name: "remember", arguments: { predicate: "note", value: "words to remember" } }, { name: "answer", arguments: { anger: 7 } }];
    if (!tools.some(({ function: { name } }) => name === "notes")) return [{ name: "answer", arguments: { anger: 5 } }];
    const asked = messages.filter(({ role }) => role === "assistant").length;
    return [
      [{ name: "notes", arguments: {} }, { name: "mood", arguments: { story: "it broke" } }],
      [{ name: "answer", arguments: { amount: 1_000, reason: "all of it" } }],
      [{ name: "answer", arguments: { amount: 60, reason: "some of it" } }],
    ][asked]!;
  });
  app = await startTestApp({
    schema, resources,
    config: `${keysFor("support", "auditor", "other")}models: { default: { provider: openai-compatible, model: scripted, url: "${model.url}", price: { input: "2 EUR", output: "10 EUR" } } }\n`,
  });
  await app.running.tables.commit((session) => {
    const options = { dialect: "wire", authority: null, sent: null } as const;
    session.write({ kind: "create", table: "Order", input: { id: "o1", total: 10_000_000, cost: SECRET }, onConflict: null }, options);
    for (let number = 2; number < 20; number++) session.write({ kind: "create", table: "Order", input: { id: `o${number}`, total: 100, cost: SECRET }, onConflict: null }, options);
    session.write({ kind: "create", table: "Note", input: { id: "n1", text: "a good customer" }, onConflict: null }, options);
  }, { actor: "test", requestId: "seed" });
});
afterAll(async () => {
  await app?.stop();
  await model?.stop();
});

interface Trace {
  readonly run: string; readonly state: string; readonly reason: string | null; readonly asked: readonly string[]; readonly erased: readonly string[]; readonly isCurrent: boolean; readonly costMicros: number;
  readonly verdicts: readonly { readonly bound: string; readonly at: string; readonly holds: boolean; readonly operands: Record<string, unknown> }[];
  readonly steps: readonly { readonly number: number; readonly model: string; readonly sent: readonly { role: string; text?: string }[]; readonly tools: unknown; readonly answer: unknown; readonly verdict: unknown; readonly settled: { tokens: number; micros: number } }[];
  readonly input: unknown; readonly contexts: unknown; readonly output: unknown; readonly effects: readonly { before: unknown; after: unknown }[];
}

async function send(method: string, path: string, { token = adminToken, body, key }: { token?: string; body?: object; key?: string } = {}): Promise<{ status: number; body: never; run: string | null }> {
  const headers: Record<string, string> = { "content-type": "application/json", authorization: `Bearer ${token}`, ...(key === undefined ? {} : { "idempotency-key": key }) };
  const response = await fetch(`${app.url}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  return { status: response.status, body: await response.json() as never, run: response.headers.get("ambit-run") };
}

const refund = (orderId: string, key?: string) => send("POST", "/decide/refund", { token: "key-support", body: { orderId, story: "it broke into 7 pieces" }, ...(key === undefined ? {} : { key }) });
const traceOf = async (run: string, token = adminToken): Promise<{ status: number; body: Trace }> => send("GET", `/runs/${run}/trace`, { token });
const looks = (run: string): unknown[] => app.running.storage.reader.values(`SELECT "record" ->> '$.decision' FROM "$audit" WHERE "run" = ? AND "record" ->> '$.kind' = 'look'`, run).map(([decision]) => decision);
const inData = (...words: string[]) => ambitHere([...words, "--data", join(app.directory, "data")]);

test("every step with what was sent and answered, what it cost, and which bounds held over which values", async () => {
  const { run, status } = await refund("o2");
  expect(status).toBe(200);
  const { body: trace } = await traceOf(run!);
  expect(trace).toMatchObject({ run, state: "DECIDED", isCurrent: true, erased: [], input: { orderId: "o2", story: "it broke into 7 pieces" }, output: { amount: 60, reason: "some of it" }, contexts: { order: [{ id: "o2", total: 100, refunded: 0 }] } });
  expect(trace.steps.map(({ number, model: asked, verdict }) => [number, asked, verdict])).toEqual([[1, "scripted", null], [2, "scripted", { malformed: false, violated: ["cap"] }], [3, "scripted", { malformed: false, violated: [] }]]);
  expect(trace.steps[0]!.settled).toMatchObject({ tokens: 120, micros: 400 });
  expect(trace.costMicros).toBe(1_200);
  expect(JSON.stringify(trace.steps[1]!.sent)).toContain("a good customer");
  expect(JSON.stringify(trace.steps[2]!.sent)).toContain("Too much.");
  expect(trace.verdicts.map(({ bound, at, holds }) => [bound, at, holds])).toEqual([["cap", "OUTPUT", true], ["margin", "OUTPUT", true], ["rich", "OUTPUT", false], ["paid", "COMMIT", true]]);
  expect(trace.verdicts[0]!.operands).toEqual({ "out.amount": 60, "order.total": 100 });
  expect(trace.asked).toHaveLength(1);
  expect((await traceOf(trace.asked[0]!)).body).toMatchObject({ state: "DECIDED", output: { anger: 5 }, steps: [{ number: 1 }] });
});

test("what the model saw is there byte for byte", async () => {
  model.requests.length = 0;
  const { run } = await refund("o3");
  const { body: trace } = await traceOf(run!);
  const texts = (content: unknown): string => (typeof content === "string" ? content : (content as { text: string }[]).map(({ text }) => text).join(""));
  const seen = model.requests.filter(({ tools }) => tools.some(({ function: { name } }) => name === "notes"))[0]!.messages.map(({ content }) => texts(content));
  expect(trace.steps[0]!.sent.map(({ text }) => text)).toEqual(seen);
  expect(JSON.stringify(trace.steps[0]!.tools)).toContain("notes");
});

test("who has no right to it does not learn that there is such a run, and leaves no look; each look is recorded", async () => {
  const { run } = await refund("o4");
  for (const token of ["key-support", "key-other", "key-nobody"]) expect((await traceOf(run!, token)).status).toBe(token === "key-nobody" ? 401 : 404);
  expect((await traceOf("nothing")).status).toBe(404);
  expect(looks(run!)).toEqual([]);
  expect((await traceOf(run!, "key-auditor")).status).toBe(200);
  expect((await traceOf(run!)).status).toBe(200);
  expect(looks(run!)).toEqual(["refund", "refund"]);
  const [verified] = (await inData("audit", "verify", "--json")).objects();
  expect(verified).toMatchObject({ ok: true });
});

test("what is secret is in no trace, and no bound tells it", async () => {
  const { run } = await refund("o1");
  const { body: trace } = await traceOf(run!);
  expect(JSON.stringify(trace)).not.toContain(String(SECRET));
  expect(trace.verdicts.find(({ bound }) => bound === "margin")).toMatchObject({ holds: true, operands: { "out.amount": 1_000 } });
  expect(trace.effects[0]!.after).toEqual({ id: "o1", total: 10_000_000, refunded: 1_000 });
  const { out, code } = await inData("trace", run!);
  expect([code, out.includes(String(SECRET)), out.includes("violates"), out.includes("within all bounds")]).toEqual([0, false, false, true]);
});

test("ambit trace shows the same, and says where there is no such run", async () => {
  const { run } = await refund("o6");
  const [shown] = (await inData("trace", run!, "--json")).objects();
  expect(shown).toMatchObject({ run, decision: "refund", state: "DECIDED", currency: "EUR" });
  const { out } = await inData("trace", run!);
  for (const words of [`refund ${run}`, "step 2: scripted, 120 tokens, 0.000400 EUR", "violates cap", "holds OUTPUT cap", "VIOLATED OUTPUT rich"]) expect(out).toContain(words);
  const missing = await inData("trace", "nothing", "--json");
  expect([missing.code, missing.objects()[0]]).toEqual([1, expect.objectContaining({ code: "NOT_FOUND" })]);
});

test("a request that nobody answered is there with what was sent, and a replay of it still says the same", async () => {
  const before = model.script;
  model.script = async (request, count) => (request.messages.length > 2 ? new Response("<html>out of order</html>", { status: 400 }) : before(request, count));
  const { run } = await refund("o18");
  model.script = before;
  const { body: trace } = await traceOf(run!);
  expect(trace).toMatchObject({ state: "FELL_BACK", reason: "provider_unavailable" });
  expect(trace.steps.map(({ answer, settled }) => [answer === null, settled === null])).toEqual([[false, false], [true, true]]);
  expect(JSON.stringify(trace.steps[1]!.sent)).toContain("a good customer");
  const { out } = await inData("trace", run!);
  expect(out).toContain("< no answer");
  const replayed = await ambitHere(["replay", run!, app.directory, "--data", join(app.directory, "data"), "--json"]);
  expect(replayed.objects()[0]).toMatchObject({ outcome: "SAME" });
});

test("a run that was erased: its record stays and verifies, nothing else does; its key answers 410", async () => {
  const { run } = await refund("o7", "key-of-the-erased-run");
  const { body: { asked } } = await traceOf(run!, "key-auditor");
  expect((await send("POST", "/admin/decisions", { token: "key-auditor", body: { erase: run } })).status).toBe(403);
  expect((await send("POST", "/admin/decisions", { body: { erase: "nothing" } })).status).toBe(404);
  const { status, body } = await send("POST", "/admin/decisions", { body: { erase: run } });
  expect([status, body as unknown]).toEqual([200, { erased: [...asked, run] }]);

  const retried = await refund("o7", "key-of-the-erased-run");
  expect([retried.status, (retried.body as { code: string }).code]).toEqual([410, "DECISION_ERASED"]);
  const traced = await traceOf(run!);
  expect(traced.body).toMatchObject({ state: "DECIDED", input: null, output: null, contexts: null, effects: [], verdicts: [], steps: [], costMicros: expect.any(Number) });
  expect(traced.body.erased).toContain("input");
  for (const id of [run!, ...asked]) {
    expect(JSON.stringify([(await traceOf(id)).body, (await send("GET", `/runs/${id}`)).body])).not.toMatch(/pieces|some of it|good customer/);
    for (const table of ["$decision", "$decision_step", "$audit"]) {
      expect(JSON.stringify(app.running.storage.reader.values(`SELECT * FROM "${table}" WHERE "${table === "$decision" ? "id" : "run"}" = ?`, id))).not.toMatch(/pieces|some of it|good customer/);
    }
  }
  const [verified] = (await inData("audit", "verify", "--json")).objects();
  expect(verified).toMatchObject({ ok: true, erased: expect.any(Number) });
  const replayed = await ambitHere(["replay", run!, app.directory, "--data", join(app.directory, "data"), "--json"]);
  expect(replayed.objects()[0]).toMatchObject({ outcome: "ERASED" });
  // Twice is the same.
  expect((await send("POST", "/admin/decisions", { body: { erase: run } })).status).toBe(200);
});

test("what a run remembered of others is in its trace, and goes with the run that left it", async () => {
  const keep = async (): Promise<string> => (await send("POST", "/decide/keep", { token: "key-support", body: { orderId: "o19" } })).run!;
  const first = await keep();
  expect((await traceOf(first)).body).toMatchObject({ state: "DECIDED", remembered: [{ predicate: "note", value: "words to remember" }], verdicts: [{ bound: "calm", holds: true }], steps: [{ verdict: { violated: [] } }] });
  const second = await keep();
  const traced = (await traceOf(second)).body;
  expect(traced).toMatchObject({ state: "FELL_BACK", reason: "bound:calm", steps: [{ verdict: { violated: ["calm"] } }] });
  expect(JSON.stringify((traced as unknown as { memory: unknown }).memory)).toContain("words to remember");
  const replayed = await ambitHere(["replay", second, app.directory, "--data", join(app.directory, "data"), "--json"]);
  expect(replayed.objects()[0]).toMatchObject({ outcome: "SAME" });
  await send("POST", "/admin/decisions", { body: { erase: first } });
  expect(JSON.stringify(await send("GET", "/memory/Order/o19"))).not.toContain("words to remember");
  expect((await traceOf(await keep())).body).toMatchObject({ state: "DECIDED" });
});

test("ambit decisions --erase does it, too, and not while a run goes on", async () => {
  const { run } = await refund("o8");
  const [erased] = (await inData("decisions", "--erase", run!, "--json")).objects();
  expect(erased).toMatchObject({ event: "erased", runs: expect.arrayContaining([run]) });
  const before = model.script;
  let release = (): void => {};
  const isAsked = new Promise<void>((asked) => {
    model.script = async () => {
      asked();
      await new Promise<void>((go) => { release = go; });
      return [{ name: "answer", arguments: { amount: 1, reason: "late" } }];
    };
  });
  const answered = refund("o8");
  await isAsked;
  const [[id]] = app.running.storage.reader.values(`SELECT "id" FROM "$decision" WHERE "ended" IS NULL`) as [[string]];
  expect((await send("POST", "/admin/decisions", { body: { erase: id } })).status).toBe(409);
  release();
  expect((await answered).run).toBe(id);
  model.script = before;
});
