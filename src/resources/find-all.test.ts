// `find` without a limit gives all or says that it cannot.
import { afterEach, expect, test } from "bun:test";
import { endpoints } from "./app-api.ts";
import type { TestContext } from "./testing/typed-context.ts";
import { nobody, openApp, refusal, type OpenApp } from "./testing/open-app.ts";

const SDL = `
type Item @table { id: Int! @primaryKey group: Int! @indexed }
type Endpoints {
  fill(count: Int!): Boolean @http(path: "/fill") @allow(to: ["public"])
  found: Int! @http(path: "/found") @allow(to: ["public"])
}`;

let query: object = {};

const Endpoints = endpoints({
  async fill({ system }: TestContext, { count }: { readonly count: number }) {
    for (let id = 0; id < count; id++) await system["Item"]!.create({ id, group: id % 2 });
    return true;
  },
  async found({ system }: TestContext) {
    return (await system["Item"]!.find(query)).length;
  },
});

let app: OpenApp | null = null;
afterEach(async () => { await app?.close(); app = null; });

test("as many as a page holds are all; one more is refused, not left out; a limit is what was asked for", async () => {
  app = openApp(SDL, { code: { Endpoints }, limits: { pageRows: 10 } });
  const found = (asked: object): Promise<unknown> => {
    query = asked;
    return app!.as(nobody).call("found", {}).then(({ body }) => body);
  };
  await app.as(nobody).call("fill", { count: 10 });
  expect(await found({})).toBe(10);
  expect(await found({ order: { group: "desc" } })).toBe(10);
  expect(await found({ group: 1 })).toBe(5);
  await app.close();
  app = openApp(SDL, { code: { Endpoints }, limits: { pageRows: 10 } });
  await app.as(nobody).call("fill", { count: 11 });
  expect(await refusal(found({}))).toMatchObject({ code: "TOO_MANY_ROWS" });
  expect(await refusal(found({ offset: 0 }))).toMatchObject({ code: "TOO_MANY_ROWS" });
  expect(await found({ offset: 1 })).toBe(10);
  expect(await found({ limit: 10 })).toBe(10);
  expect(await found({ group: 0 })).toBe(6);
});
