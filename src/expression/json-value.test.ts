// JSON values: order by key, typed reading, containment as PostgreSQL's jsonb has it; lists as its arrays.
import { expect, test } from "bun:test";
import { seededRandom } from "../base/random.ts";
import { compareText } from "../base/text.ts";
import type { Value } from "../base/value.ts";
import { jsonContains, jsonKey, jsonOverlaps, readJsonAs, textOfJson, valueAt } from "./json-value.ts";
import { itemKey, listContains, listKey, listOverlaps } from "./list-value.ts";

test("keys order as the values do", () => {
  const ascending: Value[] = [
    null, "", "\u0001", "\u0001\u0002", "\u0002", "a", "a\u0001", "a\u0002", "ab", "\uffff", "\u{10000}", -1.7976931348623157e308, -1, -0.5, -5e-324, 0, 5e-324, 0.5, 1, 9007199254740991, 1e300, false, true,
    [], [null], ["a"], ["a", "a"], ["ab"], [1], [1, 2], [[]], {}, { a: null }, { a: 1 }, { a: 1, b: 1 }, { b: 0 },
  ];
  for (const [left, a] of ascending.entries()) {
    for (const [right, b] of ascending.entries()) expect([a, b, Math.sign(compareText(jsonKey(a), jsonKey(b)))]).toEqual([a, b, Math.sign(left - right)]);
  }
  expect(jsonKey({ a: 1, b: 2 })).toBe(jsonKey({ b: 2, a: 1 }));
  expect(jsonKey(-0)).toBe(jsonKey(0));
  expect(jsonKey({ a: 1, b: null }, true)).toBe(jsonKey({ a: 1 }, true));
});

test("number keys order as numbers", () => {
  const random = seededRandom(5);
  const number = (): number => (random.next() - 0.5) * 10 ** Math.floor(random.next() * 40 - 20);
  for (let round = 0; round < 2_000; round++) {
    const [a, b] = [number(), number()];
    expect(Math.sign(compareText(jsonKey(a), jsonKey(b)))).toBe(Math.sign(a - b));
  }
});

test("paths", () => {
  const value: Value = { a: [1, { b: "x" }], "": 5 };
  expect(valueAt(value, ["a", 1, "b"])).toBe("x");
  expect(valueAt(value, ["a", -1, "b"])).toBe("x");
  expect(valueAt(value, ["a", "1", "b"])).toBe("x");
  expect(valueAt(value, [""])).toBe(5);
  for (const path of [["a", 2], ["a", -3], ["b"], ["a", "b"], ["toString"], ["__proto__"], ["a", "length"]]) expect(valueAt(value, path)).toBeNull();
  expect(textOfJson({ a: 5n })).toBe('{"a":"5"}');
});

test("reading a type never converts text and numbers into one another", () => {
  expect(readJsonAs("5", { kind: "int" })).toBeNull();
  expect(readJsonAs(5, { kind: "string" })).toBeNull();
  expect(readJsonAs(5.5, { kind: "int" })).toBeNull();
  expect(readJsonAs(1e30, { kind: "int" })).toBeNull();
  expect(readJsonAs(5.5, { kind: "decimal" })).toBe("5.5");
  expect(readJsonAs("2026-01-31T01:00:00+01:00", { kind: "timestamp" })).toBe("2026-01-31T00:00:00.000Z");
  expect(readJsonAs(["a", null], { kind: "list", item: { kind: "string" } })).toEqual(["a", null]);
  expect(readJsonAs(["a", 1], { kind: "list", item: { kind: "string" } })).toBeNull();
  expect(readJsonAs(1, { kind: "bool" })).toBeNull();
});

test("containment is that of jsonb", () => {
  const yes: [Value, Value][] = [[{ a: 1, b: 2 }, { a: 1 }], [[1, 2, 3], [3, 1]], [[1, 2], 2], [["a"], "a"], [{ a: { b: [1, 2] } }, { a: { b: [2] } }], [[1, [2]], [[2]]], ["a", "a"], [{}, {}], [[], []], [[1], []], [{ a: null }, { a: null }], [1, 1]];
  const no: [Value, Value][] = [[{ a: 1 }, { a: 2 }], [[1], [2]], [1, [1]], ["ab", "a"], [{ a: [1] }, { a: 1 }], [{ a: 1 }, { b: null }], [[[1]], [1]], [{}, []], [[{ a: 1 }], { a: 1 }], ["1", 1]];
  for (const [whole, part] of yes) expect([whole, part, jsonContains(whole, part)]).toEqual([whole, part, true]);
  for (const [whole, part] of no) expect([whole, part, jsonContains(whole, part)]).toEqual([whole, part, false]);
  expect(jsonOverlaps([1, "a"], ["a"])).toBe(true);
  expect(jsonOverlaps([1], ["1"])).toBe(false);
  expect(jsonOverlaps({ a: 1 }, { a: 1 })).toBe(false);
});

test("lists are sets of items whose nulls are never there", () => {
  expect(listContains(["a", "b", "b"], ["b"], "string")).toBe(true);
  expect(listContains(["a", null], [null], "string")).toBe(false);
  expect(listContains([], [], "string")).toBe(true);
  expect(listOverlaps([1n, 2], [2n], "int")).toBe(true);
  expect(listOverlaps(["1.50"], ["1.5"], "decimal")).toBe(true);
  expect(listOverlaps([null], [null], "string")).toBe(false);
  expect(itemKey(9_007_199_254_740_992, "double")).toBe(itemKey(9_007_199_254_740_992n, "double"));
  expect(compareText(listKey([9n], "int"), listKey([10n], "int"))).toBeLessThan(0);
  expect(compareText(listKey(["a"], "string"), listKey(["a", null], "string"))).toBeLessThan(0);
});
