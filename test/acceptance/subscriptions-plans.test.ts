// The billing backend's promises 3 and 7, over HTTP against a process: changes of plan to the cent, and one invoice at the end of each period.
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { countAnswers } from "../processes/http-caller.ts";
import { expectStatus } from "./store-process.ts";
import { type Billing, type Company, type Contract, contractOf, type Invoice, type InvoiceLine, invoicesOf, paying, startBilling, subscribe, until } from "./subscriptions-process.ts";

setDefaultTimeout(120_000);
const NEVER_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const PRICES: Readonly<Record<string, number>> = { starter: 1_900, team: 9_900, business: 49_900, "team-too": 9_900 };

let app: Billing;
afterEach(() => app?.stop());
const start = async (periodMs: number): Promise<void> => { app = await startBilling({ trialMs: NEVER_MS, dunningMs: NEVER_MS }, { PERIOD_MS: String(periodMs) }); };
const change = async ({ owner }: Company, planId: string): Promise<Contract> => expectStatus(await owner.post("/changePlan", { planId }), 200).json<Contract>();
const invoiced = (company: Company, count = 1): Promise<Invoice[]> => until(() => invoicesOf(company), (found) => found.length >= count);
/** As many periods of an hour have passed, and are invoiced. */
async function pass(periods: number): Promise<void> {
  for (let count = (await invoicesOf(app.acme)).length + 1; count <= periods; count++) {
    await app.forward(HOUR_MS);
    await invoiced(app.acme, count);
  }
}
const basesOf = ({ lines }: Invoice): InvoiceLine[] => lines.filter(({ kind }) => kind === "BASE");
const lengthOf = ({ startsAt, endsAt }: { readonly startsAt: string; readonly endsAt: string }): bigint => BigInt(Date.parse(endsAt) - Date.parse(startsAt));
const sumOf = (lines: readonly InvoiceLine[]): number => lines.reduce((sum, { amount }) => sum + amount, 0);
const use = async ({ meter }: Company, eventId: string, units: number, at: string): Promise<void> => { expectStatus(await meter.post("/UsageEvent", { eventId, meter: "calls", units, at }), 201); };

/** Nothing lies between the spans; each costs its share to within a cent, and all of them the exact sum, rounded once. */
function expectProrated(invoice: Invoice): void {
  const spans = basesOf(invoice);
  expect([spans[0]!.startsAt, spans.at(-1)!.endsAt]).toEqual([invoice.startsAt, invoice.endsAt]);
  for (const [index, span] of spans.slice(1).entries()) expect(span.startsAt).toBe(spans[index]!.endsAt);
  const period = lengthOf(invoice);
  const exact = spans.map((span) => BigInt(PRICES[span.planId]!) * lengthOf(span));
  for (const [index, { amount }] of spans.entries()) {
    const off = BigInt(amount) * period - exact[index]!;
    expect(off > -period && off < period).toBe(true);
  }
  const whole = exact.reduce((sum, one) => sum + one, 0n);
  expect(BigInt(sumOf(spans))).toBe((2n * whole + period) / (2n * period));
}

test("3: a dearer plan counts at once, for its share of the period to the cent; what costs the same adds up to the price", async () => {
  await start(HOUR_MS);
  expectStatus(await app.administrator.post("/Plan", { id: "team-too", title: "Team too", price: 9_900, includedUnits: 0 }), 201);
  await paying(app, app.acme, "starter");
  await paying(app, app.globex, "team");
  for (const planId of ["team", "business"]) {
    await app.forward(317_000);
    expect(await change(app.acme, planId)).toMatchObject({ planId, nextPlanId: null, period: 1 });
  }
  for (let index = 0; index < 7; index++) {
    await app.forward(41_000);
    await change(app.globex, index % 2 === 0 ? "team-too" : "team");
  }
  await app.forward(HOUR_MS);
  const [ours] = await invoiced(app.acme);
  expect(basesOf(ours!).map(({ planId }) => planId)).toEqual(["starter", "team", "business"]);
  expectProrated(ours!);
  const [theirs] = await invoiced(app.globex);
  expect([basesOf(theirs!).length, sumOf(basesOf(theirs!)), theirs!.total]).toEqual([8, 9_900, 9_900]);
  expectProrated(theirs!);
  // The next period has one plan, and its price.
  await app.forward(HOUR_MS);
  const [, next] = await invoiced(app.acme, 2);
  expect(basesOf(next!)).toMatchObject([{ planId: "business", amount: 49_900 }]);
});

test("3: a cheaper plan comes with the next period, also where the app was dead at its beginning; asking for the own plan takes it back", async () => {
  await start(HOUR_MS);
  await Promise.all([paying(app, app.acme, "team"), paying(app, app.globex, "team")]);
  expect(await change(app.acme, "starter")).toMatchObject({ planId: "team", nextPlanId: "starter" });
  await change(app.globex, "starter");
  expect(await change(app.globex, "team")).toMatchObject({ planId: "team", nextPlanId: null });
  await app.kill();
  await app.forward(HOUR_MS);
  await app.restart();
  await invoiced(app.acme);
  await app.forward(HOUR_MS);
  const [first, second] = await invoiced(app.acme, 2);
  expect([first!.total, second!.total]).toEqual([9_900, 1_900]);
  expect(await contractOf(app.acme)).toMatchObject({ planId: "starter", nextPlanId: null });
  const theirs = await invoiced(app.globex, 2);
  expect(theirs.map(({ total }) => total).slice(0, 2)).toEqual([9_900, 9_900]);
});

test("3: parallel changes are one after the other; what cannot be is refused and changes nothing", async () => {
  await start(NEVER_MS);
  expect((await app.acme.owner.post("/changePlan", { planId: "team" })).code).toBe("NO_CONTRACT");
  await subscribe(app.globex);
  // In the trial there is nothing to pay for yet: any plan at once.
  expect(await change(app.globex, "starter")).toMatchObject({ planId: "starter", nextPlanId: null });
  expectStatus(await app.administrator.post("/Plan", { id: "dollars", title: "Dollars", price: 99_900, currency: "USD", includedUnits: 0 }), 201);
  const contract = await paying(app, app.acme, "starter");
  const refusals = await Promise.all([app.acme.owner.post("/changePlan", { planId: "none" }), app.acme.owner.post("/changePlan", { planId: "dollars" }), app.acme.meter.post("/changePlan", { planId: "team" }), app.anonymous.post("/changePlan", { planId: "team" })]);
  expect(refusals.map(({ status, code }) => `${status} ${code}`)).toEqual(["404 UNKNOWN_PLAN", "409 OTHER_CURRENCY", "403 FORBIDDEN", "401 UNAUTHENTICATED"]);
  expect((await app.acme.owner.patch(`/Contract/${contract.id}`, { planId: "business" })).status).toBe(403);
  expect(await contractOf(app.acme)).toEqual(contract);
  const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => app.acme.owner.post("/changePlan", { planId: ["team", "business", "starter"][index % 3]! })));
  expect(countAnswers(answers)).toEqual({ 200: 12 });
  const spans = expectStatus(await app.acme.owner.get("/PlanSpan?order=position&select=position,planId"), 200).json<{ position: number; planId: string }[]>();
  expect(spans.map(({ position }) => position)).toEqual(spans.map((_, index) => index));
  expect((await contractOf(app.acme)).planId).toBe(spans.at(-1)!.planId);
  expectStatus(await app.tell("gone", { type: "CANCELLED", contractId: contract.id, sequence: 2 }), 200);
  expect((await app.acme.owner.post("/changePlan", { planId: "team" })).code).toBe("NOT_CHANGEABLE");
});

test("7: base, usage by tiers, and what was told too late, each to the cent; the last one after a cancellation", async () => {
  // What happens in five minutes may be told already.
  const PERIOD_MS = 240_000;
  await start(PERIOD_MS);
  const { id, periodStartsAt, periodEndsAt } = await paying(app, app.acme, "team");
  // 10,000 are included; 90,000 cost 1.25 for each thousand, the rest 0.50.
  await use(app.acme, "first", 100_000, periodStartsAt!);
  await use(app.acme, "second", 23_457, new Date(Date.parse(periodEndsAt!) - 1).toISOString());
  await use(app.acme, "next", 5, periodEndsAt!);
  await use(app.acme, "before", 1_000_000, new Date(Date.parse(periodStartsAt!) - 1).toISOString());
  await use(app.globex, "theirs", 1_000_000, periodStartsAt!);
  await app.forward(PERIOD_MS);
  const [first] = await invoiced(app.acme);
  expect(first).toMatchObject({ number: 1, period: 1, units: "123457", total: 9_900 + 12_423, lines: [{ kind: "BASE", amount: 9_900 }, { kind: "USAGE", units: "123457", amount: 12_423 }] });
  await use(app.acme, "late", 1_000, periodStartsAt!);
  expectStatus(await app.tell("gone", { type: "CANCELLED", contractId: id, sequence: 2 }), 200);
  await app.forward(PERIOD_MS);
  const [, second] = await invoiced(app.acme, 2);
  expect(second!.lines).toMatchObject([{ kind: "BASE", amount: 9_900 }, { kind: "USAGE", units: "5", amount: 0 }, { kind: "LATE_USAGE", units: "1000", amount: 50, startsAt: periodStartsAt, endsAt: periodEndsAt }]);
  expect([second!.number, second!.total]).toEqual([2, 9_950]);
  await until(() => contractOf(app.acme), (contract) => contract.periodEndsAt === null);
  await app.forward(2 * PERIOD_MS);
  await Bun.sleep(100);
  expect(await invoicesOf(app.acme)).toEqual([first!, second!]);
  expect(await invoicesOf(app.globex)).toEqual([]);
});

test("7: what was told several periods too late is billed with the next invoice, once, however often more comes", async () => {
  await start(HOUR_MS);
  const { periodStartsAt: first } = await paying(app, app.acme, "team");
  await use(app.acme, "in-time", 10_000, first!);
  await pass(2);
  const [, second] = await invoiced(app.acme, 2);
  await use(app.acme, "two-late", 4_000, first!);
  const lateOf = (invoices: readonly Invoice[]): InvoiceLine[] => invoices.flatMap(({ lines }) => lines.filter(({ kind }) => kind === "LATE_USAGE"));
  await pass(3);
  await until(() => invoicesOf(app.acme), (found) => lateOf(found).length === 1);
  await use(app.acme, "later", 2_000, first!);
  await use(app.acme, "other", 12_000, second!.startsAt);
  await pass(4);
  const before = await until(() => invoicesOf(app.acme), (found) => lateOf(found).length === 3);
  await pass(6);
  const all = await invoiced(app.acme, before.length + 2);
  expect(lateOf(all).map(({ startsAt, units, amount }) => [startsAt, units, amount])).toEqual([[first!, "4000", 500], [first!, "2000", 250], [second!.startsAt, "12000", 250]]);
  for (const { total, lines } of all) expect(total).toBe(sumOf(lines));
});

test("7: one invoice for each period, numbered without gaps in each company, over kills at any moment", async () => {
  const periodMs = 300;
  await start(periodMs);
  await Promise.all([paying(app, app.acme, "team"), paying(app, app.globex, "starter")]);
  for (let kill = 0; kill < 6; kill++) {
    await Bun.sleep(Math.random() * 2 * periodMs);
    await app.kill();
    await app.restart();
  }
  for (const [company, price] of [[app.acme, 9_900], [app.globex, 1_900]] as const) {
    const { period } = await contractOf(company);
    const invoices = await invoiced(company, Math.max(period, 8));
    expect(invoices.map(({ number }) => number)).toEqual(invoices.map((_, index) => index + 1));
    expect(invoices.map(({ period: one }) => one)).toEqual(invoices.map((_, index) => index + 1));
    for (const [index, invoice] of invoices.entries()) {
      expect([lengthOf(invoice), invoice.total]).toEqual([BigInt(periodMs), price]);
      if (index > 0) expect(invoice.startsAt).toBe(invoices[index - 1]!.endsAt);
    }
  }
});

test("7: nobody changes, removes or writes an invoice, the administrator neither", async () => {
  await start(HOUR_MS);
  await paying(app, app.acme, "team");
  await pass(1);
  const [invoice] = await invoiced(app.acme);
  const { id: path } = invoice!;
  for (const who of [app.acme.owner, app.acme.care, app.globex.owner]) {
    const answers = await Promise.all([who.patch(`/Invoice/${path}`, { total: 0 }), who.put(`/Invoice/${path}`, { ...invoice, total: 0 }), who.delete(`/Invoice/${path}`), who.post("/Invoice", { ...invoice, id: "mine" })]);
    for (const { status } of answers) expect([403, 404, 422]).toContain(status);
  }
  const answers = await Promise.all([app.administrator.patch(`/Invoice/${path}`, { total: 0 }), app.administrator.delete(`/Invoice/${path}`), app.administrator.delete("/Invoice?total=gt.0")]);
  expect(countAnswers(answers)).toEqual({ "409 INVOICE_IMMUTABLE": 3 });
  expect((await invoicesOf(app.acme))[0]).toEqual(invoice!);
});
