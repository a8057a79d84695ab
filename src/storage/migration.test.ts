// Changes of the schema that need a function, a name or a word of a person: in one commit, with one entry of the log.
import { expect, test } from "bun:test";
import type { RecordValues, Value } from "../base/value.ts";
import { appendEntry, logHead, readEntries } from "../changes/log.ts";
import type { MigrationApproval, MigrationFunction } from "./migration-functions.ts";
import { recordCodec } from "./record-codec.ts";
import { type App, type OpenedStorage, appOf, openedStorage, tableOf } from "./testing/storage-fixture.ts";

interface Rows { readonly [table: string]: readonly RecordValues[] }

const table = (fields: string, head = ""): string => `type Item @table ${head} { id: ID! @primaryKey ${fields} }`;
const items = (...values: Record<string, Value>[]): Rows => ({ Item: values.map((one, index) => ({ id: `${index}`, ...one })) });

async function stored(text: string, rows: Rows): Promise<OpenedStorage> {
  const opened = openedStorage();
  const app = appOf(text);
  opened.storage.prepareCatalog(app.catalog, app.book);
  await opened.storage.commit((connection) => {
    for (const [name, records] of Object.entries(rows)) {
      const codec = recordCodec(tableOf(app, name), app.catalog);
      records.forEach((values, index) => connection.run(codec.insertSql, ...codec.encode(values, index + 1, null)));
    }
    const changes = Object.entries(rows).flatMap(([name, records]) => records.map((values) => ({ table: name, id: values["id"]!, old: null, new: values, cause: "write" as const })));
    appendEntry(connection, { time: "2026-01-01T00:00:00.000Z", actor: null, requestId: "r", changes });
  });
  return opened;
}

function read({ storage }: OpenedStorage, app: App, name = "Item"): { values: RecordValues; version: number }[] {
  const found = tableOf(app, name);
  const codec = recordCodec(found, app.catalog);
  return storage.reader.values(`SELECT ${codec.columns} FROM "${found.sqlName}" ORDER BY "${found.primaryKey}"`).map((row) => codec.decode(row));
}

const valuesOf = (opened: OpenedStorage, app: App, name = "Item"): RecordValues[] => read(opened, app, name).map(({ values }) => values);
const approval = (functions: Record<string, MigrationFunction>, ...destroy: string[]): MigrationApproval => ({ functions: new Map(Object.entries(functions)), calls: true, destroy: new Set(destroy) });

function detailsOf(step: () => unknown): { kind: string; message: string; fix: string }[] {
  try {
    step();
  } catch (error) {
    return (error as { extras: { details: { kind: string; message: string; fix: string }[] } }).extras.details;
  }
  throw new Error("nothing was refused");
}

/** From `old` with its rows to `next`. */
async function migrated(old: string, rows: Rows, next: string, agreed: MigrationApproval): Promise<{ app: App; opened: OpenedStorage }> {
  const opened = await stored(old, rows);
  const app = appOf(next);
  opened.storage.prepareCatalog(app.catalog, app.book, agreed);
  expect(opened.storage.reader.values("PRAGMA integrity_check")).toEqual([["ok"]]);
  expect(opened.storage.reader.values("PRAGMA foreign_key_check")).toEqual([]);
  // A second start has nothing to do.
  const again = appOf(next);
  expect(opened.storage.prepareCatalog(again.catalog, again.book)).toEqual([]);
  return { app, opened };
}

test("a renamed field keeps values, index, folded companion, text index and the names in the log", async () => {
  const old = table("title: String! @indexed(type: TEXT) @indexed(unique: true, fold: true) cost: Decimal @indexed number: Int @sequence");
  const next = table(`name: String! @indexed(type: TEXT) @indexed(unique: true, fold: true) @renamed(from: "title") price: Decimal @indexed @renamed(from: "cost") serial: Int @sequence @renamed(from: "number")`);
  const before = await stored(old, items({ title: "Blue", cost: "1.50", number: 1 }, { title: "Red", cost: null, number: 2 }));
  await before.storage.commit((connection) => connection.run(`INSERT INTO "$sequence" VALUES ('Item.number', '', 3)`));
  const app = appOf(next);
  const steps = before.storage.prepareCatalog(app.catalog, app.book);
  expect(steps.filter(({ kind }) => kind === "rename")).toEqual([
    { kind: "rename", name: "Item.name", what: "keeps the values of title" }, { kind: "rename", name: "Item.price", what: "keeps the values of cost" }, { kind: "rename", name: "Item.serial", what: "keeps the values of number" },
  ]);
  expect(valuesOf(before, app)).toEqual([{ id: "0", name: "Blue", price: "1.50", serial: 1 }, { id: "1", name: "Red", price: null, serial: 2 }]);
  const { reader } = before.storage;
  expect(reader.values(`SELECT "name" FROM "$sequence"`)).toEqual([["Item.serial"]]);
  expect(reader.values(`SELECT rowid FROM "Item$text" WHERE "Item$text" MATCH 'red'`)).toEqual([[2]]);
  expect(reader.values(`SELECT "name$fold", "price$key" FROM Item WHERE "price$key" IS NOT NULL`)).toEqual([["blue", "250115"]]);
  await expect(before.storage.commit((connection) => connection.run(`UPDATE Item SET "name$fold" = 'x'`))).rejects.toThrow("UNIQUE");
  expect(readEntries(reader, 0, 1, app.catalog)[0]!.changes[0]!.new).toEqual({ id: "0", name: "Blue", price: "1.50", serial: 1 });
  // Indexes go by what they are: they can be taken away although they have an old name.
  const plain = appOf(table("name: String! price: Decimal serial: Int"));
  before.storage.prepareCatalog(plain.catalog, plain.book);
  expect(reader.values("SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'Item' AND sql IS NOT NULL")).toEqual([]);
});

test("a renamed type keeps its records, and whoever refers to it", async () => {
  const child = (parent: string): string => `type Child @table { id: ID! @primaryKey itemId: ID! item: ${parent}! @relationship(from: "itemId", onDelete: CASCADE) }`;
  const { app, opened } = await migrated(`${table("title: String @indexed(type: TEXT)")} ${child("Item")}`, { ...items({ title: "a" }), Child: [{ id: "c", itemId: "0" }] },
    `type Thing @table @renamed(from: "Item") { id: ID! @primaryKey label: String @indexed(type: TEXT) @renamed(from: "title") } ${child("Thing")}`, approval({}));
  expect(valuesOf(opened, app, "Thing")).toEqual([{ id: "0", label: "a" }]);
  await expect(opened.storage.commit((connection) => connection.run("DELETE FROM Thing"))).rejects.toThrow("FOREIGN KEY");
  expect(opened.storage.reader.values(`SELECT rowid FROM "Thing$text" WHERE "Thing$text" MATCH 'a'`)).toEqual([[1]]);
  expect(readEntries(opened.storage.reader, 0, 1, app.catalog)[0]!.changes.map((change) => [change.table, change.new])).toEqual([["Thing", { id: "0", label: "a" }], ["Child", { id: "c", itemId: "0" }]]);
  // And renamed back, with its indexes.
  const back = appOf(`${table(`title: String @indexed(type: TEXT) @renamed(from: "label")`, `@renamed(from: "Thing")`)} ${child("Item")}`);
  opened.storage.prepareCatalog(back.catalog, back.book);
  expect(valuesOf(opened, back)).toEqual([{ id: "0", title: "a" }]);
  expect(readEntries(opened.storage.reader, 0, 1, back.catalog)[0]!.changes[0]!.new).toEqual({ id: "0", title: "a" });
});

test("a new required field gets what its function gives, from the old record; the function works once", async () => {
  const run: MigrationFunction = (old) => ({ due: `${String(old["day"])}-01` });
  const { app, opened } = await migrated(table("day: String"), items({ day: "2026-01" }, { day: "2026-02" }), table("day: String due: Date! double: String @computed(rule: \"record.day + record.day\", stored: true)"), approval({ Item: run }));
  expect(valuesOf(opened, app)).toEqual([{ id: "0", day: "2026-01", due: "2026-01-01", double: "2026-012026-01" }, { id: "1", day: "2026-02", due: "2026-02-01", double: "2026-022026-02" }]);
  const later = appOf(table("day: String due: Date! more: Date!"));
  const [first] = detailsOf(() => opened.storage.prepareCatalog(later.catalog, later.book, approval({ Item: run })));
  expect(first!.fix).toStartWith("Migrations.Item has done its work before: write it for this change.");
});

test("a type changes by its function; nested objects, lists, exact integers and undeclared fields reach it as they are", async () => {
  const seen: unknown[] = [];
  const old = `type In { n: Long } type Item @table(open: true) { id: ID! @primaryKey a: Int big: Long! list: [In!] kept: String }`;
  const next = `type In { n: Long } type Item @table(open: true) { id: ID! @primaryKey a: String! big: Long! list: [In!] kept: String }`;
  const run: MigrationFunction = (record) => {
    seen.push({ ...record });
    return { a: `n${String(record["a"])}`, big: (record["big"] as bigint) + 1n };
  };
  const { app, opened } = await migrated(old, items({ a: 7, big: 9007199254740993n, list: [{ n: 5n }], kept: "k", loose: { x: [1] } }), next, approval({ Item: run }));
  expect(seen.at(-1)).toEqual({ id: "0", a: 7, big: 9007199254740993n, list: [{ n: 5n }], kept: "k", loose: { x: [1] } });
  expect(valuesOf(opened, app).map((one) => ({ ...one }))).toEqual([{ id: "0", a: "n7", big: 9007199254740994n, list: [{ n: 5n }], kept: "k", loose: { x: [1] } }]);
});

test("a new unique index, a new check and a new relation hold once the function has mended the records", async () => {
  const parent = "type Parent @table { id: ID! @primaryKey }";
  const rows = { Parent: [{ id: "p" }], ...items({ sku: "a", n: -1, parentId: "p" }, { sku: "a", n: 2, parentId: "gone" }) };
  const next = `${parent} ${table(`sku: String @indexed(unique: true) n: Int! parentId: ID parent: Parent @relationship(from: "parentId")`, `@check(rule: "record.n >= 0")`)}`;
  const run: MigrationFunction = (old) => ({ sku: `${String(old["sku"])}-${String(old["id"])}`, n: Math.abs(old["n"] as number), parentId: old["parentId"] === "p" ? "p" : null });
  const { app, opened } = await migrated(`${parent} ${table("sku: String n: Int! parentId: ID")}`, rows, next, approval({ Item: run }));
  expect(valuesOf(opened, app)).toEqual([{ id: "0", sku: "a-0", n: 1, parentId: "p" }, { id: "1", sku: "a-1", n: 2, parentId: null }]);
});

const wrong: readonly [name: string, run: MigrationFunction, told: string][] = [
  ["fails", () => { throw new Error("no"); }, "Item has a function in Migrations that fails: no (1 records)."],
  ["is asynchronous", async () => ({ due: "2026-01-01" }), "Item has a function in Migrations that answers with a promise, but must be synchronous (1 records)."],
  ["answers nothing", () => undefined, "Item has a function in Migrations that answers with something that is no object of fields (1 records)."],
  ["names another field", () => ({ duo: "2026-01-01" }), "Item has a function in Migrations that gives duo, which is no field that may be given; did you mean due? (1 records)."],
  ["sets the key", () => ({ id: "x", due: "2026-01-01" }), "Item has a function in Migrations that gives id, which is no field that may be given (1 records)."],
  ["gives another type", () => ({ due: 5 }), "Item.due cannot hold what it is given: due must be a date such as 2026-01-31 (1 records)."],
  ["leaves it out", () => ({}), "Item.due is required, and there is no value for it (1 records)."],
  ["changes what it was given", (old) => { (old as { day: Value }).day = "x"; return {}; }, "Item has a function in Migrations that fails: Attempted to assign to readonly property. (1 records)."],
];

for (const [name, run, told] of wrong) {
  test(`a function that ${name} is told, and nothing has changed`, async () => {
    const opened = await stored(table("day: String"), items({ day: "2026" }));
    const app = appOf(table("day: String due: Date!"));
    const head = logHead(opened.storage.reader);
    const messages = detailsOf(() => opened.storage.prepareCatalog(app.catalog, app.book, approval({ Item: run }))).map(({ message }) => message);
    expect(messages).toEqual([told]);
    expect(logHead(opened.storage.reader)).toBe(head);
    expect(valuesOf(opened, appOf(table("day: String")))).toEqual([{ id: "0", day: "2026" }]);
  });
}

test("what is lost has to be named: a field, a table, a value of an enum, a part of a stored object, undeclared fields", async () => {
  const old = `enum Kind { A B } type In { a: Int b: Int } type Gone @table { id: ID! @primaryKey } type Item @table(open: true) { id: ID! @primaryKey text: String kind: Kind kinds: [Kind!] inner: In }`;
  const next = `enum Kind { A } type In { a: Int } type Item @table { id: ID! @primaryKey kind: Kind kinds: [Kind!] inner: In }`;
  const rows: Rows = { Gone: [{ id: "g" }], ...items({ text: "t", kind: "B", kinds: ["A", "B"], inner: { a: 1, b: 2 }, loose: 1 }, { text: null, kind: "A", kinds: null, inner: null }) };
  const opened = await stored(old, rows);
  const app = appOf(next);
  const details = detailsOf(() => opened.storage.prepareCatalog(app.catalog, app.book));
  expect(details.map(({ kind, message }) => `${kind} ${message}`)).toEqual([
    "destructive Gone was removed, and there are records of it.", "destructive Item.text was removed, and what records hold of it would be lost.", "destructive Item.kind lost the value B of its enum.",
    "destructive Item.kinds lost the value B of its enum.", "destructive Item.inner.b was removed from a stored object.", "destructive Item no longer admits undeclared fields, and 1 records have some.",
  ]);
  const names = ["Gone", "Item.text", "Item.kind", "Item.kinds", "Item.inner.b", "Item"];
  for (const left of names) expect(detailsOf(() => opened.storage.prepareCatalog(app.catalog, app.book, approval({}, ...names.filter((name) => name !== left)))).length).toBe(1);
  opened.storage.prepareCatalog(app.catalog, app.book, approval({}, ...names));
  expect(valuesOf(opened, app)).toEqual([{ id: "0", kind: null, kinds: ["A"], inner: { a: 1 } }, { id: "1", kind: "A", kinds: null, inner: null }]);
  expect(opened.storage.reader.values("SELECT name FROM sqlite_schema WHERE name = 'Gone'")).toEqual([]);
});

test("names that differ in upper and lower case alone", async () => {
  const { app, opened } = await migrated(table("title: String @indexed"), items({ title: "a" }), `type item @table @renamed(from: "Item") { id: ID! @primaryKey Title: String @indexed @renamed(from: "title") }`, approval({}));
  expect(valuesOf(opened, app, "item")).toEqual([{ id: "0", Title: "a" }]);
  const other = await migrated(table("title: String @indexed"), items({ title: "a" }), table("Title: Int @indexed"), approval({}, "Item.title"));
  expect(valuesOf(other.opened, other.app)).toEqual([{ id: "0", Title: null }]);
});

test("former versions follow a name that differs in upper and lower case alone", async () => {
  const text = (type: string, field: string, head = ""): string => `type ${type} @table(history: "P9D") ${head} { id: ID! @primaryKey ${field} }`;
  const opened = await stored(text("Item", "aId: ID @indexed"), items({ aId: "x" }));
  await opened.storage.commit((connection) => connection.run(`INSERT INTO "Item$history" ("id", "aId", "$version", "$until", "$ended", "$ending") VALUES ('0', 'w', 1, 2, '2026-01-02T00:00:00.000Z', 'update')`));
  const app = appOf(text("item", `AID: ID @indexed @renamed(from: "aId")`, `@renamed(from: "Item")`));
  opened.storage.prepareCatalog(app.catalog, app.book, approval({}));
  expect(opened.storage.reader.values(`SELECT "id", "AID" FROM "item$history"`)).toEqual([["0", "w"]]);
  expect(opened.storage.reader.values(`SELECT DISTINCT substr("name", 1, 13), "tbl_name" FROM sqlite_schema WHERE "name" LIKE 'item$history%'`)).toEqual([["item$history", "item$history"], ["item$history$", "item$history"]]);
});

test("a function is called for a nullable field too; a start does not pass over it", async () => {
  const opened = await stored(table("day: String"), items({ day: "2026" }, { day: null }));
  const app = appOf(table("day: String year: Int"));
  const functions = new Map<string, MigrationFunction>([["Item", (old) => ({ year: old["day"] === null ? null : Number(old["day"]) })]]);
  expect(detailsOf(() => opened.storage.prepareCatalog(app.catalog, app.book, { functions, calls: false, destroy: new Set() }))).toMatchObject([
    { message: "Item changes, and its function in Migrations was not called yet.", fix: "Run ambit migrate apply, which calls it; or remove it." },
  ]);
  opened.storage.prepareCatalog(app.catalog, app.book, { functions, calls: true, destroy: new Set() });
  expect(valuesOf(opened, app)).toEqual([{ id: "0", day: "2026", year: 2026 }, { id: "1", day: null, year: null }]);
  const later = appOf(table("day: String year: Int more: String"));
  expect(opened.storage.prepareCatalog(later.catalog, later.book, { functions, calls: false, destroy: new Set() }).map(({ name }) => name)).toEqual(["Item.more"]);
});

test("a new sequence goes on behind the numbers that the function gave", async () => {
  const parent = "type Parent @table { id: ID! @primaryKey }";
  const related = `parent: ID up: Parent @relationship(from: "parent")`;
  const rows = { Parent: [{ id: "p" }], ...items({ parent: "p" }, { parent: "p" }, { parent: null }) };
  const { opened } = await migrated(`${parent} ${table(related)}`, rows, `${parent} ${table(`${related} number: Int! @sequence(per: "parent") whole: Long @sequence`)}`, approval({ Item: (old) => ({ number: Number(old["id"]) + 5, whole: null }) }));
  expect(opened.storage.reader.values(`SELECT * FROM "$sequence" ORDER BY 1, 2`)).toEqual([["Item.number", "", 8], ["Item.number", "p", 7]]);
});

test("another name in SQLite keeps the records; a new tenant field is not told to be nullable", async () => {
  const { app, opened } = await migrated(table("a: Int"), items({ a: 1 }), table("a: Int", `@renamed(from: "Other")`).replace("@table", `@table(name: "things")`), approval({}));
  expect(valuesOf(opened, app)).toEqual([{ id: "0", a: 1 }]);
  const tenants = appOf(table("a: Int orgId: String!").replace("@table", `@table(name: "things", tenant: "orgId")`));
  expect(detailsOf(() => opened.storage.prepareCatalog(tenants.catalog, tenants.book))[0]!.fix).toStartWith("Give its values in Migrations: export const Migrations");
  opened.storage.prepareCatalog(tenants.catalog, tenants.book, approval({ Item: () => ({ orgId: "t1" }) }));
  expect(valuesOf(opened, tenants)).toEqual([{ id: "0", a: 1, orgId: "t1" }]);
});

test("a name in SQLite does not take the records of a type that another one is to keep", async () => {
  const opened = await stored(`${table("a: Int")} type Other @table(name: "others") { id: ID! @primaryKey a: Int }`, items({ a: 1 }));
  const fields = `{ id: ID! @primaryKey a: Int }`;
  const message = (type: string, name: string, before: string, heir: string): unknown => ({ kind: "impossible", message: `${type} has ${name} as its name in SQLite, which holds the records of ${before}; ${heir} is to keep them.` });
  const refused = (text: string): unknown => {
    const app = appOf(text);
    return detailsOf(() => opened.storage.prepareCatalog(app.catalog, app.book, approval({}, "Item", "Other")));
  };
  expect(refused(`type New @table(name: "news") @renamed(from: "Item") ${fields} type Next @table(name: "Item") ${fields} type Other @table(name: "others") ${fields}`))
    .toMatchObject([message("Next", "Item", "Item", "New")]);
  expect(refused(`type Item @table(name: "others") ${fields} type Other @table(name: "Item") ${fields}`)).toMatchObject([message("Item", "others", "Other", "Other"), message("Other", "Item", "Item", "Item")]);
  const moved = appOf(`type Next @table(name: "Item") ${fields} type Other @table(name: "others") ${fields}`);
  opened.storage.prepareCatalog(moved.catalog, moved.book, approval({}));
  expect(valuesOf(opened, moved, "Next")).toEqual([{ id: "0", a: 1 }]);
});

test("a required enum that loses a value needs a function too", async () => {
  const kinds = (values: string): string => `enum Kind { ${values} } ${table("kind: Kind!")}`;
  const opened = await stored(kinds("A B"), items({ kind: "B" }));
  const app = appOf(kinds("A"));
  expect(detailsOf(() => opened.storage.prepareCatalog(app.catalog, app.book, approval({}, "Item.kind"))).map(({ message }) => message)).toEqual(["Item.kind is required, and there is no value for it (1 records)."]);
  opened.storage.prepareCatalog(app.catalog, app.book, approval({ Item: () => ({ kind: "A" }) }, "Item.kind"));
  expect(valuesOf(opened, app)).toEqual([{ id: "0", kind: "A" }]);
});

test("records that look different have a new version, that of the one entry; others keep theirs", async () => {
  const opened = await stored(`${table("a: Int")} type Other @table { id: ID! @primaryKey }`, { ...items({ a: 1 }, { a: 2 }), Other: [{ id: "o" }] });
  const app = appOf(`${table("a: Int b: String")} type Other @table { id: ID! @primaryKey }`);
  opened.storage.prepareCatalog(app.catalog, app.book);
  const head = logHead(opened.storage.reader);
  expect(head).toBe(2);
  expect(read(opened, app).map(({ version }) => version)).toEqual([2, 2]);
  expect(read(opened, app, "Other").map(({ version }) => version)).toEqual([1]);
  expect(readEntries(opened.storage.reader, 1, 1, app.catalog)).toEqual([{ position: 2, time: "2026-01-01T00:00:00.000Z", actor: null, requestId: "migration", changes: [], migration: { catalog: app.catalog.hash, tables: ["Item"] } }]);
  // An index or a wider enum alters no record: no entry. And what was known stays known.
  const indexed = appOf(`${table("a: Int @indexed b: String")} type Other @table { id: ID! @primaryKey }`);
  opened.storage.prepareCatalog(indexed.catalog, indexed.book);
  expect([logHead(opened.storage.reader), read(opened, indexed)[0]!.version]).toEqual([2, 2]);
});

test("a plan says that the history begins then where former versions cannot have the form to come", async () => {
  const kept = (fields: string): string => `type Item @table(history: "P9D") @export { id: ID! @primaryKey ${fields} }`;
  const opened = await stored(kept("a: Int"), items({ a: 1 }));
  const step = (fields: string): string => {
    const app = appOf(kept(fields));
    return opened.storage.planCatalog(app.catalog, app.book, approval({ Item: () => ({ b: 1 }) })).steps[0]!.what;
  };
  expect(step("a: String b: Int!")).toEndWith("; asof reaches back to that moment only");
  expect(step("a: Int b: Int!")).toEndWith("; asof reaches back to that moment only");
  expect(step("a: Int b: Int")).toEndWith("each record with what Migrations gives");
});

test("a plan says what would happen, and why it would not, and changes nothing", async () => {
  const opened = await stored(table("a: Int b: Int"), items({ a: 1, b: 2 }));
  const app = appOf(table("c: Int @renamed(from: \"a\") d: Int! @indexed"));
  const before = opened.storage.reader.values("SELECT sql FROM sqlite_schema");
  const refused = opened.storage.planCatalog(app.catalog, app.book, approval({}));
  expect(refused.differences.map(({ kind, table: name, field }) => [kind, name, field])).toEqual([["destructive", "Item", "b"], ["needs-data", "Item", "d"]]);
  const fine = opened.storage.planCatalog(app.catalog, app.book, approval({ Item: (old) => ({ d: Number(old["a"]) + Number(old["c"]) }) }, "Item.b"));
  expect(fine.differences).toEqual([]);
  expect(fine.steps).toEqual([
    { kind: "rename", name: "Item.c", what: "keeps the values of a" }, { kind: "needs-data", name: "Item", what: "is written anew, each record with what Migrations gives" },
    { kind: "destructive", name: "Item.b", what: "is dropped" }, { kind: "needs-data", name: "Item.d", what: "is added" }, { kind: "safe", name: "Item(d)", what: "gets an index" },
  ]);
  expect(opened.storage.reader.values("SELECT sql FROM sqlite_schema")).toEqual(before);
  expect(valuesOf(opened, appOf(table("a: Int b: Int")))).toEqual([{ id: "0", a: 1, b: 2 }]);
});
