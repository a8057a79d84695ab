// Records that come from elsewhere, over HTTP and against a real server: how old they may be, who waits, what is asked for again.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { fakeClock, type FakeClock } from "../../src/base/clock.ts";
import { adminToken, keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { startUpstream, type Upstream } from "./upstream.ts";
import { until } from "../processes/waits.ts";

const schema = `
type ExchangeRate @table @export @source(maxAge: "PT1M", staleWhileRevalidate: "PT30S", staleIfError: "PT1H")
  @allow(to: ["public"], do: [READ]) {
  id: ID! @primaryKey
  rate: Float!
  note: String
  seen: String @internal
}
type Price @table @export @allow(to: ["public"], do: [READ]) @allow(to: ["seller"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  rateId: ID!
  rate: ExchangeRate! @relationship(from: "rateId")
}
type Endpoints {
  told(id: ID!, rate: Float): Boolean! @http(path: "/told") @allow(to: ["public"])
  half(id: ID!): Float! @http(path: "/half") @allow(to: ["public"])
  outside(id: ID!): Float! @http(path: "/outside", transaction: NONE) @allow(to: ["public"])
}`;

const resources = `
import { endpoints, fetched, sources } from "ambit";
export const Sources = sources({
  ExchangeRate: {
    async get(ctx, id, previous) {
      const answer = await ctx.fetch(ctx.values.upstream + "/rates/" + id, { headers: previous?.etag ? { "if-none-match": previous.etag } : {} });
      if (answer.status === 304) return previous;
      if (answer.status === 404) return null;
      if (answer.status === 418) throw ctx.error(451, "NO_CONTRACT", "There is no contract.");
      if (!answer.ok) throw new Error("upstream said " + answer.status);
      return fetched(await answer.json(), { etag: answer.headers.get("etag") });
    },
  },
});
export const Endpoints = endpoints({
  async told(ctx, { id, rate }) {
    if (rate === null || rate === undefined) await ctx.sources.ExchangeRate.invalidate(id);
    else await ctx.sources.ExchangeRate.keep({ id, rate });
    return true;
  },
  async half(ctx, { id }) { return (await ctx.db.ExchangeRate.get(id)).rate / 2; },
  async outside(ctx, { id }) { return (await ctx.db.ExchangeRate.get(id))?.rate ?? -1; },
});`;

/** The fields that these tests look at. */
interface Body { readonly code: string; readonly rate: number; readonly data: unknown; readonly name: string; readonly visits: number; readonly id: string; readonly length: number; readonly [index: number]: Body }

let app: StartedApp;
let upstream: Upstream;
let clock: FakeClock;

beforeEach(async () => {
  upstream = startUpstream();
  upstream.records.set("/rates/EUR", { id: "EUR", rate: 1.1 });
  clock = fakeClock();
});
afterEach(async () => {
  upstream.behave = null;
  const stopped = app.stop();
  clock.advance(60_000);
  await stopped;
  await upstream.stop();
});

async function start(limits = ""): Promise<void> {
  app = await startTestApp({ schema, resources, config: `${keysFor("seller")}values: { upstream: "${upstream.url}" }\n${limits === "" ? "" : `limits: { ${limits} }\n`}` }, { clock });
}

async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<{ status: number; body: Body; headers: Headers }> {
  const response = await fetch(app.url + path, { method, headers: { "content-type": "application/json", ...headers }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await response.text();
  return { status: response.status, body: (text === "" ? null : JSON.parse(text)) as Body, headers: response.headers };
}

const get = (path = "/ExchangeRate/EUR", headers: Record<string, string> = {}): ReturnType<typeof send> => send("GET", path, undefined, headers);

test("a record is fetched once, kept for its age with Age and ETag, and then asked for again with the tag that its source gave", async () => {
  await start();
  const first = await get();
  expect(first).toMatchObject({ status: 200, body: { id: "EUR", rate: 1.1, note: null } });
  expect(first.headers.get("cache-status")).toBe("ambit; fwd=miss; stored; ttl=60");
  clock.advance(40_000);
  const second = await get();
  expect([second.headers.get("age"), second.headers.get("cache-status")]).toEqual(["40", "ambit; hit; ttl=20"]);
  expect(second.headers.get("etag")).toBe(first.headers.get("etag"));
  expect((await get("/ExchangeRate/EUR", { "if-none-match": first.headers.get("etag")! })).status).toBe(304);
  expect(upstream.asked).toHaveLength(1);
  clock.advance(51_000);
  // Not changed there: the version stays, and the age begins anew.
  expect((await get()).headers.get("etag")).toBe(first.headers.get("etag"));
  expect(upstream.asked).toHaveLength(2);
  expect(upstream.asked[1]!.tag).toMatch(/^"/);
  expect((await get()).headers.get("age")).toBe("0");
  upstream.records.set("/rates/EUR", { id: "EUR", rate: 1.2, note: "new" });
  clock.advance(100_000);
  const changed = await get();
  expect(changed.body).toMatchObject({ rate: 1.2, note: "new" });
  expect(changed.headers.get("etag")).not.toBe(first.headers.get("etag"));
});

test("100 parallel readers of an expired record: one call of the source", async () => {
  await start();
  await get();
  clock.advance(3_600_000);
  upstream.behave = async () => { await Bun.sleep(50); return Response.json({ id: "EUR", rate: 2 }); };
  const answers = await Promise.all(Array.from({ length: 100 }, () => get()));
  expect(answers.map(({ status, body }) => [status, body.rate])).toEqual(Array.from({ length: 100 }, () => [200, 2]));
  expect(upstream.asked).toHaveLength(2);
});

test("just beyond its age it is answered at once, marked, and fetched meanwhile", async () => {
  await start();
  await get();
  upstream.records.set("/rates/EUR", { id: "EUR", rate: 3 });
  clock.advance(70_000);
  const stale = await get();
  expect(stale.body.rate).toBe(1.1);
  expect([stale.headers.get("age"), stale.headers.get("cache-status")]).toEqual(["70", "ambit; hit; ttl=-10; detail=stale-while-revalidate"]);
  await until(async () => (await get()).body.rate === 3);
  expect(upstream.asked).toHaveLength(2);
});

test("upstream down: what is kept is answered and marked, for so long; then 502; and it is asked again only after a while", async () => {
  await start();
  await get();
  upstream.behave = () => new Response("broken", { status: 500 });
  clock.advance(100_000);
  const stale = await get();
  expect([stale.status, stale.body.rate, stale.headers.get("age"), stale.headers.get("cache-status")]).toEqual([200, 1.1, "100", "ambit; hit; ttl=-40; detail=stale-if-error"]);
  await get();
  expect(upstream.asked).toHaveLength(2);
  clock.advance(1_000);
  await get();
  expect(upstream.asked).toHaveLength(3);
  clock.advance(3_700_000);
  expect(await get()).toMatchObject({ status: 502, body: { code: "SOURCE_FAILED", retry: true } });
  expect(await get("/ExchangeRate/USD")).toMatchObject({ status: 502, body: { code: "SOURCE_FAILED" } });
  expect(JSON.stringify((await get()).body)).not.toContain("upstream said");
  expect(app.log.some((line) => line.includes("source-failed") && line.includes("upstream said 500"))).toBe(true);
  upstream.behave = null;
  clock.advance(1_001);
  expect((await get()).status).toBe(200);
});

test("what is not there is not asked for again for a while; what is gone there is gone here", async () => {
  await start();
  for (let time = 0; time < 3; time++) expect((await get("/ExchangeRate/ZZZ")).status).toBe(404);
  expect(upstream.asked).toHaveLength(1);
  upstream.records.set("/rates/ZZZ", { id: "ZZZ", rate: 7 });
  clock.advance(60_000);
  expect((await get("/ExchangeRate/ZZZ")).body.rate).toBe(7);
  upstream.records.delete("/rates/ZZZ");
  clock.advance(90_000);
  expect((await get("/ExchangeRate/ZZZ")).status).toBe(404);
  expect<unknown>((await get("/ExchangeRate")).body).toEqual([]);
});

test("lists, filters and relations see what is kept, and ask nobody", async () => {
  await start();
  upstream.records.set("/rates/USD", { id: "USD", rate: 1 });
  expect<unknown>((await get("/ExchangeRate")).body).toEqual([]);
  await Promise.all([get(), get("/ExchangeRate/USD")]);
  expect<unknown>((await get("/ExchangeRate?rate=gt.1&select=id")).body).toEqual([{ id: "EUR" }]);
  await send("POST", "/Price", { id: "p", rateId: "EUR" }, { authorization: "Bearer key-seller" });
  expect<unknown>((await get("/Price?select=id,rate(rate)&rate.rate=gt.1")).body).toEqual([{ id: "p", rate: { rate: 1.1 } }]);
  expect(upstream.asked).toHaveLength(2);
  expect((await send("POST", "/graphql", { query: "{ exchangeRate(id: \"EUR\") { rate } other: exchangeRate(id: \"GBP\") { rate } }" })).body.data).toMatchObject({ exchangeRate: { rate: 1.1 }, other: null });
  expect(upstream.asked).toHaveLength(3);
});

test("code reads through outside of transactions; inside it reads what is fresh, and is told what to do else", async () => {
  await start();
  expect(await send("POST", "/half", { id: "EUR" })).toMatchObject({ status: 500, body: { code: "EXTERNAL_IN_TRANSACTION" } });
  expect(upstream.asked).toHaveLength(0);
  expect<unknown>((await send("POST", "/outside", { id: "EUR" })).body).toBe(1.1);
  expect<unknown>((await send("POST", "/half", { id: "EUR" })).body).toBe(0.55);
  expect((await send("POST", "/batch", { operations: [{ id: "a", method: "GET", path: "/ExchangeRate/EUR" }] })).status).toBe(200);
  expect((await send("POST", "/batch", { operations: [{ id: "a", method: "GET", path: "/ExchangeRate/GBP" }] })).body).toMatchObject({ code: "NOT_IN_BATCH" });
});

test("its source says that it has changed: it is fetched before it is answered again; or it says what it is now", async () => {
  await start();
  await get();
  upstream.records.set("/rates/EUR", { id: "EUR", rate: 5 });
  expect((await send("POST", "/told", { id: "EUR" })).status).toBe(200);
  expect((await get()).body.rate).toBe(5);
  expect((await send("POST", "/told", { id: "EUR", rate: 6 })).status).toBe(200);
  expect((await get()).body.rate).toBe(6);
  expect(upstream.asked).toHaveLength(2);
  expect<unknown>((await send("POST", "/admin/sources", { invalidate: "ExchangeRate" }, { authorization: `Bearer ${adminToken}` })).body).toEqual({ invalidated: "ExchangeRate" });
  expect((await get()).body.rate).toBe(5);
  expect((await send("POST", "/admin/sources", { invalidate: "Price" }, { authorization: `Bearer ${adminToken}` })).status).toBe(404);
  expect((await send("POST", "/admin/sources", { invalidate: "ExchangeRate" })).status).toBe(401);
});

test("a change that is told while it is fetched overtakes the fetch: nobody is answered what was before it", async () => {
  await start();
  let asked = 0;
  upstream.behave = async () => {
    const rate = asked++ === 0 ? 1 : 2;
    if (rate === 1) await send("POST", "/told", { id: "EUR" });
    return Response.json({ id: "EUR", rate });
  };
  expect((await get()).body.rate).toBe(2);
  expect((await get()).body.rate).toBe(2);
  expect(asked).toBe(2);
});

test("hostile answers end in 502 or 504 and leave no trace: huge, endless, of another shape, another record, slow", async () => {
  await start("sourceMs: 1000, sourceBytes: 2000, sourceRetryMs: 1");
  const big = "x".repeat(10_000);
  const endless = (): Response => new Response(new ReadableStream({ async pull(controller) { await Bun.sleep(1); controller.enqueue(new TextEncoder().encode(big)); } }));
  const hostile: readonly [string, () => Response | Promise<Response>, number, string][] = [
    ["length", () => new Response(big, { headers: { "content-type": "application/json" } }), 502, "SOURCE_INVALID"],
    ["endless", endless, 502, "SOURCE_INVALID"],
    ["no-json", () => new Response("<html>"), 502, "SOURCE_FAILED"],
    ["type", () => Response.json({ id: "type", rate: "much" }), 502, "SOURCE_INVALID"],
    ["list", () => Response.json([1, 2]), 502, "SOURCE_INVALID"],
    ["number", () => Response.json(7), 502, "SOURCE_INVALID"],
    ["unknown", () => Response.json({ id: "unknown", rate: 1, admin: true }), 502, "SOURCE_INVALID"],
    ["absent", () => Response.json({ id: "absent" }), 502, "SOURCE_INVALID"],
    ["another", () => Response.json({ id: "EUR", rate: 1 }), 502, "SOURCE_INVALID"],
    ["relation", () => Response.json({ id: "relation", rate: 1, __proto__: null, constructor: 1 }), 502, "SOURCE_INVALID"],
    ["teapot", () => new Response(null, { status: 418 }), 451, "NO_CONTRACT"],
  ];
  for (const [id, behave, status, code] of hostile) {
    upstream.behave = behave;
    const { status: answered, body } = await get(`/ExchangeRate/${id}`);
    expect([id, answered, body.code]).toEqual([id, status, code]);
  }
  upstream.behave = () => new Promise<Response>(() => {});
  const slow = get("/ExchangeRate/slow");
  await until(async () => upstream.asked.some(({ path }) => path === "/rates/slow"));
  clock.advance(1_000);
  expect(await slow).toMatchObject({ status: 504, body: { code: "SOURCE_TIMEOUT" } });
  upstream.behave = null;
  expect<unknown>((await get("/ExchangeRate")).body).toEqual([]);
});

test("so many calls at once, so many wait, so many are kept; what was missing is forgotten first", async () => {
  await start("sourceConcurrency: 2, sourceWaiting: 3, sourceRows: 10, sourceMissing: 2");
  let [running, most] = [0, 0];
  upstream.behave = async (request) => {
    most = Math.max(most, ++running);
    await Bun.sleep(30);
    running--;
    const id = new URL(request.url).pathname.slice(7);
    return id.startsWith("no") ? new Response(null, { status: 404 }) : Response.json({ id, rate: 1 });
  };
  const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => get(`/ExchangeRate/a${index}`)));
  expect(most).toBe(2);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 503, 503, 503]);
  expect(answers.find(({ status }) => status === 503)!.body.code).toBe("OVERLOADED");
  for (let index = 0; index < 20; index++) await get(`/ExchangeRate/b${index}`);
  await until(async () => (await get("/ExchangeRate?select=id")).body.length <= 11);
  expect((await get("/ExchangeRate?select=id")).body.length).toBeGreaterThanOrEqual(10);
  for (const id of ["no1", "no2", "no3", "no1"]) expect((await get(`/ExchangeRate/${id}`)).status).toBe(404);
  expect(upstream.asked.filter(({ path }) => path === "/rates/no1")).toHaveLength(2);
});

test("when it was fetched is known after a reload; the metrics count", async () => {
  await start();
  await get();
  await get();
  const text = await (await fetch(`${app.url}/metrics`)).text();
  expect(text).toMatch(/^ambit_sources_fetches 1$/m);
  expect(text).toMatch(/^ambit_sources_hits 1$/m);
  await app.running.reload({ typeCheck: false });
  clock.advance(30_000);
  expect((await get()).headers.get("cache-status")).toBe("ambit; hit; ttl=30");
});
