// What the SQL looks like where it matters: values bound, indexes used, expired records unseen, types not confused.
import { afterAll, expect, test } from "bun:test";
import type { RecordValues, SqlValue, Value } from "../base/value.ts";
import { compileCel } from "../expression/cel-compile.ts";
import { evaluate } from "../expression/evaluate.ts";
import type { Expression, ExpressionType } from "../expression/expression.ts";
import { typeOf } from "../expression/field-type.ts";
import { distanceSql, filterSql, notExpiredSql, type BindSlot, type SqlContext } from "./expression-sql.ts";
import { expressionFixture, fixtureBook, fixtureCatalog, fixtureNow } from "./testing/expression-fixture.ts";
import { toSqlValue } from "./sql-value.ts";

const item = fixtureCatalog.tables.get("Item")!;
const blank: RecordValues = Object.fromEntries([...item.fields.values()].filter((field) => field.kind === "stored").map((field) => [field.name, null]));
const items: readonly RecordValues[] = [
  { ...blank, id: 1n, s: "Apple", i: 1, x: "1.50", d: "PT1H", at: "2026-03-01T12:00:00.000Z", ownerId: "o1", t: "the quick fox", lat: 50, lon: 10, l: 9_007_199_254_740_993n, f: 5 },
  { ...blank, id: 2n, s: "apple", i: 2, x: "-2", d: "PT2H", ownerId: "o2", place: { city: "Köln", lat: 50.9, lon: 7, floors: null, people: null, since: null, price: null, tags: null, meta: null, inner: null, open: null } },
  { ...blank, id: 3n, s: "Banana", ownerId: "gone" },
];
const owners: readonly RecordValues[] = [
  { id: "o1", name: "Ann", age: 30, credit: null, vip: true, until: "2026-03-01T12:00:00.001Z", bossId: "o2" },
  { id: "o2", name: "Bob", age: 40, credit: null, vip: true, until: fixtureNow, bossId: null },
];
const variables: Readonly<Record<string, Value>> = { auth: { subject: "o1", roles: ["a", "b"], claims: { ages: [30, 2], level: 2 } } };
const fixture = expressionFixture(items, owners, variables);
afterAll(() => fixture.database.close());

interface Statement { readonly sql: string; readonly slots: readonly BindSlot[]; readonly values: SqlValue[] }

function statement(make: (context: SqlContext) => string): Statement {
  const slots: BindSlot[] = [];
  let aliases = 0;
  const sql = make({
    catalog: fixtureCatalog, book: fixtureBook, rows: { record: { alias: "r", table: "Item" } },
    bind: (slot) => `?${slots.push(slot)}`,
    nextAlias: () => `a${aliases++}`,
  });
  const environment = { ...fixture.environment(items[0]!), rows: {} };
  return { sql, slots, values: slots.map((slot) => (slot.kind === "value" ? slot.value : toSqlValue(evaluate(slot.expression, environment, fixtureBook), typeOf(slot.expression)))) };
}

function rule(source: string): Expression {
  const { expression, diagnostics } = compileCel({ source, position: { file: "s", line: 1, column: 1 } }, { catalog: fixtureCatalog, rows: new Map([["record", item]]), auth: true, input: null, absent: {} }, { type: { kind: "bool" }, domain: null, what: "x" });
  if (expression === null) throw new Error(diagnostics[0]!.message);
  return expression;
}

function plan(expression: Expression): string {
  const { sql, values } = statement((context) => filterSql(expression, context));
  return fixture.database.query<{ detail: string }, SqlValue[]>(`EXPLAIN QUERY PLAN SELECT 1 FROM "Item" AS "r" WHERE ${sql}`).all(...values).map((row) => row.detail).join("; ");
}

function found(expression: Expression): unknown[] {
  const { sql, values } = statement((context) => filterSql(expression, context));
  return fixture.database.query<{ id: number }, SqlValue[]>(`SELECT "id" FROM "Item" AS "r" WHERE ${sql} ORDER BY "id"`).all(...values).map((row) => row.id);
}

const field = (name: string, kind: Exclude<ExpressionType["kind"], "list" | "object">): Expression => ({ op: "field", type: { kind }, row: "record", table: "Item", path: [], field: name, within: [] });

test("indexes serve plain comparisons", () => {
  const searches: [Expression, string][] = [
    [rule("record.at > now() - duration('PT1H')"), "(at>?)"], [rule("record.at == timestamp('2026-03-01T12:00:00Z')"), "(at=?)"], [rule("record.x >= 1.5 && record.x < 2"), "(x$key>? AND x$key<?)"], [rule("record.x in ['1.50', '2']"), "(x$key=?)"], [rule("record.id == 5"), "(rowid=?)"],
    [rule("record.id in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"), "(rowid=?)"], [rule("record.id in auth.claims.ages"), "(rowid=?)"],
    [{ op: "like", operand: field("s", "string"), pattern: "app%", fold: true }, "(s$fold>? AND s$fold<?)"], [{ op: "like", operand: field("s", "string"), pattern: "app%e", fold: true }, "(s$fold>? AND s$fold<?)"], [{ op: "like", operand: field("s", "string"), pattern: "apple", fold: true }, "(s$fold=?)"],
  ];
  for (const [expression, search] of searches) expect(plan(expression)).toMatch(search.startsWith("(rowid") ? /^SEARCH r USING INTEGER PRIMARY KEY/ : /^SEARCH r USING (COVERING )?INDEX/);
  for (const [expression, search] of searches) expect(plan(expression)).toContain(search);
});

test("other records are found by their keys, the full text and the places by theirs", () => {
  expect(plan(rule("record.owner.vip && record.owner.boss.age > 1"))).not.toContain("SCAN a");
  expect(plan({ op: "text-search", row: "record", table: "Item", fields: ["t"], syntax: "plain", words: "fox" })).toContain("SEARCH r USING INTEGER PRIMARY KEY");
  expect(plan({ op: "near", row: "record", table: "Item", fields: ["lat", "lon"], latitude: 50, longitude: 10, metres: 1000 })).toContain("SEARCH r USING INTEGER PRIMARY KEY");
});

test("values are bound, never written", () => {
  const { sql, values } = statement((context) => filterSql(rule("record.s == 'a\\'b' || record.l == 9223372036854775807 || record.f == 2.0 || record.s.matches('q+') || record.x > 5 || record.d > duration('PT1H')"), context));
  for (const text of ["a'b", "9223372036854775807", "2.0", "q+", "PT1H"]) expect(sql).not.toContain(text);
  expect(values).toEqual(["a'b", 9223372036854775807n, 2, "q+", expect.any(String), 3_600_000n]);
});

test("what reads no record is one bound value for each request", () => {
  const { sql, slots } = statement((context) => filterSql(rule("auth.claims.level > 1 && 'a' in auth.roles || record.s == auth.subject"), context));
  expect(sql).toBe(`(?1 OR ("r"."s" = ?2))`);
  expect(slots.map((slot) => slot.kind)).toEqual(["closed", "closed"]);
});

test("expired records do not exist, in paths and in exists", () => {
  expect(found(rule("record.owner.vip"))).toEqual([1]);
  expect(found(rule("record.owner == null"))).toEqual([2, 3]);
  expect(found(rule("record.owner.boss.age == 40"))).toEqual([]);
  const exists: Expression = {
    op: "exists", table: "Owner", row: "other",
    where: { op: "compare", comparison: "eq", left: { op: "field", type: { kind: "string" }, row: "other", table: "Owner", path: [], field: "id", within: [] }, right: field("ownerId", "string") },
  };
  expect(found(exists)).toEqual([1]);
  expect(found({ op: "not", operand: exists })).toEqual([2, 3]);
  expect(statement((context) => notExpiredSql("Item", "r", context) ?? "none").sql).toBe("none");
  expect(statement((context) => notExpiredSql("Owner", "r", context) ?? "none").sql).toContain("$expires");
});

test("types are not confused", () => {
  expect(found(rule("record.l == 9007199254740993"))).toEqual([1]);
  expect(found(rule("record.l == 9007199254740992"))).toEqual([]);
  expect(found(rule("record.f / 2 == 2.5"))).toEqual([1]);
  expect(found(rule("record.i / 2 == 0"))).toEqual([1]);
  expect(found(rule("record.x == '1.5'"))).toEqual([1]);
  expect(found(rule("record.d > duration('PT90M')"))).toEqual([2]);
  expect(found(rule("record.s == 'apple'"))).toEqual([2]);
  expect(found({ op: "like", operand: field("s", "string"), pattern: "a%", fold: false })).toEqual([2]);
  expect(found(rule("record.place.city == 'Köln'"))).toEqual([2]);
});

test("distance of a place", () => {
  const { sql, values } = statement((context) => distanceSql({ row: "record", fields: ["lat", "lon"], latitude: 50, longitude: 11 }, context));
  const metres = fixture.database.query(`SELECT ${sql} FROM "Item" AS "r" ORDER BY "id"`).values(...values).map((row) => row[0]);
  expect(metres[0] as number).toBeCloseTo(71_474, -2);
  expect(metres.slice(1)).toEqual([null, null]);
});
