import { afterEach, expect, test } from "bun:test";
import { Table, endpoints } from "./app-api.ts";
import type { ChannelFrame } from "./channel-frame.ts";
import { administrator, openApp, refusal, user, type OpenApp } from "./testing/open-app.ts";
import type { TestContext } from "./testing/typed-context.ts";

const SCHEMA = `
type Item @table @export @allow(to: ["member"], do: [READ, CREATE, UPDATE]) {
  id: ID! @primaryKey
  number: Int! @default(value: 0)
  bump(fail: Boolean): Item! @action @allow(to: ["member"])
}
type Board @channel(key: "boardId") @export @allow(to: ["member"], do: [SUBSCRIBE]) @allow(to: ["member"], do: [PUBLISH], where: "record.text != 'forbidden'") {
  boardId: ID!
  text: String!
  by: ID @createdBy
}
type Endpoints {
  tell(how: String!): Boolean @http(path: "/tell") @allow(to: ["member", "stranger"])
  slowly(how: String!): Boolean @http(path: "/slowly", transaction: NONE) @allow(to: ["member"])
}
`;

interface Publishes { publish(topic: string, message: object): Promise<void> }
type Ctx = Omit<TestContext, "system"> & Publishes & { readonly system: Publishes };

let attempts = 0;
let between: (() => Promise<void>) | null = null;
const ways: Readonly<Record<string, (ctx: Ctx) => Promise<void>>> = {
  key: (ctx) => ctx.publish("Board", { boardId: "42", text: "key" }),
  topic: (ctx) => ctx.publish("Board/42", { text: "topic" }),
  system: (ctx) => ctx.system.publish("Board/42", { text: "forbidden", by: "the app" }),
  forbidden: (ctx) => ctx.publish("Board/42", { text: "forbidden" }),
  wrong: (ctx) => ctx.publish("Board/42", { text: 5 }),
  unknown: (ctx) => ctx.publish("Bord/42", { text: "x" }),
  async fails(ctx) {
    await ctx.publish("Board/42", { text: "never" });
    throw new Error("no");
  },
  async nested(ctx) {
    await ctx.publish("Board/42", { text: "outer" });
    await ctx.transaction(async () => {
      await ctx.publish("Board/42", { text: "lost" });
      throw new Error("inner");
    }).catch(() => {});
  },
  async conflict(ctx) {
    attempts++;
    const item = await ctx.db["Item"]!.get("i1");
    await ctx.publish("Board/42", { text: `saw ${String(item?.number)}` });
    await between?.();
    await ctx.db["Item"]!.update("i1", { number: Number(item?.number) + 1 });
  },
};

const code = {
  Item: class extends Table("Item") {
    async bump(this: { ctx: Ctx; update(patch: object): Promise<unknown> }, { fail }: { fail?: boolean }): Promise<unknown> {
      await this.ctx.publish("Board/42", { text: "bumped" });
      if (fail === true) throw this.ctx.error(409, "NOT_NOW", "Not now.");
      return this.update({ number: 5 });
    }
  },
  Endpoints: endpoints({
    async tell(ctx: Ctx, { how }: { how: string }) { await ways[how]!(ctx); return true; },
    async slowly(ctx: Ctx, { how }: { how: string }) { await ways[how]!(ctx); return true; },
  }),
};

let app: OpenApp | null = null;
afterEach(async () => { await app?.close(); app = null; between = null; attempts = 0; });
const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
const member = user("m1", "member");

async function opened(): Promise<() => Promise<unknown[]>> {
  app = openApp(SCHEMA, { code });
  await app.as(administrator).create("Item", { id: "i1" });
  const told: { text: string; by: string | null }[] = [];
  const take = (frame: ChannelFrame): void => { if (frame.op === "message") told.push(...frame.messages.map(({ text }) => JSON.parse(text) as { text: string; by: string | null })); };
  app.dispatcher.channels.subscribe({ channel: app.catalog.channels.get("Board")!, key: "42", connection: null, resumed: false }, app.access.rights(administrator), { take, fail: () => {}, renew: () => {} });
  return async () => { await turn(); return told.map(({ text, by }) => [text, by]); };
}

test("code publishes by the channel or by the topic, under the caller's rules; ctx.system without", async () => {
  const told = await opened();
  for (const name of ["tell", "slowly"]) {
    await app!.as(member).call(name, { how: "key" });
    await app!.as(member).call(name, { how: "topic" });
    await app!.as(member).call(name, { how: "system" });
    expect(await refusal(app!.as(member).call(name, { how: "forbidden" }))).toMatchObject({ code: "FORBIDDEN" });
    expect(await refusal(app!.as(member).call(name, { how: "wrong" }))).toMatchObject({ code: "VALIDATION_FAILED", where: "text" });
    expect(await refusal(app!.as(member).call(name, { how: "unknown" }))).toMatchObject({ code: "NOT_FOUND" });
  }
  expect(await refusal(app!.as(user("s", "stranger")).call("tell", { how: "key" }))).toMatchObject({ code: "FORBIDDEN" });
  const once = [["key", "m1"], ["topic", "m1"], ["forbidden", "the app"]];
  expect(await told()).toEqual([...once, ...once]);
});

test("a body that fails has published nothing", async () => {
  const told = await opened();
  await refusal(app!.as(member).call("tell", { how: "fails" }));
  await refusal(app!.as(member).act("Item", "i1", "bump", { fail: true }));
  expect(await told()).toEqual([]);
  await app!.as(member).act("Item", "i1", "bump");
  expect(await told()).toEqual([["bumped", "m1"]]);
});

test("outside of a transaction it is told at once", async () => {
  const told = await opened();
  await refusal(app!.as(member).call("slowly", { how: "fails" }));
  expect(await told()).toEqual([["never", "m1"]]);
});

test("a nested part that fails takes its messages along", async () => {
  const told = await opened();
  await app!.as(member).call("tell", { how: "nested" });
  expect(await told()).toEqual([["outer", "m1"]]);
});

test("a transaction that runs again tells what its last run said, once", async () => {
  const told = await opened();
  between = async () => {
    between = null;
    await app!.as(administrator).update("Item", "i1", { number: 10 });
  };
  await app!.as(member).call("tell", { how: "conflict" });
  expect(attempts).toBe(2);
  expect(await told()).toEqual([["saw 10", "m1"]]);
});

test("a request with an Idempotency-Key publishes once", async () => {
  const told = await opened();
  const keyed = app!.as(member).keyed("k1");
  const body = { kind: "publish", channel: "Board", key: "42", input: { text: "once" } } as const;
  await keyed.send(body);
  const again = await keyed.send(body);
  expect(again.result.replayed).toBe(true);
  expect(await told()).toEqual([["once", "m1"]]);
});
