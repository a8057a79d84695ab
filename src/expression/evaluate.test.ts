// The evaluator: Kleene's tables, every operator and function, nulls and errors, relations, bounds.
import { describe, expect, test } from "bun:test";
import { defaultLimits } from "../base/limits.ts";
import type { RecordValues, Value } from "../base/value.ts";
import { compileSchema } from "../schema/compile-schema.ts";
import { compileCel } from "./cel-compile.ts";
import { compileCatalogExpressions } from "./compile-catalog.ts";
import { evaluate, isTrue } from "./evaluate.ts";
import type { Environment, Expression } from "./expression.ts";

const { catalog } = compileSchema({ file: "s", text: `
type Address { city: String people: Long }
type Boss @table { id: ID! @primaryKey age: Int until: DateTime }
type Item @table {
  id: ID! @primaryKey
  i: Int  l: Long  f: Float  b: Boolean  s: String  at: DateTime  on: Date  d: Duration  x: Decimal  j: JSON  bytes: Bytes
  ss: [String]  ii: [Int]  place: Address  places: [Address!]
  bossId: ID  boss: Boss @relationship(from: "bossId")
  twice: Int @computed(rule: "record.i * 2")
  bossAge: Int @computed(rule: "record.boss.age + 1")
}` });
const { book } = compileCatalogExpressions(catalog);
const item = catalog.tables.get("Item")!;

const full: RecordValues = {
  id: "1", i: 7, l: 9_007_199_254_740_993n, f: 2.5, b: true, s: "Straße", at: "2026-01-31T12:00:00.000Z", on: "2026-01-31", d: "PT1H30M", x: "1.50", j: { a: [1, "two", null], n: "12", t: "2026-01-31T00:00:00Z" }, bytes: "AAA=",
  ss: ["a", null, "b"], ii: [3, 1, 2], place: { city: "Köln", people: 9_007_199_254_740_993n }, places: [{ city: "A", people: 1n }, { city: null, people: 2n }], bossId: "b1",
};

function compiled(source: string): Expression {
  for (const kind of ["bool", "int", "double", "string", "timestamp", "date", "duration", "decimal"] as const) {
    const { expression } = compileCel({ source, position: { file: "s", line: 1, column: 1 } }, { catalog, rows: new Map([["record", item], ["old", item]]), auth: true, input: null, absent: {} }, { type: { kind }, domain: null, what: "x" });
    if (expression !== null) return expression;
  }
  throw new Error(source);
}

function environment(record: RecordValues = full, variables: Readonly<Record<string, Value>> = {}): Environment {
  const source = { get: (_table: string, id: Value) => (id === "b1" ? { id: "b1", age: 50 } : null), exists: () => true };
  return { rows: { record, old: null }, variables, now: "2026-02-01T00:00:00.000Z", source };
}

const value = (source: string, record?: RecordValues, variables?: Readonly<Record<string, Value>>): Value => evaluate(compiled(source), environment(record, variables), book);

describe("three values", () => {
  const literals = { true: true, false: false, null: null } as const;
  const of = (name: string): Expression => ({ op: "literal", type: { kind: "bool" }, value: literals[name as "true"] });
  const run = (expression: Expression): Value => evaluate(expression, environment(), book);
  const and: Record<string, Value> = { "true true": true, "true false": false, "false true": false, "false false": false, "true null": null, "null true": null, "false null": false, "null false": false, "null null": null };
  const or: Record<string, Value> = { "true true": true, "true false": true, "false true": true, "false false": false, "true null": true, "null true": true, "false null": null, "null false": null, "null null": null };

  test("and, or and not are Kleene's", () => {
    for (const [pair, expected] of Object.entries(and)) expect([pair, run({ op: "and", operands: pair.split(" ").map(of) })]).toEqual([pair, expected]);
    for (const [pair, expected] of Object.entries(or)) expect([pair, run({ op: "or", operands: pair.split(" ").map(of) })]).toEqual([pair, expected]);
    expect(["true", "false", "null"].map((name) => run({ op: "not", operand: of(name) }))).toEqual([false, true, null]);
    expect(run({ op: "and", operands: [] })).toBe(true);
    expect(run({ op: "or", operands: [] })).toBe(false);
  });

  test("unknown is not true", () => {
    expect(isTrue(of("null"), environment(), book)).toBe(false);
    expect(isTrue(of("true"), environment(), book)).toBe(true);
  });

  test("a null operand makes everything unknown but tests for null", () => {
    const nothing: RecordValues = { id: "1" };
    const unknown = [
      "record.i > 1", "record.i == record.i", "record.i != 1", "record.i in [1, 2]", "1 in record.ii", "record.s + 'x'", "-record.i", "size(record.s)", "record.s.startsWith('')", "record.b ? 1 : 2", "!record.b", "record.ss.exists(s, true)", "record.ss.all(s, true)",
      "record.s.matches('x')", "min(record.i, 1)", "record.boss.age > 1", "record.place.city == 'x'", "record.j.a == 1", "record.at + duration('PT1H')", "record.x * 2", "string(record.i)", "year(record.at)", "old.i > 1", "record.twice", "record.bossAge",
    ];
    for (const source of unknown) expect([source, value(source, nothing)]).toEqual([source, null]);
    for (const source of ["record.i == null", "record.boss == null", "old == null", "!has(record.s)", "record.place.city == null", "null == null"]) expect([source, value(source, nothing)]).toEqual([source, true]);
  });

  test("null inside lists", () => {
    expect(value("'a' in record.ss")).toBe(true);
    expect(value("'z' in record.ss")).toBe(null);
    expect(value("record.ss.exists(s, s == 'b')")).toBe(true);
    expect(value("record.ss.exists(s, s == 'z')")).toBe(null);
    expect(value("record.ss.all(s, s == 'a')")).toBe(false);
    expect(value("record.ss.all(s, s != 'z')")).toBe(null);
    expect(value("record.ii.all(n, n > 0) && !record.ii.exists(n, n > 3)")).toBe(true);
    expect(value("record.ss.all(s, s == 'x')", { ss: [] })).toBe(true);
    expect(value("record.ss.exists(s, true)", { ss: [] })).toBe(false);
    expect(value("record.i in []")).toBe(false);
  });

  test("distinct is never unknown", () => {
    const field: Expression = { op: "field", type: { kind: "int" }, row: "record", table: "Item", path: [], field: "i", within: [] };
    const seven: Expression = { op: "literal", type: { kind: "int" }, value: 7 };
    const nothing: Expression = { op: "literal", type: { kind: "int" }, value: null };
    expect([[field, seven], [field, nothing], [nothing, nothing], [seven, field]].map(([left, right]) => run({ op: "distinct", left: left!, right: right! }))).toEqual([false, true, false, false]);
  });
});

describe("numbers", () => {
  test("integers are 64 bit, their division truncates, overflow is unknown", () => {
    const results: [string, Value][] = [
      ["7 / 2", 3], ["-7 / 2", -3], ["7 % 3", 1], ["-7 % 3", -1], ["7 % -3", 1], ["record.i / 0", null], ["record.i % 0", null], ["record.l + 1", 9_007_199_254_740_994n], ["record.l - 2", 9_007_199_254_740_991],
      ["9223372036854775807 + 1", null], ["-9223372036854775808 - 1", null], ["-9223372036854775808 / -1", null], ["-9223372036854775808 % -1", 0], ["-(-9223372036854775808)", null], ["abs(-9223372036854775808)", null],
      ["3037000500 * 3037000500", null], ["3037000499 * 3037000499", 9_223_372_030_926_249_001n], ["9007199254740993 == record.l", true], ["0 * -1", 0],
    ];
    for (const [source, expected] of results) expect([source, value(source)]).toEqual([source, expected]);
  });

  test("doubles are finite or unknown, ints beside them become doubles", () => {
    const results: [string, Value][] = [
      ["1.5 + 1", 2.5], ["1 / 2.0", 0.5], ["record.f / 0.0", null], ["1e308 * 10.0", null], ["0.1 + 0.2 == 0.3", false], ["1 == 1.0", true], ["record.l == 9007199254740992.0", false], ["record.l > 9007199254740992.0", true], ["-0.0 == 0.0", true],
      ["round(2.5)", 3], ["round(-2.5)", -3], ["round(0.49999999999999994)", 0], ["round(2.4)", 2], ["round(1e300)", null], ["int(2.9)", 2], ["int(-2.9)", -2], ["int(9.3e18)", null], ["double(7)", 7], ["abs(-2.5)", 2.5],
      ["int('12')", 12], ["int('-9223372036854775808')", -9_223_372_036_854_775_808n], ["int('9223372036854775808')", null], ["int('1.5')", null], ["int('')", null], ["double('1.5e1')", 15], ["double('x')", null], ["double('1e999')", null], ["string(2.0)", "2"], ["string(-0.0)", "0"], ["string(1e21)", "1e+21"],
    ];
    for (const [source, expected] of results) expect([source, value(source)]).toEqual([source, expected]);
  });

  test("decimals are exact", () => {
    const results: [string, Value][] = [
      ["record.x == 1.5", true], ["record.x == '1.500'", true], ["record.x > 1", true], ["record.x * 2 == 3", true], ["record.x + record.x == 3", true], ["record.x - 2 < 0", true], ["-record.x == '-1.5'", true], ["abs(-record.x) == record.x", true],
      ["int(record.x)", 1], ["double(record.x)", 1.5], ["string(record.x)", "1.50"], ["min(record.x, record.x + 1) == record.x", true],
    ];
    for (const [source, expected] of results) expect([source, value(source)]).toEqual([source, expected]);
  });

  test("min and max", () => {
    const results: [string, Value][] = [["min(3, 1, 2)", 1], ["max(record.ii)", 3], ["min(1, 0.5)", 0.5], ["max(1, 0.5)", 1], ["max('a', 'b')", "b"], ["min(record.ss)", null], ["max(record.at, now())", "2026-02-01T00:00:00.000Z"], ["min(duration('PT1H'), record.d)", "PT1H"]];
    for (const [source, expected] of results) expect([source, value(source)]).toEqual([source, expected]);
  });
});

test("text", () => {
  const results: [string, Value][] = [
    ["size(record.s)", 6], ["'😀'.size()", 1], ["size(record.bytes)", 2], ["size(record.ss)", 3], ["size(record.j)", 3], ["lower('ÄB')", "äb"], ["upper('äß')", "ÄSS"], ["trim(' a ')", "a"], ["record.s.startsWith('Str')", true], ["record.s.endsWith('ße')", true], ["record.s.contains('')", true], ["record.s.contains('STR')", false],
    ["record.s.matches('^S.*e$')", true], ["'a' + 'b'", "ab"], ["'\uffff' < '\u{10000}'", true], ["'a' < 'ä'", true], ["'Z' < 'a'", true], ["string(true)", "true"], ["string(record.l)", "9007199254740993"],
  ];
  for (const [source, expected] of results) expect([source, value(source)]).toEqual([source, expected]);
});

test("time", () => {
  const results: [string, Value][] = [
    ["now() - duration('PT1H')", "2026-01-31T23:00:00.000Z"], ["duration('1h') + record.at", "2026-01-31T13:00:00.000Z"], ["now() - record.at == duration('PT12H')", true], ["record.at < now()", true], ["record.d + duration('30m')", "PT2H"], ["-record.d", "-PT1H30M"], ["abs(duration('-PT1H'))", "PT1H"], ["record.d > duration('PT90M')", false], ["record.d == duration('PT90M')", true],
    ["year(record.at) * 10000 + month(record.on) * 100 + day(record.on)", 20_260_131], ["date(record.at) == record.on", true], ["timestamp(record.on)", "2026-01-31T00:00:00.000Z"], ["date('2026-01-31')", "2026-01-31"], ["timestamp(record.s)", null], ["date(record.s)", null], ["duration(record.s)", null], ["int(timestamp('1970-01-01T00:00:01.9Z'))", 1],
    ["timestamp('9999-12-31T23:59:59Z') + duration('P1D')", null], ["duration('-1.5s')", "-PT1.5S"], ["duration('1h2m3s4ms')", "PT1H2M3.004S"], ["string(record.d)", "PT1H30M"],
  ];
  for (const [source, expected] of results) expect([source, value(source)]).toEqual([source, expected]);
});

test("JSON and nested values keep their kinds", () => {
  const results: [string, Value][] = [
    ["record.j.a[0] == 1", true], ["record.j.a[1] == 'two'", true], ["record.j.a[1] == 2", null], ["record.j.a[2] == null", true], ["record.j.a[9] == null", true], ["record.j.n == 12", null], ["int(record.j.n)", 12], ["record.j.n == '12'", true], ["record.j.t == timestamp('2026-01-31T00:00:00Z')", true], ["'two' in record.j.a", null],
    ["record.j.a.exists(x, x == 'two')", true], ["record.j.nope == null", true], ["record.j.constructor == null", true], ["size(record.j.a)", 3], ["string(record.j.a)", "[1,\"two\",null]"], ["record.place.city == 'Köln'", true], ["record.place.people == 9007199254740993", true], ["record.places[1].people == 2", true], ["record.places.exists(p, p.city == 'A')", true], ["record.places.all(p, p.people > 0)", true], ["record.place == record.place", true],
  ];
  for (const [source, expected] of results) expect([source, value(source)]).toEqual([source, expected]);
});

test("auth is absent for the public", () => {
  const rules = ["auth.subject == 'u1'", "'admin' in auth.roles", "auth.claims.level > 2", "auth.tenant != 't'"];
  expect(rules.map((rule) => value(rule, full, { auth: { subject: null, roles: null, tenant: null, claims: {} } }))).toEqual([null, null, null, null]);
  expect(rules.map((rule) => value(rule, full, {}))).toEqual([null, null, null, null]);
  expect(rules.map((rule) => value(rule, full, { auth: { subject: "u1", roles: ["admin"], tenant: "x", claims: { level: 3 } } }))).toEqual([true, true, true, true]);
});

test("relations and computed fields", () => {
  expect(value("record.boss.age == 50")).toBe(true);
  expect(value("record.boss.age", { ...full, bossId: "gone" })).toBe(null);
  expect(value("record.boss == null", { ...full, bossId: "gone" })).toBe(true);
  expect(value("record.twice + record.bossAge")).toBe(65);
});

test("a record without a prototype and fields named like members of Object are fine", () => {
  expect(value("record.i", Object.assign(Object.create(null) as object, { i: 3 }))).toBe(3);
  const field: Expression = { op: "field", type: { kind: "string" }, row: "record", table: "Item", path: [], field: "toString", within: [] };
  expect(evaluate(field, environment(), book)).toBe(null);
});

test("a quantifier visits at most limits.ruleSteps items, together with one inside it", () => {
  const many = (count: number): RecordValues => ({ ii: Array.from({ length: count }, () => 1) });
  expect(value("record.ii.all(n, n == 1)", many(defaultLimits.ruleSteps))).toBe(true);
  expect(value("record.ii.all(n, n == 1)", many(defaultLimits.ruleSteps + 1))).toBe(null);
  const inner = Math.sqrt(defaultLimits.ruleSteps);
  expect(value("record.ii.all(n, record.ii.exists(m, m == n))", many(inner))).toBe(true);
  expect(value("record.ii.all(n, record.ii.exists(m, m == n))", many(inner + 1))).toBe(null);
});
