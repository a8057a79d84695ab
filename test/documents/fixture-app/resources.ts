/// <reference path="./.ambit/types.d.ts" />
import { Table, endpoints, fallbacks, fetched, jobs, sources, tools, type Args, type Ctx, type Input } from "ambit";

export class Product extends Table("Product") {
  async reprice({ percent }: Args<"Product.reprice">) {
    return this.update({ price: Math.round(this.price * (100 + percent) / 100) });
  }

  static async withdraw(ctx: Ctx, { category }: Args<"Product.withdraw">) {
    const products = await ctx.db.Product.find({ category, published: true });
    for (const product of products) await ctx.db.Product.update(product.id, { published: false });
    return products.length;
  }
}

export class Photo extends Table("Photo") {
  async shrink() {
    const whole = await this.ctx.file(this.image).blob();
    return this.update({ thumbnail: whole.slice(0, 1_000) });
  }
}

export class Order extends Table("Order") {
  static override async create(ctx: Ctx, input: Input<"Order">) {
    const product = await ctx.db.Product.get(input.productId);
    if (product === null) throw ctx.error(404, "UNKNOWN_PRODUCT", "There is no such product.", { path: "productId" });
    return super.create(ctx, { ...input, total: product.price * input.quantity, currency: product.currency });
  }

  async cancel({ reason }: Args<"Order.cancel">) {
    if (this.status !== "PENDING") throw this.ctx.error(409, "NOT_CANCELLABLE", "Only pending orders can be cancelled.");
    return this.update({ status: "CANCELLED", note: reason ?? this.note });
  }
}

export const Tools = tools({
  async inStock(ctx, { productId }) {
    return (await ctx.db.Stock.find({ productId })).reduce((sum, { available }) => sum + available, 0);
  },
});

export const Fallbacks = fallbacks({
  voucher: ({ percent }, { order }) => ({ action: "VOUCHER", amount: Math.round(order.total * percent / 100) }),
});

export const Sources = sources({
  ExchangeRate: {
    async get(_ctx, id, previous) {
      if (id === "DOWN") throw new Error("the bank is closed");
      if (id === "ODD") return { id, rate: -1 };
      return previous ?? fetched({ id, rate: 1.1 }, { etag: `"${id}"` });
    },
    async put() { /* The bank takes it as it is. */ },
  },
});

export const Endpoints = endpoints({
  async pleaseInside(ctx, { orderId }) {
    return (await ctx.decide.refund({ orderId, story: "It came broken." })).value?.action;
  },
  async please(ctx, { orderId }) {
    return (await ctx.decide.refund({ orderId, story: "It came broken." })).value?.action;
  },
  async quote(ctx, { sku, quantity }) {
    const product = await ctx.db.Product.first({ sku });
    if (product === null) throw ctx.error(404, "UNKNOWN_SKU", "There is no such product.");
    return { sku, price: product.price * quantity, currency: product.currency };
  },
  async cheapest(ctx, { category }) {
    const product = await ctx.db.Product.first({ category, order: { price: "asc" } });
    return product!;
  },
  async retitle(ctx, { sku, title, countFirst }) {
    const product = (await ctx.db.Product.first({ sku }))!;
    const before = countFirst ? await ctx.db.Product.count({ search: title }) : null;
    await ctx.db.Product.update(product.id, { title });
    return before ?? await ctx.db.Product.count({ search: title });
  },
  async importRate(ctx, { currency }) {
    return { currency, rate: await rateOf(ctx, currency) };
  },
  async askRate(ctx, { currency }) {
    return { currency, rate: await rateOf(ctx, currency) };
  },
  async waitForDelivery() {
    return new Promise<boolean>(() => {});
  },
  async announce(ctx, { sku, url }) {
    return ctx.send({ url, sign: "partner", body: { sku } });
  },
  async announced(ctx, { sku, answer }) {
    ctx.log.info("told", { sku, answer });
    return true;
  },
  async pushed(ctx, { ref }) {
    return ref === "refs/heads/main";
  },
  async myOrders(ctx, { limit, after }) {
    return ctx.db.Order.find({ order: { placedAt: "desc" }, limit, after });
  },
});

export const Jobs = jobs({
  async restock(ctx, { productId, quantity }) {
    return ctx.transaction(async (ctx) => {
      const stock = (await ctx.system.Stock.first({ productId }))!;
      return (await ctx.system.Stock.increment(stock.id, "available", quantity)).available;
    });
  },
  async countStock(ctx) {
    return ctx.system.Stock.count();
  },
});

async function rateOf(ctx: Ctx, currency: string): Promise<number> {
  const answer = await ctx.fetch(`${ctx.values.ratesUrl}/rates/${currency}`);
  return (await answer.json() as { rate: number }).rate;
}
