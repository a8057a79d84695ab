// Sources among what is hostile or has gone wrong: ids that mean something else there, answers that unfold, a clock that was wrong, no room.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { fakeClock, type FakeClock } from "../../src/base/clock.ts";
import { boundedFetch } from "../../src/cache/bounded-fetch.ts";
import { startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { startUpstream, type Upstream } from "./upstream.ts";

const schema = `
type Rate @table @export @source(maxAge: "PT1M") @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey @pattern(regex: "^[A-Z0-9]{1,9}$") rate: Float! }
type Note @table @export @allow(to: ["public"], do: [READ, CREATE]) { id: ID! @primaryKey rateId: ID! rate: Rate! @relationship(from: "rateId", onDelete: CASCADE) }
type Mark @table @export @allow(to: ["public"], do: [READ, CREATE]) { id: ID! @primaryKey rateId: ID rate: Rate @relationship(from: "rateId", onDelete: SET_NULL) }`;
const resources = `
import { sources } from "ambit";
export const Sources = sources({ Rate: { async get(ctx, id) { return (await ctx.fetch(ctx.values.upstream + "/rates/" + id)).json(); } } });`;

let app: StartedApp;
let upstream: Upstream;
let clock: FakeClock;
let wrongByMs = 0;
beforeEach(async () => {
  upstream = startUpstream();
  upstream.behave = async (request) => Response.json({ id: new URL(request.url).pathname.slice("/rates/".length), rate: 1 });
  clock = fakeClock();
  app = await startTestApp({ schema, resources, config: `values: { upstream: "${upstream.url}" }\nlimits: { sourceRows: 5 }\n` }, { clock: { ...clock, now: () => clock.now() + wrongByMs } });
});
afterEach(async () => {
  await app.stop();
  await upstream.stop();
});

async function get(path: string): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(app.url + path);
  return { status: response.status, body: await response.json() };
}
const create = async (table: string, record: object): Promise<number> => (await fetch(`${app.url}/${table}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(record) })).status;

test("an id that no record could have is not asked for", async () => {
  for (const id of ["..%2Fadmin", "..", "%2E%2E%2F", "x", "A%3Fb=c", "A%23", "A".repeat(10)]) expect([id, (await get(`/Rate/${id}`)).status]).toEqual([id, 404]);
  expect(upstream.asked).toEqual([]);
  expect((await get("/Rate/EUR")).status).toBe(200);
});

test("to make room nothing that refers to a record is deleted or changed, nor is the record", async () => {
  expect((await get("/Rate/A")).status).toBe(200);
  expect([await create("Note", { id: "n", rateId: "A" }), await create("Mark", { id: "m", rateId: "A" })]).toEqual([201, 201]);
  for (let index = 0; index < 30; index++) {
    clock.advance(100);
    await get(`/Rate/B${index}`);
  }
  const kept = async (): Promise<readonly { readonly id: string }[]> => (await get("/Rate?select=id&order=id")).body as { id: string }[];
  while ((await kept()).length > 8) await Bun.sleep(5);
  expect(await kept()).toContainEqual({ id: "A" });
  expect([(await get("/Note")).body, (await get("/Mark")).body]).toEqual([[{ id: "n", rateId: "A" }], [{ id: "m", rateId: "A" }]]);
});

test("what a clock of a time to come has noted is fetched anew, once", async () => {
  wrongByMs = 86_400_000;
  await get("/Rate/EUR");
  wrongByMs = 0;
  for (let times = 0; times < 3; times++) expect((await get("/Rate/EUR")).status).toBe(200);
  expect(upstream.asked).toHaveLength(2);
});

test("a compressed answer is unfolded piece by piece, and no further than it may be", async () => {
  const text = JSON.stringify({ id: "EUR", rate: 1.5, note: "x".repeat(1_000) });
  const folds = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync, zstd: zstdCompressSync };
  const bomb = gzipSync(Buffer.alloc(100_000_000));
  const ending = new AbortController();
  let exceeded = 0;
  const fetch = boundedFetch(globalThis.fetch, { bytes: 200_000, signal: ending.signal, exceeded() { exceeded++; } });
  for (const [coding, fold] of Object.entries(folds)) {
    upstream.behave = async (request) => {
      expect(request.headers.get("accept-encoding")).toContain(coding);
      return new Response(fold(text), { headers: { "content-encoding": coding } });
    };
    expect([coding, await (await fetch(upstream.url)).text()]).toEqual([coding, text]);
  }
  upstream.behave = async () => new Response(bomb, { headers: { "content-encoding": "gzip" } });
  expect(bomb.length).toBeLessThan(200_000);
  await expect((await fetch(upstream.url)).text()).rejects.toThrow("longer than 200000 bytes");
  expect(exceeded).toBe(1);
  ending.abort();
});
