// Reads of one turn share a snapshot; a commit and the next turn end it, and so does the end of the process's interest.
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openedStorage, temporaryDirectory } from "./testing/storage-fixture.ts";

const nextTurn = (): Promise<void> => new Promise((done) => { setImmediate(done); });

async function opened() {
  const directory = temporaryDirectory();
  const { storage } = openedStorage(directory);
  await storage.commit((connection) => connection.execute("CREATE TABLE t (a INTEGER) STRICT"));
  const count = (): unknown => storage.reader.values("SELECT count(*) FROM t")[0]![0];
  return { directory, storage, count };
}

test("one state for a turn, whatever happens to the file meanwhile; the next turn looks again", async () => {
  const { directory, storage, count } = await opened();
  const other = new Database(join(directory, "data.db"));
  expect(count()).toBe(0);
  other.run("INSERT INTO t VALUES (1)");
  expect(count()).toBe(0);
  await nextTurn();
  expect(count()).toBe(1);
  other.close();
  await storage.close();
});

test("a commit is seen in the turn that it is answered in, also by reads that began before it", async () => {
  const { storage, count } = await opened();
  for (let index = 0; index < 50; index++) {
    const reading = [count()];
    const committed = storage.commit((connection) => {
      connection.run("INSERT INTO t VALUES (?1)", index);
      // Somebody reads while the batch is open: its own state is not there yet, and must not stay.
      reading.push(count());
    }, () => { reading.push(count()); });
    reading.push(count());
    await committed;
    expect([...reading, count()]).toEqual([index, index, index, index + 1, index + 1]);
  }
  await storage.close();
});

test("an error in a read leaves nothing open", async () => {
  const { storage, count } = await opened();
  expect(count()).toBe(0);
  expect(() => storage.reader.values("SELECT missing")).toThrow("no such column");
  expect(() => storage.reader.values("SELECT abs(-9223372036854775808)")).toThrow("overflow");
  await storage.commit((connection) => connection.run("INSERT INTO t VALUES (1)"));
  expect(count()).toBe(1);
  await nextTurn();
  expect(storage.reader.inTransaction).toBe(false);
  await storage.close();
});

test("readers that follow each other without a pause do not keep the write-ahead log from being folded in", async () => {
  const { storage, count } = await opened();
  for (let index = 0; index < 3_000; index++) {
    count();
    const committed = storage.commit((connection) => connection.run("INSERT INTO t VALUES (?1)", index));
    count();
    await committed;
  }
  // SQLite folds it in after every 1,000 pages, and then begins anew.
  const { walBytes } = storage.stats();
  expect(walBytes).toBeLessThan(3 * 1_000 * 4_096);
  await storage.close();
});

test("after closing nothing keeps the file open: the write-ahead log is gone", async () => {
  const { directory, storage, count } = await opened();
  count();
  await storage.close();
  expect(existsSync(join(directory, "data.db-wal"))).toBe(false);
});
