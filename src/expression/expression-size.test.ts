// Expressions that would be too large as SQL are told at the start, computed fields counted in place.
import { describe, expect, test } from "bun:test";
import { compileSchema } from "../schema/compile-schema.ts";
import { compileCatalogExpressions } from "./compile-catalog.ts";

function problems(where: string, fields = ""): string[] {
  const text = `type A @table @allow(do: [READ], where: "${where}") { id: ID! @primaryKey n: Int! b: Boolean! s: String! x0: Int! bId: ID up: A @relationship(from: "bId") ${fields} }`;
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text });
  expect(diagnostics).toEqual([]);
  return compileCatalogExpressions(catalog).diagnostics.map(({ message }) => message);
}

const DEEP = "With the computed fields that it reads, the expression is nested deeper than 100 levels.";
const LARGE = "With the computed fields that it reads, the expression has more than 5000 parts.";
const chain = (length: number, rule: (before: string) => string): string => Array.from({ length }, (_, index) => `x${index + 1}: Int @computed(rule: "${rule(`record.x${index}`)}")`).join(" ");

describe("an expression is bounded", () => {
  test("in depth", () => {
    expect(problems(`${"!".repeat(2_000)}record.b`)).toEqual([DEEP]);
    expect(problems(`record.n${" + record.n".repeat(99)} > 0`)).toEqual([DEEP]);
    expect(problems(`record.n${" + record.n".repeat(95)} > 0`)).toEqual([]);
  });

  test("many alternatives are not deep", () => expect(problems(Array.from({ length: 600 }, () => "record.n==1").join(" || "))).toEqual([]));

  test("with the computed fields that it reads, and theirs", () => {
    expect(problems("true", chain(49, (before) => `${before} + 1`))).toEqual([]);
    expect(problems("record.x60 > 0", chain(60, (before) => `${before} + 1`)).every((message) => message === DEEP)).toBe(true);
    expect(problems("record.up.x40 > 0", chain(40, (before) => `${before} + ${before}`))).toContain(LARGE);
  });

  test("a long chain of computed fields overflows nothing", () => expect(problems("true", chain(800, (before) => `${before} + 1`))).toContain(DEEP));

  test("stored ones are values", () => expect(problems("record.x1 > 0", `x1: Int @computed(rule: "record.x0${" + 1".repeat(90)}", stored: true)`)).toEqual([]));

  test("those that need themselves are told once", () => {
    expect(problems("true", `y: Int @computed(rule: "record.z + record.z") z: Int @computed(rule: "record.y + record.y")`)).toEqual(["A.y is computed from itself.", "A.z is computed from itself."]);
  });
});
