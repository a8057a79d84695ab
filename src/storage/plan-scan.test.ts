// What counts as a scan, what is refused, and that a long statement is stopped.
import { expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import { explainPlan } from "./explain-plan.ts";
import { planDatabase, testNow, type PlanDatabase } from "./testing/plan-database.ts";

const schema = `type Item @table @export @indexed(fields: ["kind", "price"]) { id: Int! @primaryKey name: String kind: String price: Int @indexed parentId: Int @indexed parent: Item @relationship(from: "parentId") children: [Item!]! @relationship(to: "parentId") tags: [Tag!]! @relationship(through: "ItemTag") }
type Tag @table @export { id: ID! @primaryKey label: String @indexed items: [Item!]! @relationship(through: "ItemTag") } type ItemTag @table @export { id: ID! @primaryKey itemId: Int! tagId: ID! item: Item! @relationship(from: "itemId") tag: Tag! @relationship(from: "tagId") }`;

/** A table of some size has more than a hundredth of `scanRows`: here 5. */
function items(count: number, limits = { scanRows: 500, queryMs: 5_000 }): PlanDatabase {
  const database = planDatabase(schema, limits);
  database.insert("Item", ...Array.from({ length: count }, (_, id) => ({ id, name: `n${id}`, kind: `k${id % 3}`, price: id, parentId: id % 10 })));
  return database;
}

const verdicts: readonly (readonly [string, boolean])[] = [
  ["Item", false], ["Item?limit=3", false], ["Item?order=price&limit=3", false], ["Item?id=eq.3", false], ["Item?price=eq.3", false], ["Item?price=gt.3", false], ["Item?price=gt.3&limit=2", false],
  ["Item?kind=eq.k1&order=price", false], ["Item?name=eq.n3", true], ["Item?name=eq.n3&limit=1", true], ["Item?name=eq.n3&price=eq.3", false], ["Item?order=name&limit=3", true], ["Item?order=name", true],
  ["Item?name=like.*3", true], ["Item?or=(price.eq.1,id.eq.2)", false], ["Item?or=(price.eq.1,name.eq.n2)", true], ["Item?select=id,children(id)", false], ["Item?select=id,parent(id)&limit=2", false],
  ["Item?select=id,children!inner(id)&children.name=eq.n3", true], ["Item?select=id,parent!inner(id)&parent.price=eq.3", false], ["Item?select=count()", false], ["Item?select=kind,count()", false], ["Item?select=count()&name=eq.n1", true],
  ["Tag?select=id,items(id)", false],
];

for (const [query, expected] of verdicts) {
  test(`${expected ? "scans" : "does not scan"}: ${query}`, () => {
    const database = items(20);
    expect(database.read(database.plan(query)).scanned).toBe(expected);
    const refusing = { ...database.plan(query), refuseScan: true };
    if (expected) expect(() => database.read(refusing)).toThrow("No index");
    else expect(() => database.read(refusing)).not.toThrow();
  });
}

test("a small table may be visited", () => {
  const database = items(5);
  expect(database.read({ ...database.plan("Item?name=eq.n3"), refuseScan: true }).scanned).toBe(false);
});

test("the refusal is SCAN_REFUSED and names the table only", () => {
  try {
    const database = items(20);
    database.read({ ...database.plan("Item?name=eq.secret"), refuseScan: true });
    throw new Error("answered");
  } catch (error) {
    expect(error).toBeInstanceOf(AmbitError);
    expect((error as AmbitError).code).toBe("SCAN_REFUSED");
    expect((error as AmbitError).message).not.toContain("secret");
  }
});

test("explain says the same, with SQL and steps", () => {
  const database = items(20);
  const explain = (query: string) => explainPlan(database.connection, database.compile(database.plan(query)), { rows: {}, variables: {}, now: testNow, source: null });
  const scan = explain("Item?name=eq.n3&select=id,children(id)");
  expect(scan.scanned).toBe(true);
  expect(scan.deadline).toBe(false);
  expect(scan.sql).toStartWith("SELECT json_object(");
  expect(scan.sql).not.toContain("n3");
  expect(scan.steps[0]).toBe("SCAN t0");
  expect(scan.steps.some((step) => step.startsWith("  "))).toBe(true);
  expect(explain("Item?price=eq.3").scanned).toBe(false);
});

for (const query of ["Item?name=like.*zzz*", "Item?order=name", "Item?select=count()&name=neq.x", "Item?select=id,children(id)&limit=600", "Item?price=gte.0&limit=600", "Item?select=kind,count()"]) {
  test(`a statement over many rows is stopped by its deadline: ${query}`, () => {
    const database = items(600, { scanRows: 500, queryMs: -1_000 });
    try {
      database.read(database.plan(query));
      throw new Error("answered");
    } catch (error) {
      expect((error as AmbitError).code).toBe("QUERY_TIMEOUT");
      expect((error as AmbitError).status).toBe(503);
    }
  });
}

test("records by key and small tables carry no deadline", () => {
  const database = items(600, { scanRows: 500, queryMs: -1_000 });
  expect(database.get("Item?id=eq.3&select=id")).toEqual([{ id: 3 }]);
  const small = items(400, { scanRows: 500, queryMs: -1_000 });
  expect(small.get("Item?name=eq.n3&select=id")).toEqual([{ id: 3 }]);
});

for (const query of ["Item?name=match.x", "Item?name=like.*a*b", "Item?or=(name.imatch.x,name.like.y*z)"]) {
  test(`functions that may run long stop at the deadline however few the rows: ${query}`, () => {
    const database = items(4, { scanRows: 500, queryMs: -1_000 });
    expect(() => database.get(query)).toThrow("limits.queryMs");
    expect(database.get("Item?name=eq.n3&select=id")).toEqual([{ id: 3 }]);
  });
}

test("with time left the guarded statement gives the same rows", () => {
  const database = items(600);
  const unguarded = items(600, { scanRows: 1_000_000, queryMs: 5_000 });
  for (const query of ["Item?name=like.*5*&select=id,children(id,parent(name))&children.limit=2", "Item?select=kind,price.sum()", "Item", "Item?order=name.desc&limit=7&offset=3"]) {
    expect(database.get(query)).toEqual(unguarded.get(query));
  }
});

/** Every item has every tag. */
function tagged(limits: Partial<Limits>): PlanDatabase {
  const database = planDatabase(schema, limits);
  database.insert("Item", ...Array.from({ length: 30 }, (_, id) => ({ id })));
  database.insert("Tag", ...Array.from({ length: 30 }, (_, id) => ({ id: `t${id}` })));
  database.insert("ItemTag", ...Array.from({ length: 900 }, (_, id) => ({ id: `l${id}`, itemId: id % 30, tagId: `t${Math.floor(id / 30)}` })));
  return database;
}

test("lists in lists are bounded however small the tables are: in time", () => {
  expect(() => tagged({ queryMs: -1_000 }).get("Item?select=id,tags(id,items(id,tags(id,items(id))))")).toThrow("limits.queryMs");
});

test("in rows", () => {
  const database = tagged({ answerRows: 20_000 });
  expect(() => database.get("Item?select=id,tags(id,items(id,tags(id,items(id))))")).toThrow("limits.answerRows (20000)");
  // 30 items with 30 tags, each with 30 items.
  expect(JSON.stringify(tagged({ answerRows: 27_900 }).get("Item?select=id,tags(id,items(id))")).match(/"id":\d+/g)).toHaveLength(27_030);
  expect(() => tagged({ answerRows: 27_899 }).get("Item?select=id,tags(id,items(id))")).toThrow("limits.answerRows");
});

test("and in bytes, before all of it is in memory", () => {
  const database = planDatabase(schema, { answerBytes: 100_000 });
  database.insert("Item", ...Array.from({ length: 200 }, (_, id) => ({ id, name: "x".repeat(1_000) })));
  for (const query of ["Item", "Item?limit=100", "Item?select=id,name,children(id)&limit=100", "Item?select=n:name"]) expect(() => database.get(query)).toThrow("limits.answerBytes (100000)");
  expect(database.get("Item?limit=50")).toHaveLength(50);
  expect(database.get("Item?select=id")).toHaveLength(200);
});

test("a refused statement leaves nothing open: the next one is answered", () => {
  const database = tagged({ answerRows: 100 });
  expect(() => database.get("Item?select=id,tags(id)")).toThrow();
  expect(database.get("Item?select=id,tags(id)&limit=1")).toHaveLength(1);
  expect(database.connection.inTransaction).toBe(false);
});
