// Keys for bulk writes, and the two ways in which rows become JSON.
import { expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import type { Value } from "../base/value.ts";
import { readIds } from "./read-plan.ts";
import { planDatabase, testNow, type PlanDatabase } from "./testing/plan-database.ts";

const environment = { rows: {}, variables: {}, now: testNow, source: null };

function ids(database: PlanDatabase, query: string, limit: number): Value[] {
  const plan = database.plan(query);
  return readIds(database.connection, database.compile({ ...plan, limit: query.includes("limit=") ? plan.limit : null }), environment, limit);
}

for (const [type, keys] of [["ID", ["a", "b", "\u{1f600}"]], ["String", ["", "x y", "z'"]], ["Int", [-5, 0, 7]], ["Long", [-9223372036854775808n, 5n, 9007199254740993n]]] as const) {
  test(`keys of type ${type} in memory form, in the plan's order`, () => {
    const database = planDatabase(`type T @table(expiration: "P1D") @export { id: ${type}! @primaryKey rank: Int kind: String }`);
    database.insert("T", ...keys.map((id, index) => ({ id, rank: 10 - index, kind: index === 1 ? "x" : "y" })));
    expect(ids(database, "T?order=id", 10)).toEqual([...keys]);
    expect(ids(database, "T?order=rank", 10)).toEqual(keys.toReversed());
    expect(ids(database, "T?order=id", 2)).toEqual(keys.slice(0, 2));
    expect(ids(database, "T?order=id&limit=1&offset=1", 10)).toEqual([keys[1]]);
    expect(ids(database, "T?order=id&limit=5", 1)).toEqual([keys[0]]);
    expect(ids(database, "T?kind=eq.x", 10)).toEqual([keys[1]]);
    expect(ids(database, "T?kind=eq.z", 10)).toEqual([]);
  });
}

test("expired records have no keys; a refused scan reads none", () => {
  const database = planDatabase("type T @table(expiration: \"P1D\") @export { id: Int! @primaryKey kind: String }", { scanRows: 200 });
  database.insert("T", { id: 1 }, { id: 2, $expires: "2026-06-01T00:00:00.000Z" }, { id: 3, $expires: "2026-06-01T00:00:00.001Z" });
  expect(ids(database, "T", 10)).toEqual([1, 3]);
  const plan = { ...database.plan("T?kind=eq.x"), refuseScan: true };
  expect(() => readIds(database.connection, database.compile(plan), environment, 10)).toThrow(AmbitError);
});

test("keys after a cursor, of a search, of inner embeds", () => {
  const database = planDatabase(`type A @table @export { id: Int! @primaryKey text: String @indexed(type: TEXT) rank: Int @indexed items: [B!]! @relationship(to: "aId") }
    type B @table @export { id: Int! @primaryKey aId: Int! @indexed a: A! @relationship(from: "aId") }`);
  database.insert("A", { id: 1, text: "red", rank: 2 }, { id: 2, text: "red blue", rank: null }, { id: 3, text: "blue", rank: 1 });
  database.insert("B", { id: 1, aId: 3 });
  expect(ids(database, "A?search=red&order=id", 10)).toEqual([1, 2]);
  expect(ids(database, "A?select=id,items!inner(id)", 10)).toEqual([3]);
  const after = { ...database.plan("A?order=rank&limit=10"), after: [1, 3] };
  expect(readIds(database.connection, database.compile(after), environment, 10)).toEqual([1, 2]);
});

test("small pages of plain columns and everything else agree", () => {
  const database = planDatabase("type T @table @export { id: Int! @primaryKey text: String flag: Boolean huge: Long real: Float at: DateTime cents: Money @currency(code: \"EUR\") exact: Decimal }");
  database.insert("T",
    { id: 1, text: "say \"\u{1f600}\"\u2028", flag: true, huge: 9007199254740993n, real: 1, at: "2026-01-01T00:00:00.000Z", cents: 9007199254740991, exact: "1.50" },
    { id: 2, flag: false, real: -0.5 }, { id: 3 });
  const small = database.plan("T?limit=100");
  const large = database.plan("T?limit=101");
  expect(database.compile(small).columns?.booleans).toEqual(["flag"]);
  expect(database.compile(large).columns).toBeNull();
  expect(JSON.stringify(database.rows(small))).toBe(JSON.stringify(database.rows(large)));
  expect(database.read(small).json).toStartWith(`[{"id":1,"text":"say \\"\u{1f600}\\"\u2028","flag":true,"huge":"9007199254740993","real":1,`);
});

test("which plans are plain columns", () => {
  const database = planDatabase("type T @table @export { id: Int! @primaryKey text: String data: JSON list: [Int!] twice: Int @computed(rule: \"record.id * 2\") }");
  const isPlain = (query: string): boolean => database.compile(database.plan(query)).columns !== null;
  expect(isPlain("T?select=id,text&limit=5")).toBe(true);
  expect(isPlain("T?select=text,id&limit=5")).toBe(true);
  expect(isPlain("T?select=id,data:text&limit=5")).toBe(true);
  for (const query of ["T?select=id,text", "T?select=id,data&limit=5", "T?select=id,list&limit=5", "T?select=id,twice&limit=5", "T?select=id,other:text&limit=5", "T?select=id::text&limit=5", "T?select=text&limit=5", "T?select=count()&limit=5"]) expect(isPlain(query)).toBe(false);
});
