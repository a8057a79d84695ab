// Literals where no literal can stand: the place is refused, and nothing falls over.
import { describe, expect, test } from "bun:test";
import { compileSchema } from "./compile-schema.ts";

const tables = `type B @table { id: ID! @primaryKey }\n`;
const codes = (text: string): string[] => compileSchema({ file: "schema.graphql", text: tables + text }).diagnostics.map(({ code }) => code);

describe("a literal for a record of a table", () => {
  test("@default on a relation", () => {
    const relation = (fallback: string): string => `type A @table { id: ID! @primaryKey bId: ID b: B @relationship(from: "bId") @default(value: ${fallback}) }`;
    for (const fallback of ["1", `{ id: "b1" }`, "[]"]) expect(codes(relation(fallback))).toEqual(["DIRECTIVE_PLACE"]);
  });

  test("the default of an argument", () => expect(codes(`type Endpoints { q(b: B = { id: "b1" }): Int @http }`)).toEqual(["TYPE_SHAPE"]));

  test("inside the default of a nested object", () => {
    expect(codes(`type O { b: B }\ntype A @table { id: ID! @primaryKey o: O @default(value: { b: { id: "b1" } }) }`)).toEqual(["TYPE_SHAPE"]);
  });
});
