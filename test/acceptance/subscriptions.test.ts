// The billing backend's promises 5, 6 and 8, over HTTP alone, against a process and a payment provider's signed events.
import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { countAnswers, type HttpAnswer } from "../processes/http-caller.ts";
import { standard } from "../webhooks/signed.ts";
import { expectStatus } from "./store-process.ts";
import { type Billing, type Company, contractOf, noticesOf, startBilling, subscribe, until } from "./subscriptions-process.ts";

setDefaultTimeout(60_000);
const NEVER_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index));

let billing: Billing;
beforeAll(async () => { billing = await startBilling({ trialMs: NEVER_MS, dunningMs: NEVER_MS }); });
afterAll(() => billing.stop());
let timed: Billing | null = null;
afterEach(async () => {
  await timed?.stop();
  timed = null;
});

interface Usage { readonly eventId: string; readonly meter: string; readonly units: number; readonly at: string }

const report = ({ meter }: Company, usage: Usage | readonly Usage[]): Promise<HttpAnswer> =>
  meter.post("/UsageEvent?on_conflict=eventId", usage, { prefer: "resolution=ignore-duplicates" });

async function totalsOf({ owner }: Company, meter: string): Promise<Record<number, [number, number]>> {
  const rows = expectStatus(await owner.get(`/UsageEvent?select=period,count(),units.sum()&meter=eq.${meter}`), 200).json<{ period: number; count: number; sum: number }[]>();
  return Object.fromEntries(rows.map(({ period, count, sum }) => [period, [count, Number(sum)]]));
}

test("5: an event that is told again, in parallel and with other units too, counts once", async () => {
  const { acme } = billing;
  const usage = { eventId: "one", meter: "again", units: 7, at: "2026-03-04T10:00:00Z" };
  const answers = await Promise.all(times(40, () => report(acme, usage)));
  expect(countAnswers(answers)).toEqual({ 201: 1, 200: 39 });
  expectStatus(await report(acme, { ...usage, units: 1_000, at: "2026-04-04T10:00:00Z" }), 200);
  expect(await totalsOf(acme, "again")).toEqual({ 202603: [1, 7] });
  const plain = await acme.meter.post("/UsageEvent", usage);
  expect([plain.status, plain.code]).toEqual([409, "UNIQUE_VIOLATION"]);
});

test("5: batches of 1,000, many of them at once and overlapping: the total is exact", async () => {
  const { acme } = billing;
  const all = times(3_000, (index) => ({ eventId: `batch-${index}`, meter: "batches", units: 1 + (index % 97), at: new Date(Date.UTC(2026, index % 3, 1 + (index % 28))).toISOString() }));
  // Each event is in two batches, once forwards and once backwards; and in one of them twice.
  const batches = [0, 500, 1_000, 1_500, 2_000, 2_500].map((from) => times(1_000, (index) => all[(from + index) % all.length]!));
  const answers = await Promise.all(batches.flatMap((batch) => [report(acme, batch), report(acme, batch.toReversed())]));
  expect(answers.filter(({ status }) => status !== 200 && status !== 201).map(({ text }) => text)).toEqual([]);
  const expected: Record<number, [number, number]> = {};
  for (const { at, units } of all) {
    const period = Number(at.slice(0, 7).replace("-", ""));
    const [count, sum] = expected[period] ?? [0, 0];
    expected[period] = [count + 1, sum + units];
  }
  expect(await totalsOf(acme, "batches")).toEqual(expected);
  expectStatus(await report(acme, [all[0]!, { ...all[0]!, eventId: "batch-twice" }, { ...all[0]!, eventId: "batch-twice" }]), 201);
  expect((await totalsOf(acme, "batches"))[202601]).toEqual([expected[202601]![0] + 1, expected[202601]![1] + 1]);
});

test("5: a batch with a bad event is refused whole, with the path", async () => {
  const good = { eventId: "good", meter: "bad", units: 1, at: "2026-03-04T10:00:00Z" };
  const refusals: [object, number, string][] = [
    [{ ...good, eventId: "bad", units: 0 }, 400, "VALIDATION_FAILED"],
    [{ ...good, eventId: "bad", units: 1.5 }, 400, "VALIDATION_FAILED"],
    [{ ...good, eventId: "bad", at: "2999-01-01T00:00:00Z" }, 422, "CHECK_FAILED"],
    [{ ...good, eventId: "bad", period: 202601 }, 422, "READ_ONLY_FIELD"],
    [{ ...good, eventId: "bad", companyId: "globex" }, 422, "READ_ONLY_FIELD"],
  ];
  for (const [bad, status, code] of refusals) {
    const answer = await report(billing.acme, [good, bad as Usage]);
    expect({ bad, status: answer.status, code: answer.code }).toEqual({ bad, status, code });
  }
  expect(await totalsOf(billing.acme, "bad")).toEqual({});
});

test("5: late events land in the month they happened in, to the millisecond and whatever their zone", async () => {
  const at = ["2025-12-31T23:59:59.999Z", "2026-01-01T00:00:00Z", "2026-01-01T00:30:00+01:00", "2026-01-31T23:30:00-01:00", "2024-02-29T12:00:00Z"];
  for (const [index, one] of at.entries()) expectStatus(await report(billing.acme, { eventId: `late-${index}`, meter: "late", units: 10 ** index, at: one }), 201);
  expect(await totalsOf(billing.acme, "late")).toEqual({ 202402: [1, 10_000], 202512: [2, 101], 202601: [1, 10], 202602: [1, 1_000] });
});

test("5: companies count apart, and nobody changes what was told", async () => {
  const { acme, globex, anonymous } = billing;
  const usage = { eventId: "shared", meter: "apart", units: 3, at: "2026-03-04T10:00:00Z" };
  expect(countAnswers([await report(acme, usage), await report(globex, { ...usage, units: 5 })])).toEqual({ 201: 2 });
  expect([await totalsOf(acme, "apart"), await totalsOf(globex, "apart")]).toEqual([{ 202603: [1, 3] }, { 202603: [1, 5] }]);
  const merging = await acme.meter.post("/UsageEvent?on_conflict=eventId", { ...usage, units: 1 }, { prefer: "resolution=merge-duplicates" });
  expect(merging.status).toBe(403);
  expect((await acme.owner.patch("/UsageEvent?eventId=eq.shared", { units: 1 })).status).toBe(403);
  expect((await acme.meter.delete("/UsageEvent?eventId=eq.shared")).status).toBe(403);
  expect((await anonymous.get("/UsageEvent")).status).toBe(401);
  expect(await totalsOf(acme, "apart")).toEqual({ 202603: [1, 3] });
});

test("6 and 8: one contract a company, under parallel requests too; nobody sets its state", async () => {
  const { acme, globex } = billing;
  const answers = await Promise.all(times(10, () => acme.owner.post("/subscribe", { planId: "team" })));
  expect(countAnswers(answers)).toEqual({ "200": 1, "409 ALREADY_SUBSCRIBED": 9 });
  const { id, status } = await contractOf(acme);
  expect(status).toBe("TRIALING");
  expect((await acme.owner.patch(`/Contract/${id}`, { status: "ACTIVE" })).status).toBe(403);
  expect((await globex.owner.get(`/Contract/${id}`)).status).toBe(404);
  expect((await globex.owner.post("/subscribe", { planId: "none" })).code).toBe("UNKNOWN_PLAN");
});

test("6: only what the provider signed is heard", async () => {
  const { id } = await contractOf(billing.acme);
  const event = { type: "PAYMENT_SUCCEEDED", contractId: id, sequence: 1 };
  const signed = standard("m-0", event);
  const wrong = [
    { ...signed, body: JSON.stringify({ ...event, sequence: 2 }) },
    { ...signed, headers: { "content-type": "application/json" } },
    { ...signed, headers: { ...signed.headers, "webhook-id": "m-1" } },
    standard("m-0", event, { secret: "whsec_YW5vdGhlciBzZWNyZXQ=" }),
    standard("m-0", event, { nowMs: Date.now() - 3_600_000 }),
  ];
  const answers = await Promise.all(wrong.map((one) => billing.deliver(one)));
  expect(countAnswers(answers)).toEqual({ "401 WEBHOOK_SIGNATURE": wrong.length });
  expect(await contractOf(billing.acme)).toMatchObject({ status: "TRIALING", sequence: null });
  const unknown = await billing.tell("m-2", { ...event, contractId: "none" });
  expect([unknown.status, unknown.code]).toEqual([404, "UNKNOWN_CONTRACT"]);
});

test("6: duplicates have no effect, in parallel too, and an older event never moves the state back", async () => {
  const { id: contractId } = await contractOf(billing.acme);
  const ignored = (answers: HttpAnswer[]): string[] => answers.map((answer) => answer.json<{ ignored?: string }>().ignored ?? "took effect").sort();
  const failed = await Promise.all(times(12, () => billing.tell("e-10", { type: "PAYMENT_FAILED", contractId, sequence: 10 })));
  expect(ignored(failed)).toEqual([...times(11, () => "duplicate"), "took effect"]);
  expect(await contractOf(billing.acme)).toMatchObject({ status: "PAST_DUE", failures: 1, sequence: "10" });
  expect(ignored([await billing.tell("e-9", { type: "PAYMENT_SUCCEEDED", contractId, sequence: 9 })])).toEqual(["older"]);
  expect(await contractOf(billing.acme)).toMatchObject({ status: "PAST_DUE", sequence: "10" });
  // All at once and in no order: the newest stays.
  const types = ["PAYMENT_FAILED", "PAYMENT_SUCCEEDED"];
  const rest = times(20, (index) => ({ type: types[(index + 1) % 2]!, contractId, sequence: 11 + ((index * 7) % 20) }));
  const newest = rest.find(({ sequence }) => sequence === 30)!;
  const answers = await Promise.all(rest.map((event) => billing.tell(`e-${event.sequence}`, event)));
  expect(countAnswers(answers)).toEqual({ 200: 20 });
  expect(await contractOf(billing.acme)).toMatchObject({ status: newest.type === "PAYMENT_FAILED" ? "PAST_DUE" : "ACTIVE", sequence: "30" });
  await billing.kill();
  await billing.restart();
  expect(ignored([
    await billing.tell("e-30", newest), await billing.tell("e-late", { type: "CANCELLED", contractId, sequence: 29 }),
  ])).toEqual(["duplicate", "older"]);
  expect((await contractOf(billing.acme)).sequence).toBe("30");
});

test("8: a trial that ends while the app is dead ends once, after the restart", async () => {
  const app = timed = await startBilling({ trialMs: HOUR_MS, dunningMs: NEVER_MS });
  await subscribe(app.acme);
  await subscribe(app.globex);
  const paid = await contractOf(app.globex);
  expectStatus(await app.tell("paid", { type: "PAYMENT_SUCCEEDED", contractId: paid.id, sequence: 1 }), 200);
  await app.kill();
  await app.forward(HOUR_MS);
  await app.restart();
  await until(() => contractOf(app.acme), ({ status }) => status === "SUSPENDED");
  await app.kill();
  await app.restart();
  await allRan(app, "endTrial", 2);
  expect(await noticesOf(app.acme)).toEqual([{ kind: "TRIAL_ENDED", level: null }]);
  expect([await noticesOf(app.globex), (await contractOf(app.globex)).status]).toEqual([[], "ACTIVE"]);
});

test("8: dunning reminds three times and then suspends, each once, over kills between and during its steps", async () => {
  const app = timed = await startBilling({ trialMs: NEVER_MS, dunningMs: 400 });
  const { id: contractId } = await subscribe(app.acme);
  const failed = times(4, () => app.tell("failed", { type: "PAYMENT_FAILED", contractId, sequence: 1 }));
  expect(countAnswers(await Promise.all(failed))).toEqual({ 200: 4 });
  expectStatus(await app.tell("failed-again", { type: "PAYMENT_FAILED", contractId, sequence: 2 }), 200);
  for (let kill = 0; kill < 4; kill++) {
    await Bun.sleep(150 * kill);
    await app.kill();
    await Bun.sleep(100);
    await app.restart();
  }
  await until(() => contractOf(app.acme), ({ status }) => status === "SUSPENDED");
  await allRan(app, "dun", 4);
  expect(await noticesOf(app.acme)).toEqual([...[1, 2, 3].map((level) => ({ kind: "REMINDER", level })), { kind: "SUSPENDED", level: null }]);
});

test("9: reminders keep to the mails of a week, too: the next one waits, and nobody is suspended untold", async () => {
  const app = timed = await startBilling({ trialMs: NEVER_MS, dunningMs: 150 });
  const { id: contractId } = await subscribe(app.acme);
  expectStatus(await app.acme.care.post(`/memory/Contract/${contractId}`, { regulated: true }), 201);
  expectStatus(await app.tell("failed", { type: "PAYMENT_FAILED", contractId, sequence: 1 }), 200);
  const waiting = await until(() => runsOf(app, "dun"), (found) => found.length === 4 && found.filter(({ state }) => state === "SUCCEEDED").length === 3);
  expect(Date.parse(waiting.find(({ state }) => state === "SCHEDULED")!.dueAt) - Date.now()).toBeGreaterThan(6 * 86_400_000);
  await app.kill();
  await app.restart();
  await Bun.sleep(600);
  expect(await noticesOf(app.acme)).toEqual([1, 2].map((level) => ({ kind: "REMINDER", level })));
  expect((await contractOf(app.acme)).status).toBe("PAST_DUE");
});

test("8: a trial ends also where the key of whoever began it is gone by then", async () => {
  const app = timed = await startBilling({ trialMs: HOUR_MS, dunningMs: NEVER_MS });
  await subscribe(app.acme);
  await app.kill();
  await app.forward(HOUR_MS);
  await app.restart(undefined, "ACME_OWNER_KEY");
  expect((await app.acme.owner.get("/Contract")).status).toBe(401);
  await allRan(app, "endTrial", 1);
  expect((await app.administrator.get("/Contract?select=status,notices(kind)")).json()).toEqual([{ status: "SUSPENDED", notices: [{ kind: "TRIAL_ENDED" }] }]);
});

test("5: killed during a burst of usage: what was acknowledged is there, and telling it all again makes the total exact", async () => {
  const app = timed = await startBilling({ trialMs: NEVER_MS, dunningMs: NEVER_MS });
  const batches = times(60, (batch) => times(50, (index) => ({ eventId: `${batch}-${index}`, meter: "burst", units: 1, at: "2026-03-04T10:00:00Z" })));
  const burst = batches.map((batch) => report(app.acme, batch).catch(() => null));
  await burst[0];
  await app.kill();
  const answers = await Promise.all(burst);
  await app.restart();
  const acknowledged = batches.filter((_, index) => answers[index]?.status === 201).length;
  expect(acknowledged).toBeGreaterThan(0);
  const rows = (await app.acme.owner.get("/UsageEvent?select=eventId&meter=eq.burst")).json<{ eventId: string }[]>();
  const there = new Map<string, number>();
  for (const { eventId } of rows) there.set(eventId.split("-")[0]!, (there.get(eventId.split("-")[0]!) ?? 0) + 1);
  expect(batches.filter((_, index) => answers[index]?.status === 201 && there.get(String(index)) !== 50)).toEqual([]);
  // A batch is there whole or not at all.
  expect([...there.values()].filter((count) => count !== 50)).toEqual([]);
  for (const batch of batches) expect([200, 201]).toContain((await report(app.acme, batch)).status);
  expect(await totalsOf(app.acme, "burst")).toEqual({ 202603: [3_000, 3_000] });
});

test("8: who pays in time is reminded no more, and a later failure begins anew", async () => {
  const app = timed = await startBilling({ trialMs: NEVER_MS, dunningMs: NEVER_MS });
  const { id: contractId } = await subscribe(app.acme);
  expectStatus(await app.tell("1", { type: "PAYMENT_FAILED", contractId, sequence: 1 }), 200);
  await app.kill();
  await app.restart({ trialMs: NEVER_MS, dunningMs: 300 });
  expectStatus(await app.tell("2", { type: "PAYMENT_SUCCEEDED", contractId, sequence: 2 }), 200);
  expectStatus(await app.tell("3", { type: "PAYMENT_FAILED", contractId, sequence: 3 }), 200);
  await until(() => noticesOf(app.acme), (notices) => notices.length > 0);
  expectStatus(await app.tell("4", { type: "PAYMENT_SUCCEEDED", contractId, sequence: 4 }), 200);
  const told = await noticesOf(app.acme);
  // The first failure's reminder still waits for its day; the second one's has found that all is paid.
  await until(() => runsOf(app, "dun"), (runs) => runs.filter(({ state }) => state === "SCHEDULED").length === 1);
  expect([await noticesOf(app.acme), (await contractOf(app.acme)).status]).toEqual([told, "ACTIVE"]);
});

interface Run { readonly state: string; readonly dueAt: string }

async function runsOf({ administrator }: Billing, job: string): Promise<Run[]> {
  return expectStatus(await administrator.get(`/admin/jobs?job=${job}`), 200).json<{ runs: Run[] }>().runs;
}

/** No run waits any more, none failed, and there were so many. */
async function allRan(app: Billing, job: string, count: number): Promise<void> {
  const runs = await until(() => runsOf(app, job), (found) => found.length >= count && found.every(({ state }) => state === "SUCCEEDED"));
  expect(runs.length).toBe(count);
}
