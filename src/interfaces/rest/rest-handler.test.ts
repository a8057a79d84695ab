// The wire alone: what REST makes of requests and of results. The dispatcher is scripted; test/scenarios has the real one.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { administratorIdentity, anonymousIdentity, subjectIdentity } from "../../access/identities.ts";
import { createAccess } from "../../access/rights.ts";
import { systemClock } from "../../base/clock.ts";
import { fault } from "../../base/error.ts";
import { defaultLimits } from "../../base/limits.ts";
import { silentLog } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import { compileCatalogExpressions } from "../../expression/compile-catalog.ts";
import { JsonText, type Operation, type OperationBody, type Result } from "../../resources/operation.ts";
import { compileSchema } from "../../schema/compile-schema.ts";
import type { HttpServer } from "../http/served-app.ts";
import { serveHttp } from "../http/server.ts";
import { createRest } from "./rest-handler.ts";

const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text: `
enum Size { SMALL LARGE }
input Part { name: String! big: Long }
type Product @table @export(name: "products") @allow(to: ["public"], do: [READ]) @allow(to: ["staff"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: Int! @primaryKey
  sku: String! @indexed(unique: true)
  title: String
  price: Money @currency(code: "EUR")
  big: Long
  size: Size
  ok: Boolean
  ratio: Float
  tags: [String!]
  more: JSON
  stock: [Stock!]! @relationship(to: "productId")
  rename(title: String!): Product! @action @allow(to: ["staff"])
  sweep: Int @action(on: TABLE) @allow(to: ["public"])
}
type Stock @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey productId: Int! @indexed }
type Private @table @export @allow(to: ["staff"], do: [READ]) { id: ID! @primaryKey }
type Endpoints {
  quote(sku: String!, count: Int = 1, tags: [String!], part: Part): JSON @http(method: GET, path: "/quote/{sku}") @allow(to: ["public"])
  order(id: Int!, part: Part!): JSON @http(path: "/shop/{id}/order") @allow(to: ["public"])
  closed: Int @http(method: GET, path: "/closed") @allow(to: ["staff"])
}` });
const { book, diagnostics: more } = compileCatalogExpressions(catalog);
const access = createAccess({ catalog, book });
const clock = systemClock();

const nothing: Result = { status: 200, body: undefined, version: null, range: null, affected: 0, createdId: null, nextCursor: null, scanned: false, replayed: false, public: false };
const rows = (text: string, count: number, extra: Partial<Result> = {}): Result => ({ ...nothing, body: new JsonText(text), range: { offset: 0, rows: count, total: null }, ...extra });

let answer: (operation: Operation) => Result | Promise<Result> = () => nothing;
let seen: Operation | null = null;
let server: HttpServer;

beforeAll(() => {
  expect([...diagnostics, ...more].map((one) => `${one.code} ${one.message}`)).toEqual([]);
  const handler = createRest({ catalog, limits: defaultLimits, access, clock, dispatcher: { dispatch(operation) { seen = operation; return answer(operation); } } });
  const app = {
    limits: defaultLimits, development: false, handler, openApi: () => "{}",
    authenticator: {
      authenticate(credential: string | null) {
        if (credential === null) return anonymousIdentity;
        return credential === "admin" ? administratorIdentity : subjectIdentity({ subject: "s", roles: [credential], tenant: null });
      },
    },
  };
  server = serveHttp({
    host: "127.0.0.1", port: 0, current: () => app, cors: { origins: [] }, trustProxy: [], tls: null, log: silentLog(), clock, random: seededRandom(1),
    stats: () => ({}), readiness: () => ({ ready: true, reasons: [] }), errorPage: () => Promise.resolve(null),
  });
});
afterAll(() => server.stop(0));

interface Scenario {
  readonly name?: string;
  /** `METHOD /path`. */
  readonly request: string;
  readonly as?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | object;
  readonly result?: Result | (() => Result | Promise<Result>);
  readonly status: number;
  readonly code?: string;
  /** Null: must be absent. */
  readonly answered?: Record<string, string | null | RegExp>;
  readonly text?: string | RegExp;
  /** What the dispatcher must have got; null: nothing. */
  readonly operation?: Record<string, unknown> | null;
  readonly forbidden?: string;
}

async function play(scenario: Scenario): Promise<void> {
  const [method = "", path = ""] = scenario.request.split(" ");
  answer = typeof scenario.result === "function" ? scenario.result : () => (scenario.result as Result | undefined) ?? nothing;
  seen = null;
  const headers: Record<string, string> = { ...(scenario.as === undefined ? {} : { authorization: scenario.as }), ...scenario.headers };
  let body: string | null = null;
  if (scenario.body !== undefined) {
    body = typeof scenario.body === "string" ? scenario.body : JSON.stringify(scenario.body);
    if (!Object.keys(headers).some((name) => name.toLowerCase() === "content-type")) headers["content-type"] = "application/json";
  }
  const response = await fetch(`${server.url}${path}`, { method, headers, body });
  const text = await response.text();
  const code = response.headers.get("content-type") === "application/problem+json" ? (JSON.parse(text) as { code: string }).code : undefined;
  expect([response.status, code, scenario.code === undefined && code !== undefined ? text : ""]).toEqual([scenario.status, scenario.code, ""]);
  for (const [name, value] of Object.entries(scenario.answered ?? {})) {
    if (value instanceof RegExp) expect([name, response.headers.get(name)]).toEqual([name, expect.stringMatching(value)]);
    else expect([name, response.headers.get(name)]).toEqual([name, value]);
  }
  if (scenario.text instanceof RegExp) expect(text).toMatch(scenario.text);
  else if (scenario.text !== undefined) expect(text).toBe(scenario.text);
  if (scenario.forbidden !== undefined) expect(text).not.toContain(scenario.forbidden);
  if (scenario.operation === null) expect(seen).toBeNull();
  else if (scenario.operation !== undefined) expect(seen as unknown).toMatchObject(scenario.operation);
}

function scenarios(group: string, list: readonly Scenario[]): void {
  describe(group, () => {
    for (const scenario of list) test(scenario.name ?? `${scenario.request} ${JSON.stringify(scenario.headers ?? {})} is ${scenario.status}`, () => play(scenario));
  });
}

const record: Result = { ...nothing, body: new JsonText('{"id":1,"sku":"A","title":null}'), version: 7, public: true };

scenarios("one record", [
  { request: "GET /products/1", result: record, status: 200, text: '{"id":1,"sku":"A","title":null}', answered: { etag: '"v7"', "cache-control": "public, no-cache", "content-type": "application/json", "server-timing": null }, operation: { body: { kind: "get", table: "Product", id: 1, plain: true } } },
  { request: "GET /products/1", result: { ...record, version: null, public: false }, status: 200, answered: { etag: /^W\/"/, "cache-control": "private, no-cache" } },
  { request: "HEAD /products/1", result: record, status: 200, text: "", answered: { etag: '"v7"' } },
  { request: "GET /products/1", headers: { "if-none-match": '"v7"' }, result: record, status: 304, text: "", answered: { etag: '"v7"', "content-type": null } },
  { request: "GET /products/1", headers: { "if-none-match": '"v6", "v7-gzip"' }, result: record, status: 304, answered: { etag: '"v7-gzip"' } },
  { request: "GET /products/1", headers: { "if-none-match": '"v6"' }, result: record, status: 200 },
  { request: "GET /products/1", headers: { "if-match": '"v6"' }, result: record, status: 412, code: "PRECONDITION_FAILED" },
  { request: "GET /products/1", headers: { "if-match": 'W/"v7"' }, result: record, status: 412, code: "PRECONDITION_FAILED" },
  { request: "GET /products/1", headers: { "if-match": '"v7"' }, result: record, status: 200 },
  { request: "GET /products/1", headers: { "if-match": "v7" }, result: record, status: 400, code: "MALFORMED_HEADER" },
  { request: "GET /products/one", status: 404, code: "NOT_FOUND", operation: null },
  { request: "GET /products/1.5", status: 404, code: "NOT_FOUND", operation: null },
  { request: "GET /products/1?select=id,stock(id)", result: record, status: 200, operation: { body: { kind: "get", plain: false, plan: { filter: null, limit: null } } } },
  { request: "GET /products/1?select=nope", status: 400, code: "UNKNOWN_FIELD", operation: null },
  { request: "GET /products/1?price=gt.1", status: 400, code: "MALFORMED_QUERY", operation: null },
  { request: "GET /products/1?explain=true", result: { ...nothing, body: { steps: [] } }, status: 200, text: '{"steps":[]}', operation: { body: { kind: "query", explain: true } } },
  { request: "GET /products/1", headers: { accept: "application/vnd.pgrst.object+json" }, result: record, status: 200, text: '{"id":1,"sku":"A","title":null}', answered: { etag: '"v7-object"', "content-type": "application/vnd.pgrst.object+json" } },
  { request: "GET /products/1", headers: { accept: "application/vnd.pgrst.object+json;nulls=stripped" }, result: record, status: 200, text: '{"id":1,"sku":"A"}' },
  { request: "GET /products/1", headers: { accept: "text/csv" }, result: record, status: 200, text: "id,sku,title\n1,A,\n", answered: { etag: '"v7-csv"' } },
  { request: "GET /products/1", headers: { accept: "application/x-ndjson" }, result: record, status: 200, text: '{"id":1,"sku":"A","title":null}\n' },
  { request: "GET /products/1", headers: { accept: "image/png" }, status: 406, code: "NOT_ACCEPTABLE", operation: null },
  { request: "GET /products/1", headers: { accept: "text/html, image/*, */*;q=0.1" }, result: record, status: 200, answered: { "content-type": "application/json" } },
  { request: "GET /Private/1", status: 401, code: "UNAUTHENTICATED", operation: null },
  { request: "GET /Private/1", as: "other", status: 403, code: "FORBIDDEN", operation: null },
  { request: "GET /Private?nope=1", status: 401, code: "UNAUTHENTICATED", operation: null, forbidden: "nope" },
  { request: "GET /Product/1", status: 404, code: "NOT_FOUND", operation: null },
  { request: "POST /products/1", as: "staff", body: {}, status: 405, code: "METHOD_NOT_ALLOWED", answered: { allow: "GET, HEAD, PUT, PATCH, DELETE, OPTIONS" }, text: /"fix":"Use one of GET, HEAD, PUT, PATCH, DELETE, OPTIONS\."/ },
]);

const two = rows('[{"id":1,"sku":"A"},{"id":2,"sku":"B"}]', 2);

scenarios("lists", [
  { request: "GET /products", result: two, status: 200, text: '[{"id":1,"sku":"A"},{"id":2,"sku":"B"}]', answered: { "content-range": "0-1/*", etag: /^W\/"/ }, operation: { body: { kind: "query", explain: false, plan: { limit: 10_000, offset: 0, count: null, refuseScan: false } } } },
  { request: "GET /products?price=gt.5&limit=2&offset=4", result: { ...two, range: { offset: 4, rows: 2, total: null } }, status: 200, answered: { "content-range": "4-5/*" }, operation: { body: { plan: { limit: 2, offset: 4 } } } },
  { request: "GET /products?limit=2", headers: { prefer: "count=exact" }, result: rows("[]", 2, { range: { offset: 0, rows: 2, total: 9 } }), status: 206, answered: { "content-range": "0-1/9", "preference-applied": "count=exact" }, operation: { body: { plan: { count: "exact" } } } },
  { request: "GET /products", headers: { prefer: "count=exact" }, result: rows("[]", 0, { range: { offset: 0, rows: 0, total: 0 } }), status: 200, text: "[]", answered: { "content-range": "*/0" } },
  { request: "GET /products?offset=10", headers: { prefer: "count=exact" }, result: rows("[]", 0, { range: { offset: 10, rows: 0, total: 3 } }), status: 416, code: "RANGE_NOT_SATISFIABLE", answered: { "content-range": "*/3" } },
  { request: "GET /products", headers: { range: "5-9", "range-unit": "items" }, result: rows("[]", 5, { range: { offset: 5, rows: 5, total: null } }), status: 200, answered: { "content-range": "5-9/*" }, operation: { body: { plan: { limit: 5, offset: 5 } } } },
  { request: "GET /products?limit=3", headers: { range: "0-9" }, result: two, status: 200, operation: { body: { plan: { limit: 3, offset: 0 } } } },
  { request: "GET /products", headers: { range: "bytes=0-9" }, result: two, status: 200, operation: { body: { plan: { limit: 10_000 } } } },
  { request: "GET /products", headers: { range: "9-5" }, status: 416, code: "RANGE_NOT_SATISFIABLE" },
  { request: "GET /products", headers: { prefer: "scan=refuse" }, result: two, status: 200, answered: { "preference-applied": "scan=refuse" }, operation: { body: { plan: { refuseScan: true } } } },
  { request: "GET /products?title=eq.x", result: two, status: 200, answered: { "server-timing": /^db;dur=[0-9.]+$/ } },
  { request: "GET /products?title=eq.x", result: { ...two, scanned: true }, status: 200, answered: { "server-timing": /, scan$/ } },
  { request: "GET /products", headers: { prefer: "handling=strict, odd=1" }, status: 400, code: "UNSUPPORTED_PREFERENCE", operation: null },
  { request: "GET /products?limit=2&order=sku.desc", result: { ...two, nextCursor: "abc" }, status: 200, answered: { "ambit-next-cursor": "abc", link: '</products?order=sku.desc&limit=2&after=abc>; rel="next"' } },
  { request: "GET /products?offset=5", headers: { range: "0-1" }, result: { ...two, nextCursor: "abc" }, status: 200, answered: { link: '</products?limit=0&after=abc>; rel="next"' } },
  { request: "GET /products", headers: { accept: "application/vnd.pgrst.object+json" }, result: rows('[{"id":1}]', 1), status: 200, text: '{"id":1}', answered: { "content-type": "application/vnd.pgrst.object+json" } },
  { request: "GET /products", headers: { accept: "application/vnd.pgrst.object+json" }, result: rows("[]", 0), status: 406, code: "NOT_ONE_RECORD", text: /"details":"The result contains 0 rows"/ },
  { request: "GET /products", headers: { accept: "application/vnd.pgrst.object+json" }, result: two, status: 406, code: "NOT_ONE_RECORD", text: /"details":"The result contains 2 rows"/, forbidden: "sku" },
  { request: "GET /products", headers: { accept: "application/vnd.pgrst.array+json;nulls=stripped" }, result: rows('[{"id":1,"sku":null}]', 1), status: 200, text: '[{"id":1}]', answered: { "content-type": "application/vnd.pgrst.array+json;nulls=stripped" } },
  { request: "GET /products?select=id,sku", headers: { accept: "text/csv" }, result: rows("[]", 0), status: 200, text: "id,sku\n", answered: { "content-type": "text/csv; charset=utf-8" } },
  { request: "GET /products", headers: { accept: "application/x-ndjson" }, result: two, status: 200, text: '{"id":1,"sku":"A"}\n{"id":2,"sku":"B"}\n' },
  { request: "GET /products", headers: { accept: 'application/vnd.pgrst.plan+text; for="application/json"' }, status: 406, code: "NOT_ACCEPTABLE", text: /explain=true/ },
  { request: "GET /products?explain=true", result: { ...nothing, body: { sql: "x" } }, status: 200, text: '{"sql":"x"}', operation: { body: { kind: "query", explain: true } } },
  { request: "GET /products?sku=xx.1", status: 400, code: "UNKNOWN_OPERATOR", operation: null },
  { request: "GET /products?sku=%zz", status: 400, code: "MALFORMED_URL", operation: null },
  { request: "GET /auth", status: 404, code: "NOT_AVAILABLE", operation: null },
  { request: "GET /batch", status: 405, code: "METHOD_NOT_ALLOWED", operation: null },
  { request: "PUT /products", as: "staff", body: {}, status: 405, code: "METHOD_NOT_ALLOWED", answered: { allow: "GET, HEAD, POST, PATCH, DELETE, OPTIONS" } },
]);

const created: Result = { ...nothing, status: 201, affected: 1, createdId: 5, version: 9 };

scenarios("creating", [
  { request: "POST /products", as: "staff", body: { sku: "A" }, result: created, status: 201, text: "", answered: { location: "/products/5", etag: '"v9"', "cache-control": "private, no-store", "content-range": "*/*" }, operation: { body: { kind: "create", table: "Product", inputs: [{ sku: "A" }], onConflict: null, precondition: null, returning: null } } },
  { request: "POST /products", as: "staff", body: { sku: "A" }, headers: { prefer: "return=representation" }, result: { ...created, body: new JsonText('[{"id":5}]') }, status: 201, text: '[{"id":5}]', answered: { "preference-applied": "return=representation" }, operation: { body: { returning: { limit: null, filter: null } } } },
  { request: "POST /products?select=id", as: "staff", body: { sku: "A" }, headers: { prefer: "return=representation", accept: "application/vnd.pgrst.object+json" }, result: { ...created, body: new JsonText('[{"id":5}]') }, status: 201, text: '{"id":5}' },
  { request: "POST /products", as: "staff", body: [{ sku: "A" }, { sku: "B" }], headers: { prefer: "return=representation", accept: "application/vnd.pgrst.object+json" }, status: 406, code: "NOT_ONE_RECORD", operation: null },
  { request: "POST /products", as: "staff", body: [{ sku: "A" }, { sku: "B" }], headers: { prefer: "count=exact" }, result: { ...created, createdId: null, version: null, affected: 2 }, status: 201, answered: { location: null, "content-range": "*/2" } },
  { request: 'POST /products?columns="sku","title"', as: "staff", body: [{ sku: "A", title: "x", price: 1 }, { sku: "B" }], result: created, status: 201, operation: { body: { inputs: [{ sku: "A", title: "x" }, { sku: "B", title: null }] } } },
  { request: "POST /products?columns=sku,title", as: "staff", body: [{ sku: "B" }], headers: { prefer: "missing=default" }, result: created, status: 201, operation: { body: { inputs: [{ sku: "B" }] } } },
  { request: "POST /products?on_conflict=sku", as: "staff", body: { sku: "A" }, headers: { prefer: "resolution=merge-duplicates" }, result: { ...nothing, affected: 1 }, status: 200, operation: { body: { onConflict: { fields: ["sku"], resolution: "merge" } } } },
  { request: "POST /products", as: "staff", body: { sku: "A" }, headers: { prefer: "resolution=ignore-duplicates" }, result: nothing, status: 200, operation: { body: { onConflict: { fields: null, resolution: "ignore" } } } },
  { request: "POST /products?on_conflict=sku", as: "staff", body: { sku: "A" }, status: 400, code: "MALFORMED_QUERY", operation: null },
  { request: "POST /products?sku=eq.A", as: "staff", body: { sku: "A" }, status: 400, code: "MALFORMED_QUERY", operation: null },
  { request: "POST /products?select=count()", as: "staff", body: { sku: "A" }, headers: { prefer: "return=representation" }, status: 400, code: "MALFORMED_QUERY", operation: null },
  { request: "POST /products", as: "staff", body: { sku: "A" }, headers: { "if-none-match": "*" }, result: created, status: 201, operation: { body: { precondition: { ifMatch: null, ifNoneMatch: "*" } } } },
  { request: "POST /products", as: "staff", body: '{"sku":"A","big":9007199254740993,"title":"\\u00e9"}', result: created, status: 201, operation: { body: { inputs: [{ sku: "A", big: 9007199254740993n, title: "é" }] } } },
  { request: "POST /products", as: "staff", body: "sku,big,price,ok,tags,more,title,size,ratio\nA,9007199254740993,12,true,\"[\"\"x\"\"]\",\"{\"\"a\"\":1}\",,SMALL,1.5\n", headers: { "content-type": "text/csv" }, result: created, status: 201, operation: { body: { inputs: [{ sku: "A", big: "9007199254740993", price: 12, ok: true, tags: ["x"], more: { a: 1 }, title: null, size: "SMALL", ratio: 1.5 }] } } },
  { request: "POST /products", as: "staff", body: "sku,price\nA,twelve\n", headers: { "content-type": "text/csv; charset=UTF-8" }, result: created, status: 201, operation: { body: { inputs: [{ sku: "A", price: "twelve" }] } } },
  { request: "POST /products", as: "staff", body: "sku,price\nA\n", headers: { "content-type": "text/csv" }, status: 400, code: "MALFORMED_BODY" },
  { request: "POST /products", as: "staff", body: "sku,sku\nA,B\n", headers: { "content-type": "text/csv" }, status: 400, code: "MALFORMED_BODY" },
  { request: "POST /products", as: "staff", body: '{"sku":"A"}\n\n{"sku":"B"}\n', headers: { "content-type": "application/x-ndjson" }, result: created, status: 201, operation: { body: { inputs: [{ sku: "A" }, { sku: "B" }] } } },
  { request: "POST /products", as: "staff", body: '{"sku":"A"}\n{"sku":\n', headers: { "content-type": "application/x-ndjson" }, status: 400, code: "MALFORMED_JSON", text: /Line 2/ },
  { request: "POST /products", as: "staff", body: "sku=A", headers: { "content-type": "application/x-www-form-urlencoded" }, status: 415, code: "UNSUPPORTED_MEDIA_TYPE", answered: { accept: /application\/json/ } },
  { request: "POST /products", as: "staff", body: "{}", headers: { "content-type": "application/merge-patch+json" }, status: 415, code: "UNSUPPORTED_MEDIA_TYPE" },
  { request: "POST /products", as: "staff", body: "{}", headers: { "content-type": "application/json; charset=latin1" }, status: 415, code: "UNSUPPORTED_MEDIA_TYPE" },
  { request: "POST /products", as: "staff", body: '{"sku":"A","sku":"B"}', status: 400, code: "MALFORMED_JSON", text: /"path":"sku"/ },
  { request: "POST /products", as: "staff", body: '"text"', status: 400, code: "VALIDATION_FAILED" },
  { request: "POST /products", as: "staff", body: '[{"sku":"A"},5]', status: 400, code: "VALIDATION_FAILED", text: /"where":"\[1\]"/ },
  { request: "POST /products", as: "staff", body: "", status: 400, code: "MALFORMED_JSON" },
  { request: "POST /products", body: "not even json", status: 401, code: "UNAUTHENTICATED", operation: null },
  { request: "POST /products", as: "other", body: "not even json", status: 403, code: "FORBIDDEN", operation: null },
  { request: "POST /products", as: "staff", body: { sku: "A" }, headers: { prefer: "tx=rollback" }, status: 400, code: "UNSUPPORTED_PREFERENCE", operation: null },
  { request: "POST /products", as: "staff", body: { sku: "A" }, result: () => { throw fault("UNIQUE_VIOLATION", "sku is taken.", { where: "sku" }); }, status: 409, code: "UNIQUE_VIOLATION", text: /"where":"sku"/ },
  { request: "POST /products", as: "staff", body: '{"__proto__":{"sku":"A"},"constructor":1}', result: created, status: 201, operation: { body: { inputs: [JSON.parse('{"__proto__":{"sku":"A"},"constructor":1}')] } } },
]);

scenarios("one record, written", [
  { request: "PUT /products/5", as: "staff", body: { sku: "A" }, result: { ...created }, status: 201, answered: { location: "/products/5", etag: '"v9"' }, operation: { body: { kind: "replace", id: 5, input: { sku: "A" }, precondition: null, returning: null } } },
  { request: "PUT /products/5", as: "staff", body: { sku: "A" }, result: { ...nothing, version: 9 }, status: 204, answered: { etag: '"v9"', location: null } },
  { request: "PUT /products/5?select=id", as: "staff", body: { sku: "A" }, headers: { prefer: "return=representation" }, result: { ...nothing, body: new JsonText('{"id":5}'), version: 9 }, status: 200, text: '{"id":5}', operation: { body: { returning: { filter: null } } } },
  { request: "PUT /products/5", as: "staff", body: { sku: "A" }, headers: { "if-match": '"v8"' }, result: () => { throw fault("PRECONDITION_FAILED", "No."); }, status: 412, code: "PRECONDITION_FAILED", operation: { body: { precondition: { ifMatch: [8], ifNoneMatch: null } } } },
  { request: "PUT /products/5", as: "staff", body: [{ sku: "A" }], status: 400, code: "VALIDATION_FAILED" },
  { request: "PATCH /products/5", as: "staff", body: { title: "x" }, result: { ...nothing, version: 9 }, status: 204, text: "", answered: { etag: '"v9"' }, operation: { body: { kind: "update", id: 5, input: { title: "x" }, merge: false } } },
  { request: "PATCH /products/5", as: "staff", body: { more: { a: null } }, headers: { "content-type": "application/merge-patch+json" }, result: nothing, status: 204, operation: { body: { merge: true } } },
  { request: "PATCH /products/5", as: "staff", body: "a\n1", headers: { "content-type": "text/csv" }, status: 415, code: "UNSUPPORTED_MEDIA_TYPE" },
  { request: "PATCH /products/5", as: "staff", body: { title: "x" }, headers: { prefer: "return=representation" }, result: { ...nothing, body: undefined, version: 9 }, status: 204 },
  { request: "PATCH /products/5", as: "staff", body: { title: "x" }, headers: { "if-match": 'W/"v8"' }, result: nothing, status: 204, operation: { body: { precondition: { ifMatch: [], ifNoneMatch: null } } } },
  { request: "PATCH /products/5?titel=1", as: "staff", body: { title: "x" }, status: 400, code: "MALFORMED_QUERY", operation: null },
  { request: "DELETE /products/5", as: "staff", result: { ...nothing, affected: 1, version: 9 }, status: 204, answered: { etag: null }, operation: { body: { kind: "remove", id: 5, precondition: null, returning: null } } },
  { request: "DELETE /products/5", as: "staff", headers: { prefer: "return=representation" }, result: { ...nothing, body: new JsonText('{"id":5}') }, status: 200, text: '{"id":5}' },
  { request: "DELETE /products/5", status: 401, code: "UNAUTHENTICATED", operation: null },
  { request: "DELETE /products/x", as: "staff", status: 404, code: "NOT_FOUND", operation: null },
]);

scenarios("many records, written", [
  { request: "PATCH /products", as: "staff", body: { title: "x" }, status: 400, code: "FILTER_REQUIRED", operation: null },
  { request: "PATCH /products?limit=5&order=id", as: "staff", body: { title: "x" }, status: 400, code: "FILTER_REQUIRED", operation: null },
  { request: "DELETE /products", as: "staff", status: 400, code: "FILTER_REQUIRED", operation: null },
  { request: "PATCH /products?sku=eq.A", as: "staff", body: { title: "x" }, result: { ...nothing, affected: 3 }, status: 204, text: "", answered: { "content-range": "0-2/*" }, operation: { body: { kind: "update-many", input: { title: "x" }, merge: false, maxAffected: null, returning: null, plan: { limit: null } } } },
  { request: "PATCH /products?sku=eq.A&limit=2", as: "staff", body: { title: "x" }, headers: { prefer: "count=exact, return=representation" }, result: { ...nothing, affected: 2, body: new JsonText("[{},{}]") }, status: 200, text: "[{},{}]", answered: { "content-range": "0-1/2", "preference-applied": "count=exact, return=representation" }, operation: { body: { plan: { limit: 2 }, returning: { filter: null, limit: null } } } },
  { request: "PATCH /products?sku=eq.A", as: "staff", body: { title: "x" }, headers: { prefer: "handling=strict, max-affected=1" }, result: () => { throw fault("TOO_MANY_ROWS", "2."); }, status: 422, code: "TOO_MANY_ROWS", operation: { body: { maxAffected: 1 } } },
  { request: "PATCH /products?sku=eq.A", as: "staff", body: { title: "x" }, headers: { prefer: "return=representation", accept: "application/vnd.pgrst.object+json" }, result: () => { throw fault("TOO_MANY_ROWS", "2."); }, status: 406, code: "NOT_ONE_RECORD", operation: { body: { maxAffected: 1 } } },
  { request: "PATCH /products?sku=eq.A", as: "staff", body: { title: "x" }, headers: { prefer: "return=representation", accept: "application/vnd.pgrst.object+json" }, result: { ...nothing, affected: 1, body: new JsonText('[{"id":1}]') }, status: 200, text: '{"id":1}' },
  { request: "PATCH /products?sku=eq.A", as: "staff", body: { title: "x" }, headers: { "if-match": '"v1"' }, status: 400, code: "MALFORMED_HEADER", operation: null },
  { request: "PATCH /products/1?columns=title", as: "staff", body: { title: "x", price: 1 }, result: nothing, status: 204, operation: { body: { input: { title: "x" } } } },
  { request: "PUT /products/1?columns=title,size", as: "staff", body: { title: "x", price: 1 }, result: nothing, status: 204, operation: { body: { input: { title: "x" } } } },
  ...["POST /products?explain=true", "PATCH /products?sku=eq.A&explain=true", "DELETE /products?sku=eq.A&explain=true", "PATCH /products/1?explain=true", "PUT /products/1?explain=true", "DELETE /products/1?explain=true",
    "PATCH /products?sku=eq.A&on_conflict=sku", "DELETE /products?sku=eq.A&columns=sku", "DELETE /products/1?columns=sku", "GET /products?columns=sku", "GET /products/1?columns=sku", "GET /products?on_conflict=sku"].map((request): Scenario =>
    ({ request, as: "staff", ...(/^(POST|P)/.test(request) ? { body: { title: "x" } } : {}), status: 400, code: "MALFORMED_QUERY", operation: null })),
  { request: "PATCH /products?sku=eq.A&columns=title", as: "staff", body: { title: "x", price: 1 }, result: nothing, status: 204, operation: { body: { input: { title: "x" } } } },
  { request: "DELETE /products?or=(sku.eq.A,sku.eq.B)", as: "staff", headers: { prefer: "count=exact" }, result: { ...nothing, affected: 2 }, status: 204, answered: { "content-range": "*/2" }, operation: { body: { kind: "remove-many", maxAffected: null, returning: null } } },
  { request: "DELETE /products?sku=eq.A", as: "staff", headers: { prefer: "return=representation" }, result: { ...nothing, affected: 1, body: new JsonText('[{"id":1}]') }, status: 200, text: '[{"id":1}]' },
]);

scenarios("calls", [
  { request: "POST /products/5/rename", as: "staff", body: { title: "x" }, result: { ...nothing, body: new JsonText('{"id":5}') }, status: 200, text: '{"id":5}', answered: { "cache-control": "private, no-store" }, operation: { body: { kind: "action", table: "Product", id: 5, name: "rename", input: { title: "x" } } } },
  { request: "POST /products/sweep", result: { ...nothing, body: 3 }, status: 200, text: "3", operation: { body: { kind: "action", table: "Product", id: null, name: "sweep", input: {} }, idempotency: null } },
  { request: "POST /products/sweep", result: { ...nothing, body: null }, status: 200, text: "null" },
  { request: "POST /products/sweep", result: nothing, status: 204, text: "" },
  { request: "POST /products/sweep?x=1", status: 400, code: "UNKNOWN_PARAMETER", operation: null },
  { request: "POST /products/sweep", body: [], status: 400, code: "VALIDATION_FAILED" },
  { request: "POST /products/5/rename", as: "staff", body: { title: "x" }, headers: { "if-match": '"v7"' }, result: nothing, status: 204, operation: { body: { kind: "action", id: 5, precondition: { ifMatch: [7], ifNoneMatch: null } } } },
  { request: "POST /products/sweep", body: {}, headers: { accept: "application/vnd.pgrst.object+json" }, result: nothing, status: 204, operation: { body: { kind: "action", single: true } } },
  { request: "POST /products/sweep", body: {}, headers: { "if-match": '"v7"' }, status: 400, code: "MALFORMED_HEADER", operation: null },
  { request: "POST /shop/5/order", body: { part: { name: "x" } }, headers: { "if-none-match": "*" }, status: 400, code: "MALFORMED_HEADER", operation: null },
  { request: "POST /products/5/rename", body: { title: "x" }, status: 401, code: "UNAUTHENTICATED", operation: null },
  { request: "POST /products/5/rename", as: "other", body: { title: "x" }, status: 403, code: "FORBIDDEN", operation: null },
  { request: "GET /products/5/rename", as: "staff", status: 405, code: "METHOD_NOT_ALLOWED", answered: { allow: "POST, OPTIONS" } },
  { request: "GET /quote/A%2FB?count=3&tags=x&tags=y", result: { ...nothing, body: { price: 1 }, public: true }, status: 200, text: '{"price":1}', answered: { "cache-control": "public, no-cache" }, operation: { body: { kind: "endpoint", name: "quote", input: { sku: "A/B", count: 3, tags: ["x", "y"] } } } },
  { request: "GET /quote/A?tags={x,y}&part=%7B%22name%22%3A%22n%22%7D", result: nothing, status: 204, operation: { body: { input: { sku: "A", tags: ["x", "y"], part: { name: "n" } } } } },
  { request: "GET /quote/A?count=many&odd=1", result: nothing, status: 204, operation: { body: { input: { sku: "A", count: "many", odd: "1" } } } },
  { request: "GET /quote/A?count=1&count=2", status: 400, code: "MALFORMED_QUERY", operation: null },
  { request: "GET /quote/A?sku=B", status: 400, code: "VALIDATION_FAILED", operation: null },
  { request: "HEAD /quote/A", result: { ...nothing, body: 1 }, status: 200, text: "" },
  { request: "POST /shop/7/order", body: '{"part":{"name":"n","big":9007199254740993}}', headers: { "idempotency-key": "8e03978e-40d5-43dd-bc93-6894a57f9324" }, result: { ...nothing, body: new JsonText("[]"), replayed: true }, status: 200, text: "[]", answered: { "idempotency-replayed": "true" }, operation: { body: { kind: "endpoint", name: "order", input: { id: 7, part: { name: "n", big: 9007199254740993n } } }, idempotency: { key: "8e03978e-40d5-43dd-bc93-6894a57f9324", scope: "POST /shop/7/order" } } },
  { request: "POST /rpc/quote", body: { sku: "A" }, result: { ...nothing, body: [{ a: 1 }] }, headers: { accept: "application/vnd.pgrst.object+json" }, status: 200, text: '{"a":1}', operation: { body: { kind: "endpoint", name: "quote", input: { sku: "A" } } } },
  { request: "GET /rpc/quote?sku=A", result: { ...nothing, body: "x" }, status: 200, text: '"x"' },
  { request: "GET /rpc/order?id=1", status: 405, code: "METHOD_NOT_ALLOWED", answered: { allow: "POST, OPTIONS" } },
  { request: "POST /rpc/nope", status: 404, code: "NOT_FOUND" },
  { request: "GET /closed", status: 401, code: "UNAUTHENTICATED", operation: null },
]);

scenarios("idempotency keys", [
  { request: "POST /products?select=id", as: "staff", body: { sku: "A" }, headers: { "idempotency-key": '"k1"' }, result: created, status: 201, operation: { idempotency: { key: "k1", scope: "POST /products?select=id" } } },
  { request: "GET /products", headers: { "idempotency-key": "k1" }, result: two, status: 200, operation: { idempotency: null } },
  { request: "POST /products", as: "staff", body: { sku: "A" }, headers: { "idempotency-key": "a b" }, status: 400, code: "MALFORMED_HEADER", operation: null },
  { request: "POST /products", as: "staff", body: { sku: "A" }, headers: { "idempotency-key": "x".repeat(256) }, status: 400, code: "MALFORMED_HEADER", operation: null },
  { request: "POST /products/sweep", headers: { "idempotency-key": "short" }, status: 400, code: "MALFORMED_HEADER", operation: null },
]);

test("fingerprints follow the body", async () => {
  const of = async (body: string): Promise<string> => {
    await play({ request: "POST /products", as: "staff", body, headers: { "idempotency-key": "k" }, result: created, status: 201 });
    return (seen as Operation | null)!.idempotency!.fingerprint;
  };
  expect(await of('{"sku":"A"}')).toBe(await of('{"sku":"A"}'));
  expect(await of('{"sku":"A"}')).not.toBe(await of('{"sku":"B"}'));
});

test("app code sees the request without its credentials", async () => {
  await play({ request: "POST /products/sweep", as: "admin", headers: { "x-mine": "1", cookie: "a=b" }, result: nothing, status: 204 });
  const request = (seen as Operation | null)!.request!;
  expect([request.method, request.path, request.headers["x-mine"], request.headers["authorization"], request.headers["cookie"]]).toEqual(["POST", "/products/sweep", "1", undefined, undefined]);
});

test("queries of one shape are parsed once for each set of roles; their values come with each", async () => {
  const asked = async (as: string, query: string): Promise<Extract<OperationBody, { kind: "query" }>> => {
    await play({ request: `GET /products?${query}`, as, result: two, status: 200 });
    return (seen as Operation | null)!.body as Extract<OperationBody, { kind: "query" }>;
  };
  const first = await asked("staff", "sku=eq.A&big=gt.5");
  expect(first.values).toEqual(["A", 5n]);
  const second = await asked("staff", "sku=eq.B%20c&big=gt.6");
  expect([second.plan, second.values]).toEqual([first.plan, ["B c", 6n]]);
  expect(second.plan).toBe(first.plan);
  for (const [as, query] of [["other", "sku=eq.A&big=gt.5"], ["staff", "sku=eq.A&big=gte.5"], ["staff", "sku=neq.A&big=gt.5"]] as const) {
    expect((await asked(as, query)).plan).not.toBe(first.plan);
  }
  const listed = await asked("staff", "sku=in.(A,B)");
  expect([listed.values, (await asked("staff", "sku=in.(A,B)")).plan === listed.plan]).toEqual([undefined, true]);
  expect((await asked("staff", "tags=eq.{a}")).values).toBeUndefined();
  await play({ request: "GET /products?sku=eq.A&big=gt.x", as: "staff", status: 400, code: "BAD_FILTER_VALUE", operation: null });
});

test("a plain get makes no plan until it is needed", async () => {
  await play({ request: "GET /products/1", result: record, status: 200 });
  const body = (seen as Operation | null)!.body as Extract<OperationBody, { kind: "get" }>;
  expect(body.plan.select.length).toBeGreaterThan(3);
});

test("answers that come later are the same", async () => {
  await play({ request: "GET /products/1", result: () => Bun.sleep(1).then(() => record), status: 200, answered: { etag: '"v7"' } });
  await play({ request: "GET /products", result: () => Bun.sleep(1).then(() => two), status: 200, answered: { "content-range": "0-1/*" } });
  await play({ request: "GET /products/1", result: () => Promise.reject(fault("NOT_FOUND", "No.")), status: 404, code: "NOT_FOUND" });
});
