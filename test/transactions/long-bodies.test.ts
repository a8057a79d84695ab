// Bodies that never let go: nobody else may wait for them longer than a transaction lives, and hundreds of reads and writes by turns fit in.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";

const schema = `
type Row @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey value: Int! @default(value: 0) }
type Deep @table @export @allow(to: ["clerk"], do: [READ, CREATE]) { id: ID! @primaryKey }
type Endpoints {
  forever: Boolean @http(path: "/forever") @allow(to: ["clerk"])
  stubborn: Boolean @http(path: "/stubborn") @allow(to: ["clerk"])
  without: Boolean @http(path: "/without", transaction: NONE) @allow(to: ["clerk"])
  computes: Row! @http(path: "/computes") @allow(to: ["clerk"])
  turns(count: Int!): Int! @http(path: "/turns") @allow(to: ["clerk"])
}`;

const resources = `/// <reference path="./.ambit/types.d.ts" />
import { Table, endpoints } from "ambit";
export class Deep extends Table("Deep") {
  static override async create(ctx, input) { await ctx.db.Deep.create({}); return super.create(ctx, input); }
}
export const Endpoints = endpoints({
  async forever(ctx) { for (;;) await ctx.db.Row.count({}); },
  async stubborn(ctx) {
    for (let late = 0; late < 300;) try { await ctx.db.Row.update("none", { value: 1 }); } catch (error) { if (error.code !== "NOT_FOUND") late++; }
    return true;
  },
  async without(ctx) { for (;;) await ctx.db.Row.get("none"); },
  async computes(ctx) {
    const made = await ctx.db.Row.create({ id: "computed" });
    for (const end = performance.now() + 1_000; performance.now() < end;);
    return made;
  },
  async turns(ctx, { count }) {
    for (let index = 0; index < count; index++) {
      await ctx.db.Row.create({ id: "r" + index, value: index });
      const read = await ctx.db.Row.get("r" + (index >> 1));
      await ctx.db.Row.update(read.id, { value: read.value + 1 });
    }
    return (await ctx.db.Row.get("r0")).value;
  },
});
`;

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, resources, config: `${keysFor("clerk")}limits: { transactionMs: 800, requestMs: 500 }\n` }); });
afterAll(() => app?.stop());

const headers = { authorization: "Bearer key-clerk", "content-type": "application/json" };
const call = (path: string, body: object = {}): Promise<Response> => fetch(app.url + path, { method: "POST", headers, body: JSON.stringify(body), signal: AbortSignal.timeout(20_000) });

for (const path of ["/forever", "/stubborn", "/without"]) {
  test(`${path} ends in time, and the server answers others`, async () => {
    const answer = await call(path);
    expect([answer.status, (await answer.json() as { code: string }).code]).toEqual([503, "TRANSACTION_TIMEOUT"]);
    expect((await fetch(`${app.url}/health`, { signal: AbortSignal.timeout(5_000) })).status).toBe(200);
    // Also what never gives up goes on beside everybody else.
    expect((await call("/batch", { operations: [{ method: "GET", path: "/Row?limit=1" }, { method: "GET", path: "/Row?limit=2" }] })).status).toBe(200);
  }, 120_000);
}

test("what computes beyond its time without a pause commits nothing", async () => {
  const answer = await call("/computes");
  expect([answer.status, (await answer.json() as { code: string }).code]).toEqual([503, "TRANSACTION_TIMEOUT"]);
  expect((await fetch(`${app.url}/Row/computed`, { headers })).status).toBe(404);
}, 120_000);

test("an override that calls itself fails, and the server answers others", async () => {
  expect((await call("/Deep")).status).toBeGreaterThanOrEqual(500);
  expect((await fetch(`${app.url}/health`, { signal: AbortSignal.timeout(5_000) })).status).toBe(200);
  expect(await (await fetch(`${app.url}/Deep`, { headers })).json()).toEqual([]);
}, 120_000);

test("hundreds of records read and written by turns", async () => {
  const answer = await call("/turns", { count: 300 });
  expect([answer.status, await answer.json()]).toEqual([200, 2]);
  expect(await (await fetch(`${app.url}/Row?select=count(),value.sum()`, { headers })).json()).toEqual([{ count: 300, sum: (300 * 299) / 2 + 300 }]);
}, 120_000);
