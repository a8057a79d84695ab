// Callbacks of runs: signed, once for each run, with the run's end in one commit; tried again, also after a crash of the receiver; to whom the app may call.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { eraseRun } from "../../src/storage/decision-rows.ts";
import { verifySignature } from "../../src/access/webhook-signature.ts";
import { recordingServer, type RecordedRequest, type RecordingServer } from "../outbox/recording-server.ts";
import { EventClient } from "../scenarios/live-clients.ts";
import { keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { scriptedModel, type ScriptedModel } from "../models/scripted-model.ts";
import { until } from "../processes/waits.ts";

const schema = `
type Order @table @export @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey refunded: Int! @default(value: 0) }
type Decisions {
  """Decide what to refund."""
  refund(orderId: ID!): Int! @decision(mode: ENFORCE, deadline: "PT60S") @export @allow(to: ["support", "public"])
    @effect(operation: "Order.create", set: { id: "input.orderId", refunded: "out" })
    @acknowledge(rule: "UNBOUNDED_WRITE", reason: "A test.")
    @bound(name: "cap", rule: "out <= 50", else: REFUSE, tell: "Too much.")
    @fallback(value: 0)
  """A person decides."""
  approved(orderId: ID!): Int! @decision(mode: ENFORCE) @export @allow(to: ["support"]) @bound(name: "cap", rule: "out <= 50") @approval(when: "out > 1", by: ["manager"], within: "PT1H") @fallback(value: 0)
  """Beside."""
  beside: Int! @decision @export @allow(to: ["support"]) @bound(name: "scale", rule: "out <= 10") @fallback(value: 5)
}`;
const SECRET = "whsec_c2VjcmV0IG9mIGJvdGggc2lkZXM=";

let app: StartedApp;
let model: ScriptedModel;
let receiver: RecordingServer;
beforeAll(async () => {
  model = scriptedModel(() => []);
  receiver = recordingServer();
  const config = `${keysFor("support", "manager")}secrets: { both: ${SECRET} }\ncallbacks: { sign: both }\noutbound: { allowPrivate: [127.0.0.1] }\nlimits: { outboxDelayMs: 10, outboxDelayMaxMs: 50 }\nmodels: { default: { provider: openai-compatible, model: scripted, url: "${model.url}" } }\n`;
  app = await startTestApp({ schema, config });
});
afterAll(async () => {
  await app?.stop();
  await receiver?.stop();
  await model?.stop();
});
beforeEach(() => {
  (receiver.requests as RecordedRequest[]).length = 0;
  receiver.answer = () => new Response(null, { status: 204 });
  model.script = () => [{ name: "answer", arguments: "40" }];
});

interface Said { readonly status: number; readonly body: { readonly [name: string]: unknown } }

async function ask(name: string, input: object, headers: Record<string, string> = {}, at = app): Promise<Said> {
  const response = await fetch(`${at.url}/decide/${name}`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support", prefer: "respond-async", "ambit-callback": `${receiver.url}/decided`, ...headers }, body: JSON.stringify(input) });
  return { status: response.status, body: await response.json() as Said["body"] };
}

function verified({ headers, body }: RecordedRequest): unknown {
  const id = verifySignature({ header: (name) => headers[name] ?? null, bytes: Buffer.from(body) }, { scheme: "STANDARD", secret: SECRET, nowMs: Date.now(), toleranceMs: 60_000 });
  expect(id).toBe(headers["webhook-id"]!);
  return JSON.parse(body);
}

test("the end of a run is told once it is committed, signed, under the run's key", async () => {
  const { status, body } = await ask("refund", { orderId: "a" });
  expect(status).toBe(202);
  const [told] = await receiver.received(1);
  expect(verified(told!)).toEqual({ run: body["run"], decision: "refund", state: "DECIDED", status: 200, source: "model", reason: null, taint: null, answer: 40, tells: [] });
  expect([told!.path, told!.method, told!.headers["webhook-id"], told!.headers["content-type"]]).toEqual(["/decided", "POST", `run-${String(body["run"])}`, "application/json"]);
  expect(app.running.tables.get("Order", "a")!.values["refunded"]).toBe(40);
});

test("a refusal is told with what its bound tells, and nothing more of it", async () => {
  model.script = () => [{ name: "answer", arguments: "60" }];
  await ask("refund", { orderId: "b" });
  const [told] = await receiver.received(1);
  expect(verified(told!)).toMatchObject({ state: "REFUSED", status: 422, reason: "bounded", answer: { code: "DECISION_REFUSED" }, tells: ["Too much."] });
  expect(told!.body).not.toContain("cap");
});

test("who does not answer well is told again, with the same key and bytes", async () => {
  receiver.answer = (_, earlier) => new Response(null, { status: earlier < 2 ? 500 : 204 });
  await ask("refund", { orderId: "c" });
  const told = await receiver.received(3);
  expect(new Set(told.map(({ headers, body }) => `${headers["webhook-id"]} ${body}`)).size).toBe(1);
  for (const one of told) verified(one);
});

test("a duplicate has the first one's run and callback; a cancelled run is told, too", async () => {
  const answers = Promise.withResolvers<void>();
  model.script = async () => {
    await answers.promise;
    return [{ name: "answer", arguments: "40" }];
  };
  const key = { "idempotency-key": "k1" };
  const first = await ask("refund", { orderId: "d" }, key);
  expect((await ask("refund", { orderId: "d" }, { ...key, "ambit-callback": `${receiver.url}/other` })).body).toEqual(first.body);
  expect((await fetch(`${app.url}/runs/${String(first.body["run"])}`, { method: "DELETE", headers: { authorization: "Bearer key-support" } })).status).toBe(200);
  answers.resolve();
  const [told] = await receiver.received(1);
  expect(verified(told!)).toMatchObject({ run: first.body["run"], state: "CANCELLED", status: 409 });
  await ask("refund", { orderId: "e" });
  await receiver.received(2);
  expect(receiver.requests.map(({ path }) => path)).toEqual(["/decided", "/decided"]);
});

test("what waits for a person is followed and called back once that person has decided", async () => {
  const { status, body } = await ask("approved", { orderId: "k" });
  expect([status, receiver.requests.length]).toEqual([202, 0]);
  const manager = { authorization: "Bearer key-manager", "content-type": "application/json" };
  const waiting = async (): Promise<{ readonly id: string; readonly hash: string; readonly run: string }[]> => (await fetch(`${app.url}/approvals`, { headers: manager })).json() as never;
  await until(async () => (await waiting()).some(({ run }) => run === body["run"]));
  const events = await EventClient.open(`${app.url}/runs/${String(body["run"])}`, { authorization: "Bearer key-support" });
  expect((await events.next()).data as unknown).toMatchObject({ op: "progress", state: "AWAITING_APPROVAL" });
  const { id, hash } = (await waiting()).find(({ run }) => run === body["run"])!;
  expect((await fetch(`${app.url}/approvals/${id}`, { method: "POST", headers: manager, body: JSON.stringify({ verdict: "APPROVE", hash }) })).status).toBe(200);
  expect((await events.next()).data as unknown).toMatchObject({ op: "done", state: "DECIDED_BY_HUMAN" });
  await events.ended();
  const [told] = await receiver.received(1);
  expect(verified(told!)).toMatchObject({ run: body["run"], state: "DECIDED_BY_HUMAN", status: 200, source: "human", answer: 40 });
});

test("a shadow calls nobody: the run that answers does, once", async () => {
  const asked = Promise.withResolvers<void>();
  model.script = () => {
    asked.resolve();
    return [{ name: "answer", arguments: "3" }];
  };
  expect(await ask("beside", {})).toMatchObject({ status: 200, body: 5 });
  await asked.promise;
  await until(() => app.running.storage.reader.values(`SELECT count(*) FROM "$decision" WHERE "state" = 'SHADOWED'`)[0]![0] === 1);
  await receiver.received(1);
  await ask("refund", { orderId: "f" });
  const told = await receiver.received(2);
  expect(told.map((one) => (verified(one) as { state: string }).state)).toEqual(["FELL_BACK", "DECIDED"]);
});

test("what is no address, leads to a private network, or is of nobody, is refused before there is a run", async () => {
  const before = model.requests.length;
  for (const address of ["nonsense", "ftp://example.com/", "http://10.1.2.3/", "http://[::ffff:169.254.169.254]/", "https://user:word@example.com/"]) {
    expect(await ask("refund", { orderId: "g" }, { "ambit-callback": address })).toMatchObject({ status: 422, body: { code: "OUTBOUND_REFUSED" } });
  }
  expect(await ask("refund", { orderId: "g" }, { prefer: "return=minimal" })).toMatchObject({ status: 400, body: { code: "VALIDATION_FAILED", where: "Ambit-Callback" } });
  expect(await ask("refund", { orderId: "g" }, { authorization: "" })).toMatchObject({ status: 401 });
  expect(model.requests.length).toBe(before);
});

test("who is erased is erased from the callback, too, sent or not", async () => {
  const row = (): unknown[] => app.running.storage.reader.values(`SELECT "state", CAST("body" AS TEXT), "sender" FROM "$outbox" WHERE "key" = 'run-' || ?1`, run);
  let run = "";
  const erased = (): Promise<boolean> => app.running.storage.commit((connection) => eraseRun(connection, run, { status: 410, answer: "{}" }));
  run = String((await ask("refund", { orderId: "i" })).body["run"]);
  await receiver.received(1);
  await until(() => JSON.stringify(row()).includes("delivered"));
  expect(await erased()).toBe(true);
  expect(row()).toEqual([]);

  receiver.answer = () => new Response(null, { status: 500 });
  run = String((await ask("refund", { orderId: "j" })).body["run"]);
  await receiver.received(2);
  expect(await erased()).toBe(true);
  expect(row()).toMatchObject([["waiting", JSON.stringify({ run, state: "ERASED" }), expect.stringContaining('"subject":""')]]);
  receiver.answer = () => new Response(null, { status: 204 });
  await until(() => JSON.stringify(row()).includes("delivered"));
  expect(verified(receiver.requests.at(-1)!)).toEqual({ run, state: "ERASED" });
});

test("where no secret is named nobody is called back", async () => {
  const bare = await startTestApp({ schema, config: keysFor("support") });
  expect(await ask("refund", { orderId: "h" }, {}, bare)).toMatchObject({ status: 400, body: { code: "VALIDATION_FAILED", where: "Ambit-Callback", fix: expect.stringContaining("callbacks.sign") } });
  await bare.stop();
});
