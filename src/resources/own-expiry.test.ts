// A body sees of its own writes what everybody will see: a record whose end has come is there for no read.
import { afterEach, expect, test } from "bun:test";
import { endpoints } from "./app-api.ts";
import type { TestContext } from "./testing/typed-context.ts";
import { nobody, openApp, type OpenApp } from "./testing/open-app.ts";

const SDL = `
type Pass @table { id: ID! @primaryKey name: String until: DateTime @expiresAt }
type Endpoints { run: JSON @http @allow(to: ["public"]) }`;

const opened: OpenApp[] = [];
afterEach(async () => { for (const app of opened.splice(0)) await app.close(); });

async function answer(run: (ctx: TestContext) => Promise<unknown>): Promise<unknown> {
  const app = openApp(SDL, { code: { Endpoints: endpoints({ run }) } });
  opened.push(app);
  return (await app.as(nobody).call("run", {})).body;
}

const past = "2000-01-01T00:00:00Z";
const reads = async (ctx: TestContext): Promise<unknown> => {
  const { Pass } = ctx.system as Required<typeof ctx.system>;
  return [await Pass!.get("p"), await Pass!.first({ id: "p" }), await Pass!.count({})];
};

test("one that was created with its end in the past", async () => {
  expect(await answer(async (ctx) => {
    await ctx.system["Pass"]!.create({ id: "p", until: past });
    return reads(ctx);
  })).toEqual([null, null, 0]);
});

test("one that was given an end in the past; its key is free again", async () => {
  expect(await answer(async (ctx) => {
    const { Pass } = ctx.system as Required<typeof ctx.system>;
    await Pass!.create({ id: "p", name: "first" });
    await Pass!.update("p", { until: past });
    const gone = await reads(ctx);
    await Pass!.create({ id: "p", name: "second" });
    return [gone, await Pass!.first({ name: "second", select: ["name"] })];
  })).toEqual([[null, null, 0], { name: "second" }]);
});
