// The store under kill -9: no acknowledged order or payment is lost, none is half done, and asking again with the same key does nothing twice.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { systemRandom } from "../../src/base/random.ts";
import type { HttpAnswer } from "../processes/http-caller.ts";
import { addProduct, availableOf, expectStatus, filledCart, type Order, placeOrder, startStore, statusOf, type Store } from "./store-process.ts";

const ROUNDS = 4;
const CARTS = 24;
const STOCK = 200;
const KILLED_WITHIN_MS = 600;

let store: Store;
beforeAll(async () => { store = await startStore(); });
afterAll(() => store.stop());

interface Attempt { readonly cart: string; answer: HttpAnswer | null }

/** Null: the process died before it answered. */
const sent = (request: Promise<HttpAnswer>): Promise<HttpAnswer | null> => request.catch(() => null);

test("killed during a burst of checkouts: acknowledged orders are whole, the others are not there at all", async () => {
  const random = systemRandom();
  const products = [await addProduct(store, { available: STOCK }), await addProduct(store, { available: STOCK })] as const;
  const placed = new Map<string, Order>();
  let interrupted = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const attempts = await Promise.all(Array.from({ length: CARTS }, async (): Promise<Attempt> => (
      { cart: await filledCart(store.customer, { sku: products[0].sku, quantity: 1 }, { sku: products[1].sku, quantity: 2 }), answer: null }
    )));
    const checkout = (attempt: Attempt): Promise<HttpAnswer | null> => sent(store.customer.post(`/Cart/${attempt.cart}/checkout`, {}, { "idempotency-key": attempt.cart }));
    const burst = attempts.map(async (attempt) => { attempt.answer = await checkout(attempt); });
    await Bun.sleep(random.next() * KILLED_WITHIN_MS);
    await store.process.kill();
    await Promise.all(burst);
    await store.restart();
    for (const attempt of attempts) {
      const first = attempt.answer;
      if (first !== null) expectStatus(first, 200);
      else interrupted += 1;
      // The same request again: what was acknowledged answers the same, what was not happens now, or had happened.
      const again = expectStatus((await checkout(attempt))!, 200);
      if (first !== null) expect([again.text, again.headers.get("idempotency-replayed")]).toEqual([first.text, "true"]);
      placed.set(attempt.cart, again.json<Order>());
    }
    const lines = (await store.support.get(`/OrderLine?productId=in.(${products.map(({ id }) => id).join(",")})&select=orderId,quantity`)).json<{ orderId: string; quantity: number }[]>();
    const orders = [...placed.values()];
    expect(lines.length).toBe(orders.length * 2);
    expect(new Set(lines.map(({ orderId }) => orderId))).toEqual(new Set(orders.map(({ id }) => id)));
    expect([await availableOf(store, products[0]), await availableOf(store, products[1])]).toEqual([STOCK - orders.length, STOCK - 2 * orders.length]);
    expect((await store.customer.get("/Cart?lineCount=gt.0&select=id")).json()).toEqual([]);
  }
  const numbers = [...placed.values()].map(({ number }) => Number(number)).sort((left, right) => left - right);
  expect(numbers).toEqual(numbers.map((_, index) => numbers[0]! + index));
  console.log(`${placed.size} orders over ${ROUNDS} kills, ${interrupted} of them interrupted`);
});

test("killed while the payment service works: the same key does not pay again, another one does, and there is one charge", async () => {
  const { customer, payment } = store;
  const order = await placeOrder(customer, await addProduct(store));
  const pay = (card: string, key: string): Promise<HttpAnswer> => customer.post(`/Order/${order.id}/pay`, { card }, { "idempotency-key": key });
  const paying = sent(pay("tok_held", "before-the-crash"));
  await payment.held();
  await store.process.kill();
  payment.release();
  expect(await paying).toBeNull();
  await store.restart();
  const unknown = await pay("tok_held", "before-the-crash");
  expect([unknown.status, unknown.code]).toEqual([409, "OUTCOME_UNKNOWN"]);
  expect(await statusOf(store, order)).toBe("PENDING");
  expect(expectStatus(await pay("tok_ok", "after-it"), 200).json<Order>().status).toBe("PAID");
  expect(payment.chargesOf(order.id).length).toBe(1);
});

test("stopped in the middle of a payment: the payment is finished and answered first", async () => {
  const { customer, payment } = store;
  const order = await placeOrder(customer, await addProduct(store));
  const paying = customer.post(`/Order/${order.id}/pay`, { card: "tok_held" });
  await payment.held();
  const stopped = store.process.stop();
  await Bun.sleep(50);
  payment.release();
  expect(expectStatus(await paying, 200).json<Order>().status).toBe("PAID");
  expect(await stopped).toBe(0);
  await store.restart();
  expect(await statusOf(store, order)).toBe("PAID");
});
