// What a refusal of an unknown name tells: the names that a client may know, also where code, which knows more, was the one to ask.
import { expect, test } from "bun:test";
import { compileSchema } from "../schema/compile-schema.ts";
import { unknownField } from "./resolution.ts";
import type { Scope } from "./scope.ts";

const { catalog } = compileSchema({
  file: "schema.graphql",
  text: `
type Shelf @table { id: ID! @primaryKey name: String memo: String @internal ownerId: ID @internal owner: Shelf @relationship(from: "ownerId") owned: [Shelf!]! @relationship(to: "ownerId") books: [Book!]! @relationship(to: "shelfId") }
type Book @table { id: ID! @primaryKey shelfId: ID shelf: Shelf @relationship(from: "shelfId") }`,
});
const scope: Scope = { catalog, fields: (table) => table.fields, readable: () => true };
const shelf = catalog.tables.get("Shelf")!;

test("internal fields and relations over internal keys are neither listed nor suggested", () => {
  expect(unknownField("nothing", shelf, scope, "select").extras.fix).toBe("Name one of id, name, books.");
  for (const near of ["mem", "ownerI", "ownr", "ownd"]) {
    const { message, extras } = unknownField(near, shelf, scope, "select");
    expect(`${message} ${extras.fix}`.replaceAll(near, "")).not.toMatch(/memo|owne/);
  }
  expect(unknownField("nam", shelf, scope, "select").extras.fix).toBe("Write name.");
});
