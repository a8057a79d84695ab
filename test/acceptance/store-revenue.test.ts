// The store's promise 12: what its reports say is what its single orders add up to; over 10,000 orders, with the time it took.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import type { HttpCaller } from "../processes/http-caller.ts";
import { addProduct, expectStatus, placeOrder, startStore, type Store } from "./store-process.ts";

interface Row { readonly day: string; readonly warehouseId: string; readonly currency: string; readonly sum: number; readonly count: number }
interface Single { readonly id: string; readonly day: string; readonly warehouseId: string; readonly currency: string; readonly total: number; readonly status: string; readonly placedAt: string; readonly customerId: string }

const REPORT = "select=day,warehouseId,currency,total.sum(),count()&order=day,warehouseId,currency";
const PAGE_ROWS = 3_000;

let store: Store;
beforeAll(async () => { store = await startStore({ seed: join(import.meta.dir, "large-seed.ts") }); });
afterAll(() => store.stop());

/** Every order that the caller sees, page by page. */
async function singles(caller: HttpCaller, filter = ""): Promise<Single[]> {
  const rows: Single[] = [];
  for (;;) {
    const page = expectStatus(await caller.get(`/Order?select=id,day,warehouseId,currency,total,status,placedAt,customerId&order=id&limit=${PAGE_ROWS}&offset=${rows.length}${filter}`), 200).json<Single[]>();
    rows.push(...page);
    if (page.length < PAGE_ROWS) return rows;
  }
}

function addedUp(orders: readonly Single[]): Row[] {
  const groups = new Map<string, { day: string; warehouseId: string; currency: string; sum: number; count: number }>();
  for (const { day, warehouseId, currency, total } of orders) {
    const name = `${day} ${warehouseId} ${currency}`;
    const group = groups.get(name) ?? { day, warehouseId, currency, sum: 0, count: 0 };
    groups.set(name, group);
    group.sum += total;
    group.count += 1;
  }
  return [...groups].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, group]) => group);
}

async function timed<T>(name: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work();
  console.log(`${name}: ${(performance.now() - started).toFixed(1)} ms`);
  return result;
}

test("12: revenue and orders by day and warehouse are the sum of 10,000 single orders", async () => {
  const { merchant } = store;
  const orders = await singles(merchant);
  expect(orders.length).toBe(10_000);
  for (const { day, placedAt } of orders) if (day !== placedAt.slice(0, 10)) throw new Error(`${placedAt} counts for ${day}`);
  const report = await timed("revenue and orders by day and warehouse of 10,000 orders", async () => expectStatus(await merchant.get(`/Order?${REPORT}`), 200));
  expect(report.json<Row[]>()).toEqual(addedUp(orders));
});

test("12: over a range of time, of one warehouse, without what was cancelled", async () => {
  const { support } = store;
  const orders = await singles(support);
  const cases: [string, (order: Single) => boolean][] = [
    ["&day=gte.2026-01-10&day=lte.2026-01-20", ({ day }) => day >= "2026-01-10" && day <= "2026-01-20"],
    ["&placedAt=gte.2026-02-01T00:00:00Z&placedAt=lt.2026-02-08T00:00:00Z&status=neq.CANCELLED", ({ placedAt, status }) => placedAt >= "2026-02-01" && placedAt < "2026-02-08" && status !== "CANCELLED"],
    ["&warehouseId=eq.w3&currency=eq.USD", ({ warehouseId, currency }) => warehouseId === "w3" && currency === "USD"],
    ["&or=(and(day.eq.2026-01-05,warehouseId.in.(w1,w2)),status.eq.CANCELLED)", ({ day, warehouseId, status }) => (day === "2026-01-05" && ["w1", "w2"].includes(warehouseId)) || status === "CANCELLED"],
    ["&day=gt.2030-01-01", () => false],
  ];
  for (const [filter, holds] of cases) {
    const report = expectStatus(await support.get(`/Order?${REPORT}${filter}`), 200).json<Row[]>();
    expect({ filter, report }).toEqual({ filter, report: addedUp(orders.filter(holds)) });
  }
  const byWarehouse = (await support.get("/Order?select=warehouseId,currency,total.sum(),total.avg(),total.min(),total.max()&currency=eq.EUR&order=warehouseId")).json<{ warehouseId: string; sum: number; avg: number; min: number; max: number }[]>();
  for (const { warehouseId, sum, avg, min, max } of byWarehouse) {
    const totals = orders.filter((order) => order.warehouseId === warehouseId && order.currency === "EUR").map(({ total }) => total);
    const expected = totals.reduce((left, right) => left + right, 0);
    expect({ sum, min, max, avg: Math.abs(avg - expected / totals.length) < 1e-6 }).toEqual({ sum: expected, min: Math.min(...totals), max: Math.max(...totals), avg: true });
  }
});

test("12: sums of money do not mix currencies", async () => {
  const mixed = await store.merchant.get("/Order?select=day,total.sum()");
  expect([mixed.status, mixed.code]).toEqual([422, "MIXED_CURRENCY"]);
});

test("12: each order's total is that of its lines, and a customer's report is of their own orders", async () => {
  const { customer } = store;
  const orders = await singles(customer);
  expect(new Set(orders.map(({ customerId }) => customerId))).toEqual(new Set(["c1"]));
  expect((await customer.get(`/Order?${REPORT}`)).json<Row[]>()).toEqual(addedUp(orders));
  const lines = expectStatus(await store.merchant.get("/OrderLine?select=orderId,currency,total.sum()&order=orderId&limit=10000"), 200).json<{ orderId: string; sum: number }[]>();
  const totals = new Map((await singles(store.merchant)).map(({ id, total }) => [id, total]));
  expect(lines.length).toBe(10_000);
  expect(lines.filter(({ orderId, sum }) => totals.get(orderId) !== sum)).toEqual([]);
});

test("12: an order that is placed now is in the next report", async () => {
  const product = await addProduct(store, { price: 12_345, warehouseId: "w4" });
  const order = await placeOrder(store.customer, product);
  const report = (await store.merchant.get(`/Order?${REPORT}&day=eq.${order.day}`)).json<Row[]>();
  expect(report).toEqual([{ day: order.day, warehouseId: "w4", currency: "EUR", sum: 12_345, count: 1 }]);
});
