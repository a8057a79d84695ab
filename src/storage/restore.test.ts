import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, linkSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dateTimeOf } from "../base/date-time.ts";
import { appendEntry, logHead, reservePosition } from "../changes/log.ts";
import { backupDatabase, withDataFile } from "./backup.ts";
import { readEpoch } from "./epoch.ts";
import type { Storage } from "./open-storage.ts";
import { restoreDatabase } from "./restore.ts";
import { readMeta, writeMeta } from "./system-tables.ts";
import { appOf, codeOf, openedStorage, temporaryDirectory } from "./testing/storage-fixture.ts";

const app = appOf("type Item @table { id: ID! @primaryKey text: String! }");
const noon = Date.UTC(2026, 0, 31, 12);
const HOUR_MS = 3_600_000;

function open(directory?: string) {
  const opened = openedStorage(directory);
  opened.storage.prepareCatalog(app.catalog, app.book);
  return opened;
}

const write = (storage: Storage, id: string): Promise<number> => storage.commit((connection) => {
  const position = reservePosition(connection);
  connection.run(`INSERT INTO "Item" ("id", "text", "$version") VALUES (?1, ?1, ?2)`, id, position);
  return appendEntry(connection, { time: dateTimeOf(noon), actor: null, requestId: "r", position, changes: [] });
});

const idsOf = (storage: Storage): unknown => storage.reader.values(`SELECT "id" FROM "Item" ORDER BY "id"`).flat();

/** A directory that went on after its backup was taken; nobody has it open. */
async function wentOn() {
  const { storage, directory } = open();
  await write(storage, "a");
  const backup = join(temporaryDirectory(), "backup.db");
  await backupDatabase(join(directory, "data.db"), backup);
  for (const id of ["b", "c"]) await write(storage, id);
  const epoch = readEpoch(storage.reader);
  await storage.close();
  return { directory, backup, epoch };
}

test("the data are those of the backup, what was there is kept, and positions of the new epoch were never given out", async () => {
  const { directory, backup, epoch } = await wentOn();
  const restored = restoreDatabase({ backup, directory, nowMs: noon + HOUR_MS });
  expect(restored).toEqual({ position: 1, epoch: expect.stringMatching(/^[0-9a-f]{12}$/), kept: join(directory, "before-restore-3.db") });
  const { storage } = open(directory);
  expect(idsOf(storage)).toEqual(["a"]);
  expect([readEpoch(storage.reader), restored.epoch === epoch]).toEqual([restored.epoch, false]);
  // As far as a server that commits without a pause for an hour.
  expect(logHead(storage.reader)).toBe(1 + HOUR_MS * 1_000);
  expect(await write(storage, "d")).toBe(2 + HOUR_MS * 1_000);
  await storage.close();
  expect(readdirSync(directory).sort()).toEqual(["before-restore-3.db", "data.db", "lock.db"]);

  // Back again.
  const back = restoreDatabase({ backup: restored.kept!, directory, nowMs: noon + 2 * HOUR_MS });
  const again = open(directory);
  expect(idsOf(again.storage)).toEqual(["a", "b", "c"]);
  expect(back.epoch).not.toBe(epoch);
  expect(logHead(again.storage.reader)).toBe(3 + 2 * HOUR_MS * 1_000);
  await again.storage.close();
  // Past what was there, whatever the clock says; however often, a backup leads no further than time does.
  restoreDatabase({ backup, directory, nowMs: noon });
  restoreDatabase({ backup, directory, nowMs: noon + HOUR_MS });
  expect(logHead(open(directory).storage.reader)).toBe(3 + 2 * HOUR_MS * 1_000 + 2_000_000);
});

test("into an empty place; a clock that was set back still leaps", async () => {
  const { backup } = await wentOn();
  const directory = join(temporaryDirectory(), "new", "data");
  expect(restoreDatabase({ backup, directory, nowMs: noon - HOUR_MS }).kept).toBeNull();
  const { storage } = open(directory);
  expect([idsOf(storage), logHead(storage.reader)]).toEqual([["a"], 1_000_001]);
  expect(statSync(join(directory, "data.db")).mode & 0o777).toBe(0o600);
});

test("a directory in use, a backup that is none, is newer or is the data themselves: refused, and all is as before", async () => {
  const { directory, backup } = await wentOn();
  const holder = open(directory);
  expect(await codeOf(() => restoreDatabase({ backup, directory, nowMs: noon }))).toBe("DATA_IN_USE");
  await holder.storage.close();
  const names = readdirSync(directory);
  const none = join(temporaryDirectory(), "none.db");
  const attempt = (file: string): Promise<string | null> => codeOf(() => restoreDatabase({ backup: file, directory, nowMs: noon }));
  expect(await attempt(none)).toBe("USAGE");
  expect(await attempt(join(directory, "data.db"))).toBe("USAGE");
  writeFileSync(none, "this is no database at all, just some text that is long enough".repeat(100));
  expect(await attempt(none)).toBe("DATA_DAMAGED");
  const foreign = new Database(`${none}2`);
  foreign.run("CREATE TABLE theirs (a)");
  foreign.close();
  expect(await attempt(`${none}2`)).toBe("DATA_DAMAGED");
  const newer = open();
  await newer.storage.commit((connection) => writeMeta(connection, "format", "1000"));
  await newer.storage.close();
  expect(await attempt(join(newer.directory, "data.db"))).toBe("DATA_NEWER");
  expect(readdirSync(directory)).toEqual(names);
  expect(idsOf(open(directory).storage)).toEqual(["a", "b", "c"]);
});

test("a backup of an older format is upgraded on the way", async () => {
  const { directory, backup } = await wentOn();
  const file = new Database(backup);
  file.run(`DELETE FROM "$meta" WHERE "key" = 'epoch'`);
  const later = file.query(`SELECT "name" FROM sqlite_schema WHERE "type" = 'table' AND "name" LIKE '$%' AND "name" NOT GLOB '$memory_text_*' AND "name" NOT IN ('$meta', '$log', '$sequence', '$idempotency')`).values();
  for (const [name] of later) file.run(`DROP TABLE "${String(name)}"`);
  file.run(`UPDATE "$meta" SET "value" = '1' WHERE "key" = 'format'`);
  file.close();
  restoreDatabase({ backup, directory, nowMs: noon });
  expect(readdirSync(directory).sort()).toEqual(["before-restore-3.db", "data.db", "lock.db"]);
  expect(readMeta(open(directory).storage.reader, "format")).not.toBe("1");
  expect(withDataFile(backup, (connection) => readMeta(connection, "format"))).toBe("1");
});

test("data that cannot be read are kept too, with their write-ahead log", async () => {
  const { directory, backup } = await wentOn();
  writeFileSync(join(directory, "data.db"), "damaged ".repeat(2_000));
  writeFileSync(join(directory, "data.db-wal"), "log");
  const { kept } = restoreDatabase({ backup, directory, nowMs: noon });
  expect(kept).toBe(join(directory, "before-restore-unreadable.db"));
  expect([existsSync(kept!), existsSync(`${kept}-wal`), existsSync(join(directory, "data.db-wal"))]).toEqual([true, true, false]);
  expect(idsOf(open(directory).storage)).toEqual(["a"]);
});

test("killed before the data were replaced: the next start has them as they were, under one name, and nothing half is left", async () => {
  const { directory, backup } = await wentOn();
  await backupDatabase(backup, join(directory, "restoring.db"));
  linkSync(join(directory, "data.db"), join(directory, "before-restore-3.db"));
  for (const name of ["restoring.db.partial-1", "before-format-3.db.partial-1", "restoring.db-wal", "restoring.db-shm", "restoring.db-journal"]) writeFileSync(join(directory, name), "half");
  const { storage } = open(directory);
  expect(idsOf(storage)).toEqual(["a", "b", "c"]);
  expect(readdirSync(directory).filter((name) => /^before|^restoring/.test(name))).toEqual([]);
});

test("killed in an empty place: a start says what to do, and another restore does it, without what SQLite had beside the first one", async () => {
  const { backup } = await wentOn();
  const directory = temporaryDirectory();
  const fresh = join(directory, "restoring.db");
  await backupDatabase(backup, fresh);
  // A log that a killed process leaves: whole, of a file that is no more by the time of the next restore.
  const writer = new Database(fresh);
  writer.run("PRAGMA journal_mode = WAL");
  writer.run(`CREATE TABLE "stale" ("id" INTEGER)`);
  const log = readFileSync(`${fresh}-wal`);
  writer.close();
  writeFileSync(`${fresh}-wal`, log);
  expect(log.length).toBeGreaterThan(0);
  expect(() => open(directory)).toThrow("was interrupted");
  restoreDatabase({ backup, directory, nowMs: noon });
  const { storage } = open(directory);
  expect(idsOf(storage)).toEqual(["a"]);
  expect(storage.reader.values(`SELECT count(*) FROM sqlite_schema WHERE "name" = 'stale'`)).toEqual([[0]]);
  expect(readdirSync(directory).filter((name) => name.startsWith("restoring"))).toEqual([]);
});
