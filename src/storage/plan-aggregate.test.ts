// Aggregates: exact sums or a refusal, groups of equal values however written, order, casts.
import { expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import type { Json, RecordValues } from "../base/value.ts";
import { planDatabase, type PlanDatabase } from "./testing/plan-database.ts";

const schema = `type Sale @table(expiration: "P1D") @export {
  id: Int! @primaryKey shop: String @indexed whole: Int cents: Money @currency(code: "EUR") huge: Long real: Float exact: Decimal span: Duration at: DateTime day: Date data: JSON words: [String!]
  buyerId: Int @indexed buyer: Buyer @relationship(from: "buyerId") } type Buyer @table @export { id: Int! @primaryKey city: String sales: [Sale!]! @relationship(to: "buyerId") }`;

function sales(...records: RecordValues[]): PlanDatabase {
  const database = planDatabase(schema);
  database.insert("Sale", ...records.map((record, id) => ({ id, ...record })));
  return database;
}

function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    return error instanceof AmbitError ? `${error.status} ${error.code}` : String(error);
  }
  return "answered";
}

const mixed = [
  { shop: "b", whole: 1, cents: 10, huge: 5n, real: 0.5, exact: "1.50", span: "PT1H", at: "2026-01-02T00:00:00.000Z", day: "2026-01-02" },
  { shop: "a", whole: 2, cents: 20, huge: 9007199254740993n, real: 0.25, exact: "1.5", span: "PT30M", at: "2026-01-01T00:00:00.000Z", day: "2026-01-03" },
  { shop: "a", whole: null, cents: -5, huge: -1n, real: null, exact: "-0.001", span: "P1D", at: null, day: null },
  { shop: null, whole: 7, cents: null, huge: null, real: 1, exact: null, span: null, at: "2025-01-01T00:00:00.000Z", day: "2020-01-01" },
  { shop: "a", whole: 1000, $expires: "2020-01-01T00:00:00.000Z" },
];

const cases: readonly (readonly [string, Json])[] = [
  ["count()", [{ count: 4 }]],
  ["whole.count(),whole.sum(),whole.avg(),whole.min(),whole.max()", [{ count: 3, sum: 10, avg: 10 / 3, min: 1, max: 7 }]],
  ["huge.sum(),low:huge.min(),high:huge.max()", [{ sum: "9007199254740997", low: "-1", high: "9007199254740993" }]],
  ["real.sum(),real.avg()", [{ sum: 1.75, avg: 1.75 / 3 }]],
  ["exact.sum(),low:exact.min(),high:exact.max(),exact.avg()", [{ sum: "2.999", low: "-0.001", high: "1.5", avg: 2.999 / 3 }]],
  ["low:span.min(),high:span.max()", [{ low: "PT30M", high: "P1D" }]],
  ["low:at.min(),high:day.max(),first:shop.min()", [{ low: "2025-01-01T00:00:00.000Z", high: "2026-01-03", first: "a" }]],
  ["shop,cents.sum()", [{ shop: null, sum: null }, { shop: "a", sum: 15 }, { shop: "b", sum: 10 }]],
  ["exact,count()", [{ exact: null, count: 1 }, { exact: "-0.001", count: 1 }, { exact: "1.5", count: 2 }]],
  ["total:cents.sum()::text,mean:whole.avg()::int,any:huge.max()::text", [{ total: "25", mean: 3, any: "9007199254740993" }]],
  ["shop,n:count()&order=n.desc,shop.desc.nullslast", [{ shop: "a", n: 2 }, { shop: "b", n: 1 }, { shop: null, n: 1 }]],
  ["shop,most:exact.max()&order=most.desc.nullslast,shop", [{ shop: "a", most: "1.5" }, { shop: "b", most: "1.50" }, { shop: null, most: null }]],
  ["shop,total:huge.sum()&order=total.desc.nullslast&limit=1", [{ shop: "a", total: "9007199254740992" }]],
  ["shop,count()&limit=1&offset=1", [{ shop: "a", count: 2 }]],
  ["shop,count()&whole=gt.100", []],
  ["count(),whole.sum()&whole=gt.100", [{ count: 0, sum: null }]],
];

for (const [select, expected] of cases) {
  test(select, () => expect(sales(...mixed).get(`Sale?select=${select}`)).toEqual(expected));
}

test("JSON through a cast; lists and JSON as groups", () => {
  const database = sales({ data: { n: 1 }, words: ["a"] }, { data: { n: "2" }, words: ["a"] }, { data: { n: "x" }, words: [] }, { data: [1] }, { data: { n: 1 }, words: null });
  expect(database.get("Sale?select=total:data->n::int.sum(),mean:data->n::float.avg()")).toEqual([{ total: 4, mean: 4 / 3 }]);
  expect(database.get("Sale?select=words,count()")).toEqual([{ words: null, count: 2 }, { words: [], count: 1 }, { words: ["a"], count: 2 }]);
  expect(database.get("Sale?select=data,count()&order=count.desc&limit=1")).toEqual([{ data: { n: 1 }, count: 2 }]);
});

test("what a to-one relation spreads into a grouped plan is grouped by", () => {
  const database = planDatabase(schema);
  database.insert("Buyer", { id: 1, city: "Rome" }, { id: 2, city: "Oslo" });
  database.insert("Sale", { id: 1, buyerId: 1, whole: 5 }, { id: 2, buyerId: 2, whole: 7 }, { id: 3, buyerId: 1, whole: 1 }, { id: 4, buyerId: null, whole: 2 });
  expect(database.get("Sale?select=whole.sum(),...buyer(city)")).toEqual([{ sum: 2, city: null }, { sum: 7, city: "Oslo" }, { sum: 6, city: "Rome" }]);
  expect(database.get("Buyer?select=id,sales(whole.sum(),whole.max())")).toEqual([{ id: 1, sales: [{ sum: 6, max: 5 }] }, { id: 2, sales: [{ sum: 7, max: 7 }] }]);
  expect(database.get("Buyer?select=id,sales(whole,count())&id=eq.1")).toEqual([{ id: 1, sales: [{ whole: 1, count: 1 }, { whole: 5, count: 1 }] }]);
});

test("sums are exact to the last digit, or refused", () => {
  const most = Number.MAX_SAFE_INTEGER;
  expect(sales({ cents: most - 1 }, { cents: 1 }).get("Sale?select=cents.sum()")).toEqual([{ sum: most }]);
  expect(refusal(() => sales({ cents: most }, { cents: 1 }).get("Sale?select=cents.sum()"))).toBe("422 AGGREGATE_OVERFLOW");
  expect(refusal(() => sales({ cents: -most }, { cents: -1 }).get("Sale?select=cents.sum()"))).toBe("422 AGGREGATE_OVERFLOW");
  const long = 9223372036854775807n;
  expect(sales({ huge: long }, { huge: 1n }, { huge: -2n }).get("Sale?select=huge.sum()")).toEqual([{ sum: "9223372036854775806" }]);
  expect(sales({ huge: -long - 1n }).get("Sale?select=huge.sum()")).toEqual([{ sum: "-9223372036854775808" }]);
  expect(refusal(() => sales({ huge: long }, { huge: 1n }).get("Sale?select=huge.sum()"))).toBe("422 AGGREGATE_OVERFLOW");
  expect(refusal(() => sales({ huge: -long }, { huge: -2n }).get("Sale?select=huge.sum()"))).toBe("422 AGGREGATE_OVERFLOW");
  expect(refusal(() => sales({ real: 1.7e308 }, { real: 1.7e308 }).get("Sale?select=real.sum()"))).toBe("422 AGGREGATE_OVERFLOW");
  const digits = "9".repeat(99);
  expect(sales({ exact: digits }, { exact: "1" }).get("Sale?select=exact.sum()")).toEqual([{ sum: `1${"0".repeat(99)}` }]);
  expect(refusal(() => sales({ exact: "9".repeat(100) }, { exact: "1" }).get("Sale?select=exact.sum()"))).toBe("422 AGGREGATE_OVERFLOW");
});

test("many sums of the greatest Money leave 64 bits and are refused, not wrong", () => {
  const database = sales(...Array.from({ length: 1_100 }, () => ({ cents: Number.MAX_SAFE_INTEGER })));
  expect(refusal(() => database.get("Sale?select=cents.sum()"))).toBe("422 AGGREGATE_OVERFLOW");
});

test("an overflow inside an embed is refused too", () => {
  const database = planDatabase(schema);
  database.insert("Buyer", { id: 1 });
  database.insert("Sale", { id: 1, buyerId: 1, huge: 9223372036854775807n }, { id: 2, buyerId: 1, huge: 9223372036854775807n });
  expect(refusal(() => database.get("Buyer?select=sales(huge.sum())"))).toBe("422 AGGREGATE_OVERFLOW");
});

test("groups are counted without the page", () => {
  const database = sales(...mixed);
  const total = (query: string): number | null => database.read({ ...database.plan(query), count: "exact" }).total;
  expect(total("Sale?select=shop,count()")).toBe(3);
  expect(total("Sale?select=shop,count()&limit=1")).toBe(3);
  expect(total("Sale?select=exact,count()&limit=1")).toBe(3);
  expect(total("Sale?select=count()&limit=1")).toBe(1);
  expect(total("Sale?select=shop,count()&limit=0")).toBe(3);
});

test("an index serves groups and extremes", () => {
  const database = planDatabase(schema);
  expect(database.steps(database.plan("Sale?select=shop.max()"))).toContain("SEARCH t0 USING INDEX Sale$index(shop)");
  expect(database.steps(database.plan("Sale?select=shop,count()&shop=eq.a")).some((step) => step.startsWith("SEARCH t0 USING INDEX Sale$index(shop) (shop=?)"))).toBe(true);
});
