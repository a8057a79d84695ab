// What the runtime fills and verifies: defaults, computed fields, creators, checks; each with CEL from the schema.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { authority } from "./testing/authority.ts";
import { create, failure, increment, openTables, remove, replace, update, wire, type OpenTables } from "./testing/open-tables.ts";

const SDL = `
type Product @table @check(rule: "record.price >= record.cost", message: "We do not sell below cost.") {
  id: ID! @primaryKey
  price: Int!
  cost: Int! @default(value: 0)
  margin: Int @computed(rule: "record.price - record.cost")
  cents: Long! @computed(rule: "record.price * 100", stored: true) @indexed(unique: true)
  label: String @computed(rule: "record.name == null ? 'none' : record.name + '!'", stored: true)
  name: String
  step: Int @check(rule: "record.step == null || old.step == null || record.step >= old.step")
  vector: Vector @indexed(type: VECTOR, dimensions: 3)
}
type Spot { lat: Float! lon: Float! }
type Place @table @indexed(fields: ["north", "east"], type: GEO) { id: ID! @primaryKey spot: Spot @indexed(type: GEO) north: Float east: Float }
type Line @table {
  id: ID! @primaryKey
  productId: ID!
  product: Product! @relationship(from: "productId", onDelete: CASCADE)
  unit: Int! @default(rule: "record.product.price")
  quantity: Int! @default(value: 1) @range(min: 1)
  due: DateTime @default(rule: "now() + duration('PT1H')")
  by: String @createdBy
  who: String @default(rule: "auth.subject")
}
type Quote @table { id: ID! @primaryKey price: Int! @readOnly sku: String! }
`;

let app: OpenTables;
beforeEach(() => { app = openTables(SDL); });
afterEach(() => app.close());
const ann = authority("ann", { Product: {}, Line: {}, Quote: {} });

test("computed fields follow what they read; sent ones must be right", async () => {
  const { id, record } = await app.write(create("Product", { id: "p", price: 5, cost: 3 }));
  expect(record).toMatchObject({ cents: 500n, label: "none" });
  expect((await app.write(update("Product", id, { price: 6, name: "x" }))).record).toMatchObject({ cents: 600n, label: "x!" });
  expect((await app.write(update("Product", id, { price: 7, cents: "600", margin: 3 }), ann)).record).toMatchObject({ cents: 700n });
  expect((await app.write(update("Product", id, { price: 8, cents: "800", margin: 5 }), ann)).record).toMatchObject({ cents: 800n });
  expect(await failure(app.write(update("Product", id, { price: 9, cents: "1" }), ann))).toMatchObject({ code: "READ_ONLY_FIELD", where: "cents" });
  expect(await failure(app.write(update("Product", id, { margin: 1 }), ann))).toMatchObject({ code: "READ_ONLY_FIELD", where: "margin" });
  expect((await app.write(replace("Product", id, { price: 9, margin: null, cents: null }), ann)).record).toMatchObject({ cents: 900n, cost: 0, name: null });
  expect((await app.write(increment("Product", id, "price", 1))).record).toMatchObject({ cents: 1000n });
  expect(await failure(app.write(create("Product", { price: 10 })))).toMatchObject({ code: "UNIQUE_VIOLATION", where: "cents" });
});

test("default rules see what was sent, its relations, the caller and the commit's time", async () => {
  await app.write(create("Product", { id: "p", price: 5 }));
  const { record } = await app.write(create("Line", { productId: "p" }), ann);
  expect(record).toMatchObject({ unit: 5, quantity: 1, due: "2026-01-01T01:00:00.000Z", by: "ann", who: "ann" });
  expect((await app.write(create("Line", { productId: "p", unit: 7, due: null }), ann)).record).toMatchObject({ unit: 7, due: null });
  const bulk = await app.writeAll([create("Line", { productId: "q" }), create("Product", { id: "q", price: 9 })]);
  expect(bulk[0]!.record).toMatchObject({ unit: 9, by: null, who: null });
  expect(await failure(app.write(create("Line", { productId: "none" })))).toMatchObject({ code: "VALIDATION_FAILED", where: "unit" });
});

test("where code acts without rules, the creator is who the operation belongs to", async () => {
  await app.write(create("Product", { id: "p", price: 5 }));
  const { value } = await app.tables.commit((session) => session.write(create("Line", { productId: "p" }), wire(null)), { actor: "ann", requestId: "r" });
  expect(value.record).toMatchObject({ by: "ann", who: "ann" });
});

test("checks hold on the final record, with the one before; their text only for who may read all of it", async () => {
  expect(await failure(app.write(create("Product", { price: 1, cost: 2 })))).toMatchObject({ code: "CHECK_FAILED", status: 422, message: "We do not sell below cost.", details: { table: "Product", field: null, rule: "record.price >= record.cost" } });
  const { id } = await app.write(create("Product", { price: 5, step: 2 }));
  expect(await failure(app.write(increment("Product", id, "price", -6)))).toMatchObject({ code: "CHECK_FAILED" });
  expect(await failure(app.write(update("Product", id, { step: 1 })))).toMatchObject({ code: "CHECK_FAILED", where: "step", details: { field: "step" } });
  expect((await app.write(update("Product", id, { step: 3 }))).status).toBe("updated");
  const blind = authority("ann", { Product: { fields: { cost: { read: false } } } });
  expect(await failure(app.write(update("Product", id, { price: -1 }), blind))).toMatchObject({ code: "CHECK_FAILED", details: { table: "Product", field: null, rule: null } });
});

test("places of a GEO index are on earth", async () => {
  expect((await app.write(create("Place", { spot: { lat: -90, lon: 180 }, north: 90, east: -180 }))).status).toBe("created");
  expect(await failure(app.write(create("Place", { spot: { lat: 90.001, lon: -181 }, north: -91, east: 360 })))).toMatchObject({
    code: "VALIDATION_FAILED", details: [{ path: "spot.lat", code: "OUT_OF_RANGE" }, { path: "spot.lon" }, { path: "north" }, { path: "east", message: "east must lie within ±180." }],
  });
});

test("a vector has as many numbers as its index", async () => {
  expect(await failure(app.write(create("Product", { price: 1, vector: [1, 2] })))).toMatchObject({ code: "VALIDATION_FAILED", where: "vector" });
  expect((await app.write(create("Product", { price: 1, vector: [1, 2, 3] }))).record).toMatchObject({ vector: [1, 2, 3] });
});

test("a deletion cascades to what was created in the same session", async () => {
  await app.tables.commit((session) => {
    session.write(create("Product", { id: "p", price: 5 }), wire(null));
    session.write(create("Line", { id: "l", productId: "p" }), wire(null));
    session.write(remove("Product", "p"), wire(null));
    expect(session.get("Line", "l")).toBeNull();
  }, { actor: null, requestId: "r" });
  expect(app.log()).toEqual([]);
});

test("a required field that only code sets: a client that sends it is told so, not that it is missing", async () => {
  expect(await failure(app.write(create("Quote", { sku: "a", price: 5 }), ann))).toMatchObject({ code: "READ_ONLY_FIELD", where: "price" });
  expect(await failure(app.write(create("Quote", { sku: "a" }), ann))).toMatchObject({ code: "VALIDATION_FAILED", where: "price" });
  expect((await app.write(create("Quote", { sku: "a", price: 5 }))).record).toMatchObject({ price: 5 });
});
