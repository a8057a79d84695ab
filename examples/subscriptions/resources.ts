/// <reference path="./.ambit/types.d.ts" />
import { endpoints, fallbacks, jobs, Table, type Args, type Ctx, type Input, type RecordOf } from "ambit";

const REMINDERS = 3;

export class User extends Table("User") {
  static async create(ctx: Ctx, input: Input<"User">) {
    const companyId = ctx.auth.tenant ?? input.companyId ?? null;
    if (companyId !== null) {
      await takeSeat(ctx, String(companyId), 1);
      return super.create(ctx, input);
    }
    const { id } = await ctx.system.Company.create({ name: input.company ?? input.email, taken: 1 });
    return super.create(ctx, { ...input, companyId: id, roles: ["owner"] });
  }

  async remove() {
    await takeSeat(this.ctx, this.companyId, -1);
    return super.remove();
  }
}

/** Of many at once, as many come in as there are seats: all read and write the one number. A company that signed up nowhere has no seats to count. */
async function takeSeat(ctx: Ctx, companyId: string, change: 1 | -1): Promise<void> {
  const company = await ctx.system.Company.get(companyId);
  if (company === null) return;
  if (change > 0 && company.taken >= company.seats) throw ctx.error(409, "NO_FREE_SEAT", "All seats of the plan are taken.", { seats: company.seats });
  await ctx.system.Company.increment(companyId, "taken", change);
}

export class Contract extends Table("Contract") {
  async forget() {
    return await this.ctx.forget(`Contract:${this.id}`);
  }

  async offer({ planId, credit, reason }: Args<"Contract.offer">) {
    const { ctx, id: contractId, companyId } = this;
    const made = await ctx.system.Offer.create({ contractId, planId, credit, reason });
    await mail(ctx, made.id, { kind: "OFFER", companyId, planId, credit });
    return made;
  }

  async retry({ planId }: Args<"Contract.retry">) {
    const { ctx, id: contractId, companyId } = this;
    const mails = (await ctx.system.RetryPlan.get(planId))?.mails ?? 0;
    for (let level = 1; level <= mails; level++) {
      const notice = await ctx.system.Notice.create({ contractId, kind: "RETRY", level });
      await mail(ctx, notice.id, { kind: "RETRY", companyId, level });
    }
    return mails;
  }
}

const WEEK_MS = 7 * 86_400_000;

/** When the company may be mailed again: as retryPayment's bound has it, whatever the mails were about. Null: now. */
async function mailFreeAt(ctx: Ctx, contractId: string): Promise<Date | null> {
  const known = await ctx.memory.recall(`Contract:${contractId}`);
  const isRegulated = known?.facts.some(({ predicate, value, label }) => predicate === "regulated" && value === true && label === null) === true;
  const mailsAWeek = isRegulated ? 2 : 10;
  const since = new Date(ctx.now().getTime() - WEEK_MS).toISOString();
  const [oldest] = (await ctx.system.Notice.find({ contractId, createdAt: { gt: since }, order: { createdAt: "desc" }, limit: mailsAWeek })).slice(mailsAWeek - 1);
  return oldest === undefined ? null : new Date(Date.parse(oldest.createdAt) + WEEK_MS);
}

/** With the commit, or not at all. */
async function mail(ctx: Ctx, key: string, body: object): Promise<void> {
  const url = String(ctx.values.mailerUrl ?? "");
  if (url !== "") await ctx.send({ url, key, body });
}

export class Invoice extends Table("Invoice") {
  async update(): Promise<never> { throw immutable(this.ctx); }
  async remove(): Promise<never> { throw immutable(this.ctx); }
}

function immutable(ctx: Ctx) {
  return ctx.error(409, "INVOICE_IMMUTABLE", "An invoice is never changed. Write another one.");
}

export const Fallbacks = fallbacks({
  careByRule(_input, { contract, mem }) {
    if (contract.failures > 0) return { step: "CALL", mailsAWeek: 1, reason: "A payment has failed." };
    return { step: mem.onboarding === "STRUGGLED" ? "TRAINING" : "NOTHING", mailsAWeek: 1, reason: "By rule." };
  },
  asItIs: (_input, { contract }) => ({ planId: contract.planId, credit: 0, reason: "By rule." }),
  quietly: (_input, { retryPlans }) => ({ planId: retryPlans[0]?.id ?? "none", reason: "By rule." }),
});

export const Endpoints = endpoints({
  async subscribe(ctx, { planId }) {
    const plan = await planOf(ctx, planId);
    if (await ctx.system.Contract.count() > 0) throw ctx.error(409, "ALREADY_SUBSCRIBED", "The company has a contract.");
    const trialEndsAt = later(ctx, ctx.values.trialMs);
    const made = await ctx.system.Contract.create({ planId, trialEndsAt: trialEndsAt.toISOString() });
    await ctx.at(trialEndsAt, "endTrial", { contractId: made.id });
    await setSeats(ctx, made.companyId, plan.seats);
    return made;
  },

  async changePlan(ctx, { planId }) {
    const plan = await planOf(ctx, planId);
    const found = await ctx.system.Contract.first({});
    if (found === null) throw ctx.error(404, "NO_CONTRACT", "The company has no contract.");
    const contract = await closeWhatHasEnded(ctx, found);
    if (contract.status === "SUSPENDED" || contract.status === "CANCELLED") throw ctx.error(409, "NOT_CHANGEABLE", `A contract that is ${contract.status} has no plan to change.`);
    const own = await planOf(ctx, contract.planId);
    if (plan.currency !== own.currency) throw ctx.error(409, "OTHER_CURRENCY", "The plan has another currency.", { path: "planId" });
    // Of a cheaper plan at once too: nobody comes in for whom there is no seat later.
    await setSeats(ctx, contract.companyId, plan.seats);
    if (planId === contract.planId) return ctx.system.Contract.update(contract.id, { nextPlanId: null });
    if (contract.periodEndsAt !== null && plan.price < own.price) return ctx.system.Contract.update(contract.id, { nextPlanId: planId });
    if (contract.periodEndsAt !== null) await beginSpan(ctx, contract, plan, ctx.now());
    return ctx.system.Contract.update(contract.id, { planId, nextPlanId: null });
  },

  // Duplicates and older events do not come this far.
  async providerEvent(ctx, { type, contractId, sequence }) {
    const found = await ctx.system.Contract.get(contractId);
    if (found === null) throw ctx.error(404, "UNKNOWN_CONTRACT", "There is no such contract.");
    if (found.status === "CANCELLED") return false;
    switch (type) {
      case "PAYMENT_SUCCEEDED":
        await ctx.system.Contract.update(found.id, { sequence, status: "ACTIVE" });
        if (found.periodEndsAt === null) await beginPeriod(ctx, found, ctx.now());
        return true;
      case "CANCELLED":
        await ctx.system.Contract.update(found.id, { sequence, status: "CANCELLED" });
        return true;
      case "PAYMENT_FAILED": {
        const isOwing = found.status === "PAST_DUE" || found.status === "SUSPENDED";
        const failure = isOwing ? found.failures : found.failures + 1;
        await ctx.system.Contract.update(found.id, { sequence, status: isOwing ? found.status : "PAST_DUE", failures: failure });
        if (!isOwing) await ctx.at(later(ctx, ctx.values.dunningMs), "dun", { contractId, failure, level: 1 });
        return true;
      }
    }
  },
});

// Each is one transaction, which commits together with the end of its run: whatever crashes, it has its effect once.
export const Jobs = jobs({
  async endTrial(ctx, { contractId }) {
    return ctx.transaction(async (ctx) => {
      const found = await ctx.system.Contract.get(contractId);
      if (found?.status !== "TRIALING") return false;
      await ctx.system.Contract.update(found.id, { status: "SUSPENDED" });
      await ctx.system.Notice.create({ companyId: found.companyId, contractId, kind: "TRIAL_ENDED" });
      return true;
    });
  },

  async closePeriod(ctx, { contractId, period }) {
    return ctx.transaction(async (ctx) => {
      const found = await ctx.system.Contract.get(contractId);
      if (found?.period !== period || found.periodEndsAt === null) return false;
      await closePeriod(ctx, found);
      return true;
    });
  },

  async dun(ctx, { contractId, failure, level }) {
    return ctx.transaction(async (ctx) => {
      const found = await ctx.system.Contract.get(contractId);
      if (found?.status !== "PAST_DUE" || found.failures !== failure) return false;
      // What cannot be told yet waits, and nobody is suspended untold.
      const freeAt = await mailFreeAt(ctx, contractId);
      if (freeAt !== null) {
        await ctx.at(freeAt, "dun", { contractId, failure, level });
        return false;
      }
      if (level > REMINDERS) {
        await ctx.system.Contract.update(found.id, { status: "SUSPENDED" });
        await ctx.system.Notice.create({ companyId: found.companyId, contractId, kind: "SUSPENDED" });
        return true;
      }
      await ctx.system.Notice.create({ companyId: found.companyId, contractId, kind: "REMINDER", level });
      await ctx.at(later(ctx, ctx.values.dunningMs), "dun", { contractId, failure, level: level + 1 });
      return true;
    });
  },
});

type ContractRecord = RecordOf<"Contract">;
type PlanRecord = RecordOf<"Plan">;

async function beginPeriod(ctx: Ctx, contract: ContractRecord, startsAt: Date): Promise<ContractRecord> {
  const plan = await planOf(ctx, contract.nextPlanId ?? contract.planId);
  const period = contract.period + 1;
  const endsAt = new Date(startsAt.getTime() + Number(ctx.values.periodMs));
  const begun = await ctx.system.Contract.update(contract.id, {
    period, periodStartsAt: startsAt.toISOString(), periodEndsAt: endsAt.toISOString(), planId: plan.id, nextPlanId: null,
  });
  await beginSpan(ctx, begun, plan, startsAt);
  await ctx.at(endsAt, "closePeriod", { contractId: contract.id, period });
  return begun;
}

async function beginSpan(ctx: Ctx, { id: contractId, companyId, period }: ContractRecord, { id: planId, price, currency }: PlanRecord, startsAt: Date): Promise<void> {
  const position = await ctx.system.PlanSpan.count({ contractId, period });
  await ctx.system.PlanSpan.create({ companyId, contractId, period, position, planId, price, currency, startsAt: startsAt.toISOString() });
}

/** The clock decides, even when the job comes later: after a time in which nothing ran, several periods have ended. */
async function closeWhatHasEnded(ctx: Ctx, contract: ContractRecord): Promise<ContractRecord> {
  let open = contract;
  while (open.periodEndsAt !== null && new Date(open.periodEndsAt) <= ctx.now()) open = await closePeriod(ctx, open);
  return open;
}

/** Its invoice, and the next period where there is one. */
async function closePeriod(ctx: Ctx, contract: ContractRecord): Promise<ContractRecord> {
  const { id: contractId, companyId, period, planId } = contract;
  const [startsAt, endsAt] = [contract.periodStartsAt!, contract.periodEndsAt!];
  const plan = await planOf(ctx, planId);
  const spans = await ctx.system.PlanSpan.find({ contractId, period, order: { position: "asc" } });
  const units = await unitsOf(ctx, companyId, startsAt, endsAt);
  const lines = [
    ...prorated(spans, startsAt, endsAt),
    { kind: "USAGE" as const, planId, startsAt, endsAt, units, amount: usagePrice(plan, units) },
    ...await lateUsage(ctx, contract),
  ];
  await ctx.system.Invoice.create({
    companyId, contractId, period, planId, startsAt, endsAt, units, lines, currency: plan.currency, total: lines.reduce((sum, { amount }) => sum + amount, 0),
  });
  if (contract.status === "ACTIVE" || contract.status === "PAST_DUE") return beginPeriod(ctx, contract, new Date(endsAt));
  return ctx.system.Contract.update(contractId, { periodStartsAt: null, periodEndsAt: null, planId: contract.nextPlanId ?? planId, nextPlanId: null });
}

/** What was told of earlier periods since the last invoice, however long ago they were: for each what all of it costs, less what was billed of it. */
async function lateUsage(ctx: Ctx, { id: contractId, companyId, period, periodStartsAt }: ContractRecord) {
  const last = await ctx.system.Invoice.first({ contractId, period: period - 1 });
  if (last === null) return [];
  const touched = new Map<number, RecordOf<"Invoice">>();
  let after: string | null = null;
  do {
    const { rows, next } = await ctx.system.UsageEvent.query({ companyId, receivedAt: { gte: last.createdAt }, at: { lt: periodStartsAt! }, after, limit: 1_000 });
    for (const { at } of rows) {
      if ([...touched.values()].some(({ startsAt, endsAt }) => startsAt <= at && at < endsAt)) continue;
      const invoice = await ctx.system.Invoice.first({ contractId, startsAt: { lte: at }, endsAt: { gt: at } });
      if (invoice !== null) touched.set(invoice.period, invoice);
    }
    after = next;
  } while (after !== null);
  const lines = [];
  for (const { planId, startsAt, endsAt, units: first, period: former } of [...touched.values()].sort((one, other) => one.period - other.period)) {
    const [units, billed, plan] = [await unitsOf(ctx, companyId, startsAt, endsAt), first + await billedLater(ctx, contractId, former, startsAt), await planOf(ctx, planId)];
    if (units !== billed) lines.push({ kind: "LATE_USAGE" as const, planId, startsAt, endsAt, units: units - billed, amount: usagePrice(plan, units) - usagePrice(plan, billed) });
  }
  return lines;
}

/** Units of the period that began then, on the invoices after its own. */
async function billedLater(ctx: Ctx, contractId: string, period: number, startsAt: string): Promise<bigint> {
  const invoices = await ctx.system.Invoice.find({ contractId, period: { gt: period }, select: ["lines"] });
  return invoices.flatMap(({ lines }) => lines).filter((line) => line.kind === "LATE_USAGE" && line.startsAt === startsAt).reduce((sum, { units }) => sum + (units ?? 0n), 0n);
}

async function unitsOf(ctx: Ctx, companyId: string, from: string, to: string): Promise<bigint> {
  let [units, after]: [bigint, string | null] = [0n, null];
  do {
    const { rows, next } = await ctx.system.UsageEvent.query({ companyId, at: { gte: from, lt: to }, after, limit: 1_000 });
    for (const event of rows) units += BigInt(event.units);
    after = next;
  } while (after !== null);
  return units;
}

/** Each plan's share of the period in minor units. The running sum is rounded, not each share: so the parts add up to the rounded whole. */
function prorated(spans: readonly RecordOf<"PlanSpan">[], periodStart: string, periodEnd: string) {
  const length = BigInt(Date.parse(periodEnd) - Date.parse(periodStart));
  let [exact, billed] = [0n, 0n];
  return spans.map(({ planId, price, startsAt }, index) => {
    const endsAt = spans[index + 1]?.startsAt ?? periodEnd;
    exact += BigInt(price) * BigInt(Date.parse(endsAt) - Date.parse(startsAt));
    const sum = roundedQuotient(exact, length);
    const amount = Number(sum - billed);
    billed = sum;
    return { kind: "BASE" as const, planId, startsAt, endsAt, units: null, amount };
  });
}

/** Each tier's price for the units that lie in it. */
function usagePrice({ includedUnits, tiers }: PlanRecord, units: bigint): number {
  let [price, from] = [0n, BigInt(includedUnits)];
  for (const { upTo, perThousand } of tiers ?? []) {
    const to = upTo == null || units < BigInt(upTo) ? units : BigInt(upTo);
    if (to <= from) continue;
    price += (to - from) * BigInt(perThousand);
    from = to;
  }
  return Number(roundedQuotient(price, 1_000n));
}

/** Half up; of what is not negative. */
function roundedQuotient(value: bigint, by: bigint): bigint {
  return (2n * value + by) / (2n * by);
}

async function planOf(ctx: Ctx, planId: string) {
  const plan = await ctx.db.Plan.get(planId);
  if (plan === null) throw ctx.error(404, "UNKNOWN_PLAN", "There is no such plan.", { path: "planId" });
  return plan;
}

async function setSeats(ctx: Ctx, companyId: string, seats: number): Promise<void> {
  const company = await ctx.system.Company.get(companyId);
  if (company === null) return;
  if (company.taken > seats) throw ctx.error(409, "TOO_FEW_SEATS", "There are more people than the plan has seats.", { taken: company.taken, seats });
  await ctx.system.Company.update(companyId, { seats });
}

function later(ctx: Ctx, milliseconds: unknown): Date {
  return new Date(ctx.now().getTime() + Number(milliseconds));
}
