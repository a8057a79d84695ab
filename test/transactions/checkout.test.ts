// Naive bodies under load, over HTTP: a hundred checkouts of ten units, by count and by number; and who is told of a conflict what.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { endpoints } from "../../src/resources/app-api.ts";
import { administrator, nobody, openApp, refusal, user, type OpenApp } from "../../src/resources/testing/open-app.ts";
import type { TestContext } from "../../src/resources/testing/typed-context.ts";
import { type AppProcess, startApp } from "../processes/app-process.ts";
import { countAnswers, httpCaller } from "../processes/http-caller.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";

const scratch = scratchFolder();
const TOKEN = "administrator-of-checkouts-with-32-characters";
const UNITS = 10;
const BUYERS = 100;

const schema = `
type Stock @table @export { id: ID! @primaryKey available: Int! }
type Ticket @table @export { id: ID! @primaryKey showId: ID! @indexed buyer: Int! }
type Endpoints {
  buy(buyer: Int!): Boolean! @http(method: POST) @allow(to: ["public"])
  book(buyer: Int!): Boolean! @http(method: POST) @allow(to: ["public"])
}
`;
const resources = `
import { endpoints } from "ambit";
export const Endpoints = endpoints({
  async buy(ctx, { buyer }) {
    const stock = (await ctx.system.Stock.get("s"))!;
    if (buyer % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    if (stock.available === 0) throw ctx.error(409, "SOLD_OUT", "Nothing is left.");
    await ctx.system.Stock.update("s", { available: stock.available - 1 });
    return true;
  },
  async book(ctx, { buyer }) {
    const taken = await ctx.system.Ticket.count({ showId: "show" });
    if (buyer % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    if (taken >= ${UNITS}) throw ctx.error(409, "SOLD_OUT", "Nothing is left.");
    await ctx.system.Ticket.create({ showId: "show", buyer });
    return true;
  },
});
`;

let app: AppProcess;
beforeAll(async () => {
  app = await startApp(scratch.app({ "schema.graphql": schema, "resources.ts": resources }), { data: scratch.free("data"), environment: { AMBIT_ADMIN_TOKEN: TOKEN } });
});
afterAll(async () => {
  await app.kill();
  scratch.remove();
});

test(`${BUYERS} at once buy ${UNITS} units: exactly ${UNITS}, by a number and by a count`, async () => {
  const admin = httpCaller(() => app.url, TOKEN);
  const anyone = httpCaller(() => app.url, null);
  await admin.post("/Stock", { id: "s", available: UNITS });
  for (const path of ["/buy", "/book"]) {
    const answers = await Promise.all(Array.from({ length: BUYERS }, (_, buyer) => anyone.post(path, { buyer })));
    expect(countAnswers(answers)).toEqual({ "200": UNITS, "409 SOLD_OUT": BUYERS - UNITS });
  }
  expect((await admin.get("/Stock/s")).json<{ available: number }>().available).toBe(0);
  expect((await admin.get("/Ticket?select=buyer")).json<object[]>()).toHaveLength(UNITS);
});

const SDL = `
type Seen @table @export @allow(to: ["clerk"], do: [READ], where: "record.open") { id: ID! @primaryKey open: Boolean! count: Int! @default(value: 0) }
type Endpoints { run: JSON @http(method: POST) @allow(to: ["public"]) }
`;

test("a conflict names what changed as far as the caller may read it", async () => {
  let inner: OpenApp | null = null;
  const Endpoints = endpoints({
    async run(ctx: TestContext) {
      for (const id of ["open", "closed"]) await ctx.system["Seen"]!.get(id);
      for (const id of ["open", "closed"]) void inner!.as(administrator).update("Seen", id, { count: Math.floor(Math.random() * 1e9) });
      inner!.clock.advance(101);
      await new Promise((resolve) => setImmediate(resolve));
      await ctx.system["Seen"]!.get("open");
      return null;
    },
  });
  inner = openApp(SDL, { code: { Endpoints }, limits: { transactionAttempts: 2 } });
  try {
    await inner.as(administrator).create("Seen", [{ id: "open", open: true }, { id: "closed", open: false }]);
    expect(await refusal(inner.as(user("c", "clerk")).call("run"))).toMatchObject({ code: "TRANSACTION_CONFLICT", status: 409, details: { records: [{ table: "Seen", id: "open" }] } });
    expect(await refusal(inner.as(nobody).call("run"))).toMatchObject({ code: "TRANSACTION_CONFLICT", details: { records: [] } });
    expect(inner.log.filter(({ event }) => event === "transaction-conflict")).toHaveLength(2);
  } finally {
    await inner.close();
  }
});
