/// <reference path="./.ambit/types.d.ts" />
import { endpoints, fallbacks, jobs, Table, type Ctx, type Input } from "ambit";

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
}

export const Fallbacks = fallbacks({
  careByRule(_input, { contract, mem }) {
    if (contract.failures > 0) return { step: "CALL", mailsAWeek: 1, reason: "A payment has failed." };
    return { step: mem.onboarding === "STRUGGLED" ? "TRAINING" : "NOTHING", mailsAWeek: 1, reason: "By rule." };
  },
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

  // Duplicates and older events do not come this far.
  async providerEvent(ctx, { type, contractId, sequence }) {
    const found = await ctx.system.Contract.get(contractId);
    if (found === null) throw ctx.error(404, "UNKNOWN_CONTRACT", "There is no such contract.");
    if (found.status === "CANCELLED") return false;
    switch (type) {
      case "PAYMENT_SUCCEEDED":
        await ctx.system.Contract.update(found.id, { sequence, status: "ACTIVE" });
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

  async dun(ctx, { contractId, failure, level }) {
    return ctx.transaction(async (ctx) => {
      const found = await ctx.system.Contract.get(contractId);
      if (found?.status !== "PAST_DUE" || found.failures !== failure) return false;
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
