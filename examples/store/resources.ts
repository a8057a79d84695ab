/// <reference path="./.ambit/types.d.ts" />
import { Table, endpoints, fallbacks, jobs, type Args, type Ctx, type Input, type RecordOf } from "ambit";

type Line = { sku: string; quantity: number };
type Place = { lat: number; lon: number };

export class Cart extends Table("Cart") {
  async fill({ lines }: Args<"Cart.fill">) {
    for (const line of await this.ctx.system.CartLine.find({ cartId: this.id })) await this.ctx.system.CartLine.remove(line.id);
    let total = 0;
    for (const [index, line] of lines.entries()) {
      const path = `lines[${index}].sku`;
      if (lines.findIndex(({ sku }) => sku === line.sku) < index) throw this.ctx.error(400, "DUPLICATE_SKU", `${line.sku} has a line already.`, { path });
      const priced = await priceOf(this.ctx, line, this.currency, path);
      await this.ctx.system.CartLine.create({ cartId: this.id, ...line, price: priced.price, currency: priced.currency });
      total += priced.price * line.quantity;
    }
    return this.update({ total, lineCount: lines.length });
  }

  async checkout({ note, shipTo = null }: Args<"Cart.checkout">) {
    const { ctx } = this;
    const lines = await ctx.system.CartLine.find({ cartId: this.id });
    if (lines.length === 0) throw ctx.error(409, "CART_EMPTY", "There is nothing in the cart.");
    const wanted = await Promise.all(lines.map(async (line) => {
      const product = await ctx.db.Product.first({ sku: line.sku, published: true });
      if (product === null) throw ctx.error(409, "OUT_OF_STOCK", `${line.sku} is no longer sold.`, { sku: line.sku });
      return { line, product };
    }));
    const { warehouseId, promisedDays } = await reserve(ctx, wanted.map(({ line, product }) => ({ productId: product.id, sku: line.sku, quantity: line.quantity })), shipTo);
    const reservedUntil = new Date(ctx.now().getTime() + Number(ctx.values.reservationMs));
    const order = await ctx.system.Order.create({
      customerId: this.customerId, currency: this.currency, warehouseId, promisedDays, dayMs: Number(ctx.values.dayMs), shipTo, reservedUntil, note: note ?? null, total: lines.reduce((sum, line) => sum + line.total, 0),
    });
    await ctx.at(reservedUntil, "endReservation", { orderId: order.id });
    await ctx.enqueue("route", { orderId: order.id });
    for (const { line, product } of wanted) {
      await ctx.system.OrderLine.create({ orderId: order.id, productId: product.id, quantity: line.quantity, price: line.price, currency: line.currency });
      await ctx.system.CartLine.remove(line.id);
    }
    await this.update({ total: 0, lineCount: 0 });
    return order;
  }
}

export class CartLine extends Table("CartLine") {
  // A single line added by the customer: the price is looked up here, and the cart's total follows.
  static override async create(ctx: Ctx, input: Input<"CartLine">) {
    if (input.price !== undefined) return super.create(ctx, input);
    const cart = await ctx.db.Cart.get(input.cartId);
    if (cart === null) throw ctx.error(400, "UNKNOWN_CART", "There is no such cart.", { path: "cartId" });
    if (cart.lineCount >= 50) throw ctx.error(400, "CART_FULL", "A cart holds at most 50 lines.", { path: "lines" });
    const { price, currency } = await priceOf(ctx, input, cart.currency, "sku");
    const line = await super.create(ctx, { ...input, price, currency });
    await ctx.system.Cart.update(cart.id, { total: cart.total + line.total, lineCount: cart.lineCount + 1 });
    return line;
  }

  override async remove() {
    const { ctx, cartId, total } = this;
    await super.remove();
    const cart = await ctx.system.Cart.get(cartId);
    if (cart !== null) await ctx.system.Cart.update(cart.id, { total: cart.total - total, lineCount: cart.lineCount - 1 });
  }
}

export class Order extends Table("Order") {
  async pay({ card }: Args<"Order.pay">) {
    const { ctx } = this;
    if (!isHeld(ctx, this)) throw illegal(ctx, this.status === "PENDING" ? "PAYMENT_FAILED" : this.status, "PAID");
    // The key is the order's: whoever asks again, and after whatever crash, there is one charge.
    const answer = await askPayment(ctx, "/charges", `charge-${this.id}`, { order: this.id, amount: this.total, currency: this.currency, card });
    if (answer.status === 402) throw ctx.error(402, "PAYMENT_DECLINED", "The payment was declined.");
    if (!answer.ok) throw ctx.error(502, "PAYMENT_UNAVAILABLE", "The payment service did not accept the charge.");
    const { id } = await answer.json() as { id: string };
    // It may have been cancelled, paid by another request or out of time while the payment service worked.
    const { order, isSold } = await ctx.transaction((ctx) => settle(ctx, this.id, id));
    if (!isSold) throw illegal(ctx, order.status, "PAID");
    return order;
  }

  async cancel({ reason }: Args<"Order.cancel">) {
    const { ctx } = this;
    if (!["PENDING", "PAID", "PAYMENT_FAILED", "ALLOCATED"].includes(this.status)) throw illegal(ctx, this.status, "CANCELLED");
    if (this.status !== "PAYMENT_FAILED") await letGo(ctx, this);
    if (this.paymentId !== null) await askRefund(ctx, this, this.paymentId);
    return this.update({ status: "CANCELLED", cancelReason: reason ?? null });
  }

  // Called by routeOrder in its own commit: what is refused here makes it fall back.
  async reroute({ warehouseId, days }: Args<"Order.reroute">) {
    const { ctx } = this;
    if (!["PENDING", "PAID"].includes(this.status)) throw ctx.error(409, "ILLEGAL_STEP", `An order that is ${this.status} is not rerouted.`, { from: this.status });
    // What is offered or agreed about its delivery stands.
    if (this.slotFrom !== null) return this;
    if (warehouseId !== this.warehouseId) {
      for (const { productId, quantity } of await ctx.system.OrderLine.find({ orderId: this.id })) {
        const stock = await ctx.system.Stock.first({ productId, warehouseId, available: { gte: quantity } });
        if (stock === null) throw ctx.error(409, "OUT_OF_STOCK", "The warehouse does not have all of it.");
        await ctx.system.Stock.increment(stock.id, "available", -quantity);
      }
      await release(ctx, this);
    }
    return this.update({ warehouseId, promisedDays: days });
  }

  async holdSlot() {
    await this.ctx.system.Warehouse.increment(this.warehouseId, "slots", -1);
    await this.update({ slotFrom: this.warehouseId });
    return true;
  }

  async freeSlot() { return freeSlot(this.ctx, this); }

  // Called by an acceptance in its own commit: what is refused here is not agreed.
  async agree({ days, credit, currency }: Args<"Order.agree">) {
    const { ctx } = this;
    if (!["PENDING", "PAID"].includes(this.status)) throw ctx.error(409, "ILLEGAL_STEP", `The delivery of an order that is ${this.status} is not agreed any more.`, { from: this.status });
    if (credit > 0) await ctx.system.Credit.create({ orderId: this.id, amount: credit, currency });
    await this.update({ promisedDays: days, agreed: true });
    return true;
  }

  allocate() { return step(this, "PAID", "ALLOCATED"); }
  ship() { return step(this, "ALLOCATED", "SHIPPED"); }
  deliver() { return step(this, "SHIPPED", "DELIVERED"); }
}

export class Credit extends Table("Credit") {
  // However often its delivery was agreed: what comes late is paid for once.
  static override async create(ctx: Ctx, input: Input<"Credit">) {
    const paid = input.commitment == null ? null : await ctx.system.Credit.first({ orderId: input.orderId, commitment: { is: "not_null" } });
    return paid ?? super.create(ctx, input);
  }
}

type OrderRecord = RecordOf<"Order">;
type Status = OrderRecord["status"];

async function step(order: Order, from: Status, to: Status) {
  if (order.status !== from) throw illegal(order.ctx, order.status, to);
  return order.update({ status: to });
}

export const Endpoints = endpoints({
  async availability(ctx, { sku }) {
    const product = await ctx.db.Product.first({ sku });
    if (product === null) throw ctx.error(404, "UNKNOWN_SKU", "There is no such product.");
    const best = await ctx.system.Stock.first({ productId: product.id, order: { available: "desc" } });
    return { sku, available: best?.available ?? 0 };
  },

  async chargeChanged(ctx, { order, charge, state }) {
    if (state === "SUCCEEDED") await settle(ctx, order, charge);
    if (state === "FAILED") await fail(ctx, order);
    return true;
  },

  async refundAnswered(ctx, { refundId, answer }) {
    const { delivered } = answer as { delivered: boolean };
    await ctx.system.Refund.update(refundId, { status: delivered ? "DONE" : "FAILED" });
    return true;
  },
});

export const Fallbacks = fallbacks({
  // Where it is held already counts as having it.
  nearestWithStock(_input, { order, warehouses }) {
    const hasAll = (id: string) => id === order.warehouseId || order.lines.every((line: any) => line.product.stock.some((one: any) => one.warehouseId === id && one.available >= line.quantity));
    const nearest = byDistance(warehouses.filter(({ id }: { id: string }) => order.shipTo !== null ? hasAll(id) : id === order.warehouseId), order.shipTo)[0]!;
    return { warehouseId: nearest.id, days: promise(nearest, order.shipTo), reason: "the nearest that has all of it" };
  },

  asPromised(_input, { order }) {
    return { orderId: order.id, days: order.promisedDays, by: new Date(Date.parse(order.placedAt) + order.promisedDays * order.dayMs).toISOString(), credit: 0, amount: Math.floor(order.total / 20), currency: order.currency };
  },
});

export const Jobs = jobs({
  async route(ctx, { orderId }) {
    return (await ctx.decide.routeOrder({ orderId })).state;
  },

  async endReservation(ctx, { orderId }) {
    return ctx.transaction((ctx) => fail(ctx, orderId));
  },
});

/** Its stock is held for it, and it can be paid. The clock decides, even when the job that ends it comes later. */
function isHeld(ctx: Ctx, { status, reservedUntil }: OrderRecord): boolean {
  return status === "PENDING" && (reservedUntil === null || new Date(reservedUntil) > ctx.now());
}

/** Money has come: a sale if it came in time, else to be given back. Told again of the same charge, it does nothing. */
async function settle(ctx: Ctx, orderId: string, paymentId: string) {
  const order = await ctx.system.Order.get(orderId);
  if (order === null) throw ctx.error(404, "UNKNOWN_ORDER", "There is no such order.");
  if (isHeld(ctx, order)) return { order: await ctx.system.Order.update(order.id, { status: "PAID", paymentId }), isSold: true };
  if (order.paymentId !== paymentId) await askRefund(ctx, order, paymentId);
  return { order, isSold: false };
}

/** It will not be paid: what was held for it is free again. Of an order that is not pending it changes nothing. */
async function fail(ctx: Ctx, orderId: string): Promise<boolean> {
  const order = await ctx.system.Order.get(orderId);
  if (order?.status !== "PENDING") return false;
  await letGo(ctx, order);
  await ctx.system.Order.update(order.id, { status: "PAYMENT_FAILED" });
  return true;
}

/** It will not be sent: what is held for it is free again, and nobody is paid for waiting for it. */
async function letGo(ctx: Ctx, order: OrderRecord): Promise<void> {
  await release(ctx, order);
  await freeSlot(ctx, order);
  for (const { id } of await ctx.system.Credit.find({ orderId: order.id, commitment: null })) await ctx.system.Credit.remove(id);
}

async function freeSlot(ctx: Ctx, { id, slotFrom }: OrderRecord): Promise<boolean> {
  if (slotFrom === null) return false;
  await ctx.system.Warehouse.increment(slotFrom, "slots", 1);
  await ctx.system.Order.update(id, { slotFrom: null });
  return true;
}

async function release(ctx: Ctx, { id, warehouseId }: OrderRecord): Promise<void> {
  for (const { productId, quantity } of await ctx.system.OrderLine.find({ orderId: id })) {
    const stock = await ctx.system.Stock.first({ productId, warehouseId });
    if (stock !== null) await ctx.system.Stock.increment(stock.id, "available", quantity);
  }
}

/** Once for each charge, however often it is asked for; sent after the commit until the payment service has it. */
async function askRefund(ctx: Ctx, { id, total, currency }: OrderRecord, paymentId: string): Promise<void> {
  if (await ctx.system.Refund.first({ paymentId }) !== null) return;
  const refund = await ctx.system.Refund.create({ orderId: id, paymentId, amount: total, currency });
  await ctx.send({
    url: `${ctx.values.paymentUrl}/charges/${encodeURIComponent(paymentId)}/refund`, body: {}, key: `refund-${paymentId}`, giveUpOn: [404, 410],
    then: { call: "refundAnswered", input: { refundId: refund.id } },
  });
}

async function askPayment(ctx: Ctx, path: string, key: string, body: object) {
  const request = { method: "POST", headers: { "content-type": "application/json", "idempotency-key": key }, body: JSON.stringify(body) };
  try {
    return await ctx.fetch(`${ctx.values.paymentUrl}${path}`, { ...request, signal: AbortSignal.timeout(Number(ctx.values.paymentTimeoutMs)) });
  } catch (error) {
    ctx.log.warn("payment service did not answer", { path, reason: String(error) });
    throw ctx.error(504, "PAYMENT_UNKNOWN", "The payment service did not answer in time. Ask again: nothing is charged twice.");
  }
}

function illegal(ctx: Ctx, from: string, to: string) {
  return ctx.error(409, "ILLEGAL_STEP", `An order that is ${from} cannot become ${to}.`, { from, to });
}

async function priceOf(ctx: Ctx, line: Line, currency: string, path: string) {
  const product = await ctx.db.Product.first({ sku: line.sku, published: true });
  if (product === null) throw ctx.error(400, "UNKNOWN_SKU", `There is no product ${line.sku}.`, { path });
  if (product.currency !== currency) throw ctx.error(400, "OTHER_CURRENCY", `${line.sku} is sold in ${product.currency}, the cart is in ${currency}.`, { path });
  return { price: product.price, currency: product.currency };
}

/** Takes all of it from the nearest warehouse that has all of it; of those as near, from the one that has most of the first product left. */
async function reserve(ctx: Ctx, wanted: readonly { productId: string; sku: string; quantity: number }[], shipTo: Place | null): Promise<{ warehouseId: string; promisedDays: number }> {
  const [first] = wanted;
  const stocked = await ctx.system.Stock.find({ productId: first!.productId, available: { gte: first!.quantity }, order: { available: "desc" } });
  const warehouses = await Promise.all(stocked.map(({ warehouseId }) => ctx.system.Warehouse.get(warehouseId)));
  for (const warehouse of byDistance(warehouses.filter((one) => one !== null), shipTo)) {
    const stocks = await Promise.all(wanted.map(({ productId, quantity }) => ctx.system.Stock.first({ productId, warehouseId: warehouse.id, available: { gte: quantity } })));
    if (stocks.some((stock) => stock === null)) continue;
    for (const [index, stock] of stocks.entries()) await ctx.system.Stock.increment(stock!.id, "available", -wanted[index]!.quantity);
    return { warehouseId: warehouse.id, promisedDays: promise(warehouse, shipTo) };
  }
  throw ctx.error(409, "OUT_OF_STOCK", "No warehouse has all of it.", { skus: wanted.map(({ sku }) => sku) });
}

type Site = { id: string; place: Place; leadDays: number };

/** Nearest first; those as near, or where nobody has said to where, in the order given. */
function byDistance<One extends Site>(sites: readonly One[], to: Place | null): One[] {
  return to === null ? [...sites] : [...sites].sort((left, right) => kilometres(left.place, to) - kilometres(right.place, to));
}

/** Days within which a parcel from there is with the customer. */
function promise({ place, leadDays }: Site, to: Place | null): number {
  return Math.min(7, leadDays + (to === null ? 2 : Math.floor(kilometres(place, to) / 500)));
}

function kilometres(from: Place, to: Place): number {
  const radians = (degrees: number) => degrees * Math.PI / 180;
  const half = Math.sin(radians(to.lat - from.lat) / 2) ** 2 + Math.cos(radians(from.lat)) * Math.cos(radians(to.lat)) * Math.sin(radians(to.lon - from.lon) / 2) ** 2;
  return 6_371 * 2 * Math.asin(Math.sqrt(half));
}
