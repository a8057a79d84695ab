import { Database } from "bun:sqlite";
import { afterEach, expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DATA_FORMAT } from "./system-tables.ts";
import { appOf, codeOf, openedStorage, temporaryDirectory } from "./testing/storage-fixture.ts";

const child = join(import.meta.dir, "testing", "lock-child.ts");

const started: Bun.Subprocess[] = [];
afterEach(() => { for (const one of started.splice(0)) one.kill("SIGKILL"); });

/** Starts a process that opens the directory; answers its first line. */
async function opener(directory: string) {
  const opening = Bun.spawn([process.execPath, child, directory], { stdout: "pipe", stderr: "ignore" });
  started.push(opening);
  const reader = opening.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return { process: opening, line: new TextDecoder().decode(value).trim() };
}

test("creates the directory and its files for their owner alone, whatever the umask", async () => {
  const directory = join(temporaryDirectory(), "deep", "data");
  const umask = process.umask(0);
  const { storage } = openedStorage(directory);
  await storage.commit((connection) => connection.execute("CREATE TABLE t (a)"));
  process.umask(umask);
  const mode = (name: string): string => (statSync(join(directory, name)).mode & 0o777).toString(8);
  expect([mode("."), mode("data.db"), mode("data.db-wal"), mode("data.db-shm"), mode("lock.db")]).toEqual(["700", "600", "600", "600", "600"]);
  await storage.close();
});

test("is durable, in WAL, with foreign keys, and the reader cannot write", async () => {
  const { storage } = openedStorage();
  const setting = (name: string): Promise<unknown> => storage.commit((connection) => connection.values(`PRAGMA ${name}`)[0]![0]);
  expect(await setting("journal_mode")).toBe("wal");
  expect(await setting("synchronous")).toBe(2);
  expect(await setting("foreign_keys")).toBe(1);
  expect(await setting("trusted_schema")).toBe(0);
  expect(() => storage.reader.run("CREATE TABLE t (a)")).toThrow("readonly");
  expect(storage.reader.values("SELECT ambit_fold('\u00c4')")).toEqual([["\u00e4"]]);
  await storage.close();
});

test("the reader sees a commit as soon as it is answered", async () => {
  const { storage } = openedStorage();
  await storage.commit((connection) => connection.execute("CREATE TABLE t (a INTEGER) STRICT"));
  for (let index = 0; index < 20; index++) {
    await storage.commit((connection) => connection.run("INSERT INTO t VALUES (?1)", index));
    expect(storage.reader.values("SELECT count(*) FROM t")).toEqual([[index + 1]]);
  }
  await storage.close();
});

test("a second runtime in this process is refused with DATA_IN_USE, until the first one closes", async () => {
  const { storage, directory } = openedStorage();
  expect(await codeOf(() => openedStorage(directory))).toBe("DATA_IN_USE");
  // The refusal must not have dropped the first one's lock.
  expect(await codeOf(() => openedStorage(directory))).toBe("DATA_IN_USE");
  expect((await opener(directory)).line).toBe("DATA_IN_USE");
  await storage.close();
  await storage.close();
  await openedStorage(directory).storage.close();
});

test("a second process is refused; the lock goes with the first one's death by SIGKILL", async () => {
  const directory = temporaryDirectory();
  const first = await opener(directory);
  expect(first.line).toBe("open");
  const second = await opener(directory);
  expect(second.line).toBe("DATA_IN_USE");
  expect(await second.process.exited).toBe(1);
  expect(await codeOf(() => openedStorage(directory))).toBe("DATA_IN_USE");
  first.process.kill("SIGKILL");
  await first.process.exited;
  await openedStorage(directory).storage.close();
});

test("data of a newer format is refused with DATA_NEWER and left as it is", async () => {
  const { storage, directory } = openedStorage();
  await storage.close();
  const file = new Database(join(directory, "data.db"));
  file.run(`UPDATE "$meta" SET "value" = '1000' WHERE "key" = 'format'`);
  file.close();
  expect(await codeOf(() => openedStorage(directory))).toBe("DATA_NEWER");
  expect(await codeOf(() => openedStorage(directory))).toBe("DATA_NEWER");
  const again = new Database(join(directory, "data.db"));
  again.run(`UPDATE "$meta" SET "value" = '${DATA_FORMAT}' WHERE "key" = 'format'`);
  again.close();
  await openedStorage(directory).storage.close();
});

test("a file that is not a database, or not ours, is refused with DATA_DAMAGED", async () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, "data.db"), "this is no database at all, just some text that is long enough".repeat(100));
  expect(await codeOf(() => openedStorage(directory))).toBe("DATA_DAMAGED");
  expect(readFileSync(join(directory, "data.db"), "utf8").startsWith("this is no")).toBe(true);
  const other = temporaryDirectory();
  const foreign = new Database(join(other, "data.db"));
  foreign.run("CREATE TABLE theirs (a)");
  foreign.close();
  expect(await codeOf(() => openedStorage(other))).toBe("DATA_DAMAGED");
});

test("damage that a write meets stops the writer: 503 COMMIT_UNKNOWN, and onFatal", async () => {
  const { storage, directory } = openedStorage();
  await storage.commit((connection) => {
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT) STRICT");
    for (let index = 0; index < 2_000; index++) connection.run("INSERT INTO t VALUES (?1, ?2)", index, "x".repeat(200));
  });
  await storage.close();
  const path = join(directory, "data.db");
  const size = statSync(path).size;
  const file = openSync(path, "r+");
  // The last pages belong to the table; the first ones, with the schema, stay whole.
  for (let offset = Math.floor(size / 2 / 4096) * 4096; offset < size; offset += 4096) writeSync(file, new Uint8Array(64).fill(255), 0, 64, offset);
  closeSync(file);
  const damaged = openedStorage(directory);
  const results = await Promise.allSettled([
    damaged.storage.commit((connection) => connection.run(`UPDATE "$meta" SET "value" = "value"`)),
    damaged.storage.commit((connection) => connection.run("UPDATE t SET b = 'y'")),
  ]);
  expect(results.map((result) => result.status === "rejected" && (result.reason as { code: string }).code)).toEqual(["COMMIT_UNKNOWN", "COMMIT_UNKNOWN"]);
  expect(damaged.fatal.length).toBe(1);
  await damaged.storage.close();
});

test("the write-ahead log is folded into the file when a reader has kept it long", async () => {
  const { storage, directory } = openedStorage(undefined, { walBytes: 300_000 });
  const wal = (): number => statSync(join(directory, "data.db-wal")).size;
  await storage.commit((connection) => connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT) STRICT; PRAGMA wal_autocheckpoint = 0"));
  const write = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) await storage.commit((connection) => connection.run("INSERT INTO t (b) VALUES (?1)", "x".repeat(5_000)));
  };
  // A reader of another program: it holds its snapshot.
  const other = new Database(join(directory, "data.db"), { readonly: true });
  other.run("BEGIN");
  other.query("SELECT count(*) FROM t").all();
  await write(128);
  expect(wal()).toBeGreaterThan(600_000);
  expect(storage.stats().walBytes).toBeGreaterThan(600_000);
  other.run("COMMIT");
  other.close();
  await write(128);
  expect(wal()).toBeLessThan(900_000);
  expect(storage.reader.values("SELECT count(*) FROM t")).toEqual([[256]]);
  await storage.close();
});

test("distances between vectors are there for an app that has vectors, on both connections", async () => {
  const { storage } = openedStorage();
  const { catalog, book } = appOf("type Note @table { id: ID! @primaryKey vector: Vector @indexed(type: VECTOR, dimensions: 2) }");
  storage.prepareCatalog(catalog, book);
  const distance = "SELECT vec_distance_l2(X'0000000000000000', X'0000404000008040')";
  expect(storage.reader.values(distance)).toEqual([[5]]);
  expect(storage.rehearse((connection) => connection.values(distance))).toEqual([[5]]);
  await storage.close();
});
