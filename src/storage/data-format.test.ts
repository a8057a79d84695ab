import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { appendEntry } from "../changes/log.ts";
import { keepBefore, withDataFile } from "./backup.ts";
import { type Connection, connect } from "./connection.ts";
import { type FormatUpgrade, prepareFormat } from "./data-format.ts";
import { readEpoch } from "./epoch.ts";
import { DATA_FORMAT, readMeta, writeMeta } from "./system-tables.ts";
import { appOf, codeOf, openedStorage } from "./testing/storage-fixture.ts";

const app = appOf("type Item @table { id: ID! @primaryKey text: String! }");

/** A data directory with a record, as it stands after `alter`; nobody has it open. */
async function directoryWith(alter: (connection: Connection) => void = () => {}): Promise<string> {
  const { storage, directory } = openedStorage();
  storage.prepareCatalog(app.catalog, app.book);
  await storage.commit((connection) => {
    connection.run(`INSERT INTO "Item" ("id", "text", "$version") VALUES ('a', 'kept', 1)`);
    appendEntry(connection, { time: "2026-01-01T00:00:00.000Z", actor: null, requestId: "r", changes: [] });
    alter(connection);
  });
  await storage.close();
  return directory;
}

function dropTablesOfFormat3(connection: Connection): void {
  const later = connection.values(`SELECT "name" FROM sqlite_schema WHERE "type" = 'table' AND "name" LIKE '$%' AND "name" NOT GLOB '$memory_text_*' AND "name" NOT IN ('$meta', '$log', '$sequence', '$idempotency')`);
  for (const [name] of later) connection.execute(`DROP TABLE "${String(name)}"`);
}

const formatOf = (file: string): string | null => withDataFile(file, (connection) => readMeta(connection, "format"));
const snapshots = (directory: string): string[] => readdirSync(directory).filter((name) => name.startsWith("before-"));

test("data of format 1 is upgraded at start: it gets an epoch, its records stay, and a snapshot of before is kept", async () => {
  const directory = await directoryWith((connection) => {
    connection.run(`DELETE FROM "$meta" WHERE "key" = 'epoch'`);
    dropTablesOfFormat3(connection);
    writeMeta(connection, "format", "1");
  });
  const { storage } = openedStorage(directory);
  storage.prepareCatalog(app.catalog, app.book);
  expect(readMeta(storage.reader, "format")).toBe(String(DATA_FORMAT));
  expect(readEpoch(storage.reader)).toMatch(/^[0-9a-f]{12}$/);
  expect(storage.reader.values(`SELECT "id", "text" FROM "Item"`)).toEqual([["a", "kept"]]);
  await storage.close();
  expect(snapshots(directory)).toEqual(["before-format-1.db"]);
  expect(formatOf(join(directory, "before-format-1.db"))).toBe("1");
  await openedStorage(directory).storage.close();
  expect(snapshots(directory)).toEqual(["before-format-1.db"]);
});

test("two new data directories have different epochs, and one keeps its own", async () => {
  const epochs: string[] = [];
  const first = openedStorage();
  const second = openedStorage();
  epochs.push(readEpoch(first.storage.reader), readEpoch(second.storage.reader));
  await first.storage.close();
  const again = openedStorage(first.directory);
  expect(readEpoch(again.storage.reader)).toBe(epochs[0]!);
  expect(epochs[0]).not.toBe(epochs[1]!);
});

test("made-up formats: every step in order, in one transaction; one that fails leaves the data as they were, beside their snapshot", async () => {
  const directory = await directoryWith();
  const file = join(directory, "data.db");
  const database = new Database(file);
  const connection = connect(database, 10);
  const done: string[] = [];
  const step = (from: number, fails = false): FormatUpgrade => ({
    from,
    upgrade(target) {
      done.push(`from ${from}${target.inTransaction ? "" : " outside"}`);
      target.execute(`ALTER TABLE "Item" ADD COLUMN "made${from}" TEXT`);
      if (fails) throw new RangeError("it does not work");
    },
  });
  const prepare = (upgrades: readonly FormatUpgrade[]): void => prepareFormat(connection, {
    keep: (format) => { done.push(`keep ${format}`); keepBefore(connection, directory, "format"); },
    formats: { newest: DATA_FORMAT + 2, upgrades },
  });
  const steps = [step(DATA_FORMAT - 1), step(DATA_FORMAT), step(DATA_FORMAT + 1, true)];
  expect(() => prepare(steps)).toThrow("it does not work");
  expect(done).toEqual([`keep ${DATA_FORMAT}`, `from ${DATA_FORMAT}`, `from ${DATA_FORMAT + 1}`]);
  expect([formatOf(file), formatOf(join(directory, "before-format-1.db"))]).toEqual([String(DATA_FORMAT), String(DATA_FORMAT)]);
  expect(connection.all(`SELECT * FROM "Item"`)).toEqual([{ $row: 1, id: "a", text: "kept", $version: 1 }]);
  done.length = 0;
  prepare([step(DATA_FORMAT), step(DATA_FORMAT + 1)]);
  expect(done).toEqual([`keep ${DATA_FORMAT}`, `from ${DATA_FORMAT}`, `from ${DATA_FORMAT + 1}`]);
  expect(formatOf(file)).toBe(String(DATA_FORMAT + 2));
  expect(connection.all(`SELECT * FROM "Item"`)).toEqual([{ $row: 1, id: "a", text: "kept", $version: 1, [`made${DATA_FORMAT}`]: null, [`made${DATA_FORMAT + 1}`]: null }]);
  done.length = 0;
  prepare(steps);
  expect(done).toEqual([]);
  database.close();
  expect(await codeOf(() => openedStorage(directory))).toBe("DATA_NEWER");
});

test("a format that never was is damage, and a snapshot that cannot be taken prevents the upgrade", async () => {
  const directory = await directoryWith((connection) => writeMeta(connection, "format", "0"));
  expect(await codeOf(() => openedStorage(directory))).toBe("DATA_DAMAGED");
  const older = await directoryWith((connection) => writeMeta(connection, "format", "1"));
  const database = new Database(join(older, "data.db"));
  expect(() => prepareFormat(connect(database, 10), { keep() { throw new RangeError("no room"); } })).toThrow("no room");
  database.close();
  expect(formatOf(join(older, "data.db"))).toBe("1");
});

function refusalOf(directory: string): unknown {
  try {
    openedStorage(directory);
  } catch (error) {
    return error;
  }
  return null;
}

test.each([
  ["a table that is missing", `DROP TABLE "$decision_sum"`, "$decision_sum"],
  ["a table with another column", `ALTER TABLE "$decision" ADD COLUMN "older" TEXT`, "$decision"],
  ["an index that is missing", `DROP INDEX "$idempotency$index(expires)"`, "$idempotency$index(expires)"],
])("data of this format's number with %s is refused, by name, and stays as it is", async (_, sql, name) => {
  const directory = await directoryWith((connection) => { connection.execute(sql); });
  const sizeOf = (): number => withDataFile(join(directory, "data.db"), (connection) => Number(connection.values("SELECT count(*) FROM sqlite_schema")[0]![0]));
  const before = sizeOf();
  expect(refusalOf(directory)).toMatchObject({ code: "DATA_DAMAGED", message: `The data says format ${DATA_FORMAT}, but is not laid out so: ${name}.` });
  expect([sizeOf(), snapshots(directory)]).toEqual([before, []]);
});

test("an upgrade that leaves another layout is undone", async () => {
  const directory = await directoryWith((connection) => {
    connection.execute(`DROP INDEX "$idempotency$index(expires)"`);
    dropTablesOfFormat3(connection);
    writeMeta(connection, "format", "2");
  });
  expect(refusalOf(directory)).toMatchObject({ code: "DATA_DAMAGED" });
  expect(formatOf(join(directory, "data.db"))).toBe("2");
});
