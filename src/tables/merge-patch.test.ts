// The examples of RFC 7396, appendix A, and equality of values.
import { expect, test } from "bun:test";
import { dependenciesFirst } from "./dependencies-first.ts";
import { equalValues } from "../base/equal-values.ts";
import { mergePatch } from "./merge-patch.ts";

const examples: [unknown, unknown, unknown][] = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [["a", "b"], ["c", "d"], ["c", "d"]],
  [{ a: "b" }, ["c"], ["c"]],
  [{ a: "foo" }, null, null],
  [{ a: "foo" }, "bar", "bar"],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: "b", c: null }, { a: "b" }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

test.each(examples)("%j patched by %j is %j", (target, patch, result) => {
  expect(JSON.parse(JSON.stringify(mergePatch(target, patch)))).toEqual(result);
});

test("the keys of a patch never reach a prototype", () => {
  const patch = JSON.parse('{"__proto__": {"polluted": true}}') as unknown;
  mergePatch({}, patch);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

test("values are equal by content, whatever the order of keys", () => {
  expect(equalValues({ a: [1, { b: 2n }], c: null }, { c: null, a: [1, { b: 2n }] })).toBe(true);
  expect(equalValues(undefined, null)).toBe(true);
  expect(equalValues({ a: null }, {})).toBe(false);
  expect(equalValues([1], { 0: 1 })).toBe(false);
  expect(equalValues(1n, 1)).toBe(false);
});

test("dependencies come first, circles end", () => {
  const needs: Record<string, string[]> = { a: ["b"], b: ["c"], c: [], d: ["e"], e: ["d"] };
  expect(dependenciesFirst(["a", "b", "c", "d", "e"], (item) => [...needs[item]!])).toEqual(["c", "b", "a", "e", "d"]);
  const long = Array.from({ length: 100_000 }, (_, index) => index);
  expect(dependenciesFirst(long, (item) => (item + 1 < long.length ? [item + 1] : []))[0]).toBe(99_999);
});
