// Random kill -9 while jobs, timers and a schedule run: what each job does to the data is there exactly once with its success, none is
// lost, what was enqueued without an acknowledgement is whole or not at all, and each second of the schedule comes at most once.
import { afterAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { seededRandom } from "../../src/base/random.ts";
import { type AppProcess, startApp } from "../processes/app-process.ts";
import { httpCaller } from "../processes/http-caller.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { until } from "../processes/waits.ts";

const KILLS = process.env["AMBIT_TEST_SIZE"] === "long" ? 200 : 20;
const CLIENTS = 4;

const files = {
  "schema.graphql": `
type Order @table @export @allow(to: ["clerk"], do: [READ, CREATE]) { id: ID! @primaryKey }
type Done @table @export @allow(to: ["clerk"], do: [READ]) @indexed(fields: ["orderId", "step"]) { id: ID! @primaryKey orderId: ID! step: String! }
type Tick @table @export @allow(to: ["clerk"], do: [READ]) { id: ID! @primaryKey second: DateTime! }
type Total @table @export @allow(to: ["clerk"], do: [READ]) { id: ID! @primaryKey value: Int! @default(value: 0) }
type Endpoints { place(id: ID!): Boolean @http @allow(to: ["clerk"]) }
type Jobs {
  ship(orderId: ID!): Boolean @retry(times: 30, backoff: FIXED, delay: "PT0.05S")
  remind(orderId: ID!): Boolean
  tick(second: DateTime!): Boolean @every(cron: "* * * * * *", overlap: ALLOW, input: "{'second': now()}")
}`,
  "resources.ts": `/// <reference path="./.ambit/types.d.ts" />
import { endpoints, jobs, type Ctx } from "ambit";
async function done(ctx: Ctx, orderId: string, step: string) {
  await ctx.system.Done.create({ orderId, step });
  if (await ctx.system.Total.get("all") === null) await ctx.system.Total.create({ id: "all" });
  await ctx.system.Total.increment("all", "value", 1);
}
export const Endpoints = endpoints({
  async place(ctx, { id }) {
    await ctx.db.Order.create({ id });
    await ctx.enqueue("ship", { orderId: id }, { concurrency: id.slice(-1) });
    await ctx.at(new Date(ctx.now().getTime() + 150), "remind", { orderId: id });
    return true;
  },
});
export const Jobs = jobs({
  async ship(ctx, { orderId }) {
    if (ctx.random() < 0.2) throw new Error("now and then it fails, before it did anything");
    await ctx.progress(1, 2);
    return ctx.transaction(async (ctx) => { await done(ctx, orderId, "ship"); return true; });
  },
  async remind(ctx, { orderId }) {
    await ctx.transaction((ctx) => done(ctx, orderId, "remind"));
    return true;
  },
  async tick(ctx, { second }) { await ctx.transaction((ctx) => ctx.system.Tick.create({ second })); },
});
`,
  // So many kills in so short a time are nobody's fault.
  "config.yaml": "limits: { jobInterruptions: 10000 }\nauth:\n  keys:\n    - { token: key-of-the-clerk, subject: clerk, roles: [clerk] }\n",
};

const scratch = scratchFolder();
afterAll(() => scratch.remove());

interface Metrics { readonly waiting: number; readonly running: number; readonly deadLetters: number }

async function metricsOf(app: AppProcess): Promise<Metrics> {
  const text = await (await fetch(`${app.url}/metrics`)).text();
  const of = (name: string): number => Number(new RegExp(`^ambit_jobs_${name} (\\d+)`, "m").exec(text)![1]);
  return { waiting: of("waiting"), running: of("running"), deadLetters: of("dead_letters") };
}

test(`${KILLS} kills while jobs run`, async () => {
  const seed = Number(process.env["AMBIT_TEST_SEED"] ?? randomBytes(4).readUInt32LE());
  console.log(`seed ${seed} (AMBIT_TEST_SEED=${seed} kills at the same moments)`);
  const random = seededRandom(seed);
  const folder = scratch.app(files);
  const data = scratch.free("data");
  let app: AppProcess = await startApp(folder, { data });
  const caller = httpCaller(() => app.url, "key-of-the-clerk");
  const acknowledged = new Set<string>();
  const place = async (client: number, kill: number): Promise<void> => {
    try {
      for (let number = 0; ; number++) {
        const id = `k${kill}-${client}-${number}`;
        if ((await caller.send("POST", "/place", { id })).status === 200) acknowledged.add(id);
        await Bun.sleep(2);
      }
    } catch (error) {
      // The server is gone.
      if (!(error instanceof Error) || !/connect|socket|closed|reset|refused/i.test(error.message)) throw error;
    }
  };
  for (let kill = 0; kill < KILLS; kill++) {
    if (kill > 0) app = await startApp(folder, { data });
    const placing = Array.from({ length: CLIENTS }, (_, client) => place(client, kill));
    await Bun.sleep(30 + random.next() * 250);
    await app.kill();
    await Promise.all(placing);
  }
  app = await startApp(folder, { data });
  // The schedule goes on for ever, so a moment without anything is enough.
  await until(async () => {
    const { waiting, running } = await metricsOf(app);
    return waiting + running === 0;
  }, "nothing is to be done");
  const orders = (await caller.get("/Order?select=id&limit=10000")).json<{ id: string }[]>().map(({ id }) => id);
  const counts = new Map((await caller.get("/Done?select=orderId,step,count()&limit=10000")).json<{ orderId: string; step: string; count: number }[]>().map(({ orderId, step, count }) => [`${orderId} ${step}`, count]));
  const lost = [...acknowledged].filter((id) => !orders.includes(id));
  const wrong = orders.flatMap((id) => [`${id} ship`, `${id} remind`]).filter((step) => counts.get(step) !== 1);
  expect([seed, lost, wrong, (await metricsOf(app)).deadLetters]).toEqual([seed, [], [], 0]);
  expect(orders.length).toBeGreaterThanOrEqual(acknowledged.size);
  expect([seed, counts.size]).toEqual([seed, orders.length * 2]);
  expect((await caller.get("/Total/all")).json<{ value: number }>().value).toBe(orders.length * 2);
  const ticks = (await caller.get("/Tick?select=second&limit=10000")).json<{ second: string }[]>().map(({ second }) => second);
  expect([seed, ticks.length, ticks.length > 0]).toEqual([seed, new Set(ticks).size, true]);
  await app.stop();
}, 1_200_000);
