// Introspection says what graphql-js would say of the same schema, whatever is selected; it is worked out once for each question.
import { describe, expect, test } from "bun:test";
import { execute } from "graphql/execution/execute";
import { parse } from "graphql/language/parser";
import { getIntrospectionQuery } from "graphql/utilities/getIntrospectionQuery";
import { getOperationAST } from "graphql/utilities/getOperationAST";
import { validate } from "graphql/validation/validate";
import { JsonText } from "../../resources/operation.ts";
import { anonymousIdentity, administratorIdentity } from "../../access/identities.ts";
import { silentLog } from "../../base/log.ts";
import { answerIntrospection } from "./query-with-introspection.ts";
import { introspectionText } from "./introspection-text.ts";
import { rootUses } from "./root-uses.ts";
import { schemaFixture } from "./testing/schema-fixture.ts";
import { textCache } from "./kept-by-length.ts";

const text = `
enum Colour { RED GREEN }
input Line { sku: String! quantity: Int = 1 }
"""A \\"thing\\" with a ü."""
type Thing @table(history: "P1D") @export @allow(to: ["public"], do: [READ, CREATE, UPDATE, DELETE]) @search(fields: ["title"]) {
  id: ID! @primaryKey
  "What it is called."
  title: String!
  colour: Colour! @default(value: RED)
  price: Money @currency(code: "EUR")
  parts: [Part!]! @relationship(to: "thingId")
  sort(lines: [Line!]!, most: Int = 5): [Thing!]! @action(on: TABLE) @allow(to: ["public"])
}
type Part @table @export @allow(to: ["public"], do: [READ]) { id: Int! @primaryKey thingId: ID! thing: Thing! @relationship(from: "thingId") }`;

const questions: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  [getIntrospectionQuery(), {}],
  [getIntrospectionQuery({ descriptions: false }), {}],
  [getIntrospectionQuery({ descriptions: true, specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true, inputValueDeprecation: true, oneOf: true }), {}],
  ["{ a: __schema { q: queryType { name n: name ...f } subscriptionType { ...f } __typename } } fragment f on __Type { fields(includeDeprecated: true) { name args { name defaultValue type { name ofType { name } } } } }", {}],
  ["query($name: String!, $no: Boolean = false) { __type(name: $name) { __typename kind description enumValues { name } inputFields { name } possibleTypes { name } interfaces { name } fields @include(if: $no) { name } isOneOf } }", { name: "Colour" }],
  ["query($name: String!) { __type(name: $name) { name } }", { name: "Nothing" }],
  ["{ __type(name: \"ThingOrder\") { isOneOf inputFields { name type { kind name ofType { kind name } } } } b: __type(name: \"Int\") { name fields { name } } }", {}],
];

describe.each([["nobody", anonymousIdentity], ["the administrator", administratorIdentity]] as const)("of %s", (_name, identity) => {
  test.each(questions.map((question, index) => [index, ...question] as const))("question %d", (_index, query, variables) => {
    const { schemas: { schema } } = schemaFixture(text, identity);
    const document = parse(query);
    expect(validate(schema, document)).toEqual([]);
    const { uses, errors } = rootUses({ document, operation: getOperationAST(document)!, variables, schema });
    expect(errors).toEqual([]);
    const answered = Object.fromEntries(uses.map(({ selected, info }) => [selected.key, JSON.parse(introspectionText(selected, info, schema).text) as unknown]));
    const expected = execute({ schema, document, variableValues: variables }) as { data: object };
    expect(JSON.stringify(answered)).toBe(JSON.stringify(expected.data));
  });
});

test("the same question is worked out once, until it is another", async () => {
  const { caller, schemas } = schemaFixture(text, anonymousIdentity);
  const ask = async (query: string, variables: object = {}): Promise<unknown> => {
    const document = parse(query);
    const { uses } = rootUses({ document, operation: getOperationAST(document)!, variables: { ...variables }, schema: schemas.schema });
    return Object.values((await answerIntrospection(uses, { caller, schemas }, { requestId: "r", log: silentLog() })).data!)[0];
  };
  const query = "query($name: String!) { x: __type(name: $name) { ...f } } fragment f on __Type { name kind }";
  const first = await ask(query, { name: "Thing" });
  expect(first).toEqual(new JsonText('{"name":"Thing","kind":"OBJECT"}'));
  expect(await ask(query, { name: "Thing" })).toBe(first);
  expect(await ask(query, { name: "Part" })).toEqual(new JsonText('{"name":"Part","kind":"OBJECT"}'));
  expect(await ask(query.replace("name kind", "kind"), { name: "Thing" })).toEqual(new JsonText('{"kind":"OBJECT"}'));
});

test("texts are made once, bounded by their length, and those used last stay", () => {
  const cache = textCache(100);
  let made = 0;
  const get = (key: string, length: number): string => cache.get(key, () => {
    made++;
    return new JsonText("x".repeat(length));
  }).text;
  get("a", 30);
  get("b", 30);
  get("a", 30);
  expect([made, cache.length]).toEqual([2, 62]);
  get("c", 45);
  expect([made, cache.length]).toEqual([3, 77]);
  get("a", 30);
  expect(made).toBe(3);
  get("b", 30);
  expect(made).toBe(4);
  get("long", 60);
  get("long", 60);
  expect([made, cache.length <= 100]).toEqual([6, true]);
});
