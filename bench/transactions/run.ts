// bench/transactions: serializable transactions over HTTP, 64 clients, against Express + pg + PostgreSQL, alternated in one run.
// order: three reads and two writes of records that nobody else wants. pay: all meet in four warehouses. Sums are checked at the end.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { entryPoint } from "../../bin/entry-point.mjs";
import { findBun } from "../../bin/find-bun.mjs";
import { folder, launch, startPostgres, withPostgres, type Place, type Running } from "../rest/sides.ts";
import { CUSTOMERS, DISTRICTS, ITEMS, WAREHOUSES } from "./scale.ts";

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 5);
const SECONDS = Number(process.env["BENCH_SECONDS"] ?? 3);
const WARM_UP_SECONDS = Number(process.env["BENCH_WARM_UP"] ?? 5);
const CONNECTIONS = 64;
const KINDS = ["order", "pay"] as const;
type Kind = typeof KINDS[number];

interface Side { readonly name: string; readonly port: number; start(): Promise<Running> }
interface Measured { readonly perSecond: number; readonly p99Ms: number; readonly refused: number; readonly done: number }
interface Sums { readonly warehouses: number; readonly payments: number; readonly lines: number }

const work = mkdtempSync(join(tmpdir(), "ambit-bench-"));
Bun.spawnSync(["chmod", "755", work]);
const place: Place = { work, peers: join(import.meta.dir, "..", "..", ".peers"), core: 0 };

const sides: readonly Side[] = [
  { name: "Ambit", port: 9111, start: startAmbit },
  { name: "Express + pg + PostgreSQL", port: 9112, start: startPeer },
];

function startAmbit(): Promise<Running> {
  return launch(place, 9111, [findBun(), entryPoint(), "start", join(import.meta.dir, "ambit-app"), "--port", "9111", "--data", folder(place, "ambit"), "--seed", "seed.ts"], {}, "/sums");
}

async function startPeer(): Promise<Running> {
  if (!existsSync(join(place.peers, "node_modules", "express"))) throw new Error("npm i --prefix .peers express@5 pg@8");
  const rows = (count: number, columns: string): string => `SELECT ${columns} FROM generate_series(0, ${count - 1}) AS n`;
  const postgres = await startPostgres(place, `
CREATE TABLE warehouse (id text PRIMARY KEY, tax int NOT NULL, total int NOT NULL DEFAULT 0);
CREATE TABLE district (id text PRIMARY KEY, warehouse_id text NOT NULL, tax int NOT NULL, total int NOT NULL DEFAULT 0);
CREATE TABLE customer (id text PRIMARY KEY, district_id text NOT NULL, name text NOT NULL, balance int NOT NULL DEFAULT 0, payments int NOT NULL DEFAULT 0);
CREATE TABLE payment (id bigserial PRIMARY KEY, customer_id text NOT NULL, district_id text NOT NULL, amount int NOT NULL);
CREATE TABLE item (id text PRIMARY KEY, name text NOT NULL, price int NOT NULL);
CREATE TABLE stock (id text PRIMARY KEY, quantity int NOT NULL);
CREATE TABLE order_line (id bigserial PRIMARY KEY, customer_id text NOT NULL, item_id text NOT NULL, amount int NOT NULL);
INSERT INTO warehouse (id, tax) ${rows(WAREHOUSES, "n::text, 5")};
INSERT INTO district (id, warehouse_id, tax) ${rows(DISTRICTS, `n::text, (n % ${WAREHOUSES})::text, 3`)};
INSERT INTO customer (id, district_id, name) ${rows(CUSTOMERS, `n::text, (n % ${DISTRICTS})::text, 'Customer ' || n`)};
INSERT INTO item ${rows(ITEMS, "n::text, 'Item ' || n, 100")};
INSERT INTO stock ${rows(ITEMS, "n::text, 50")};
ANALYZE;`);
  return withPostgres(postgres, await launch(place, 9112, [process.env["BENCH_NODE"] ?? "node", join(import.meta.dir, "express-pg.mjs"), "9112", place.peers, postgres.socket], {}, "/sums"));
}

function luaScript(kind: Kind): string {
  const body = kind === "order"
    ? `'{"customer":"' .. math.random(0, ${CUSTOMERS - 1}) .. '","item":"' .. math.random(0, ${ITEMS - 1}) .. '"}'`
    : `'{"warehouse":"' .. math.random(0, ${WAREHOUSES - 1}) .. '","district":"' .. math.random(0, ${DISTRICTS - 1}) .. '","customer":"' .. math.random(0, ${CUSTOMERS - 1}) .. '","amount":1}'`;
  return `local headers = { ["content-type"] = "application/json" }
function init(args) math.randomseed(os.time()) end
function request() return wrk.format("POST", "/${kind}", headers, ${body}) end
function done(summary, latency) io.write(string.format("RESULT %d %d %f %f\\n", summary.requests, summary.errors.status, summary.duration / 1e6, latency:percentile(99) / 1000)) end
`;
}

function measure(side: Side, kind: Kind, seconds: number): Measured {
  const script = join(work, `${kind}.lua`);
  writeFileSync(script, luaScript(kind));
  const output = Bun.spawnSync(["taskset", "-c", "1", "wrk", "-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "--latency", "-s", script, `http://127.0.0.1:${side.port}`]).stdout.toString();
  const [requests, refused, duration, p99Ms] = (/RESULT (\d+) (\d+) ([\d.]+) ([\d.]+)/.exec(output) ?? []).slice(1).map(Number) as [number, number, number, number];
  if (requests === undefined) throw new Error(`${side.name} ${kind}: ${output}`);
  return { perSecond: (requests - refused) / duration, p99Ms, refused, done: requests - refused };
}

const sumsOf = async (side: Side): Promise<Sums> => (await fetch(`http://127.0.0.1:${side.port}/sums`)).json() as Promise<Sums>;

/** Every payment that was answered is there, once, in its warehouse; what was cut off at the end of a run may be there. */
function checkSums(side: Side, sums: Sums, answered: Record<Kind, number>, cutOff: number): void {
  const wrong = sums.warehouses !== sums.payments || sums.payments < answered.pay || sums.payments > answered.pay + cutOff || sums.lines < answered.order || sums.lines > answered.order + cutOff;
  if (wrong) throw new Error(`${side.name}: ${JSON.stringify(sums)} after ${JSON.stringify(answered)}`);
}

const median = (values: readonly number[]): number => [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;

const running = new Map<Side, Running>();
try {
  for (const side of sides) {
    try {
      running.set(side, await side.start());
    } catch (error) {
      console.log(`left out: ${side.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const results = new Map([...running.keys()].map((side) => [side, { order: [] as Measured[], pay: [] as Measured[] }]));
  const answered = new Map([...running.keys()].map((side) => [side, { order: 0, pay: 0 }]));
  let runs = 0;
  const run = (side: Side, kind: Kind, seconds: number): Measured => {
    runs++;
    const measured = measure(side, kind, seconds);
    answered.get(side)![kind] += measured.done;
    return measured;
  };
  for (const side of running.keys()) for (const kind of KINDS) run(side, kind, WARM_UP_SECONDS);
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of KINDS) for (const [side, row] of results) row[kind].push(run(side, kind, SECONDS));
    console.log(`round ${round + 1} of ${ROUNDS}`);
  }
  console.log("\n| side | kind | transactions/s | p99 | refused |\n| --- | --- | --- | --- | --- |");
  for (const [side, row] of results) {
    checkSums(side, await sumsOf(side), answered.get(side)!, runs * CONNECTIONS);
    for (const kind of KINDS) {
      const rates = row[kind].map(({ perSecond }) => Math.round(perSecond));
      console.log(`| ${side.name} | ${kind} | ${median(rates)} (${Math.min(...rates)}-${Math.max(...rates)}) | ${median(row[kind].map(({ p99Ms }) => p99Ms)).toFixed(1)} ms | ${row[kind].reduce((sum, { refused }) => sum + refused, 0)} |`);
    }
  }
} finally {
  for (const one of running.values()) await one.stop().catch(() => undefined);
  rmSync(work, { recursive: true, force: true });
}
