// The store's promise 5, over HTTP alone: an order that is declined or not paid in time fails and gives its stock back, once, also when the
// store was down meanwhile; money that comes too late is asked back, once, and is no sale.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startApp } from "../processes/app-process.ts";
import { until } from "../processes/waits.ts";
import { countAnswers, type HttpAnswer, httpCaller } from "../processes/http-caller.ts";
import { addProduct, availableOf, type ChargeEvent, eventually, expectStatus, keys, type Order, placeOrder, type Product, startStore, statusOf, type Store, storeFolder, tell } from "./store-process.ts";

const RESERVED_MS = 3_600_000;
const TIMEOUT_MS = 20_000;
const STOCK = 5;

let store: Store;
/** Its reservations do not end within the test. */
let patient: Store;
beforeAll(async () => {
  [store, patient] = await Promise.all([
    startStore({ environment: { RESERVATION_MS: String(RESERVED_MS), PAYMENT_TIMEOUT_MS: String(TIMEOUT_MS) } }),
    startStore({ environment: { RESERVATION_MS: String(24 * RESERVED_MS), PAYMENT_TIMEOUT_MS: String(TIMEOUT_MS) } }),
  ]);
});
afterAll(async () => { await Promise.all([store.stop(), patient.stop()]); });

let events = 0;

const event = (order: Order, charge: string, state = "SUCCEEDED", version = 1): ChargeEvent => ({ id: `evt_${++events}`, order: order.id, charge, version, state });

const pay = (of: Store, order: Order, card: string): Promise<HttpAnswer> => of.customer.post(`/Order/${order.id}/pay`, { card });

/** The order's status and what is left of its product. */
const stateOf = async (of: Store, order: Order, product: Product): Promise<[string, number]> => [await statusOf(of, order), await availableOf(of, product)];

interface Refund { readonly paymentId: string; readonly amount: number; readonly status: string }

async function refundsOf(of: Store, order: Order): Promise<Refund[]> {
  return (await of.support.get(`/Refund?orderId=${order.id}&select=paymentId,amount,status`)).json<Refund[]>();
}

/** An order whose charge the payment service accepted without ever saying so in time. */
async function unansweredOrder(of: Store): Promise<{ product: Product; order: Order; charge: string }> {
  const product = await addProduct(of, { available: STOCK });
  const order = await placeOrder(of.customer, product);
  const paying = pay(of, order, "tok_held");
  await until(() => of.payment.chargesOf(order.id).length > 0, "the charge is asked for");
  await of.forward(TIMEOUT_MS);
  expect((await paying).code).toBe("PAYMENT_UNKNOWN");
  return { product, order, charge: of.payment.chargesOf(order.id)[0]!.id };
}

async function expectRefunded(of: Store, order: Order, charge: string): Promise<void> {
  await eventually(() => refundsOf(of, order), [{ paymentId: charge, amount: order.total, status: "DONE" }]);
  expect(of.payment.chargesOf(order.id).map(({ refunded }) => refunded)).toEqual([true]);
  expect(new Set(of.payment.refundKeys.filter((key) => key.endsWith(charge)))).toEqual(new Set([`refund-${charge}`]));
}

test("declined, and no other card in time: it fails, the stock is free again, and it cannot be paid any more", async () => {
  const product = await addProduct(store, { available: STOCK });
  const order = await placeOrder(store.customer, product);
  expect((await pay(store, order, "tok_declined")).code).toBe("PAYMENT_DECLINED");
  await store.forward(RESERVED_MS);
  await eventually(() => stateOf(store, order, product), ["PAYMENT_FAILED", STOCK]);
  expect((await pay(store, order, "tok_ok")).code).toBe("ILLEGAL_STEP");
  expect(store.payment.chargesOf(order.id)).toEqual([]);
  // Cancelled after that, it does not give the stock back again.
  expectStatus(await store.customer.post(`/Order/${order.id}/cancel`, {}), 200);
  expect(await stateOf(store, order, product)).toEqual(["CANCELLED", STOCK]);
});

test("nobody pays: of many at once each fails, and each unit comes back once", async () => {
  const product = await addProduct(store, { available: STOCK });
  const orders = await Promise.all(Array.from({ length: STOCK }, () => placeOrder(store.customer, product)));
  await store.forward(RESERVED_MS);
  await eventually(() => Promise.all(orders.map((order) => statusOf(store, order))), orders.map(() => "PAYMENT_FAILED"));
  expect(await availableOf(store, product)).toBe(STOCK);
});

test("a sale stays one when the time has passed", async () => {
  const product = await addProduct(store, { available: STOCK });
  const [sold, other] = [await placeOrder(store.customer, product), await placeOrder(store.customer, product)];
  expectStatus(await pay(store, sold, "tok_ok"), 200);
  await store.forward(RESERVED_MS);
  await eventually(() => statusOf(store, other), "PAYMENT_FAILED");
  expect(await stateOf(store, sold, product)).toEqual(["PAID", STOCK - 1]);
});

test("the payment service says that it failed: at once, and once", async () => {
  const { product, order, charge } = await unansweredOrder(patient);
  const failed = event(order, charge, "FAILED");
  const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => tell(patient, failed, { delivery: `again-${index}` })));
  expect(countAnswers(answers)).toEqual({ 200: 8 });
  expect(answers.filter(({ text }) => text.includes("duplicate")).length).toBe(7);
  expect(await stateOf(patient, order, product)).toEqual(["PAYMENT_FAILED", STOCK]);
  expect(await refundsOf(patient, order)).toEqual([]);
});

test("success that is told in time is the sale; repeated, older or contradicting words change nothing", async () => {
  const { product, order, charge } = await unansweredOrder(patient);
  const succeeded = event(order, charge, "SUCCEEDED", 2);
  const answers = await Promise.all(Array.from({ length: 8 }, () => tell(patient, succeeded)));
  expect(countAnswers(answers)).toEqual({ 200: 8 });
  expect((await tell(patient, event(order, charge, "FAILED", 1))).json<object>()).toEqual({ ignored: "older" });
  expectStatus(await tell(patient, event(order, charge, "SUCCEEDED", 3)), 200);
  expectStatus(await tell(patient, event(order, charge, "FAILED", 4)), 200);
  expect((await pay(patient, order, "tok_ok")).code).toBe("ILLEGAL_STEP");
  expect(await stateOf(patient, order, product)).toEqual(["PAID", STOCK - 1]);
  expect(await refundsOf(patient, order)).toEqual([]);
});

test("success that is told too late: one refund is asked for, however often it is told, and nothing is sold", async () => {
  const { product, order, charge } = await unansweredOrder(store);
  await store.forward(RESERVED_MS);
  await eventually(() => stateOf(store, order, product), ["PAYMENT_FAILED", STOCK]);
  const late = event(order, charge);
  const answers = await Promise.all([
    ...Array.from({ length: 6 }, () => tell(store, late)),
    ...Array.from({ length: 6 }, () => tell(store, event(order, charge))),
  ]);
  expect(countAnswers(answers)).toEqual({ 200: 12 });
  await expectRefunded(store, order, charge);
  expect(await stateOf(store, order, product)).toEqual(["PAYMENT_FAILED", STOCK]);
});

test("a second charge is given back and the sale stays; a sale that is cancelled is given back, too", async () => {
  const product = await addProduct(patient, { available: STOCK });
  const order = await placeOrder(patient.customer, product);
  expectStatus(await pay(patient, order, "tok_ok"), 200);
  const [charge] = patient.payment.chargesOf(order.id);
  const second = patient.payment.add({ order: order.id, amount: order.total, currency: "EUR", card: "tok_other" });
  expectStatus(await tell(patient, event(order, second.id)), 200);
  await eventually(() => refundsOf(patient, order), [{ paymentId: second.id, amount: order.total, status: "DONE" }]);
  expect(patient.payment.chargesOf(order.id).map(({ refunded }) => refunded)).toEqual([false, true]);
  expect(await stateOf(patient, order, product)).toEqual(["PAID", STOCK - 1]);
  expectStatus(await patient.customer.post(`/Order/${order.id}/cancel`, {}), 200);
  await eventually(async () => patient.payment.charges.find(({ id }) => id === charge!.id)!.refunded, true);
});

test("killed before the time is over: it fails once after the restart, and a success that waited for the store is refunded", async () => {
  const { product, order, charge } = await unansweredOrder(store);
  const placed = await placeOrder(store.customer, product);
  await store.process.kill();
  await store.forward(RESERVED_MS);
  await store.restart();
  // Told at once: whether or not the job has run by now, it is too late.
  expectStatus(await tell(store, event(order, charge)), 200);
  await eventually(() => Promise.all([order, placed].map((one) => statusOf(store, one))), ["PAYMENT_FAILED", "PAYMENT_FAILED"]);
  expect(await availableOf(store, product)).toBe(STOCK);
  await expectRefunded(store, order, charge);
});

test("killed while the payment service takes no refunds: the refund is asked for after the restart, with the same key", async () => {
  const { product, order, charge } = await unansweredOrder(store);
  await store.forward(RESERVED_MS);
  await eventually(() => stateOf(store, order, product), ["PAYMENT_FAILED", STOCK]);
  store.payment.refusesRefunds = true;
  const late = event(order, charge);
  expectStatus(await tell(store, late), 200);
  await store.process.kill();
  await store.restart();
  expect((await tell(store, late)).json<object>()).toEqual({ ignored: "duplicate" });
  expect((await refundsOf(store, order)).map(({ status }) => status)).toEqual(["ASKED"]);
  store.payment.refusesRefunds = false;
  await expectRefunded(store, order, charge);
  expect(await stateOf(store, order, product)).toEqual(["PAYMENT_FAILED", STOCK]);
});

test("a refund that the payment service does not know is marked, for people to look at", async () => {
  const { order } = await unansweredOrder(patient);
  expectStatus(await patient.customer.post(`/Order/${order.id}/cancel`, {}), 200);
  expectStatus(await tell(patient, event(order, "ch_unknown")), 200);
  await eventually(() => refundsOf(patient, order), [{ paymentId: "ch_unknown", amount: order.total, status: "FAILED" }]);
});

test("who cannot sign cannot tell; an order that is not there is told again; other words have no effect", async () => {
  const { product, order, charge } = await unansweredOrder(patient);
  const unsigned = await patient.anonymous.post("/hooks/payments", event(order, charge));
  const forged = await tell(patient, event(order, charge), { secret: "whsec_Zm9yZ2VkIGZvcmdlZCBmb3JnZWQ=" });
  const asked = await patient.administrator.post("/hooks/payments", event(order, charge));
  expect(countAnswers([unsigned, forged, asked])).toEqual({ "401 WEBHOOK_SIGNATURE": 3 });
  expect((await tell(patient, { ...event(order, charge), order: "none" })).code).toBe("UNKNOWN_ORDER");
  expectStatus(await tell(patient, event(order, charge, "DISPUTED")), 200);
  expect(await stateOf(patient, order, product)).toEqual(["PENDING", STOCK - 1]);
});

test("a customer sees the own refunds alone, and nobody makes or changes one", async () => {
  const { order, charge } = await unansweredOrder(patient);
  expectStatus(await patient.customer.post(`/Order/${order.id}/cancel`, {}), 200);
  expectStatus(await tell(patient, event(order, charge)), 200);
  const path = `/Refund?orderId=${order.id}&select=paymentId`;
  expect([(await patient.customer.get(path)).json<unknown>(), (await patient.other.get(path)).json<unknown>()]).toEqual([[{ paymentId: charge }], []]);
  expect((await patient.anonymous.get(path)).status).toBe(401);
  for (const who of ["customer", "support", "merchant"] as const) {
    expect((await patient[who].post("/Refund", { orderId: order.id, paymentId: "x", amount: 1, currency: "EUR" })).status).toBe(403);
    expect((await patient[who].patch(`/Refund?orderId=eq.${order.id}`, { amount: 1 })).status).toBe(403);
  }
});

test("without a secret nobody can tell", async () => {
  const closed = await startApp(storeFolder, { data: store.scratch.free("closed"), temporary: store.scratch.path, environment: { AMBIT_ADMIN_TOKEN: keys.administrator, AMBIT_LOG: "quiet" } });
  try {
    const answer = await tell({ ...store, anonymous: httpCaller(() => closed.url, null) }, { id: "e", order: "o", charge: "c", version: 1, state: "SUCCEEDED" });
    expect(answer.status).toBe(401);
  } finally {
    await closed.kill();
  }
});
