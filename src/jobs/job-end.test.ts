// The end of a job and the last transaction of its body are one commit: whoever sees the one sees the other.
import { afterEach, expect, test } from "bun:test";
import { endpoints, jobs } from "../resources/app-api.ts";
import { nobody } from "../resources/testing/open-app.ts";
import type { TestContext } from "../resources/testing/typed-context.ts";
import { openJobs, type OpenJobs } from "./testing/open-jobs.ts";

const SDL = `
type Note @table { id: ID! @primaryKey text: String! hits: Int! @default(value: 0) }
type Endpoints { go: String @http @allow(to: ["public"]) other(id: ID!): Boolean @http @allow(to: ["public"]) }
type Jobs { work: JSON @retry(times: 3, backoff: FIXED, delay: "PT1S") }`;

let app: OpenJobs;
let work: (ctx: TestContext) => Promise<unknown>;
/** After each commit of records: what the run's row says at that moment. */
let states: string[];

async function open(body: typeof work): Promise<OpenJobs> {
  work = body;
  states = [];
  app = await openJobs(SDL, { code: {
    Endpoints: endpoints({ go: (ctx: TestContext) => ctx.enqueue("work"), async other(ctx: TestContext, { id }: { readonly id: string }) { await ctx.system["Note"]!.increment(id, "hits", 1); return true; } }),
    Jobs: jobs({ work: (ctx: TestContext) => work(ctx) }),
  } });
  app.tables.onCommitted(() => { states.push(String(app.storage.reader.values(`SELECT "state" FROM "$job"`)[0]?.[0])); });
  return app;
}
afterEach(() => app.close());

async function go(): Promise<{ readonly state: string; readonly result: unknown; readonly attempts: number }> {
  const id = (await app.as(nobody).call("go")).body as string;
  await app.jobs.settled();
  return app.run(id);
}

const write = (text: string) => (ctx: TestContext): Promise<unknown> => ctx.system["Note"]!.create({ text });

test("a transaction that is returned, or awaited last, commits with the end", async () => {
  await open((ctx) => ctx.transaction(async (inner) => { await write("a")(inner); return "made"; }));
  expect(await go()).toMatchObject({ state: "SUCCEEDED", result: "made" });
  expect(states).toEqual(["SUCCEEDED"]);
  await app.close();
  await open(async (ctx) => {
    const made = await ctx.transaction(async (inner) => { await write("b")(inner); return 7; });
    return { made, more: await Promise.resolve(1) };
  });
  expect(await go()).toMatchObject({ state: "SUCCEEDED", result: { made: 7, more: 1 } });
  expect(states).toEqual(["SUCCEEDED"]);
});

test("only the last of several does; between them the body sees what they committed", async () => {
  await open(async (ctx) => {
    const counts: number[] = [];
    for (const text of ["a", "b", "c"]) {
      await ctx.transaction(write(text));
      if (text !== "c") counts.push(await ctx.system["Note"]!.count());
    }
    return counts;
  });
  expect(await go()).toMatchObject({ state: "SUCCEEDED", result: [1, 2] });
  expect(states).toEqual(["RUNNING", "RUNNING", "SUCCEEDED"]);
});

test("a body that goes on outside, or calls on, ends by itself, after its transaction is durable", async () => {
  await open(async (ctx) => {
    await ctx.transaction(write("a"));
    await new Promise((resolve) => { setTimeout(resolve, 2); });
    expect(states).toEqual(["RUNNING"]);
    return null;
  });
  expect((await go()).state).toBe("SUCCEEDED");
  await app.close();
  let stored: unknown = null;
  await open(async (ctx) => {
    await ctx.transaction(write("a"));
    await ctx.fetch("http://127.0.0.1/").catch(() => { stored = app.storage.reader.values(`SELECT "text" FROM "Note"`); });
    return null;
  });
  expect((await go()).state).toBe("SUCCEEDED");
  expect([states, stored]).toEqual([["RUNNING"], [["a"]]]);
});

test("a body that throws behind its transaction keeps it, and is repeated", async () => {
  let first = true;
  await open(async (ctx) => {
    await ctx.transaction(write("a"));
    if (first) { first = false; throw new Error("behind"); }
    return null;
  });
  expect(await go()).toMatchObject({ state: "SCHEDULED", attempts: 1 });
  await app.advance(1_000);
  expect(states).toEqual(["RUNNING", "SUCCEEDED"]);
});

test("an answer of another shape is a failure, not an end", async () => {
  await open(async (ctx) => { await ctx.transaction(write("a")); return () => {}; });
  expect((await go()).state).toBe("SCHEDULED");
  expect(states).toEqual(["RUNNING"]);
});

test("a transaction that conflicts is run again before the body goes on", async () => {
  let runs = 0;
  await open(async (ctx) => {
    const hits = await ctx.transaction(async (inner) => {
      const { hits: seen } = (await inner.system["Note"]!.get("n")) as unknown as { hits: number };
      if (++runs === 1) await app.as(nobody).call("other", { id: "n" });
      await inner.system["Note"]!.update("n", { hits: seen + 10 });
      return seen;
    });
    return { hits, runs };
  });
  await app.tables.commit((session) => session.write({ kind: "create", table: "Note", input: { id: "n", text: "x" }, onConflict: null }, { authority: null, dialect: "code", sent: null }), { actor: null, requestId: "t" });
  expect(await go()).toMatchObject({ state: "SUCCEEDED", result: { hits: 1, runs: 2 } });
  expect(states.at(-1)).toBe("SUCCEEDED");
});

test("transactions beside each other all commit, and the end is with one of them or after them", async () => {
  await open(async (ctx) => { await Promise.all(["a", "b", "c"].map((text) => ctx.transaction(write(text)))); return null; });
  expect((await go()).state).toBe("SUCCEEDED");
  expect(states.length).toBe(3);
});

test("a job that writes nothing ends, too; what it enqueues in its last transaction is there", async () => {
  let depth = 0;
  await open(async (ctx) => {
    if (depth++ === 3) return depth;
    return ctx.transaction(async (inner) => { await inner.enqueue("work"); return depth; });
  });
  expect((await go()).state).toBe("SUCCEEDED");
  expect([depth, app.jobs.stats()]).toMatchObject([4, { succeeded: 4, waiting: 0, running: 0 }]);
});
