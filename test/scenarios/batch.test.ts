// POST /batch over a whole app. Each row runs twice: straight, inside one commit, and behind a call of code, as a body in a transaction;
// both must answer the same. What fails must leave nothing.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { adminToken, keysFor, startTestApp, type StartedApp } from "./started-app.ts";

const schema = `
enum Status { OPEN DONE }
type Order @table @export
  @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) @allow(to: ["guest"], do: [READ], where: "record.status == 'DONE'") {
  id: ID! @primaryKey
  code: String! @indexed(unique: true) @length(max: 200)
  status: Status! @default(value: OPEN)
  secret: String @allow(to: ["boss"], do: [READ])
  total: Int! @default(value: 0) @range(min: 0)
  changedAt: DateTime! @updatedTime
  lines: [Line!]! @relationship(to: "orderId")
  rename(code: String!): Order! @action @allow(to: ["clerk"])
  sweep: Int! @action(on: TABLE) @allow(to: ["clerk"])
}
type Line @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) @check(rule: "record.count < 100", message: "Too many.") {
  id: ID! @primaryKey
  orderId: ID! @indexed
  order: Order! @relationship(from: "orderId")
  count: Int! @default(value: 1)
  more: JSON
}
type Entry @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  text: String!
  made: String
}
type Tally @table @export @allow(to: ["clerk"], do: [READ, CREATE]) @allow(to: ["guest"], do: [READ]) { id: Long! @primaryKey name: String }
type Endpoints {
  nothing: Boolean @http(path: "/nothing") @allow(to: ["public"])
  free: Boolean @http(path: "/free", transaction: NONE) @allow(to: ["public"])
  look: Int! @http(method: GET, path: "/look") @allow(to: ["clerk"])
  count: Int! @http(path: "/count/{status}") @allow(to: ["clerk"])
  countAll: Int! @http(path: "/count/all") @allow(to: ["clerk"])
  refuse: Boolean @http(path: "/refuse") @allow(to: ["clerk"])
  break: Boolean @http(path: "/break") @allow(to: ["clerk"])
  where: String! @http(path: "/where") @allow(to: ["clerk"])
}`.replace("count: Int! @http(path: \"/count/{status}\")", "count(status: Status!): Int! @http(path: \"/count/{status}\")");

const resources = `/// <reference path="./.ambit/types.d.ts" />
import { Table, endpoints } from "ambit";
export class Order extends Table("Order") {
  async rename({ code }) { return this.update({ code }); }
  static async sweep(ctx) { for (const order of await ctx.db.Order.find({})) await ctx.db.Order.remove(order.id); return 0; }
}
export class Entry extends Table("Entry") {
  static override async create(ctx, input) { return super.create(ctx, { ...input, made: ctx.request.method + " " + ctx.request.path + " " + String(await ctx.db.Order.count({})) }); }
}
export const Endpoints = endpoints({
  async nothing() { return null; }, async free() { return null; }, async look() { return 1; },
  async count(ctx, { status }) { return ctx.db.Order.count({ status }); },
  async countAll(ctx) { return -1; },
  async refuse(ctx) { await ctx.db.Order.create({ code: "refused" }); throw ctx.error(409, "NOT_TODAY", "Not today.", { day: 1 }); },
  async break(ctx) { throw new Error("the secret is 4711"); },
  async where(ctx) { return ctx.request.method + " " + ctx.request.path + " " + String(ctx.request.headers["authorization"]) + " " + String(ctx.request.headers["prefer"]); },
});
`;

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, resources, config: `${keysFor("clerk", "guest")}limits: { batchOperations: 20, transactionWrites: 200, bodyBytes: 100000, answerBytes: 200000 }\n` }); });
afterAll(() => app?.stop());

interface Sent { readonly operations: readonly object[]; readonly as?: string | null; readonly headers?: Record<string, string>; readonly method?: string; readonly query?: string }
interface Problem { readonly code: string; readonly where: string | null; readonly message: string; readonly details: unknown; readonly hint: string | null; readonly fix: string | null }
interface One { readonly id?: string; readonly status: number; readonly headers: Record<string, string>; readonly body: unknown }
interface Answered { readonly status: number; readonly headers: Headers; readonly text: string; readonly results: readonly One[]; readonly problem: Problem }

async function send({ operations, as = "clerk", headers = {}, method = "POST", query = "" }: Sent): Promise<Answered> {
  const response = await fetch(`${app.url}/batch${query}`, {
    method, headers: { "content-type": "application/json", ...(as === null ? {} : { authorization: as === "admin" ? `Bearer ${adminToken}` : `Bearer key-${as}` }), ...headers },
    ...(method === "POST" ? { body: JSON.stringify({ operations }) } : {}),
  });
  const text = await response.text();
  const json = (text === "" ? {} : JSON.parse(text)) as { results: One[] } & Problem;
  return { status: response.status, headers: response.headers, text, results: json.results, problem: json };
}

async function ask(method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${app.url}${path}`, { method, headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await response.text();
  if (response.status >= 300) throw new Error(`${method} ${path}: ${text}`);
  return text === "" ? null : JSON.parse(text);
}

const all = (): Promise<unknown> => ask("GET", "/Order?select=*,lines(*)&order=id");

beforeEach(async () => {
  for (const table of ["Line", "Order", "Entry", "Tally"]) await ask("DELETE", `/${table}?id=not.is.null`);
  await ask("POST", "/Order", [{ id: "a", code: "A", secret: "boss only" }, { id: "b", code: "B", status: "DONE", total: 5 }, { id: "c/d?e=f&g", code: "C" }]);
  await ask("POST", "/Line", [{ id: "1", orderId: "a" }, { id: "2", orderId: "b", count: 7, more: { $ref: "a/id", n: "9007199254740993" } }]);
});

interface Scenario {
  readonly name: string;
  readonly as?: string | null;
  readonly operations: readonly object[];
  /** Of each result: status, then as much of the body as is given. */
  readonly results?: readonly (readonly [number, unknown?])[];
  readonly problem?: { readonly status: number; readonly code: string; readonly where?: string };
  /** Codes of all orders afterwards. */
  readonly codes?: readonly string[];
  readonly forbidden?: string;
}

/** Refers to the call in front by nothing, so that indexes alone differ. */
const inFront = { method: "POST", path: "/nothing" };

async function play(scenario: Scenario, coded: boolean): Promise<void> {
  const before = await all();
  const operations = coded ? [inFront, ...scenario.operations] : scenario.operations;
  const answer = await send({ operations, ...(scenario.as === undefined ? {} : { as: scenario.as }) });
  if (scenario.forbidden !== undefined) expect(answer.text).not.toContain(scenario.forbidden);
  if (scenario.problem !== undefined) {
    const { status, code, where } = scenario.problem;
    const moved = where?.replace(/^operations\[(\d+)\]/, (_, index: string) => `operations[${Number(index) + (coded ? 1 : 0)}]`);
    expect([answer.status, answer.problem.code, where === undefined ? null : answer.problem.where]).toEqual([status, code, moved ?? null]);
    expect(await all()).toEqual(before);
    return;
  }
  expect([answer.status, answer.status === 200 ? "" : answer.text]).toEqual([200, ""]);
  const results = coded ? answer.results.slice(1) : answer.results;
  expect(results.map(({ status }) => status)).toEqual(scenario.results!.map(([status]) => status));
  scenario.results!.forEach(([, body], index) => {
    if (Array.isArray(body)) expect(results[index]!.body).toMatchObject(body);
    else if (typeof body === "object" && body !== null) expect(results[index]!.body).toMatchObject(body);
    else if (body !== undefined) expect(results[index]!.body).toEqual(body);
  });
  if (scenario.codes !== undefined) expect((await ask("GET", "/Order?select=code&order=code")) as { code: string }[]).toEqual(scenario.codes.map((code) => ({ code })));
}

function scenarios(group: string, list: readonly Scenario[]): void {
  describe(group, () => {
    for (const scenario of list) {
      test(`${scenario.name}: straight`, () => play(scenario, false));
      test(`${scenario.name}: behind code`, () => play(scenario, true));
    }
  });
}

const representation = { prefer: "return=representation" };
const post = (path: string, body: unknown, more: object = {}): object => ({ method: "POST", path, body, ...more });
const get = (path: string, more: object = {}): object => ({ method: "GET", path, ...more });

scenarios("operations", [
  { name: "none", operations: [], results: [] },
  {
    name: "each kind, each on what those before it left", codes: ["A2", "B", "N", "P"],
    operations: [
      post("/Order", { id: "n", code: "N" }), get("/Order/n"), { method: "PATCH", path: "/Order/a", body: { code: "A2" }, headers: representation }, get("/Order?code=eq.A2&select=id"),
      { method: "PUT", path: "/Order/p", body: { code: "P" } }, { method: "DELETE", path: "/Order/c%2Fd%3Fe=f&g" }, { method: "PATCH", path: "/Line?orderId=eq.a", body: { count: 3 } }, { method: "DELETE", path: "/Line?count=gt.5", headers: representation },
      get("/Order?select=code,lines(count)&order=code"), { method: "HEAD", path: "/Order/n" },
    ],
    results: [
      [201, null], [200, { id: "n", code: "N", status: "OPEN" }], [200, { id: "a", code: "A2" }], [200, [{ id: "a" }]], [201, null], [204, null], [204, null], [200, [{ id: "2", orderId: "b", count: 7 }]],
      [200, [{ code: "A2", lines: [{ count: 3 }] }, { code: "B", lines: [] }, { code: "N", lines: [] }, { code: "P", lines: [] }]], [200],
    ],
  },
  {
    name: "upserts, lists and shapes", codes: ["A", "B", "C", "U"],
    operations: [
      post("/Order?on_conflict=code", [{ code: "A", total: 9 }, { code: "U" }], { headers: { prefer: "resolution=merge-duplicates,return=representation" } }), get("/Order?select=total&code=eq.A", { headers: { accept: "application/vnd.pgrst.object+json" } }),
      get("/Order?select=code&order=code&limit=2", { headers: { prefer: "count=exact" } }), get("/Order?select=count()"), get("/Order?select=code&order=code", { headers: { accept: "text/csv" } }),
    ],
    results: [[201, [{ code: "A", total: 9 }, { code: "U" }]], [200, { total: 9 }], [206, [{ code: "A" }, { code: "B" }]], [200, [{ count: 4 }]], [200, "code\nA\nB\nC\nU\n"]],
  },
  { name: "an empty list of records", operations: [post("/Order", [])], results: [[200]] },
  { name: "the same record twice", operations: [{ method: "PATCH", path: "/Order/a", body: { total: 1 } }, { method: "PATCH", path: "/Order/a", body: { total: 2 }, headers: representation }], results: [[204], [200, { total: 2 }]] },
  { name: "created and removed", operations: [post("/Order", { id: "n", code: "N" }, { headers: representation }), { method: "DELETE", path: "/Order/n" }, get("/Order?id=eq.n")], results: [[201, [{ id: "n" }]], [204], [200, []]], codes: ["A", "B", "C"] },
  { name: "merge patch", operations: [{ method: "PATCH", path: "/Line/2", headers: { "content-type": "application/merge-patch+json", ...representation }, body: { more: { n: null, m: 1 } } }], results: [[200, { more: { m: 1 } }]] },
]);

scenarios("references", [
  {
    name: "in bodies, paths and comparisons",
    operations: [
      post("/Order", { code: "N", total: 3 }, { id: "order" }), post("/Line", [{ orderId: { $ref: "order/id" }, count: { $ref: "order/0/total" } }], { id: "line" }), get("/Order/{order/id}?select=code,lines(count)"),
      get("/Line?orderId=eq.{order/id}&select=count"), get("/Line?id=not.eq.{line/id}&select=id&order=id"), { method: "PATCH", path: "/Order/{order/id}", body: { code: "M" } }, { method: "DELETE", path: "/Line/{line/id}" },
    ],
    results: [[201, [{ code: "N" }]], [201], [200, { code: "N", lines: [{ count: 3 }] }], [200, [{ count: 3 }]], [200, [{ id: "1" }, { id: "2" }]], [204], [204]], codes: ["A", "B", "C", "M"],
  },
  { name: "whole answers and JSON", operations: [get("/Line/2", { id: "line" }), post("/Line", { id: "3", orderId: "a", more: { $ref: "line/more" } }, { headers: representation }), post("/Line", { id: "4", orderId: "a", more: [{ $ref: "line" }, { $$ref: "x" }] }, { headers: representation })],
    results: [[200, { id: "2" }], [201, [{ more: { $ref: "a/id", n: "9007199254740993" } }]], [201, [{ more: [{ id: "2", count: 7 }, { $ref: "x" }] }]]] },
  { name: "a text that looks like one is none", operations: [post("/Order", { code: "{x/id}" }), post("/Order", { code: "$ref" }, { id: "x" }), get("/Order?code=eq.%7Bx%2Fid%7D&select=code")], results: [[201], [201], [200, [{ code: "{x/id}" }]]] },
  { name: "values that would be more of a path or a query are one value",
    operations: [get("/Order?code=eq.C", { id: "evil" }), get("/Order/{evil/id}"), get("/Line?orderId=neq.{evil/id}&select=id"), post("/Order", { code: "x&or=(id.not.is.null)" }, { id: "code" }), { method: "DELETE", path: "/Order?code=eq.{code/code}" }],
    results: [[200], [200, { code: "C" }], [200, [{ id: "1" }, { id: "2" }]], [201], [204]], codes: ["A", "B", "C"] },
  { name: "a value does not choose the route", operations: [post("/Order", { code: "sweep" }, { id: "name" }), { method: "POST", path: "/Order/{name/code}" }], problem: { status: 405, code: "METHOD_NOT_ALLOWED", where: "operations[1]" } },
  { name: "nor the table", operations: [post("/Order", { code: "Order" }, { id: "name" }), get("/{name/code}")], problem: { status: 404, code: "NOT_FOUND", where: "operations[1]" } },
  { name: "to a field that the caller may not read", as: "clerk", operations: [get("/Order/a", { id: "order" }), post("/Order", { code: { $ref: "order/secret" } })], problem: { status: 400, code: "UNKNOWN_REFERENCE", where: "operations[1]" }, forbidden: "boss only" },
  { name: "to nothing", operations: [get("/Order?code=eq.NONE", { id: "none" }), get("/Order/{none/id}")], problem: { status: 400, code: "UNKNOWN_REFERENCE", where: "operations[1]" } },
  { name: "to an answer that was not wanted", operations: [post("/Order", { code: "N" }, { id: "order", headers: { prefer: "return=minimal" } }), get("/Order/{order/id}")], problem: { status: 400, code: "UNKNOWN_REFERENCE", where: "operations[1]" } },
  { name: "null is a value in a body, none in a path", operations: [get("/Order/a", { id: "x" }), get("/Line/1", { id: "line" }), get("/Order/{line/more}")], problem: { status: 400, code: "UNKNOWN_REFERENCE", where: "operations[2]" } },
  { name: "of the wrong type", operations: [get("/Order/a", { id: "x" }), post("/Line", { orderId: "a", count: { $ref: "x/code" } })], problem: { status: 400, code: "VALIDATION_FAILED", where: "operations[1].count" } },
]);

scenarios("constraints hold in the end", [
  { name: "the child first", operations: [post("/Line", { id: "x", orderId: "n" }, { headers: representation }), post("/Order", { id: "n", code: "N" })], results: [[201, [{ id: "x", orderId: "n" }]], [201]] },
  { name: "the parent leaves first", operations: [{ method: "DELETE", path: "/Order/a" }, { method: "DELETE", path: "/Line/1" }], results: [[204], [204]], codes: ["B", "C"] },
  { name: "unique values change hands", operations: [{ method: "PATCH", path: "/Order/a", body: { code: "B" } }, { method: "PATCH", path: "/Order/b", body: { code: "C" } }, { method: "PATCH", path: "/Order/c%2Fd%3Fe=f&g", body: { code: "A" } }], results: [[204], [204], [204]], codes: ["A", "B", "C"] },
  { name: "a taken value is given up later", operations: [post("/Order", { id: "n", code: "A" }, { headers: representation }), { method: "PATCH", path: "/Order/a", body: { code: "Z" } }], results: [[201, [{ code: "A" }]], [204]], codes: ["A", "B", "C", "Z"] },
  { name: "a child of nobody", operations: [post("/Order", { id: "n", code: "N" }), post("/Line", { orderId: "nobody" }), post("/Order", { id: "m", code: "M" })], problem: { status: 409, code: "REFERENCE_VIOLATION", where: "operations[1].orderId" } },
  { name: "a parent that is needed", operations: [post("/Order", { id: "n", code: "N" }), { method: "DELETE", path: "/Order/a" }], problem: { status: 409, code: "REFERENCE_VIOLATION" } },
  { name: "a value taken twice", operations: [post("/Order", { code: "X" }), post("/Order", { code: "Y" }), post("/Order", { code: "X" })], problem: { status: 409, code: "UNIQUE_VIOLATION", where: "operations[2].code" } },
  { name: "whatever reads needs them", operations: [post("/Line", { orderId: "n" }), get("/Order"), post("/Order", { id: "n", code: "N" })], problem: { status: 409, code: "REFERENCE_VIOLATION", where: "operations[0].orderId" } },
  { name: "whatever changes by a filter needs them", operations: [post("/Order", { code: "A" }), { method: "PATCH", path: "/Order?total=eq.5", body: { total: 6 } }, { method: "PATCH", path: "/Order/a", body: { code: "Z" } }], problem: { status: 409, code: "UNIQUE_VIOLATION", where: "operations[0].code" } },
  { name: "an answer that waits for them cannot be referred to", operations: [post("/Line", { orderId: "n" }, { id: "line" }), post("/Order", { id: "n", code: "N" }), get("/Line/{line/id}")], problem: { status: 400, code: "UNKNOWN_REFERENCE", where: "operations[2]" } },
]);

scenarios("refusals", [
  { name: "a rule of the data", operations: [post("/Order", { code: "N" }), post("/Line", { orderId: "a", count: 100 })], problem: { status: 422, code: "CHECK_FAILED", where: "operations[1]" } },
  { name: "a value", operations: [post("/Order", { code: "N" }), post("/Order", [{ code: "M" }, { code: "K", total: -1 }])], problem: { status: 400, code: "VALIDATION_FAILED", where: "operations[1][1].total" } },
  { name: "a field that is not there", operations: [get("/Order?colour=eq.red")], problem: { status: 400, code: "UNKNOWN_FIELD" } },
  { name: "a table that is not there", operations: [post("/Order", { code: "N" }), get("/Nothing")], problem: { status: 404, code: "NOT_FOUND", where: "operations[1]" } },
  { name: "a record that is not there", operations: [post("/Order", { code: "N" }), get("/Order/nobody")], problem: { status: 404, code: "NOT_FOUND", where: "operations[1]" } },
  { name: "a method that is not there", operations: [{ method: "PUT", path: "/Order", body: {} }], problem: { status: 405, code: "METHOD_NOT_ALLOWED", where: "operations[0]" } },
  { name: "not signed in", as: null, operations: [get("/Order")], problem: { status: 401, code: "UNAUTHENTICATED", where: "operations[0]" } },
  { name: "not permitted", as: "guest", operations: [get("/Order"), post("/Order", { code: "N" })], problem: { status: 403, code: "FORBIDDEN", where: "operations[1]" } },
  { name: "what the caller sees", as: "guest", operations: [get("/Order?select=id,code"), get("/Order/b")], results: [[200, [{ id: "b", code: "B" }]], [200, { id: "b" }]] },
  { name: "what the caller does not see", as: "guest", operations: [get("/Order/a")], problem: { status: 404, code: "NOT_FOUND", where: "operations[0]" } },
  { name: "an old version", operations: [post("/Order", { code: "N" }), { method: "PATCH", path: "/Order/a", headers: { "if-match": '"v1"' }, body: { total: 1 } }], problem: { status: 412, code: "PRECONDITION_FAILED", where: "operations[1]" } },
  { name: "a record that is there", operations: [{ method: "PUT", path: "/Order/a", headers: { "if-none-match": "*" }, body: { code: "N" } }], problem: { status: 412, code: "PRECONDITION_FAILED", where: "operations[0]" } },
  { name: "more than one where one is wanted", operations: [get("/Order", { headers: { accept: "application/vnd.pgrst.object+json" } })], problem: { status: 406, code: "NOT_ONE_RECORD", where: "operations[0]" } },
  { name: "a preference", operations: [{ method: "DELETE", path: "/Order?id=not.is.null", headers: { prefer: "max-affected=2" } }], problem: { status: 422, code: "TOO_MANY_ROWS", where: "operations[0]" } },
  { name: "a format", operations: [post("/Order", "code\nX", { headers: { "content-type": "text/csv" } })], problem: { status: 415, code: "UNSUPPORTED_MEDIA_TYPE", where: "operations[0]" } },
  { name: "what runs outside of transactions", operations: [post("/Order", { code: "N" }), { method: "POST", path: "/free" }], problem: { status: 422, code: "NOT_IN_BATCH", where: "operations[1]" } },
  { name: "an endpoint that only looks", operations: [get("/look")], problem: { status: 422, code: "NOT_IN_BATCH", where: "operations[0]" } },
  { name: "a batch", operations: [post("/batch", { operations: [] })], problem: { status: 422, code: "NOT_IN_BATCH", where: "operations[0]" } },
  { name: "explain", as: "admin", operations: [get("/Order?explain=true")], problem: { status: 422, code: "NOT_IN_BATCH" } },
  { name: "what is the server's own", operations: [get("/health")], problem: { status: 404, code: "NOT_FOUND", where: "operations[0]" } },
  { name: "more writes than a transaction has", operations: Array.from({ length: 3 }, (_, index) => post("/Order", Array.from({ length: 90 }, (_, row) => ({ code: `${index}-${row}` })))), problem: { status: 422, code: "TOO_MANY_ROWS", where: "operations[2]" } },
  { name: "answers that together are too large", operations: [post("/Order", Array.from({ length: 100 }, (_, row) => ({ code: `${row}${"x".repeat(190)}` }))), ...Array.from({ length: 10 }, () => get("/Order"))], problem: { status: 422, code: "TOO_MANY_ROWS" } },
]);

describe("code of the app", () => {
  test("actions, endpoints and overrides take part, see what was before them, and are seen", async () => {
    const { results, text, status } = await send({ operations: [
      post("/Order", { id: "n", code: "N" }), { method: "POST", path: "/count/OPEN" }, post("/Entry", { text: "x" }, { id: "entry" }), post("/Order/n/rename", { code: { $ref: "entry/made" } }), get("/Order/n?select=code"),
      { method: "POST", path: "/rpc/count", body: { status: "DONE" } }, { method: "POST", path: "/where", headers: { prefer: "return=minimal" } },
    ] });
    expect([status, status === 200 ? "" : text]).toEqual([200, ""]);
    expect(results.map(({ body }) => body)).toMatchObject([null, 3, [{ text: "x", made: "POST /Entry 4" }], { id: "n", code: "POST /Entry 4" }, { code: "POST /Entry 4" }, 1, "POST /where undefined return=minimal"]);
    expect(await ask("GET", "/Order/n?select=code")).toEqual({ code: "POST /Entry 4" });
  });

  test("a refusal of the app is the answer, with its place, and nothing is done", async () => {
    const before = await all();
    const { status, problem } = await send({ operations: [post("/Order", { code: "N" }), { method: "POST", path: "/refuse" }] });
    expect([status, problem.code, problem.where, problem.details]).toEqual([409, "NOT_TODAY", "operations[1]", { day: 1 }]);
    expect(await all()).toEqual(before);
  });

  test("a fault of the app says an incident and nothing else", async () => {
    const before = await all();
    const { status, problem, text } = await send({ operations: [post("/Order", { code: "N" }), { method: "POST", path: "/break" }] });
    expect([status, problem.code, problem.where]).toEqual([500, "INTERNAL", "operations[1]"]);
    expect(text).not.toContain("4711");
    expect(await all()).toEqual(before);
  });

  test("a value does not choose an action", async () => {
    const { status, problem } = await send({ operations: [post("/Order", { id: "sweep", code: "S" }, { id: "o" }), { method: "POST", path: "/Order/{o/id}" }] });
    expect([status, problem.code]).toEqual([405, "METHOD_NOT_ALLOWED"]);
    expect((await all() as unknown[]).length).toBe(3);
    expect((await send({ operations: [{ method: "POST", path: "/count/all" }] })).results.map(({ body }) => body)).toEqual([-1]);
    const other = await send({ operations: [post("/Order", { code: "all" }, { id: "o" }), { method: "POST", path: "/count/{o/code}" }] });
    expect([other.status, other.problem.where]).toEqual([404, "operations[1]"]);
  });
});

describe("versions", () => {
  for (const coded of [false, true]) {
    const front = coded ? [inFront] : [];
    test(`an ETag is that of what is stored, and of no other state: ${coded ? "behind code" : "straight"}`, async () => {
      const { results } = await send({ operations: [...front, { method: "PATCH", path: "/Order/a", body: { total: 1 }, headers: representation }, { method: "PATCH", path: "/Order/b", body: { total: 2 }, headers: representation }, get("/Order/b"), { method: "PATCH", path: "/Order/a", body: { total: 3 } }, post("/Order", { code: "N" })] });
      const [first, second, read, again, made] = results.slice(front.length);
      const stored = await fetch(`${app.url}/Order/b`, { headers: { authorization: "Bearer key-clerk" } });
      const tag = stored.headers.get("etag")!;
      // `secret` may be there for others, so for a clerk the tag of an order is strong.
      expect([second!.headers["etag"], read!.headers["etag"], again!.headers["etag"], made!.headers["etag"]]).toEqual([tag, tag, tag, tag]);
      expect(read!.body).toEqual(await stored.json());
      expect(second!.body).toEqual(read!.body);
      expect(first!.headers["etag"] ?? null).not.toBe(tag);
      const changed = await fetch(`${app.url}/Order/b`, { method: "PATCH", headers: { authorization: "Bearer key-clerk", "content-type": "application/json", "if-match": tag }, body: "{\"total\":9}" });
      expect(changed.status).toBe(204);
    });
  }

  test("If-Match of each operation, all in one commit", async () => {
    const tagOf = async (id: string): Promise<string> => (await fetch(`${app.url}/Order/${id}`, { headers: { authorization: "Bearer key-clerk" } })).headers.get("etag")!;
    const [a, b] = [await tagOf("a"), await tagOf("b")];
    const write = (id: string, tag: string): object => ({ method: "PATCH", path: `/Order/${id}`, headers: { "If-Match": tag }, body: { total: 1 } });
    expect((await send({ operations: [write("a", a), write("b", '"v0"')] })).status).toBe(412);
    expect((await send({ operations: [write("a", a), write("b", b)] })).status).toBe(200);
    expect((await send({ operations: [write("a", a)] })).status).toBe(412);
    const { results } = await send({ operations: [get("/Order/a", { headers: { "if-none-match": await tagOf("a") } })] });
    expect(results[0]).toMatchObject({ status: 304, body: null });
  });
});

describe("the whole", () => {
  const one = [post("/Order", { code: "once" })];
  test("an Idempotency-Key stands for all of it", async () => {
    for (const operations of [one, [inFront, post("/Order", { code: "twice" })]]) {
      const key = { "idempotency-key": `key-${operations.length}` };
      const [first, ...more] = await Promise.all([1, 2, 3].map(() => send({ operations, headers: key })));
      expect(first!.status).toBe(200);
      for (const answer of [...more, await send({ operations, headers: key })]) expect([answer.status, answer.text]).toEqual([200, first!.text]);
      expect((await send({ operations, headers: key })).headers.get("idempotency-replayed")).toBe("true");
      expect((await send({ operations: [], headers: key })).problem.code).toBe("IDEMPOTENCY_MISMATCH");
    }
    expect((await ask("GET", "/Order?select=code&code=in.(once,twice)&order=code"))).toEqual([{ code: "once" }, { code: "twice" }]);
  });

  test("a refusal of the app is kept with its place, others are not", async () => {
    const key = { "idempotency-key": "refused" };
    for (let round = 0; round < 2; round++) {
      const { status, problem, headers } = await send({ operations: [{ method: "POST", path: "/refuse" }], headers: key });
      expect([status, problem.code, problem.where, headers.get("idempotency-replayed")]).toEqual([409, "NOT_TODAY", "operations[0]", round === 0 ? null : "true"]);
    }
    const other = { "idempotency-key": "taken" };
    expect((await send({ operations: [post("/Order", { code: "A" })], headers: other })).status).toBe(409);
    await ask("PATCH", "/Order/a", { code: "free" });
    expect((await send({ operations: [post("/Order", { code: "A" })], headers: other })).status).toBe(200);
  });

  test("what belongs to operations is refused on it", async () => {
    const wrong: readonly (readonly [Partial<Sent>, number, string])[] = [
      [{ headers: { prefer: "return=representation" } }, 400, "MALFORMED_HEADER"], [{ headers: { "if-match": "*" } }, 400, "MALFORMED_HEADER"], [{ headers: { accept: "text/csv" } }, 406, "NOT_ACCEPTABLE"],
      [{ headers: { "content-type": "text/csv" } }, 415, "UNSUPPORTED_MEDIA_TYPE"], [{ query: "?select=id" }, 400, "UNKNOWN_PARAMETER"], [{ method: "GET" }, 405, "METHOD_NOT_ALLOWED"], [{ as: "nobody" }, 401, "INVALID_TOKEN"],
      [{ operations: Array.from({ length: 21 }, () => get("/Order")) }, 422, "TOO_MANY_ROWS"], [{ operations: [post("/Order", { code: "x".repeat(100_000) })] }, 413, "BODY_TOO_LARGE"],
    ];
    for (const [sent, status, code] of wrong) {
      const answer = await send({ operations: one, ...sent });
      expect([sent.headers ?? sent.method ?? sent.query ?? "", answer.status, answer.problem.code]).toEqual([sent.headers ?? sent.method ?? sent.query ?? "", status, code]);
    }
    expect((await fetch(`${app.url}/batch`, { method: "OPTIONS" })).headers.get("allow")).toBe("POST, OPTIONS");
    expect((await fetch(`${app.url}/batch/x`, { method: "POST" })).status).toBe(404);
    expect(await ask("GET", "/Order?code=eq.once")).toEqual([]);
  });

  test("all of it is one entry of the log, and no entry where nothing changed", async () => {
    const entries = (): number => (app.running.storage.reader.get('SELECT count(*) AS entries FROM "$log"') as { entries: number }).entries;
    let before = entries();
    const actor = (): unknown => JSON.parse((app.running.storage.reader.get('SELECT "entry" FROM "$log" ORDER BY "position" DESC LIMIT 1') as { entry: string }).entry).actor;
    await send({ operations: [post("/Order", { id: "n", code: "N" }), post("/Line", { orderId: "n" }), { method: "DELETE", path: "/Line/1" }] });
    expect([entries(), actor()]).toEqual([before + 1, "clerk"]);
    before = entries();
    await send({ operations: [inFront, post("/Order", { id: "m", code: "M" }), post("/Line", { orderId: "m" })] });
    expect([entries(), actor()]).toEqual([before + 1, "clerk"]);
    before = entries();
    await send({ operations: [get("/Order"), post("/Order", { id: "x", code: "X" }), { method: "DELETE", path: "/Order/x" }] });
    expect(entries()).toBe(before);
  });
});
