// From rows to what was selected: null where a value is hidden, type names, nested objects, groups; and when the text is the answer as it is.
import { describe, expect, test } from "bun:test";
import type { GraphQLObjectType, OperationDefinitionNode } from "graphql";
import { parse } from "graphql/language/parser";
import { anonymousIdentity } from "../../access/identities.ts";
import type { Identity } from "../../access/identity.ts";
import { groupShape, recordShape, type Shape } from "./answer-shape.ts";
import { selectedFields } from "./selected-fields.ts";
import { schemaFixture, subjectWith } from "./testing/schema-fixture.ts";

const text = `
type Inner { note: String! }
type Spot { lat: Float! inner: Inner list: [Inner!] }
type Item @table @export @allow(to: ["public"], do: [READ]) @allow(to: ["staff"], do: [READ]) {
  id: ID! @primaryKey title: String! spot: Spot more: JSON tags: [String!]
  hidden: String! @allow(to: ["public"], do: [READ], where: "record.title == 'x'") @allow(to: ["staff"], do: [READ])
  makerId: ID maker: Maker @relationship(from: "makerId") parts: [Part!]! @relationship(to: "itemId")
}
type Maker @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey name: String }
type Part @table @export @allow(to: ["public"], do: [READ]) { id: Int! @primaryKey itemId: ID! item: Item! @relationship(from: "itemId") }`;

function shapeOf(selection: string, source: "plan" | "whole" | "groups" = "plan", identity: Identity = anonymousIdentity): Shape {
  const { caller, schemas } = schemaFixture(text, identity);
  const node = (parse(`{ x ${selection} }`).definitions[0] as OperationDefinitionNode).selectionSet.selections[0]!;
  if (node.kind !== "Field") throw new Error("one field");
  const part = { fragments: {}, variableValues: {} };
  const type = schemas.schema.getType(source === "groups" ? "ItemAggregate" : "Item") as GraphQLObjectType;
  const table = caller.parts.catalog.tables.get("Item")!;
  const context = { part, names: caller.parts.names, catalog: caller.parts.catalog, rights: caller.rights };
  const selected = selectedFields([node as never], type, part);
  return source === "groups" ? groupShape(selected, { table, type }, context) : recordShape(selected, { table, source }, context);
}

const shaped = (shape: Shape, row: object): unknown => JSON.parse(JSON.stringify(shape.of(row as never)));

describe("records", () => {
  test("what is absent is null, what is not selected is left out, keys are the client's", () => {
    expect(shaped(shapeOf("{ a: id hidden more }"), { a: 1, more: { x: [1] }, $present: 5 })).toEqual({ a: 1, hidden: null, more: { x: [1] } });
    expect(JSON.stringify(shapeOf("{ __proto__: id constructor: title }").of(JSON.parse("{\"__proto__\":\"a\",\"constructor\":\"b\"}") as never))).toBe("{\"__proto__\":\"a\",\"constructor\":\"b\"}");
  });

  test("nested objects by the names of their fields, alone and in lists", () => {
    const row = { spot: { lat: 1, inner: { note: "n" }, list: [{ note: "a" }, { note: "b" }] } };
    expect(shaped(shapeOf("{ spot { y: lat i: inner { x: note __typename } list { note } } }"), row)).toEqual({ spot: { y: 1, i: { x: "n", __typename: "Inner" }, list: [{ note: "a" }, { note: "b" }] } });
    expect(shaped(shapeOf("{ spot { lat inner { note } } }"), { spot: null })).toEqual({ spot: null });
  });

  test("relations, under an alias that is another relation's name", () => {
    expect(shaped(shapeOf("{ maker: parts { id } parts: maker { __typename name } n: partsAggregate { c: count max { i: id } } }"), { $maker: [{ id: 1 }], $parts: { name: "m" }, n: [{ c: 1, "max.i": 7 }] }))
      .toEqual({ maker: [{ id: 1 }], parts: { __typename: "Maker", name: "m" }, n: [{ c: 1, max: { i: 7 } }] });
    expect(shaped(shapeOf("{ maker { id } }"), {})).toEqual({ maker: null });
  });

  test("a whole record has its own fields under their names, and no relations", () => {
    expect(shaped(shapeOf("{ a: id b: title maker { id } parts { id } partsAggregate { count } }", "whole"), { id: 1, title: "t", makerId: "m" })).toEqual({ a: 1, b: "t", maker: null, parts: [], partsAggregate: [] });
  });

  test("what the schema says is never null is our fault if it is", () => {
    expect(() => shapeOf("{ title }").of({ title: null })).toThrow("Item.title is never null");
  });
});

test("groups", () => {
  expect(shaped(shapeOf("{ n: count by { t: title __typename spot { lat } } max { id } again: max { id } __typename }", "groups"), { n: 2, "by.t": "x", "by.spot": { lat: 1, inner: null }, "max.id": "b", "again.id": "b" }))
    .toEqual({ n: 2, by: { t: "x", __typename: "ItemGroup", spot: { lat: 1 } }, max: { id: "b" }, again: { id: "b" }, __typename: "ItemAggregate" });
});

describe("the text is the answer", () => {
  test.each([
    ["{ id t: title more tags }", true], ["{ id parts { id } maker { name } }", true], ["{ id parts { id item { title } } }", true],
    ["{ id __typename }", false], ["{ id spot { lat } }", false], ["{ id hidden }", false], ["{ id parts { __typename } }", false], ["{ id parts { item { hidden } } }", false], ["{ maker: parts { id } }", false], ["{ partsAggregate { count } }", false],
  ])("%s: %p", (selection, ready) => {
    expect(shapeOf(selection).ready).toBe(ready);
    expect(shapeOf(selection, "whole").ready).toBe(false);
  });

  test("for whoever always may read it", () => expect(shapeOf("{ id hidden }", "plan", subjectWith("staff")).ready).toBe(true));
});
