// Large tables change beside live writes: no record lost, doubled or left behind, whatever is written meanwhile and wherever it stops.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { defaultLimits } from "../base/limits.ts";
import { seededRandom } from "../base/random.ts";
import type { RecordValues, Value } from "../base/value.ts";
import { appendEntry, logHead } from "../changes/log.ts";
import { backupDatabase } from "./backup.ts";
import type { MigrationApproval, MigrationFunction } from "./migration-functions.ts";
import { OnlineMigration } from "./online-migration.ts";
import { recordCodec } from "./record-codec.ts";
import { restoreDatabase } from "./restore.ts";
import { type App, type OpenedStorage, appOf, openedStorage, tableOf, temporaryDirectory } from "./testing/storage-fixture.ts";

const limits = { migrateInPlaceRows: 50, migrateBatchRows: 100 };
const seeds = process.env["AMBIT_TEST_SIZE"] === "long" ? Array.from({ length: 30 }, (_, index) => index + 1) : [1, 2];
const approval = (functions: Record<string, MigrationFunction> = {}, ...destroy: string[]): MigrationApproval => ({ functions: new Map(Object.entries(functions)), calls: true, destroy: new Set(destroy) });

async function put({ storage }: OpenedStorage, app: App, name: string, records: readonly RecordValues[]): Promise<void> {
  const codec = recordCodec(tableOf(app, name), app.catalog);
  await storage.commit((connection) => {
    for (const values of records) {
      connection.run(codec.deleteSql, codec.key(values[codec.table.primaryKey]!));
      connection.run(codec.insertSql, ...codec.encode(values, 1, null));
    }
  });
}

const set = ({ storage }: OpenedStorage, sql: string, ...values: (string | number | null)[]): Promise<number> => storage.commit((connection) => connection.run(sql, ...values));

function read({ storage }: OpenedStorage, app: App, name = "Item"): RecordValues[] {
  const codec = recordCodec(tableOf(app, name), app.catalog);
  return storage.reader.values(`SELECT ${codec.columns} FROM "${tableOf(app, name).sqlName}" ORDER BY "${codec.table.primaryKey}"`).map((row) => codec.decode(row).values);
}

function structure({ storage }: OpenedStorage): unknown {
  const names = storage.reader.values("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '$%' AND name NOT LIKE '%$text_%' AND name NOT LIKE '%$geo$%_%' ORDER BY name").map((row) => String(row[0]));
  return names.map((name) => ({
    name,
    columns: storage.reader.values(`SELECT name, type, "notnull", pk FROM pragma_table_xinfo(?1) ORDER BY name`, name),
    foreignKeys: storage.reader.values(`SELECT "table", "from", "to", on_delete FROM pragma_foreign_key_list(?1) ORDER BY 1, 2`, name),
    indexes: storage.reader.values(`SELECT il."unique", il.partial, group_concat(ii.name, ',') FROM pragma_index_list(?1) il, pragma_index_info(il.name) ii WHERE il.origin = 'c' GROUP BY il.name ORDER BY 3`, name),
    triggers: storage.reader.values("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 ORDER BY name", name),
  }));
}

async function freshStructure(app: App): Promise<unknown> {
  const opened = openedStorage();
  opened.storage.prepareCatalog(app.catalog, app.book);
  const found = structure(opened);
  await opened.storage.close();
  return found;
}

async function started(text: string, count: number, record: (index: number) => RecordValues, name = "Item"): Promise<{ opened: OpenedStorage; app: App }> {
  const opened = openedStorage(temporaryDirectory(), limits);
  const app = appOf(text);
  opened.storage.prepareCatalog(app.catalog, app.book);
  await put(opened, app, name, Array.from({ length: count }, (_, index) => record(index)));
  return { opened, app };
}

function refusal(step: () => unknown): string[] {
  try {
    step();
  } catch (error) {
    return (error as { extras: { details: { message: string }[] } }).extras.details.map(({ message }) => message);
  }
  throw new Error("nothing was refused");
}

const id = (index: number): string => `i${String(index).padStart(6, "0")}`;

test("random writes between the batches: what stands there afterwards is what the function makes of the live records", async () => {
  for (const seed of seeds) {
    const random = seededRandom(seed);
    const dice = (sides: number): number => Math.floor(random.next() * sides);
    const { opened, app: old } = await started(`type Item @table { id: ID! @primaryKey a: Int! text: String @indexed(type: TEXT) }`, 1_000, (index) => ({ id: id(index), a: index, text: `w${index % 7}` }));
    const next = appOf(`type Item @table { id: ID! @primaryKey a: String! @indexed(unique: true) text: String @indexed(type: TEXT) size: Int! @computed(rule: "size(record.a)", stored: true) @indexed }`);
    const run: MigrationFunction = (record) => ({ a: `n${String(record["a"])}` });
    const agreed = approval({ Item: run });
    let writes = 0;
    await opened.storage.fillShadows({
      ...next, approval: agreed,
      async pause() {
        for (let count = dice(8); count > 0; count--) {
          const key = id(dice(1_100));
          writes++;
          // A value that nobody had, so that a becomes unique.
          const kind = dice(4);
          if (kind === 0) await set(opened, "DELETE FROM Item WHERE id = ?1", key);
          else if (kind === 1) await set(opened, "UPDATE Item SET a = ?1, text = ?2 WHERE id = ?3", 100_000 + writes, `v${dice(5)}`, key);
          else await put(opened, old, "Item", [{ id: key, a: 100_000 + writes, text: `v${dice(5)}` }]);
        }
      },
    });
    const expected = read(opened, old).map((values) => ({ id: values["id"], a: `n${String(values["a"])}`, text: values["text"], size: `n${String(values["a"])}`.length }));
    expect(opened.storage.planCatalog(next.catalog, next.book, agreed)).toMatchObject({ differences: [], online: ["Item"] });
    expect(opened.storage.prepareCatalog(next.catalog, next.book, agreed).map(({ kind, name }) => `${kind} ${name}`)).toContain("needs-data Item");
    expect({ seed, writes: writes > 0, found: read(opened, next) }).toEqual({ seed, writes: true, found: expected as unknown as RecordValues[] });
    expect(structure(opened)).toEqual(await freshStructure(next));
    expect(opened.storage.reader.values("PRAGMA integrity_check")).toEqual([["ok"]]);
    expect(opened.storage.reader.values(`SELECT count(*) FROM "Item$text" WHERE "Item$text" MATCH 'v1'`)).toEqual(opened.storage.reader.values("SELECT count(*) FROM Item WHERE text = 'v1'"));
    expect(opened.storage.reader.values(`SELECT name FROM sqlite_schema WHERE name LIKE '%next%' AND type <> 'index' OR name IN ('$stale', '$blocked')`)).toEqual([]);
    expect(logHead(opened.storage.reader)).toBe(1);
    await opened.storage.close();
  }
}, seeds.length * 10_000);

test("stopped anywhere it goes on from there, also behind writes of a process that did not follow it", async () => {
  const directory = temporaryDirectory();
  const text = "type Item @table { id: ID! @primaryKey a: Int! }";
  const old = appOf(text);
  let opened = openedStorage(directory, limits);
  opened.storage.prepareCatalog(old.catalog, old.book);
  await put(opened, old, "Item", Array.from({ length: 1_000 }, (_, index) => ({ id: id(index), a: index })));
  const nextText = `type Item @table { id: ID! @primaryKey b: Int! @indexed(unique: true) @renamed(from: "a") }`;
  let looked = 0;
  const run: MigrationFunction = (record) => {
    looked++;
    return { b: Number(record["a"]) * 2 };
  };
  for (const stop of [1, 4, 2]) {
    const next = appOf(nextText);
    let batches = 0;
    const filling = opened.storage.fillShadows({ ...next, approval: approval({ Item: run }), pause: async () => { if (++batches === stop) throw new Error("stopped"); } });
    await expect(filling).rejects.toThrow("stopped");
    const { percent } = opened.storage.migrationProgress()[0]!;
    expect(percent).toBeGreaterThan(0);
    expect(percent).toBeLessThan(100);
    await opened.storage.close();
    opened = openedStorage(directory, limits);
    // With the old files again: nobody follows.
    opened.storage.prepareCatalog(old.catalog, old.book);
    await put(opened, old, "Item", [{ id: id(5), a: 50_000 + stop * 10 + batches }, { id: id(999), a: 60_000 + stop }]);
    await set(opened, "DELETE FROM Item WHERE id = ?1", id(stop));
    opened.storage.prepareCatalog(old.catalog, old.book);
  }
  expect(opened.storage.pendingMigration()?.tables.map(({ live }) => live)).toEqual(["Item"]);
  const next = appOf(nextText);
  const before = read(opened, old);
  await opened.storage.fillShadows({ ...next, approval: approval({ Item: run }) });
  opened.storage.prepareCatalog(next.catalog, next.book, approval({ Item: run }));
  expect(read(opened, next)).toEqual(before.map(({ id: key, a }) => ({ id: key!, b: Number(a) * 2 })));
  expect(looked).toBeLessThan(1_400);
  expect(opened.storage.pendingMigration()).toBeNull();
}, 120_000);

test("a live write that the catalog to come would refuse is accepted, and blocks the switch until it is mended", async () => {
  const { opened, app: old } = await started(`type Parent @table { id: ID! @primaryKey } type Item @table { id: ID! @primaryKey a: Int sku: String parentId: ID }`, 200, (index) => ({ id: id(index), a: index, sku: `s${index}`, parentId: index === 7 ? "p" : null }));
  await put(opened, old, "Parent", [{ id: "p" }]);
  // The child came before its parent only here.
  const next = appOf(`type Parent @table { id: ID! @primaryKey } type Item @table @check(rule: "record.a < 1000") { id: ID! @primaryKey a: Int! sku: String @indexed(unique: true) parentId: ID parent: Parent @relationship(from: "parentId") }`);
  await opened.storage.fillShadows({ ...next, approval: approval() });
  await put(opened, old, "Item", [{ id: id(1), a: null, sku: "x1", parentId: null }, { id: id(2), a: 5_000, sku: "x2", parentId: null }, { id: id(3), a: 3, sku: "s4", parentId: null }, { id: id(6), a: 6, sku: "x6", parentId: "gone" }]);
  // Nobody is kept from deleting what only the relation to come points to.
  await set(opened, "DELETE FROM Parent");
  expect(read(opened, old)[2]).toEqual({ id: id(2), a: 5_000, sku: "x2", parentId: null });
  expect(refusal(() => opened.storage.prepareCatalog(next.catalog, next.book, approval())).sort()).toEqual([
    `Item does not comply with record.a < 1000 (1 records: ${id(2)}).`, `Item refers to a record that is missing (2 records: ${id(7)}, ${id(6)}).`,
    `Item.a is required, and there is no value for it (1 records: ${id(1)}).`, `Item.sku shares a value with another record, and must be unique (1 records: ${id(3)}).`,
  ]);
  expect(read(opened, old).length).toBe(200);
  expect(opened.storage.migrationProgress()).toEqual([{ name: "Item", percent: 100, blocked: 5 }]);
  await put(opened, old, "Item", [{ id: id(1), a: 1, sku: "x1", parentId: null }, { id: id(2), a: 2, sku: "x2", parentId: null }, { id: id(4), a: 4, sku: "free", parentId: null }, { id: id(6), a: 6, sku: "x6", parentId: null }]);
  await put(opened, old, "Parent", [{ id: "p" }]);
  opened.storage.prepareCatalog(next.catalog, next.book, approval());
  expect(read(opened, next).slice(1, 8).map(({ a, sku, parentId }) => [a, sku, parentId])).toEqual([[1, "x1", null], [2, "x2", null], [3, "s4", null], [4, "free", null], [5, "s5", null], [6, "x6", null], [7, "s7", "p"]]);
  await expect(set(opened, "DELETE FROM Parent")).rejects.toThrow("FOREIGN KEY");
  expect(structure(opened)).toEqual(await freshStructure(next));
});

test("tables that are renamed, refer to each other and keep whoever refers to them", async () => {
  const child = (parent: string): string => `type Child @table { id: Int! @primaryKey itemId: ID! item: ${parent}! @relationship(from: "itemId", onDelete: CASCADE) }`;
  const { opened, app: old } = await started(`type Item @table { id: ID! @primaryKey a: Int up: ID upper: Item @relationship(from: "up") } ${child("Item")}`, 300, (index) => ({ id: id(index), a: index, up: index === 0 ? null : id(index - 1) }));
  await put(opened, old, "Child", Array.from({ length: 300 }, (_, index) => ({ id: index - 100, itemId: id(index) })));
  const next = appOf(`type Thing @table @renamed(from: "Item") { id: ID! @primaryKey b: Int @indexed @renamed(from: "a") up: ID upper: Thing @relationship(from: "up") } ${child("Thing").replace("itemId: ID!", "itemId: ID! note: String @default(value: \"n\") @indexed")}`);
  expect(opened.storage.planCatalog(next.catalog, next.book, approval())).toMatchObject({ differences: [], online: ["Thing", "Child"] });
  await opened.storage.fillShadows({ ...next, approval: approval() });
  await set(opened, "UPDATE Item SET a = -1 WHERE id = ?1", id(9));
  await set(opened, "DELETE FROM Child WHERE id = ?1", 199);
  await set(opened, "DELETE FROM Item WHERE id = ?1", id(299));
  opened.storage.prepareCatalog(next.catalog, next.book, approval());
  expect(read(opened, next, "Thing")[9]).toEqual({ id: id(9), b: -1, up: id(8) });
  expect([read(opened, next, "Thing").length, read(opened, next, "Child").length, read(opened, next, "Child")[0]]).toEqual([299, 299, { id: -100, itemId: id(0), note: "n" }]);
  expect(structure(opened)).toEqual(await freshStructure(next));
  expect(opened.storage.reader.values("PRAGMA foreign_key_check")).toEqual([]);
  await expect(set(opened, "DELETE FROM Thing WHERE id = ?1", id(5))).rejects.toThrow("FOREIGN KEY");
});

test("files that ask for something else give up what was filled; so does a schema that is as the data", async () => {
  const { opened, app: old } = await started("type Item @table { id: ID! @primaryKey a: Int }", 200, (index) => ({ id: id(index), a: index }));
  const shadows = (): Value => opened.storage.reader.values("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%next%' OR name LIKE '$stale%'")[0]![0] as number;
  const indexed = appOf("type Item @table { id: ID! @primaryKey a: Int @indexed }");
  await opened.storage.fillShadows({ ...indexed, approval: approval() });
  expect(shadows()).not.toBe(0);
  const other = appOf("type Item @table { id: ID! @primaryKey a: Int b: Int }");
  opened.storage.prepareCatalog(other.catalog, other.book);
  expect([shadows(), opened.storage.pendingMigration()]).toEqual([0, null]);
  await opened.storage.fillShadows({ ...indexed, approval: approval({}, "Item.b") });
  await opened.storage.abandonMigration();
  expect([shadows(), opened.storage.pendingMigration()]).toEqual([0, null]);
  await put(opened, other, "Item", [{ id: "x", a: 1, b: 2 }]);
  expect(read(opened, other).length).toBe(201);
  void old;
});

test("what a large table would lose without a word blocks it: undeclared fields, vectors of another length", async () => {
  const { opened, app: old } = await started(`type Item @table(open: true) { id: ID! @primaryKey v: Vector @indexed(type: VECTOR, dimensions: 2) }`, 100, (index) => ({ id: id(index), v: [index, 1], ...(index === 5 ? { loose: "x" } : {}) }));
  const closed = appOf(`type Item @table { id: ID! @primaryKey v: Vector @indexed(type: VECTOR, dimensions: 3) }`);
  await opened.storage.fillShadows({ ...closed, approval: approval() });
  expect(refusal(() => opened.storage.prepareCatalog(closed.catalog, closed.book, approval()))).toEqual([
    "Item.v has 3 dimensions now, and holds a vector of another length (99 records: i000000, i000001, i000002, i000003, i000004, ...).", `Item no longer admits undeclared fields, and has some (1 records: ${id(5)}).`,
  ]);
  const declared = appOf(`type Item @table(open: true) { id: ID! @primaryKey v: Vector @indexed(type: VECTOR, dimensions: 2) loose: String @indexed }`);
  await opened.storage.fillShadows({ ...declared, approval: approval() });
  expect(refusal(() => opened.storage.prepareCatalog(declared.catalog, declared.book, approval()))[0]).toStartWith("Item.loose is new, and an undeclared field of that name is there;");
  const run: MigrationFunction = (record) => ({ loose: record["loose"] ?? null });
  await opened.storage.fillShadows({ ...declared, approval: approval({ Item: run }) });
  opened.storage.prepareCatalog(declared.catalog, declared.book, approval({ Item: run }));
  expect(read(opened, declared)[5]).toEqual({ id: id(5), v: [5, 1], loose: "x" });
  await opened.storage.fillShadows({ ...appOf(`type Item @table { id: ID! @primaryKey v: Vector loose: String }`), approval: approval({}, "Item") });
  void old;
});

test("restored, data are not in the midst of a migration: what it would lose is to be named again", async () => {
  const text = `type Item @table { id: ID! @primaryKey a: Int b: String @indexed(type: TEXT) }`;
  const { opened, app } = await started(text, 200, (index) => ({ id: `${index}`, a: index, b: "x" }));
  await opened.storage.commit((connection) => appendEntry(connection, { time: "2026-01-01T00:00:00.000Z", actor: null, requestId: "r", changes: [] }));
  const next = appOf(text.replace("a: Int ", ""));
  await opened.storage.fillShadows({ ...next, approval: approval({}, "Item.a") });
  const backup = join(temporaryDirectory(), "backup.db");
  await backupDatabase(join(opened.directory, "data.db"), backup);
  await opened.storage.close();
  restoreDatabase({ backup, directory: opened.directory, nowMs: Date.UTC(2026, 0, 31) });
  const restored = openedStorage(opened.directory, limits);
  expect(restored.storage.pendingMigration()).toBeNull();
  expect(refusal(() => restored.storage.prepareCatalog(next.catalog, next.book))).toEqual(["Item.a was removed, and what records hold of it would be lost."]);
  restored.storage.prepareCatalog(app.catalog, app.book);
  expect(structure(restored)).toEqual(await freshStructure(app));
  expect(read(restored, app)).toHaveLength(200);
});

test("given up in the midst of it, whoever fills it is told", async () => {
  const { opened } = await started("type Item @table { id: ID! @primaryKey a: Int }", 600, (index) => ({ id: id(index), a: index }));
  const next = appOf("type Item @table { id: ID! @primaryKey a: Int @indexed }");
  const other = appOf("type Item @table { id: ID! @primaryKey a: Int } type More @table { id: ID! @primaryKey }");
  let batches = 0;
  const filling = opened.storage.fillShadows({ ...next, approval: approval(), pause: async () => { if (++batches === 2) opened.storage.prepareCatalog(other.catalog, other.book); } });
  await expect(filling).rejects.toMatchObject({ code: "CONFLICT" });
  expect(opened.storage.pendingMigration()).toBeNull();
  await put(opened, other, "Item", [{ id: "x", a: 1 }]);
});

test("a batch that was undone counts for nothing, also not for whoever follows live writes", async () => {
  const { opened } = await started("type Item @table { id: ID! @primaryKey a: Int }", 300, (index) => ({ id: id(index), a: index }));
  const { storage, clock } = opened;
  const next = appOf("type Item @table { id: ID! @primaryKey a: Int @indexed }");
  const context = { ...next, limits: { ...defaultLimits, ...limits }, nowMs: clock.now() };
  const online = (await storage.commit((connection) => OnlineMigration.begin({ ...context, connection }, approval())))!;
  await expect(storage.commit(() => {
    online.batch((records) => records >= 100);
    throw new Error("undone");
  })).rejects.toThrow("undone");
  await storage.commit((connection) => {
    connection.run("UPDATE Item SET a = -1 WHERE id = ?1", id(3));
    online.follow();
  });
  while (!online.isFilled) await storage.commit(() => { online.batch((records) => records >= 100); });
  expect(await storage.commit(() => online.blocked())).toEqual([]);
  expect(storage.reader.values(`SELECT count(*), sum(a) FROM "${[...online.shadows.values()][0]!}"`)).toEqual(storage.reader.values("SELECT count(*), sum(a) FROM Item"));
});

test("one at a time", async () => {
  const { opened } = await started("type Item @table { id: ID! @primaryKey a: Int }", 200, (index) => ({ id: id(index), a: index }));
  const next = appOf("type Item @table { id: ID! @primaryKey a: Int @indexed }");
  const first = opened.storage.fillShadows({ ...next, approval: approval() });
  await expect(opened.storage.fillShadows({ ...next, approval: approval() })).rejects.toMatchObject({ code: "CONFLICT" });
  await first;
});
