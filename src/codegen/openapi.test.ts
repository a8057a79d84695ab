import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv from "ajv/dist/2020.js";
import { administratorIdentity, anonymousIdentity, subjectIdentity } from "../access/identities.ts";
import type { Identity } from "../access/identity.ts";
import { createAccess } from "../access/rights.ts";
import { defaultLimits } from "../base/limits.ts";
import { compileCatalogExpressions } from "../expression/compile-catalog.ts";
import { compileSchema } from "../schema/compile-schema.ts";
import type { JsonObject } from "./json-schema.ts";
import { openApiFor } from "./openapi.ts";

const everything = `
enum Size { SMALL LARGE }
"""Where it lies."""
type Spot { lat: Float! lon: Float! }
input Part { name: String! @length(min: 2) count: Int! = 1 }
"""Everything that a field can be."""
type Thing @table @export(name: "things") @allow(to: ["public"], do: [READ, CREATE]) @allow(to: ["staff"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: Long! @primaryKey
  name: String! @length(min: 3, max: 20) @pattern(regex: "^[a-z]+$")
  loose: String @pattern(regex: "(?i)^a")
  size: Size! @default(value: SMALL)
  sizes: [Size!]
  spot: Spot @indexed(type: GEO)
  tags: [String!] @length(max: 5) @pattern(regex: "x")
  count: Int! @range(min: 1, max: 9)
  big: Long
  ratio: Float @range(min: 0, max: 0.5)
  price: Money! @currency(code: "EUR") @range(min: 0)
  exact: Decimal @range(min: "0.5")
  at: DateTime
  on: Date
  lasts: Duration
  raw: Bytes
  more: JSON
  ok: Boolean! @default(value: true)
  secret: String @allow(to: ["staff"], do: [READ, UPDATE])
  hidden: String @internal
  made: DateTime! @createdTime
  parent: Long @indexed
  up: Thing @relationship(from: "parent")
  down: [Thing!]! @relationship(to: "parent")
  paint(colour: String! @length(max: 10), parts: [Part!]!): Thing! @action @allow(to: ["staff"])
  sweep: Boolean @action(on: TABLE) @allow(to: ["public"])
}
type Kept @table(history: "P9D", trash: "P9D") @export @allow(to: ["staff"], do: [READ]) { id: ID! @primaryKey }
type Ticker @table @export(over: [SSE]) @allow(to: ["staff"], do: [READ]) { id: ID! @primaryKey rate: Float kind: Tick stop: Boolean @action @allow(to: ["staff"]) }
enum Tick { UP DOWN }
"""What is said."""
type Talk @channel(key: "room", presence: true) @export(name: "talks") @allow(to: ["public"], do: [SUBSCRIBE], where: "record.room == 'open'") @allow(to: ["staff"], do: [SUBSCRIBE, PUBLISH]) {
  room: ID!
  text: String! @length(max: 9)
  mood: Mood! @default(value: CALM)
  by: ID @createdBy
}
enum Mood { CALM LOUD }
type Whisper @channel(key: "to") @export(over: [WS]) @allow(to: ["public"], do: [SUBSCRIBE, PUBLISH]) { to: ID! }
type Local @table @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey }
type Endpoints {
  """How much."""
  quote(sku: String!, count: Int = 2): Spot! @http(method: GET, path: "/quote/{sku}") @allow(to: ["public"])
  send(part: Part!): [Thing!]! @http(path: "/send") @allow(to: ["staff"])
}
`;

function documentsOf(text: string, { development = false, values = {} }: { readonly development?: boolean; readonly values?: object } = {}): (identity: Identity) => JsonObject {
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text, values: { ...values } });
  const compiled = compileCatalogExpressions(catalog);
  const problems = [...diagnostics, ...compiled.diagnostics].filter((one) => one.severity === "error");
  expect(problems.map((one) => `${one.code} ${one.message}`)).toEqual([]);
  const document = openApiFor({ catalog, access: createAccess({ catalog, book: compiled.book }), limits: defaultLimits, development });
  return (identity) => JSON.parse(document(identity)) as JsonObject;
}

const staff = subjectIdentity({ subject: "s", roles: ["staff"], tenant: null });
const of = documentsOf(everything);

function at(document: JsonObject, ...path: string[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], document);
}

describe("validity", () => {
  const store = documentsOf(readFileSync("examples/store/schema.graphql", "utf8"), { values: { cartTtl: "P30D", offerTtl: "PT15M" } });
  const rows: readonly (readonly [string, (identity: Identity) => JsonObject, Identity])[] = [
    ["everything, administrator", of, administratorIdentity], ["everything, staff", of, staff], ["everything, anonymous", of, anonymousIdentity],
    ["store, administrator", store, administratorIdentity], ["store, anonymous", store, anonymousIdentity],
    ["store, customer", store, subjectIdentity({ subject: "c", roles: ["customer"], tenant: null })],
  ];
  for (const [name, documents, identity] of rows) {
    test(name, async () => {
      const document = documents(identity);
      const validator = new Validator();
      const result = await validator.validate(structuredClone(document));
      expect(result).toEqual({ valid: true });
      expect(validator.version).toBe("3.1");
      const ids = [...JSON.stringify(document).matchAll(/"operationId":"([^"]+)"/g)].map((match) => match[1]);
      expect(ids.length).toBe(new Set(ids).size);
      for (const [, target] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) expect([target, at(document, ...target!.split("/"))]).not.toEqual([target, undefined]);
    });
  }
});

describe("examples fit their schemas", () => {
  test("bodies and parameters", () => {
    const document = of(administratorIdentity);
    const ajv = new Ajv({ strict: false, validateFormats: false });
    ajv.addSchema({ ...document, $id: "app" });
    const check = (schema: unknown, example: unknown): void => {
      const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"app#/')) as object);
      expect([example, validate(example), validate.errors]).toEqual([example, true, null]);
    };
    let checked = 0;
    const visit = (value: unknown): void => {
      if (typeof value !== "object" || value === null) return;
      const node = value as Record<string, unknown>;
      if (node["schema"] !== undefined && node["example"] !== undefined) {
        check(node["schema"], node["example"]);
        checked++;
      }
      for (const item of Object.values(node)) visit(item);
    };
    visit(document);
    expect(checked).toBeGreaterThan(10);
  });
});

describe("what a value may be", () => {
  const property = (schema: string, name: string): unknown => at(of(administratorIdentity), "components", "schemas", schema, "properties", name);
  const rows: readonly (readonly [string, string, unknown])[] = [
    ["thingsCreate", "name", { type: "string", minLength: 3, maxLength: 20, pattern: "^[a-z]+$" }],
    ["thingsCreate", "loose", { type: ["string", "null"], description: "Matches (?i)^a (RE2)." }],
    ["thingsCreate", "size", { $ref: "#/components/schemas/Size", default: "SMALL" }],
    ["thingsCreate", "sizes", { type: ["array", "null"], items: { $ref: "#/components/schemas/Size" } }],
    ["thingsCreate", "spot", { anyOf: [{ $ref: "#/components/schemas/Spot" }, { type: "null" }] }],
    ["thingsCreate", "tags", { type: ["array", "null"], items: { type: "string", pattern: "x" }, maxItems: 5 }],
    ["thingsCreate", "count", { type: "integer", format: "int32", minimum: 1, maximum: 9 }],
    ["things", "big", { type: ["string", "null"], format: "int64", pattern: "^-?[0-9]{1,19}$" }],
    ["thingsCreate", "ratio", { type: ["number", "null"], minimum: 0, maximum: 0.5 }],
    ["things", "price", { type: "integer", minimum: 0, maximum: 9007199254740991, description: "Minor units of EUR." }],
    ["things", "exact", { type: ["string", "null"], pattern: "^-?[0-9]+(\\.[0-9]+)?$", description: "Not below 0.5." }],
    ["things", "more", {}],
    ["things", "up", { anyOf: [{ $ref: "#/components/schemas/things" }, { type: "null" }], description: "Present where select embeds it." }],
    ["things", "down", { type: "array", items: { $ref: "#/components/schemas/things" }, description: "Present where select embeds it." }],
    ["thingsCreate", "made", undefined], ["thingsCreate", "hidden", undefined], ["things", "hidden", undefined], ["thingsUpdate", "id", undefined], ["thingsCreate", "down", undefined],
  ];
  for (const [schema, name, expected] of rows) test(`${schema}.${name}`, () => expect(property(schema, name)).toEqual(expected));

  test("what must be sent", () => {
    expect(at(of(administratorIdentity), "components", "schemas", "thingsCreate", "required")).toEqual(["name", "count", "price"]);
    expect(at(of(administratorIdentity), "components", "schemas", "thingsUpdate", "required")).toBeUndefined();
    expect(at(of(administratorIdentity), "components", "schemas", "Part")).toEqual({
      type: "object", properties: { name: { type: "string", minLength: 2 }, count: { type: "integer", format: "int32", minimum: -2147483648, maximum: 2147483647, default: 1 } }, required: ["name"], additionalProperties: false,
    });
  });
});

describe("exactly what the caller reaches", () => {
  const pathsOf = (identity: Identity): Record<string, string[]> => Object.fromEntries(
    Object.entries(at(of(identity), "paths") as Record<string, object>).filter(([path]) => !["/health", "/ready", "/openapi.json", "/batch", "/auth/ticket"].includes(path))
      .map(([path, operations]) => [path, Object.keys(operations).filter((key) => key !== "parameters")]),
  );

  test("anonymous", () => {
    expect(pathsOf(anonymousIdentity)).toEqual({
      "/things": ["get", "post"], "/things/{id}": ["get", "put"], "/things/sweep": ["post"], "/quote/{sku}": ["get"], "/rpc/quote": ["post"],
      "/talks": ["get"], "/talks/{room}": ["get"],
    });
    const text = JSON.stringify(of(anonymousIdentity));
    for (const forbidden of ["secret", "paint", "Kept", "Local", "\"send\"", "hidden", "Part", "Ticker", "talksMessage", "Whisper"]) expect(text).not.toContain(forbidden);
  });

  test("staff", () => {
    expect(pathsOf(staff)).toEqual({
      "/things": ["get", "post", "patch", "delete"], "/things/{id}": ["get", "put", "patch", "delete"], "/Kept": ["get"], "/Kept/{id}": ["get"], "/Kept/{id}/history": ["get"],
      "/things/{id}/paint": ["post"], "/things/sweep": ["post"], "/quote/{sku}": ["get"], "/rpc/quote": ["post"], "/send": ["post"], "/rpc/send": ["post"],
      "/Ticker": ["get"], "/Ticker/{id}": ["get"], "/talks": ["post", "get"], "/talks/{room}": ["post", "get"],
    });
    expect(at(of(staff), "components", "schemas", "talksMessage")).toEqual({
      type: "object", description: "What is said.", required: ["text"], additionalProperties: false,
      properties: { room: { type: "string" }, text: { type: "string", maxLength: 9 }, mood: { $ref: "#/components/schemas/Mood" } },
    });
    expect(Object.keys(at(of(staff), "components", "schemas", "talks", "properties") as object)).toEqual(["room", "text", "mood", "by"]);
    expect(Object.keys(at(of(staff), "paths", "/Ticker", "get", "responses", "200", "content") as object)).toEqual(["text/event-stream"]);
    expect(at(of(staff), "components", "schemas", "thingsCreate", "properties", "secret")).toBeUndefined();
    expect(at(of(staff), "components", "schemas", "thingsUpdate", "properties", "secret")).toBeDefined();
  });

  test("former versions, where there are such", () => {
    expect(Object.keys(at(of(administratorIdentity), "paths") as object).filter((path) => /history|restore/.test(path))).toEqual(["/Kept/{id}/history", "/Kept/{id}/restore"]);
    expect(JSON.stringify(at(of(staff), "paths", "/Kept"))).toContain("parameters/asof");
    expect(JSON.stringify(at(of(staff), "paths", "/things"))).not.toContain("parameters/asof");
  });

  test("in development everyone sees all", () => {
    expect(documentsOf(everything, { development: true })(anonymousIdentity)).toEqual(of(administratorIdentity));
  });
});

test("what @page brings is told: in the query, in the body, and the cursor among the headers", () => {
  const document = documentsOf(`type Endpoints {
    listed(size: Int!): [Int!]! @page @http(method: GET) @allow(to: ["public"])
    asked: [Int!]! @page @http @allow(to: ["public"])
  }`)(anonymousIdentity);
  const listed = at(document, "paths", "/listed", "get") as { parameters: { name: string; in: string; required: boolean; schema: unknown }[] };
  expect(listed.parameters.map(({ name, in: place, required }) => [name, place, required])).toEqual([["size", "query", true], ["limit", "query", false], ["after", "query", false]]);
  expect(listed.parameters[1]!.schema).toMatchObject({ minimum: 0 });
  for (const path of ["/asked", "/rpc/asked", "/rpc/listed"]) {
    expect(Object.keys(at(document, "paths", path, "post", "requestBody", "content", "application/json", "schema", "properties") as object)).toEqual([...(path === "/rpc/listed" ? ["size"] : []), "limit", "after"]);
  }
  expect(at(document, "paths", "/listed", "get", "responses", "200", "headers")).toHaveProperty("Ambit-Next-Cursor");
});
