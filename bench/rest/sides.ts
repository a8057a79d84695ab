// How each side of the benchmark is started, filled and asked. Every server runs on one core.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { entryPoint } from "../../bin/entry-point.mjs";
import { findBun } from "../../bin/find-bun.mjs";
import { CATEGORY_COUNT, ITEM_COLUMNS, ITEM_COUNT, inBatches } from "./items.ts";

export interface Side {
  readonly name: string;
  readonly port: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly putHeaders: Readonly<Record<string, string>>;
  list(category: number): string;
  /** Starts it on its core and fills it; resolves when it answers. */
  start(): Promise<Running>;
}

export interface Running { readonly pid: number; readonly firstAnswerMs: number; readonly idleBytes: number; stop(): Promise<void> }

export interface Place { readonly work: string; readonly peers: string; readonly core: number }

const here = import.meta.dir;

export function sides(place: Place): Side[] {
  const rest = (category: number): string => `/Item?category=eq.${category}&limit=20`;
  const plain = { headers: {}, putHeaders: { "content-type": "application/json" }, list: rest };
  return [
    { name: "floor: Bun.serve hello", port: 9101, ...plain, start: () => launch(place, 9101, [findBun(), join(here, "floor-hello.ts"), "9101"]) },
    { name: "floor: Bun.serve + bun:sqlite", port: 9102, ...plain, start: () => launch(place, 9102, [findBun(), join(here, "floor-sqlite.ts"), "9102", folder(place, "floor")]) },
    {
      name: "Ambit", port: 9103, list: rest, headers: { authorization: "Bearer reader-key" }, putHeaders: { "content-type": "application/json", authorization: "Bearer writer-key" },
      start: () => startAmbit(place),
    },
    { name: "HarperDB 4.7.29", port: 9104, ...plain, headers: { authorization: basic }, putHeaders: { ...plain.putHeaders, authorization: basic }, list: (category) => `/Item/?category=${category}&limit(20)`, start: () => startHarper(place) },
    { name: "Express + pg + PostgreSQL", port: 9105, ...plain, start: () => startExpress(place) },
  ];
}

const basic = `Basic ${Buffer.from("bench:bench").toString("base64")}`;

export function folder(place: Place, name: string): string {
  const path = join(place.work, name);
  mkdirSync(path, { recursive: true });
  return path;
}

export async function launch(place: Place, port: number, command: string[], environment: Record<string, string> = {}, path = "/Item/1"): Promise<Running> {
  const started = performance.now();
  const child = Bun.spawn(["taskset", "-c", String(place.core), ...command], { env: { ...process.env, ...environment }, stdout: Bun.file(join(place.work, `${port}.out`)), stderr: Bun.file(join(place.work, `${port}.err`)) });
  await answering(port, child, path);
  return { pid: child.pid, firstAnswerMs: performance.now() - started, idleBytes: residentBytes(child.pid), async stop() { child.kill(); await child.exited; } };
}

async function answering(port: number, child: { readonly exitCode: number | null }, path: string): Promise<void> {
  for (let attempt = 0; attempt < 12_000; attempt++) {
    if (child.exitCode !== null) throw new Error(`the server on port ${port} ended with ${child.exitCode}; see ${port}.err in the work folder`);
    try {
      await fetch(`http://127.0.0.1:${port}${path}`);
      return;
    } catch {
      await Bun.sleep(5);
    }
  }
  throw new Error(`no answer on port ${port}`);
}

/** Resident memory of a process and its descendants. */
export function residentBytes(pid: number): number {
  const table = Bun.spawnSync(["ps", "-eo", "pid=,ppid=,rss="]).stdout.toString().trim().split("\n").map((line) => line.trim().split(/\s+/).map(Number));
  const sum = (parent: number): number => table.filter((row) => row[1] === parent).reduce((total, row) => total + row[2]! * 1024 + sum(row[0]!), 0);
  return (table.find((row) => row[0] === pid)?.[2] ?? 0) * 1024 + sum(pid);
}

/** Filled by a first start; the figures are of the second, which finds its data, as those of a service do. */
async function startAmbit(place: Place): Promise<Running> {
  const start = (...flags: string[]): Promise<Running> =>
    launch(place, 9103, [findBun(), entryPoint(), "start", join(here, "ambit-app"), "--port", "9103", "--data", folder(place, "ambit"), ...flags]);
  await (await start("--seed", "seed.ts")).stop();
  return start();
}

async function startHarper(place: Place): Promise<Running> {
  const rootPath = folder(place, "harper");
  const environment = {
    TC_AGREEMENT: "yes", ROOTPATH: rootPath, HDB_ADMIN_USERNAME: "bench", HDB_ADMIN_PASSWORD: "bench", NODE_HOSTNAME: "localhost", REPLICATION_HOSTNAME: "localhost",
    DEFAULTS_MODE: "prod", THREADS_COUNT: "1", LOGGING_LEVEL: "error", AUTHENTICATION_AUTHORIZELOCAL: "true", HTTP_PORT: "9104", OPERATIONSAPI_NETWORK_PORT: "9106", HOME: rootPath,
  };
  const running = await launch(place, 9104, [process.env["BENCH_NODE"] ?? "node", join(place.peers, "node_modules", "harperdb", "bin", "harperdb.js"), "run", join(here, "harper-app")], environment);
  await inBatches(200, async (items) => {
    await Promise.all(items.map((one) => fetch(`http://127.0.0.1:9104/Item/${one.id}`, { method: "PUT", headers: { "content-type": "application/json", authorization: basic }, body: JSON.stringify(one) })));
  });
  return running;
}

async function startExpress(place: Place): Promise<Running> {
  const rows: string[] = [];
  await inBatches(ITEM_COUNT, async (items) => { for (const one of items) rows.push(ITEM_COLUMNS.map((column) => String(one[column])).join("\t")); });
  const postgres = await startPostgres(place, `CREATE TABLE item (id text PRIMARY KEY, name text NOT NULL, category int NOT NULL, price int NOT NULL, published boolean NOT NULL, text text NOT NULL);
CREATE INDEX ON item (category);\nCOPY item FROM STDIN;\n${rows.join("\n")}\n\\.\nANALYZE item;`);
  return withPostgres(postgres, await launch(place, 9105, [process.env["BENCH_NODE"] ?? "node", join(here, "express-pg.mjs"), "9105", place.peers, postgres.socket]));
}

export interface Postgres { readonly socket: string; readonly pid: number; psql(input: string): { readonly exitCode: number; readonly output: string }; stop(): Promise<void> }

/** A server for the peer, on the same core. */
export function withPostgres(postgres: Postgres, running: Running): Running {
  return { ...running, idleBytes: running.idleBytes + residentBytes(postgres.pid), async stop() { await running.stop(); await postgres.stop(); } };
}

/** A new PostgreSQL as Debian has it, with its defaults, filled by `sql`; only through its socket. */
export async function startPostgres(place: Place, sql: string): Promise<Postgres> {
  const data = folder(place, "postgres");
  const bin = Bun.spawnSync(["sh", "-c", "ls -d /usr/lib/postgresql/*/bin | tail -1"]).stdout.toString().trim();
  if (bin === "") throw new Error("PostgreSQL is not installed: apt-get install postgresql");
  Bun.spawnSync(["chown", "-R", "postgres", place.work]);
  const asPostgres = (command: string[]): string[] => ["su", "postgres", "-s", "/bin/sh", "-c", command.map((word) => `'${word}'`).join(" ")];
  Bun.spawnSync(asPostgres([`${bin}/initdb`, "-D", data, "--auth=trust"]));
  const server = Bun.spawn(["taskset", "-c", String(place.core), ...asPostgres([`${bin}/postgres`, "-D", data, "-k", data, "-c", "listen_addresses="])], { stdout: "ignore", stderr: Bun.file(join(place.work, "postgres.err")) });
  const psql = (input: string): { exitCode: number; output: string } => {
    const { exitCode, stdout } = Bun.spawnSync(["psql", "-h", data, "-U", "postgres", "-q", "-At", "-v", "ON_ERROR_STOP=1"], { stdin: Buffer.from(input), stderr: "ignore" });
    return { exitCode, output: stdout.toString() };
  };
  for (let attempt = 0; attempt < 100 && psql("SELECT 1").exitCode !== 0; attempt++) await Bun.sleep(100);
  if (psql(sql).exitCode !== 0) throw new Error("PostgreSQL refused its tables");
  return { socket: data, pid: server.pid, psql, async stop() { server.kill("SIGINT"); Bun.spawnSync(["pkill", "-INT", "-u", "postgres", "-f", data]); await server.exited; } };
}

export { CATEGORY_COUNT };
