// bench/rest: GET by id, 20 rows by index and durable PUT against the floors and the peers, alternated in one run.
// Needs wrk and, for the peers, PostgreSQL (Debian) and the packages in .peers/: see bench/README.md.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CATEGORY_COUNT, ITEM_COUNT, item } from "./items.ts";
import { residentBytes, sides, type Running, type Side } from "./sides.ts";

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 5);
const SECONDS = Number(process.env["BENCH_SECONDS"] ?? 3);
const WARM_UP_SECONDS = 10;
const CONNECTIONS = 64;
const only = process.argv.slice(2);

/** one: GET of one and the same record. */
type Kind = "get" | "one" | "list" | "put";
const KINDS: readonly Kind[] = ["get", "one", "list", "put"];

const work = mkdtempSync(join(tmpdir(), "ambit-bench-"));
Bun.spawnSync(["chmod", "755", work]);
const place = { work, peers: join(import.meta.dir, "..", "..", ".peers"), core: 0 };
const chosen = sides(place).filter((side) => only.length === 0 || only.some((word) => side.name.toLowerCase().includes(word.toLowerCase())));
const results = new Map<string, Record<Kind, number[]>>();
const running = new Map<string, Running>();

/** `warm`: GET of one record after the other, so that every side has seen all of them. */
function luaScript(side: Side, kind: Kind | "warm"): string {
  const headers = Object.entries(kind === "put" ? side.putHeaders : side.headers).map(([name, value]) => `["${name}"] = "${value}"`).join(", ");
  const request = {
    warm: `warm()`,
    get: `wrk.format("GET", "/Item/" .. math.random(0, ${ITEM_COUNT - 1}), headers)`,
    one: `wrk.format("GET", "/Item/77", headers)`,
    list: `wrk.format("GET", (string.gsub("${side.list(-7)}", "%-7", tostring(math.random(0, ${CATEGORY_COUNT - 1})))), headers)`,
    put: `put(math.random(0, ${ITEM_COUNT - 1}))`,
  }[kind];
  const body = JSON.stringify({ ...item(0), id: "ID", name: "Item number NN" }).replace(`"category":0`, `"category":CC`);
  return `local headers = { ${headers} }
local template = ${JSON.stringify(body)}
local function put(id)
  local body = template:gsub("ID", tostring(id)):gsub("NN", tostring(math.random(1, 999999))):gsub("CC", tostring(id % ${CATEGORY_COUNT}))
  return wrk.format("PUT", "/Item/" .. id, headers, body)
end
local number = 0
local function warm()
  number = (number + 1) % ${ITEM_COUNT}
  return wrk.format("GET", "/Item/" .. number, headers)
end
function init(args) math.randomseed(os.time()) end
function request() return ${request} end
local bad = 0
function response(status) if status >= 300 then bad = bad + 1 if bad < 3 then print("status " .. status) end end end
`;
}

/** Asks once and compares the content, so that only right answers are timed. */
async function checkContent(side: Side): Promise<void> {
  const base = `http://127.0.0.1:${side.port}`;
  const one = await (await fetch(`${base}/Item/77`, { headers: side.headers })).json() as Record<string, unknown>;
  const isHello = side.name.includes("hello");
  if (!isHello && (one["id"] !== "77" || typeof one["name"] !== "string" || one["category"] !== 77)) throw new Error(`${side.name}: wrong record ${JSON.stringify(one)}`);
  if (isHello) return;
  const list = await (await fetch(base + side.list(77), { headers: side.headers })).json() as Record<string, unknown>[];
  if (list.length !== 20 || list.some((row) => row["category"] !== 77)) throw new Error(`${side.name}: wrong list of ${list.length}`);
  const put = await fetch(`${base}/Item/77`, { method: "PUT", headers: side.putHeaders, body: JSON.stringify({ ...item(77), name: "changed" }) });
  if (!put.ok) throw new Error(`${side.name}: PUT ${put.status} ${await put.text()}`);
  const changed = await (await fetch(`${base}/Item/77`, { headers: side.headers })).json() as Record<string, unknown>;
  if (changed["name"] !== "changed") throw new Error(`${side.name}: PUT was not stored`);
}

function measure(side: Side, kind: Kind | "warm", seconds = SECONDS): number {
  const script = join(work, `${side.port}-${kind}.lua`);
  writeFileSync(script, luaScript(side, kind));
  const output = Bun.spawnSync(["taskset", "-c", "1", "wrk", "-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "-s", script, `http://127.0.0.1:${side.port}`]).stdout.toString();
  if (/Non-2xx|status \d/.test(output)) throw new Error(`${side.name} ${kind}: ${output}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1] ?? Number.NaN);
}

const median = (values: readonly number[]): number => [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
const perSecond = (values: readonly number[]): string => (values.length === 0 ? "-" : `${Math.round(median(values) / 100) / 10}k (${Math.round(Math.min(...values) / 100) / 10}-${Math.round(Math.max(...values) / 100) / 10})`);
const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;

try {
  for (const side of chosen) {
    if (side.name.includes("Harper") && !existsSync(join(place.peers, "node_modules", "harperdb"))) { console.log(`left out: ${side.name} (npm i --prefix .peers harperdb@4.7.29 express@5 pg@8)`); continue; }
    console.log(`starting ${side.name}`);
    try {
      running.set(side.name, await side.start());
      await checkContent(side);
      results.set(side.name, { get: [], one: [], list: [], put: [] });
    } catch (error) {
      console.log(`left out: ${side.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  // Every side gets the time to compile and cache what it will; what is measured is a server at work.
  for (const side of chosen) if (results.has(side.name)) measure(side, "warm", WARM_UP_SECONDS);
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of KINDS) {
      for (const side of chosen) {
        const row = results.get(side.name);
        if (row === undefined || (side.name.includes("hello") && (kind === "list" || kind === "put"))) continue;
        row[kind].push(measure(side, kind));
      }
    }
    console.log(`round ${round + 1} of ${ROUNDS}`);
  }
  const hello = results.get("floor: Bun.serve hello");
  const floor = { get: hello?.get ?? [], one: hello?.one ?? [], list: results.get("floor: Bun.serve + bun:sqlite")?.list ?? [], put: results.get("floor: Bun.serve + bun:sqlite")?.put ?? [] };
  console.log("\n| side | GET by id | of hello | GET of one | of hello | 20 by index | of floor | durable PUT | of floor | first answer | idle | loaded |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
  for (const [name, row] of results) {
    const { firstAnswerMs, idleBytes, pid } = running.get(name)!;
    const ratio = (kind: Kind): string => (row[kind].length === 0 ? "-" : (median(row[kind]) / median(floor[kind])).toFixed(2));
    console.log(`| ${name} | ${perSecond(row.get)} | ${ratio("get")} | ${perSecond(row.one)} | ${ratio("one")} | ${perSecond(row.list)} | ${ratio("list")} | ${perSecond(row.put)} | ${ratio("put")} | ${Math.round(firstAnswerMs)} ms | ${megabytes(idleBytes)} | ${megabytes(residentBytes(pid))} |`);
  }
} finally {
  for (const one of running.values()) await one.stop().catch(() => undefined);
  rmSync(work, { recursive: true, force: true });
}
