// kill -9 at random moments during sends: what was committed is sent at least once with one key, nothing else ever is, in order where there
// is one, and the answer has its effect once. So has a webhook of the app itself, to which its requests are relayed.
import { afterAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { seededRandom } from "../../src/base/random.ts";
import { spawnApp, within, type AppProcess } from "../processes/app-process.ts";
import { httpCaller } from "../processes/http-caller.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { recordingServer } from "./recording-server.ts";
import { until, WAIT_MS } from "../processes/waits.ts";

const KILLS = process.env["AMBIT_TEST_SIZE"] === "long" ? 200 : 20;
const WORKERS = 6;
const BURST_MS = 400;

const schema = `
type Item @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey worker: Int! number: Int! }
type Told @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey itemId: ID! }
type Received @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey itemId: ID! }
type Endpoints {
  place(id: ID!, worker: Int!, number: Int!, url: String!, fail: Boolean!): Boolean! @http @allow(to: ["public"])
  delivered(itemId: ID!, answer: JSON!): Boolean
  received(id: ID!): Boolean! @http @allow(to: ["public"]) @webhook(secret: "both")
}`;
const resources = `
import { endpoints } from "ambit";
export const Endpoints = endpoints({
  async place(ctx, { id, worker, number, url, fail }) {
    await ctx.send({ url: url + "/ordered/" + worker, body: { id, number }, orderKey: "worker:" + worker });
    await ctx.system.Item.create({ id, worker, number });
    await ctx.send({ url: url + "/free", body: { id, number }, then: { call: "delivered", input: { itemId: id } } });
    await ctx.send({ url: url + "/relay", body: { id, number }, sign: "both" });
    if (fail) throw ctx.error(409, "NO", "No.");
    return true;
  },
  async received(ctx, { id }) {
    await ctx.system.Received.create({ itemId: id });
    return true;
  },
  async delivered(ctx, { itemId, answer }) {
    if (answer.delivered) await ctx.system.Told.create({ itemId });
    return true;
  },
});`;
const config = "secrets: { both: whsec_c2VjcmV0IG9mIGJvdGggc2lkZXM= }\noutbound: { allowPrivate: [127.0.0.1] }\nlimits: { outboxDelayMs: 10, outboxDelayMaxMs: 50, outboxAttempts: 1000000, outboxBreakerFailures: 1000000, outboxPerHost: 16 }\n";
/** On to the app as it is by now; where it is gone in the midst of it, nobody knows, and it is sent again. */
async function relay(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<Response> {
  const passed = Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith("webhook-") || name === "content-type"));
  const answer = await fetch(`${url}/received`, { method: "POST", headers: passed, body }).catch(() => null);
  return new Response(null, { status: answer?.status ?? 502 });
}

const adminToken = "administrator-token-of-tests";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

test(`${KILLS} kills while requests are sent`, async () => {
  const seed = Number(process.env["AMBIT_TEST_SEED"] ?? randomBytes(4).readUInt32LE());
  console.log(`seed ${seed}`);
  const random = seededRandom(seed);
  let app: AppProcess | null = null;
  const server = recordingServer(async ({ path, headers, body }) => {
    await Bun.sleep(random.next() * 15);
    if (random.next() < 0.2) return new Response(null, { status: 500 });
    return path === "/relay" ? relay(app!.url, headers, body) : new Response(null, { status: 204 });
  });
  const folder = scratch.app({ "schema.graphql": schema, "resources.ts": resources, "config.yaml": config });
  const data = scratch.free("data");
  const caller = httpCaller(() => app!.url, null);
  const administrator = httpCaller(() => app!.url, adminToken);
  const [acknowledged, refused] = [new Set<string>(), new Set<string>()];
  const numbers = Array.from({ length: WORKERS }, () => 0);

  const work = async (worker: number): Promise<void> => {
    for (;;) {
      const number = numbers[worker]!++;
      const [id, fail] = [`${worker}-${number}`, random.next() < 0.2];
      const answer = await caller.post("/place", { id, worker, number, url: server.url, fail }).catch(() => null);
      if (answer === null || answer.status === 503) return;
      expect(answer.status).toBe(fail ? 409 : 200);
      (fail ? refused : acknowledged).add(id);
    }
  };
  const start = async (): Promise<void> => {
    const spawned = spawnApp(folder, { data, temporary: scratch.path, environment: { AMBIT_LOG: "quiet", AMBIT_ADMIN_TOKEN: adminToken } });
    app = spawned.process;
    await spawned.started;
  };
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      await start();
      const working = numbers.map((_, worker) => work(worker));
      await Bun.sleep(random.next() * BURST_MS);
      await app!.kill();
      await within(WAIT_MS, `workers at kill ${kill}`, Promise.all(working));
    }
    await start();
    const unfinished = async (): Promise<number> => (await Promise.all(["waiting", "answered"].map(async (state) => (await administrator.get(`/admin/outbox?limit=1&state=${state}`)).json<{ deliveries: unknown[] }>().deliveries.length))).reduce((sum, one) => sum + one);
    await until(async () => await unfinished() === 0, "all is sent");
    const items = (await caller.get("/Item?select=id,worker,number")).json<{ id: string; worker: number; number: number }[]>();
    const told = (await caller.get("/Told?select=itemId")).json<{ itemId: string }[]>().map(({ itemId }) => itemId);
    const sent = server.requests.map(({ path, headers, body }) => ({ path, key: headers["idempotency-key"]!, ...JSON.parse(body) as { id: string; number: number } }));

    const committed = new Set(items.map(({ id }) => id));
    expect([...acknowledged].filter((id) => !committed.has(id))).toEqual([]);
    expect([...refused].filter((id) => committed.has(id))).toEqual([]);
    expect(sent.filter(({ id }) => !committed.has(id))).toEqual([]);
    for (const kind of ["/free", "/ordered", "/relay"]) {
      const keys = Map.groupBy(sent.filter(({ path }) => path.startsWith(kind)), ({ id }) => id);
      expect([...committed].filter((id) => !keys.has(id))).toEqual([]);
      expect([...keys].filter(([, all]) => new Set(all.map(({ key }) => key)).size !== 1).map(([id]) => id)).toEqual([]);
    }
    for (let worker = 0; worker < WORKERS; worker++) {
      const order = sent.filter(({ path }) => path === `/ordered/${worker}`).map(({ number }) => number);
      expect(order).toEqual(order.toSorted((left, right) => left - right));
    }
    expect(told.toSorted()).toEqual([...committed].toSorted());
    const received = (await caller.get("/Received?select=itemId")).json<{ itemId: string }[]>().map(({ itemId }) => itemId);
    expect(received.toSorted()).toEqual([...committed].toSorted());
    console.log(`${KILLS} kills, ${committed.size} committed, ${acknowledged.size} of them acknowledged, ${refused.size} refused, ${sent.length} requests for ${3 * committed.size} effects, ${received.length} webhooks`);
    expect(await app!.stop()).toBe(0);
  } finally {
    await (app as AppProcess | null)?.kill();
    await server.stop();
  }
}, 3_600_000);
