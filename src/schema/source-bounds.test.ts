// A hostile file is a diagnostic, never an overflow of the stack.
import { describe, expect, test } from "bun:test";
import { compileSchema } from "./compile-schema.ts";

const compile = (text: string) => compileSchema({ file: "schema.graphql", text }).diagnostics.map(({ code, position, message }) => `${code} ${position.line}:${position.column} ${message}`);
const table = (field: string): string => `type A @table {\n  id: ID! @primaryKey\n  ${field}\n}\n`;

describe("the bounds of a schema file", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["a list of lists", table(`a: ${"[".repeat(50_000)}Int${"]".repeat(50_000)}`)],
    ["a list literal", table(`a: JSON @default(value: ${"[".repeat(50_000)}${"]".repeat(50_000)})`)],
    ["an object literal", table(`a: JSON @default(value: ${"{a: ".repeat(50_000)}1${"}".repeat(50_000)})`)],
  ];
  for (const [name, text] of cases) test(`${name} nested too deeply`, () => expect(compile(text)).toEqual([expect.stringMatching(/^SYNTAX 3:\d+ The schema is nested deeper than 64 levels\.$/)]));

  test("what is nested as deeply as JSON may be is allowed", () => expect(compile(table(`a: JSON @default(value: ${"[".repeat(60)}${"]".repeat(60)})`))).toEqual([]));

  test("brackets in text and comments do not count", () => {
    const many = "[({".repeat(100);
    expect(compile(`"""\n${many} \\""" ${many}\n"""\n${table(`"${many} \\"" a: String @default(value: "${many}") # ${many}`)}`)).toEqual([]);
  });

  test("a table of more fields than SQLite has columns", () => {
    const fields = (count: number): string => Array.from({ length: count }, (_, index) => `f${index}: Int`).join(" ");
    expect(compile(table(fields(899)))).toEqual([]);
    expect(compile(table(fields(900)))).toEqual(["TYPE_SHAPE 1:6 A has 901 fields."]);
  });

  test("a file that is too long", () => expect(compile(`#${"x".repeat(1_000_000)}`)).toEqual([expect.stringMatching(/^SYNTAX 1:1 A schema has at most 1000000 characters/)]));
});
