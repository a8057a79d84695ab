// The store's promise 10, over WebSockets: customers see each state change of their own orders once and in order, through lost connections and
// kill -9, and never anything of another's.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { seededRandom } from "../../src/base/random.ts";
import { RawSocket, type Frame } from "../scenarios/live-clients.ts";
import type { HttpCaller } from "../processes/http-caller.ts";
import { addProduct, expectStatus, keys, type Order, placeOrder, startStore, statusOf, type Store } from "./store-process.ts";
import { comesTrue } from "../processes/waits.ts";

const LONG = process.env["AMBIT_TEST_SIZE"] === "long";
const ORDERS = LONG ? 60 : 12;
const KILLS = LONG ? 10 : 2;
const SEED = Number(process.env["AMBIT_TEST_SEED"] ?? 20_261_121);
const random = seededRandom(SEED);
const below = (count: number): number => Math.floor(random.next() * count);

let store: Store;
beforeAll(async () => { store = await startStore(); });
afterAll(() => store.stop());

/** What a customer's screen does: follows the own orders, and goes on where it was whenever the connection is lost. */
class Screen {
  /** By order, all that was told of it. */
  readonly seen = new Map<string, string[]>();
  readonly problems: unknown[] = [];
  connections = 0;
  snapshots = 0;
  readonly #token: string;
  #position: string | null = null;
  #socket: RawSocket | null = null;
  #isOver = false;

  constructor(token: string) { this.#token = token; }

  async run(): Promise<void> {
    while (!this.#isOver) {
      try {
        const socket = await RawSocket.open(store.process.port, this.#token);
        this.#socket = socket;
        this.connections++;
        const ended = new Promise<void>((resolve) => { socket.onEnd = resolve; });
        socket.onFrame = (frame) => this.#hear(frame);
        socket.send({ op: "subscribe", id: "orders", query: "/Order?number=gt.2000&select=id,status,customerId", since: this.#position });
        await ended;
      } catch {
        // The store is not there just now.
      }
      await Bun.sleep(5);
    }
  }

  /** The connection is lost, with whatever is on its way. */
  cut(): void { this.#socket?.close(); }

  stop(): void {
    this.#isOver = true;
    this.cut();
  }

  #hear(frame: Frame): void {
    if (frame.op === "snapshot") {
      this.snapshots++;
      for (const row of frame.rows!) this.#tell(row["id"], row["status"]);
    } else if (frame.op === "change") {
      for (const { type, key, record } of frame.changes!) {
        if (type === "leave" || (type === "enter") === this.seen.has(String(key))) this.problems.push(frame);
        else this.#tell(key, record!["status"]);
      }
    } else this.problems.push(frame);
    if (frame.position !== undefined) this.#position = frame.position;
  }

  #tell(id: unknown, status: unknown): void {
    const told = this.seen.get(String(id));
    if (told === undefined) this.seen.set(String(id), [String(status)]);
    else told.push(String(status));
  }
}

const WAYS = [
  ["PAID", "ALLOCATED", "SHIPPED", "DELIVERED"], ["PAID", "CANCELLED"], ["CANCELLED"], ["PAID", "ALLOCATED", "CANCELLED"],
] as const;

interface Followed { readonly order: Order; readonly way: readonly string[] }

/** Until it has happened: an answer that was lost is asked for again. */
async function step(customer: HttpCaller, { order }: Followed, to: string): Promise<void> {
  const ask = (): Promise<{ readonly status: number }> => {
    switch (to) {
      case "PAID": return customer.post(`/Order/${order.id}/pay`, { card: "tok_ok" });
      case "CANCELLED": return customer.post(`/Order/${order.id}/cancel`, {});
      default: return store.merchant.post(`/Order/${order.id}/${{ ALLOCATED: "allocate", SHIPPED: "ship", DELIVERED: "deliver" }[to]!}`, {});
    }
  };
  for (;;) {
    try {
      const { status } = await ask();
      if (status === 200 || (status === 409 && await statusOf(store, order) === to)) break;
    } catch {
      // Killed; it comes back.
    }
    await Bun.sleep(20);
  }
  // Of no interest to the customer, who may not even see it.
  await store.support.patch(`/Order/${order.id}`, { supportNote: `is ${to} by now` }).catch(() => null);
}

test(`10: each state change of the own orders, once, in order, seed ${SEED}`, async () => {
  const product = await addProduct(store, { available: 10 * ORDERS });
  const people = [{ caller: store.customer, subject: "c1", screen: new Screen(keys.customer) }, { caller: store.other, subject: "c2", screen: new Screen(keys.other) }] as const;
  const running = people.map(({ screen }) => screen.run());
  const orders = new Map<(typeof people)[number], Followed[]>();
  for (const person of people) {
    orders.set(person, []);
    for (let count = 0; count < ORDERS; count++) orders.get(person)!.push({ order: await placeOrder(person.caller, product), way: WAYS[below(WAYS.length)]! });
  }
  const over = new AbortController();
  const noise = (async () => {
    while (!over.signal.aborted) {
      people[below(2)]!.screen.cut();
      await Bun.sleep(10 + below(60));
    }
  })();
  const working = [...orders].map(async ([{ caller }, followed]) => {
    for (const one of followed) for (const to of one.way) await step(caller, one, to);
  });
  for (let kill = 0; kill < KILLS; kill++) {
    await Bun.sleep(100 + below(300));
    await store.process.kill();
    await store.restart();
  }
  await Promise.all(working);
  over.abort();
  await noise;
  for (const [{ screen, subject }, followed] of orders) {
    const expected = new Map(followed.map(({ order, way }) => [order.id, ["PENDING", ...way]]));
    const isEqual = (): boolean => Bun.deepEquals([...screen.seen].toSorted(), [...expected].toSorted());
    await comesTrue(() => isEqual());
    expect({ subject, problems: screen.problems, seen: [...screen.seen].toSorted() }).toEqual({ subject, problems: [], seen: [...expected].toSorted() });
    expect([screen.snapshots, screen.connections > KILLS]).toEqual([1, true]);
    screen.stop();
  }
  await Promise.all(running);
}, 300_000);

test("10: whoever names another's order follows nothing", async () => {
  const order = await placeOrder(store.other, await addProduct(store));
  const socket = await RawSocket.open(store.process.port, keys.customer);
  const frames: Frame[] = [];
  socket.onFrame = (frame) => frames.push(frame);
  for (const [id, query] of [`/Order/${order.id}`, `/Order?id=eq.${order.id}`, "/Order?customerId=eq.c2&select=id"].entries()) socket.send({ op: "subscribe", id: String(id), query });
  expectStatus(await store.other.post(`/Order/${order.id}/cancel`, {}), 200);
  socket.send({ op: "call", id: "end", method: "GET", path: "/Order?customerId=eq.c2" });
  await comesTrue(() => frames.some(({ id }) => id === "end"));
  expect(frames.filter(({ op }) => op === "change")).toEqual([]);
  expect(frames.filter(({ id }) => id !== "end").map(({ op, rows, problem }) => problem?.status ?? [op, rows])).toEqual([["snapshot", []], ["snapshot", []], ["snapshot", []]] as never);
  expect(frames.find(({ id }) => id === "end")!.body).toEqual([]);
  expect(JSON.stringify(frames)).not.toContain(`"${order.id}"`);
  socket.close();
});
