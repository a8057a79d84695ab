import { expect, test } from "bun:test";
import { administrator, openApp, refusal, user } from "./testing/open-app.ts";
import { Table, endpoints } from "./app-api.ts";

const sdl = `
type Price @table(history: "P90D") @export @allow(to: ["public"], do: [READ], where: "record.open") @allow(to: ["staff"], do: [READ, CREATE, UPDATE]) {
  id: ID! @primaryKey
  amount: Int!
  open: Boolean! @default(value: true)
  earlier(at: DateTime!): JSON @action @allow(to: ["public"])
}
type Endpoints {
  claimed(at: DateTime!): Int @http(method: POST, path: "/claimed") @allow(to: ["staff"])
}`;

interface Rows { find(query: object): Promise<{ amount: number }[]>; count(query: object): Promise<number>; claim(query: object, patch: object): Promise<unknown>; update(id: string, patch: object): Promise<unknown> }
interface Context { readonly db: { readonly Price: Rows }; readonly system: { readonly Price: Rows } }

test("code reads an earlier moment beside what it wrote itself, under the caller's rules or without", async () => {
  const app = openApp(sdl, { code: {
    Price: class extends (Table as unknown as (name: string) => new () => object)("Price") {
      async earlier({ at }: { at: Date }): Promise<unknown> {
        const { ctx, id } = this as unknown as { ctx: Context; id: string };
        await ctx.system.Price.update(id, { amount: 100 });
        const seen = async (rows: Rows): Promise<unknown> => [(await rows.find({ id, asof: at })).map(({ amount }) => amount), await rows.count({ asof: at })];
        return [await seen(ctx.db.Price), await seen(ctx.system.Price), (await ctx.system.Price.find({ id })).map(({ amount }) => amount)];
      }
    },
    Endpoints: endpoints({ claimed: async (ctx: unknown, { at }: { at: Date }) => (ctx as Context).db.Price.claim({ asof: at }, { amount: 0 }) } as never),
  } });
  const boss = app.as(administrator);
  await boss.create("Price", [{ id: "a", amount: 1, open: false }, { id: "b", amount: 2 }]);
  app.clock.advance(1_000);
  const first = new Date(app.clock.now() - 1).toISOString();
  await boss.update("Price", "a", { amount: 3, open: true });
  app.clock.advance(1_000);
  const second = new Date(app.clock.now() - 1).toISOString();
  // What was there until the body changed it is in no former version yet.
  expect((await app.as(user("x")).act("Price", "a", "earlier", { at: second })).body).toEqual([[[3], 2], [[3], 2], [100]]);
  app.clock.advance(1_000);
  expect((await app.as(user("x")).act("Price", "a", "earlier", { at: first })).body).toEqual([[[], 1], [[1], 2], [100]]);
  expect(await refusal(app.as(user("s", "staff")).call("claimed", { at: first }))).toMatchObject({ code: "MALFORMED_QUERY" });
  await app.close();
});
