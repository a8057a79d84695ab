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
import { administrator, openApp, refusal, type OpenApp } from "./testing/open-app.ts";

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

test("Migrations that write records anew: what was before cannot be asked for, what was said of it stays", async () => {
  await start(item("n: Int"));
  await app!.as(administrator).create("Item", { id: "a", n: 1 });
  await app!.as(administrator).update("Item", "a", { n: 2 });
  const [updated, created] = await history();
  const { catalog } = compileSchema({ file: "schema.graphql", text: item("n: Int double: Int!") });
  const functions = new Map<string, MigrationFunction>([["Item", (old) => ({ double: Number(old["n"]) * 2 })]]);
  app!.storage.prepareCatalog(catalog, compileCatalogExpressions(catalog).book, { functions, calls: true, destroy: new Set() });
  await start(item("n: Int double: Int!"));
  expect((await app!.as(administrator).get("Item", "a")).body).toEqual({ id: "a", n: 2, double: 4 });
  for (const { position } of [updated!, created!]) expect(await refusal(() => app!.as(administrator).get("Item", "a", `asof=${position}`))).toMatchObject({ code: "HISTORY_GONE" });
  const now = new Date(app!.clock.now()).toISOString();
  app!.clock.advance(1_000);
  await app!.as(administrator).update("Item", "a", { n: 5 });
  expect((await app!.as(administrator).get("Item", "a", `asof=${now}`)).body).toEqual({ id: "a", n: 2, double: 4 });
  expect((await history()).map(({ change }) => change)).toEqual(["updated", "updated", null]);
});
