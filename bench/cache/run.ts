// bench/cache: a list of 20 that is kept, against GET by id of the same app and the floor of Bun.serve, alternated in one run.
// The aim: 0.8 of GET by id. Processor time for a request is told too, which a busy machine changes less. Needs wrk: see bench/README.md.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sides, type Running, type Side } from "../rest/sides.ts";

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 5);
const SECONDS = Number(process.env["BENCH_SECONDS"] ?? 3);
const CONNECTIONS = 64;
/** Lists that are asked for in turn: all of them fit into memory. */
const LISTS = 500;

const work = mkdtempSync(join(tmpdir(), "ambit-bench-"));
const place = { work, peers: work, core: 0 };
const [hello, ambit] = [sides(place).find(({ name }) => name.includes("hello"))!, sides(place).find(({ name }) => name === "Ambit")!];

/** `miss`: each list is another one, of a page that nobody has asked for. */
const KINDS = {
  hello: { side: hello, path: `"/"` },
  "GET by id": { side: ambit, path: `"/Item/" .. math.random(0, 9999)` },
  "GET of one": { side: ambit, path: `"/Item/77"` },
  "a kept list of 1": { side: ambit, path: `"/Item?category=eq." .. math.random(0, ${LISTS - 1}) .. "&limit=1"` },
  "a kept list of 20": { side: ambit, path: `"/Item?category=eq." .. math.random(0, ${LISTS - 1}) .. "&limit=20"` },
  "one kept list of 20": { side: ambit, path: `"/Item?category=eq.77&limit=20"` },
  "a list of 20 by SQL": { side: ambit, path: `"/Item?category=eq." .. math.random(0, 4999) .. "&limit=20&offset=0&price=gte." .. math.random(-1000000, 0)` },
} as const;
type Kind = keyof typeof KINDS;
const kinds = Object.keys(KINDS) as Kind[];

interface Figure { readonly perSecond: number; /** Of one request. */ readonly cpuUs: number }

const TICK_US = 10_000;

function cpuUsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

function measure(kind: Kind, seconds: number): Figure {
  const { side, path } = KINDS[kind];
  const { pid } = running.get(side)!;
  const headers = Object.entries(side.headers).map(([name, value]) => `["${name}"] = "${value}"`).join(", ");
  const script = join(work, "script.lua");
  writeFileSync(script, `local headers = { ${headers} }\nfunction init() math.randomseed(os.time()) end\nfunction request() return wrk.format("GET", ${path}, headers) end\n`);
  const before = cpuUsOf(pid);
  const output = Bun.spawnSync(["taskset", "-c", "1", "wrk", "-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "-s", script, `http://127.0.0.1:${side.port}`]).stdout.toString();
  if (output.includes("Non-2xx")) throw new Error(`${kind}: ${output}`);
  const requests = Number(/(\d+) requests in/.exec(output)?.[1] ?? Number.NaN);
  return { perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1] ?? Number.NaN), cpuUs: (cpuUsOf(pid) - before) / requests };
}

/** What is timed is what it is taken for: right rows, from memory. */
async function checkContent(): Promise<void> {
  const path = `http://127.0.0.1:${ambit.port}/Item?category=eq.77&limit=20`;
  for (const expected of ["miss", "hit", "hit"]) {
    const answer = await fetch(path, { headers: ambit.headers });
    const rows = await answer.json() as { readonly category: number }[];
    const timing = answer.headers.get("server-timing") ?? "";
    if (rows.length !== 20 || rows.some(({ category }) => category !== 77) || !timing.includes(`cache;desc=${expected}`)) throw new Error(`wrong: ${rows.length} rows, ${timing}, expected a ${expected}`);
  }
}

const median = (values: readonly number[]): number => [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
const thousands = (value: number): number => Math.round(value / 100) / 10;

const running = new Map<Side, Running>();
try {
  for (const side of [hello, ambit]) running.set(side, await side.start());
  await checkContent();
  for (const kind of kinds) measure(kind, 2);
  const figures = new Map<Kind, Figure[]>(kinds.map((kind) => [kind, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of kinds) figures.get(kind)!.push(measure(kind, SECONDS));
    console.log(`round ${round + 1} of ${ROUNDS}`);
  }
  const of = (kind: Kind, what: keyof Figure): number[] => figures.get(kind)!.map((figure) => figure[what]);
  const [base, baseUs] = [median(of("GET by id", "perSecond")), median(of("GET by id", "cpuUs"))];
  console.log("\n| asked for | per second | range | of GET by id | processor time | of GET by id |\n| --- | --- | --- | --- | --- | --- |");
  for (const kind of kinds) {
    const [values, cpuUs] = [of(kind, "perSecond"), median(of(kind, "cpuUs"))];
    console.log(`| ${kind} | ${thousands(median(values))}k | ${thousands(Math.min(...values))}-${thousands(Math.max(...values))}k | ${(median(values) / base).toFixed(2)} | ${cpuUs.toFixed(1)} µs | ${(baseUs / cpuUs).toFixed(2)} |`);
  }
} finally {
  for (const one of running.values()) await one.stop().catch(() => undefined);
  rmSync(work, { recursive: true, force: true });
}
