// Overridden create, update and remove: once per record on every path, continuing the caller's operation under the caller's rules.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { endpoints, Table } from "./app-api.ts";
import { administrator, nobody, openApp, refusal, user, type OpenApp } from "./testing/open-app.ts";
import type { TestArguments, TestContext } from "./testing/typed-context.ts";

const SDL = `
type Line @table @export
  @allow(to: ["customer"], do: [READ, CREATE, UPDATE, DELETE], where: "record.owner == auth.subject")
  @allow(to: ["clerk"], do: [READ, UPDATE])
  @allow(to: ["counter"], do: [READ])
  @allow(to: ["counter"], do: [UPDATE], where: "record.quantity > 5")
{
  id: ID! @primaryKey
  sku: String! @indexed(unique: true)
  owner: ID! @createdBy
  quantity: Int! @range(min: 1) @default(value: 1)
  price: Int! @readOnly
  big: Long
  seen: DateTime
  extra: JSON
  note: String @allow(to: ["customer", "clerk"], do: [READ]) @allow(to: ["clerk"], do: [UPDATE])
  margin: Int @allow(to: ["clerk"], do: [READ, UPDATE])
  bump: Line! @action @allow(to: ["customer"])
  twice: [Line!]! @action(on: TABLE) @allow(to: ["customer"])
}
type Log @table { id: ID! @primaryKey what: String! }
type Plain @table @export @allow(to: ["customer"], do: [READ, CREATE]) { id: ID! @primaryKey lineId: ID! line: Line! @relationship(from: "lineId", onDelete: CASCADE) }
type Endpoints { run(mode: String!): Int @http(method: POST) @allow(to: ["public"]) direct(mode: String!): Int @http(method: POST, transaction: NONE) @allow(to: ["public"]) }
`;

let calls: string[] = [];
let modes: { [mode: string]: (ctx: TestContext) => unknown } = {};
let refuseUpdate = false;

class Line extends Table("Line") {
  declare readonly ctx: TestContext;
  declare readonly id: string;
  declare readonly quantity: number;
  declare readonly price: number;

  static override async create(ctx: TestContext, input: { sku: string; quantity?: number }) {
    calls.push(`create ${JSON.stringify(input, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value))}`);
    await ctx.system["Log"]!.create({ what: `create ${input.sku}` });
    if (input.sku === "refused") throw ctx.error(409, "NO_SUCH_SKU", "We do not sell it.");
    if (input.sku === "never") return undefined;
    return super.create(ctx, { ...input, price: 100 });
  }
  override async update(patch: { quantity?: number }) {
    calls.push(`update ${this.id} ${JSON.stringify(patch)}`);
    if (refuseUpdate) throw this.ctx.error(409, "FROZEN", "Not now.");
    return super.update({ ...patch, price: (patch.quantity ?? this.quantity) * 100 });
  }
  override async remove() {
    calls.push(`remove ${this.id}`);
    await this.ctx.system["Log"]!.create({ what: `remove ${this.id}` });
    return super.remove();
  }
  async bump() { return this.update({ quantity: this.quantity + 1 }); }
  static async twice(ctx: TestContext) {
    return [await ctx.db["Line"]!.create({ id: "t1", sku: "T1" }), await Line.create(ctx, { id: "t2", sku: "T2" } as never)];
  }
}

const Endpoints = endpoints({
  run: (ctx: TestContext, { mode }: TestArguments) => modes[mode]!(ctx),
  direct: (ctx: TestContext, { mode }: TestArguments) => modes[mode]!(ctx),
});

let app: OpenApp;
const ann = user("ann", "customer");
const clerk = user("cle", "clerk");
beforeEach(() => {
  app = openApp(SDL, { code: { Line, Endpoints } });
  calls = [];
  refuseUpdate = false;
});
afterEach(() => app.close());
const line = (id: string): { readonly [field: string]: unknown } | undefined => app.tables.get("Line", id)?.values;
const logged = async (): Promise<unknown[]> => ((await app.as(administrator).list("Log", "select=what&order=id")).body as { what: string }[]).map(({ what }) => what);

test("create: values in the form that code knows, one entry with all that the override wrote", async () => {
  const { status, body, result } = await app.as(ann).create("Line", { id: "l1", sku: "A", big: "9007199254740993", seen: "2026-01-01T01:00:00+01:00", extra: { a: [1] } });
  expect([status, body, result.createdId, result.affected]).toMatchObject([201, [{ id: "l1", price: 100, owner: "ann", big: "9007199254740993", seen: "2026-01-01T00:00:00.000Z" }], "l1", 1]);
  expect(calls).toEqual(['create {"id":"l1","sku":"A","big":"9007199254740993n","seen":"2026-01-01T00:00:00.000Z","extra":{"a":[1]}}']);
  expect(app.entries().at(-1)!.changes.map(({ table }) => table).sort()).toEqual(["Line", "Log"]);
});

test("the role part and malformed input decide before any body runs", async () => {
  expect((await refusal(app.as(nobody).create("Line", { sku: "A" }))).status).toBe(401);
  expect((await refusal(app.as(clerk).create("Line", { sku: "A" }))).status).toBe(403);
  expect(await refusal(app.as(ann).create("Line", { sku: "A", quantity: "x" }))).toMatchObject({ code: "VALIDATION_FAILED", where: "quantity" });
  expect((await refusal(app.as(ann).update("Line", "zz", { quantity: 2 }))).code).toBe("NOT_FOUND");
  expect(calls).toEqual([]);
});

test("rules hold on what the caller sent and on the final record; what the override adds is its own", async () => {
  expect((await refusal(app.as(ann).create("Line", { sku: "A", price: 1 }))).code).toBe("READ_ONLY_FIELD");
  expect((await refusal(app.as(ann).create("Line", { sku: "A", note: "x" }))).code).toBe("FORBIDDEN");
  expect((await refusal(app.as(ann).create("Line", { sku: "A", nothing: 1 }))).code).toBe("VALIDATION_FAILED");
  expect((await refusal(app.as(ann).create("Line", { sku: "A", quantity: 0 }))).code).toBe("VALIDATION_FAILED");
  expect(app.entries()).toEqual([]);
});

test("an override that refuses, or does not go on", async () => {
  expect(await refusal(app.as(ann).create("Line", { sku: "refused" }))).toMatchObject({ code: "NO_SUCH_SKU", status: 409 });
  const { status, body, result } = await app.as(ann).create("Line", { sku: "never" });
  expect([status, body, result.affected, result.createdId]).toEqual([200, [], 0, null]);
  expect(await logged()).toEqual(["create never"]);
});

test("bulk, upsert and PUT call it once per record, and are atomic", async () => {
  await app.as(ann).create("Line", [{ id: "l1", sku: "A" }, { id: "l2", sku: "B" }]);
  expect(calls.length).toBe(2);
  expect((await refusal(app.as(ann).create("Line", [{ id: "l3", sku: "C" }, { id: "l4", sku: "refused" }]))).code).toBe("NO_SUCH_SKU");
  expect(line("l3")).toBeUndefined();
  calls = [];
  const merge = { onConflict: { fields: ["sku"], resolution: "merge" as const } };
  expect((await app.as(ann).create("Line", [{ sku: "A", quantity: 5 }, { id: "l5", sku: "E" }], merge)).status).toBe(201);
  expect(calls).toEqual(['update l1 {"sku":"A","quantity":5}', 'create {"id":"l5","sku":"E"}']);
  expect(line("l1")).toMatchObject({ quantity: 5, price: 500 });
  calls = [];
  await app.as(ann).create("Line", { sku: "A", quantity: 9 }, { onConflict: { fields: ["sku"], resolution: "ignore" } });
  expect([calls, line("l1")!["quantity"]]).toEqual([[], 5]);
  await app.as(ann).replace("Line", "l1", { sku: "A", quantity: 7 });
  await app.as(ann).replace("Line", "l9", { sku: "N" });
  expect(calls).toEqual(['update l1 {"sku":"A","quantity":7}', 'create {"sku":"N"}']);
  expect([line("l1")!["price"], line("l9")!["price"]]).toEqual([700, 100]);
});

test("update and remove, one and many, by the caller's rules", async () => {
  await app.as(ann).create("Line", [{ id: "l1", sku: "A" }, { id: "l2", sku: "B" }]);
  await app.as(user("bob", "customer")).create("Line", { id: "b1", sku: "X" });
  calls = [];
  expect((await app.as(ann).update("Line", "l1", { quantity: 3 })).body).toMatchObject({ quantity: 3, price: 300 });
  expect((await refusal(app.as(ann).update("Line", "b1", { quantity: 3 }))).code).toBe("NOT_FOUND");
  expect((await refusal(app.as(ann).update("Line", "l1", { note: "x" }))).code).toBe("FORBIDDEN");
  expect((await app.as(clerk).update("Line", "b1", { note: "x" })).body).toMatchObject({ note: "x" });
  expect((await app.as(ann).updateMany("Line", "id=not.is.null", { quantity: 2 })).result.affected).toBe(2);
  expect((await app.as(ann).removeMany("Line", "id=in.(l2,b1)")).body).toMatchObject([{ id: "l2" }]);
  expect((await app.as(ann).remove("Line", "l1")).body).toMatchObject({ id: "l1", quantity: 2 });
  expect(calls).toEqual([
    'update l1 {"quantity":3}', 'update l1 {"note":"x"}', 'update b1 {"note":"x"}',
    'update l1 {"quantity":2}', 'update l2 {"quantity":2}', "remove l2", "remove l1",
  ]);
  expect([line("l1"), line("l2"), line("b1")!["quantity"]]).toEqual([undefined, undefined, 1]);
});

test("If-Match is asked before the override, and again in the commit", async () => {
  await app.as(ann).create("Line", { id: "l1", sku: "A" });
  calls = [];
  const version = app.tables.get("Line", "l1")!.version;
  expect((await refusal(app.as(ann).update("Line", "l1", { quantity: 2 }, { precondition: { ifMatch: [version + 7], ifNoneMatch: null } }))).code).toBe("PRECONDITION_FAILED");
  expect(calls).toEqual([]);
  expect((await app.as(ann).update("Line", "l1", { quantity: 2 }, { precondition: { ifMatch: [version], ifNoneMatch: null } })).status).toBe(200);
});

test("a field that is not there for the caller is unknown, whatever value is sent for it", async () => {
  await app.as(ann).create("Line", { id: "l1", sku: "A" });
  for (const value of ["x", 1, null, {}]) {
    const unknown = [{ path: "margin", code: "UNKNOWN_FIELD" }];
    expect(await refusal(app.as(ann).create("Line", { sku: "B", margin: value }))).toMatchObject({ code: "VALIDATION_FAILED", details: unknown });
    expect(await refusal(app.as(ann).update("Line", "l1", { margin: value }))).toMatchObject({ code: "VALIDATION_FAILED", details: unknown });
  }
  expect(await refusal(app.as(clerk).update("Line", "l1", { margin: "x" }))).toMatchObject({ details: [{ path: "margin", code: "WRONG_TYPE" }] });
});

test("who may not change the record hears that, not whether its version is another one", async () => {
  await app.as(ann).create("Line", { id: "l1", sku: "A" });
  const stale = { precondition: { ifMatch: [0], ifNoneMatch: null } };
  expect((await refusal(app.as(user("cou", "counter")).update("Line", "l1", { quantity: 2 }, stale))).code).toBe("FORBIDDEN");
  expect((await refusal(app.as(clerk).update("Line", "l1", { quantity: 2 }, stale))).code).toBe("PRECONDITION_FAILED");
});

test("a merge patch reaches the override with what it comes to", async () => {
  await app.as(ann).create("Line", { id: "l1", sku: "A", extra: { a: 1, b: { c: 2 } } });
  await app.as(ann).update("Line", "l1", { extra: { a: null, b: { d: 3 } } }, { merge: true });
  expect(calls.at(-1)).toBe('update l1 {"extra":{"b":{"c":2,"d":3}}}');
  expect(line("l1")!["extra"]).toEqual({ b: { c: 2, d: 3 } });
});

test("actions: this.update goes through the override, without rules; static create continues in code", async () => {
  await app.as(ann).create("Line", { id: "l1", sku: "A" });
  calls = [];
  expect((await app.as(ann).act("Line", "l1", "bump")).body).toMatchObject({ quantity: 2, price: 200 });
  expect((await app.as(ann).act("Line", null, "twice")).body).toMatchObject([{ id: "t1", price: 100 }, { id: "t2", price: 100 }]);
  expect(calls).toEqual(['update l1 {"quantity":2}', 'create {"id":"t1","sku":"T1"}', 'create {"id":"t2","sku":"T2"}']);
});

test("ctx.db, ctx.system, increment and claim go through it, in a transaction and outside", async () => {
  await app.as(ann).create("Line", [{ id: "l1", sku: "A" }, { id: "l2", sku: "B" }]);
  modes = {
    async code(ctx) {
      expect(await ctx.db["Line"]!.increment("l1", "quantity", 4)).toMatchObject({ quantity: 5, price: 500 });
      expect(await ctx.system["Line"]!.update("l2", { quantity: 2 })).toMatchObject({ price: 200 });
      expect(await ctx.db["Line"]!.claim({ sku: "B" }, { quantity: 3 })).toMatchObject({ id: "l2", price: 300 });
      expect(await ctx.db["Line"]!.claim({ sku: "none" }, { quantity: 3 })).toBeNull();
      await ctx.db["Line"]!.remove("l2");
      return 1;
    },
  };
  for (const kind of ["run", "direct"]) {
    calls = [];
    expect((await app.as(ann).call(kind, { mode: "code" })).body).toBe(1);
    expect(calls).toEqual(['update l1 {"quantity":5}', 'update l2 {"quantity":2}', 'update l2 {"quantity":3}', "remove l2"]);
    await app.as(ann).create("Line", { id: "l2", sku: "B" });
    await app.as(ann).update("Line", "l1", { quantity: 1 });
  }
});

test("a direct body's write with an override is one commit, also when the override fails", async () => {
  await app.as(ann).create("Line", { id: "l1", sku: "A" });
  const entries = app.entries().length;
  refuseUpdate = true;
  modes = { async fails(ctx) { await ctx.system["Line"]!.update("l1", { quantity: 2 }); return 1; } };
  expect((await refusal(app.as(ann).call("direct", { mode: "fails" }))).code).toBe("FROZEN");
  expect(app.entries().length).toBe(entries);
});

test("cascades do not call it", async () => {
  await app.as(ann).create("Line", { id: "l1", sku: "A" });
  await app.as(ann).create("Plain", { id: "p1", lineId: "l1" });
  await app.as(ann).remove("Line", "l1");
  expect(calls.at(-1)).toBe("remove l1");
  expect(app.tables.get("Plain", "p1")).toBeNull();
});

test("parallel writers through an override: none is lost", async () => {
  await app.as(ann).create("Line", { id: "l1", sku: "A" });
  await Promise.all(Array.from({ length: 20 }, () => app.as(ann).act("Line", "l1", "bump")));
  expect(line("l1")).toMatchObject({ quantity: 21, price: 2100 });
});
