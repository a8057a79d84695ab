import { SQLiteError } from "bun:sqlite";
import { expect, test } from "bun:test";
import { AssertionFailure } from "../base/assert.ts";
import { AmbitError, fault } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import type { Connection } from "./connection.ts";
import { codeOf, openedStorage } from "./testing/storage-fixture.ts";

const insert = (id: number, text = "x") => (connection: Connection): number => {
  connection.run("INSERT INTO item VALUES (?1, ?2)", id, text);
  return id;
};

async function opened(limits: Partial<Limits> = {}) {
  const fixture = openedStorage(undefined, limits);
  await fixture.storage.commit((connection) => connection.execute("CREATE TABLE item (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT"));
  const { storage } = fixture;
  const ids = (): number[] => storage.reader.values("SELECT id FROM item ORDER BY id").map((row) => row[0] as number);
  return { ...fixture, ids, before: storage.stats() };
}

/** The reason, or the value, of each. */
async function outcomes(promises: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((one) => (one.status === "fulfilled" ? one.value : one.reason instanceof AmbitError || one.reason instanceof SQLiteError ? one.reason.code : one.reason));
}

test("what comes in one turn is one batch, answered in order after one COMMIT", async () => {
  const { storage, ids, before } = await opened();
  const order: string[] = [];
  const promises = [1, 2, 3].map((id) => storage.commit(insert(id), () => order.push(`hook ${id}`)).then(() => order.push(`answer ${id}`)));
  expect(ids()).toEqual([]);
  await Promise.all(promises);
  expect(ids()).toEqual([1, 2, 3]);
  expect(order).toEqual(["hook 1", "hook 2", "hook 3", "answer 1", "answer 2", "answer 3"]);
  expect(storage.stats().batches - before.batches).toBe(1);
});

test("a constraint in the middle of a batch fails that request alone, whole", async () => {
  const { storage, ids } = await opened();
  const both = (connection: Connection): void => { insert(5)(connection); insert(1)(connection); };
  const hooks: number[] = [];
  const hook = (id: number) => (): void => { hooks.push(id); };
  expect(await outcomes([storage.commit(insert(1), hook(1)), storage.commit(both, hook(5)), storage.commit(insert(3), hook(3))]))
    .toEqual([1, "SQLITE_CONSTRAINT_PRIMARYKEY", 3]);
  expect(ids()).toEqual([1, 3]);
  expect(hooks).toEqual([1, 3]);
  expect(storage.stats().voidedBatches).toBe(0);
});

test("an error of the app, a datatype, a value too big, a function that throws fail one request alone", async () => {
  const { storage, ids } = await opened();
  const mismatch = (connection: Connection): void => { insert(10)(connection); connection.run("INSERT INTO item VALUES ('no', 'x')"); };
  const datatype = (connection: Connection): void => { insert(11)(connection); connection.run("INSERT INTO item VALUES (12, x'00')"); };
  const tooBig = (connection: Connection): void => { insert(13)(connection); connection.run("INSERT INTO item VALUES (14, CAST(zeroblob(2000000000) AS TEXT))"); };
  const refused = (connection: Connection): void => { insert(15)(connection); throw fault("CHECK_FAILED", "no"); };
  expect(await outcomes([storage.commit(insert(1)), ...[mismatch, datatype, tooBig, refused].map((work) => storage.commit(work)), storage.commit(insert(2))]))
    .toEqual([1, "SQLITE_MISMATCH", "SQLITE_CONSTRAINT_DATATYPE", "SQLITE_TOOBIG", "CHECK_FAILED", 2]);
  expect(ids()).toEqual([1, 2]);
  expect(storage.stats().voidedBatches).toBe(0);
});

test("a bug in the work voids the batch; the others are run again and succeed, the hook of none runs twice", async () => {
  const { storage, ids } = await opened();
  const bug = new TypeError("a bug");
  let runs = 0;
  const hooks: number[] = [];
  const counted = (connection: Connection): number => { runs++; return insert(1)(connection); };
  const broken = (connection: Connection): void => { insert(2)(connection); throw bug; };
  const results = await outcomes([storage.commit(counted, (id) => hooks.push(id)), storage.commit(broken), storage.commit(insert(3), (id) => hooks.push(id))]);
  expect(results).toEqual([1, bug, 3]);
  expect(ids()).toEqual([1, 3]);
  expect(runs).toBe(2);
  expect(hooks).toEqual([1, 3]);
  expect(storage.stats().voidedBatches).toBe(1);
});

test("work that answers with a promise is refused, and what it wrote is undone", async () => {
  const { storage, ids } = await opened();
  const late = async (connection: Connection): Promise<void> => { insert(1)(connection); };
  await expect(storage.commit(late)).rejects.toBeInstanceOf(AssertionFailure);
  expect(ids()).toEqual([]);
  await storage.commit(insert(2));
  expect(ids()).toEqual([2]);
});

test("a full disk: nothing of the one that does not fit, everything of the others, and it works again later", async () => {
  const { storage, ids, fatal } = await opened();
  const pages = await storage.commit((connection) => connection.values("PRAGMA page_count")[0]![0] as number);
  await storage.commit((connection) => { connection.values(`PRAGMA max_page_count = ${pages + 3}`); });
  const large = (connection: Connection): void => { insert(50, "small first")(connection); insert(51, "y".repeat(100_000))(connection); };
  expect(await outcomes([storage.commit(insert(1)), storage.commit(large), storage.commit(insert(2))])).toEqual([1, "STORAGE_FULL", 2]);
  expect(ids()).toEqual([1, 2]);
  expect(await outcomes([storage.commit(large)])).toEqual(["STORAGE_FULL"]);
  expect(storage.stats().voidedBatches).toBeGreaterThan(0);
  await storage.commit((connection) => { connection.values("PRAGMA max_page_count = 100000"); });
  expect(await outcomes([storage.commit(large), storage.commit(insert(3))])).toEqual([undefined, 3]);
  expect(ids()).toEqual([1, 2, 3, 50, 51]);
  expect(storage.reader.values("PRAGMA integrity_check")).toEqual([["ok"]]);
  expect(fatal).toEqual([]);
});

test("filling the disk up never acknowledges what is not there", async () => {
  const { storage, ids } = await opened();
  const pages = await storage.commit((connection) => connection.values("PRAGMA page_count")[0]![0] as number);
  await storage.commit((connection) => { connection.values(`PRAGMA max_page_count = ${pages + 20}`); });
  const acknowledged: number[] = [];
  let full = 0;
  for (let round = 0; round < 20; round++) {
    const batch = Array.from({ length: 10 }, (_, index) => round * 10 + index);
    const results = await outcomes(batch.map((id) => storage.commit(insert(id, "z".repeat(1_500)))));
    results.forEach((result, index) => {
      if (result === "STORAGE_FULL") full++;
      else acknowledged.push(batch[index]!);
    });
  }
  expect(full).toBeGreaterThan(0);
  expect(acknowledged.length).toBeGreaterThan(0);
  expect(ids()).toEqual(acknowledged);
});

test("an error that ends the transaction by itself voids the batch, also when the work swallows it", async () => {
  const { storage, ids } = await opened();
  await storage.commit((connection) => connection.execute("CREATE TABLE trap (id INTEGER PRIMARY KEY ON CONFLICT ROLLBACK) STRICT; INSERT INTO trap VALUES (1)"));
  const spring = (connection: Connection): void => { connection.run("INSERT INTO trap VALUES (1)"); };
  const swallow = (connection: Connection): void => {
    insert(8)(connection);
    try { spring(connection); } catch { /* the work goes on as if nothing were */ }
    insert(9)(connection);
  };
  const silent = (connection: Connection): void => { try { spring(connection); } catch { /* and says nothing */ } };
  const results = await outcomes([storage.commit(insert(1)), storage.commit(spring), storage.commit(swallow), storage.commit(silent), storage.commit(insert(2))]);
  expect(results[0]).toBe(1);
  expect(results[1]).toBe("SQLITE_CONSTRAINT_PRIMARYKEY");
  expect(String(results[2])).toContain("has ended the transaction");
  expect(results[3]).toBeInstanceOf(AssertionFailure);
  expect(results[4]).toBe(2);
  expect(ids()).toEqual([1, 2]);
  expect(storage.stats().voidedBatches).toBe(1);
});

test("a failing COMMIT stops the writer: nobody is acknowledged, nothing is there", async () => {
  const { storage, ids, fatal } = await opened();
  await storage.commit((connection) => connection.execute("CREATE TABLE child (id INTEGER REFERENCES item DEFERRABLE INITIALLY DEFERRED) STRICT"));
  const orphan = (connection: Connection): void => { connection.run("INSERT INTO child VALUES (99)"); };
  const claimed = storage.commit(insert(1));
  const late = storage.commit(orphan);
  const hold = storage.hold();
  expect(await outcomes([claimed, late, hold])).toEqual(["COMMIT_UNKNOWN", "COMMIT_UNKNOWN", "COMMIT_UNKNOWN"]);
  expect(fatal.length).toBe(1);
  expect(ids()).toEqual([]);
  expect(await outcomes([storage.commit(insert(2))])).toEqual(["UNAVAILABLE"]);
  expect(() => storage.rehearse(insert(2))).toThrow("not open");
  await storage.close();
});

test("a hook that throws stops the writer after the answers", async () => {
  const { storage, fatal } = await opened();
  expect(await storage.commit(insert(1), () => { throw new Error("stale cache"); })).toBe(1);
  expect(fatal.length).toBe(1);
  expect(await codeOf(() => storage.commit(insert(2)))).toBe("UNAVAILABLE");
});

test("a queue that is full refuses, and takes again when it is not", async () => {
  const { storage, ids } = await opened({ commitQueueLength: 5 });
  const results = await outcomes(Array.from({ length: 8 }, (_, id) => storage.commit(insert(id))));
  expect(results).toEqual([0, 1, 2, 3, 4, "OVERLOADED", "OVERLOADED", "OVERLOADED"]);
  await storage.commit(insert(9));
  expect(ids()).toEqual([0, 1, 2, 3, 4, 9]);
});

test("a long queue is committed in batches of bounded length", async () => {
  const { storage, ids, before } = await opened({ commitBatchLength: 4 });
  await Promise.all(Array.from({ length: 10 }, (_, id) => storage.commit(insert(id))));
  expect(storage.stats().batches - before.batches).toBe(3);
  expect(ids().length).toBe(10);
});

test("works that take long are answered before the others of their turn begin", async () => {
  const { storage, clock, ids, before } = await opened({ soloMs: 100 });
  const seen: string[] = [];
  const slow = (id: number, tookMs: number) => (connection: Connection): number => {
    seen.push(`work ${id}`);
    clock.advance(tookMs);
    if (id === 3) throw fault("CONFLICT", "No.");
    return insert(id)(connection);
  };
  const works = [[1, 60], [2, 60], [3, 150], [4, 0], [5, 101], [6, 0]] as const;
  const found = outcomes(works.map(([id, tookMs]) => storage.commit(slow(id, tookMs)).finally(() => seen.push(`answer ${id}`))));
  expect(await found).toEqual([1, 2, "CONFLICT", 4, 5, 6]);
  expect(seen).toEqual(["work 1", "work 2", "answer 1", "answer 2", "work 3", "answer 3", "work 4", "work 5", "answer 4", "answer 5", "work 6", "answer 6"]);
  expect([storage.stats().batches - before.batches, storage.stats().requests - before.requests, ids()]).toEqual([4, 6, [1, 2, 4, 5, 6]]);
});

test("a rehearsal sees its own writes and leaves nothing, whether it throws or not", async () => {
  const { storage, ids } = await opened();
  expect(storage.rehearse((connection) => {
    insert(1)(connection);
    return connection.values("SELECT count(*) FROM item")[0]![0];
  })).toBe(1);
  expect(() => storage.rehearse((connection) => { insert(1)(connection); throw fault("CHECK_FAILED", "no"); })).toThrow("no");
  expect(() => storage.rehearse((connection) => { insert(1)(connection); insert(1)(connection); })).toThrow("UNIQUE");
  expect(ids()).toEqual([]);
  const queued = storage.commit(insert(2));
  expect(() => storage.rehearse(insert(2))).not.toThrow();
  expect(await queued).toBe(2);
});

test("a hold lets only its owner commit; the others follow", async () => {
  const { storage, ids } = await opened();
  const first = storage.commit(insert(1));
  const hold = await storage.hold();
  expect(await first).toBe(1);
  let others = 0;
  const waiting = [2, 3].map((id) => storage.commit(insert(id)).then(() => others++));
  await Bun.sleep(5);
  expect(others).toBe(0);
  expect(ids()).toEqual([1]);
  expect(await hold.commit((connection) => {
    expect(connection.values("SELECT count(*) FROM item")).toEqual([[1]]);
    return insert(10)(connection);
  })).toBe(10);
  await Promise.all(waiting);
  expect(ids()).toEqual([1, 2, 3, 10]);
  expect(await codeOf(() => hold.commit(insert(11)))).toBe("TRANSACTION_CONFLICT");
});

test("a hold ends after soloMs, is served one after the other, and can be given back", async () => {
  const { storage, clock } = await opened({ soloMs: 100 });
  const first = await storage.hold();
  const second = storage.hold();
  const waiting = storage.commit(insert(1));
  clock.advance(100);
  expect(await codeOf(() => first.commit(insert(5)))).toBe("TRANSACTION_CONFLICT");
  (await second).release();
  expect(await waiting).toBe(1);
});

test("closing commits what is queued, ends a hold and refuses what comes after", async () => {
  const { storage, directory } = await opened();
  const hold = await storage.hold();
  const queued = storage.commit(insert(1));
  const claim = codeOf(() => storage.hold());
  const closing = storage.close();
  expect(await codeOf(() => storage.commit(insert(2)))).toBe("UNAVAILABLE");
  expect(await codeOf(() => hold.commit(insert(3)))).toBe("TRANSACTION_CONFLICT");
  expect(await queued).toBe(1);
  expect(await claim).toBe("UNAVAILABLE");
  await closing;
  const again = openedStorage(directory);
  expect(again.storage.reader.values("SELECT id FROM item")).toEqual([[1]]);
  await again.storage.close();
});

const later = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

test("a commit that lingers: whoever is told before COMMIT adds to it, and nothing is answered before it is durable", async () => {
  const { storage, ids } = await opened();
  const order: string[] = [];
  await storage.commit(insert(7), () => order.push(`committed ${ids()}`), async (id) => {
    order.push(`told ${id} of ${ids().length}`);
    await Promise.resolve();
    return (connection) => { insert(8)(connection); };
  }).then(() => order.push("answered"));
  expect(order).toEqual(["told 7 of 0", "committed 7,8", "answered"]);
});

test("a commit that lingers when the storage is closed is durable", async () => {
  const { storage, directory } = await opened();
  const added = storage.commit(insert(1), undefined, async () => {
    await Promise.resolve();
    return (connection) => { insert(2)(connection); };
  });
  await Promise.all([storage.close(), added]);
  const again = openedStorage(directory);
  expect(again.storage.reader.values("SELECT id FROM item ORDER BY id")).toEqual([[1], [2]]);
  await again.storage.close();
});

test("whoever reads while a commit lingers sees the state before, and that it is another one afterwards", async () => {
  const { storage, ids } = await opened();
  const seen: unknown[] = [];
  let meanwhile = Number.NaN;
  await storage.commit(insert(1), undefined, async () => {
    meanwhile = storage.generation;
    seen.push(ids());
    return null;
  });
  expect([seen, ids(), storage.generation > meanwhile]).toEqual([[[]], [1], true]);
});

test("it waits for promises alone, never for anything else", async () => {
  const { storage, ids } = await opened();
  await storage.commit(insert(1), undefined, async () => { await later(5); return (connection) => { insert(2)(connection); }; });
  expect(ids()).toEqual([1]);
  await later(20);
  expect(ids()).toEqual([1]);
});

test("whoever needs the connection meanwhile ends it, and finds everything committed", async () => {
  const { storage, ids } = await opened();
  const order: string[] = [];
  await storage.commit(insert(1), () => order.push("committed"), async () => {
    await Promise.resolve();
    storage.rehearse((connection) => { insert(2)(connection); order.push("rehearsed"); });
    await Promise.resolve();
    return (connection) => { insert(3)(connection); };
  });
  await later(1);
  expect([order, ids()]).toEqual([["committed", "rehearsed"], [1]]);
});

test("what is refused is told of nobody; what is added and refused undoes itself alone; what voids the batch does each by itself", async () => {
  const { storage, ids, before } = await opened();
  const told: number[] = [];
  const tell = (add: (connection: Connection) => void) => async (id: number) => { told.push(id); return add; };
  expect(await outcomes([
    storage.commit(insert(1), undefined, tell((connection) => { insert(10)(connection); })),
    storage.commit(insert(1), undefined, tell(() => {})),
    storage.commit(insert(2), undefined, tell((connection) => { insert(10)(connection); })),
  ])).toEqual([1, "UNIQUE_VIOLATION", 2].map((value) => (typeof value === "string" ? expect.anything() : value)));
  expect([told, ids()]).toEqual([[1, 2], [1, 2, 10]]);
  const broken = (): void => { throw new SQLiteError("disk"); };
  const answers = await outcomes([storage.commit(insert(3), undefined, tell(() => broken())), storage.commit(insert(4), undefined, tell((connection) => { insert(40)(connection); }))]);
  expect(storage.stats().voidedBatches - before.voidedBatches).toBeLessThanOrEqual(1);
  expect([answers[1], ids().includes(4), ids().includes(40)]).toEqual([4, true, true]);
});
