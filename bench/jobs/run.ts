// bench/jobs: jobs enqueued one by one by 64 callers and run, durable, on one core: until the end of the last one is on disk. Against
// pg-boss on PostgreSQL and BullMQ on Redis with `appendfsync always`, alternated in one run. Every job must have run.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { entryPoint } from "../../bin/entry-point.mjs";
import { findBun } from "../../bin/find-bun.mjs";
import { folder, launch, startPostgres, withPostgres, type Place, type Running } from "../rest/sides.ts";

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 5);
const JOBS = Number(process.env["BENCH_JOBS"] ?? 20_000);
const WARM_UP_JOBS = Number(process.env["BENCH_WARM_UP"] ?? 5_000);
const REDIS_PORT = 9124;

interface Side { readonly name: string; readonly port: number; start(): Promise<Running>; load(count: number): Promise<unknown>; done(): Promise<number> }

const work = mkdtempSync(join(tmpdir(), "ambit-bench-"));
Bun.spawnSync(["chmod", "755", work]);
const place: Place = { work, peers: process.env["BENCH_PEERS"] ?? join(import.meta.dir, "..", "..", ".peers"), core: 0 };
const node = process.env["BENCH_NODE"] ?? "node";
const text = async (url: string, init?: RequestInit): Promise<string> => {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(600_000) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response.text();
};
const peer = (port: number): Pick<Side, "port" | "load" | "done"> => ({
  port, load: (count) => text(`http://127.0.0.1:${port}/load?count=${count}`, { method: "POST" }), done: async () => Number(await text(`http://127.0.0.1:${port}/done`)),
});

const sides: readonly Side[] = [
  {
    name: "Ambit", port: 9121,
    start: () => launch(place, 9121, [findBun(), entryPoint(), "start", join(import.meta.dir, "ambit-app"), "--port", "9121", "--data", folder(place, "ambit")], {}, "/done"),
    load: (count) => text("http://127.0.0.1:9121/load", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ count }) }),
    // Counted once the end is durable.
    done: async () => Number(/^ambit_jobs_succeeded (\d+)/m.exec(await text("http://127.0.0.1:9121/metrics"))?.[1]),
  },
  { name: "pg-boss on PostgreSQL", ...peer(9122), start: startBoss },
  { name: "BullMQ on Redis", ...peer(9123), start: startBull },
];

function required(name: string): void {
  if (!existsSync(join(place.peers, "node_modules", name))) throw new Error("npm i --prefix .peers pg-boss bullmq");
}

async function startBoss(): Promise<Running> {
  required("pg-boss");
  const postgres = await startPostgres(place, "SELECT 1;");
  return withPostgres(postgres, await launch(place, 9122, [node, join(import.meta.dir, "pg-boss.mjs"), "9122", place.peers, postgres.socket], {}, "/done"));
}

async function startBull(): Promise<Running> {
  required("bullmq");
  const redis = Bun.spawn(["taskset", "-c", String(place.core), "redis-server", "--port", String(REDIS_PORT), "--dir", folder(place, "redis"), "--save", "", "--appendonly", "yes", "--appendfsync", "always"], { stdout: "ignore", stderr: "ignore" });
  const running = await launch(place, 9123, [node, join(import.meta.dir, "bullmq.mjs"), "9123", place.peers, String(REDIS_PORT)], {}, "/done");
  return { ...running, async stop() { await running.stop(); redis.kill(); await redis.exited; } };
}

/** Jobs per second, from the first that is sent to the last that has ended. */
async function measure(side: Side, count: number): Promise<number> {
  const before = await side.done();
  const startedMs = performance.now();
  await side.load(count);
  while (await side.done() < before + count) await Bun.sleep(5);
  const perSecond = count / ((performance.now() - startedMs) / 1_000);
  if (await side.done() !== before + count) throw new Error(`${side.name}: jobs ran more than once`);
  return perSecond;
}

const median = (values: readonly number[]): number => [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;

const running = new Map<Side, Running>();
try {
  for (const side of sides) {
    try {
      running.set(side, await side.start());
      await measure(side, WARM_UP_JOBS);
    } catch (error) {
      console.log(`left out: ${side.name}: ${error instanceof Error ? error.message : String(error)}`);
      await running.get(side)?.stop();
      running.delete(side);
    }
  }
  const rates = new Map([...running.keys()].map((side) => [side, [] as number[]]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [side, row] of rates) row.push(await measure(side, JOBS));
    console.log(`round ${round + 1} of ${ROUNDS}`);
  }
  const own = median([...rates][0]?.[1] ?? []);
  console.log("\n| side | jobs/s | Ambit's times |\n| --- | --- | --- |");
  for (const [side, row] of rates) console.log(`| ${side.name} | ${Math.round(median(row))} (${Math.round(Math.min(...row))}-${Math.round(Math.max(...row))}) | ${(own / median(row)).toFixed(1)} |`);
} finally {
  for (const one of running.values()) await one.stop().catch(() => undefined);
  rmSync(work, { recursive: true, force: true });
}
