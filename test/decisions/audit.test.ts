// The audit log of decisions as whoever distrusts it sees it: receipts and proofs over HTTP, checkpoints elsewhere, and a data file in which
// somebody has changed, swapped, deleted, forged or replaced records.
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canonicalJson } from "../../src/base/canonical-json.ts";
import { readCheckpoint, readNotes } from "../../src/decisions/audit/checkpoint.ts";
import { consistencyProof, inclusionProof, isConsistent, isIncluded, leafHash, nodeHash } from "../../src/decisions/audit/merkle-tree.ts";
import { decisions } from "../../src/runtime/decisions.ts";
import { eraseRun } from "../../src/storage/decision-rows.ts";
import { ambitHere } from "../processes/ambit-here.ts";
import { adminToken, keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";

const schema = `type Order @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey left: Int! }
type Decisions {
  take(orderId: ID!, note: String): Boolean! @decision(kind: RULE, inspect: ["auditor"]) @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}")
    @bound(name: "stock", rule: "order.left > 0", tell: "None is left.")
    @effect(operation: "Order.update", set: { id: "order.id", left: "order.left - 1" })
    @fallback(value: true)
}`;
const SEED = Buffer.alloc(32, 7).toString("base64");
const RUNS = 21;

let app: StartedApp;
const root = mkdtempSync(join(tmpdir(), "ambit-audit-"));
const runs: string[] = [];
/** The data as they were after 12 records, and after all. */
const [yesterday, today] = [join(root, "yesterday"), join(root, "today")];
let exported = "";

const get = async (path: string, token = adminToken): Promise<{ status: number; body: never }> => {
  const response = await fetch(`${app.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, body: await response.json() as never };
};

async function take(orderId: string, note = "x"): Promise<Response> {
  return fetch(`${app.url}/decide/take`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support" }, body: JSON.stringify({ orderId, note }) });
}

async function takeAndKeep(count: number): Promise<void> {
  for (let index = 0; index < count; index++) runs.push((await take("many", `note ${runs.length}`)).headers.get("ambit-run")!);
}

async function backup(to: string): Promise<void> {
  mkdirSync(to);
  const { code, err } = await ambitHere(["backup", join(to, "data.db"), "--data", join(app.directory, "data")]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
}

beforeAll(async () => {
  app = await startTestApp({ schema, config: `${keysFor("support", "auditor", "other")}audit: { name: shop.example/audit, key: "${SEED}", export: [checkpoints.txt] }\n` });
  await app.running.tables.commit((session) => {
    for (const [id, left] of [["many", 10_000], ["one", 1]] as const) session.write({ kind: "create", table: "Order", input: { id, left }, onConflict: null }, { dialect: "wire", authority: null, sent: null });
  }, { actor: "test", requestId: "seed" });
  await takeAndKeep(12);
  await get("/.well-known/ambit-audit/checkpoint");
  await backup(yesterday);
  await takeAndKeep(RUNS - 12);
  await get("/.well-known/ambit-audit/checkpoint");
  await backup(today);
  exported = join(root, "checkpoints.txt");
  copyFileSync(join(app.directory, "checkpoints.txt"), exported);
});
afterAll(async () => {
  await app?.stop();
  rmSync(root, { recursive: true, force: true });
});

interface Receipt { readonly run: string; readonly leaf: number; readonly leafHash: string; readonly record?: string; readonly proof: readonly string[]; readonly size: number; readonly checkpoint: string; readonly verifiers: readonly string[] }
const bytes = (text: string): Buffer => Buffer.from(text, "base64");

describe("over HTTP", () => {
  test("a receipt proves that a run's record is in a signed checkpoint", async () => {
    for (const [index, run] of runs.entries()) {
      const receipt = (await get(`/runs/${run}/receipt`)).body as Receipt;
      const checkpoint = readCheckpoint(receipt.checkpoint, receipt.verifiers[0]!)!;
      expect(checkpoint).toMatchObject({ origin: "shop.example/audit/0", size: receipt.size });
      expect([receipt.leaf, (JSON.parse(receipt.record!) as { run: string }).run]).toEqual([index, run]);
      expect(Buffer.from(leafHash(Buffer.from(receipt.record!))).toString("base64")).toBe(receipt.leafHash);
      expect(isIncluded(leafHash(Buffer.from(receipt.record!)), { index, size: checkpoint.size }, receipt.proof.map(bytes), checkpoint.root)).toBe(true);
      expect(isIncluded(leafHash(Buffer.from(receipt.record!.replace("DECIDED", "REFUSED"))), { index, size: checkpoint.size }, receipt.proof.map(bytes), checkpoint.root)).toBe(false);
    }
  });

  test("a run without a checkpoint gets one when its receipt is asked for, even by many at once", async () => {
    const [run] = [(await take("many")).headers.get("ambit-run")!];
    const receipts = await Promise.all(Array.from({ length: 5 }, async () => (await get(`/runs/${run}/receipt`)).body as Receipt));
    expect(new Set(receipts.map(({ checkpoint }) => checkpoint)).size).toBe(1);
    expect(receipts[0]!.size).toBe(receipts[0]!.leaf + 1);
  });

  test("the starter gets the proof without the record, an inspector both, others nothing", async () => {
    const [run] = runs;
    expect((await get(`/runs/${run}/receipt`, "key-support")).body).not.toHaveProperty("record");
    expect((await get(`/runs/${run}/receipt`, "key-auditor")).body).toHaveProperty("record");
    expect((await get(`/runs/${run}/receipt`, "key-other")).status).toBe(404);
    expect((await get("/runs/none/receipt")).status).toBe(404);
    for (const path of ["checkpoint", "key", "consistency?from=1&to=2"]) {
      expect([path, (await get(`/.well-known/ambit-audit/${path}`, "key-auditor")).status, (await get(`/.well-known/ambit-audit/${path}`, "key-support")).status]).toEqual([path, 200, 404]);
    }
  });

  test("an earlier checkpoint is proved to be the beginning of a later one", async () => {
    const { verifiers } = (await get("/.well-known/ambit-audit/key")).body as Receipt;
    const [before, after] = readNotes(readFileSync(exported, "utf8")).map((note) => readCheckpoint(note, verifiers[0]!)!);
    expect([before!.size, after!.size]).toEqual([12, RUNS]);
    const { proof } = (await get(`/.well-known/ambit-audit/consistency?from=12&to=${RUNS}`)).body as Receipt;
    expect(isConsistent(before!, after!, proof.map(bytes))).toBe(true);
    expect(isConsistent({ ...before!, size: 11 }, after!, proof.map(bytes))).toBe(false);
  });

  test.each(["", "?from=0&to=1", "?from=5&to=2", "?from=1&to=999999", "?from=a&to=2", "?from=1"])("sizes that there are not are refused: %s", async (query) => {
    expect((await get(`/.well-known/ambit-audit/consistency${query}`)).status).toBe(400);
  });
});

test("a proof reads few hashes, however many leaves there are", () => {
  for (const size of [1_000, 1_000_003, 10_000_019]) {
    for (const index of [0, 1, Math.floor(size / 2), size - 2, size - 1]) {
      let reads = 0;
      const count = (): Uint8Array => { reads++; return new Uint8Array(32); };
      inclusionProof(index, size, count);
      consistencyProof(index + 1, size, count);
      expect(reads).toBeLessThanOrEqual(6 * Math.ceil(Math.log2(size)));
    }
  }
});

interface Verified { readonly code: number; readonly ok: boolean; readonly records: number; readonly checkpoints: number; readonly erased: number; readonly problem: { readonly kind: string; readonly from: number; readonly to: number; readonly run: string | null; readonly message: string } | null }

async function verify(directory: string, ...words: readonly string[]): Promise<Verified> {
  const { code, objects, err } = await ambitHere(["audit", "verify", "--data", directory, "--json", ...words]);
  if (code === 2) throw new Error(err);
  return { code, ...objects()[0] } as unknown as Verified;
}

/** A copy of today's data with something done to it. */
function tampered(change: (database: Database) => void): string {
  const directory = mkdtempSync(join(root, "copy-"));
  copyFileSync(join(today, "data.db"), join(directory, "data.db"));
  const database = new Database(join(directory, "data.db"));
  change(database);
  database.close();
  return directory;
}

const recordAt = (database: Database, number: number): string => (database.query(`SELECT "record" FROM "$audit" WHERE "number" = ?1`).get(number) as { record: string }).record;
const setRecord = (database: Database, number: number, record: string): unknown => database.run(`UPDATE "$audit" SET "record" = ?1, "run" = ?2 WHERE "number" = ?3`, [record, (JSON.parse(record) as { run: string }).run, number]);
const setNode = (database: Database, level: number, index: number, hash: Uint8Array): unknown => database.run(`UPDATE "$audit_node" SET "hash" = ?1 WHERE "level" = ?2 AND "index" = ?3`, [hash, level, index]);

/** Record and leaf, and every stored hash above it. */
function rewriteWholly(database: Database, number: number, record: string): void {
  setRecord(database, number, record);
  setNode(database, 0, number, leafHash(Buffer.from(record)));
  for (let level = 1, index = number >> 1; 2 ** level * (index + 1) <= RUNS; level++, index >>= 1) {
    const child = (at: number): Buffer => Buffer.from((database.query(`SELECT "hash" FROM "$audit_node" WHERE "level" = ?1 AND "index" = ?2`).get(level - 1, at) as { hash: Uint8Array }).hash);
    setNode(database, level, index, nodeHash(child(2 * index), child(2 * index + 1)));
  }
}

/** Its state, its run and its payload all say something else. */
const forged = (database: Database, number: number): string => canonicalJson({ ...JSON.parse(recordAt(database, number)) as object, costMicros: 1 } as never);

describe("ambit audit verify", () => {
  test("finds nothing wrong with what nobody touched, while the app runs too", async () => {
    expect(await verify(today)).toMatchObject({ code: 0, ok: true, records: RUNS, checkpoints: 2, erased: 0, problem: null });
    expect(await verify(today, "--checkpoint", exported)).toMatchObject({ code: 0, checkpoints: 4 });
    expect(await verify(join(app.directory, "data"), "--checkpoint", exported)).toMatchObject({ code: 0, ok: true });
  });

  test("names the record in which a byte was flipped, whichever byte and record", async () => {
    for (const number of [0, 7, RUNS - 1]) {
      const directory = tampered((database) => database.run(`UPDATE "$audit" SET "record" = replace("record", '"kind":"run"', '"kind":"ruN"') WHERE "number" = ?1`, [number]));
      expect((await verify(directory)).problem).toMatchObject({ kind: "record", from: number, to: number + 1, run: runs[number] });
    }
  });

  test("names the first of two that were swapped", async () => {
    const directory = tampered((database) => {
      const [third, ninth] = [recordAt(database, 3), recordAt(database, 9)];
      setRecord(database, 3, ninth);
      setRecord(database, 9, third);
    });
    expect((await verify(directory)).problem).toMatchObject({ kind: "record", from: 3 });
  });

  test("names the two that were swapped together with their leaves", async () => {
    const directory = tampered((database) => {
      // With all that belongs to them.
      for (const [from, to] of [[4, -1], [5, 4], [-1, 5]] as const) database.run(`UPDATE "$audit" SET "number" = ?2 WHERE "number" = ?1`, [from, to]);
      for (const number of [4, 5]) setNode(database, 0, number, leafHash(Buffer.from(recordAt(database, number))));
    });
    expect((await verify(directory)).problem).toMatchObject({ kind: "range", from: 4, to: 6 });
  });

  test("names a record whose leaf was forged, and one that is gone", async () => {
    expect((await verify(tampered((database) => setNode(database, 0, 6, new Uint8Array(32).fill(1))))).problem).toMatchObject({ kind: "record", from: 6 });
    expect((await verify(tampered((database) => database.run(`DELETE FROM "$audit" WHERE "number" = 10`)))).problem).toMatchObject({ kind: "missing", from: 10, to: 11 });
  });

  test("finds a record that was forged with every hash over it, between two checkpoints", async () => {
    expect((await verify(tampered((database) => rewriteWholly(database, 15, forged(database, 15))))).problem).toMatchObject({ kind: "range", from: 12, to: RUNS });
    expect((await verify(tampered((database) => rewriteWholly(database, 2, forged(database, 2))))).problem).toMatchObject({ kind: "range", from: 0, to: 12 });
    const bare = tampered((database) => {
      rewriteWholly(database, 15, forged(database, 15));
      database.run(`DELETE FROM "$checkpoint"`);
    });
    expect((await verify(bare)).ok).toBe(true);
    expect((await verify(bare, "--checkpoint", exported)).problem).toMatchObject({ kind: "range", from: 12, to: RUNS });
  });

  test("finds that the last three are gone, and without a trace only with a checkpoint kept elsewhere", async () => {
    const crude = tampered((database) => database.run(`DELETE FROM "$audit" WHERE "number" >= ?1`, [RUNS - 3]));
    expect((await verify(crude)).problem).toMatchObject({ kind: "missing", from: RUNS - 3 });
    const thorough = tampered((database) => {
      database.run(`DELETE FROM "$audit" WHERE "number" >= ?1`, [RUNS - 3]);
      database.run(`DELETE FROM "$audit_node" WHERE ("index" + 1) * (1 << "level") > ?1`, [RUNS - 3]);
      database.run(`DELETE FROM "$decision" WHERE "leaf" >= ?1`, [RUNS - 3]);
      database.run(`DELETE FROM "$checkpoint" WHERE "size" > ?1`, [RUNS - 3]);
    });
    expect((await verify(thorough)).ok).toBe(true);
    expect((await verify(thorough, "--checkpoint", exported)).problem).toMatchObject({ kind: "missing", from: RUNS - 3, to: RUNS });
  });

  test("finds yesterday's file in the place of today's", async () => {
    expect((await verify(yesterday)).ok).toBe(true);
    expect((await verify(yesterday, "--checkpoint", exported)).problem).toMatchObject({ kind: "missing", from: 12, to: RUNS });
  });

  test("finds payloads and runs that say something else than their record", async () => {
    const payload = tampered((database) => database.run(`UPDATE "$audit" SET "payloads" = json_set("payloads", '$.output', json('"true"')) WHERE "run" = ?1`, [runs[5]!]));
    expect((await verify(payload)).problem).toMatchObject({ kind: "record", from: 5, message: "Record 5 was changed: its output is not what it committed to." });
    for (const other of ["payloads || ' '", "substr(payloads, 2)", "'[]'", "'{'", "''"]) {
      expect([other, (await verify(tampered((database) => database.run(`UPDATE "$audit" SET "payloads" = ${other} WHERE "run" = ?1`, [runs[5]!])))).problem]).toMatchObject([other, { kind: "record", from: 5 }]);
    }
    expect((await verify(tampered((database) => database.run(`UPDATE "$audit" SET "salts" = zeroblob(3) WHERE "run" = ?1`, [runs[5]!])))).problem).toMatchObject({ kind: "record", from: 5 });
    expect((await verify(tampered((database) => database.run(`UPDATE "$decision" SET "state" = 'FELL_BACK' WHERE "id" = ?1`, [runs[8]!])))).problem).toMatchObject({ kind: "record", from: 8 });
  });

  test("believes no other key", async () => {
    const other = "shop.example/audit+00000000+AAAA";
    expect((await verify(today, "--key", other)).problem).toMatchObject({ kind: "checkpoint" });
    const { verifiers } = (await get("/.well-known/ambit-audit/key")).body as Receipt;
    expect((await verify(today, "--key", verifiers[0]!)).ok).toBe(true);
    const alien = join(root, "alien.txt");
    writeFileSync(alien, readFileSync(exported, "utf8").replace(/^12$/m, "13"));
    expect((await verify(today, "--checkpoint", alien)).problem).toMatchObject({ kind: "checkpoint" });
    writeFileSync(alien, "nothing of the kind");
    expect((await ambitHere(["audit", "verify", "--data", today, "--checkpoint", alien])).code).toBe(2);
  });
});

describe("ambit audit export", () => {
  const file = (name: string): string => join(root, name);
  const exportTo = async (to: string, ...words: readonly string[]): Promise<Record<string, unknown>> => (await ambitHere(["audit", "export", to, "--data", today, "--json", ...words])).objects()[0]!;
  const lines = (path: string): Record<string, unknown>[] => readFileSync(path, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);

  test("writes each record with its leaf, who signs, and checkpoints, from any record on", async () => {
    expect(await exportTo(file("all.ndjson"))).toMatchObject({ event: "exported", from: 0, records: RUNS, checkpoints: 2 });
    const all = lines(file("all.ndjson"));
    expect(all.map((line) => Object.keys(line)[0])).toEqual([...Array<string>(RUNS).fill("number"), "verifiers", "checkpoint", "checkpoint"]);
    for (const { leaf, record } of all.slice(0, RUNS)) expect(leaf).toBe(Buffer.from(leafHash(Buffer.from(record as string))).toString("base64"));
    expect(await exportTo(file("late.ndjson"), "--from", "15")).toMatchObject({ records: RUNS - 15, checkpoints: 1 });
    expect(lines(file("late.ndjson"))[0]).toEqual(all[15]!);
    for (const wrong of [["--from", "-1"], ["--from", "x"]]) expect((await ambitHere(["audit", "export", file("no"), "--data", today, ...wrong])).code).toBe(2);
    expect((await ambitHere(["audit", "export", join(root, "no", "such", "folder"), "--data", today])).code).toBe(2);
  });

  test("kept elsewhere it names the first bad record where every hash and checkpoint was rewritten, and what is missing", async () => {
    await exportTo(file("kept.ndjson"));
    await exportTo(file("tail.ndjson"), "--from", "14");
    expect(await verify(today, "--leaves", file("kept.ndjson"))).toMatchObject({ code: 0, ok: true });
    const rewritten = tampered((database) => {
      rewriteWholly(database, 15, forged(database, 15));
      database.run(`DELETE FROM "$checkpoint"`);
    });
    expect((await verify(rewritten)).ok).toBe(true);
    for (const kept of ["kept.ndjson", "tail.ndjson"]) expect((await verify(rewritten, "--leaves", file(kept))).problem).toMatchObject({ kind: "record", from: 15, to: 16, run: runs[15] });
    expect((await verify(yesterday, "--leaves", file("kept.ndjson"))).problem).toMatchObject({ kind: "missing", from: 12 });
    writeFileSync(file("alien.ndjson"), "nothing of the kind\n");
    expect((await ambitHere(["audit", "verify", "--data", today, "--leaves", file("alien.ndjson")])).code).toBe(2);
  });
});

test("a run whose payloads are erased stays in the tree, and tells nothing any more", async () => {
  const request = { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support", "idempotency-key": "forget-me" }, body: JSON.stringify({ orderId: "many", note: "CANARY of somebody" }) };
  const run = (await fetch(`${app.url}/decide/take`, request)).headers.get("ambit-run")!;
  const before = (await get(`/runs/${run}/receipt`)).body as Receipt;
  const { storage } = app.running;
  expect(await storage.commit((connection) => eraseRun(connection, run, { status: 410, answer: "{}" }))).toBe(true);
  expect(await storage.commit((connection) => eraseRun(connection, "none", { status: 410, answer: "{}" }))).toBe(false);
  for (const table of ["$decision", "$decision_step", "$audit"]) {
    expect([table, JSON.stringify(storage.reader.values(`SELECT * FROM "${table}"`)).includes("CANARY")]).toEqual([table, false]);
  }
  expect((await get(`/runs/${run}/receipt`)).body as Receipt).toEqual(before);
  expect(await verify(join(app.directory, "data"), "--checkpoint", exported)).toMatchObject({ ok: true, erased: expect.any(Number) as number });
  expect((await verify(join(app.directory, "data"))).erased).toBeGreaterThan(5);
  expect(decisions.audit!.replay(storage.reader, run, app.running.loaded)).toEqual({ run, outcome: "ERASED", differences: [] });
  expect((await fetch(`${app.url}/decide/take`, request)).status).toBe(410);
});

test("twenty that want the last unit: one gets it, and the log is in the order of the commits", async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, async () => take("one")));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 422)).toHaveLength(19);
  expect(app.running.tables.get("Order", "one")!.values["left"]).toBe(0);
  const { reader } = app.running.storage;
  const records = reader.values(`SELECT "record", "time" FROM "$audit" ORDER BY "number"`).slice(-20).map(([record, time]) => ({ ...JSON.parse(record as string) as { run: string; state: string }, time: time as number }));
  expect(new Set(records.map(({ run }) => run))).toEqual(new Set(answers.map(({ headers }) => headers.get("ambit-run")!)));
  expect(records.filter(({ state }) => state === "DECIDED")).toHaveLength(1);
  // Whoever was refused had seen the stock of the one before it.
  expect(records[0]!.state).toBe("DECIDED");
  expect(records.map(({ time }) => time)).toEqual(records.map(({ time }) => time).toSorted((left, right) => left - right));
  expect(existsSync(join(app.directory, "checkpoints.txt"))).toBe(true);
});
