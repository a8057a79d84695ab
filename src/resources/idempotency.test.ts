// Idempotency-Key: one effect and one answer for each key, also in parallel, after failures and after a crash.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { endpoints } from "./app-api.ts";
import { administrator, nobody, openApp, refusal, user, type OpenApp } from "./testing/open-app.ts";
import type { TestArguments, TestContext } from "./testing/typed-context.ts";

const SDL = `
type Order @table @export @allow(to: ["customer"], do: [READ, CREATE, UPDATE], where: "record.owner == auth.subject") { id: ID! @primaryKey owner: ID! @createdBy note: String secretNote: String @allow(to: ["staff"], do: [READ, UPDATE]) }
type Endpoints {
  run(mode: String!): Int @http(method: POST) @allow(to: ["public"])
  direct(mode: String!): Int @http(method: POST, transaction: NONE) @allow(to: ["public"])
}
`;
const KEY = "0123456789abcdef0123456789abcdef";

let runs = 0;
let modes: { [mode: string]: (ctx: TestContext) => unknown } = {};
const Endpoints = endpoints({
  run: (ctx: TestContext, { mode }: TestArguments) => { runs++; return modes[mode]!(ctx); },
  direct: (ctx: TestContext, { mode }: TestArguments) => { runs++; return modes[mode]!(ctx); },
});

let app: OpenApp;
const ann = user("ann", "customer");
beforeEach(() => {
  app = openApp(SDL, { code: { Endpoints } });
  runs = 0;
});
afterEach(() => app.close());
const orders = async (): Promise<unknown> => ((await app.as(administrator).list("Order", "select=count()")).body as { count: number }[])[0]!.count;

test("the same key and body: one effect, the identical answer", async () => {
  const first = await app.as(ann).keyed("k1").create("Order", { note: "n" });
  const again = await app.as(ann).keyed("k1").create("Order", { note: "n" });
  expect(again.body).toEqual(first.body);
  expect([first.result.replayed, again.result.replayed]).toEqual([false, true]);
  expect({ ...again.result, replayed: false, body: null }).toEqual({ ...first.result, body: null });
  expect(await orders()).toBe(1);
});

test("in parallel the second waits for the first", async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, () => app.as(ann).keyed("k1").create("Order", { note: "n" })));
  expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  expect([answers.filter(({ result }) => result.replayed).length, await orders()]).toEqual([9, 1]);
});

test("another body is refused, before and while the first runs", async () => {
  const first = app.as(ann).keyed("k1").create("Order", {});
  const parallel = refusal(app.as(ann).keyed("k1", "other").create("Order", {}));
  expect((await parallel).code).toBe("IDEMPOTENCY_MISMATCH");
  await first;
  expect(await refusal(app.as(ann).keyed("k1", "other").create("Order", {}))).toMatchObject({ code: "IDEMPOTENCY_MISMATCH", status: 422 });
});

test("another subject, path or key is another request", async () => {
  await app.as(ann).keyed("k1").create("Order", {});
  await app.as(user("bob", "customer")).keyed("k1").create("Order", {});
  await app.as(ann).keyed("k2").create("Order", {});
  await app.as(ann).keyed("k1", "body", "POST /Order?x").create("Order", {});
  expect(await orders()).toBe(4);
});

test("it is kept for a day", async () => {
  await app.as(ann).keyed("k1").create("Order", {});
  app.clock.advance(86_400_001);
  expect((await app.as(ann).keyed("k1").create("Order", {})).result.replayed).toBe(false);
});

test("anonymous keys must not be guessable", async () => {
  modes = { ok: () => 1 };
  for (const key of ["1", "order-1", "0123456789012345678901", "abcdefabcdefabcdefabcdef"]) {
    expect((await refusal(app.as(nobody).keyed(key).call("run", { mode: "ok" }))).code).toBe("MALFORMED_HEADER");
  }
  for (const key of [KEY, "6f1e6c1c-2c3a-4f7b-9c9a-0a1b2c3d4e5f", "q8Zr3LwXn0VbYt5KmPcJ7h"]) {
    expect((await app.as(nobody).keyed(key).call("run", { mode: "ok" })).body).toBe(1);
  }
});

test("the role part is asked again before an answer is replayed", async () => {
  await app.as(ann).keyed("k1").create("Order", {});
  expect((await refusal(app.as(user("ann")).keyed("k1").create("Order", {}))).code).toBe("FORBIDDEN");
});

test("an answer is given again only to who has all the rights that it was given under", async () => {
  const first = await app.as(user("ann", "customer", "lead")).keyed("k1").create("Order", {});
  expect((await refusal(app.as(ann).keyed("k1").create("Order", {}))).code).toBe("FORBIDDEN");
  expect((await app.as(user("ann", "customer", "lead", "chief")).keyed("k1").create("Order", {})).result).toMatchObject({ createdId: first.result.createdId, replayed: true });
  expect(await orders()).toBe(1);
});

test("what the app decided is kept; what the runtime refused, and faults, are not", async () => {
  let stock = 0;
  modes = {
    async decided(ctx) { if (stock === 0) throw ctx.error(409, "OUT_OF_STOCK", "Nothing left.", { left: stock }); return 1; },
    async forbidden(ctx) { if (stock === 0) throw ctx.error(403, "NOT_YOURS", "No."); return 1; },
    async broken() { if (stock === 0) throw new Error("broken"); return 1; },
    async unavailable(ctx) { if (stock === 0) throw ctx.error(502, "PAYMENT_UNAVAILABLE", "Down."); return 1; },
    async invalid(ctx) { await ctx.system["Order"]!.create({ nothing: stock }); return 1; },
  };
  for (const kind of ["run", "direct"] as const) {
    for (const mode of ["decided", "forbidden", "broken", "unavailable", "invalid"]) {
      stock = 0;
      await refusal(app.as(ann).keyed(`${kind} ${mode}`).call(kind, { mode }));
      stock = 1;
      const again = app.as(ann).keyed(`${kind} ${mode}`).call(kind, { mode });
      if (mode === "decided") expect(await refusal(again)).toMatchObject({ code: "OUT_OF_STOCK", status: 409, message: "Nothing left.", details: { left: 0 } });
      else if (mode === "invalid") expect((await refusal(again)).code).toBe("VALIDATION_FAILED");
      else expect((await again).body).toBe(1);
    }
  }
});

test("a validation error does not burn the key", async () => {
  await refusal(app.as(ann).keyed("k1", "bad").create("Order", { nothing: 1 }));
  expect((await app.as(ann).keyed("k1", "good").create("Order", {})).status).toBe(201);
});

test("the answer is in the commit of the writes; an empty one is kept as well", async () => {
  modes = { read: async (ctx) => ctx.system["Order"]!.count() };
  expect((await app.as(ann).keyed("k1").call("run", { mode: "read" })).body).toBe(0);
  await app.as(ann).create("Order", {});
  expect((await app.as(ann).keyed("k1").call("run", { mode: "read" })).body).toBe(0);
  expect(runs).toBe(1);
});

test("an answer that is too large to be kept is refused before anything is written", async () => {
  await app.close();
  app = openApp(SDL, { code: { Endpoints }, limits: { idempotencyBodyBytes: 200 } });
  expect((await refusal(app.as(ann).keyed("k1").create("Order", { note: "x".repeat(500) }))).code).toBe("BODY_TOO_LARGE");
  expect(await orders()).toBe(0);
  expect((await app.as(ann).keyed("k1").create("Order", { note: "x".repeat(500) }, { returning: null })).status).toBe(201);
});

test("a duplicate waits only so long", async () => {
  let release = (): void => {};
  modes = { slow: async () => { await new Promise<void>((resolve) => { release = resolve; }); return 1; } };
  const first = app.as(ann).keyed("k1").call("direct", { mode: "slow" });
  const second = refusal(app.as(ann).keyed("k1").call("direct", { mode: "slow" }));
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  app.clock.advance(5_001);
  expect(await second).toMatchObject({ code: "IDEMPOTENCY_IN_PROGRESS", status: 409 });
  release();
  expect((await first).body).toBe(1);
  expect((await app.as(ann).keyed("k1").call("direct", { mode: "slow" })).result.replayed).toBe(true);
  expect(runs).toBe(1);
});

test("after a reload a duplicate still waits for the first, which the app before has in hand", async () => {
  for (const name of ["direct", "run"]) {
    let release = (): void => {};
    modes = { slow: async (ctx) => { await new Promise<void>((resolve) => { release = resolve; }); await ctx.system["Order"]!.create({ owner: "x" }); return 1; } };
    runs = 0;
    const before = await orders() as number;
    const first = app.as(ann).keyed(`k ${name}`).call(name, { mode: "slow" });
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    const after = app.reloaded();
    const second = after.as(ann).keyed(`k ${name}`).call(name, { mode: "slow" });
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    release();
    expect([(await first).body, (await second).body, (await second).result.replayed]).toEqual([1, 1, true]);
    expect([runs, await orders()]).toEqual([1, before + 1]);
  }
});

test("a body outside of transactions that a crash interrupted: never twice", async () => {
  let release = (): void => {};
  modes = { slow: async (ctx) => { await ctx.system["Order"]!.create({ owner: "x" }); await new Promise<void>((resolve) => { release = resolve; }); return 1; } };
  void app.as(ann).keyed("k1").call("direct", { mode: "slow" }).catch(() => {});
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  const { directory } = app;
  await app.close(true);
  app = openApp(SDL, { code: { Endpoints }, directory });
  expect(await refusal(app.as(ann).keyed("k1").call("direct", { mode: "slow" }))).toMatchObject({ code: "OUTCOME_UNKNOWN", status: 409 });
  expect([runs, await orders()]).toEqual([1, 1]);
  release();
});
