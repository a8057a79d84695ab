// Actions and endpoints: arguments, `this`, transactions and conflicts, results, faults, forgotten awaits.
import { afterEach, expect, test } from "bun:test";
import { endpoints, Table } from "./app-api.ts";
import type { TestArguments, TestContext } from "./testing/typed-context.ts";
import { administrator, nobody, openApp, refusal, user, type AppOptions, type OpenApp } from "./testing/open-app.ts";

const SDL = `
enum Status { PENDING CANCELLED }
type Order @table @export
  @allow(to: ["customer"], do: [READ], where: "record.customerId == auth.subject")
  @allow(to: ["support"], do: [READ])
{
  id: ID! @primaryKey
  customerId: ID! @indexed
  status: Status! @default(value: PENDING) @readOnly
  reason: String @readOnly
  internalNote: String @internal
  cost: Int @allow(to: ["support"], do: [READ])
  number: Int! @sequence
  updatedAt: DateTime! @updatedTime
  cancel(reason: String @length(max: 10)): Order! @action
    @allow(to: ["customer"], where: "record.customerId == auth.subject && (input.reason == null || input.reason != 'no')")
  throwAway: Boolean @action @allow(to: ["support"])
  open(count: Int!): [Order!]! @action(on: TABLE) @allow(to: ["support"])
  slow: Order! @action(transaction: NONE) @allow(to: ["support"])
}
type Stock @table @export @allow(to: ["staff"], do: [READ]) { id: ID! @primaryKey available: Int! @range(min: 0) note: String }
type Sold @table @allow(to: ["staff"], do: [READ]) { id: ID! @primaryKey stockId: ID! orderId: ID @internal order: Order @relationship(from: "orderId") }
type Endpoints {
  checkout(stockId: ID!): Int! @http(method: POST) @allow(to: ["public"])
  order(id: ID!): Order @http(method: GET) @allow(to: ["public"])
  stocks: [Stock!]! @http(method: GET) @allow(to: ["public"])
  total: Long! @http(method: GET) @allow(to: ["public"])
  run(mode: String!): Boolean @http(method: POST) @allow(to: ["public"])
  direct(mode: String!): Int @http(method: POST, transaction: NONE) @allow(to: ["public"])
  nobodyMay: Boolean @http(method: POST)
}
`;

class Order extends Table("Order") {
  declare readonly ctx: TestContext;
  declare readonly status: string;

  async cancel({ reason }: TestArguments) {
    if (this.status !== "PENDING") throw this.ctx.error(409, "NOT_CANCELLABLE", "Only pending orders can be cancelled.", { status: this.status });
    return this.update({ status: "CANCELLED", reason, internalNote: "by customer" });
  }
  async throwAway() { await this.remove(); return true; }
  static async open(ctx: TestContext, { count }: TestArguments) {
    return Promise.all(Array.from({ length: count }, (_, index) => ctx.system["Order"]!.create({ id: `o${index}`, customerId: index % 2 === 0 ? "ann" : "bob" })));
  }
  async slow() {
    await this.update({ reason: "first" });
    await this.update({ status: "CANCELLED" });
    return this;
  }
}

let modes: { [mode: string]: (ctx: TestContext) => unknown } = {};
const Endpoints = endpoints({
  async checkout(ctx: TestContext, { stockId }: TestArguments) {
    const stock = (await ctx.system["Stock"]!.get(stockId))!;
    if (stock.available === 0) throw ctx.error(409, "OUT_OF_STOCK", "Nothing is left.");
    await ctx.system["Sold"]!.create({ stockId });
    return (await ctx.system["Stock"]!.update(stockId, { available: stock.available - 1 })).available;
  },
  order: (ctx: TestContext, { id }: TestArguments) => ctx.system["Order"]!.get(id),
  stocks: (ctx: TestContext) => ctx.system["Stock"]!.find(),
  async total() { return 9007199254740993n; },
  run: (ctx: TestContext, { mode }: TestArguments) => modes[mode]!(ctx),
  direct: (ctx: TestContext, { mode }: TestArguments) => modes[mode]!(ctx),
  async nobodyMay() { return true; },
});

const apps: OpenApp[] = [];
async function open(options: AppOptions = {}): Promise<OpenApp> {
  const app = openApp(SDL, { code: { Order, Endpoints }, ...options });
  apps.push(app);
  await app.as(administrator).create("Order", [{ id: "a1", customerId: "ann", cost: 7 }, { id: "b1", customerId: "bob", cost: 9 }]);
  await app.as(administrator).create("Stock", { id: "s1", available: 10 });
  return app;
}
afterEach(async () => { for (const app of apps.splice(0)) await app.close(); });

const ann = user("ann", "customer");
const support = user("sue", "support");

test("an action acts on the record without rules and answers what the caller may read", async () => {
  const app = await open();
  const before = app.entries().length;
  const { body, status } = await app.as(ann).act("Order", "a1", "cancel", { reason: "late" });
  expect(status).toBe(200);
  expect(body).toMatchObject({ id: "a1", status: "CANCELLED", reason: "late", number: 1 });
  expect(body).not.toHaveProperty("cost");
  expect(body).not.toHaveProperty("internalNote");
  expect(body).toHaveProperty("updatedAt", app.tables.get("Order", "a1")!.values["updatedAt"]);
  expect(app.tables.get("Order", "a1")!.values["internalNote"]).toBe("by customer");
  expect(app.entries().length).toBe(before + 1);
  expect((await app.as(administrator).get("Order", "a1")).body).toHaveProperty("cost", 7);
});

test("role, arguments, record and rule decide in this order", async () => {
  const app = await open();
  expect((await refusal(app.as(nobody).act("Order", "a1", "cancel"))).status).toBe(401);
  expect((await refusal(app.as(support).act("Order", "a1", "cancel"))).status).toBe(403);
  expect(await refusal(app.as(ann).act("Order", "zz", "cancel", { reason: "much too long", other: 1 }))).toMatchObject({
    code: "VALIDATION_FAILED", details: [{ path: "other", code: "UNKNOWN_FIELD" }, { path: "reason", code: "TOO_LONG" }],
  });
  expect((await refusal(app.as(ann).act("Order", "b1", "cancel"))).code).toBe("NOT_FOUND");
  expect((await refusal(app.as(ann).act("Order", "a1", "cancel", { reason: "no" }))).code).toBe("FORBIDDEN");
  expect((await refusal(app.as(ann).call("nobodyMay"))).code).toBe("FORBIDDEN");
  expect((await app.as(administrator).call("nobodyMay")).body).toBe(true);
  expect((await refusal(app.as(ann).act("Order", "a1", "nothing"))).code).toBe("NOT_FOUND");
});

test("a precondition on the record comes after the rule and before the body", async () => {
  const app = await open();
  const version = app.tables.get("Order", "a1")!.version;
  const cancel = (id: string, wanted: number) => app.as(ann).send({ kind: "action", table: "Order", id, name: "cancel", input: {}, precondition: { ifMatch: [wanted], ifNoneMatch: null } });
  expect((await refusal(cancel("b1", version))).code).toBe("NOT_FOUND");
  expect((await refusal(cancel("a1", version + 1))).code).toBe("PRECONDITION_FAILED");
  expect(app.tables.get("Order", "a1")!.values["status"]).toBe("PENDING");
  const answers = await Promise.allSettled([cancel("a1", version), cancel("a1", version), cancel("a1", version)]);
  expect(answers.map((one) => (one.status === "fulfilled" ? one.value.status : (one.reason as { code: string }).code)).sort()).toEqual([200, "PRECONDITION_FAILED", "PRECONDITION_FAILED"]);
});

test("where one record is asked for, a list of another length is refused with what the body did", async () => {
  const app = await open();
  const before = app.entries().length;
  const opened = (count: number) => app.as(support).send({ kind: "action", table: "Order", id: null, name: "open", input: { count } as never, single: true });
  for (const count of [0, 2]) expect(await refusal(opened(count))).toMatchObject({ code: "NOT_ONE_RECORD", status: 406, details: `The result contains ${count} rows` });
  expect(app.entries().length).toBe(before);
  expect((await opened(1)).body).toHaveLength(1);
  expect(app.entries().length).toBe(before + 1);
});

test("an app's own error is the answer, and nothing is written", async () => {
  const app = await open();
  await app.as(ann).act("Order", "a1", "cancel");
  const entries = app.entries().length;
  expect(await refusal(app.as(ann).act("Order", "a1", "cancel"))).toMatchObject({ code: "NOT_CANCELLABLE", status: 409, details: { status: "CANCELLED" } });
  expect(app.entries().length).toBe(entries);
});

test("actions on the table; lists leave out what the caller may not read; remove", async () => {
  const app = await open();
  const { body } = await app.as(user("sue", "support")).act("Order", null, "open", { count: 4 });
  expect((body as { id: string }[]).map(({ id }) => id)).toEqual(["o0", "o1", "o2", "o3"]);
  expect(app.entries().at(-1)!.changes.length).toBe(4);
  expect((await app.as(support).act("Order", "o1", "throwAway")).body).toBe(true);
  expect(app.tables.get("Order", "o1")).toBeNull();
});

test("without a transaction each write commits by itself; `this` shows them", async () => {
  const app = await open();
  const before = app.entries().length;
  expect((await app.as(support).act("Order", "a1", "slow")).body).toMatchObject({ id: "a1", reason: "first", status: "CANCELLED" });
  expect(app.entries().length).toBe(before + 2);
});

test("records in results are hidden by the same rules; Long is text", async () => {
  const app = await open();
  expect((await app.as(ann).call("order", { id: "a1" })).body).toMatchObject({ id: "a1" });
  expect((await app.as(ann).call("order", { id: "b1" })).body).toBeNull();
  expect((await app.as(support).call("order", { id: "b1" })).body).toMatchObject({ id: "b1", cost: 9 });
  expect((await app.as(ann).call("stocks")).body).toEqual([]);
  expect((await app.as(user("s", "staff")).call("stocks")).body).toEqual([{ id: "s1", available: 10, note: null }]);
  expect((await app.as(nobody).call("total")).body).toBe("9007199254740993");
});

test("50 parallel checkouts on 10 units: exactly 10", async () => {
  const app = await open();
  const answers = await Promise.all(Array.from({ length: 50 }, () => app.as(nobody).call("checkout", { stockId: "s1" }).then(({ body }) => body, (error: Error & { code: string }) => error.code)));
  expect(answers.filter((answer) => typeof answer === "number").sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(answers.filter((answer) => answer === "OUT_OF_STOCK").length).toBe(40);
  expect(app.tables.get("Stock", "s1")!.values["available"]).toBe(0);
  expect((await app.as(administrator).list("Sold", "select=count()")).body).toEqual([{ count: 10 }]);
});

test("own writes are seen by own reads: by key, by query, by count, through rules", async () => {
  const app = await open();
  modes = {
    async own(ctx) {
      await ctx.system["Stock"]!.create({ id: "s2", available: 3 });
      await ctx.system["Stock"]!.increment("s2", "available", 4);
      expect((await ctx.system["Stock"]!.get("s2"))!.available).toBe(7);
      expect((await ctx.system["Stock"]!.find({ available: { gt: 5 }, order: { available: "asc" } })).map(({ id }: { id: string }) => id)).toEqual(["s2", "s1"]);
      expect(await ctx.system["Stock"]!.count()).toBe(2);
      await ctx.system["Stock"]!.remove("s1");
      expect(await ctx.system["Stock"]!.get("s1")).toBeNull();
      expect(await ctx.system["Stock"]!.count({ available: 10 })).toBe(0);
      await ctx.system["Stock"]!.upsert({ id: "s2", available: 1 });
      expect((await ctx.system["Stock"]!.first({ id: "s2" }))!.available).toBe(1);
    },
  };
  expect((await app.as(nobody).call("run", { mode: "own" })).body).toBeNull();
  expect(app.entries().at(-1)!.changes.map(({ table, id, new: after }) => [table, id, after?.["available"]])).toEqual([["Stock", "s1", undefined], ["Stock", "s2", 1]]);
});

test("a write that is refused throws at its call and leaves the rest", async () => {
  const app = await open();
  modes = {
    async caught(ctx) {
      await ctx.system["Stock"]!.create({ id: "s2", available: 1 });
      await ctx.system["Stock"]!.create({ id: "s2", available: 1 }).then(() => { throw new Error("twice"); }, (error: { code: string }) => expect(error.code).toBe("UNIQUE_VIOLATION"));
      await ctx.system["Stock"]!.update("s2", { available: -1 }).catch(() => {});
      await ctx.system["Stock"]!.update("s2", { note: "kept" });
    },
  };
  await app.as(nobody).call("run", { mode: "caught" });
  expect(app.tables.get("Stock", "s2")!.values).toMatchObject({ available: 1, note: "kept" });
});

test("faults of app code are incidents: nothing leaks, nothing is written, the log knows", async () => {
  const app = await open();
  modes = {
    async throws(ctx) { await ctx.system["Stock"]!.update("s1", { available: 1 }); throw new Error("secret detail"); },
    async text() { throw "just text"; },
    async forgets(ctx) { void ctx.system["Stock"]!.update("s1", { available: 2 }); },
    async forgetsFailure(ctx) { void ctx.system["Stock"]!.update("zz", { available: 2 }); },
    async wrong() { return "not a boolean"; },
    async fetches(ctx) { await ctx.fetch("http://127.0.0.1/"); },
    async unavailable(ctx) { Reflect.get(ctx, "call"); },
    async badError(ctx) { throw ctx.error(200, "FINE", "no"); },
  };
  const entries = app.entries().length;
  for (const [mode, code] of [["throws", "INTERNAL"], ["text", "INTERNAL"], ["forgets", "INTERNAL"], ["forgetsFailure", "INTERNAL"], ["wrong", "INVALID_RESULT"], ["badError", "INTERNAL"]] as const) {
    const told = await refusal(app.as(nobody).call("run", { mode }));
    expect([mode, told.code, told.status]).toEqual([mode, code, 500]);
    expect(told.message + JSON.stringify(told.details)).not.toMatch(/secret|text|Stock|boolean/);
    expect(app.log.some((line) => line["incident"] === (told.details as { incident: string }).incident)).toBe(true);
  }
  expect(JSON.stringify(app.log)).toContain("ctx.system.Stock.update was not awaited.");
  expect(await refusal(app.as(nobody).call("run", { mode: "fetches" }))).toMatchObject({ code: "EXTERNAL_IN_TRANSACTION", status: 500 });
  expect((await refusal(app.as(nobody).call("run", { mode: "unavailable" }))).code).toBe("NOT_AVAILABLE");
  expect(app.entries().length).toBe(entries);
});

test("in development the client is told what was thrown, too", async () => {
  const app = await open({ parts: { development: true } });
  modes = { async throws() { throw new TypeError("secret detail"); }, async forgets(ctx) { void ctx.system["Stock"]!.update("s1", { available: 2 }); }, async wrong() { return "not a boolean"; } };
  const hint = async (mode: string): Promise<unknown> => app.as(nobody).call("run", { mode }).then(() => null, (error: { extras: { hint?: string } }) => error.extras.hint);
  expect(await hint("throws")).toBe("In run: TypeError: secret detail");
  expect(await hint("forgets")).toEndWith("ctx.system.Stock.update was not awaited.");
  expect(await hint("wrong")).toBe('In run: [{"path":"","code":"WRONG_TYPE"}]');
});

test("a refusal of a write without rules names nothing that is hidden from the caller", async () => {
  const app = await open();
  modes = { async below(ctx) { await ctx.system["Stock"]!.increment("s1", "available", -11); } };
  const hidden = await refusal(app.as(nobody).call("run", { mode: "below" }));
  expect(hidden.code).toBe("VALIDATION_FAILED");
  expect(JSON.stringify(hidden)).not.toMatch(/available|Stock/);
  const shown = await refusal(app.as(user("s", "staff")).call("run", { mode: "below" }));
  expect(JSON.stringify(shown)).toContain("available");
});

test("a body that never ends gets its time, and commits nothing afterwards", async () => {
  const app = await open();
  let late: Promise<unknown> = Promise.resolve();
  let release = (): void => {};
  modes = {
    run: (ctx) => late = (async () => {
      await ctx.system["Stock"]!.update("s1", { available: 1 });
      await new Promise<void>((resolve) => { release = resolve; });
      return ctx.system["Stock"]!.update("s1", { available: 2 });
    })(),
  };
  const answer = refusal(app.as(nobody).call("run", { mode: "run" }));
  await new Promise((resolve) => setImmediate(resolve));
  app.clock.advance(5_001);
  expect(await answer).toMatchObject({ code: "TRANSACTION_TIMEOUT", status: 503 });
  release();
  // It is told in another turn.
  await new Promise((resolve) => setImmediate(resolve));
  app.clock.advance(1);
  expect(await late.then(() => "wrote", (error: Error) => error.message)).toContain("was called after its time was up");
  expect(app.tables.get("Stock", "s1")!.values["available"]).toBe(10);
});

test("a record that changed under the body runs it again; who never wins is told which", async () => {
  const app = await open({ limits: { transactionAttempts: 3 } });
  let runs = 0;
  modes = {
    async moved(ctx) {
      runs++;
      const stock = (await ctx.db["Stock"]!.get("s1"))!;
      if (runs === 1) await app.as(administrator).update("Stock", "s1", { available: 5 });
      await ctx.system["Stock"]!.update("s1", { note: `saw ${stock.available}` });
    },
    async absent(ctx) {
      runs++;
      const found = await ctx.system["Stock"]!.get("late");
      if (runs === 1) await app.as(administrator).create("Stock", { id: "late", available: 1 });
      await ctx.system["Stock"]!.update("s1", { note: found === null ? "absent" : "present" });
    },
    async queried(ctx) {
      runs++;
      const rows = await ctx.system["Stock"]!.find({ id: "s1", available: { gt: 0 } });
      if (runs === 1) await app.as(administrator).update("Stock", "s1", { available: 3 });
      await ctx.system["Sold"]!.create({ stockId: String(rows[0]!.available) });
    },
  };
  const staff = app.as(user("s", "staff"));
  await staff.call("run", { mode: "moved" });
  expect([runs, app.tables.get("Stock", "s1")!.values["note"]]).toEqual([2, "saw 5"]);
  runs = 0;
  await staff.call("run", { mode: "absent" });
  expect([runs, app.tables.get("Stock", "s1")!.values["note"]]).toEqual([2, "present"]);
  runs = 0;
  await staff.call("run", { mode: "queried" });
  expect([runs, (await app.as(administrator).list("Sold", "select=stockId")).body]).toEqual([2, [{ stockId: "3" }]]);
});

test("the last attempt is alone for so long only; who does not win is told", async () => {
  const app = await open({ limits: { transactionAttempts: 2 } });
  let runs = 0;
  let outside: Promise<unknown> = Promise.resolve();
  modes = {
    async loses(ctx) {
      await ctx.system["Stock"]!.update("s1", { note: `run ${++runs}` });
      outside = app.as(administrator).update("Stock", "s1", { available: runs });
      if (runs === 1) await outside;
      else app.clock.advance(101);
    },
  };
  expect(await refusal(app.as(user("s", "staff")).call("run", { mode: "loses" }))).toMatchObject({ code: "TRANSACTION_CONFLICT", status: 409 });
  await outside;
  expect([runs, app.tables.get("Stock", "s1")!.values["note"], app.tables.get("Stock", "s1")!.values["available"]]).toEqual([2, null, 2]);
});

test("what a body says about a state that never was does not count", async () => {
  const app = await open();
  let runs = 0;
  modes = {
    async torn(ctx) {
      runs++;
      const first = (await ctx.system["Stock"]!.get("s1"))!.available;
      if (runs === 1) await app.as(administrator).update("Stock", "s1", { available: 4 });
      const second = (await ctx.system["Stock"]!.first({ id: "s1" }))!.available;
      if (first !== second) throw new Error("torn");
    },
  };
  await app.as(nobody).call("run", { mode: "torn" });
  expect(runs).toBe(2);
});

test("claim: each record exactly once among all who ask, in and outside of transactions", async () => {
  const app = await open();
  await app.as(administrator).create("Stock", Array.from({ length: 10 }, (_, index) => ({ id: `c${index}`, available: 100, note: "free" })));
  modes = {
    claim: async (ctx) => { const got = await ctx.system["Stock"]!.claim({ note: "free" }, { note: "taken" }); return got === null ? 0 : 1; },
    claimIn: async (ctx) => (await ctx.system["Stock"]!.claim({ note: "free" }, { note: "taken" })) !== null,
  };
  const direct = await Promise.all(Array.from({ length: 8 }, () => app.as(nobody).call("direct", { mode: "claim" })));
  const inside = await Promise.all(Array.from({ length: 8 }, () => app.as(nobody).call("run", { mode: "claimIn" })));
  expect([direct.filter(({ body }) => body === 1).length, inside.filter(({ body }) => body === true).length]).toEqual([8, 2]);
});

test("under the caller's rules ctx.db sees and writes what the caller may; ctx.system all", async () => {
  const app = await open();
  modes = {
    async rules(ctx) {
      expect((await ctx.db["Order"]!.find()).map(({ id }: { id: string }) => id)).toEqual(["a1"]);
      expect(await ctx.db["Order"]!.get("b1")).toBeNull();
      expect(await ctx.db["Order"]!.get("a1")).not.toHaveProperty("cost");
      expect(await ctx.system["Order"]!.get("a1")).toHaveProperty("cost", 7);
      expect(await ctx.db["Stock"]!.find().catch((error: { code: string }) => error.code)).toBe("FORBIDDEN");
      expect(await ctx.db["Order"]!.update("a1", { customerId: "x" }).catch((error: { code: string }) => error.code)).toBe("FORBIDDEN");
      expect(await ctx.db["Order"]!.find({ cost: 7 }).catch((error: { code: string }) => error.code)).toBe("UNKNOWN_FIELD");
      expect(ctx.auth).toEqual({ subject: "ann", roles: ["customer"], tenant: null, claims: {} });
      expect([ctx.values["greeting"], ctx.secrets["key"], JSON.stringify(ctx.secrets)]).toEqual(["hello", "hidden", "{}"]);
      expect(ctx.now()).toBeInstanceOf(Date);
      expect(await ctx.system["Order"]!.query({ limit: 1, order: { id: "asc" } })).toMatchObject({ rows: [{ id: "a1" }], next: expect.any(String) });
      ctx.log.info("noted", { what: "x" });
    },
  };
  await app.as(ann).call("run", { mode: "rules" });
  expect(app.log.at(-1)).toMatchObject({ event: "app-log", body: "run", message: "noted" });
});

test("internal fields, and relations over internal keys, are for code alone", async () => {
  const app = await open();
  modes = {
    async internal(ctx) {
      await ctx.system["Sold"]!.create({ id: "x1", stockId: "s1", orderId: "a1" });
      for (const tables of [ctx.system, ctx.db]) {
        expect(await tables["Sold"]!.find({ orderId: "a1", select: ["id", { order: ["id"] }] })).toMatchObject([{ id: "x1", order: { id: "a1" } }]);
        expect(await tables["Sold"]!.get("x1")).toHaveProperty("orderId", "a1");
      }
    },
  };
  await app.as(user("s", "staff", "support")).call("run", { mode: "internal" });
  for (const who of [user("s", "staff", "support"), administrator]) {
    expect((await app.as(who).list("Sold")).body).toEqual([{ id: "x1", stockId: "s1" }]);
    expect((await refusal(() => app.as(who).list("Sold", "select=id,order(id)"))).code).toBe("UNKNOWN_FIELD");
  }
});

test("ids and defaults that a body was told are those that are committed", async () => {
  const app = await open();
  const told: { id: string; number: number }[] = [];
  modes = { async make(ctx) { told.push(await ctx.system["Order"]!.create({ customerId: "ann" })); } };
  await Promise.all(Array.from({ length: 5 }, () => app.as(nobody).call("run", { mode: "make" })));
  const stored = (await app.as(administrator).list("Order", "select=id,number&id=not.in.(a1,b1)")).body as { id: string; number: number }[];
  expect(stored.length).toBe(5);
  for (const { id, number } of stored) expect(told.some((one) => one.id === id && one.number === number)).toBe(true);
});

test("a transaction writes at most limits.transactionWrites times, and then not at all", async () => {
  const app = await open({ limits: { transactionWrites: 3 } });
  const write = (count: number) => async (ctx: TestContext): Promise<boolean> => {
    for (let index = 0; index < count; index++) await ctx.system["Sold"]!.create({ stockId: `w${index}` });
    return true;
  };
  modes = { within: write(3), beyond: write(4) };
  const before = app.entries().length;
  expect((await refusal(app.as(nobody).call("run", { mode: "beyond" }))).code).toBe("TOO_MANY_ROWS");
  expect(app.entries().length).toBe(before);
  expect((await app.as(nobody).call("run", { mode: "within" })).body).toBe(true);
  expect(app.entries().length).toBe(before + 1);
});

test("whoever commits alone waits for the queue no longer than a transaction lives", async () => {
  const app = await open({ limits: { transactionAttempts: 1 } });
  modes = { write: async (ctx) => { await ctx.system["Sold"]!.create({ stockId: "s" }); return true; } };
  await app.tables.hold();
  const late = refusal(app.as(nobody).call("run", { mode: "write" }));
  app.clock.advance(5_001);
  expect((await late).code).toBe("TRANSACTION_TIMEOUT");
  // Its turn, when it came after all, was given back.
  (await app.tables.hold()).release();
  expect((await app.as(nobody).call("run", { mode: "write" })).body).toBe(true);
});

for (const transactionAttempts of [2, 10]) {
  test(`a body whose time goes by in the commit queue does not run again (of ${transactionAttempts} attempts)`, async () => {
    const app = await open({ limits: { transactionAttempts } });
    let runs = 0;
    modes = {
      async outrun(ctx) {
        runs++;
        const { available } = (await ctx.system["Stock"]!.get("s1"))!;
        await ctx.system["Stock"]!.update("s1", { available: available + 1 });
        await app.as(nobody).call("checkout", { stockId: "s1" });
        // Before its own commit.
        void app.storage.commit(() => { app.clock.advance(5_001); });
        return true;
      },
    };
    expect((await refusal(app.as(nobody).call("run", { mode: "outrun" }))).code).toBe("TRANSACTION_TIMEOUT");
    expect(runs).toBe(1);
    // Nor does it keep the queue: others commit, though no timer fires.
    expect((await app.as(nobody).call("checkout", { stockId: "s1" })).status).toBe(200);
    expect(app.tables.get("Stock", "s1")?.values["available"]).toBe(8);
  });
}
