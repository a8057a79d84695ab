// bench/sessions: what a session and a rule over each record cost: GET by id and lists of 20 of records that are the caller's own, with a session, against
// the same records without rules, without a credential, in turn, in one process. The aim: 0.8. Needs wrk: see bench/README.md.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { entryPoint } from "../../bin/entry-point.mjs";
import { findBun } from "../../bin/find-bun.mjs";
import { folder, launch } from "../rest/sides.ts";

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 5);
const SECONDS = Number(process.env["BENCH_SECONDS"] ?? 3);
const CONNECTIONS = 64;
const PORT = 9141;
const RECORDS = 20_000;
const CATEGORIES = 1_000;
const BATCH = 2_000;
const TICK_US = 10_000;
const ADMINISTRATOR = { "content-type": "application/json", authorization: "Bearer bench-administrator" };

const work = mkdtempSync(join(tmpdir(), "ambit-bench-"));
const place = { work, peers: work, core: 0 };
const url = `http://127.0.0.1:${PORT}`;

async function send(path: string, body: unknown, headers: Readonly<Record<string, string>>): Promise<unknown> {
  const response = await fetch(url + path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
  return text === "" ? null : JSON.parse(text);
}

interface SignedUp { readonly token: string; readonly user: { readonly id: string } }

/** The same records in both tables, all of them hers. */
async function fill(ownerId: string): Promise<void> {
  for (const table of ["Open", "Own"]) {
    for (let start = 0; start < RECORDS; start += BATCH) {
      const rows = Array.from({ length: BATCH }, (_, offset) => ({ id: String(start + offset), ownerId, name: `Item number ${start + offset}`, category: (start + offset) % CATEGORIES, price: start + offset, text: "A description that is long enough to make the record about two hundred bytes in all." }));
      await send(`/${table}`, rows, { ...ADMINISTRATOR, prefer: "return=minimal" });
    }
  }
}

interface Figure { readonly perSecond: number; readonly cpuUs: number }

function measure(pid: number, path: string, token: string | null, seconds: number): Figure {
  const cpuUs = (): number => { const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" "); return (Number(fields[11]) + Number(fields[12])) * TICK_US; };
  const script = join(work, "script.lua");
  writeFileSync(script, `local headers = { ${token === null ? "" : `["authorization"] = "Bearer ${token}"`} }\nfunction init() math.randomseed(os.time()) end\nfunction request() return wrk.format("GET", ${path}, headers) end\n`);
  const before = cpuUs();
  const output = Bun.spawnSync(["taskset", "-c", "1", "wrk", "-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, "-s", script, url]).stdout.toString();
  if (output.includes("Non-2xx")) throw new Error(output);
  const requests = Number(/(\d+) requests in/.exec(output)?.[1] ?? Number.NaN);
  return { perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1] ?? Number.NaN), cpuUs: (cpuUs() - before) / requests };
}

const paths = { "GET by id": (table: string) => `"/${table}/" .. math.random(0, ${RECORDS - 1})`, "a list of 20": (table: string) => `"/${table}?limit=20&offset=0&price=gte." .. math.random(-1000000, 0) .. "&category=eq." .. math.random(0, ${CATEGORIES - 1})` } as const;
const median = (values: readonly number[]): number => values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;

const running = await launch(place, PORT, [findBun(), entryPoint(), "start", join(import.meta.dir, "ambit-app"), "--port", String(PORT), "--data", folder(place, "ambit")], { AMBIT_ADMIN_TOKEN: "bench-administrator", AMBIT_LOG: "quiet" }, "/health");
try {
  const { token, user } = await send("/auth/sign-up/email", { email: "ann@example.com", password: "correct horse battery", name: "Ann" }, {}) as SignedUp;
  await fill(user.id);
  const own = await fetch(`${url}/Own/77`, { headers: { authorization: `Bearer ${token}` } });
  if (own.status !== 200 || (await fetch(`${url}/Own/77`)).status === 200) throw new Error(`a session answered ${own.status}, or nobody is told what is hers`);
  console.log("| asked for | without | with a session and a rule | of it | by processor time |\n| --- | --- | --- | --- | --- |");
  for (const [name, path] of Object.entries(paths)) {
    for (const [table, credential] of [["Open", null], ["Own", token]] as const) measure(running.pid, path(table), credential, 2);
    const [without, within]: [Figure[], Figure[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      without.push(measure(running.pid, path("Open"), null, SECONDS));
      within.push(measure(running.pid, path("Own"), token, SECONDS));
    }
    const of = (figures: readonly Figure[], key: keyof Figure): number => median(figures.map((one) => one[key]));
    console.log(`| ${name} | ${Math.round(of(without, "perSecond"))} | ${Math.round(of(within, "perSecond"))} | ${(of(within, "perSecond") / of(without, "perSecond")).toFixed(2)} | ${(of(without, "cpuUs") / of(within, "cpuUs")).toFixed(2)} |`);
  }
} finally {
  await running.stop();
  rmSync(work, { recursive: true, force: true });
}
