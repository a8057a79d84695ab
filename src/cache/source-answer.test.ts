// What a source may answer, and what is none of it; and `fetch` with bounds, against a server on loopback.
import { afterAll, expect, test } from "bun:test";
import { fetched } from "../resources/app-api.ts";
import { boundedFetch } from "./bounded-fetch.ts";
import { readAnswer, type Previous } from "./source-answer.ts";

const previous: Previous = { record: { id: "a" }, etag: '"1"', ageMs: 5 };

test("a record, one with its tag, none, and the same as before are told apart", () => {
  expect(readAnswer({ id: "a" }, null)).toEqual({ kind: "record", input: { id: "a" }, tag: null });
  expect(readAnswer(fetched({ id: "a" }, { etag: '"2"' }), previous)).toEqual({ kind: "record", input: { id: "a" }, tag: '"2"' });
  expect(readAnswer(fetched({ id: "a" }, { etag: "x".repeat(2_000) }), previous)).toMatchObject({ tag: null });
  expect(readAnswer(null, previous)).toEqual({ kind: "missing" });
  expect(readAnswer(previous, previous)).toEqual({ kind: "unchanged" });
  // A copy of it is no record of the table: the write refuses it.
  expect(readAnswer({ ...previous }, previous)).toMatchObject({ kind: "record" });
});

test("all else is no answer", () => {
  for (const value of [undefined, 7, "a", true, [1], fetched([1]), fetched(null), fetched(undefined)]) expect(readAnswer(value, previous)).toBeNull();
});

const server = Bun.serve({
  port: 0, hostname: "127.0.0.1",
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/gzip") return new Response(Bun.gzipSync(new Uint8Array(100_000)), { headers: { "content-encoding": "gzip" } });
    if (pathname === "/hang") return new Promise(() => {});
    return pathname === "/none" ? new Response(null, { status: 304, headers: { etag: '"9"' } }) : Response.json({ path: pathname, text: "x".repeat(Number(pathname.slice(1)) || 0) });
  },
});
afterAll(() => server.stop(true));

function bounded(bytes: number): { readonly fetch: ReturnType<typeof boundedFetch>; readonly ending: AbortController; exceeded: number } {
  const ending = new AbortController();
  const made = { ending, exceeded: 0, fetch: boundedFetch(fetch, { bytes, signal: ending.signal, exceeded() { made.exceeded++; } }) };
  return made;
}

test("an answer within its bounds is as it is; a longer one fails, also one that is long only unpacked", async () => {
  const small = bounded(1_000);
  const answer = await small.fetch(`http://127.0.0.1:${server.port}/10`);
  expect([answer.status, answer.headers.get("content-type"), await answer.json()]).toEqual([200, "application/json;charset=utf-8", { path: "/10", text: "xxxxxxxxxx" }]);
  expect((await small.fetch(`http://127.0.0.1:${server.port}/none`)).headers.get("etag")).toBe('"9"');
  expect(small.exceeded).toBe(0);
  await expect(small.fetch(`http://127.0.0.1:${server.port}/5000`)).rejects.toThrow("longer than 1000 bytes");
  await expect((async () => (await small.fetch(`http://127.0.0.1:${server.port}/gzip`)).text())()).rejects.toThrow();
  expect(small.exceeded).toBe(2);
});

test("it ends with the call that it belongs to, or with the signal that it was given", async () => {
  const first = bounded(1_000);
  const hanging = first.fetch(`http://127.0.0.1:${server.port}/hang`);
  first.ending.abort();
  await expect(hanging).rejects.toThrow();
  const own = new AbortController();
  const other = bounded(1_000).fetch(`http://127.0.0.1:${server.port}/hang`, { signal: own.signal });
  own.abort();
  await expect(other).rejects.toThrow();
});
