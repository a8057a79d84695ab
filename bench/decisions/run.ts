// bench/decisions: what the runtime itself costs, with a model that answers at once: in the server's process, and over HTTP. Runs per second on one
// core with 64 callers, each durable; processor time per run, by part; a provider that is down; proofs in a long log.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sourceEntry } from "../../bin/entry-point.mjs";
import { findBun } from "../../bin/find-bun.mjs";
import { folder, launch, type Place, type Running } from "../rest/sides.ts";
import { startPace } from "./pace.ts";
import { sharesOf } from "./parts.ts";
import { measureProofs } from "./proofs.ts";
import { ORDERS } from "./scale.ts";

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 5);
const RUNS = Number(process.env["BENCH_RUNS"] ?? 4_000);
/** So many that what is compiled while they run is a small part. */
const WARM_UP_RUNS = Number(process.env["BENCH_WARM_UP"] ?? 12_000);
const LEAVES = Number(process.env["BENCH_LEAVES"] ?? 10_000_000);
const CALLERS = 64;
const PORT = 9131;
const TICK_MS = 10;

const here = import.meta.dir;
const work = mkdtempSync(join(tmpdir(), "ambit-bench-"));
const place: Place = { work, peers: "", core: 0 };

interface Measured { readonly perSecond: number; readonly cpuMs: number; readonly p99Ms: number }

/** User and system time of a process. */
function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Beside which the rest is to be seen. */
const READ = "GET by id";

async function ask(decision: string, expected: string): Promise<void> {
  const orderId = String(Math.floor(Math.random() * ORDERS));
  if (decision === READ) {
    const { status } = await fetch(`http://127.0.0.1:${PORT}/Order/${orderId}`, { headers: { authorization: "Bearer bench-key" } });
    if (`${status}` !== expected) throw new Error(`a GET answered ${status}`);
    return;
  }
  const story = decision === "refund" ? { story: "It came broken, and it is the first time." } : {};
  const response = await fetch(`http://127.0.0.1:${PORT}/decide/${decision}`, {
    method: "POST", headers: { "content-type": "application/json", authorization: "Bearer bench-key" }, body: JSON.stringify({ orderId, ...story }),
  });
  const text = await response.text();
  const [source, reason] = [response.headers.get("ambit-source"), response.headers.get("ambit-reason")];
  if (`${response.status} ${source} ${reason}` !== expected) throw new Error(`${decision} answered ${response.status} ${source} ${reason}: ${text}`);
}

async function measure({ pid }: Running, decision: string, expected: string, { runs, callers = CALLERS }: { readonly runs: number; readonly callers?: number }): Promise<Measured> {
  const times: number[] = [];
  const [startedMs, startedCpuMs] = [performance.now(), cpuMsOf(pid)];
  await Promise.all(Array.from({ length: callers }, async () => {
    while (times.length < runs) {
      const askedMs = performance.now();
      await ask(decision, expected);
      times.push(performance.now() - askedMs);
    }
  }));
  const [tookMs, cpuMs] = [performance.now() - startedMs, cpuMsOf(pid) - startedCpuMs];
  return { perSecond: times.length / tookMs * 1_000, cpuMs: cpuMs / times.length, p99Ms: times.toSorted((left, right) => left - right)[Math.floor(times.length * 0.99)]! };
}

const median = (values: readonly number[]): number => values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
const range = (values: readonly number[], digits: number): string => `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}-${Math.max(...values).toFixed(digits)})`;

/** Stopped at the end, whatever that is. */
const started: Running[] = [];

async function start(name: string, environment: Record<string, string>, flags: readonly string[] = []): Promise<Running> {
  const running = await launch(place, PORT, [findBun(), ...flags, sourceEntry, "start", join(here, "ambit-app"), "--port", String(PORT), "--data", folder(place, name), "--seed", "seed.ts"], { AMBIT_LOG: "quiet", ...environment }, "/health");
  started.push(running);
  // It serves while its data is still being written.
  while ((await fetch(`http://127.0.0.1:${PORT}/Order/${ORDERS - 1}`, { headers: { authorization: "Bearer bench-key" } })).status !== 200) await Bun.sleep(50);
  return running;
}

const pace = await startPace(place, cpuMsOf);
const inProcess = { BENCH_IN_PROCESS: "1", BUN_OPTIONS: `--preload=${join(here, "model.ts")}` };

async function rows(running: Running, kinds: readonly (readonly [name: string, decision: string, expected: string])[]): Promise<void> {
  for (const [, decision, expected] of kinds) await measure(running, decision, expected, { runs: WARM_UP_RUNS });
  for (const [name, decision, expected] of kinds) {
    const rounds: Measured[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      pace.measure();
      rounds.push(await measure(running, decision, expected, { runs: RUNS }));
    }
    const of = (key: keyof Measured, digits: number): string => range(rounds.map((one) => one[key]), digits);
    console.log(`| ${name} | ${of("perSecond", 0)} | ${of("cpuMs", 2)} | ${Math.round(1_000 / median(rounds.map(({ cpuMs }) => cpuMs)))} |`);
  }
}

const model = Bun.spawn([findBun(), join(here, "model.ts")], { stdout: "ignore", stderr: "inherit" });
try {
  console.log("| what | per second | ms of CPU each | per second of CPU |\n| --- | --- | --- | --- |");
  const near = await start("near", inProcess);
  await rows(near, [[READ, READ, "200"], ["two steps, model in process", "refund", "200 model null"], ["RULE", "rule", "200 rule null"], ["OFF: the fallback", "off", "200 fallback mode_off"]]);
  await near.stop();
  const far = await start("far", {});
  await rows(far, [["two steps, model over HTTP", "refund", "200 model null"]]);
  for (let count = 0; count < 20; count++) await ask("down", "200 fallback provider_unavailable").catch(() => {});
  await measure(far, "down", "200 fallback circuit_open", { runs: WARM_UP_RUNS, callers: 4 });
  const down = await measure(far, "down", "200 fallback circuit_open", { runs: RUNS, callers: 4 });
  console.log(`\nProvider down, breaker open, 4 callers: p99 ${down.p99Ms.toFixed(1)} ms, ${Math.round(down.perSecond)} per second`);
  await far.stop();
  const slower = pace.slower();
  if (slower !== null) {
    const { helloUs, times } = slower;
    console.log(`\nBun.serve's hello in the same rounds: ${helloUs.toFixed(1)} microseconds of CPU each, ${times.toFixed(1)} times slower than where the aims were set. They are here: two steps ${(0.6 * times).toFixed(2)} ms and ${Math.round(1_000 / times)} per second, RULE and fallback ${Math.round(5_000 / times)} per second, breaker open ${(5 * times).toFixed(1)} ms`);
  }
  const profiles = folder(place, "profiles");
  const profiled = await start("profiled", inProcess, ["--cpu-prof", `--cpu-prof-dir=${profiles}`]);
  await measure(profiled, "refund", "200 model null", { runs: WARM_UP_RUNS + RUNS });
  await profiled.stop();
  const [profile] = readdirSync(profiles);
  const shares = sharesOf(JSON.parse(readFileSync(join(profiles, profile!), "utf8")) as never);
  console.log(`\nShares of a two-step run: ${[...shares].map(([part, share]) => `${part} ${(share * 100).toFixed(1)} %`).join(", ")}`);
  if (process.env["BENCH_KEEP"] !== undefined) console.log(`the profile is ${join(profiles, profile!)}`);
  const { medianMs, p99Ms } = measureProofs(work, LEAVES);
  console.log(`\nInclusion proof at ${LEAVES} leaves: ${medianMs.toFixed(3)} ms, p99 ${p99Ms.toFixed(3)} ms`);
} finally {
  await pace.stop();
  for (const running of started) await running.stop();
  model.kill();
  await model.exited;
  if (process.env["BENCH_KEEP"] === undefined) rmSync(work, { recursive: true, force: true });
}
