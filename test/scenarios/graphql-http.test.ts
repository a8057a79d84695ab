// /graphql over HTTP: media types, statuses, GET, batches; and hostile documents, which are refused before anything is read.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { buildClientSchema, getIntrospectionQuery, parse, validate, validateSchema, type IntrospectionQuery } from "graphql";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startGraphqlApp, tokenOf, type GraphqlApp, type GraphqlResult } from "./graphql-app.ts";
import { seededRandom } from "../../src/base/random.ts";
import { keysFor, startTestApp } from "./started-app.ts";
import { processorTimer } from "../../src/base/testing/processor-time.ts";

let app: GraphqlApp;
beforeAll(async () => { app = await startGraphqlApp("graphqlBatch: 3, graphqlOperations: 10, answerBytes: 100000"); });
afterAll(() => app?.stop());

const RESPONSE = "application/graphql-response+json";
interface Sent { readonly method?: string; readonly path?: string; readonly headers?: Record<string, string>; readonly body?: string; readonly role?: string }

async function send({ method = "POST", path = "/graphql", headers = {}, body, role }: Sent): Promise<{ status: number; type: string | null; json: unknown; headers: Headers; code: string | null }> {
  const response = await fetch(app.url + path, { method, headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...(role === undefined ? {} : tokenOf(role)), ...headers }, ...(body === undefined ? {} : { body }) });
  const text = await response.text();
  const json: unknown = text === "" ? null : JSON.parse(text);
  const { code, errors } = (json ?? {}) as GraphqlResult & { code?: string };
  return { status: response.status, type: response.headers.get("content-type"), json, headers: response.headers, code: code ?? errors?.[0]?.extensions.code ?? null };
}

const query = (text: string): string => JSON.stringify({ query: text });
const parameters = (given: Record<string, string>): string => `/graphql?${new URLSearchParams(given).toString()}`;

describe("requests", () => {
  const rows: readonly (readonly [name: string, sent: Sent, status: number, code: string | null, type: string])[] = [
    ["plain JSON", { body: query("{ itemList { total } }") }, 200, null, "application/json"],
    ["GraphQL's own type", { body: query("{ itemList { total } }"), headers: { accept: RESPONSE } }, 200, null, RESPONSE],
    ["the more wanted one", { body: query("{ itemList { total } }"), headers: { accept: `application/json;q=0.5, ${RESPONSE}` } }, 200, null, RESPONSE],
    ["a browser", { body: query("{ itemList { total } }"), headers: { accept: "text/html, */*;q=0.1" } }, 200, null, "application/json"],
    ["another type", { body: query("{ itemList { total } }"), headers: { accept: "text/html" } }, 406, "NOT_ACCEPTABLE", "application/problem+json"],
    ["a syntax error", { body: query("{ itemList {"), headers: { accept: RESPONSE } }, 400, "MALFORMED_DOCUMENT", RESPONSE],
    ["a syntax error in plain JSON", { body: query("{ itemList {") }, 200, "MALFORMED_DOCUMENT", "application/json"],
    ["an unknown field", { body: query("{ itemList { nosuch } }"), headers: { accept: RESPONSE } }, 400, "INVALID_DOCUMENT", RESPONSE],
    ["a variable of another type", { body: JSON.stringify({ query: "query($n: Int) { itemList(limit: $n) { total } }", variables: { n: "x" } }), headers: { accept: RESPONSE } }, 400, "INVALID_DOCUMENT", RESPONSE],
    ["a missing variable", { body: query("query($n: ID!) { item(id: $n) { id } }"), headers: { accept: RESPONSE } }, 400, "INVALID_DOCUMENT", RESPONSE],
    ["no such operation", { body: JSON.stringify({ query: "query a { itemList { total } }", operationName: "b" }), headers: { accept: RESPONSE } }, 400, "INVALID_DOCUMENT", RESPONSE],
    ["which of two operations", { body: query("query a { itemList { total } } query b { itemList { total } }"), headers: { accept: RESPONSE } }, 400, "INVALID_DOCUMENT", RESPONSE],
    ["one of two operations", { body: JSON.stringify({ query: "query a { itemList { total } } mutation b { boomItem(id: \"x\") }", operationName: "a" }) }, 200, null, "application/json"],
    ["a subscription", { body: query("subscription { itemList { total } }"), headers: { accept: RESPONSE } }, 400, "INVALID_DOCUMENT", RESPONSE],
    ["an empty document", { body: query(""), headers: { accept: RESPONSE } }, 400, "MALFORMED_DOCUMENT", RESPONSE],
    ["only a fragment", { body: query("fragment a on Item { id }"), headers: { accept: RESPONSE } }, 400, "INVALID_DOCUMENT", RESPONSE],
    ["no document", { body: "{}" }, 400, "MALFORMED_BODY", "application/problem+json"],
    ["a document that is no text", { body: "{ \"query\": 5 }" }, 400, "MALFORMED_BODY", "application/problem+json"],
    ["variables that are a list", { body: "{ \"query\": \"{ a }\", \"variables\": [] }" }, 400, "MALFORMED_BODY", "application/problem+json"],
    ["an unknown member", { body: "{ \"query\": \"{ a }\", \"variable\": {} }" }, 400, "MALFORMED_BODY", "application/problem+json"],
    ["a text", { body: "\"{ itemList { total } }\"" }, 400, "MALFORMED_BODY", "application/problem+json"],
    ["what is no JSON", { body: "{ query }" }, 400, "MALFORMED_JSON", "application/problem+json"],
    ["a key twice", { body: "{ \"query\": \"{ a }\", \"query\": \"{ b }\" }" }, 400, "MALFORMED_JSON", "application/problem+json"],
    ["a form", { body: "query=1", headers: { "content-type": "application/x-www-form-urlencoded" } }, 415, "UNSUPPORTED_MEDIA_TYPE", "application/problem+json"],
    ["no type at all", { body: query("{ itemList { total } }"), headers: { "content-type": "" } }, 415, "UNSUPPORTED_MEDIA_TYPE", "application/problem+json"],
    ["extensions that are a text", { body: "{ \"query\": \"{ a }\", \"extensions\": \"x\" }" }, 400, "MALFORMED_BODY", "application/problem+json"],
    ["a bad token", { body: query("{ itemList { total } }"), headers: { authorization: "Bearer nobody" } }, 401, "INVALID_TOKEN", "application/problem+json"],
    ["GET", { method: "GET", path: parameters({ query: "query($n: Int) { itemList(limit: $n) { total } }", variables: "{\"n\":1}" }) }, 200, null, "application/json"],
    ["GET without a document", { method: "GET" }, 400, "MALFORMED_BODY", "application/problem+json"],
    ["GET of a mutation", { method: "GET", path: parameters({ query: "mutation { boomItem(id: \"x\") }" }) }, 405, "METHOD_NOT_ALLOWED", "application/problem+json"],
    ["GET of the query beside a mutation", { method: "GET", path: parameters({ query: "query a { itemList { total } } mutation b { boomItem(id: \"x\") }", operationName: "a" }) }, 200, null, "application/json"],
    ["an unknown parameter", { method: "GET", path: parameters({ query: "{ itemList { total } }", select: "id" }) }, 400, "UNKNOWN_PARAMETER", "application/problem+json"],
    ["a POST with a query string", { path: "/graphql?query=a", body: query("{ itemList { total } }") }, 400, "UNKNOWN_PARAMETER", "application/problem+json"],
    ["PUT", { method: "PUT", body: query("{ itemList { total } }") }, 405, "METHOD_NOT_ALLOWED", "application/problem+json"],
    ["a path below", { path: "/graphql/x", body: query("{ itemList { total } }") }, 404, "NOT_FOUND", "application/problem+json"],
    ["a mutation that is not for the role", { role: "staff", body: query("mutation { createNote(input: {}) { id } }"), headers: { accept: RESPONSE } }, 400, "INVALID_DOCUMENT", RESPONSE],
  ];
  test.each(rows)("%s", async (_name, sent, status, code, type) => {
    const answer = await send(sent);
    expect({ status: answer.status, code: answer.code, type: answer.type?.split(";")[0] }).toEqual({ status, code, type });
    expect(answer.headers.get("cache-control")).toContain("private");
  });

  test("batches answer in turn, each for itself, within their bound", async () => {
    const answer = await send({ body: JSON.stringify([{ query: "{ itemList { total } }" }, { query: "{ nosuch }" }]) });
    expect(answer.json).toMatchObject([{ data: { itemList: { total: 0 } } }, { errors: [{ extensions: { code: "INVALID_DOCUMENT" } }] }]);
    expect(await send({ body: "[]" })).toMatchObject({ status: 400, code: "MALFORMED_BODY" });
    expect(await send({ body: JSON.stringify(Array.from({ length: 4 }, () => ({ query: "{ itemList { total } }" }))) })).toMatchObject({ status: 400, code: "DOCUMENT_TOO_LARGE" });
  });

  test("GET has a tag, HEAD no body, OPTIONS the methods", async () => {
    const path = parameters({ query: "{ itemList { total } }" });
    const first = await send({ method: "GET", path });
    expect((await send({ method: "GET", path, headers: { "if-none-match": first.headers.get("etag")! } })).status).toBe(304);
    expect(await send({ method: "HEAD", path })).toMatchObject({ status: 200, json: null });
    expect((await send({ method: "OPTIONS" })).headers.get("allow")).toBe("GET, HEAD, POST, OPTIONS");
  });

  test("what an answer holds is bounded over all its fields", async () => {
    const text = "x".repeat(30_000);
    await app.ask("mutation($t: JSON) { createItem(input: { id: \"large\", sku: \"LARGE\", title: \"L\", price: 1, status: LIVE, more: $t }) { id } }", { t: text }, "staff");
    const fields = (count: number): string => Array.from({ length: count }, (_, index) => `a${index}: item(id: "large") { more }`).join(" ");
    expect((await app.ask(`{ ${fields(3)} }`)).errors).toBeUndefined();
    const result = await app.ask(`{ ${fields(6)} }`);
    expect(result.errors?.map(({ extensions }) => extensions.code)).toContain("TOO_MANY_ROWS");
    await app.ask("mutation { removeItem(id: \"large\") { id } }", {}, "staff");
  });
});

const times = (count: number, part: (index: number) => string): string => Array.from({ length: count }, (_, index) => part(index)).join(" ");
const hostile: Readonly<Record<string, string>> = {
  "deep selections": `{ itemList { rows ${"{ maker { items ".repeat(30)}{ id } ${"} } ".repeat(30)} } }`,
  "endless depth": `${"{ a ".repeat(900)}${"}".repeat(900)}`, "never closed": "{ a ".repeat(1_900), "deep lists": `{ item(id: ${"[".repeat(5_000)}`, "deep objects": `{ itemList(filter: ${"{ not: ".repeat(5_000)}`,
  "deep filters": `{ itemList(filter: ${"{ not: ".repeat(300)}{} ${"} ".repeat(300)}) { total } }`, "deep related filters": `{ itemList(filter: ${"{ maker: { items: ".repeat(200)}{} ${"} } ".repeat(200)}) { total } }`,
  "many aliases": `{ item(id: "a") { ${times(400, (index) => `a${index}: id`)} } }`, "many root fields": `{ ${times(50, (index) => `a${index}: itemList { total }`)} }`, "one field again and again": `{ itemList { rows { ${"id ".repeat(1_900)} } } }`,
  "one relation again and again": `{ itemList { rows { ${"parts { id } ".repeat(400)} } } }`, "many tokens": `{ itemList { rows { ${times(3_000, (index) => `f${index}`)} } } }`, "many arguments": `{ itemList(${"limit: 1 ".repeat(3_000)}) { total } }`,
  "many directives": `{ itemList { total ${"@skip(if: false) ".repeat(200)} } }`, "unknown directives": `{ itemList { total ${times(200, (index) => `@d${index}`)} } }`, "a fragment in itself": "{ itemList { rows { ...a } } } fragment a on Item { id ...a }",
  "fragments in a circle": "{ itemList { rows { ...a } } } fragment a on Item { ...b } fragment b on Item { ...c } fragment c on Item { ...a }", "a circle through a relation": "{ itemList { rows { ...a } } } fragment a on Item { maker { items { ...a } } }",
  "fragments that double": `{ itemList { rows { ...f0 } } } ${times(60, (index) => `fragment f${index} on Item { a: maker { items { ...f${index + 1} } } b: maker { items { ...f${index + 1} } } }`)} fragment f60 on Item { id }`,
  "shallow fragments that double": `{ ...f0 } ${times(20, (index) => `fragment f${index} on Query { ...f${index + 1} ... { ...f${index + 1} } }`)} fragment f20 on Query { ${times(9, (index) => `a${index}: itemList { total }`)} }`,
  "many uses of fragments": `{ itemList { rows { ${"...a ".repeat(900)} } } } fragment a on Item { id }`, "many inline fragments": `{ itemList { rows { ${"... { id } ".repeat(300)} } } }`, "fragments that nobody uses": `{ itemList { total } } ${times(300, (index) => `fragment f${index} on Item { id }`)}`,
  "deep introspection": `{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }`, "introspection again and again": `{ ${times(9, (index) => `a${index}: __schema { types { fields { args { name } } } }`)} ${times(3, (index) => `b${index}: __schema { types { name ${"description ".repeat(9)} } }`)} ${"x: __typename ".repeat(9)} }`,
  "many variables": `query(${times(600, (index) => `$v${index}: Int`)}) { itemList { total } }`, "a very long name": `{ ${"a".repeat(500_000)} }`, "a very long alias": `{ ${"a".repeat(500_000)}: nosuch }`, "many unknown names": `{ ${times(9, (index) => `itemLis${index} { ${times(90, (inner) => `x${inner}`)} }`)} }`,
  "many operations": times(300, (index) => `query q${index} { itemList { total } }`), "a type system": "type Query { a: Int } schema { query: Query }", "lone surrogates": "{ itemList(search: \"\\uD800\") { total } }", "control characters": "{ itemList\u0000 { total } }",
  "a huge integer": `{ itemList(limit: ${"9".repeat(10_000)}) { total } }`, "a huge exponent": "{ itemList(filter: { ratio: { eq: 1e999999 } }) { total } }", "comments only": "#".repeat(100_000), "a wild pattern": "{ itemList(filter: { title: { match: \"(a{1000}){1000}\" } }) { total } }",
  "a list in a filter": `{ itemList(filter: { price: { in: [${"1 ".repeat(1_500)}] } }) { total } }`, "prototype": "{ itemList(filter: { __proto__: { eq: 1 } }) { total } }", "constructor": "{ constructor { name } }",
};

describe("hostile documents", () => {
  const codes = ["MALFORMED_JSON", "DOCUMENT_TOO_LARGE", "MALFORMED_DOCUMENT", "INVALID_DOCUMENT", "MALFORMED_QUERY", "BAD_FILTER_VALUE"];
  test.each(Object.entries(hostile))("%s", async (_name, document) => {
    const statements: string[] = [];
    const { reader } = app.running.storage;
    const plain = reader.query.bind(reader);
    Object.assign(reader, { query: (sql: string) => { statements.push(sql); return plain(sql); } });
    try {
      const tookMs = processorTimer();
      const answer = await send({ body: query(document), headers: { accept: RESPONSE } });
      expect(codes).toContain(answer.code!);
      expect(JSON.stringify(answer.json).length).toBeLessThan(20_000);
      // Of the app's tables: the runtime looks after its own meanwhile.
      expect(statements.filter((sql) => !sql.includes(`FROM "$`))).toEqual([]);
      // A few milliseconds; what its hostility is meant to cost would be beyond any bound.
      expect(tookMs()).toBeLessThan(10_000);
    } finally {
      Object.assign(reader, { query: plain });
    }
  });

  test("huge variables are bounded by the body, and go no deeper than JSON may", async () => {
    const deep = `{ "query": "query($f: ItemFilter) { itemList(filter: $f) { total } }", "variables": { "f": ${"{ \"not\": ".repeat(70)}{}${"}".repeat(70)} } }`;
    expect(await send({ body: deep })).toMatchObject({ status: 400, code: "MALFORMED_JSON" });
    expect(await send({ body: JSON.stringify({ query: "{ itemList { total } }", variables: { v: "x".repeat(1_100_000) } }) })).toMatchObject({ status: 413, code: "BODY_TOO_LARGE" });
    const wide = { query: "query($f: [ItemFilter!]) { itemList(filter: { or: $f }) { total } }", variables: { f: Array.from({ length: 5_000 }, () => ({ price: { eq: 1 } })) } };
    expect(await send({ body: JSON.stringify(wide) })).toMatchObject({ code: "MALFORMED_QUERY" });
  });
});

const SEED = 20_261_122;
test(`documents with parts taken out, doubled or changed are answered or refused, never a fault (seed ${SEED})`, async () => {
  await app.ask("mutation { createMaker(input: { id: \"m\", name: \"M\" }) { id } createItem(input: { id: \"f\", sku: \"F\", title: \"Fuzz\", price: 1, status: LIVE, makerId: \"m\", spot: { lat: 1, lon: 2 }, more: { a: [1] } }) { id } createPart(input: { id: 77, name: \"p\", itemId: \"f\" }) { id } }", {}, "staff");
  const documents = [
    "query($p: Money = 0, $s: Boolean = true) { a: itemList(filter: { price: { gte: $p }, or: [{ title: { like: \"F*\" } }, { maker: { name: { eq: \"M\" } } }] }, order: [{ price: DESC }, { maker: { name: ASC } }], limit: 5) { total next rows { ...f spot { lat inner { note } } parts(limit: 1) { id item { id } } } } } fragment f on Item { id title @include(if: $s) x: price more tags }",
    "{ item(id: \"f\") { id maker { items { parts { screws { id } } } } labels { id } partsAggregate { count by { name } max { id } } } }",
    "{ itemAggregate(filter: { not: { spot: { lat: { gt: 5 } } } }) { count by { status } sum { price count serial } avg { ratio } min { at title } } sum(of: [1, 2]) { total count } }",
    "mutation { updateItem(id: \"f\", patch: { title: \"Fuzz\", more: { a: [1, { b: null }] }, spot: { lat: 1, lon: 2 } }, merge: true) { id title more } bumpItem(id: \"f\", by: 1) { count } cheapestItem(limit: 2) { id maker { id } } }",
    "{ __schema { queryType { name fields { name args { name } } } } __type(name: \"Item\") { name } liveItems(limit: 1) { next rows { id title } } }",
  ];
  const random = seededRandom(SEED);
  const below = (count: number): number => Math.floor(random.next() * count);
  const values = ["null", "0", "-1", "1e400", "99999999999999999999", "\"\"", "\"\\u0000\"", "true", "LIVE", "[]", "{}", "$p", "$s", "$nosuch", "id", "rows", "__typename", "...f", "@skip(if: true)", "x: id", "__proto__", "and: []", "eq: 1"];
  const seen = new Map<string, number>();
  for (let round = 0; round < (process.env["AMBIT_TEST_SIZE"] === "long" ? 20_000 : 500); round++) {
    const tokens = documents[below(documents.length)]!.match(/"(?:[^"\\]|\\.)*"|\.\.\.|[A-Za-z_][A-Za-z0-9_]*|[^\s]/g)!;
    for (let change = below(2); change >= 0; change--) {
      // Mostly names and values: a bracket that is missing says little.
      const places = tokens.flatMap((token, index) => (/^["\w]/.test(token) || below(30) === 0 ? [index] : []));
      const at = places[below(places.length)]!;
      const kind = below(4);
      if (kind === 0) tokens.splice(at, 1);
      else if (kind === 1) tokens.splice(at, 0, tokens[at]!);
      else if (kind === 2) tokens[at] = values[below(values.length)]!;
      else tokens[at] = tokens[places[below(places.length)]!]!;
    }
    const document = tokens.join(" ");
    const answer = await send({ body: query(document), headers: { accept: RESPONSE }, role: "staff" });
    const codes = ((answer.json as GraphqlResult).errors ?? []).map(({ extensions }) => extensions.code);
    expect({ document, status: answer.status < 500, faults: codes.filter((code) => code === "INTERNAL" || code === "INVALID_RESULT") }).toEqual({ document, status: true, faults: [] });
    seen.set(codes[0] ?? "answered", (seen.get(codes[0] ?? "answered") ?? 0) + 1);
  }
  // Both happen.
  expect((seen.get("answered") ?? 0) > 20 && (seen.get("INVALID_DOCUMENT") ?? 0) > 20).toBe(true);
  await app.ask("mutation { removeItemList(filter: { sku: { is: NOT_NULL } }) { affected } removeMaker(id: \"m\") { id } }", {}, "staff");
}, 600_000);

test("the schema of the store is valid, and its documents validate against it", async () => {
  const files = join(import.meta.dir, "..", "..", "examples", "store");
  const read = (name: string): string => readFileSync(join(files, name), "utf8");
  const store = await startTestApp({ schema: read("schema.graphql"), resources: read("resources.ts"), config: read("config.yaml").replace(/^auth:\n(?: .*\n)+/m, keysFor("merchant", "customer", "support")) });
  try {
    for (const role of [null, "merchant", "customer", "support", "administrator"]) {
      const response = await fetch(`${store.url}/graphql`, { method: "POST", headers: { "content-type": "application/json", ...tokenOf(role) }, body: query(getIntrospectionQuery({ descriptions: true, inputValueDeprecation: true, oneOf: true })) });
      const schema = buildClientSchema((await response.json() as { data: IntrospectionQuery }).data);
      expect(validateSchema(schema)).toEqual([]);
      const problems = validate(schema, parse("{ productList(order: [{ price: DESC }], limit: 3) { rows { id title price } next } }"));
      expect(problems).toEqual([]);
      const names = Object.keys(schema.getTypeMap());
      expect({ role, cart: names.includes("Cart"), cost: "cost" in (schema.getType("Product") as unknown as { getFields(): object }).getFields() }).toEqual({ role, cart: role === "customer" || role === "administrator", cost: role === "merchant" || role === "administrator" });
      expect(schema.getType("Product")?.description).toBe("Things we sell.");
    }
  } finally {
    await store.stop();
  }
});
