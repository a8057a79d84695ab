// What counts as read: a body runs again exactly when something changed that decided what it did. One row: what it does, what another
// does meanwhile, and whether that matters.
import { afterEach, expect, test } from "bun:test";
import { endpoints } from "../../src/resources/app-api.ts";
import { administrator, openApp, user, type Caller, type OpenApp } from "../../src/resources/testing/open-app.ts";
import type { TestContext, TestTable } from "../../src/resources/testing/typed-context.ts";

const SDL = `
type Shop @table @export @allow(to: ["clerk"], do: [READ], where: "record.open") { id: ID! @primaryKey open: Boolean! visits: Int! @default(value: 0) }
type Item @table @export
  @allow(to: ["clerk"], do: [READ])
  @allow(to: ["clerk"], do: [CREATE, UPDATE, DELETE], where: "record.shop.open")
  @indexed(fields: ["left", "right"], unique: true)
{
  id: ID! @primaryKey
  shopId: ID @indexed
  shop: Shop @relationship(from: "shopId")
  offerId: ID
  offer: Offer @relationship(from: "offerId")
  sku: String @indexed(unique: true)
  mail: String @indexed(unique: true, fold: true)
  left: String right: String
  price: Int! @default(value: 1)
  stock: Int! @default(value: 0)
  parts: [Part!]! @relationship(to: "itemId")
}
type Part @table @export @allow(to: ["clerk"], do: [READ]) { id: ID! @primaryKey itemId: ID! @indexed item: Item! @relationship(from: "itemId", onDelete: CASCADE) weight: Int! @default(value: 0) }
type Offer @table @export { id: ID! @primaryKey until: DateTime @expiresAt }
type Guard @table @export { id: ID! @primaryKey itemId: ID item: Item @relationship(from: "itemId") }
type Endpoints { run: JSON @http(method: POST) @allow(to: ["clerk"]) }
`;

let body: (ctx: TestContext) => Promise<unknown> = async () => null;
const Endpoints = endpoints({ run: (ctx: TestContext) => body(ctx) });
const apps: OpenApp[] = [];
afterEach(async () => { for (const app of apps.splice(0)) await app.close(); });

type Tables = { readonly [name: string]: TestTable };
interface Row {
  readonly does: (db: Tables, system: Tables) => Promise<unknown>;
  readonly meanwhile: (admin: Caller) => Promise<unknown>;
  readonly matters: boolean;
}
const caught = (work: Promise<unknown>): Promise<unknown> => work.then(() => "done", (error: { code: string }) => error.code);

const rows: { readonly [name: string]: Row } = {
  "get, and a field of it": { does: (db) => db["Item"]!.get("i1"), meanwhile: (admin) => admin.update("Item", "i1", { stock: 5 }), matters: true },
  "get, and another record": { does: (db) => db["Item"]!.get("i1"), meanwhile: (admin) => admin.update("Item", "i2", { stock: 5 }), matters: false },
  "get of nothing, which appears": { does: (db) => db["Item"]!.get("i9"), meanwhile: (admin) => admin.create("Item", { id: "i9" }), matters: true },
  "find, and one that would match": { does: (db) => db["Item"]!.find({ price: { gt: 5 } }), meanwhile: (admin) => admin.create("Item", { id: "i9", price: 9 }), matters: true },
  "find, and one that would not": { does: (db) => db["Item"]!.find({ price: { gt: 5 } }), meanwhile: (admin) => admin.create("Item", { id: "i9", price: 2 }), matters: false },
  "find of some fields, and another field": { does: (db) => db["Item"]!.find({ price: 1, select: ["id"] }), meanwhile: (admin) => admin.update("Item", "i1", { stock: 5 }), matters: false },
  "count, and one more": { does: (db) => db["Part"]!.count({ itemId: "i1" }), meanwhile: (admin) => admin.create("Part", { id: "p9", itemId: "i1" }), matters: true },
  "count, and one more elsewhere": { does: (db) => db["Part"]!.count({ itemId: "i1" }), meanwhile: (admin) => admin.create("Part", { id: "p9", itemId: "i2" }), matters: false },
  "the first in order, and one before it": { does: (db) => db["Item"]!.first({ order: { price: "asc" }, select: ["id"] }), meanwhile: (admin) => admin.create("Item", { id: "i0", price: 0 }), matters: true },
  "the first in order, and one behind it": { does: (db) => db["Item"]!.first({ order: { price: "asc" }, select: ["id"] }), meanwhile: (admin) => admin.create("Item", { id: "i9", price: 7 }), matters: false },
  "an embedded list, and one more in it": { does: (db) => db["Item"]!.find({ id: "i1", select: ["id", { parts: ["id"] }] }), meanwhile: (admin) => admin.create("Part", { id: "p9", itemId: "i1" }), matters: true },
  "an embedded list, and one of another": { does: (db) => db["Item"]!.find({ id: "i1", select: ["id", { parts: ["id"] }] }), meanwhile: (admin) => admin.create("Part", { id: "p9", itemId: "i2" }), matters: false },
  "a filter over a relation": { does: (db) => db["Item"]!.find({ shop: { open: true }, select: ["id"] }), meanwhile: (admin) => admin.update("Shop", "s1", { open: false }), matters: true },
  "an update, and the same record": { does: (db) => db["Item"]!.update("i1", { price: 3 }), meanwhile: (admin) => admin.update("Item", "i1", { stock: 5 }), matters: true },
  "the rule of an update, over another record": { does: (db) => caught(db["Item"]!.update("i1", { price: 3 })), meanwhile: (admin) => admin.update("Shop", "s1", { open: false }), matters: true },
  "the rule of an update, and what it does not look at": { does: (db) => caught(db["Item"]!.update("i1", { price: 3 })), meanwhile: (admin) => admin.update("Shop", "s1", { visits: 5 }), matters: false },
  "a reference to what comes to its end": { does: (_, system) => caught(system["Item"]!.create({ id: "i9", offerId: "o1" })), meanwhile: (admin) => admin.update("Offer", "o1", { until: "2000-01-01T00:00:00.000Z" }), matters: true },
  "a reference, and the parent's numbers": { does: (_, system) => system["Item"]!.create({ id: "i9", shopId: "s1" }), meanwhile: (admin) => admin.update("Shop", "s1", { visits: 5 }), matters: false },
  "a reference, and the parent goes": { does: (_, system) => caught(system["Guard"]!.create({ itemId: "i3" })), meanwhile: (admin) => admin.remove("Item", "i3"), matters: true },
  "a reference to nothing, which appears": { does: (_, system) => caught(system["Guard"]!.create({ itemId: "i9" })), meanwhile: (admin) => admin.create("Item", { id: "i9" }), matters: true },
  "a unique value that was free": { does: (_, system) => caught(system["Item"]!.create({ id: "i9", sku: "new" })), meanwhile: (admin) => admin.create("Item", { id: "i8", sku: "new" }), matters: true },
  "another unique value": { does: (_, system) => caught(system["Item"]!.create({ id: "i9", sku: "new" })), meanwhile: (admin) => admin.create("Item", { id: "i8", sku: "other" }), matters: false },
  "a unique value that was taken, and is given up": { does: (_, system) => caught(system["Item"]!.create({ id: "i9", sku: "one" })), meanwhile: (admin) => admin.update("Item", "i1", { sku: null }), matters: true },
  "a case-folded unique value": { does: (_, system) => caught(system["Item"]!.create({ id: "i9", mail: "A@x" })), meanwhile: (admin) => admin.create("Item", { id: "i8", mail: "a@X" }), matters: true },
  "a unique pair": { does: (_, system) => caught(system["Item"]!.create({ id: "i9", left: "a", right: "b" })), meanwhile: (admin) => admin.create("Item", { id: "i8", left: "a", right: "b" }), matters: true },
  "half of a unique pair": { does: (_, system) => caught(system["Item"]!.create({ id: "i9", left: "a", right: "b" })), meanwhile: (admin) => admin.create("Item", { id: "i8", left: "a", right: "c" }), matters: false },
  "an upsert of what was not there": { does: (_, system) => system["Item"]!.upsert({ id: "i9", price: 4 }), meanwhile: (admin) => admin.create("Item", { id: "i9", stock: 2 }), matters: true },
  "a removal, and a child comes": { does: (_, system) => caught(system["Item"]!.remove("i3")), meanwhile: (admin) => admin.create("Guard", { id: "g9", itemId: "i3" }), matters: true },
  "a removal with what hangs on it, and one more": { does: (_, system) => system["Item"]!.remove("i2"), meanwhile: (admin) => admin.create("Part", { id: "p9", itemId: "i2" }), matters: true },
  "a removal, and a child's own field": { does: (_, system) => system["Item"]!.remove("i2"), meanwhile: (admin) => admin.update("Part", "p2", { weight: 5 }), matters: false },
  "a claim, and the record that it took": { does: (_, system) => system["Item"]!.claim({ price: 1, order: { id: "asc" } }, { price: 8 }), meanwhile: (admin) => admin.update("Item", "i1", { price: 2 }), matters: true },
  "a claim, and one behind it": { does: (_, system) => system["Item"]!.claim({ price: 1, order: { id: "asc" } }, { price: 8 }), meanwhile: (admin) => admin.create("Item", { id: "i9" }), matters: false },
  "an increment answers": { does: (_, system) => system["Item"]!.increment("i1", "stock", 1), meanwhile: (admin) => admin.update("Item", "i1", { stock: 5 }), matters: true },
  "an own record": { does: async (_, system) => { const { id } = await system["Item"]!.create({}); return system["Item"]!.get(id); }, meanwhile: (admin) => admin.create("Item", { id: "i9" }), matters: false },
};

test.each(Object.keys(rows))("%s", async (name) => {
  const { does, meanwhile, matters } = rows[name]!;
  const app = openApp(SDL, { code: { Endpoints } });
  apps.push(app);
  const admin = app.as(administrator);
  await admin.create("Shop", { id: "s1", open: true });
  await admin.create("Offer", { id: "o1", until: "2999-01-01T00:00:00.000Z" });
  await admin.create("Item", [{ id: "i1", shopId: "s1", sku: "one" }, { id: "i2", shopId: "s1" }, { id: "i3" }]);
  await admin.create("Part", [{ id: "p1", itemId: "i1" }, { id: "p2", itemId: "i2" }]);
  let runs = 0;
  body = async (ctx) => {
    const done = await does(ctx.db, ctx.system);
    if (++runs === 1) await meanwhile(admin);
    return done === undefined ? null : "x";
  };
  await app.as(user("c", "clerk")).call("run");
  expect(runs).toBe(matters ? 2 : 1);
});
