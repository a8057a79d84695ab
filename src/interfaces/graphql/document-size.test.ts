// Each bound of a document, reached and just kept; and that fragments are measured once.
import { describe, expect, test } from "bun:test";
import { parse } from "graphql/language/parser";
import { AmbitError } from "../../base/error.ts";
import { defaultLimits, type Limits } from "../../base/limits.ts";
import { compileDocument } from "./compile-document.ts";
import { checkDocumentSize } from "./document-size.ts";
import { schemaFixture, subjectWith } from "./testing/schema-fixture.ts";
import { processorTimer } from "../../base/testing/processor-time.ts";

const codeOf = (text: string, limits: Partial<Limits> = {}): string | null => {
  try {
    checkDocumentSize(parse(text), { ...defaultLimits, ...limits });
    return null;
  } catch (error) {
    if (error instanceof AmbitError) return `${error.code} ${error.message}`;
    throw error;
  }
};
const times = (count: number, part: (index: number) => string): string => Array.from({ length: count }, (_, index) => part(index)).join(" ");

describe("bounds", () => {
  const rows: readonly (readonly [limit: keyof Limits, kept: string, beyond: string, value: number])[] = [
    ["graphqlDepth", "{ a { b { c } } }", "{ a { b { c { d } } } }", 3],
    ["graphqlDepth", "{ ...f } fragment f on A { b { c } }", "{ a { ...f } } fragment f on A { b { c { d } } }", 3],
    ["graphqlFields", "{ a { b c } }", "{ a { b c d } }", 3],
    ["graphqlFields", "{ a { ...f } b { x } } fragment f on A { x }", "{ a { ...f } b { ...f } } fragment f on A { x y }", 4],
    ["graphqlFields", "{ __typename }", "{ __schema { types } }", 400],
    ["graphqlAliases", "{ x: a y: b }", "{ x: a y: b z: c }", 2],
    ["graphqlAliases", "{ a ...f } fragment f on A { x: b }", "{ a } fragment f on A { x: b y: c }", 1],
    ["graphqlDirectives", "query @x { a @x }", "query @x { a @x ... @x { b } }", 2],
    ["graphqlOperations", "{ a b }", "{ a ...f } fragment f on Query { b c }", 2],
  ];
  test.each(rows)("%s: %s | %s", (limit, kept, beyond, value) => {
    expect(codeOf(kept, { [limit]: value })).toBeNull();
    expect(codeOf(beyond, { [limit]: value })).toStartWith("DOCUMENT_TOO_LARGE");
  });

  test("each operation counts for itself, the document's aliases together", () => {
    expect(codeOf("query x { a b } query y { a b }", { graphqlOperations: 2, graphqlFields: 2 })).toBeNull();
    expect(codeOf("query x { z: a } query y { z: b }", { graphqlAliases: 1 })).toStartWith("DOCUMENT_TOO_LARGE");
  });

  test("one field ten times, a hundred uses of fragments", () => {
    expect(codeOf(`{ ${"a ".repeat(10)} }`)).toBeNull();
    expect(codeOf(`{ ${"a ".repeat(11)} }`)).toContain("more than 10 times");
    expect(codeOf(`{ a { ${"...f ".repeat(100)} } } fragment f on A { x }`)).toBeNull();
    expect(codeOf(`{ a { ${"...f ".repeat(101)} } } fragment f on A { x }`)).toContain("uses of fragments");
  });

  test("fragments that double at each step cost their text only", () => {
    const text = `{ ...f0 } ${times(49, (index) => `fragment f${index} on Query { x { ...f${index + 1} } y { ...f${index + 1} } }`)} fragment f49 on Query { x }`;
    // Followed one by one they would be 2^50.
    const tookMs = processorTimer();
    expect(codeOf(text, { graphqlDepth: 1_000 })).toContain("fields");
    expect(tookMs()).toBeLessThan(30_000);
  });

  test("a fragment within itself, and one that is not there, are left to validation", () => {
    expect(codeOf("{ ...f } fragment f on Query { a ...g } fragment g on Query { ...f }")).toBeNull();
    expect(codeOf("{ ...nowhere }")).toBeNull();
  });
});

describe("documents", () => {
  const { schemas: { schema } } = schemaFixture("type T @table @export @allow(to: [\"public\"], do: [READ]) { id: ID! @primaryKey name: String }", subjectWith("x"));
  const compile = (text: string, limits: Partial<Limits> = {}): string => {
    try {
      return compileDocument(text, schema, { ...defaultLimits, ...limits }).errors.map(({ message }) => message).join("\n");
    } catch (error) {
      return (error as AmbitError).code;
    }
  };

  test("tokens are counted while they are read", () => {
    expect(compile("{ tList { total } }", { graphqlTokens: 6 })).toBe("");
    expect(compile("{ tList { total } }", { graphqlTokens: 5 })).toBe("DOCUMENT_TOO_LARGE");
    expect(compile(`{ tList { ${"#".repeat(100_000)}\n total } }`, { graphqlTokens: 6 })).toBe("");
  });

  test("suggestions are names of this schema, errors are few", () => {
    expect(compile("{ tList { rows { nam } } }")).toContain("Did you mean \"name\"?");
    expect(compile(`{ tList { rows { ${times(90, (index) => `x${index}`)} } } }`).split("\n").length).toBeLessThanOrEqual(11);
  });

  test("introspection goes only so deep", () => {
    expect(compile("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }")).toContain("introspection depth");
  });
});
