// bench/backtest: time per run of a backtest over BENCH_RUNS recorded runs (10,000): with another bound, and with another policy whose model answers at
// once in this process.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decisions } from "#decisions";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { readBacktest } from "../../src/runtime/read-backtest.ts";
import { startApp } from "../../src/runtime/start-app.ts";
import type { Model } from "../../src/models/model.ts";

const RUNS = Number(process.env["BENCH_RUNS"] ?? 10_000);
const AT_ONCE = 64;
const schema = `enum Action { REFUND ASK }
type Refund { action: Action! amount: Int! reason: String! }
type Order @table @export @allow(to: ["public"], do: [READ, CREATE]) { id: ID! @primaryKey total: Int! }
type Decisions {
  """Be generous."""
  refund(orderId: ID!, story: String!): Refund! @decision(mode: ENFORCE) @export @allow(to: ["public"])
    @context(name: "order", query: "Order/{input.orderId}")
    @bound(name: "cap", rule: "out.amount >= 0 && out.amount <= order.total", else: FALLBACK)
    @bound(name: "tens", rule: "out.amount % 10 == 0", else: CLAMP, to: "{amount: out.amount - out.amount % 10}")
    @bound(name: "later", at: COMMIT, rule: "after.order.total >= out.amount", else: FALLBACK)
    @fallback(value: { action: ASK, amount: 0, reason: "no decision" })
}`;

const model: Model = {
  alias: "default", id: "bench", price: null,
  ask: async () => ({ text: "", calls: [{ id: "1", name: "answer", arguments: '{"action":"REFUND","amount":47,"reason":"a first mistake of ours"}' }], finish: "complete", usage: { input: 400, output: 20 } }),
};

const directory = mkdtempSync(join(tmpdir(), "ambit-bench-"));
await Bun.write(join(directory, "schema.graphql"), schema);
const [clock, random] = [systemClock(), systemRandom()];
const running = await startApp({
  directory, dataDirectory: join(directory, "data"), port: 0, environment: {}, adminToken: null, development: false, seed: null, clock, random, log: silentLog(), forbidOutbound: true, modelStandIn: () => model,
  onFatal(error) { throw error; },
});
const post = async (path: string, body: object): Promise<void> => {
  const response = await fetch(running.url + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
};
try {
  for (let order = 0; order < 100; order++) await post("/Order", { id: `o${order}`, total: 100 });
  for (let begun = 0; begun < RUNS; begun += AT_ONCE) await Promise.all(Array.from({ length: Math.min(AT_ONCE, RUNS - begun) }, (_, at) => post("/decide/refund", { orderId: `o${(begun + at) % 100}`, story: "It came broken, and it is the first time." })));
  for (const [what, change] of [["another bound", { bounds: { cap: "out.amount <= 40" } }], ["another policy", { policy: "Be strict." }]] as const) {
    const beganMs = performance.now();
    const report = await decisions.audit!.backtest(running.storage.reader, readBacktest({ decision: "refund", last: RUNS, ...change }), {
      app: running.loaded, ports: { clock, random, fetch, standIn: () => model, tracer: null }, signal: new AbortController().signal, progressed() {},
    }) as { readonly runs: number };
    const tookMs = performance.now() - beganMs;
    console.log(`${what}: ${report.runs} runs in ${Math.round(tookMs)} ms, ${(tookMs / report.runs).toFixed(3)} ms each`);
  }
} finally {
  await running.stop();
  rmSync(directory, { recursive: true, force: true });
}
