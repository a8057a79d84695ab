// Totals: counted, known without counting, and estimated from a sample.
import { expect, test } from "bun:test";
import type { Plan } from "../query/plan.ts";
import { planDatabase, type PlanDatabase } from "./testing/plan-database.ts";

const schema = `type Item @table(expiration: "P1D") @export { id: Int! @primaryKey kind: String! price: Int @indexed parts: [Part!]! @relationship(to: "itemId") }
type Part @table @export { id: ID! @primaryKey itemId: Int! @indexed item: Item! @relationship(from: "itemId") note: String }`;

const totals = (database: PlanDatabase, query: string, count: Plan["count"]): number | null => database.read({ ...database.plan(query), count }).total;

const exact: readonly (readonly [string, number])[] = [
  ["Item", 6], ["Item?limit=2", 6], ["Item?limit=2&offset=4", 6], ["Item?limit=2&offset=100", 6], ["Item?limit=0", 6], ["Item?kind=eq.a", 3], ["Item?kind=eq.a&limit=1", 3], ["Item?kind=eq.zzz", 0],
  ["Item?select=id,parts!inner(id)", 2], ["Item?select=id,parts!inner(id)&limit=1", 2], ["Item?select=id,parts(id)&limit=1", 6], ["Item?select=id,parts!inner(id)&parts.note=eq.n&limit=1", 1], ["Item?parts=is.null&limit=1", 4],
];

function few(): PlanDatabase {
  const database = planDatabase(schema);
  database.insert("Item", ...["a", "b", "a", "b", "a", "c"].map((kind, id) => ({ id, kind, price: id })), { id: 9, kind: "a", $expires: "2020-01-01T00:00:00.000Z" });
  database.insert("Part", { id: "p1", itemId: 1, note: "n" }, { id: "p2", itemId: 1 }, { id: "p3", itemId: 2 }, { id: "p4", itemId: 9 });
  return database;
}

for (const [query, expected] of exact) {
  test(`exact: ${query}`, () => {
    expect(totals(few(), query, "exact")).toBe(expected);
    expect(totals(few(), query, "planned")).toBe(expected);
    expect(totals(few(), query, "estimated")).toBe(expected);
  });
}

test("nothing is counted unasked", () => {
  expect(totals(few(), "Item", null)).toBeNull();
});

test("a cursor does not change the total", () => {
  const database = few();
  expect(database.read({ ...database.plan("Item?limit=2"), after: [1], count: "exact" }).total).toBe(6);
  expect(database.read({ ...database.plan("Item?limit=100"), after: [1], count: "exact" }).total).toBe(6);
});

/** 20,000 items: every tenth is of kind rare, the last hundred are last. */
function many(gap = 1): PlanDatabase {
  const database = planDatabase(schema);
  database.insert("Item", ...Array.from({ length: 20_000 }, (_, index) => ({ id: index * gap, kind: index >= 19_900 ? "last" : index % 10 === 0 ? "rare" : "often", price: index % 100 })));
  return database;
}

for (const gap of [1, 1_000_003]) {
  test(`a large table is sampled, keys ${gap} apart`, () => {
    const database = many(gap);
    const near = (query: string, expected: number): void => {
      const total = totals(database, query, "planned")!;
      expect(Math.abs(total - expected)).toBeLessThan(expected * 0.35 + 400);
    };
    near("Item?limit=5", 20_000);
    near("Item?kind=eq.rare&limit=5", 1_990);
    near("Item?kind=eq.often&limit=5", 17_910);
    expect(totals(database, "Item?kind=eq.often&limit=5", "exact")).toBe(17_910);
  });
}

test("estimated: a small estimate is counted after all", () => {
  const database = many();
  expect(totals(database, "Item?kind=eq.last&limit=5", "estimated")).toBe(100);
  expect(totals(database, "Item?kind=eq.zzz&limit=5", "estimated")).toBe(0);
  expect(totals(database, "Item?kind=eq.often&limit=5", "estimated")).toBeGreaterThan(10_000);
});

test("an estimate is never below what was seen", () => {
  const database = many();
  expect(totals(database, "Item?kind=eq.last&limit=90", "planned")).toBeGreaterThanOrEqual(90);
});

test("estimates see what the plan sees: filters of inner embeds, masks put in by access, expired records", () => {
  const database = many();
  database.insert("Part", ...Array.from({ length: 5_000 }, (_, index) => ({ id: `p${index}`, itemId: index * 4 })));
  const total = totals(database, "Item?select=id,parts!inner(id)&limit=5", "planned")!;
  expect(Math.abs(total - 5_000)).toBeLessThan(1_500);
});
