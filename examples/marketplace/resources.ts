/// <reference path="./.ambit/types.d.ts" />
import { Table, endpoints, fallbacks, jobs, type Args, type Ctx } from "ambit";

const FOUND = 20;

export class Listing extends Table("Listing") {
  async buy() {
    const { ctx } = this;
    return ctx.system.Order.create({
      listingId: this.id, buyerId: ctx.auth.subject!, sellerId: this.sellerId, category: this.category, paid: this.price, currency: this.currency,
    });
  }
}

export class Order extends Table("Order") {
  async confirm() {
    mustBePaid(this);
    return this.ctx.system.Order.update(this.id, { status: "COMPLETED" });
  }

  async dispute({ reason }: Args<"Order.dispute">) {
    mustBePaid(this);
    const { ctx } = this;
    await ctx.system.Order.update(this.id, { status: "DISPUTED" });
    const made = await ctx.system.Dispute.create({ orderId: this.id, reason });
    await ctx.enqueue("settle", { disputeId: made.id });
    return made;
  }
}

function mustBePaid({ ctx, status }: Order): void {
  if (status !== "PAID") throw ctx.error(409, "ILLEGAL_STEP", `An order that is ${status} has no such step.`, { from: status });
}

export class Dispute extends Table("Dispute") {
  // Called by proposeSettlement in its own commit. By nobody: staff decide.
  async settle({ refund, by, reason }: Args<"Dispute.settle">) {
    return by === "NOBODY" ? note(this.ctx, this, { refund: 0, by, reason, status: "WITH_STAFF" }) : note(this.ctx, this, { refund, by, reason, status: "SETTLED" });
  }

  async override({ refund, reason }: Args<"Dispute.override">) {
    return note(this.ctx, this, { refund, by: "STAFF", reason, status: "SETTLED" });
  }
}

interface Word { readonly refund: number; readonly by: "MODEL" | "STAFF" | "NOBODY"; readonly reason: string; readonly status: "WITH_STAFF" | "SETTLED" }

/** The order, the dispute and the trail move together. `refund`: in all. */
async function note(ctx: Ctx, { id, orderId }: { readonly id: string; readonly orderId: string }, { refund, by, reason, status }: Word) {
  const order = await ctx.system.Order.get(orderId);
  if (order === null || refund < 0 || refund > order.paid) throw ctx.error(422, "REFUND_RANGE", "A refund is between nothing and what was paid.", { path: "refund" });
  await ctx.system.Settlement.create({ disputeId: id, refund, currency: order.currency, by, actor: by === "STAFF" ? ctx.auth.subject : null, reason });
  if (status === "SETTLED") await ctx.system.Order.update(orderId, { refunded: refund, status: "SETTLED" });
  return ctx.system.Dispute.update(id, { status });
}

export const Endpoints = endpoints({
  // The same candidates for the same words and a buyer who has bought nothing since are ranked once a day: the key says what they were.
  async discover(ctx, { words, category, below }) {
    const found = await ctx.db.Listing.find({ search: words, published: true, ...(category == null ? {} : { category }), ...(below == null ? {} : { price: { lt: below } }), limit: FOUND });
    if (found.length < 2) return found;
    const sellers = await ctx.db.Seller.find({ id: { in: [...new Set(found.map(({ sellerId }) => sellerId))] } });
    const candidates = found.map(({ id, title, category: kind, price, sellerId }) => ({ id, title, category: kind, price, trust: sellers.find((one) => one.id === sellerId)?.trust ?? 0 }));
    const bought = await ctx.db.Order.first({ buyerId: ctx.auth.subject!, order: { createdAt: "desc" } });
    const key = await hashOf([ctx.auth.subject, bought?.id ?? null, words, candidates]);
    const { value } = await ctx.decide.rankForBuyer({ words, candidates }, { key });
    const place = new Map((value?.ids ?? []).map((id, index) => [id, index] as const));
    return found.toSorted((a, b) => (place.get(a.id) ?? FOUND) - (place.get(b.id) ?? FOUND));
  },
});

async function hashOf(value: unknown): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(value)));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const Jobs = jobs({
  async settle(ctx, { disputeId }) {
    return (await ctx.decide.proposeSettlement({ disputeId })).state;
  },
});

export const Fallbacks = fallbacks({
  asFound: ({ candidates }) => ({ ids: candidates.map(({ id }: { id: string }) => id) }),
  asTrusted: (_input, { seller }) => ({ score: seller.trust }),
});
