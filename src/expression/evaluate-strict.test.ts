// Strict evaluation: what is not surely so does not hold, and nothing that failed is absorbed by what follows.
import { expect, test } from "bun:test";
import type { Value } from "../base/value.ts";
import { compileSchema } from "../schema/compile-schema.ts";
import { compileCel } from "./cel-compile.ts";
import { compileCatalogExpressions } from "./compile-catalog.ts";
import { evaluateStrictly, holdsStrictly, NoValue } from "./evaluate-strict.ts";
import { isTrue } from "./evaluate.ts";
import type { Expression } from "./expression.ts";

const { catalog } = compileSchema({ file: "s", text: `
type Item @table { id: ID! @primaryKey i: Int big: Long b: Boolean s: String ss: [String] }` });
const { book } = compileCatalogExpressions(catalog);
const item = catalog.tables.get("Item")!;

function compiled(source: string, kind: "bool" | "int" = "bool"): Expression {
  const { expression, diagnostics } = compileCel({ source, position: { file: "s", line: 1, column: 1 } }, { catalog, rows: new Map([["record", item]]), auth: true, input: null, absent: {} }, { type: { kind }, domain: null, what: "x" });
  if (expression === null) throw new Error(JSON.stringify(diagnostics));
  return expression;
}

const environment = (record: Readonly<Record<string, Value>>) => ({ rows: { record: { id: "1", i: null, big: null, b: null, s: null, ss: null, ...record } }, variables: {}, now: "2026-02-01T00:00:00.000Z", source: null });
const holds = (source: string, record: Readonly<Record<string, Value>> = {}): boolean => holdsStrictly(compiled(source), environment(record), book);

test("what is so holds, what is not does not", () => {
  expect(holds("record.i == 1", { i: 1 })).toBe(true);
  expect(holds("record.i == 1", { i: 2 })).toBe(false);
  expect(holds("!(record.i > 1) && record.s.startsWith('a')", { i: 1, s: "abc" })).toBe(true);
});

test.each(["record.i < 5", "!(record.i < 5)", "record.b", "!record.b", "record.i + 1 > 0", "record.s.startsWith('a')", "record.b || true", "record.i < 5 || true", "record.b && true", "record.b ? true : true"])("%s of null does not hold", (source) => {
  expect(holds(source)).toBe(false);
});

test("a rule would absorb what failed, a bound does not", () => {
  const source = "record.i < 5 || record.s == 'x'";
  expect(isTrue(compiled(source), environment({ s: "x" }), book)).toBe(true);
  expect(holds(source, { s: "x" })).toBe(false);
  expect(holds(source, { s: "x", i: 9 })).toBe(true);
});

test("a test to the left keeps what follows from being looked at", () => {
  expect(holds("record.i == null || record.i < 5")).toBe(true);
  expect(holds("record.i == null || record.i < 5", { i: 4 })).toBe(true);
  expect(holds("record.i == null || record.i < 5", { i: 6 })).toBe(false);
  expect(holds("record.i != null && record.i < 5")).toBe(false);
  expect(holds("record.i != null ? record.i < 5 : true")).toBe(true);
});

test("overflow and division by nothing do not hold, on either side of a negation", () => {
  const big = 9_223_372_036_854_775_807n;
  for (const source of ["record.big + 1 > 0", "!(record.big + 1 > 0)"]) expect(holds(source, { big })).toBe(false);
  for (const source of ["1 / record.i == 0", "!(1 / record.i == 0)", "1 % record.i == 0"]) expect(holds(source, { i: 0 })).toBe(false);
});

test("of a list every item is looked at", () => {
  expect(holds("record.ss.exists(s, s == 'a')", { ss: ["a", "b"] })).toBe(true);
  expect(holds("record.ss.exists(s, s == 'a')", { ss: ["a", null] })).toBe(false);
  expect(holds("record.ss.all(s, s.startsWith('a'))", { ss: ["a", "ab"] })).toBe(true);
  expect(holds("record.ss.all(s, s.startsWith('a'))", { ss: ["b", null] })).toBe(false);
  expect(holds("record.ss.all(s, s == 'a')", { ss: [] })).toBe(true);
  expect(holds("record.ss.all(s, s == 'a')")).toBe(false);
});

test("a value is null only as a value of its own", () => {
  expect(evaluateStrictly(compiled("record.i", "int"), environment({}), book)).toBeNull();
  expect(() => evaluateStrictly(compiled("record.i + 1", "int"), environment({}), book)).toThrow(NoValue);
  expect(evaluateStrictly(compiled("record.i + 1", "int"), environment({ i: 1 }), book)).toBe(2);
});
