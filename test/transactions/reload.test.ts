// A reload while a transaction runs: it ends on the app that it began on, and meets what the new one commits.
import { afterEach, expect, test } from "bun:test";
import { endpoints } from "../../src/resources/app-api.ts";
import { administrator, nobody, openApp, type OpenApp } from "../../src/resources/testing/open-app.ts";
import type { TestContext } from "../../src/resources/testing/typed-context.ts";

const SDL = `
type Item @table @export { id: ID! @primaryKey text: String! }
type Endpoints { run: JSON @http(method: POST) @allow(to: ["public"]) }
`;

const apps: OpenApp[] = [];
afterEach(async () => { for (const app of apps.splice(0)) await app.close(); });

test("what the new app commits is a conflict for what runs on the old one, and the other way round", async () => {
  let during: (app: OpenApp) => Promise<unknown> = async () => null;
  let runs = 0;
  let app: OpenApp | null = null;
  const Endpoints = endpoints({
    async run(ctx: TestContext) {
      const read = (await ctx.system["Item"]!.get("x")) as unknown as { text: string };
      if (++runs === 1) await during(app!);
      return ctx.system["Item"]!.update("x", { text: `${read.text}+` });
    },
  });
  app = openApp(SDL, { code: { Endpoints } });
  apps.push(app);
  await app.as(administrator).create("Item", { id: "x", text: "old" });
  let reloaded: Pick<OpenApp, "as"> | null = null;
  during = async (old) => {
    reloaded = old.reloaded();
    await reloaded.as(administrator).update("Item", "x", { text: "new" });
  };
  await app.as(nobody).call("run");
  expect([runs, app.tables.get("Item", "x")!.values["text"]]).toEqual([2, "new+"]);
  runs = 0;
  during = async (old) => old.as(administrator).update("Item", "x", { text: "from before" });
  await reloaded!.as(nobody).call("run");
  expect([runs, app.tables.get("Item", "x")!.values["text"]]).toEqual([2, "from before+"]);
});
