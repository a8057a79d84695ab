// ctx.transaction: one of its own where there is none, a savepoint where there is; nothing forgotten is ever committed late.
import { afterEach, expect, test } from "bun:test";
import { endpoints } from "../../src/resources/app-api.ts";
import { Table } from "../../src/resources/app-api.ts";
import { administrator, nobody, openApp, refusal, user, type AppOptions, type OpenApp } from "../../src/resources/testing/open-app.ts";
import type { TestContext } from "../../src/resources/testing/typed-context.ts";

const SDL = `
type Item @table @export @allow(to: ["public"], do: [READ, CREATE, UPDATE]) { id: ID! @primaryKey text: String number: Int! @sequence @indexed(unique: true) tags: String @indexed(unique: true) }
type Kept @table @export @allow(to: ["public"], do: [READ, CREATE]) { id: ID! @primaryKey text: String }
type Page @table @export @search(fields: ["title"]) { id: ID! @primaryKey title: String! @indexed(type: TEXT) place: Place @indexed(type: GEO) lines: [Line!]! @relationship(to: "pageId") }
type Line @table @export { id: ID! @primaryKey pageId: ID! page: Page! @relationship(from: "pageId") words: String! }
type Plain @table @export { id: ID! @primaryKey text: String }
type Place { lat: Float! lon: Float! }
type Endpoints {
  direct(mode: String!): JSON @http(method: POST, transaction: NONE) @allow(to: ["public"])
  safe(mode: String!): JSON @http(method: GET) @allow(to: ["public"])
  run(mode: String!): JSON @http(method: POST) @allow(to: ["public"])
}
`;

let modes: { [mode: string]: (ctx: TestContext) => unknown } = {};
const call = (ctx: TestContext, { mode }: { mode: string }): unknown => modes[mode]!(ctx);
const Endpoints = endpoints({ direct: call, safe: call, run: call });
class Kept extends Table("Kept") {
  static override async create(ctx: object, input: { readonly text?: string }) {
    const { transaction } = ctx as TestContext;
    const caught = await transaction(async (inner) => {
      await inner.db["Item"]!.create({ id: "of kept", text: "side" });
      if (input.text === "no") throw new Error("no");
      return null;
    }).catch((error: Error) => error.message);
    if (input.text === "all") return transaction.call(ctx, (same: TestContext) => super.create(same, { ...input, text: "in one" }));
    return super.create(ctx, { ...input, text: caught ?? "yes" });
  }
}

const apps: OpenApp[] = [];
function open(options: AppOptions = {}): OpenApp {
  const app = openApp(SDL, { code: { Endpoints, Kept }, ...options });
  apps.push(app);
  return app;
}
afterEach(async () => { for (const app of apps.splice(0)) await app.close(); });

const idsOf = async (app: OpenApp, table = "Item"): Promise<unknown> => ((await app.as(administrator).list(table, "select=id&order=id")).body as { id: string }[]).map(({ id }) => id);

test("outside of a transaction it is one: one entry, its value is answered, and it is run again on a conflict", async () => {
  const app = open();
  let runs = 0;
  modes = {
    async two(ctx) {
      await ctx.db["Item"]!.create({ id: "before" });
      return ctx.transaction(async (inner) => {
        runs++;
        const before = (await inner.db["Item"]!.get("before"))!;
        if (runs === 1) await app.as(administrator).update("Item", "before", { text: "moved" });
        await inner.db["Item"]!.create({ id: "a", text: (before as unknown as { text: string }).text });
        await inner.db["Item"]!.create({ id: "b" });
        return { runs };
      });
    },
  };
  const { body } = await app.as(nobody).call("direct", { mode: "two" });
  expect(body).toEqual({ runs: 2 });
  expect(await idsOf(app)).toEqual(["a", "b", "before"]);
  expect(app.tables.get("Item", "a")!.values["text"]).toBe("moved");
  expect(app.entries().map(({ changes }) => changes.map(({ id }) => id))).toEqual([["before"], ["before"], ["a", "b"]]);
});

test("what it throws undoes it and goes on to the body", async () => {
  const app = open();
  modes = {
    async fails(ctx) {
      await ctx.db["Item"]!.create({ id: "stays" });
      return ctx.transaction(async (inner) => {
        await inner.db["Item"]!.create({ id: "goes" });
        throw inner.error(409, "NOT_NOW", "Not now.");
      });
    },
  };
  expect((await refusal(app.as(nobody).call("direct", { mode: "fails" }))).code).toBe("NOT_NOW");
  expect(await idsOf(app)).toEqual(["stays"]);
  modes["safely"] = (ctx) => ctx.transaction(async (inner) => (await inner.db["Item"]!.create({ id: "by get" })).id);
  expect((await app.as(nobody).call("safe", { mode: "safely" })).body).toBe("by get");
});

test("calling out is refused inside, and works before and after it", async () => {
  let asked = 0;
  const app = open({ parts: { fetch: async () => { asked++; return new Response("ok"); } } });
  modes = {
    async calls(ctx) {
      await ctx.fetch("http://127.0.0.1/");
      const inside = await ctx.transaction((inner) => inner.fetch("http://127.0.0.1/")).catch((error: { code: string }) => error.code);
      await ctx.fetch("http://127.0.0.1/");
      return inside;
    },
  };
  expect((await app.as(nobody).call("direct", { mode: "calls" })).body).toBe("EXTERNAL_IN_TRANSACTION");
  expect(asked).toBe(2);
});

test("a nested one that throws is undone by itself: also its numbers and unique values; the rest is committed", async () => {
  const app = open();
  modes = {
    async nested(ctx) {
      const { Item } = ctx.db;
      await Item!.create({ id: "a", tags: "one" });
      await Item!.update("a", { text: "before" });
      const caught = await ctx.transaction(async (inner) => {
        await inner.db["Item"]!.update("a", { text: "inside", tags: "two" });
        await inner.db["Item"]!.create({ id: "b", tags: "one" });
        await inner.transaction(async (innermost) => innermost.db["Item"]!.create({ id: "c" }));
        expect(await inner.db["Item"]!.count()).toBe(3);
        throw new RangeError("enough");
      }).catch((error: Error) => error.message);
      expect(await Item!.find({ select: ["id", "text", "tags"] })).toEqual([{ id: "a", text: "before", tags: "one" }] as never);
      const kept = await ctx.transaction(async (inner) => {
        await inner.transaction(async (innermost) => { await innermost.db["Item"]!.create({ id: "lost" }); throw new Error("lost"); }).catch(() => null);
        return (await inner.db["Item"]!.create({ id: "d" })).number;
      });
      return [caught, kept];
    },
  };
  expect((await app.as(nobody).call("run", { mode: "nested" })).body).toEqual(["enough", 2]);
  expect(await idsOf(app)).toEqual(["a", "d"]);
  expect(app.entries()).toHaveLength(1);
});

test("whatever ctx is used inside, and whatever happens beside it: what a nested one wrote is undone, and nothing else", async () => {
  const app = open();
  const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
  modes = {
    async fine(ctx) {
      await Promise.all(["a", "b"].map((id) => ctx.transaction(async (inner) => { await inner.db["Item"]!.create({ id }); await inner.db["Item"]!.get(id); })));
      return null;
    },
    async outer(ctx) {
      await ctx.transaction(async () => { await ctx.db["Item"]!.create({ id: "gone" }); throw new Error("x"); }).catch(() => null);
      return null;
    },
    async beside(ctx) {
      await Promise.all([
        ctx.transaction(async () => { await ctx.system["Plain"]!.create({ id: "gone" }); await turn(); await ctx.system["Plain"]!.create({ id: "gone too" }); throw new Error("x"); }).catch(() => null),
        (async () => { await turn(); await ctx.system["Plain"]!.create({ id: "c" }); })(),
      ]);
      return null;
    },
    async builtUpon(ctx) {
      await Promise.all([
        ctx.transaction(async () => { await ctx.system["Plain"]!.create({ id: "gone" }); await turn(); await turn(); throw new Error("x"); }).catch(() => null),
        (async () => { await turn(); await ctx.system["Plain"]!.update("gone", { text: "mine" }); })(),
      ]);
      return null;
    },
    async late(ctx) {
      const { promise, resolve } = Promise.withResolvers<void>();
      let late: Promise<unknown> = Promise.resolve();
      await ctx.transaction(async () => { late = promise.then(() => ctx.db["Item"]!.create({ id: "late" })); });
      resolve();
      await late;
      return null;
    },
  };
  for (const mode of ["fine", "outer", "beside"]) await app.as(nobody).call("run", { mode });
  expect([await idsOf(app), await idsOf(app, "Plain")]).toEqual([["a", "b"], ["c"]]);
  for (const mode of ["builtUpon", "late"]) expect((await refusal(app.as(nobody).call("run", { mode }))).code).toBe("INTERNAL");
  expect([await idsOf(app), await idsOf(app, "Plain")]).toEqual([["a", "b"], ["c"]]);
  expect(JSON.stringify(app.log)).toContain("was used outside of it before it failed");
});

test("outside of a transaction, too, any ctx used inside of ctx.transaction is of it", async () => {
  let asked = 0;
  const app = open({ parts: { fetch: async () => { asked++; return new Response("ok"); } } });
  modes = {
    async undone(ctx) {
      await ctx.db["Item"]!.create({ id: "before" });
      await ctx.transaction(async () => {
        await ctx.db["Item"]!.create({ id: "inside" });
        expect(await ctx.db["Item"]!.count()).toBe(2);
        await ctx.fetch("http://127.0.0.1/");
      });
    },
    async kept(ctx) {
      await ctx.transaction(async () => { await ctx.db["Item"]!.create({ id: "x" }); await ctx.db["Item"]!.create({ id: "y" }); });
      return (await ctx.db["Item"]!.create({ id: "z" })).id;
    },
  };
  expect((await refusal(app.as(nobody).call("direct", { mode: "undone" }))).code).toBe("EXTERNAL_IN_TRANSACTION");
  expect([asked, await idsOf(app)]).toEqual([0, ["before"]]);
  expect((await app.as(nobody).call("direct", { mode: "kept" })).body).toBe("z");
  expect(app.entries().map(({ changes }) => changes.map(({ id }) => id))).toEqual([["before"], ["x", "y"], ["z"]]);
});

test("an override's own part is undone alone", async () => {
  const app = open();
  const { body } = await app.as(user("u")).create("Kept", [{ id: "1", text: "no" }]);
  expect(body).toEqual([{ id: "1", text: "no" }]);
  expect(await idsOf(app)).toEqual([]);
  expect((await app.as(user("u")).create("Kept", [{ id: "2", text: "go" }])).body).toEqual([{ id: "2", text: "yes" }]);
  expect(await idsOf(app)).toEqual(["of kept"]);
  await app.as(administrator).remove("Item", "of kept");
  const whole = await app.as(user("u")).create("Kept", [{ id: "3", text: "all" }]);
  expect([whole.status, whole.body]).toEqual([201, [{ id: "3", text: "in one" }]]);
});

test("a transaction or write that a body forgot is never committed late", async () => {
  const app = open();
  const gate = Promise.withResolvers<void>();
  modes = {
    async forgets(ctx) {
      void ctx.transaction(async (inner) => { await inner.db["Item"]!.create({ id: "late" }); await gate.promise; });
      return null;
    },
    async forgetsQuick(ctx) { void ctx.transaction((inner) => inner.db["Item"]!.create({ id: "quick" })); return null; },
    async forgetsWrite(ctx) { void ctx.db["Item"]!.create({ id: "written" }); return null; },
    async forgetsInside(ctx) { return ctx.transaction(async (inner) => { void inner.db["Item"]!.create({ id: "inside" }); return null; }); },
    async forgetsNested(ctx) { void ctx.transaction(async (inner) => { await inner.db["Item"]!.create({ id: "nested" }); }); return null; },
  };
  for (const mode of ["forgets", "forgetsQuick", "forgetsWrite", "forgetsInside"]) expect((await refusal(app.as(nobody).call("direct", { mode }))).code).toBe("INTERNAL");
  expect((await refusal(app.as(nobody).call("run", { mode: "forgetsNested" }))).code).toBe("INTERNAL");
  gate.resolve();
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(await idsOf(app)).toEqual([]);
});

test("a transaction has its time, within a body too", async () => {
  const app = open();
  const begun = Promise.withResolvers<void>();
  modes = {
    direct: (ctx) => ctx.transaction(async (inner) => {
      await inner.db["Item"]!.create({ id: "never" });
      begun.resolve();
      await new Promise(() => {});
    }),
  };
  const answer = refusal(app.as(nobody).call("direct", { mode: "direct" }));
  await begun.promise;
  app.clock.advance(5_001);
  expect(await answer).toMatchObject({ code: "TRANSACTION_TIMEOUT", status: 503 });
  expect(await idsOf(app)).toEqual([]);
});

test("a conflict that the body swallows is one all the same", async () => {
  const app = open();
  await app.as(administrator).create("Item", { id: "x", text: "1" });
  let runs = 0;
  modes = {
    async swallows(ctx) {
      const first = await ctx.db["Item"]!.get("x");
      if (++runs === 1) await app.as(administrator).update("Item", "x", { text: "2" });
      const second = await ctx.db["Item"]!.get("x").catch(() => null);
      await ctx.db["Item"]!.create({ id: `saw ${(first as unknown as { text: string }).text} ${second === null}` }).catch(() => null);
      return runs;
    },
  };
  expect((await app.as(nobody).call("run", { mode: "swallows" })).body).toBe(2);
  expect(await idsOf(app)).toEqual(["saw 2 false", "x"]);
});

test("what ranks by an index is refused on a table that the transaction has written, and only there", async () => {
  const app = open();
  await app.as(administrator).create("Page", { id: "p", title: "old lamp", place: { lat: 1, lon: 1 } });
  const codes: unknown[] = [];
  modes = {
    async searches(ctx) {
      const { Page, Item } = ctx.system;
      const asked = (query: object): Promise<unknown> => Page!.find(query).then((rows) => rows.length, (error: { code: string }) => error.code);
      const all = async (): Promise<unknown> => [await asked({ search: "lamp" }), await asked({ near: { latitude: 1, longitude: 1, metres: 10 } }), await asked({ title: { ilike: "%lamp%" } })];
      await Item!.create({ id: "other" });
      codes.push(await all());
      await Page!.create({ id: "q", title: "new lamp" });
      codes.push(await all());
      return null;
    },
  };
  await app.as(nobody).call("run", { mode: "searches" });
  expect(codes).toEqual([[1, 1, 1], ["SEARCH_AFTER_WRITE", "SEARCH_AFTER_WRITE", 2]]);
});
