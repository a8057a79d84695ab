// Schema changes under former versions: they follow what the records do, or the change is refused.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "bun:test";
import { compileCatalogExpressions } from "../expression/compile-catalog.ts";
import { compileSchema } from "../schema/compile-schema.ts";
import { backupDatabase } from "../storage/backup.ts";
import type { MigrationFunction } from "../storage/migration-functions.ts";
import { restoreDatabase } from "../storage/restore.ts";
import { administrator, openApp, refusal, user, type OpenApp } from "./testing/open-app.ts";

let app: OpenApp | null = null;
let directory: string | undefined;
afterEach(async () => {
  await app?.close(true);
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  app = null;
  directory = undefined;
});

async function start(sdl: string): Promise<OpenApp> {
  await app?.close(true);
  app = null;
  app = openApp(sdl, directory === undefined ? {} : { directory });
  directory = app.directory;
  app.clock.advance(++starts * 60_000);
  return app;
}
let starts = 0;

/** What a start with this schema would refuse. */
function refused(sdl: string): Promise<unknown> {
  const { catalog } = compileSchema({ file: "schema.graphql", text: sdl });
  return refusal(() => app!.storage.prepareCatalog(catalog, compileCatalogExpressions(catalog).book));
}

const item = (fields: string, table = 'history: "P90D", trash: "P30D"', name = "Item"): string => `type ${name} @table(${table}) @export { id: ID! @primaryKey ${fields} }`;
const history = async (id = "a", table = "Item"): Promise<{ changes: unknown; position: string; change: string | null }[]> =>
  (await app!.as(administrator).send({ kind: "history", table, id, limit: 100, after: null })).body as never;

test("new fields: former versions have their default, or null", async () => {
  await start(item("n: Int"));
  await app!.as(administrator).create("Item", { id: "a", n: 1 });
  await app!.as(administrator).update("Item", "a", { n: 2 });
  const [, first] = await history();
  await start(item('n: Int more: String size: Int! @default(value: 7) price: Decimal! @default(value: "1.5") kind: Kind! @default(value: A)') + " enum Kind { A B }");
  const then = await app!.as(administrator).get("Item", "a", `asof=${first!.position}`);
  expect(then.body).toEqual({ id: "a", n: 1, more: null, size: 7, price: "1.5", kind: "A" });
  await app!.as(administrator).update("Item", "a", { size: 8, more: "x" });
  const told = await history();
  expect(told.map(({ change }) => change)).toEqual(["updated", "updated", "created"]);
  expect(told[0]!.changes).toEqual({ more: { from: null, to: "x" }, size: { from: 7, to: 8 } });
  // The version before the schema changed is found at its own time, though its tag is a new one.
  expect((await app!.as(administrator).get("Item", "a", `asof=${told[1]!.position}&select=n,size`)).body).toEqual({ n: 2, size: 7 });
});

test("@renamed takes the former versions along", async () => {
  await start(item("n: Int price: Decimal"));
  await app!.as(administrator).create("Item", { id: "a", n: 1, price: "2.5" });
  await app!.as(administrator).update("Item", "a", { n: 2 });
  const [, first] = await history();
  await app!.as(administrator).remove("Item", "a");
  await start(`type Thing @table(history: "P90D", trash: "P30D") @renamed(from: "Item") @export { id: ID! @primaryKey n: Int cost: Decimal @renamed(from: "price") }`);
  expect((await app!.as(administrator).list("Thing", `cost=gt.2&asof=${first!.position}`)).body).toEqual([{ id: "a", n: 1, cost: "2.5" }]);
  await app!.as(administrator).send({ kind: "restore", table: "Thing", id: "a", returning: null });
  expect((await app!.as(administrator).get("Thing", "a")).body).toEqual({ id: "a", n: 2, cost: "2.5" });
});

test("what would lose former versions is refused: another type, no history any more", async () => {
  await start(item("n: Int"));
  await app!.as(administrator).create("Item", { id: "a", n: 1 });
  await app!.as(administrator).remove("Item", "a");
  // Of the table itself no record is left.
  expect(await refused(item("n: String"))).toMatchObject({ code: "MIGRATION_NEEDED", details: [{ table: "Item", field: "n" }] });
  expect(await refused(item("n: Int", "open: false"))).toMatchObject({ code: "MIGRATION_NEEDED", details: [{ table: "Item" }] });
  expect(await history()).toHaveLength(2);
});

test("a dropped field leaves former versions; trash alone becomes a history that begins then", async () => {
  await start(item("n: Int", 'trash: "P30D"'));
  await app!.as(administrator).create("Item", [{ id: "a", n: 1 }, { id: "b", n: 1 }]);
  await app!.as(administrator).remove("Item", "b");
  await start(item("n: Int"));
  expect(await refusal(() => app!.as(administrator).list("Item", "asof=2025-12-31T23:59:59Z"))).toMatchObject({ code: "HISTORY_GONE" });
  const now = new Date(app!.clock.now()).toISOString();
  app!.clock.advance(1_000);
  await app!.as(administrator).update("Item", "a", { n: 2 });
  expect((await app!.as(administrator).list("Item", `asof=${now}&select=n`)).body).toEqual([{ n: 1 }]);
  // How it came to be is not known; what came after is.
  expect((await history()).map(({ change, changes }) => [change, changes])).toEqual([["updated", { n: { from: 1, to: 2 } }], [null, {}]]);
  await app!.as(administrator).send({ kind: "restore", table: "Item", id: "b", returning: null });
  expect((await app!.as(administrator).get("Item", "b")).body).toEqual({ id: "b", n: 1 });
});

test("a backup holds the former versions and the trash; positions from before its restore mean nothing any more", async () => {
  await start(item("n: Int"));
  await app!.as(administrator).create("Item", [{ id: "a", n: 1 }, { id: "b", n: 1 }]);
  await app!.as(administrator).update("Item", "a", { n: 2 });
  await app!.as(administrator).remove("Item", "b");
  const [, created] = await history();
  const backup = join(mkdtempSync(join(tmpdir(), "ambit-backup-")), "backup.db");
  await backupDatabase(join(directory!, "data.db"), backup);
  await app!.as(administrator).update("Item", "a", { n: 3 });
  const nowMs = app!.clock.now();
  await app!.close(true);
  app = null;
  restoreDatabase({ backup, directory: directory!, nowMs });
  await start(item("n: Int"));
  const told = await history();
  expect(told.map(({ changes }) => changes)).toEqual([{ n: { from: 1, to: 2 } }, { id: { from: null, to: "a" }, n: { from: null, to: 1 } }]);
  expect((await app!.as(administrator).get("Item", "a", `asof=${told[1]!.position}&select=n`)).body).toEqual({ n: 1 });
  expect(await refusal(() => app!.as(administrator).get("Item", "a", `asof=${created!.position}`))).toMatchObject({ code: "HISTORY_GONE" });
  await app!.as(administrator).send({ kind: "restore", table: "Item", id: "b", returning: null });
  expect((await app!.as(administrator).get("Item", "b")).body).toEqual({ id: "b", n: 1 });
  rmSync(dirname(backup), { recursive: true });
});

/** The change of the schema at another time than what was written before, in place or beside live writes. */
async function migrate(sdl: string, way: "in place" | "online", run: MigrationFunction | null, ...destroy: string[]): Promise<void> {
  await app!.close(true);
  app = openApp(before, { directory: directory!, limits: { migrateInPlaceRows: way === "online" ? 0 : 1_000, migrateBatchRows: 1 } });
  app.clock.advance(++starts * 60_000);
  const { catalog } = compileSchema({ file: "schema.graphql", text: sdl });
  const { book } = compileCatalogExpressions(catalog);
  const approval = { functions: new Map(run === null ? [] : [["Item", run]]), calls: true, destroy: new Set(destroy) };
  let writes = 0;
  await app.storage.fillShadows({ catalog, book, approval, pause: async () => { if (writes++ === 0 && before.includes("id: ID!")) await app!.as(user("live")).update("Item", "b", { n: 11 }); } });
  expect(writes > 0).toBe(way === "online");
  app.storage.prepareCatalog(catalog, book, approval);
  await start(sdl);
}
let before = "";
async function begin(sdl: string): Promise<void> {
  await start(before = `${sdl}`);
  await app!.as(user("ann")).create("Item", [{ id: "a", n: 1 }, { id: "b", n: 10 }]);
  await app!.as(user("ann")).update("Item", "a", { n: 2 });
}
const open = (fields: string): string => item(fields).replace("@export", '@export @allow(to: ["authenticated"], do: [READ, CREATE, UPDATE, DELETE])');
const told = async (id = "a"): Promise<unknown[]> => (await history(id)).map((one) => {
  const { cause, actor, change, changes } = one as unknown as Record<string, unknown>;
  return [cause, actor, change, changes];
});

for (const way of ["in place", "online"] as const) {
  test(`${way}: what Migrations gives is a version of its own, of nobody, and asof reaches back beyond it`, async () => {
    await begin(open("n: Int"));
    const [updated, created] = await history();
    await migrate(open("n: Int double: Int"), way, (old) => ({ double: Number(old["n"]) * 2, n: old["n"] === 2 ? 3 : old["n"] }));
    expect((await app!.as(administrator).get("Item", "a")).body).toEqual({ id: "a", n: 3, double: 4 });
    const migration = ["migration", null, "updated", { n: { from: 2, to: 3 }, double: { from: null, to: 4 } }];
    const earlier = [["write", "ann", "updated", { n: { from: 1, to: 2 } }], ["write", "ann", "created", { id: { from: null, to: "a" }, n: { from: null, to: 1 } }]];
    expect(await told()).toEqual([migration, ...earlier]);
    const at = (await history())[0]!.position;
    const asOf = async (position: string): Promise<unknown> => (await app!.as(administrator).get("Item", "a", `asof=${position}`)).body;
    expect([await asOf(created!.position), await asOf(updated!.position), await asOf(at)]).toEqual([{ id: "a", n: 1, double: null }, { id: "a", n: 2, double: null }, { id: "a", n: 3, double: 4 }]);
    expect(app!.entries().at(-1)!.position).toBe(Number(at.split(".").at(-1)));
    const [live, liveWrite] = await told("b");
    expect([live, way === "online" ? liveWrite : null]).toEqual([["migration", null, "updated", { double: { from: null, to: way === "online" ? 22 : 20 } }], way === "online" ? ["write", "live", "updated", { n: { from: 10, to: 11 } }] : null]);
    await app!.as(user("bob")).update("Item", "a", { n: 5 });
    expect(await told()).toEqual([["write", "bob", "updated", { n: { from: 3, to: 5 } }], migration, ...earlier]);
    await app!.as(user("bob")).remove("Item", "a");
    await app!.as(user("bob")).send({ kind: "restore", table: "Item", id: "a", returning: null });
    expect((await history()).map(({ change }) => change)).toEqual(["restored", "deleted", "updated", "updated", "updated", "created"]);
  });

  test(`${way}: asof begins anew where a field is required that former versions do not know, what was said of them stays`, async () => {
    await begin(open("n: Int"));
    const [{ position } = { position: "" }] = await history();
    await migrate(open("n: Int double: Int!"), way, (old) => ({ double: Number(old["n"]) * 2 }));
    expect(await refusal(() => app!.as(administrator).get("Item", "a", `asof=${position}`))).toMatchObject({ code: "HISTORY_GONE" });
    const [migration] = await history();
    await app!.as(user("bob")).update("Item", "a", { n: 5 });
    expect((await app!.as(administrator).get("Item", "a", `asof=${migration!.position}`)).body).toEqual({ id: "a", n: 2, double: 4 });
    expect((await told()).map((one) => (one as unknown[]).slice(0, 3))).toEqual([["write", "bob", "updated"], ["migration", null, "updated"], ["write", "ann", "updated"], ["write", "ann", null]]);
  });

  test(`${way}: what the new type cannot hold is left out, of a renamed field it is not, and asof begins anew`, async () => {
    await begin(open("n: Int m: Int"));
    await app!.as(user("ann")).update("Item", "a", { m: 7 });
    const { position } = (await history())[0]!;
    await migrate(open('n: String k: Int @renamed(from: "m")'), way, (old) => ({ n: `${old["n"]}!`, k: 8 }), "Item.n");
    expect(await told()).toEqual([["migration", null, "updated", { n: { to: "2!" }, k: { from: 7, to: 8 } }], ["write", "ann", null, {}]]);
    expect(await refusal(() => app!.as(administrator).get("Item", "a", `asof=${position}`))).toMatchObject({ code: "HISTORY_GONE" });
    await app!.as(user("bob")).update("Item", "a", { n: "3" });
    expect((await told())[0]).toEqual(["write", "bob", "updated", { n: { from: "2!", to: "3" } }]);
  });

  test(`${way}: so are a default where there was null, and a computed field; an optional one with a default was always so`, async () => {
    await begin(open("n: Int m: Int"));
    await app!.as(user("ann")).update("Item", "b", { m: 4 });
    const version = (await app!.as(administrator).get("Item", "a")).result;
    await migrate(open('n: Int m: Int! @default(value: 3) more: String @default(value: "x") sum: Int @computed(rule: "record.n + record.m", stored: true)'), way, null);
    expect((await told()).slice(0, 2)).toEqual([["migration", null, "updated", { m: { from: null, to: 3 }, sum: { from: null, to: 5 } }], ["write", "ann", "updated", { n: { from: 1, to: 2 } }]]);
    expect((await app!.as(administrator).get("Item", "a")).result).not.toEqual(version);
  });
}

test("a filled default alone is a version, and those that had a value have none", async () => {
  await begin(open("n: Int m: Int"));
  await app!.as(user("ann")).update("Item", "b", { m: 4 });
  const others = await told("b");
  await start(open("n: Int m: Int! @default(value: 3)"));
  expect((await told())[0]).toEqual(["migration", null, "updated", { m: { from: null, to: 3 } }]);
  expect(await told("b")).toEqual(others);
  await app!.as(user("bob")).update("Item", "a", { n: 9 });
  expect((await told())[0]).toEqual(["write", "bob", "updated", { n: { from: 2, to: 9 } }]);
});

test("an integer key, companions, undeclared fields: they end with what they had", async () => {
  const sdl = (fields: string): string => open(fields).replace("id: ID!", "id: Long!").replace("@table(", "@table(open: true, ");
  await start(before = sdl("name: String @indexed(fold: true) price: Decimal"));
  await app!.as(user("ann")).create("Item", { id: "7", name: "Ab", price: "1.50", loose: [1] });
  const { position } = (await app!.as(administrator).send({ kind: "history", table: "Item", id: 7n, limit: 9, after: null })).body![0 as never] as { position: string };
  await migrate(sdl("name: String @indexed(fold: true) price: Decimal more: Int"), "online", (old) => ({ name: `${String(old["name"])}c`, price: "2.5" }));
  const entries = (await app!.as(administrator).send({ kind: "history", table: "Item", id: 7n, limit: 9, after: null })).body as never as { cause: string; changes: unknown }[];
  expect(entries.map(({ cause, changes }) => [cause, changes])[0]).toEqual(["migration", { name: { from: "Ab", to: "Abc" }, price: { from: "1.50", to: "2.5" } }]);
  expect((await app!.as(administrator).list("Item", `asof=${position}&price=lt.2`)).body).toEqual([{ id: "7", name: "Ab", price: "1.50", more: null, loose: [1] }]);
});

test("another type of a field where no former version is: those to come are of the new one", async () => {
  await start(before = open("n: Int"));
  await app!.as(user("ann")).create("Item", [{ id: "a", n: 1 }, { id: "b", n: 2 }]);
  await migrate(open("n: String"), "in place", (old) => ({ n: `${old["n"]}!` }));
  await app!.as(user("bob")).update("Item", "a", { n: "x" });
  expect((await told()).slice(0, 2)).toEqual([["write", "bob", "updated", { n: { from: "1!", to: "x" } }], ["migration", null, "updated", { n: { to: "1!" } }]]);
});
