import { expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import type { RecordValues, Value } from "../base/value.ts";
import { recordCodec } from "./record-codec.ts";
import { type App, type OpenedStorage, appOf, openedStorage, tableOf } from "./testing/storage-fixture.ts";
import type { Connection } from "./connection.ts";

interface Rows { readonly [table: string]: readonly RecordValues[] }

/** A storage of `text` with `rows`. */
async function stored(text: string, rows: Rows): Promise<OpenedStorage> {
  const opened = openedStorage();
  const app = appOf(text);
  opened.storage.prepareCatalog(app.catalog, app.book);
  await opened.storage.commit((connection) => {
    for (const [name, records] of Object.entries(rows)) {
      const codec = recordCodec(tableOf(app, name), app.catalog);
      records.forEach((values, index) => connection.run(codec.insertSql, ...codec.encode(values, index + 1, null)));
    }
  });
  return opened;
}

function records({ storage }: OpenedStorage, app: App, name: string): RecordValues[] {
  const table = tableOf(app, name);
  const codec = recordCodec(table, app.catalog);
  return storage.reader.values(`SELECT ${codec.columns} FROM "${table.sqlName}" ORDER BY "${table.primaryKey}"`).map((row) => codec.decode(row).values);
}

/** All that stands in the file about tables, but for the defaults of columns that were added later and the order of columns. */
function structure(connection: Connection): unknown {
  const tables = connection.values("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '$%' ORDER BY name").map((row) => String(row[0]));
  return tables.map((name) => ({
    name,
    columns: connection.values(`SELECT name, type, "notnull", pk FROM pragma_table_xinfo(?1) ORDER BY name`, name),
    foreignKeys: connection.values(`SELECT "table", "from", "to", on_delete FROM pragma_foreign_key_list(?1) ORDER BY 1, 2`, name),
    parts: connection.values("SELECT type, name, sql FROM sqlite_schema WHERE tbl_name = ?1 AND type <> 'table' AND sql IS NOT NULL ORDER BY name", name),
  }));
}

async function fresh(app: App): Promise<unknown> {
  const { storage } = openedStorage();
  storage.prepareCatalog(app.catalog, app.book);
  const found = structure(storage.reader);
  await storage.close();
  return found;
}

/** From `old` with its rows to `next`: what stands there is as if it had been created so. */
async function applied(old: string, rows: Rows, next: string): Promise<{ app: App; opened: OpenedStorage; of: (name: string) => RecordValues[] }> {
  const opened = await stored(old, rows);
  const app = appOf(next);
  opened.storage.prepareCatalog(app.catalog, app.book);
  expect(structure(opened.storage.reader)).toEqual(await fresh(app));
  expect(opened.storage.reader.values("PRAGMA integrity_check")).toEqual([["ok"]]);
  expect(opened.storage.reader.values("PRAGMA foreign_key_check")).toEqual([]);
  expect(await opened.storage.commit((connection) => connection.values("PRAGMA foreign_keys"))).toEqual([[1]]);
  return { app, opened, of: (name) => records(opened, app, name) };
}

/** What MIGRATION_NEEDED lists; and nothing has changed. */
async function refused(old: string, rows: Rows, next: string): Promise<string[]> {
  const opened = await stored(old, rows);
  const app = appOf(next);
  const before = structure(opened.storage.reader);
  let problem: unknown = null;
  try { opened.storage.prepareCatalog(app.catalog, app.book); } catch (error) { problem = error; }
  expect(problem).toBeInstanceOf(AmbitError);
  const { code, extras } = problem as AmbitError;
  expect(code).toBe("MIGRATION_NEEDED");
  expect(structure(opened.storage.reader)).toEqual(before);
  const oldApp = appOf(old);
  for (const [name, expected] of Object.entries(rows)) expect(records(opened, oldApp, name).length).toBe(expected.length);
  // The old schema still works.
  opened.storage.prepareCatalog(oldApp.catalog, oldApp.book);
  await opened.storage.close();
  const details = extras.details as unknown as { table: string; field: string | null; message: string; fix: string }[];
  for (const detail of details) expect(detail.fix.length).toBeGreaterThan(10);
  return details.map((detail) => detail.message);
}

const table = (fields: string, head = ""): string => `type Item @table ${head} { id: ID! @primaryKey ${fields} }`;
const items = (...values: Record<string, Value>[]): Rows => ({ Item: values.map((one, index) => ({ id: `${index}`, ...one })) });

test("the same catalog again changes nothing, also after a restart", async () => {
  const opened = await stored(table("a: Int"), items({ a: 1 }));
  const app = appOf(table("a: Int"));
  const before = opened.storage.reader.values("PRAGMA data_version");
  opened.storage.prepareCatalog(app.catalog, app.book);
  expect(opened.storage.reader.values("PRAGMA data_version")).toEqual(before);
  await opened.storage.close();
  const again = openedStorage(opened.directory);
  again.storage.prepareCatalog(app.catalog, app.book);
  expect(records(again, app, "Item")).toEqual([{ id: "0", a: 1 }]);
});

test("safe: a new table, a new nullable field, fields in another order", async () => {
  const { of } = await applied(table("a: Int b: String"), items({ a: 1, b: "x" }), `${table("b: String c: Decimal a: Int")} type More @table { id: Int! @primaryKey }`);
  expect(of("Item")).toEqual([{ id: "0", b: "x", c: null, a: 1 }]);
  expect(of("More")).toEqual([]);
});

test("safe: new fields with a constant default, which the records get, with all that is compared in its stead", async () => {
  const next = table(`
    a: Int int: Int! @default(value: -5) text: String! @default(value: "it's") @indexed(fold: true) exact: Decimal! @default(value: "1.50") @indexed wait: Duration! @default(value: "PT2S")
    long: Long! @default(value: 9007199254740993) yes: Boolean! @default(value: true) ratio: Float! @default(value: 2) list: [Int!]! @default(value: [1, 2]) maybe: String @default(value: "m")`);
  const { of, opened } = await applied(table("a: Int"), items({ a: 1 }, { a: 2 }), next);
  const filled = { int: -5, text: "it's", exact: "1.50", wait: "PT2S", long: 9007199254740993n, yes: true, ratio: 2, list: [1, 2], maybe: "m" };
  expect(of("Item")).toEqual([{ id: "0", a: 1, ...filled }, { id: "1", a: 2, ...filled }]);
  expect(opened.storage.reader.values(`SELECT DISTINCT "exact$key", "wait$key", "text$fold", typeof(ratio) FROM Item`)).toEqual([["250115", 2_000, "it's", "real"]]);
});

test("safe: indexes come and go, full text, places and folding are filled from the records", async () => {
  const old = table("title: String name: String lat: Float lon: Float a: Int @indexed", `@indexed(fields: ["a", "name"])`);
  const next = table("title: String @indexed(type: TEXT) name: String @indexed(unique: true, fold: true) lat: Float lon: Float a: Int", `@indexed(fields: ["lat", "lon"], type: GEO)`);
  const rows = items({ title: "Blue car", name: "Ann", lat: 1, lon: 2, a: 1 }, { title: null, name: null, lat: null, lon: 5, a: 1 });
  const { opened } = await applied(old, rows, next);
  const { reader } = opened.storage;
  expect(reader.values(`SELECT rowid FROM "Item$text" WHERE "Item$text" MATCH 'blue'`)).toEqual([[1]]);
  expect(reader.values(`SELECT row, minLat FROM "Item$geo$lat"`)).toEqual([[1, 1]]);
  expect(reader.values(`SELECT "name$fold" FROM Item ORDER BY id`)).toEqual([["ann"], [null]]);
  const back = appOf(old);
  opened.storage.prepareCatalog(back.catalog, back.book);
  expect(structure(reader)).toEqual(await fresh(back));
});

test("safe: another field in the full text, and a copy of the table keeps it in step", async () => {
  const old = table("title: String @indexed(type: TEXT) body: String need: Int!");
  const next = table("title: String @indexed(type: TEXT) body: String @indexed(type: TEXT) need: Int");
  const { opened } = await applied(old, items({ title: "one", body: "alpha", need: 1 }, { title: "two", body: "beta", need: 2 }), next);
  const found = (words: string): unknown => opened.storage.reader.values(`SELECT i.id FROM "Item$text" t JOIN Item i ON i."$row" = t.rowid WHERE "Item$text" MATCH ?1`, words);
  expect([found("alpha"), found("two")]).toEqual([[["0"]], [["1"]]]);
  await opened.storage.commit((connection) => connection.run("UPDATE Item SET body = 'gamma' WHERE id = '0'"));
  expect([found("alpha"), found("gamma")]).toEqual([[], [["0"]]]);
});

test("safe: a wider enum, a required field that becomes nullable, a nullable one without nulls that becomes required", async () => {
  const old = `enum Kind { A B } ${table("kind: Kind! need: Int! full: Int other: String")}`;
  const next = `enum Kind { B A C } ${table("kind: Kind! need: Int full: Int! other: String")}`;
  const { of, opened } = await applied(old, items({ kind: "A", need: 1, full: 2, other: "x" }), next);
  expect(of("Item")).toEqual([{ id: "0", kind: "A", need: 1, full: 2, other: "x" }]);
  await expect(opened.storage.commit((connection) => connection.run("UPDATE Item SET full = NULL"))).rejects.toThrow("NOT NULL");
  await opened.storage.commit((connection) => connection.run("UPDATE Item SET need = NULL"));
});

test("safe: a nullable field with nulls becomes required and has a constant default", async () => {
  const { of } = await applied(table("a: Decimal"), items({ a: null }, { a: "2" }), table(`a: Decimal! @default(value: "7.0")`));
  expect(of("Item")).toEqual([{ id: "0", a: "7.0" }, { id: "1", a: "2" }]);
});

test("safe: new fields of stored objects stand in the objects that are there", async () => {
  const objects = (inner: string) => `type Inner { ${inner} } type Outer { inner: Inner list: [Inner!] } ${table("o: Outer os: [Outer!] j: JSON")}`;
  const { opened } = await applied(objects("a: Int"), items({ o: { inner: { a: 1 }, list: [{ a: 2 }] }, os: [{ inner: null, list: null }], j: { a: 1 } }, { o: null }), objects("a: Int b: String"));
  expect(opened.storage.reader.values("SELECT o, os, j FROM Item ORDER BY id").map((row) => row.map((text) => JSON.parse((text ?? "null") as string) as unknown))).toEqual([
    [{ inner: { a: 1, b: null }, list: [{ a: 2, b: null }] }, [{ inner: null, list: null }], { a: 1 }], [null, null, null],
  ]);
});

test("safe: what nulls are filled with counts in stored computed fields and in the time of expiry", async () => {
  const double = `double: Int @computed(rule: "record.a * 2", stored: true)`;
  const { of } = await applied(table(`a: Int ${double}`), items({ a: null, double: null }, { a: 2, double: 4 }), table(`a: Int! @default(value: 7) ${double}`));
  expect(of("Item")).toEqual([{ id: "0", a: 7, double: 14 }, { id: "1", a: 2, double: 4 }]);
  const until = await applied(table("until: DateTime @expiresAt"), items({ until: null }), table(`until: DateTime! @expiresAt @default(value: "2030-01-01T00:00:00Z")`));
  expect(until.opened.storage.reader.values(`SELECT "$expires" FROM Item`)).toEqual([["2030-01-01T00:00:00.000Z"]]);
});

test("safe: stored computed fields are computed for the records, again when their rule or one below changes, and go without loss", async () => {
  const rows = items(...Array.from({ length: 1_200 }, (_, index) => ({ a: index, b: null })));
  const { of, opened } = await applied(table("a: Int! b: Int"), rows, table("a: Int! b: Int double: Int! @computed(rule: \"record.a * 2\", stored: true) @indexed"));
  const sum = (): unknown => opened.storage.reader.values("SELECT sum(double) FROM Item")[0]![0];
  expect(of("Item").length).toBe(1_200);
  expect(sum()).toBe(1_199 * 1_200);
  for (const [next, expected] of [
    [table("a: Int! b: Int double: Int! @computed(rule: \"record.a * 3\", stored: true)"), 1_199 * 1_200 * 1.5],
    [table("a: Int! b: Int double: Int! @computed(rule: \"record.base * 2\", stored: true) base: Int! @computed(rule: \"record.a\", stored: true)"), 1_199 * 1_200],
    [table("a: Int! b: Int double: Int! @computed(rule: \"record.base * 2\", stored: true) base: Int! @computed(rule: \"record.a + 1\", stored: true)"), 1_199 * 1_200 + 2_400],
  ] as const) {
    const app = appOf(next);
    opened.storage.prepareCatalog(app.catalog, app.book);
    expect(sum()).toBe(expected);
  }
  const without = appOf(table("a: Int! b: Int"));
  opened.storage.prepareCatalog(without.catalog, without.book);
  expect(structure(opened.storage.reader)).toEqual(await fresh(without));
});

test("safe: a relation over keys that all exist, and one that goes", async () => {
  const parent = "type Parent @table { id: ID! @primaryKey }";
  const rows = { Parent: [{ id: "p" }], ...items({ parentId: "p" }, { parentId: null }) };
  const { opened } = await applied(`${parent} ${table("parentId: ID")}`, rows, `${parent} ${table(`parentId: ID parent: Parent @relationship(from: "parentId")`)}`);
  await expect(opened.storage.commit((connection) => connection.run("DELETE FROM Parent"))).rejects.toThrow("FOREIGN KEY");
  const back = appOf(`${parent} ${table("parentId: ID")}`);
  opened.storage.prepareCatalog(back.catalog, back.book);
  expect(structure(opened.storage.reader)).toEqual(await fresh(back));
  await opened.storage.commit((connection) => connection.run("DELETE FROM Parent"));
});

test("safe: a parent table is copied while children refer to it", async () => {
  const child = `type Child @table { id: ID! @primaryKey itemId: ID! item: Item! @relationship(from: "itemId") }`;
  const rows = { ...items({ a: 1 }), Child: [{ id: "c", itemId: "0" }] };
  const { opened } = await applied(`${table("a: Int!")} ${child}`, rows, `${table("a: Int")} ${child}`);
  await expect(opened.storage.commit((connection) => connection.run("DELETE FROM Item"))).rejects.toThrow("FOREIGN KEY");
});

test("safe: records begin to expire by their own time or from now on, and stop to", async () => {
  const old = table("until: DateTime", "");
  const rows = items({ until: "2026-01-01T01:00:00.000Z" }, { until: "2030-01-01T00:00:00.000Z" }, { until: null });
  const expiry = ({ storage }: OpenedStorage): unknown => storage.reader.values(`SELECT "$expires" FROM Item ORDER BY id`).map((row) => row[0]);
  const own = await applied(old, rows, table("until: DateTime @expiresAt"));
  expect(expiry(own.opened)).toEqual(["2026-01-01T01:00:00.000Z", "2030-01-01T00:00:00.000Z", null]);
  const both = await applied(old, rows, table("until: DateTime @expiresAt", `@table(expiration: "P1D")`).replace("@table @table", "@table"));
  expect(expiry(both.opened)).toEqual(["2026-01-01T01:00:00.000Z", "2026-01-02T00:00:00.000Z", "2026-01-02T00:00:00.000Z"]);
  const never = appOf(old);
  both.opened.storage.prepareCatalog(never.catalog, never.book);
  expect(structure(both.opened.storage.reader)).toEqual(await fresh(never));
});

test("safe: a renamed type that keeps its SQL name keeps its records", async () => {
  const { of } = await applied(table("a: Int"), items({ a: 1 }), `type Renamed @table(name: "Item") { id: ID! @primaryKey a: Int }`);
  expect(of("Renamed")).toEqual([{ id: "0", a: 1 }]);
});

test("an empty table takes any change, and one that is gone goes", async () => {
  const old = `enum Kind { A B } ${table("a: Int b: String kind: Kind")} type Gone @table { id: ID! @primaryKey itemId: ID item: Item @relationship(from: "itemId") }`;
  await applied(old, {}, `enum Kind { A } type Item @table { key: Long! @primaryKey a: String! b: [Int!]! kind: Kind! }`);
});

const refusals: readonly [name: string, old: string, rows: Rows, next: string, messages: readonly string[]][] = [
  ["a table that is gone", `${table("a: Int")} type Other @table { id: ID! @primaryKey }`, items({ a: 1 }), "type Other @table { id: ID! @primaryKey }", ["Item was removed, and there are records of it."]],
  ["a field that is gone", table("a: Int b: Int"), items({ a: 1 }), table("a: Int"), ["Item.b was removed, and what records hold of it would be lost."]],
  ["another type", table("a: Int b: Int"), items({ a: 1 }), table("a: String b: [Int!]"), ["Item.a changed its type from Int to String.", "Item.b changed its type from Int to [Int]."]],
  ["a new required field", table("a: Int"), items({ a: 1 }), table("a: Int b: Int! c: DateTime! @createdTime"),
    ["Item.b is new and required, and the records that are there have no value for it.", "Item.c is new and required, and the records that are there have no value for it."]],
  ["a new required field with a rule as default", table("a: Int"), items({ a: 1 }), table(`a: Int b: DateTime! @default(rule: "now()")`), ["Item.b is new and required, and the records that are there have no value for it."]],
  ["nulls where a value is required now", table("a: Int"), items({ a: 1 }, { a: null }, { a: null }), table("a: Int!"), ["Item.a became required, and 2 records have none."]],
  ["a new unique index over equal values", table("a: Int b: Int c: Int"), items({ a: 1, b: 1, c: null }, { a: 1, b: 1, c: null }), table("a: Int b: Int c: Int @indexed(unique: true)", `@indexed(fields: ["a", "b"], unique: true)`),
    ["Item became unique in a, b, and records share a value."]],
  ["a new unique folded index over values that differ in case", table("a: String"), items({ a: "x" }, { a: "X" }), table("a: String @indexed(unique: true, fold: true)"), ["Item.a became unique, and records share a value."]],
  ["an index that becomes unique", table("a: Int @indexed"), items({ a: 1 }, { a: 1 }), table("a: Int @indexed(unique: true)"), ["Item.a became unique, and records share a value."]],
  ["a narrower enum", `enum Kind { A B C } ${table("kind: Kind kinds: [Kind!]")}`, items({ kind: "A" }), `enum Kind { B } ${table("kind: Kind kinds: [Kind!]")}`,
    ["Item.kind lost the value A, C of its enum.", "Item.kinds lost the value A, C of its enum."]],
  ["nested objects that lose, retype or require a field", `type In { a: Int b: Int c: Int } ${table("inner: In")}`, items({ inner: { a: 1 } }), `type In { a: Int! b: String d: Int! e: Int } ${table("inner: In")}`,
    ["Item.inner.a became required inside a stored object.", "Item.inner.b changed its type from Int to String.", "Item.inner.c was removed from a stored object.", "Item.inner.d is new and required inside a stored object."]],
  ["a list that no longer allows nulls", table("a: [Int]"), items({ a: [null] }), table("a: [Int!]"), ["Item.a no longer allows null items."]],
  ["another primary key", table("other: ID!"), items({ other: "x" }), "type Item @table { id: ID! other: ID! @primaryKey }", ["Item.other became the primary key."]],
  ["a relation to missing records", `type Parent @table { id: ID! @primaryKey } ${table("parentId: ID")}`, items({ parentId: "p" }, { parentId: null }),
    `type Parent @table { id: ID! @primaryKey } ${table(`parentId: ID parent: Parent @relationship(from: "parentId")`)}`, ["Item has 1 records that refer to missing records of Parent."]],
  ["a stored field that becomes computed", table("a: Int b: Int"), items({ a: 1, b: 5 }), table(`a: Int b: Int @computed(rule: "record.a", stored: true)`), ["Item.b became computed, and records hold values of their own."]],
  ["a required computed field without a value", table("a: Int"), items({ a: 1 }, { a: null }), table(`a: Int b: Int! @computed(rule: "record.a", stored: true)`), ["Item.b has no value by its rule in some records."]],
  ["a computed field whose type or limits do not hold what its rule gives", table("a: Int"), items({ a: 1 }, { a: 300_000 }), table(`a: Int b: Int @computed(rule: "record.a * 1000000", stored: true)`),
    ["Item.b has a value by its rule that its type or limits do not hold in some records."]],
  ["vectors of another length", table("a: Vector @indexed(type: VECTOR, dimensions: 2)"), items({ a: [1, 2] }, { a: null }), table("a: Vector @indexed(type: VECTOR, dimensions: 3)"),
    ["Item.a has 3 dimensions now, and 1 records hold vectors of another length."]],
  ["undeclared fields that are no longer admitted", table("a: Int", "(open: true)").replace("@table (", "@table("), items({ a: 1, loose: "x" }), table("a: Int"), ["Item no longer admits undeclared fields, and 1 records have some."]],
  ["a new field that records hold undeclared", table("a: Int", "(open: true)").replace("@table (", "@table("), items({ a: 1, loose: "x" }), table("a: Int loose: String", "(open: true)").replace("@table (", "@table("),
    ["Item.loose is new, and 1 records hold an undeclared field of that name."]],
];

for (const [name, old, rows, next, messages] of refusals) {
  test(`refused: ${name}`, async () => {
    expect(await refused(old, rows, next)).toEqual([...messages]);
  });
}

test("what the runtime fills is not told to take a default beside it", async () => {
  const opened = await stored(table("a: Int"), items({ a: 1 }));
  const app = appOf(table("a: Int b: Int! c: DateTime! @createdTime d: Int! @sequence"));
  let problem: unknown = null;
  try { opened.storage.prepareCatalog(app.catalog, app.book); } catch (error) { problem = error; }
  expect((problem as AmbitError).extras.details).toMatchObject([
    { field: "b", fix: expect.stringContaining("Give it @default(value: ...), make it nullable, or") as unknown }, { field: "c", fix: expect.stringMatching(/^Make it nullable, or/) as unknown }, { field: "d", fix: expect.stringMatching(/^Make it nullable, or/) as unknown },
  ]);
  await opened.storage.close();
});

test("all differences are listed at once, the first ones in the message", async () => {
  const messages = await refused(table("a: Int b: Int c: Int d: Int"), items({ a: 1 }), `${table("b: String e: Int! f: Int")} type New @table { id: ID! @primaryKey }`);
  expect(messages.length).toBe(5);
});

test("a disk that fills up while the catalog changes leaves the old one", async () => {
  const opened = await stored(table("a: String!"), items(...Array.from({ length: 200 }, () => ({ a: "x".repeat(400) }))));
  const before = structure(opened.storage.reader);
  await opened.storage.commit((connection) => {
    const pages = connection.values("PRAGMA page_count")[0]![0] as number;
    connection.values(`PRAGMA max_page_count = ${pages + 2}`);
  });
  const app = appOf(table("a: String"));
  expect(() => opened.storage.prepareCatalog(app.catalog, app.book)).toThrow("did not fit");
  expect(structure(opened.storage.reader)).toEqual(before);
  await opened.storage.commit((connection) => { connection.values("PRAGMA max_page_count = 100000"); });
  opened.storage.prepareCatalog(app.catalog, app.book);
  expect(structure(opened.storage.reader)).toEqual(await fresh(app));
});
