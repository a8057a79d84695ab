// CEL to a map: its entries compile one by one, each to the type of its name, and what is wrong is said at its place.
import { expect, test } from "bun:test";
import { compileSchema } from "../schema/compile-schema.ts";
import type { Expected } from "./cel-convert.ts";
import { compileCelMap } from "./cel-map.ts";

const { catalog } = compileSchema({ file: "s", text: "type T @table { id: ID! @primaryKey }" });
const expected = new Map<string, Expected>([["amount", { type: { kind: "int" }, domain: null, what: "amount" }], ["reason", { type: { kind: "string" }, domain: null, what: "reason" }]]);
const compile = (source: string) => {
  const { entries, diagnostics } = compileCelMap({ source, position: { file: "s", line: 3, column: 5 } }, { catalog, rows: new Map(), auth: true, input: null, absent: {} }, expected);
  return { names: [...entries.keys()], problems: diagnostics.map(({ message }) => message), places: diagnostics.map(({ position }) => `${position.line}:${position.column}`) };
};

test.each([["{amount: 1}", ["amount"]], ['{"amount": 1 + 2, "reason": auth.subject}', ["amount", "reason"]], ["{'reason': 'a, b: c'}", ["reason"]], ["{}", []]])("%s compiles", (source, names) => {
  expect(compile(source)).toEqual({ names, problems: [], places: [] });
});

test.each([
  ["1 + 1", "This is no map."], ["{amoun: 1}", "The map names amoun, which does not exist."], ["{1: 1}", "The map names nothing, which does not exist."],
  ["{amount: 'x'}", "amount must be int, but this is string."], ["{reason: 1}", "reason must be string, but this is int."],
])("%s does not", (source, problem) => {
  expect(compile(source)).toMatchObject({ names: [], problems: [problem] });
});

test("one entry that is wrong leaves the others, and is told at its place", () => {
  expect(compile("{amount: 1, reason: 2}")).toEqual({ names: ["amount"], problems: ["reason must be string, but this is int."], places: ["3:25"] });
});

test("broken syntax is one problem", () => {
  expect(compile("{amount: ").problems).toHaveLength(1);
});
