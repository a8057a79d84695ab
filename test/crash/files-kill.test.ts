// kill -9 while files come in, are referred to, replaced and made by code: no record refers to a missing or half file, no upload that was
// answered is lost, and what nothing refers to goes.
import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom, type Random } from "../../src/base/random.ts";
import { startApp, type AppProcess } from "../processes/app-process.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { comesTrue } from "../processes/waits.ts";

const KILLS = process.env["AMBIT_TEST_SIZE"] === "long" ? 200 : 20;
const WORKERS = 4;
const scratch = scratchFolder();
afterAll(() => scratch.remove());

const schema = `
type Doc @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  file: Blob!
  copy: Blob
  keep(file: Blob!): Doc! @action @allow(to: ["clerk"])
}`;
const resources = `
import { Table } from "ambit";
export class Doc extends Table("Doc") {
  async keep({ file }) { return this.update({ copy: file }); }
}`;
const config = (grace: string): string => `auth: { keys: [{ token: key-ann, subject: ann, roles: [clerk] }] }\nlimits: { fileGraceMs: ${grace}, pendingFiles: 100000 }\n`;
const headers = { authorization: "Bearer key-ann" };
const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** What clients know: nothing that they were not told. */
interface Known {
  /** Answered uploads that no record was asked to take. */
  readonly pending: { readonly url: string; readonly hash: string }[];
  /** Hashes that a record's field may have: what was answered last, and what was asked since; empty: none, or no record. */
  readonly records: Map<string, { readonly file: Set<string>; readonly copy: Set<string> }>;
}

class Worker {
  readonly #random: Random;
  readonly #known: Known;
  readonly #name: string;
  #count = 0;
  stopped = false;

  constructor(name: string, random: Random, known: Known) {
    this.#name = name;
    this.#random = random;
    this.#known = known;
  }

  /** Until the server is gone. */
  async run(url: string): Promise<void> {
    try {
      while (!this.stopped) await this.#step(url);
    } catch (error) {
      if (error instanceof Error && error.name === "Wrong") throw error;
    }
  }

  #bytes(): Uint8Array {
    const size = Math.floor(this.#random.next() ** 3 * 200_000);
    // Some contents come again and again.
    const seed = this.#random.next() < 0.2 ? `shared ${Math.floor(this.#random.next() * 3)}` : `${this.#name} ${++this.#count} ${this.#random.next()}`;
    return Buffer.from(seed.padEnd(seed.startsWith("shared") ? 1_000 : Math.max(size, seed.length), "."));
  }

  async #step(url: string): Promise<void> {
    const bytes = this.#bytes();
    const hash = sha(bytes);
    const choice = this.#random.next();
    const id = `${this.#name}-${Math.floor(this.#random.next() * 5)}`;
    if (choice < 0.15) return this.#keep(url, id, { bytes, hash });
    if (choice < 0.25) return this.#remove(url, id);
    const sent = await ask(`${url}/files/Doc/file`, { method: "POST", headers, body: bytes });
    const file = await sent.json() as { url: string; hash: string };
    if (sent.status !== 201 || file.hash !== hash) throw wrong(`an upload answered ${sent.status} ${JSON.stringify(file)}`);
    if (choice < 0.5) return void this.#known.pending.push({ url: file.url, hash });
    const record = this.#known.records.get(id) ?? { file: new Set([""]), copy: new Set([""]) };
    this.#known.records.set(id, record);
    record.file.add(hash);
    record.copy.add("");
    const done = await ask(`${url}/Doc/${id}`, { method: "PUT", headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify({ file: { url: file.url } }) });
    if (done.status >= 300) throw wrong(`a record answered ${done.status} ${await done.text()}`);
    for (const old of record.file) if (old !== hash) record.file.delete(old);
    record.copy.clear();
    record.copy.add("");
  }

  async #keep(url: string, id: string, { bytes, hash }: { bytes: Uint8Array; hash: string }): Promise<void> {
    const record = this.#known.records.get(id);
    if (record === undefined || record.file.has("")) return;
    record.copy.add(hash);
    const form = new FormData();
    form.set("file", new File([new Uint8Array(bytes)], "x"));
    const done = await ask(`${url}/Doc/${id}/keep`, { method: "POST", headers, body: form });
    if (done.status !== 200) throw wrong(`an action answered ${done.status} ${await done.text()}`);
    for (const old of record.copy) if (old !== hash) record.copy.delete(old);
  }

  async #remove(url: string, id: string): Promise<void> {
    const record = this.#known.records.get(id);
    if (record === undefined) return;
    record.file.add("");
    record.copy.add("");
    await ask(`${url}/Doc/${id}`, { method: "DELETE", headers });
    this.#known.records.delete(id);
  }
}

function wrong(message: string): Error {
  return Object.assign(new Error(message), { name: "Wrong" });
}

const ask = (url: string, init: { method: string; headers: Record<string, string>; body?: string | Uint8Array | FormData }): Promise<Response> => fetch(url, init);

interface Shown { readonly url: string; readonly hash: string; readonly size: number }

/** Every record is as one of its writers may think, and every file in it is whole. */
async function check(url: string, known: Known): Promise<void> {
  const rows = await (await fetch(`${url}/Doc`, { headers })).json() as { id: string; file: Shown; copy: Shown | null }[];
  const found = new Map(rows.map((row) => [row.id, row]));
  for (const [id, { file, copy }] of known.records) {
    const row = found.get(id);
    expect([id, [...file], row?.file.hash, file.has(row?.file.hash ?? "")]).toEqual([id, [...file], row?.file.hash, true]);
    if (row !== undefined) expect([id, [...copy], row.copy?.hash, copy.has(row.copy?.hash ?? "")]).toEqual([id, [...copy], row.copy?.hash, true]);
    if (row === undefined) known.records.delete(id);
    else known.records.set(id, { file: new Set([row.file.hash]), copy: new Set([row.copy?.hash ?? ""]) });
  }
  for (const { file, copy } of rows) {
    for (const one of [file, copy]) {
      if (one === null) continue;
      const got = await fetch(url + one.url, { headers });
      expect([got.status, sha(await got.bytes())]).toEqual([200, one.hash]);
    }
  }
}

/** An upload that was answered can be referred to. */
async function takeSome(url: string, known: Known): Promise<void> {
  for (const { url: file, hash } of known.pending.splice(0, 5)) {
    const done = await fetch(`${url}/Doc/taken-${file.slice(-8)}`, { method: "PUT", headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify({ file }) });
    expect([done.status, await done.text()]).toEqual([201, ""]);
    const got = await fetch(url + file, { headers });
    expect(sha(await got.bytes())).toBe(hash);
  }
}

function contentsIn(data: string): string[] {
  const folder = join(data, "files");
  return readdirSync(folder).filter((name) => name.length === 2).flatMap((prefix) => readdirSync(join(folder, prefix)).filter((hash) => {
    const bytes = bytesOf(join(folder, prefix, hash));
    if (bytes !== null) expect(sha(bytes)).toBe(hash);
    return bytes !== null;
  }));
}

/** Null: it has been removed since it was listed. */
function bytesOf(file: string): Buffer | null {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

test(`${KILLS} times kill -9 while files come and go`, async () => {
  const seed = Number(process.env["AMBIT_TEST_SEED"] ?? randomBytes(4).readUInt32LE());
  console.log(`seed ${seed} (AMBIT_TEST_SEED=${seed} plans the same again)`);
  const random = seededRandom(seed);
  const folder = scratch.app({ "schema.graphql": schema, "resources.ts": resources, "config.yaml": config("P1D") });
  const data = scratch.free("data");
  const known: Known = { pending: [], records: new Map() };
  const workers = Array.from({ length: WORKERS }, (_, index) => new Worker(`w${index}`, seededRandom(seed + index + 1), known));
  let running: AppProcess | null = null;
  for (let kill = 0; kill < KILLS; kill++) {
    running = await startApp(folder, { data });
    await check(running.url, known);
    await takeSome(running.url, known);
    const work = Promise.all(workers.map((worker) => worker.run(running!.url)));
    await Bun.sleep(20 + random.next() * 300);
    await running.kill();
    await work;
  }
  // A day later, so to say.
  const database = new Database(join(data, "data.db"));
  database.run(`UPDATE "$file" SET "check" = '2026-01-01T00:00:00.000Z' WHERE "check" IS NOT NULL`);
  database.close();
  writeFileSync(join(folder, "config.yaml"), config("PT1S"));
  running = await startApp(folder, { data });
  await check(running.url, known);
  const rows = await (await fetch(`${running.url}/Doc`, { headers })).json() as { file: Shown; copy: Shown | null }[];
  const used = [...new Set(rows.flatMap(({ file, copy }) => (copy === null ? [file.hash] : [file.hash, copy.hash])))].sort();
  const before = contentsIn(data).length;
  await comesTrue(() => contentsIn(data).length <= used.length);
  console.log(`${before} contents, ${used.length} in use`);
  expect(contentsIn(data).sort()).toEqual(used);
  expect(before).toBeGreaterThan(used.length);
  expect(readdirSync(join(data, "files", "incoming"))).toEqual([]);
  await fetch(`${running.url}/Doc?id=neq.none`, { method: "DELETE", headers });
  await comesTrue(() => contentsIn(data).length === 0);
  expect(contentsIn(data)).toEqual([]);
  await running.stop();
}, KILLS * 6_000 + 60_000);
