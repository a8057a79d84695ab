import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { appendEntry, reservePosition } from "../changes/log.ts";
import { backupDatabase, withDataFile } from "./backup.ts";
import type { Connection } from "./connection.ts";
import { appOf, codeOf, openedStorage, temporaryDirectory } from "./testing/storage-fixture.ts";

const app = appOf(`
  type Owner @table { id: ID! @primaryKey name: String! @indexed(type: TEXT) place: Place @indexed(type: GEO) }
  type Place { lat: Float! lon: Float! }
  type Item @table { number: Long! @primaryKey ownerId: ID owner: Owner @relationship(from: "ownerId") }`);

const time = "2026-01-31T12:00:00.000Z";

function written(count: number, from = 0) {
  return (connection: Connection): number => {
    const position = reservePosition(connection);
    for (let index = from; index < from + count; index++) {
      connection.run(`INSERT INTO "Owner" ("id", "name", "place", "$version") VALUES (?1, ?2, ?3, ?4)`, `o${index}`, `name ${index}`, `{"lat":1.5,"lon":${index % 90}}`, position);
      connection.run(`INSERT INTO "Item" ("number", "ownerId", "$version") VALUES (?1, ?2, ?3)`, 9_007_199_254_740_993n + BigInt(index), `o${index}`, position);
    }
    return appendEntry(connection, { time, actor: null, requestId: "r", position, changes: [] });
  };
}

async function filled(count = 300) {
  const opened = openedStorage();
  opened.storage.prepareCatalog(app.catalog, app.book);
  await opened.storage.commit(written(count));
  return { ...opened, file: join(opened.directory, "data.db"), target: join(temporaryDirectory(), "copy.db") };
}

const rowsOf = (connection: Connection): unknown => [
  connection.values(`SELECT * FROM "Owner" ORDER BY "id"`),
  connection.values(`SELECT CAST("number" AS TEXT), "ownerId", "$version" FROM "Item" ORDER BY "number"`),
  connection.values(`SELECT rowid FROM "Owner$text" WHERE "Owner$text" MATCH '17'`),
  connection.values(`SELECT row FROM "Owner$geo$place" WHERE minLon >= 80 ORDER BY row`),
  connection.values(`SELECT * FROM "$log"`),
  connection.values(`SELECT * FROM "$meta" ORDER BY "key"`),
];

test("a copy of the file in use, and of an open connection, has all rows, search companions, log and shape", async () => {
  const { storage, file, target, directory } = await filled();
  const fromFile = await backupDatabase(file, target);
  const fromConnection = await withDataFile(file, (connection) => backupDatabase(connection, `${target}2`));
  expect(fromFile).toEqual({ position: 1, bytes: statSync(target).size });
  expect(fromConnection.position).toBe(1);
  const wanted = rowsOf(storage.reader);
  expect(withDataFile(target, rowsOf)).toEqual(wanted);
  expect(withDataFile(`${target}2`, rowsOf)).toEqual(wanted);
  expect(statSync(target).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(target, "..")).sort()).toEqual(["copy.db", "copy.db2"]);
  // The lock of the storage and its connections are as before.
  expect(await codeOf(() => openedStorage(directory))).toBe("DATA_IN_USE");
  expect(await storage.commit(written(1, 1_000))).toBe(2);
});

test("an existing target, a folder that is missing or closed, and a source that is none are refused and leave nothing", async () => {
  const { file, target } = await filled(1);
  writeFileSync(target, "precious");
  expect(await codeOf(() => backupDatabase(file, target))).toBe("USAGE");
  expect(readFileSync(target, "utf8")).toBe("precious");
  expect(await codeOf(() => backupDatabase(file, join(target, "..", "no", "copy.db")))).toBe("USAGE");
  expect(await codeOf(() => backupDatabase(join(target, "..", "no.db"), `${target}2`))).toBe("USAGE");
  expect(await codeOf(() => backupDatabase(target, `${target}2`))).toBe("DATA_DAMAGED");
  if (process.getuid?.() !== 0) {
    const closed = join(target, "..", "closed");
    mkdirSync(closed);
    chmodSync(closed, 0o500);
    expect(await codeOf(() => backupDatabase(file, join(closed, "copy.db")))).toBe("USAGE");
  }
  expect(readdirSync(join(target, "..")).filter((name) => name !== "closed")).toEqual(["copy.db"]);
});

test("what a killed backup left is cleared by the next one; that of a live process is not touched", async () => {
  const { file, target } = await filled(1);
  const dead = Bun.spawn(["true"]);
  await dead.exited;
  writeFileSync(`${target}.partial-${dead.pid}`, "half");
  writeFileSync(`${target}.partial-${process.ppid}`, "somebody else's");
  await backupDatabase(file, target);
  expect(existsSync(`${target}.partial-${dead.pid}`)).toBe(false);
  expect(existsSync(`${target}.partial-${process.ppid}`)).toBe(true);
});

test("a file whose records are ahead of its log, or refer to nothing, is no backup", async () => {
  const { storage, file, target } = await filled(2);
  await storage.commit((connection) => connection.run(`UPDATE "Owner" SET "$version" = 7 WHERE "id" = 'o1'`));
  expect(await codeOf(() => backupDatabase(file, target))).toBe("DATA_DAMAGED");
  await storage.commit((connection) => connection.run(`UPDATE "Owner" SET "$version" = 1`));
  await storage.commit((connection) => appendEntry(connection, {
    time, actor: null, requestId: "r", changes: [{ table: "Item", id: 9_007_199_254_740_993n, old: null, new: { number: 9_007_199_254_740_993n, ownerId: null }, cause: "write" }],
  }));
  expect(await codeOf(() => backupDatabase(file, target))).toBe("DATA_DAMAGED");
  await storage.commit((connection) => connection.run(`UPDATE "Item" SET "$version" = 2 WHERE "number" = 9007199254740993`));
  const other = new Database(file);
  other.run(`PRAGMA foreign_keys = OFF`);
  other.run(`UPDATE "Item" SET "ownerId" = 'nobody'`);
  expect(await codeOf(() => backupDatabase(file, target))).toBe("DATA_DAMAGED");
  expect(existsSync(target)).toBe(false);
  other.run(`UPDATE "Item" SET "ownerId" = NULL`);
  other.close();
  expect(await codeOf(() => backupDatabase(file, target))).toBe(null);
  expect(existsSync(target)).toBe(true);
});
