// Time stands still within a transaction: a record whose end comes meanwhile is there for all of its reads, or for none.
import { afterEach, expect, test } from "bun:test";
import { endpoints } from "../../src/resources/app-api.ts";
import { administrator, nobody, openApp, type OpenApp } from "../../src/resources/testing/open-app.ts";
import type { TestContext } from "../../src/resources/testing/typed-context.ts";

const SDL = `
type Offer @table @export { id: ID! @primaryKey until: DateTime @expiresAt seen: Boolean lines: [Line!]! @relationship(to: "offerId") }
type Line @table @export { id: ID! @primaryKey offerId: ID! offer: Offer! @relationship(from: "offerId", onDelete: CASCADE) }
type Endpoints { run: JSON @http(method: POST) @allow(to: ["public"]) }
`;

const apps: OpenApp[] = [];
afterEach(async () => { for (const app of apps.splice(0)) await app.close(); });

test("by key, by query, by a relation, and for references", async () => {
  let app: OpenApp | null = null;
  const Endpoints = endpoints({
    async run(ctx: TestContext) {
      const { Offer, Line } = ctx.system as Required<typeof ctx.system>;
      const look = async (): Promise<unknown> => [
        (await Offer!.get("o")) !== null, await Offer!.count(), (await Line!.find({ offer: { seen: true } })).length, (await Line!.find({ select: ["id", { offer: ["id"] }] })),
      ];
      const before = await look();
      const began = ctx.now().getTime();
      app!.clock.advance(1_500);
      const after = await look();
      await Line!.create({ id: "own", offerId: "o" });
      return [JSON.stringify(before) === JSON.stringify(after), ctx.now().getTime() === began, (await Offer!.get("o")) !== null];
    },
  });
  app = openApp(SDL, { code: { Endpoints } });
  apps.push(app);
  const until = new Date(app.clock.now() + 1_000).toISOString();
  await app.as(administrator).create("Offer", { id: "o", until, seen: true });
  await app.as(administrator).create("Line", { id: "l", offerId: "o" });
  // In the commit, whose time is later, the reference does not hold: the body runs again and sees why.
  const answer = await app.as(nobody).call("run").then(({ body }) => body, (error: { code: string }) => error.code);
  expect(answer).toBe("REFERENCE_VIOLATION");
  await app.as(administrator).create("Offer", { id: "o", until: new Date(app.clock.now() + 60_000).toISOString(), seen: true });
  expect((await app.as(nobody).call("run")).body).toEqual([true, true, true]);
});
