// Webhooks of a whole app over HTTP: verified before they are read, one effect for each, never an older one over a newer, also at once.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { fakeClock } from "../../src/base/clock.ts";
import { defaultLimits } from "../../src/base/limits.ts";
import { seededRandom } from "../../src/base/random.ts";
import { AppProblems } from "../../src/runtime/start-app.ts";
import { adminToken, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { github, githubSecret, standard, standardSecret, stripe, stripeSecret, type Signed } from "./signed.ts";
import { comesTrue, until } from "../processes/waits.ts";

const schema = `
type Payment @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey version: Long! status: String! }
type Applied @table @export @allow(to: ["public"], do: [READ]) { id: Int! @primaryKey paymentId: ID! @indexed version: Long! }
input Money2 { amount: Int! currency: String }

type Plan @table(tenant: "orgId") @export @allow(to: ["public"], do: [READ, UPDATE]) @allow(to: ["member"], do: [READ]) { id: ID! @primaryKey orgId: ID! provider: String! @indexed(unique: true) state: String! }
type Invoice @table(tenant: "orgId") @export @allow(to: ["member"], do: [READ]) @allow(to: ["public"], do: [READ, CREATE]) { id: ID! @primaryKey orgId: ID! planId: ID! plan: Plan! @relationship(from: "planId") number: Int! @sequence }

type Endpoints {
  subscribed(provider: String!, state: String!, trick: String): Int! @http @allow(to: ["public"]) @webhook(secret: "standard")
  paymentChanged(id: ID!, version: Long!, status: String!, fail: Boolean): Boolean! @http(path: "/hooks/payments") @allow(to: ["public"])
    @webhook(secret: "standard", sequence: "input.version", per: "input.id")
  event(type: String!, data: JSON!, total: Money2): String! @http(path: "/hooks/stripe") @allow(to: ["public"]) @webhook(scheme: STRIPE, secret: "stripe")
  push(ref: String!, after: String): String! @http(path: "/hooks/{ref}/github", method: PUT) @allow(to: ["public"]) @webhook(scheme: GITHUB, secret: "github", dedupe: "input.after")
  ping(zen: String): Boolean @http(path: "/ping") @allow(to: ["public"]) @webhook(scheme: GITHUB, secret: "github")
  member(id: ID!): Boolean @http(path: "/member") @webhook(secret: "standard")
  suspended(provider: String!): Boolean! @http @allow(to: ["public"]) @webhook(secret: "standard")
  charged(provider: String!, url: String!): Boolean! @http @allow(to: ["public"]) @webhook(secret: "standard")
  chargeAnswered(provider: String!, answer: JSON!): Boolean
  publicly(provider: String!): Boolean! @http @allow(to: ["public"])
  unset(id: ID!): Boolean @http(path: "/unset") @allow(to: ["public"]) @webhook(secret: "empty")
}
type Jobs { suspend(provider: String!, again: Boolean!): Int! }`;
const resources = `
import { endpoints, jobs } from "ambit";
export const Endpoints = endpoints({
  async subscribed(ctx, { provider, state, trick }) {
    const [found] = await ctx.system.Plan.find({ provider, order: { orgId: "asc" } });
    if (trick === "create") await ctx.db.Invoice.create({ orgId: "acme", planId: found.id });
    if (trick === "update") await ctx.db.Plan.update(found.id, { state: "stolen" });
    if (trick === "across") await ctx.system.Invoice.create({ orgId: "globex", planId: found.id });
    await ctx.system.Plan.update(found.id, { state });
    await ctx.system.Invoice.create({ orgId: found.orgId, planId: found.id });
    return (await ctx.db.Plan.find()).length;
  },
  async paymentChanged(ctx, { id, version, status, fail }) {
    await ctx.system.Payment.upsert({ id, version, status });
    await ctx.system.Applied.create({ paymentId: id, version });
    if (fail) throw ctx.error(503, "LATER", "Later.");
    return true;
  },
  async event(ctx, { type, data, total }) { return JSON.stringify([type, data, total]); },
  async push(ctx, { ref, after }) { return ref + " " + after; },
  async ping() { return true; },
  async member() { return true; },
  async suspended(ctx, { provider }) { await ctx.enqueue("suspend", { provider, again: true }); return true; },
  async charged(ctx, { provider, url }) { await ctx.send({ url, then: { call: "chargeAnswered", input: { provider } } }); return true; },
  async chargeAnswered(ctx, { provider, answer }) {
    for (const plan of await ctx.system.Plan.find({ provider })) await ctx.system.Plan.update(plan.id, { state: "answered " + answer.status });
    return true;
  },
  async publicly(ctx, { provider }) { await ctx.enqueue("suspend", { provider, again: true }); return true; },
  async unset() { return true; },
});
export const Jobs = jobs({
  async suspend(ctx, { provider, again }) {
    return ctx.transaction(async (ctx) => {
      const found = await ctx.system.Plan.find({ provider });
      for (const plan of found) await ctx.system.Plan.update(plan.id, { state: again ? "suspending" : "suspended" });
      if (again) await ctx.enqueue("suspend", { provider, again: false });
      return found.length * 10 + (await ctx.db.Plan.find()).length;
    });
  },
});`;
const config = `secrets: { standard: "whsec_b2xkIG9sZCBvbGQgb2xkIG9sZA== ${standardSecret}", stripe: ${stripeSecret}, github: ${githubSecret}, empty: "" }\noutbound: { allowPrivate: ["127.0.0.1"] }\n`;

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, resources, config }); });
afterAll(() => app.stop());

interface Answer { readonly status: number; readonly body: unknown; readonly code: string | undefined }

async function call(path: string, { headers, body }: Signed, { method = "POST", url = app.url }: { method?: "POST" | "PUT"; url?: string } = {}): Promise<Answer> {
  const answer = await fetch(new Request(`${url}${path}`, { method, headers, body }));
  const text = await answer.text();
  const json: unknown = text === "" ? null : JSON.parse(text);
  return { status: answer.status, body: json, code: (json as { code?: string } | null)?.code };
}

const applied = async (paymentId: string): Promise<number[]> =>
  ((await (await fetch(`${app.url}/Applied?paymentId=eq.${paymentId}&order=id`)).json()) as { version: string }[]).map(({ version }) => Number(version));
const duplicate = { ignored: "duplicate" };

test("each scheme lets in what is signed, once", async () => {
  const paid = standard("m1", { id: "p1", version: 1, status: "paid" });
  expect(await call("/hooks/payments", paid)).toMatchObject({ status: 200, body: true });
  expect(await call("/hooks/payments", paid)).toMatchObject({ status: 200, body: duplicate });
  // The same id again with other contents: an id is one event.
  expect(await call("/hooks/payments", standard("m1", { id: "p1", version: 2, status: "other" }))).toMatchObject({ body: duplicate });
  expect(await applied("p1")).toEqual([1]);
  const event = { id: "evt_1", type: "charge", data: { a: [1] }, livemode: false, total: { amount: 5, tax: 1 } };
  expect((await call("/hooks/stripe", stripe(event))).body).toBe(`["charge",{"a":[1]},{"amount":5,"currency":null}]`);
  expect((await call("/hooks/stripe", stripe({ ...event, type: "again" }))).body).toEqual(duplicate);
  expect((await call("/hooks/stripe", stripe({ ...event, id: "evt_2" }))).status).toBe(200);
  expect((await call("/hooks/stripe", stripe({ ...event, id: 7 }))).code).toBe("VALIDATION_FAILED");
  expect((await call("/hooks/main/github", github(null, { after: "c1" }), { method: "PUT" })).body).toBe("main c1");
  expect((await call("/hooks/main/github", github("another delivery", { after: "c1" }), { method: "PUT" })).body).toEqual(duplicate);
  expect((await call("/hooks/main/github", github("d", {}), { method: "PUT" })).code).toBe("VALIDATION_FAILED");
  expect((await call("/ping", github("g1", { zen: "x" }))).status).toBe(200);
  expect((await call("/ping", github("g1", { zen: "x" }))).body).toEqual(duplicate);
  expect((await call("/ping", github(null, { zen: "x" }))).code).toBe("VALIDATION_FAILED");
});

test("what is not signed is not read", async () => {
  const good = standard("m2", { id: "p2", version: 1, status: "paid" });
  const unread = standard("m2", "{ this is no JSON");
  const wrong = { "webhook-signature": "v1,AAAA" };
  for (const signed of [good, unread]) expect(await call("/hooks/payments", { ...signed, headers: { ...signed.headers, ...wrong } })).toMatchObject({ status: 401, code: "WEBHOOK_SIGNATURE" });
  expect(await call("/hooks/payments", { headers: { "content-type": "application/json" }, body: good.body })).toMatchObject({ status: 401, code: "WEBHOOK_SIGNATURE" });
  expect(await call("/hooks/payments", { ...good, body: `${good.body} ` })).toMatchObject({ status: 401 });
  expect(await call("/hooks/payments", standard("m2", good.body, { nowMs: Date.now() - defaultLimits.webhookToleranceMs - 2_000 }))).toMatchObject({ status: 401 });
  expect(await call("/hooks/payments", unread)).toMatchObject({ status: 400, code: "MALFORMED_JSON" });
  expect(await call("/hooks/payments", standard("m2", { id: "p2" }))).toMatchObject({ status: 400, code: "VALIDATION_FAILED" });
  expect(await call("/unset", standard("m2", { id: "p2" }))).toMatchObject({ status: 401, code: "WEBHOOK_SIGNATURE" });
  expect(await call("/hooks/payments?x=1", good)).toMatchObject({ status: 400, code: "UNKNOWN_PARAMETER" });
  expect(await applied("p2")).toEqual([]);
  // Nothing of all that was remembered.
  expect(await call("/hooks/payments", good)).toMatchObject({ status: 200, body: true });
});

test("there is no other way in, and @allow holds", async () => {
  const { body, headers } = standard("m3", { id: "p3", version: 1, status: "paid" });
  const asAdministrator = { authorization: `Bearer ${adminToken}`, "content-type": "application/json" };
  expect(await call("/rpc/paymentChanged", { body, headers: { ...headers, ...asAdministrator } })).toMatchObject({ status: 404 });
  expect(await call("/batch", { headers: asAdministrator, body: JSON.stringify({ operations: [{ id: "a", method: "POST", path: "/hooks/payments", body: JSON.parse(body) as unknown }] }) })).toMatchObject({ status: 422, code: "NOT_IN_BATCH" });
  const graphql = await (await fetch(`${app.url}/graphql`, { method: "POST", headers: asAdministrator, body: JSON.stringify({ query: "{ __schema { mutationType { fields { name } } } }" }) })).text();
  expect(graphql).not.toContain("paymentChanged");
  expect(await call("/hooks/payments", { body, headers: asAdministrator })).toMatchObject({ status: 401, code: "WEBHOOK_SIGNATURE" });
  expect(await call("/member", standard("m4", { id: "x" }))).toMatchObject({ status: 401, code: "UNAUTHENTICATED" });
  const { paths } = await (await fetch(`${app.url}/openapi.json`)).json() as { paths: Record<string, { post?: { parameters: { name: string }[] } }> };
  expect(paths["/hooks/payments"]!.post!.parameters.map(({ name }) => name)).toEqual(["webhook-id", "webhook-timestamp", "webhook-signature"]);
  expect(paths["/rpc/paymentChanged"]).toBeUndefined();
  expect(await applied("p3")).toEqual([]);
});

test("what failed may come again", async () => {
  const failing = standard("m5", { id: "p5", version: 3, status: "paid", fail: true });
  expect(await call("/hooks/payments", failing)).toMatchObject({ status: 503, code: "LATER" });
  expect(await applied("p5")).toEqual([]);
  expect(await call("/hooks/payments", standard("m6", { id: "p5", version: 2, status: "open" }))).toMatchObject({ body: true });
  expect(await call("/hooks/payments", standard("m5", { id: "p5", version: 3, status: "paid" }))).toMatchObject({ body: true });
  expect(await applied("p5")).toEqual([2, 3]);
});

test("the same one many times at once has one effect", async () => {
  for (let round = 0; round < 10; round++) {
    const signed = standard(`at-once-${round}`, { id: `d${round}`, version: 1, status: "paid" });
    const answers = await Promise.all(Array.from({ length: 20 }, () => call("/hooks/payments", signed)));
    expect(answers.filter(({ body }) => body === true).length).toBe(1);
    expect(answers.filter(({ body }) => (body as { ignored?: string }).ignored === "duplicate").length).toBe(19);
    expect(await applied(`d${round}`)).toEqual([1]);
  }
});

test("in whatever order and how many at once, state never goes back", async () => {
  const random = seededRandom(11);
  for (let round = 0; round < 10; round++) {
    const calls = ["a", "b"].flatMap((name) => Array.from({ length: 15 }, (_, version) => ({ id: `${name}${round}`, version })));
    const shuffled = calls.map((one) => ({ one, at: random.next() })).sort((left, right) => left.at - right.at).map(({ one }) => one);
    const answers = await Promise.all(shuffled.map(({ id, version }) => call("/hooks/payments", standard(`s-${id}-${version}`, { id, version, status: `v${version}` }))));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    for (const id of [`a${round}`, `b${round}`]) {
      const versions = await applied(id);
      expect(versions).toEqual(versions.toSorted((left, right) => left - right));
      expect(versions.at(-1)).toBe(14);
      expect(await (await fetch(`${app.url}/Payment/${id}`)).json()).toEqual({ id, version: "14", status: "v14" });
    }
  }
});

test("an equal sequence is not older; a sequence of 64 bits is exact", async () => {
  const [low, high] = ["9007199254740992", "9007199254740993"];
  for (const [id, version, expected] of [["q1", high, true], ["q2", high, true], ["q3", low, { ignored: "older" }]] as const) {
    expect((await call("/hooks/payments", standard(id, { id: "big", version, status: id }))).body).toEqual(expected);
  }
});

test("what the sender tells may concern any tenant; only ctx.system reaches it, and nothing crosses from one to another", async () => {
  const administrator = (tenant: string): Record<string, string> => ({ authorization: `Bearer ${adminToken}`, "x-ambit-tenant": tenant, "content-type": "application/json" });
  for (const tenant of ["acme", "globex"]) expect((await fetch(`${app.url}/Plan`, { method: "POST", headers: administrator(tenant), body: JSON.stringify({ id: `s-${tenant}`, provider: `p-${tenant}`, state: "open" }) })).status).toBe(201);
  expect((await call("/subscribed", standard("t1", { provider: "p-globex", state: "paid" }))).body).toBe(0);
  for (const trick of ["create", "update", "across"]) expect([trick, (await call("/subscribed", standard(`t-${trick}`, { provider: "p-acme", state: "paid", trick }))).status >= 400]).toEqual([trick, true]);
  const read = async (path: string, tenant: string): Promise<unknown> => (await fetch(`${app.url}${path}`, { headers: administrator(tenant) })).json();
  expect(await read("/Plan", "globex")).toEqual([{ id: "s-globex", orgId: "globex", provider: "p-globex", state: "paid" }]);
  expect(await read("/Plan", "acme")).toEqual([{ id: "s-acme", orgId: "acme", provider: "p-acme", state: "open" }]);
  expect(await read("/Invoice?select=orgId,number", "globex")).toEqual([{ orgId: "globex", number: 1 }]);
  expect(await read("/Invoice", "acme")).toEqual([]);
  expect(await (await fetch(`${app.url}/Plan`)).json()).toEqual([]);
});

test("the jobs of a webhook, and theirs, reach all tenants too; those of another caller who is nobody do not", async () => {
  const headers = { authorization: `Bearer ${adminToken}`, "content-type": "application/json" };
  const results = async (count: number): Promise<unknown[]> => {
    let runs: { state: string; result: unknown }[];
    await until(async () => {
      ({ runs } = await (await fetch(`${app.url}/admin/jobs?job=suspend`, { headers })).json() as { runs: typeof runs });
      return runs.length === count && runs.every(({ state }) => state === "SUCCEEDED");
    }, "the jobs end");
    return runs!.map(({ result }) => result);
  };
  for (const orgId of ["north", "south"]) await fetch(`${app.url}/Plan`, { method: "POST", headers, body: JSON.stringify({ id: orgId, orgId, provider: "p-jobs", state: "open" }) });
  const states = async (): Promise<string[]> => (await (await fetch(`${app.url}/Plan?provider=eq.p-jobs`, { headers })).json() as { state: string }[]).map(({ state }) => state);
  expect((await call("/publicly", { headers: { "content-type": "application/json" }, body: JSON.stringify({ provider: "p-jobs" }) })).body).toBe(true);
  expect([await results(2), await states()]).toEqual([[0, 0], ["open", "open"]]);
  expect((await call("/suspended", standard("jobs", { provider: "p-jobs" }))).body).toBe(true);
  // Of `ctx.db` nothing: nobody is signed in.
  expect([(await results(4)).sort(), await states()]).toEqual([[0, 0, 20, 20], ["suspended", "suspended"]]);
});

test("what takes the answer to a webhook's request reaches all tenants", async () => {
  const headers = { authorization: `Bearer ${adminToken}`, "content-type": "application/json" };
  await fetch(`${app.url}/Plan`, { method: "POST", headers, body: JSON.stringify({ id: "east", orgId: "east", provider: "p-answer", state: "open" }) });
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("ok") });
  try {
    expect((await call("/charged", standard("charged", { provider: "p-answer", url: `http://127.0.0.1:${server.port}/` }))).body).toBe(true);
    const state = async (): Promise<string> => (await (await fetch(`${app.url}/Plan/east`, { headers })).json() as { state: string }).state;
    await comesTrue(async () => await state() !== "open");
    expect(await state()).toBe("answered 200");
  } finally {
    await server.stop(true);
  }
});

test("ids are remembered for a time, across a restart of the served app", async () => {
  const clock = fakeClock(Date.UTC(2026, 5, 1));
  const own = await startTestApp({ schema, resources, config: `${config}limits: { webhookMemoryMs: 3600000, webhookToleranceMs: 60000 }\n` }, { clock });
  try {
    const ping = (): Promise<Answer> => call("/ping", github("g9", { zen: "x" }), { url: own.url });
    expect((await ping()).status).toBe(200);
    await own.running.reload({ typeCheck: false });
    expect((await ping()).body).toEqual(duplicate);
    clock.advance(3_600_000 + 700_000);
    await Bun.sleep(50);
    expect((await ping()).body).not.toEqual(duplicate);
    expect((await call("/hooks/payments", standard("t", { id: "x", version: 1, status: "s" }, { nowMs: clock.now() - 61_000 }), { url: own.url })).status).toBe(401);
  } finally {
    await own.stop();
  }
});

test("an id is remembered at least as long as its signature is good, whatever limits say", async () => {
  const clock = fakeClock(Date.UTC(2026, 5, 1));
  const own = await startTestApp({ schema, resources, config: `${config}limits: { webhookMemoryMs: 1000, webhookToleranceMs: 3600000 }\n` }, { clock });
  try {
    const early = standard("early", { id: "e", version: 1, status: "s" }, { nowMs: clock.now() + 3_599_000 });
    expect((await call("/hooks/payments", early, { url: own.url })).status).toBe(200);
    for (let step = 0; step < 11; step++) {
      clock.advance(600_000);
      await Bun.sleep(10);
    }
    expect((await call("/hooks/payments", early, { url: own.url })).body).toEqual(duplicate);
  } finally {
    await own.stop();
  }
});

test("a secret that is missing, or cannot be one, stops the start", async () => {
  const problems = async (secrets: string): Promise<string[]> => {
    try {
      await (await startTestApp({ schema, resources, config: secrets })).stop();
      return [];
    } catch (error) {
      if (!(error instanceof AppProblems)) throw error;
      return error.diagnostics.filter(({ severity }) => severity === "error").map(({ code, message }) => `${code} ${message}`);
    }
  };
  expect(await problems(config.replace("stripe:", "strype:"))).toEqual(["UNKNOWN_NAME @webhook of event names the secret stripe, which config.yaml does not have."]);
  expect((await problems(config.replace(standardSecret, "whsec_not*base64*at*all")))[0]).toContain("CONFIG The secret standard begins with whsec_");
  expect((await problems(config.replace(githubSecret, `"It's a secret to everybody"`)))[0]).toContain("fewer than 16 characters");
});
