// The store of examples/ as a process, with its payment service and everybody who calls it. Also the steps that tests repeat.
import { join } from "node:path";
import { type AppProcess, startApp } from "../processes/app-process.ts";
import { type HttpAnswer, type HttpCaller, httpCaller } from "../processes/http-caller.ts";
import { movableClock } from "../processes/movable-clock.ts";
import { root, scratchFolder, type ScratchFolder } from "../processes/scratch-folder.ts";
import { standard, standardSecret } from "../webhooks/signed.ts";
import { type PaymentServer, startPaymentServer } from "./payment-server.ts";
import { until } from "../processes/waits.ts";

export interface Order {
  readonly id: string;
  readonly number: string;
  readonly customerId: string;
  readonly status: string;
  readonly total: number;
  readonly currency: string;
  readonly warehouseId: string;
  readonly paymentId: string | null;
  readonly day: string;
}

export interface Product { readonly id: string; readonly sku: string; readonly price: number; readonly currency: string }

export const keys = { customer: "key-of-the-first-customer", other: "key-of-the-other-customer", support: "key-of-support", merchant: "key-of-the-merchant", administrator: "key-of-the-administrator" } as const;

export const storeFolder = join(root, "examples", "store");

export interface Store {
  readonly scratch: ScratchFolder;
  readonly payment: PaymentServer;
  readonly process: AppProcess;
  /** Its data directory. */
  readonly data: string;
  readonly customer: HttpCaller;
  readonly other: HttpCaller;
  readonly support: HttpCaller;
  readonly merchant: HttpCaller;
  readonly administrator: HttpCaller;
  readonly anonymous: HttpCaller;
  /** Its clock, also while it is dead. */
  forward(byMs: number): Promise<void>;
  now(): number;
  /** On the same data, after it was killed or stopped. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface StoreOptions { readonly seed?: string; readonly environment?: Readonly<Record<string, string>> }

export async function startStore(options: StoreOptions = {}): Promise<Store> {
  const scratch = scratchFolder();
  const payment = startPaymentServer();
  const data = scratch.free("data");
  const clock = movableClock(scratch);
  const start = (seed: string | undefined): Promise<AppProcess> => startApp(storeFolder, {
    data, temporary: scratch.path, ...(seed === undefined ? {} : { seed }),
    environment: {
      CUSTOMER_KEY: keys.customer, OTHER_CUSTOMER_KEY: keys.other, SUPPORT_KEY: keys.support, MERCHANT_KEY: keys.merchant,
      AMBIT_ADMIN_TOKEN: keys.administrator, PAYMENT_URL: payment.url, PAYMENT_WEBHOOK_SECRET: standardSecret, AMBIT_LOG: "quiet",
      ...clock.environment, ...options.environment,
    },
  });
  let process = await start(options.seed ?? "seed.ts");
  const caller = (token: string | null): HttpCaller => httpCaller(() => process.url, token);
  return {
    scratch, payment, data,
    get process() { return process; },
    customer: caller(keys.customer), other: caller(keys.other), support: caller(keys.support), merchant: caller(keys.merchant),
    administrator: caller(keys.administrator), anonymous: caller(null),
    now: () => clock.now(),
    forward: (byMs) => clock.forward(byMs, process),
    async restart() { process = await start(undefined); },
    async stop() {
      payment.release();
      await process.kill();
      await payment.stop();
      scratch.remove();
    },
  };
}

export interface ProductWish { readonly available?: number; readonly price?: number; readonly currency?: string; readonly warehouseId?: string }

let products = 0;

/** A new published product with stock in one warehouse. */
export async function addProduct({ merchant }: Store, { available = 100, price = 1_000, currency = "EUR", warehouseId = "w1" }: ProductWish = {}): Promise<Product> {
  const sku = `TEST-${++products}`;
  const made = await merchant.post("/Product", { sku, title: `Thing ${sku}`, category: "TOYS", price, cost: 1, currency, published: true }, { prefer: "return=representation" });
  const [product] = expectStatus(made, 201).json<Product[]>();
  expectStatus(await merchant.post("/Stock", { productId: product!.id, warehouseId, available }), 201);
  return product!;
}

export async function availableOf({ merchant }: Store, product: Product): Promise<number> {
  return (await merchant.get(`/Stock?productId=${product.id}&select=available`)).json<{ available: number }[]>().reduce((sum, one) => sum + one.available, 0);
}

export interface Line { readonly sku: string; readonly quantity: number }

export async function addCart(customer: HttpCaller): Promise<string> {
  return expectStatus(await customer.post("/Cart", {}, { prefer: "return=representation" }), 201).json<{ id: string }[]>()[0]!.id;
}

/** A cart with these lines. */
export async function filledCart(customer: HttpCaller, ...lines: readonly Line[]): Promise<string> {
  const cart = await addCart(customer);
  expectStatus(await customer.post(`/Cart/${cart}/fill`, { lines }), 200);
  return cart;
}

/** An order of one unit. */
export async function placeOrder(customer: HttpCaller, product: Product): Promise<Order> {
  return expectStatus(await customer.post(`/Cart/${await filledCart(customer, { sku: product.sku, quantity: 1 })}/checkout`, {}), 200).json<Order>();
}

export async function statusOf({ support }: Store, order: Order): Promise<string> {
  return (await support.get(`/Order/${order.id}?select=status`)).json<{ status: string }>().status;
}

/** As the payment service tells of a charge; `id` is the event's. */
export interface ChargeEvent { readonly id: string; readonly order: string; readonly charge: string; readonly version: number; readonly state: string }

/** `delivery`: the id of the message, which a service may change when it repeats one. */
export function tell({ anonymous, now }: Store, event: ChargeEvent, { delivery = event.id, secret = standardSecret } = {}): Promise<HttpAnswer> {
  const { headers, body } = standard(delivery, event, { secret, nowMs: now() });
  return anonymous.post("/hooks/payments", body, headers);
}

/** Fails, instead of waiting for ever, with the value that it had last. */
export async function eventually(read: () => Promise<unknown>, wanted: unknown): Promise<void> {
  let value: unknown;
  await until(async () => Bun.deepEquals(value = await read(), wanted), () => `it stayed ${JSON.stringify(value)}, not ${JSON.stringify(wanted)}`);
}

/** The answer, or an error that shows what came instead. */
export function expectStatus(answer: HttpAnswer, status: number): HttpAnswer {
  if (answer.status !== status) throw new Error(`expected ${status}, got ${answer.status}: ${answer.text}`);
  return answer;
}
