// SQLite answers filters, orders and embeds on indexed fields by their indexes: seen in EXPLAIN QUERY PLAN.
import { expect, test } from "bun:test";
import { findsByIndex, isInIndex, leadsIndex, rangeConditions } from "./plan-index.ts";
import { planDatabase, type PlanDatabase } from "./testing/plan-database.ts";

const schema = `type Product @table(expiration: "P1D") @export @indexed(fields: ["category", "price"]) {
  id: ID! @primaryKey sold: Boolean @indexed sku: String! @indexed(unique: true) price: Int! @indexed color: String @indexed category: String title: String amount: Decimal @indexed span: Duration @indexed
  count: Long! @indexed at: DateTime! @indexed mail: String @indexed(unique: true, fold: true) shopId: Int @indexed shop: Shop @relationship(from: "shopId") stock: [Stock!]! @relationship(to: "productId") tags: [Tag!]! @relationship(through: "ProductTag") }
type Shop @table @export { id: Int! @primaryKey name: String city: String @indexed products: [Product!]! @relationship(to: "shopId") }
type Stock @table @export { id: Int! @primaryKey productId: ID! product: Product! @relationship(from: "productId") place: String @indexed }
type Tag @table @export { id: ID! @primaryKey label: String @indexed products: [Product!]! @relationship(through: "ProductTag") }
type ProductTag @table @export { id: ID! @primaryKey productId: ID! tagId: ID! product: Product! @relationship(from: "productId") tag: Tag! @relationship(from: "tagId") }`;

let shared: PlanDatabase | null = null;
const database = (): PlanDatabase => shared ??= planDatabase(schema);

const product = (index: string): string => `SEARCH t0 USING INDEX Product$${index}`;

/** The query, and the steps that must be there; `!` before one that must not. */
const cases: readonly (readonly [string, ...string[]])[] = [
  ["Product?id=eq.a", "SEARCH t0 USING INDEX sqlite_autoindex_Product_1 (id=?)"],
  ["Product?id=in.(a,b)", "SEARCH t0 USING INDEX sqlite_autoindex_Product_1 (id=?)"],
  ["Product?sku=eq.a", product("unique(sku) (sku=?)")],
  ["Product?price=eq.5&limit=20", product("index(price) (price=?)"), "!USE TEMP B-TREE FOR ORDER BY"],
  ["Product?color=eq.red&order=id&limit=20", product("index(color) (color=?)"), "!USE TEMP B-TREE FOR ORDER BY"],
  ["Product?color=in.(red,blue)", product("index(color) (color=?)")],
  ["Product?color=is.null", product("index(color) (color=?)")],
  ["Product?sold=is.true&limit=5", product("index(sold) (sold=?)"), "!USE TEMP B-TREE FOR ORDER BY"],
  ["Product?sold=not.isdistinct.false", product("index(sold) (sold=?)")],
  ["Product?count=eq.9007199254740993", product("index(count) (count=?)")],
  ["Product?at=gte.2026-01-01T00:00:00Z&at=lt.2026-02-01T00:00:00Z&order=at", product("index(at) (at>? AND at<?)"), "!USE TEMP B-TREE FOR ORDER BY"],
  ["Product?id=gt.a&limit=5", "SEARCH t0 USING INDEX sqlite_autoindex_Product_1 (id>?)", "!USE TEMP B-TREE FOR ORDER BY"],
  ["Shop?id=gt.5&id=lt.9", "SEARCH t0 USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)", "!USE TEMP B-TREE FOR ORDER BY"],
  ["Product?price=gt.5", product("index(price) (price>?)")],
  ["Product?price=gt.5&limit=20", product("index(price) (price>?)")],
  ["Product?amount=gt.1.5", product("index(amount$key) (amount$key>?)")],
  ["Product?amount=eq.1.50", product("index(amount$key) (amount$key=?)")],
  ["Product?span=lt.PT1H", product("index(span$key) (span$key<?)")],
  ["Product?sku=like.AB*", product("unique(sku) (sku>? AND sku<?)")],
  ["Product?mail=ilike.a@b.c", product("unique(mail$fold) (mail$fold=?)")],
  ["Product?category=eq.x&price=gt.5&price=lt.9", product("index(category,price) (category=? AND price>? AND price<?)")],
  ["Product?category=eq.x&order=price", product("index(category,price) (category=?)"), "!USE TEMP B-TREE FOR ORDER BY"],
  ["Product?category=eq.x&order=price.desc&limit=5", product("index(category,price) (category=?)"), "!USE TEMP B-TREE FOR ORDER BY", "!USE TEMP B-TREE FOR LAST TERM OF ORDER BY"],
  ["Product?or=(price.eq.1,sku.eq.b)", product("index(price) (price=?)"), product("unique(sku) (sku=?)")],
  ["Product", "SCAN t0 USING INDEX sqlite_autoindex_Product_1", "!USE TEMP B-TREE FOR ORDER BY"],
  ["Shop", "SCAN t0", "!USE TEMP B-TREE FOR ORDER BY"],
  ...["price", "price.desc", "color", "color.desc", "color.asc.nullsfirst", "color.desc.nullslast", "amount.desc.nullslast", "span", "sku", "at.desc"].map((order): [string, string, string] =>
    [`Product?order=${order}&limit=20`, "!USE TEMP B-TREE FOR ORDER BY", "!USE TEMP B-TREE FOR LAST TERM OF ORDER BY"]),
  ["Product?select=id,shop(name)&price=eq.5", product("index(price) (price=?)"), "SEARCH t1 USING INTEGER PRIMARY KEY (rowid=?)"],
  ["Product?select=id,stock(id)&price=eq.5", "SEARCH t1 USING INDEX Stock$index(productId) (productId=?)"],
  ["Tag?select=id,products(id)&label=eq.x", "SEARCH t1 USING INDEX sqlite_autoindex_Product_1 (id=?)", "SEARCH t2 USING INDEX ProductTag$index(tagId) (tagId=?)"],
  ["Product?select=id,shop!inner(id)&shop.city=eq.Rome", "SEARCH t0 USING INDEX Product$index(shopId) (shopId=?)", "SEARCH t1 USING INDEX Shop$index(city) (city=?)"],
  ["Product?select=id,stock!inner(id)&stock.place=eq.A1", "SEARCH t0 USING INDEX sqlite_autoindex_Product_1 (id=?)", "SEARCH t1 USING INDEX Stock$index(place) (place=?)"],
  ["Product?select=id,tags!inner(id)&tags.label=eq.x", "SEARCH t0 USING INDEX sqlite_autoindex_Product_1 (id=?)", "SEARCH t1 USING INDEX Tag$index(label) (label=?)"],
  ["Product?select=id,shop!inner(id)&shop.name=eq.x&limit=5", "SEARCH t1 EXISTS USING INTEGER PRIMARY KEY (rowid=?)"],
  ["Product?select=id,shop(name)&order=shop(name)", "SEARCH t1 USING INTEGER PRIMARY KEY (rowid=?)"],
];

for (const [query, ...expected] of cases) {
  test(query, () => {
    const steps = database().steps(database().plan(query));
    for (const step of expected) {
      if (step.startsWith("!")) expect(steps).not.toContain(step.slice(1));
      else expect(steps.some((one) => one === step || one.startsWith(`${step} `) || one.replace("COVERING INDEX", "INDEX") === step)).toBe(true);
    }
  });
}

test("where few match a range goes by its index, where many do the table's order serves", () => {
  const filled = planDatabase("type P @table @export { id: ID! @primaryKey price: Int! @indexed note: String }");
  filled.insert("P", ...Array.from({ length: 5_000 }, (_, index) => ({ id: `k${String(index * 7919 % 5_000).padStart(4, "0")}`, price: index })));
  const few = filled.plan("P?price=gte.4990&limit=5");
  const many = filled.plan("P?price=gte.10&limit=5");
  expect(filled.steps(few)[0]).toBe("SEARCH t0 USING INDEX P$index(price) (price>?)");
  expect(filled.steps(many)[0]).toBe("SCAN t0 USING INDEX sqlite_autoindex_P_1");
  for (const query of ["P?price=gte.4990", "P?price=gte.10", "P?price=gte.4990&limit=5&offset=2", "P?price=lt.3000&limit=7", "P?price=gt.4980&note=is.null&select=id"]) {
    const plan = filled.plan(query);
    const sorted = (filled.rows({ ...plan, limit: null, offset: 0 }) as { id: string }[]).toSorted((left, right) => (left.id < right.id ? -1 : 1));
    expect(filled.rows(plan)).toEqual(sorted.slice(plan.offset, plan.offset + plan.limit!));
    expect(filled.read(plan).scanned).toBe(false);
  }
});

test("which fields lead an index", () => {
  const table = database().table("Product");
  const leads = (field: string): boolean => leadsIndex(field, table, database().catalog);
  expect(["id", "sku", "price", "color", "category", "amount", "shopId"].map(leads)).toEqual([true, true, true, true, true, true, true]);
  expect(["title"].map(leads)).toEqual([false]);
  expect(leadsIndex("productId", database().table("Stock"), database().catalog)).toBe(true);
  expect(leadsIndex("tagId", database().table("ProductTag"), database().catalog)).toBe(true);
  expect(isInIndex("price", table)).toBe(true);
  expect(isInIndex("title", table)).toBe(false);
});

test("which filters find few by an index", () => {
  const table = database().table("Product");
  const finds = (filter: string): boolean => findsByIndex(database().plan(`Product?${filter}`).filter, table, database().catalog);
  for (const filter of ["id=eq.a", "color=in.(a,b)", "title=eq.x&price=eq.5", "amount=eq.1.5"]) expect(finds(filter)).toBe(true);
  for (const filter of ["title=eq.x", "price=gt.5", "price=neq.5", "or=(price.eq.1,title.eq.x)", "price=not.eq.5", "order=id"]) expect(finds(filter)).toBe(false);
});

test("which conditions bound an indexed field", () => {
  const table = database().table("Product");
  const ranges = (filter: string): number => rangeConditions(database().plan(`Product?${filter}`).filter, table, database().catalog).length;
  expect(["price=gt.5", "price=gt.5&price=lt.9", "title=gt.a&price=gte.5", "sku=like.A*", "title=eq.x", "title=gt.a", "sku=like.*A", "price=neq.5", "price=gt.5&count=gt.3", "id=gt.a", "id=gt.a&price=lt.5"].map(ranges)).toEqual([1, 2, 1, 1, 0, 0, 0, 0, 1, 0, 1]);
});
