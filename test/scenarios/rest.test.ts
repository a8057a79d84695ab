// REST over a whole app: one row is one request, with what must and what must not come back. Data are the same before each row.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { chunk, rawExchange, statusOf } from "./raw-connection.ts";
import { adminToken, keysFor, startTestApp, type StartedApp } from "./started-app.ts";

const schema = `
enum Status { DRAFT LIVE GONE }
type Spot { lat: Float! @range(min: -90, max: 90) lon: Float! big: Long }
input Line { sku: String! quantity: Int! @range(min: 1) }
type Item @table @export(name: "items")
  @allow(to: ["public"], do: [READ], where: "record.status == 'LIVE'")
  @allow(to: ["staff"], do: [READ, CREATE, UPDATE, DELETE])
  @check(rule: "record.price >= record.cost", message: "Not below cost.") {
  id: ID! @primaryKey
  sku: String! @indexed(unique: true) @pattern(regex: "^[A-Z0-9-]{1,20}$")
  title: String! @length(min: 1, max: 50)
  status: Status! @default(value: DRAFT)
  price: Money! @currency(code: "EUR") @range(min: 0)
  cost: Money! @currency(code: "EUR") @default(value: 0) @allow(to: ["staff"], do: [READ, CREATE, UPDATE])
  serial: Long
  exact: Decimal
  at: DateTime
  spot: Spot
  tags: [String!]
  more: JSON
  stamp: DateTime! @createdTime
  secret: String @internal
  parts: [Part!]! @relationship(to: "itemId")
  rename(title: String!): Item! @action @allow(to: ["staff"])
  boom: Boolean @action @allow(to: ["public"])
}
type Part @table @export @allow(to: ["public"], do: [READ]) @allow(to: ["staff"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: Int! @primaryKey
  name: String!
  itemId: ID! @indexed
  item: Item! @relationship(from: "itemId")
}
type Note @table @export @allow(to: ["owner"], do: [READ, CREATE, UPDATE, DELETE], where: "record.ownerId == auth.subject") {
  id: ID! @primaryKey
  ownerId: ID! @createdBy @indexed
  text: String
}
type Hidden @table @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey }
type Sum { total: Int! count: Int! }
type Endpoints {
  sum(of: [Int!]!): Sum! @http(method: GET, path: "/sum") @allow(to: ["public"])
  order(lines: [Line!]! @length(min: 1, max: 3)): Sum! @http(path: "/order") @allow(to: ["public"])
}`;

const resources = `/// <reference path="./.ambit/types.d.ts" />
import { Table, endpoints } from "ambit";
export class Item extends Table("Item") {
  async rename({ title }) { return this.update({ title }); }
  async boom() { throw new Error("the secret is 4711"); }
}
export const Endpoints = endpoints({
  async sum(ctx, { of }) { return { total: of.reduce((sum, one) => sum + one, 0), count: of.length }; },
  async order(ctx, { lines }) {
    if (lines.some((line) => line.sku === "NONE")) throw ctx.error(409, "OUT_OF_STOCK", "Nothing left.", { sku: "NONE" });
    return { total: lines.reduce((sum, line) => sum + line.quantity, 0), count: lines.length };
  },
});
`;

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, resources, config: `${keysFor("staff", "owner", "other")}limits: { bodyBytes: 20000, urlBytes: 2000, requestMs: 300, pageRows: 100, bulkRows: 50 }\n` }); });
afterAll(() => app?.stop());

const items = [
  { id: "a", sku: "A-1", title: "Anvil", status: "LIVE", price: 500, cost: 100, serial: "9007199254740993", exact: "1.50", at: "2026-01-31T12:00:00.000Z", spot: { lat: 1.5, lon: 2, big: "5" }, tags: ["x"], more: { n: 1.25, deep: [1, null] } },
  { id: "b", sku: "B-1", title: "Brush", status: "DRAFT", price: 5, cost: 1 },
  { id: "c/d?e", sku: "C-1", title: "Zange, \"groß\" 😀", status: "LIVE", price: 50, cost: 1 },
];

async function asStaff(method: string, path: string, body?: unknown): Promise<Response> {
  const response = await fetch(`${app.url}${path}`, { method, headers: { authorization: "Bearer key-staff", "content-type": "application/json" }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  if (response.status >= 300) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response;
}

beforeEach(async () => {
  await asStaff("DELETE", "/Part?id=not.is.null");
  await asStaff("DELETE", "/items?id=not.is.null");
  await asStaff("POST", "/items", items);
  await asStaff("POST", "/Part", [{ id: 1, name: "head", itemId: "a" }, { id: 2, name: "hair", itemId: "b" }]);
});

interface Row {
  readonly request: string;
  readonly as?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly status: number;
  readonly code?: string;
  readonly json?: unknown;
  readonly text?: string | RegExp;
  readonly answered?: Record<string, string | RegExp | null>;
  readonly forbidden?: readonly string[];
  /** Asked afterwards by staff: `[path, JSON]`. */
  readonly after?: readonly [string, unknown];
}

async function send(row: Row): Promise<{ response: Response; text: string }> {
  const [method = "", path = ""] = row.request.split(" ");
  const headers: Record<string, string> = { ...(row.as === undefined ? {} : { authorization: `Bearer ${row.as === "admin" ? adminToken : `key-${row.as}`}` }), ...row.headers };
  let body: string | Uint8Array<ArrayBuffer> | null = null;
  if (row.body !== undefined) {
    body = typeof row.body === "string" ? row.body : row.body instanceof Uint8Array ? new Uint8Array(row.body) : JSON.stringify(row.body);
    headers["content-type"] ??= "application/json";
  }
  const response = await fetch(`${app.url}${path}`, { method, headers, body });
  return { response, text: await response.text() };
}

async function play(row: Row): Promise<void> {
  const { response, text } = await send(row);
  const isProblem = response.headers.get("content-type") === "application/problem+json";
  expect([response.status, isProblem ? (JSON.parse(text) as { code: string }).code : undefined, isProblem && row.code === undefined ? text : ""]).toEqual([row.status, row.code, ""]);
  if (row.json !== undefined) expect(JSON.parse(text)).toEqual(row.json);
  if (typeof row.text === "string") expect(text).toBe(row.text);
  else if (row.text !== undefined) expect(text).toMatch(row.text);
  for (const [name, value] of Object.entries(row.answered ?? {})) {
    const actual = response.headers.get(name);
    if (value instanceof RegExp) expect([name, actual]).toEqual([name, expect.stringMatching(value)]);
    else expect([name, actual]).toEqual([name, value]);
  }
  for (const forbidden of row.forbidden ?? []) expect(text).not.toContain(forbidden);
  if (row.after !== undefined) expect(await (await asStaff("GET", row.after[0])).json()).toEqual(row.after[1]);
}

function rows(group: string, list: readonly Row[]): void {
  describe(group, () => {
    list.forEach((row, index) => {
      test(`${row.request.slice(0, 90)} ${JSON.stringify(row.headers ?? {}).slice(0, 60)} is ${row.status} (${index})`, () => play(row));
    });
  });
}

const anvil = { id: "a", sku: "A-1", title: "Anvil", status: "LIVE", price: 500, serial: "9007199254740993", exact: "1.50", at: "2026-01-31T12:00:00.000Z", spot: { lat: 1.5, lon: 2, big: "5" }, tags: ["x"], more: { n: 1.25, deep: [1, null] }, stamp: expect.any(String) };

rows("reading", [
  { request: "GET /items/a", status: 200, json: anvil, answered: { etag: /^"v\d+"$/, "content-type": "application/json" }, forbidden: ["cost", "secret"] },
  { request: "GET /items/a", as: "staff", status: 200, json: { ...anvil, cost: 100 }, forbidden: ["secret"] },
  { request: "GET /items/a", as: "admin", status: 200, json: { ...anvil, cost: 100 } },
  { request: "GET /items/c%2Fd%3Fe?select=title", status: 200, json: { title: "Zange, \"groß\" 😀" } },
  { request: "GET /items/b", status: 404, code: "NOT_FOUND", forbidden: ["Brush", "B-1"] },
  { request: "GET /items/b", as: "staff", status: 200 },
  { request: "GET /items/nope", status: 404, code: "NOT_FOUND" },
  { request: "GET /items/a?select=cost", status: 400, code: "UNKNOWN_FIELD", forbidden: ["100"] },
  { request: "GET /items/a?select=id,parts(name)", status: 200, json: { id: "a", parts: [{ name: "head" }] }, answered: { etag: /^W\// } },
  { request: "GET /items?select=id&order=id", status: 200, json: [{ id: "a" }, { id: "c/d?e" }], answered: { "content-range": "0-1/*" } },
  { request: "GET /items?select=id&order=id", as: "staff", headers: { prefer: "count=exact" }, status: 200, json: [{ id: "a" }, { id: "b" }, { id: "c/d?e" }], answered: { "content-range": "0-2/3" } },
  { request: "GET /items?select=id&order=id&limit=1", as: "staff", headers: { prefer: "count=exact" }, status: 206, json: [{ id: "a" }], answered: { "content-range": "0-0/3", link: /^<\/items\?select=id&order=id&limit=1&after=[^>]+>; rel="next"$/ } },
  { request: "GET /items?offset=9", as: "staff", headers: { prefer: "count=exact" }, status: 416, code: "RANGE_NOT_SATISFIABLE", answered: { "content-range": "*/3" } },
  { request: "GET /items?select=id&order=id", as: "staff", headers: { range: "1-1", "range-unit": "items" }, status: 200, json: [{ id: "b" }], answered: { "content-range": "1-1/*" } },
  { request: "GET /items?cost=gt.1", status: 400, code: "UNKNOWN_FIELD" },
  { request: "GET /items?order=cost", status: 400, code: "UNKNOWN_FIELD" },
  { request: "GET /items?secret=is.null", as: "staff", status: 400, code: "UNKNOWN_FIELD" },
  { request: "GET /items?limit=101", status: 400, code: "MALFORMED_QUERY" },
  { request: "GET /items?price=eq.cheap", status: 400, code: "BAD_FILTER_VALUE" },
  { request: "GET /items?price=equals.5", status: 400, code: "UNKNOWN_OPERATOR" },
  { request: "GET /items?select=id,title", headers: { accept: "text/csv" }, status: 200, text: 'id,title\na,Anvil\nc/d?e,"Zange, ""groß"" 😀"\n', answered: { "content-type": "text/csv; charset=utf-8" } },
  { request: "GET /items?select=serial,more&id=eq.a", headers: { accept: "application/x-ndjson" }, status: 200, text: '{"serial":"9007199254740993","more":{"n":1.25,"deep":[1,null]}}\n' },
  { request: "GET /items?id=eq.a&select=id", headers: { accept: "application/vnd.pgrst.object+json" }, status: 200, json: { id: "a" } },
  { request: "GET /items?id=eq.b&select=id", headers: { accept: "application/vnd.pgrst.object+json" }, status: 406, code: "NOT_ONE_RECORD", text: /The result contains 0 rows/ },
  { request: "GET /Note", status: 401, code: "UNAUTHENTICATED", answered: { "www-authenticate": /^Bearer/ } },
  { request: "GET /Note", as: "other", status: 403, code: "FORBIDDEN" },
  { request: "GET /items/a", as: "nobody", status: 401, code: "INVALID_TOKEN" },
  { request: "GET /Part/1", status: 200, answered: { "cache-control": "public, no-cache", etag: /^"v\d+"$/ } },
  { request: "GET /Part/1?select=name", status: 200, json: { name: "head" }, answered: { "cache-control": "public, no-cache", etag: /^W\// } },
  { request: "GET /Part/2?select=name,item(title)", status: 200, json: { name: "hair", item: null }, answered: { "cache-control": "private, no-cache" } },
  { request: "GET /Part?select=name&order=id", status: 200, json: [{ name: "head" }, { name: "hair" }], answered: { "cache-control": "public, no-cache" } },
  { request: "GET /Hidden", status: 404, code: "NOT_FOUND" },
  { request: "GET /Item", status: 404, code: "NOT_FOUND" },
  { request: "GET /items?explain=true", as: "staff", status: 403, code: "FORBIDDEN", forbidden: ["SELECT"] },
  { request: "GET /items?explain=true", as: "admin", status: 200, text: /SELECT/ },
]);

rows("creating", [
  { request: "POST /items", as: "staff", body: { id: "n", sku: "N-1", title: "New", price: 9 }, status: 201, text: "", answered: { location: "/items/n", etag: /^"v\d+"$/ }, after: ["/items/n?select=status,cost,price", { status: "DRAFT", cost: 0, price: 9 }] },
  { request: "POST /items?select=id,sku", as: "staff", body: [{ id: "n", sku: "N-1", title: "New", price: 9 }, { id: "m", sku: "M-1", title: "New", price: 9 }], headers: { prefer: "return=representation" }, status: 201, json: [{ id: "n", sku: "N-1" }, { id: "m", sku: "M-1" }] },
  { request: "POST /items", as: "staff", body: { sku: "N-1", title: "New", price: 9 }, status: 201, answered: { location: /^\/items\/[0-9a-f-]{36}$/ } },
  { request: "POST /items", as: "staff", body: { id: "x/y", sku: "N-1", title: "New", price: 9 }, status: 201, answered: { location: "/items/x%2Fy" } },
  { request: "POST /items", as: "staff", body: { id: "n", sku: "A-1", title: "New", price: 9 }, status: 409, code: "UNIQUE_VIOLATION", text: /sku/ },
  { request: "POST /items", as: "staff", body: { id: "a", sku: "N-1", title: "New", price: 9 }, status: 409, code: "UNIQUE_VIOLATION" },
  { request: "POST /items", as: "staff", body: [{ id: "n", sku: "N-1", title: "New", price: 9 }, { id: "m", sku: "A-1", title: "New", price: 9 }], status: 409, code: "UNIQUE_VIOLATION", after: ["/items?id=eq.n", []] },
  { request: "POST /items", as: "staff", body: { id: "n", sku: "lower", title: "", price: -1, spot: { lat: 91, lon: 0 } }, status: 400, code: "VALIDATION_FAILED", text: /sku[^]*title[^]*price[^]*spot\.lat/ },
  { request: "POST /items", as: "staff", body: { id: "n", sku: "N-1", title: "New" }, status: 400, code: "VALIDATION_FAILED", text: /price/ },
  { request: "POST /items", as: "staff", body: { id: "n", sku: "N-1", titel: "New", price: 9 }, status: 400, code: "VALIDATION_FAILED", text: /title/ },
  { request: "POST /items", as: "staff", body: { id: "n", sku: "N-1", title: "New", price: "9" }, status: 400, code: "VALIDATION_FAILED" },
  { request: "POST /items", as: "staff", body: { id: "n", sku: "N-1", title: "New", price: 9.5 }, status: 400, code: "VALIDATION_FAILED" },
  { request: "POST /items", as: "staff", body: { id: "n", sku: "N-1", title: "New", price: 9, cost: 10 }, status: 422, code: "CHECK_FAILED", text: /Not below cost/ },
  { request: "POST /items", as: "staff", body: { id: "n", sku: "N-1", title: "New", price: 9, secret: "x" }, status: 400, code: "VALIDATION_FAILED" },
  { request: "POST /items", as: "staff", body: { id: "n", sku: "N-1", title: "New", price: 9, stamp: "2020-01-01T00:00:00Z" }, status: 422, code: "READ_ONLY_FIELD" },
  { request: "POST /items?select=serial", as: "staff", body: '{"id":"n","sku":"N-1","title":"New","price":9,"serial":9223372036854775807}', headers: { prefer: "return=representation" }, status: 201, json: [{ serial: "9223372036854775807" }] },
  { request: "POST /items", as: "staff", body: '{"id":"n","sku":"N-1","title":"New","price":9,"serial":9223372036854775808}', status: 400, code: "VALIDATION_FAILED" },
  { request: "POST /items?select=title,serial,tags,more", as: "staff", body: 'id,sku,title,price,serial,tags,more\nn,N-1,"a ""b"", c",9,9007199254740993,"[""t""]","{""k"":1}"\n', headers: { "content-type": "text/csv", prefer: "return=representation" }, status: 201, json: [{ title: 'a "b", c', serial: "9007199254740993", tags: ["t"], more: { k: 1 } }] },
  { request: "POST /items", as: "staff", body: "id,sku,title,price\nn,N-1,New,much\n", headers: { "content-type": "text/csv" }, status: 400, code: "VALIDATION_FAILED", text: /price/ },
  { request: "POST /Part", as: "staff", body: '{"id":7,"name":"x","itemId":"a"}\n{"id":8,"name":"y","itemId":"a"}\n', headers: { "content-type": "application/x-ndjson" }, status: 201, after: ["/Part?id=in.(7,8)&select=id", [{ id: 7 }, { id: 8 }]] },
  { request: "POST /Part", as: "staff", body: { id: 9, name: "x", itemId: "nope" }, status: 409, code: "REFERENCE_VIOLATION", text: /itemId/ },
  { request: "POST /Part", as: "staff", body: Array.from({ length: 51 }, (_, id) => ({ id: id + 100, name: "x", itemId: "a" })), status: 422, code: "TOO_MANY_ROWS" },
  { request: "POST /items?on_conflict=sku&select=id,title", as: "staff", body: { sku: "A-1", title: "Merged", price: 600 }, headers: { prefer: "resolution=merge-duplicates, return=representation" }, status: 200, json: [{ id: "a", title: "Merged" }] },
  { request: "POST /items", body: { id: "n", sku: "N-1", title: "New", price: 9 }, status: 401, code: "UNAUTHENTICATED" },
  { request: "POST /items", as: "other", body: { id: "n", sku: "N-1", title: "New", price: 9 }, status: 403, code: "FORBIDDEN" },
  { request: "POST /Note", as: "owner", body: { text: "mine" }, headers: { prefer: "return=representation" }, status: 201, text: /"ownerId":"owner"/ },
]);

rows("changing", [
  { request: "PATCH /items/a", as: "staff", body: { title: "Amboss" }, status: 204, text: "", answered: { etag: /^"v\d+"$/ }, after: ["/items/a?select=title,price", { title: "Amboss", price: 500 }] },
  { request: "PATCH /items/a?select=title", as: "staff", body: { title: "Amboss" }, headers: { prefer: "return=representation" }, status: 200, json: { title: "Amboss" } },
  { request: "PATCH /items/a", as: "staff", body: { more: { k: 1 } }, headers: { "content-type": "application/merge-patch+json" }, status: 204, after: ["/items/a?select=more", { more: { n: 1.25, deep: [1, null], k: 1 } }] },
  { request: "PATCH /items/a", as: "staff", body: { more: { k: 1 } }, status: 204, after: ["/items/a?select=more", { more: { k: 1 } }] },
  { request: "PATCH /items/a", as: "staff", body: { price: 1 }, status: 422, code: "CHECK_FAILED" },
  { request: "PATCH /items/nope", as: "staff", body: { title: "x" }, status: 404, code: "NOT_FOUND" },
  { request: "PATCH /items/a", as: "other", body: { title: "x" }, status: 403, code: "FORBIDDEN" },
  { request: "PATCH /items/a", as: "staff", body: { title: "x" }, headers: { "if-match": '"v1"' }, status: 412, code: "PRECONDITION_FAILED", after: ["/items/a?select=title", { title: "Anvil" }] },
  { request: "PATCH /items/a", as: "staff", body: { title: "x" }, headers: { "if-match": 'W/"v1"' }, status: 412, code: "PRECONDITION_FAILED" },
  { request: "PATCH /items/a", as: "staff", body: { title: "x" }, headers: { "if-match": "*" }, status: 204 },
  { request: "PATCH /items/nope", as: "staff", body: { title: "x" }, headers: { "if-match": "*" }, status: 404, code: "NOT_FOUND" },
  { request: "PUT /items/a", as: "staff", body: { sku: "A-1", title: "Whole", price: 500 }, status: 204, after: ["/items/a?select=title,status,tags,cost", { title: "Whole", status: "DRAFT", tags: null, cost: 0 }] },
  { request: "PUT /items/n", as: "staff", body: { sku: "N-1", title: "Whole", price: 500 }, status: 201, answered: { location: "/items/n" } },
  { request: "PUT /items/n", as: "staff", body: { id: "m", sku: "N-1", title: "Whole", price: 500 }, status: 422, code: "READ_ONLY_FIELD" },
  { request: "PUT /items/a", as: "staff", body: { sku: "A-1", title: "x", price: 500 }, headers: { "if-none-match": "*" }, status: 412, code: "PRECONDITION_FAILED" },
  { request: "PUT /items/n", as: "staff", body: { sku: "N-1", title: "x", price: 500 }, headers: { "if-none-match": "*" }, status: 201 },
  { request: "PATCH /items?status=eq.LIVE&select=id,title&order=id", as: "staff", body: { title: "Bulk" }, headers: { prefer: "return=representation, count=exact" }, status: 200, json: [{ id: "a", title: "Bulk" }, { id: "c/d?e", title: "Bulk" }], answered: { "content-range": "0-1/2", "preference-applied": "return=representation, count=exact" } },
  { request: "PATCH /items", as: "staff", body: { title: "Bulk" }, status: 400, code: "FILTER_REQUIRED", after: ["/items?title=eq.Bulk", []] },
  { request: "PATCH /items?status=eq.LIVE", as: "staff", body: { title: "Bulk" }, headers: { prefer: "handling=strict, max-affected=1" }, status: 422, code: "TOO_MANY_ROWS", after: ["/items?title=eq.Bulk", []] },
  { request: "PATCH /items?status=eq.LIVE", as: "staff", body: { title: "Bulk" }, headers: { prefer: "return=representation", accept: "application/vnd.pgrst.object+json" }, status: 406, code: "NOT_ONE_RECORD", after: ["/items?title=eq.Bulk", []] },
  { request: "PATCH /items?id=in.(a,b)", as: "staff", body: { sku: "SAME" }, status: 409, code: "UNIQUE_VIOLATION", after: ["/items?sku=eq.SAME", []] },
  { request: "DELETE /items/c%2Fd%3Fe", as: "staff", status: 204, text: "", after: ["/items?select=id&order=id", [{ id: "a" }, { id: "b" }]] },
  { request: "DELETE /items/a", as: "staff", status: 409, code: "REFERENCE_VIOLATION", after: ["/items/a?select=id", { id: "a" }] },
  { request: "DELETE /items/nope", as: "staff", status: 404, code: "NOT_FOUND" },
  { request: "DELETE /items/a", status: 401, code: "UNAUTHENTICATED" },
  { request: "DELETE /Part?select=id&name=like.h*&order=id", as: "staff", headers: { prefer: "return=representation" }, status: 200, json: [{ id: 1 }, { id: 2 }] },
  { request: "DELETE /items", as: "staff", status: 400, code: "FILTER_REQUIRED" },
]);

rows("calling", [
  { request: "POST /items/a/rename", as: "staff", body: { title: "Called" }, status: 200, text: /"title":"Called"/, after: ["/items/a?select=title", { title: "Called" }] },
  { request: "POST /items/a/rename", as: "staff", body: {}, status: 400, code: "VALIDATION_FAILED", text: /title/ },
  { request: "POST /items/a/rename", as: "staff", body: { title: "x", odd: 1 }, status: 400, code: "VALIDATION_FAILED", text: /odd/ },
  { request: "POST /items/a/rename", body: { title: "x" }, status: 401, code: "UNAUTHENTICATED" },
  { request: "POST /items/nope/rename", as: "staff", body: { title: "x" }, status: 404, code: "NOT_FOUND" },
  { request: "POST /items/a/boom", status: 500, code: "INTERNAL", forbidden: ["4711", "secret is", "resources.ts"] },
  { request: "GET /items/a/rename", as: "staff", status: 405, code: "METHOD_NOT_ALLOWED", answered: { allow: "POST, OPTIONS" } },
  { request: "GET /sum?of=[1,2]", status: 200, json: { total: 3, count: 2 } },
  { request: "GET /sum?of=1&of=2&of=3", status: 200, json: { total: 6, count: 3 } },
  { request: "GET /sum?of=%7B4,5%7D", status: 200, json: { total: 9, count: 2 } },
  { request: "GET /sum?of=one", status: 400, code: "VALIDATION_FAILED", text: /of/ },
  { request: "GET /sum", status: 400, code: "VALIDATION_FAILED" },
  { request: "GET /sum?of=1&odd=2", status: 400, code: "VALIDATION_FAILED", text: /odd/ },
  { request: "HEAD /sum?of=1", status: 200, text: "" },
  { request: "POST /sum", body: { of: [1] }, status: 405, code: "METHOD_NOT_ALLOWED" },
  { request: "POST /order", body: { lines: [{ sku: "A", quantity: 2 }] }, status: 200, json: { total: 2, count: 1 } },
  { request: "POST /order", body: { lines: [{ sku: "A", quantity: 0 }] }, status: 400, code: "VALIDATION_FAILED", text: /lines\[0\]\.quantity/ },
  { request: "POST /order", body: { lines: [] }, status: 400, code: "VALIDATION_FAILED", text: /lines/ },
  { request: "POST /order", body: { lines: [{ sku: "NONE", quantity: 1 }] }, status: 409, code: "OUT_OF_STOCK", text: /"sku":"NONE"/ },
  { request: "POST /rpc/sum", body: { of: [1, 2] }, status: 200, json: { total: 3, count: 2 } },
  { request: "GET /rpc/sum?of=%7B1,2%7D", status: 200, json: { total: 3, count: 2 } },
  { request: "GET /rpc/order", status: 405, code: "METHOD_NOT_ALLOWED" },
  { request: "POST /auth", body: [], status: 404, code: "NOT_AVAILABLE" },
]);

const deep = (levels: number): string => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
rows("bad input", [
  { request: "POST /items", as: "staff", body: '{"id":', status: 400, code: "MALFORMED_JSON", text: /line 1, column 7/ },
  { request: "POST /items", as: "staff", body: '{"id":NaN}', status: 400, code: "MALFORMED_JSON" },
  { request: "POST /items", as: "staff", body: '{"id":"n","id":"m"}', status: 400, code: "MALFORMED_JSON" },
  { request: "POST /items", as: "staff", body: '{"id":"\\ud800","sku":"N-1","title":"x","price":1}', status: 400, code: "MALFORMED_JSON" },
  { request: "POST /items", as: "staff", body: '{"id":"n\\u0000","sku":"N-1","title":"x","price":1}', status: 400, code: "MALFORMED_JSON" },
  { request: "POST /items", as: "staff", body: `{"id":"n","more":${deep(100)}}`, status: 400, code: "MALFORMED_JSON" },
  { request: "POST /items", as: "staff", body: '{"__proto__":{"id":"n"},"sku":"N-1","title":"x","price":1}', status: 400, code: "VALIDATION_FAILED" },
  { request: "POST /items", as: "staff", body: '{"constructor":{"prototype":{}},"sku":"N-1","title":"x","price":1}', status: 400, code: "VALIDATION_FAILED" },
  { request: "POST /items", as: "staff", body: '{"id":"n","sku":"N-1","title":"x","price":1,"more":{"__proto__":{"admin":true}}}', status: 400, code: "VALIDATION_FAILED" },
  { request: "POST /items", as: "staff", body: new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]), status: 400, code: "MALFORMED_BODY" },
  { request: "POST /items", as: "staff", body: `{"title":"${"x".repeat(20_000)}"}`, status: 413, code: "BODY_TOO_LARGE" },
  { request: "POST /items", as: "staff", body: "null", status: 400, code: "VALIDATION_FAILED" },
  { request: "POST /items", as: "staff", body: "a=1", headers: { "content-type": "application/x-www-form-urlencoded" }, status: 415, code: "UNSUPPORTED_MEDIA_TYPE" },
  { request: `GET /items?title=eq.${"x".repeat(2_000)}`, status: 414, code: "URL_TOO_LONG" },
  { request: "GET /items?title=eq.%ff", status: 400, code: "MALFORMED_URL" },
  { request: "GET /items?title=eq.%00", status: 400 , code: "MALFORMED_URL" },
  { request: "GET /items/%00", status: 400, code: "MALFORMED_URL" },
  { request: "GET /items/a/../../health/..", status: 404, code: "NOT_FOUND" },
  { request: "GET /..%2f..%2fetc%2fpasswd", status: 404, code: "NOT_FOUND" },
  { request: "GET /items//a", status: 404, code: "NOT_FOUND" },
  { request: "GET /__proto__", status: 404, code: "NOT_FOUND" },
  { request: "GET /items?__proto__=eq.1", status: 400, code: "UNKNOWN_FIELD" },
  { request: "GET /items?select=__proto__", status: 400, code: "UNKNOWN_FIELD" },
  { request: "GET /items?select=constructor", status: 400, code: "UNKNOWN_FIELD" },
  { request: "GET /items?id=eq.a';DROP TABLE Item;--", status: 200, json: [] },
  { request: "GET /items?select=*,title", headers: { prefer: "handling=strict, everything" }, status: 400, code: "UNSUPPORTED_PREFERENCE" },
  { request: "PATCH /items/a", as: "staff", body: { title: "x" }, headers: { "if-match": "v1" }, status: 400, code: "MALFORMED_HEADER" },
  { request: "DELETE /items/a", as: "staff", headers: { "idempotency-key": "x".repeat(300) }, status: 400, code: "MALFORMED_HEADER" },
]);

describe("the document", () => {
  test("each caller gets what they reach", async () => {
    const paths = async (as?: string): Promise<string[]> => {
      const { response, text } = await send({ request: "GET /openapi.json", ...(as === undefined ? {} : { as }), status: 200 });
      expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
      return Object.keys((JSON.parse(text) as { paths: object }).paths);
    };
    expect(await paths()).toEqual(["/items", "/items/{id}", "/Part", "/Part/{id}", "/items/{id}/boom", "/sum", "/rpc/sum", "/order", "/rpc/order", "/batch", "/auth/ticket", "/health", "/ready", "/openapi.json"]);
    expect(await paths("staff")).toContain("/items/{id}/rename");
    expect(await paths("owner")).toContain("/Note");
  });
});

describe("sequences", () => {
  test("a page at a time through everything, by cursor, while records arrive", async () => {
    await asStaff("POST", "/Part", Array.from({ length: 30 }, (_, index) => ({ id: 100 + index, name: `n${index % 3}`, itemId: "a" })));
    const seen: number[] = [];
    let path: string | null = "/Part?select=id,name&order=name.desc&id=gte.100&limit=7";
    while (path !== null) {
      const response = await asStaff("GET", path);
      const page = await response.json() as { id: number }[];
      seen.push(...page.map((row) => row.id));
      const link = response.headers.get("link");
      expect(link === null).toBe(response.headers.get("ambit-next-cursor") === null);
      path = link === null ? null : /^<([^>]+)>/.exec(link)![1]!;
      await asStaff("POST", "/Part", { id: 1_000 + seen.length, name: "n9", itemId: "a" });
    }
    expect(seen.length).toBe(30);
    expect(new Set(seen).size).toBe(30);
  });

  test("a conditional write succeeds once, reads in between are 304", async () => {
    const first = await send({ request: "GET /items/a", as: "staff", status: 200 });
    const tag = first.response.headers.get("etag")!;
    expect((await send({ request: "GET /items/a", as: "staff", headers: { "if-none-match": tag }, status: 304 })).response.status).toBe(304);
    expect((await send({ request: "PATCH /items/a", as: "staff", headers: { "if-match": tag }, body: { title: "1" }, status: 204 })).response.status).toBe(204);
    expect((await send({ request: "PATCH /items/a", as: "staff", headers: { "if-match": tag }, body: { title: "2" }, status: 412 })).response.status).toBe(412);
    const again = await send({ request: "GET /items/a", as: "staff", headers: { "if-none-match": tag }, status: 200 });
    expect([again.response.status, (JSON.parse(again.text) as { title: string }).title]).toEqual([200, "1"]);
    const compressed = await fetch(`${app.url}/items?select=*,parts(*)`, { headers: { "accept-encoding": "gzip" } });
    expect(compressed.status).toBe(200);
  });

  test("50 concurrent conditional writers: one succeeds", async () => {
    const tag = (await send({ request: "GET /items/a", as: "staff", status: 200 })).response.headers.get("etag")!;
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => send({ request: "PATCH /items/a", as: "staff", headers: { "if-match": tag }, body: { title: `w${index}` }, status: 204 })));
    expect(answers.map(({ response }) => response.status).sort()).toEqual([204, ...Array.from({ length: 49 }, () => 412)]);
  });

  test("100 concurrent creates of one unique value: one 201, the rest 409", async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, (_, index) => send({ request: "POST /items", as: "staff", body: { id: `u${index}`, sku: "U-1", title: "x", price: 1 }, status: 201 })));
    expect(answers.map(({ response }) => response.status).sort()).toEqual([201, ...Array.from({ length: 99 }, () => 409)]);
  });

  test("an idempotency key: one effect, one answer; another body is refused", async () => {
    const create = (title: string): Promise<{ response: Response; text: string }> => send({ request: "POST /items?select=id,title", as: "staff", headers: { "idempotency-key": "key-1", prefer: "return=representation" }, body: { sku: "K-1", title, price: 1 }, status: 201 });
    const answers = await Promise.all([create("one"), create("one"), create("one")]);
    expect(answers.map(({ response }) => response.status)).toEqual([201, 201, 201]);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(new Set(answers.map(({ response }) => response.headers.get("location"))).size).toBe(1);
    expect(answers.filter(({ response }) => response.headers.get("idempotency-replayed") === "true").length).toBe(2);
    const other = await create("two");
    expect([other.response.status, (JSON.parse(other.text) as { code: string }).code]).toEqual([422, "IDEMPOTENCY_MISMATCH"]);
    expect(await (await asStaff("GET", "/items?sku=eq.K-1&select=title")).json()).toEqual([{ title: "one" }]);
  });

  test("what was written is what is read next, after every kind of read", async () => {
    for (const [index, path] of ["/items/a", "/items", "/items?order=title&limit=1", "/items/a?select=title,parts(*)", "/items/nope"].entries()) {
      await send({ request: `GET ${path}`, as: "staff", headers: { prefer: "count=exact" }, status: 200 });
      await asStaff("PATCH", "/items/a", { title: `t${index}` });
      expect([path, await (await asStaff("GET", "/items?id=eq.a&select=title")).json()]).toEqual([path, [{ title: `t${index}` }]]);
    }
  });
});

describe("bad clients", () => {
  const auth = "Host: x\r\nAuthorization: Bearer key-staff\r\nContent-Type: application/json\r\n";

  test("half a body writes nothing", async () => {
    const half = await rawExchange(app.port, [`POST /items HTTP/1.1\r\n${auth}Content-Length: 70\r\n\r\n{"id":"half","sku":"H-1","title":"x","price":1`]);
    expect([statusOf(half), half.closed]).toEqual([408, true]);
    expect(await (await asStaff("GET", "/items?id=eq.half")).json()).toEqual([]);
  });

  test("a body in chunks beyond the limit writes nothing", async () => {
    const long = await rawExchange(app.port, [`POST /items HTTP/1.1\r\n${auth}Transfer-Encoding: chunked\r\n\r\n`, chunk('{"id":"long","more":"'), ...Array.from({ length: 30 }, () => chunk("x".repeat(1_000)))]);
    expect([statusOf(long), long.closed, long.text.includes("BODY_TOO_LARGE")]).toEqual([413, true, true]);
    expect((await fetch(`${app.url}/health`)).status).toBe(200);
  });

  test("a client that leaves does no harm", async () => {
    for (let round = 0; round < 20; round++) await rawExchange(app.port, [`GET /items HTTP/1.1\r\nHost: x\r\n\r\n`], { until: /./, waitMs: 1 });
    expect((await fetch(`${app.url}/ready`)).status).toBe(200);
  });
});

test("nothing unexpected happened", () => {
  const incidents = app.log.filter((line) => line.includes("incident-occurred") && !line.includes("Item.boom"));
  expect(incidents).toEqual([]);
});
