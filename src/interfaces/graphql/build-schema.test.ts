// What a caller's schema has: names, nullability by rules, inputs by rights, descriptions; and that names are the same for everybody.
import { describe, expect, test } from "bun:test";
import type { GraphQLObjectType } from "graphql";
import { validateSchema } from "graphql/type/validate";
import { printSchema } from "graphql/utilities/printSchema";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { administratorIdentity, anonymousIdentity } from "../../access/identities.ts";
import type { Identity } from "../../access/identity.ts";
import { schemaFixture, subjectWith } from "./testing/schema-fixture.ts";

const text = `
enum Colour { RED GREEN }
type Spot { lat: Float! lon: Float! }
input Line { sku: String! quantity: Int = 1 }
"""A thing."""
type Thing @table @export @allow(to: ["public"], do: [READ]) @allow(to: ["staff"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  "What it is called."
  title: String!
  colour: Colour! @default(value: RED)
  spot: Spot!
  grade: Int! @default(value: 1) @allow(to: ["staff"], do: [READ, CREATE]) @allow(to: ["public"], do: [READ], where: "record.colour == 'RED'")
  cost: Money @currency(code: "EUR") @allow(to: ["staff"], do: [READ, CREATE, UPDATE])
  pin: String @allow(to: ["staff"], do: [CREATE, UPDATE])
  inner: String @internal
  double: Int! @computed(rule: "record.grade * 2")
  key: String! @fixed
  stamp: DateTime! @createdTime
  status: String @readOnly
  ownerId: ID
  owner: Person @relationship(from: "ownerId")
  parts: [Part!]! @relationship(to: "thingId")
  secretParts: [Part!]! @relationship(to: "thingId") @allow(to: ["staff"], do: [READ], where: "record.colour == 'RED'")
  paint(colour: Colour!, id: ID): Thing! @action @allow(to: ["staff"])
  sort(lines: [Line!]!): [Thing!]! @action(on: TABLE) @allow(to: ["public"])
}
type Person @table @export @allow(to: ["staff"], do: [READ]) { id: ID! @primaryKey name: String! }
type Part @table @export @allow(to: ["public"], do: [READ]) { id: Int! @primaryKey thingId: ID! thing: Thing! @relationship(from: "thingId") }
type Box @table @export @allow(to: ["public"], do: [CREATE]) { id: ID! @primaryKey text: String! }
type Nobody @table @export @allow(to: ["keeper"], do: [READ]) { id: ID! @primaryKey }`;

const fieldsOf = (identity: Identity, type: string, source = text): Record<string, string> => {
  const found = schemaFixture(source, identity).schemas.schema.getType(type) as GraphQLObjectType | undefined;
  return found === undefined ? {} : Object.fromEntries(Object.values(found.getFields()).map((field) => [field.name, String(field.type)]));
};

describe("records", () => {
  test("what is stored and always readable is not null; what a rule may hide, is computed or leads to one record may be", () => {
    expect(fieldsOf(anonymousIdentity, "Thing")).toEqual({
      id: "ID!", title: "String!", colour: "Colour!", spot: "Spot!", grade: "Int", double: "Int", key: "String!", stamp: "DateTime!", status: "String", ownerId: "ID", parts: "[Part!]!", partsAggregate: "[PartAggregate!]!",
    });
    expect(fieldsOf(subjectWith("staff"), "Thing")).toMatchObject({ grade: "Int!", cost: "Money", owner: "Person", secretParts: "[Part!]", secretPartsAggregate: "[PartAggregate!]" });
    expect(Object.keys(fieldsOf(administratorIdentity, "Thing"))).not.toContain("inner");
  });

  test("inputs have what may be sent: filled and read-only fields never, fixed ones once", () => {
    expect(fieldsOf(subjectWith("staff"), "ThingInput")).toEqual({ id: "ID", title: "String!", colour: "Colour", spot: "SpotInput!", grade: "Int", cost: "Money", pin: "String", key: "String!", ownerId: "ID" });
    expect(Object.keys(fieldsOf(subjectWith("staff"), "ThingPatch"))).toEqual(["title", "colour", "spot", "cost", "pin", "ownerId"]);
    expect(fieldsOf(anonymousIdentity, "ThingInput")).toEqual({});
  });

  test("root fields by rights", () => {
    expect(Object.keys(fieldsOf(anonymousIdentity, "Query"))).toEqual(["thing", "thingList", "thingAggregate", "part", "partList", "partAggregate"]);
    expect(fieldsOf(anonymousIdentity, "Mutation")).toEqual({ sortThing: "[Thing]", createBox: "Written", createBoxList: "Written", replaceBox: "Written" });
    expect(Object.keys(fieldsOf(subjectWith("staff"), "Mutation"))).toEqual([
      "createThing", "createThingList", "upsertThing", "updateThing", "updateThingList", "replaceThing", "removeThing", "removeThingList", "paintThing", "sortThing", "createBox", "createBoxList", "replaceBox",
    ]);
    expect(Object.keys(fieldsOf(subjectWith("keeper"), "Query"))).toContain("nobodyList");
  });

  test("an action's own id stands beside the record's; defaults need not be sent", () => {
    const { schema } = schemaFixture(text, subjectWith("staff")).schemas;
    const paint = schema.getMutationType()!.getFields()["paintThing"]!;
    expect(paint.args.map(({ name, type }) => `${name}: ${String(type)}`)).toEqual(["id_: ID!", "colour: Colour!", "id: ID"]);
    expect(fieldsOf(anonymousIdentity, "Line")).toEqual({ sku: "String!", quantity: "Int" });
  });

  test("descriptions", () => {
    const thing = schemaFixture(text, anonymousIdentity).schemas.schema.getType("Thing") as GraphQLObjectType;
    expect([thing.description, thing.getFields()["title"]!.description]).toEqual(["A thing.", "What it is called."]);
  });
});

test("nobody's schema is valid too", () => {
  const { schemas } = schemaFixture("type T @table @export @allow(to: [\"staff\"], do: [READ]) { id: ID! @primaryKey }", anonymousIdentity);
  expect(validateSchema(schemas.schema)).toEqual([]);
  expect(printSchema(schemas.schema)).not.toContain("type T");
});

const taken = `
type thing @table(name: "other") @export @allow(to: ["public"], do: [READ, CREATE]) { id: ID! @primaryKey and: String or: String not: String parts: [Thing!]! @relationship(to: "otherId") partsAggregate: Int }
type Thing @table @export @allow(to: ["public"], do: [READ]) @allow(to: ["staff"], do: [READ, CREATE]) { id: ID! @primaryKey otherId: ID count: Int by: Int rows: Int total: Int next: String }
type ThingFilter @table @export @allow(to: ["staff"], do: [READ]) { id: ID! @primaryKey }
type StringFilter { eq: Int is: Int not: Int }
enum Direction { ASC UP }
enum ThingOrder { A B }
type Holder @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey direction: Direction order: ThingOrder filter: StringFilter }
type Endpoints { thingList: Boolean @http(method: GET, path: "/x") @export @allow(to: ["public"]) createThing: Boolean @export @allow(to: ["public"]) }`;

test("names that are taken get a _, the same for every caller", () => {
  const printed = [anonymousIdentity, subjectWith("staff"), administratorIdentity].map((identity) => schemaFixture(taken, identity).schemas.schema);
  for (const schema of printed) {
    expect(validateSchema(schema)).toEqual([]);
    const queries = schema.getQueryType()!.getFields();
    expect({ list: String(queries["thingList"]?.type), other: String(queries["thingList_"]?.type), endpoint: String(queries["thingList__"]?.type) }).toEqual({ list: "thingPage", other: "ThingPage", endpoint: "Boolean" });
    expect(queries["thingList_"]!.args.map(({ name, type }) => `${name}: ${String(type)}`).slice(0, 2)).toEqual(["filter: ThingFilter_", "order: [ThingOrder_!]"]);
    expect(String(schema.getMutationType()!.getFields()["createThing__"]?.type ?? schema.getMutationType()!.getFields()["createThing_"]?.type)).toBe("Boolean");
  }
  expect(Object.keys(fieldsOf(anonymousIdentity, "thingFilter", taken))).toEqual(["id", "and", "or", "not", "partsAggregate", "parts", "and_", "or_", "not_"]);
  expect(Object.keys(fieldsOf(anonymousIdentity, "thing", taken))).toEqual(["id", "and", "or", "not", "partsAggregate", "parts", "partsAggregate_"]);
});

test("endpoints: @http is for REST, @export for all, over for some; what is called by GET is a query", () => {
  const source = `type T @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey }
  type Endpoints {
    rest: Boolean @http(method: GET, path: "/rest") @allow(to: ["public"])
    both: Boolean @http(method: GET, path: "/both") @export @allow(to: ["public"])
    graphql: Boolean @export(over: [GRAPHQL]) @allow(to: ["public"])
    restOnly: Boolean @export(over: [REST]) @allow(to: ["public"])
    closed: Boolean @export @allow(to: ["staff"])
    code: Boolean @allow(to: ["public"])
  }`;
  expect([Object.keys(fieldsOf(anonymousIdentity, "Query", source)), Object.keys(fieldsOf(anonymousIdentity, "Mutation", source))]).toEqual([["both", "t", "tList", "tAggregate"], ["graphql"]]);
  expect(Object.keys(fieldsOf(subjectWith("staff"), "Mutation", source))).toEqual(["graphql", "closed"]);
});

test("examples/store is a valid schema for every role", () => {
  const store = readFileSync(join(import.meta.dir, "..", "..", "..", "examples", "store", "schema.graphql"), "utf8");
  for (const identity of [anonymousIdentity, subjectWith("customer"), subjectWith("merchant"), subjectWith("support", "merchant"), administratorIdentity]) {
    const { schema, executable } = schemaFixture(store, identity, undefined, { cartTtl: "P30D", offerTtl: "PT15M" }).schemas;
    expect([...validateSchema(schema), ...validateSchema(executable)]).toEqual([]);
  }
});
