// bench/backtest: backtests over BENCH_RUNS recorded runs (10,000): with another bound, and with another policy whose model answers over HTTP. Each is
// made twice and must say the same. Time per run, how long others waited for their turn, and how much memory it took.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decisions } from "#decisions";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { readBacktest } from "../../src/runtime/read-backtest.ts";
import { startApp } from "../../src/runtime/start-app.ts";

const RUNS = Number(process.env["BENCH_RUNS"] ?? 10_000);
const AT_ONCE = 64;
const TICK_MS = 2;
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

const directory = mkdtempSync(join(tmpdir(), "ambit-bench-"));
const model = Bun.spawn([process.execPath, join(import.meta.dir, "model.ts")], { stdout: "pipe" });
const port = Number(new TextDecoder().decode((await model.stdout.getReader().read()).value));
await Bun.write(join(directory, "schema.graphql"), schema);
await Bun.write(join(directory, "config.yaml"), `models: { default: { provider: openai-compatible, model: bench, url: "http://127.0.0.1:${port}" } }\nlimits: { backtestRuns: ${Math.max(RUNS, 10_000)} }\n`);
const [clock, random] = [systemClock(), systemRandom()];
const running = await startApp({
  directory, dataDirectory: join(directory, "data"), port: 0, environment: {}, adminToken: null, development: false, seed: null, clock, random, log: silentLog(), forbidOutbound: false, modelsOutbound: true,
  onFatal(error) { throw error; },
});
const post = async (path: string, body: object): Promise<void> => {
  const response = await fetch(running.url + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
};
const megabytes = (bytes: number): number => Math.round(bytes / 1_048_576);

interface Watched<Result> { readonly result: Result; readonly tookMs: number; readonly waits: readonly number[]; readonly memoryMost: number }

/** How much processor time of this process passes between two turns of a timer: what others wait for, however busy the machine is. */
async function watched<Result>(work: () => Promise<Result>): Promise<Watched<Result>> {
  const waits: number[] = [];
  let memoryMost = 0;
  const spentMs = (): number => { const { user, system } = process.cpuUsage(); return (user + system) / 1_000; };
  let beforeMs = spentMs();
  const timer = setInterval(() => {
    const nowMs = spentMs();
    waits.push(nowMs - beforeMs);
    beforeMs = nowMs;
    memoryMost = Math.max(memoryMost, process.memoryUsage.rss());
  }, TICK_MS);
  const beganMs = performance.now();
  try {
    return { result: await work(), tookMs: performance.now() - beganMs, waits: waits.toSorted((one, other) => one - other), memoryMost };
  } finally {
    clearInterval(timer);
  }
}

try {
  for (let order = 0; order < 100; order++) await post("/Order", { id: `o${order}`, total: 100 });
  for (let begun = 0; begun < RUNS; begun += AT_ONCE) await Promise.all(Array.from({ length: Math.min(AT_ONCE, RUNS - begun) }, (_, at) => post("/decide/refund", { orderId: `o${(begun + at) % 100}`, story: `It came broken: pay ${(begun + at) % 97}.` })));
  for (const [what, change] of [["another bound", { bounds: { cap: "out.amount <= 40" } }], ["another policy", { policy: "Be strict." }]] as const) {
    const said: string[] = [];
    for (const _ of [1, 2]) {
      Bun.gc(true);
      const before = process.memoryUsage.rss();
      const { result, tookMs, waits, memoryMost } = await watched(() => decisions.audit!.backtest(running.storage.reader, readBacktest({ decision: "refund", last: RUNS, ...change }), {
        app: running.loaded, ports: { clock, random, fetch, standIn: null, tracer: null }, signal: new AbortController().signal, progressed() {},
      }));
      // Only what a clock decides may differ.
      const { measured: _measured, ...report } = result as { readonly measured: unknown; readonly runs: number; readonly agreement: number | null };
      said.push(JSON.stringify(report));
      const at = (part: number): string => (waits[Math.min(waits.length - 1, Math.floor(waits.length * part))] ?? 0).toFixed(0);
      console.log(`${what}: ${report.runs} runs in ${Math.round(tookMs)} ms, ${(tookMs / report.runs).toFixed(2)} ms each, agreement ${report.agreement}; others waited ${at(0.5)} ms (median), ${at(0.99)} (p99), ${at(1)} (most); ${megabytes(before)} MB, at most ${megabytes(memoryMost)}`);
    }
    if (said[0] !== said[1]) throw new Error(`${what}: the second report is another one`);
  }
} finally {
  await running.stop();
  model.kill();
  rmSync(directory, { recursive: true, force: true });
}
