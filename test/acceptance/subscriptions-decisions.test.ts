// The billing backend's promises 9 and 11, over HTTP, with a model service that answers by script and a mailer that writes down what it gets: a large credit
// waits for a person, and nothing is sent before; however the model chooses, a regulated company gets few mails.
import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { scriptedModel, type ChatRequest, type ScriptedModel } from "../models/scripted-model.ts";
import { recordingServer, type RecordingServer } from "../outbox/recording-server.ts";
import type { HttpAnswer, HttpCaller } from "../processes/http-caller.ts";
import { expectStatus } from "./store-process.ts";
import { type Billing, type Company, type Contract, noticesOf, paying, startBilling, until } from "./subscriptions-process.ts";

setDefaultTimeout(60_000);
const NEVER_MS = 86_400_000;
const MAILS_OF_REGULATED = 2;

let billing: Billing;
let model: ScriptedModel;
let mailer: RecordingServer;
let contracts: { readonly acme: Contract; readonly globex: Contract };
beforeAll(async () => {
  model = scriptedModel(() => []);
  mailer = recordingServer();
  billing = await startBilling({ trialMs: NEVER_MS, dunningMs: NEVER_MS }, { MODEL_URL: model.url, MODEL_KEY: "key-of-the-model", MAILER_URL: mailer.url, PERIOD_MS: String(NEVER_MS) });
  contracts = { acme: await paying(billing, billing.acme), globex: await paying(billing, billing.globex) };
});
afterAll(async () => {
  await billing?.stop();
  await model?.stop();
  await mailer?.stop();
});
beforeEach(() => {
  model.requests.length = 0;
  model.script = () => [];
});

interface Waiting { readonly id: string; readonly hash: string; readonly decision: string; readonly output: object }

const answering = (answer: unknown): void => { model.script = () => [{ name: "answer", arguments: answer }]; };
const suggestion = (more: object = {}): object => ({ planId: "business", credit: 1_000, reason: "Outgrown.", ...more });
const suggest = ({ care }: Company, { id }: Contract): Promise<HttpAnswer> => care.post("/decide/suggestUpgrade", { contractId: id });
const retry = ({ care }: Company, { id }: Contract): Promise<HttpAnswer> => care.post("/decide/retryPayment", { contractId: id });
const sourceOf = ({ headers }: HttpAnswer): string | null => headers.get("ambit-source");
const waitingFor = async (who: HttpCaller): Promise<Waiting[]> => expectStatus(await who.get("/approvals"), 200).json<Waiting[]>();
const offersOf = async ({ owner }: Company): Promise<{ id: string; planId: string; credit: number }[]> => expectStatus(await owner.get("/Offer?order=createdAt&select=id,planId,credit"), 200).json<never[]>();
const mailsOf = (kind: string): { readonly key: string; readonly body: { readonly kind: string; readonly companyId: string; readonly credit?: number } }[] =>
  mailer.requests.map(({ headers, body }) => ({ key: headers["idempotency-key"]!, body: JSON.parse(body) as { kind: string; companyId: string } })).filter(({ body }) => body.kind === kind);

test("11: a small credit is offered at once, and sent once", async () => {
  answering(suggestion({ credit: 5_000 }));
  const answer = expectStatus(await suggest(billing.acme, contracts.acme), 200);
  expect(sourceOf(answer)).toBe("model");
  expect(await offersOf(billing.acme)).toMatchObject([{ planId: "business", credit: 5_000 }]);
  await mailer.received(1);
  expect(mailsOf("OFFER")).toEqual([{ key: (await offersOf(billing.acme))[0]!.id, body: { kind: "OFFER", companyId: "acme", planId: "business", credit: 5_000 } as never }]);
});

/** What waits, once it waits. */
async function asked(credit: number): Promise<{ readonly run: string; readonly one: Waiting }> {
  answering(suggestion({ credit }));
  const { run, state } = expectStatus(await suggest(billing.acme, contracts.acme), 202).json<{ run: string; state: string }>();
  expect(state).toBe("AWAITING_APPROVAL");
  const one = (await waitingFor(billing.acme.manager)).find(({ output }) => (output as { credit: number }).credit === credit);
  expect(one).toMatchObject({ decision: "suggestUpgrade", output: suggestion({ credit }) });
  return { run, one: one! };
}

test("11: a large credit waits, also over kill -9, and is sent once when a manager approves it", async () => {
  const [before, sent] = [(await offersOf(billing.acme)).length, mailer.requests.length];
  const { one } = await asked(5_001);
  await billing.kill();
  await billing.restart();
  const others = await Promise.all([billing.acme.care, billing.acme.owner, billing.globex.manager, billing.globex.care, billing.anonymous].map((who) => who.post(`/approvals/${one.id}`, { verdict: "APPROVE", hash: one.hash })));
  for (const { status } of others) expect([401, 403, 404]).toContain(status);
  expect((await billing.acme.manager.post(`/approvals/${one.id}`, { verdict: "APPROVE", hash: "0".repeat(one.hash.length) })).code).toBe("APPROVAL_VOID");
  expect([(await offersOf(billing.acme)).length, mailer.requests.length]).toEqual([before, sent]);
  // Twice at once: one of them counts.
  const answers = await Promise.all([0, 1].map(() => billing.acme.manager.post(`/approvals/${one.id}`, { verdict: "APPROVE", hash: one.hash })));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  await mailer.received(sent + 1);
  expect((await offersOf(billing.acme)).slice(before)).toMatchObject([{ credit: 5_001 }]);
  expect(mailsOf("OFFER").filter(({ body }) => body.credit === 5_001)).toHaveLength(1);
});

test("11: what a manager rejects is not sent, and cannot be approved any more; less may be approved, more than the bound not", async () => {
  const before = (await offersOf(billing.acme)).length;
  const rejected = await asked(6_000);
  expectStatus(await billing.acme.manager.post(`/approvals/${rejected.one.id}`, { verdict: "REJECT", reason: "Too much." }), 200);
  expect((await billing.acme.manager.post(`/approvals/${rejected.one.id}`, { verdict: "APPROVE", hash: rejected.one.hash })).status).toBe(409);
  expect((await billing.acme.care.get(`/runs/${rejected.run}`)).json()).toMatchObject({ state: "REJECTED_BY_HUMAN" });
  expect(await offersOf(billing.acme)).toHaveLength(before);
  const edited = await asked(7_000);
  const edit = (credit: number): Promise<HttpAnswer> => billing.acme.manager.post(`/approvals/${edited.one.id}`, { verdict: "EDIT", hash: edited.one.hash, output: suggestion({ credit }) });
  expect((await edit(50_001)).status).toBeGreaterThanOrEqual(400);
  expectStatus(await edit(6_500), 200);
  expect((await offersOf(billing.acme)).slice(before)).toMatchObject([{ credit: 6_500 }]);
  await until(async () => mailsOf("OFFER").map(({ body }) => body.credit), (credits) => credits.includes(6_500));
  for (const credit of [6_000, 7_000]) expect(mailsOf("OFFER").map(({ body }) => body.credit)).not.toContain(credit);
});

test("11: what nobody has approved in time is not sent, and cannot be approved any more", async () => {
  const hasty = await startBilling({ trialMs: NEVER_MS, dunningMs: NEVER_MS }, { MODEL_URL: model.url, MODEL_KEY: "key-of-the-model", MAILER_URL: mailer.url, PERIOD_MS: String(NEVER_MS), APPROVAL_WITHIN: "PT1H" });
  try {
    const contract = await paying(hasty, hasty.acme);
    const sent = mailer.requests.length;
    answering(suggestion({ credit: 9_000 }));
    const { run } = expectStatus(await suggest(hasty.acme, contract), 202).json<{ run: string }>();
    const [one] = await waitingFor(hasty.acme.manager);
    await hasty.kill();
    await hasty.forward(3_600_000);
    await hasty.restart();
    await until(async () => (await hasty.acme.care.get(`/runs/${run}`)).json<{ state: string }>().state, (state) => state === "EXPIRED");
    if (one !== undefined) expect((await hasty.acme.manager.post(`/approvals/${one.id}`, { verdict: "APPROVE", hash: one.hash })).status).toBe(409);
    expect([await offersOf(hasty.acme), await waitingFor(hasty.acme.manager), mailer.requests.length]).toEqual([[], [], sent]);
  } finally {
    await hasty.stop();
  }
});

test.each<[string, () => void]>([
  ["more than any credit", () => { answering(suggestion({ credit: 50_001 })); }],
  ["less than nothing", () => { answering(suggestion({ credit: -1 })); }],
  ["a cheaper plan", () => { answering(suggestion({ planId: "starter" })); }],
  ["a plan that there is not", () => { answering(suggestion({ planId: "free'; drop" })); }],
  ["credit without another plan", () => { answering(suggestion({ planId: "team", credit: 100 })); }],
  ["text for a number", () => { answering(suggestion({ credit: "1000" })); }],
  ["a cut answer", () => { answering("{\"planId\": \"busi"); }],
  ["a tool that there is not", () => { model.script = () => [{ name: "Contract_offer", arguments: suggestion({ credit: 1 }) }]; }],
  ["an error", () => { model.script = () => new Response("{}", { status: 500 }); }],
  ["nothing in time", () => { model.script = async () => { await Bun.sleep(6_000); return [{ name: "answer", arguments: suggestion() }]; }; }],
])("11: a model that says %s changes nothing: it stays as it is", async (_what, arrange) => {
  const before = await offersOf(billing.globex);
  const sent = mailer.requests.length;
  arrange();
  const answer = expectStatus(await suggest(billing.globex, contracts.globex), 200);
  expect([sourceOf(answer), answer.json<object>()]).toEqual(["fallback", { planId: "team", credit: 0, reason: "By rule." }]);
  expect([await offersOf(billing.globex), mailer.requests.length]).toEqual([before, sent]);
});

const retriesOf = async (company: Company): Promise<number> => (await noticesOf(company)).filter(({ kind }) => kind === "RETRY").length;

test("9: a failed payment asks by itself; the plan that is chosen is carried out once", async () => {
  answering({ planId: "firm", reason: "Again." });
  expectStatus(await billing.tell("failed-globex", { type: "PAYMENT_FAILED", contractId: contracts.globex.id, sequence: 2 }), 200);
  await until(() => retriesOf(billing.globex), (count) => count === 3);
  await until(async () => mailsOf("RETRY").length, (count) => count === 3);
  expect(new Set(mailsOf("RETRY").map(({ key }) => key)).size).toBe(3);
  expect(mailsOf("RETRY").every(({ body }) => body.companyId === "globex")).toBe(true);
  expect(model.requests).toHaveLength(1);
});

test("9: a regulated company gets two mails a week, whatever the model says and however often it is asked at once", async () => {
  expectStatus(await billing.acme.care.post(`/memory/Contract/${contracts.acme.id}`, { regulated: true }), 201);
  const wanted = ["firm", "gentle", "gentle", "gentle", "firm", "gentle"];
  model.script = (_request, count) => [{ name: "answer", arguments: { planId: wanted[count % wanted.length]!, reason: "Write to them as often as you can." } }];
  expectStatus(await billing.tell("failed-acme", { type: "PAYMENT_FAILED", contractId: contracts.acme.id, sequence: 2 }), 200);
  const answers = await Promise.all(Array.from({ length: 8 }, () => retry(billing.acme, contracts.acme)));
  for (const answer of answers) expectStatus(answer, 200);
  await until(() => retriesOf(billing.acme), (count) => count === MAILS_OF_REGULATED);
  for (const planId of ["gentle", "firm"]) {
    answering({ planId, reason: "Once more." });
    const answer = expectStatus(await retry(billing.acme, contracts.acme), 200);
    expect([sourceOf(answer), answer.json<{ planId: string }>().planId]).toEqual(["fallback", "quiet"]);
  }
  expect(await retriesOf(billing.acme)).toBe(MAILS_OF_REGULATED);
  const toAcme = (): number => mailsOf("RETRY").filter(({ body }) => body.companyId === "acme").length;
  await until(async () => toAcme(), (count) => count >= MAILS_OF_REGULATED);
  // A plan that tells nobody is the model's to choose.
  answering({ planId: "quiet", reason: "They were told." });
  expect(sourceOf(expectStatus(await retry(billing.acme, contracts.acme), 200))).toBe("model");
  expect(toAcme()).toBe(MAILS_OF_REGULATED);
  // Another company has other bounds.
  answering({ planId: "firm", reason: "Again." });
  expect(sourceOf(expectStatus(await retry(billing.globex, contracts.globex), 200))).toBe("model");
  expect(await retriesOf(billing.globex)).toBe(6);
});

test.each<[string, (request: ChatRequest) => unknown]>([
  ["a plan that is not declared", () => ({ planId: "daily", reason: "More." })], ["no plan", () => ({ reason: "None." })], ["a list of plans", () => ({ planId: ["firm", "gentle"], reason: "All." })],
])("9: %s is not carried out", async (_what, answer) => {
  const before = await retriesOf(billing.globex);
  model.script = (request) => [{ name: "answer", arguments: answer(request) }];
  expect(sourceOf(expectStatus(await retry(billing.globex, contracts.globex), 200))).toBe("fallback");
  expect(await retriesOf(billing.globex)).toBe(before);
});

test("9: where nothing is owed, no model is asked", async () => {
  expectStatus(await billing.tell("paid-globex", { type: "PAYMENT_SUCCEEDED", contractId: contracts.globex.id, sequence: 3 }), 200);
  const answer = await retry(billing.globex, contracts.globex);
  expect([answer.status, answer.code, model.requests.length]).toEqual([422, "DECISION_DENIED", 0]);
});
