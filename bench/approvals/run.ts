// bench/approvals: what runs cost that wait for people, of which there may be many: memory while BENCH_RUNS (10,000) come to wait, a page of the queue,
// and how long others wait for their turn while all of them are too late at once.
import { heapStats } from "bun:jsc";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, type Clock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { startApp } from "../../src/runtime/start-app.ts";

const RUNS = Number(process.env["BENCH_RUNS"] ?? 10_000);
const STEPS = 5;
const AT_ONCE = 64;
const TICK_MS = 2;
const PAGE = 100;
const DAY_MS = 86_400_000;
const schema = `type Refund { amount: Int! reason: String! }
type Order @table @export @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey total: Int! refunded: Int! @default(value: 0) }
type Decisions {
  refund(orderId: ID!, story: String!): Refund! @decision(kind: RULE) @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}")
    @bound(name: "cap", rule: "out.amount <= order.total")
    @approval(when: "out.amount > 50", by: ["manager"], within: "P1D")
    @effect(operation: "Order.update", set: { id: "order.id", refunded: "order.refunded + 1" })
    @fallback(value: { amount: 80, reason: "by rule" })
}`;

const directory = mkdtempSync(join(tmpdir(), "ambit-bench-"));
await Bun.write(join(directory, "schema.graphql"), schema);
await Bun.write(join(directory, "config.yaml"), `auth:\n  keys:\n${["support", "manager"].map((role) => `    - { token: key-${role}, subject: ${role}, roles: [${role}] }\n`).join("")}`);
let aheadMs = 0;
const real = systemClock();
const clock: Clock = { ...real, now: () => real.now() + aheadMs };
const running = await startApp({
  directory, dataDirectory: join(directory, "data"), port: 0, environment: {}, adminToken: null, development: false, seed: null, clock, random: systemRandom(), log: silentLog(), forbidOutbound: true,
  onFatal(error) { throw error; },
});
async function call(who: string, method: string, path: string, body?: object): Promise<{ readonly [name: string]: unknown }> {
  const response = await fetch(running.url + path, { method, headers: { "content-type": "application/json", authorization: `Bearer key-${who}` }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  const text = await response.text();
  return JSON.parse(text === "" ? "{}" : text) as { readonly [name: string]: unknown };
}
const waiting = (): number => running.storage.reader.values(`SELECT count(*) FROM "$decision" WHERE "state" = 'AWAITING_APPROVAL'`)[0]![0] as number;
const megabytes = (bytes: number): string => (bytes / 1_048_576).toFixed(1);
function heap(): number {
  for (let again = 0; again < 3; again++) Bun.gc(true);
  return heapStats().heapSize;
}
const spentMs = (): number => { const { user, system } = process.cpuUsage(); return (user + system) / 1_000; };

async function pages(): Promise<{ readonly count: number; readonly longestMs: number }> {
  let [count, longestMs, after] = [0, 0, ""];
  for (;;) {
    const beganMs = performance.now();
    const rows = await call("manager", "GET", `/approvals?limit=${PAGE}${after}`) as unknown as readonly { readonly id: string }[];
    longestMs = Math.max(longestMs, performance.now() - beganMs);
    count += rows.length;
    if (rows.length < PAGE) return { count, longestMs };
    after = `&after=${rows.at(-1)!.id}`;
  }
}

try {
  for (let order = 0; order < 100; order++) await call("support", "POST", "/Order", { id: `o${order}`, total: 100 });
  // What is made once, such as compiled code, is there before anything is counted.
  for (let begun = 0; begun < 500; begun++) await call("support", "POST", "/decide/refund", { orderId: `o${begun % 100}`, story: "It came broken." });
  await pages();
  const first = heap();
  console.log(`${waiting()} wait: heap ${megabytes(first)} MB`);
  const beganMs = performance.now();
  for (let step = 1; step <= STEPS; step++) {
    for (const until = (RUNS * step) / STEPS; waiting() < until;) await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => call("support", "POST", "/decide/refund", { orderId: `o${at}`, story: "It came broken, and it is the first time." })));
    console.log(`${waiting()} wait: heap ${megabytes(heap())} MB`);
  }
  const all = waiting();
  console.log(`${Math.round(((heap() - first) / (all - 500)))} bytes of heap for each, ${((performance.now() - beganMs) / (all - 500)).toFixed(2)} ms each`);
  const listed = await pages();
  if (listed.count !== all) throw new Error(`${listed.count} of ${all} are listed`);
  console.log(`the queue by pages of ${PAGE}: at most ${listed.longestMs.toFixed(1)} ms`);

  const turns: number[] = [];
  let beforeMs = spentMs();
  const timer = setInterval(() => {
    turns.push(spentMs() - beforeMs);
    beforeMs = spentMs();
  }, TICK_MS);
  const lateMs = performance.now();
  aheadMs = DAY_MS;
  while (waiting() > 0) await Bun.sleep(20);
  clearInterval(timer);
  const sorted = turns.toSorted((one, other) => one - other);
  console.log(`all too late at once: over after ${Math.round(performance.now() - lateMs)} ms, ${((performance.now() - lateMs) / all).toFixed(2)} ms each; others waited ${sorted[sorted.length >> 1]!.toFixed(0)} ms of processor time (median), ${sorted[Math.floor(sorted.length * 0.99)]!.toFixed(0)} (p99), ${sorted.at(-1)!.toFixed(0)} (most); heap ${megabytes(heap())} MB`);
} finally {
  await running.stop();
  rmSync(directory, { recursive: true, force: true });
}
