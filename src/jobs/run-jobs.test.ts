// Jobs from enqueueing to their end, through the dispatcher, on a real data file.
import { afterEach, expect, test } from "bun:test";
import { endpoints, jobs, Table } from "../resources/app-api.ts";
import type { AppOptions } from "../resources/testing/open-app.ts";
import { nobody, refusal, user } from "../resources/testing/open-app.ts";
import type { TestContext } from "../resources/testing/typed-context.ts";
import { insertRun, listRuns } from "../storage/job-rows.ts";
import { openJobs, type OpenJobs } from "./testing/open-jobs.ts";

const SDL = `
type Note @table @export @allow(to: ["writer"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey text: String! by: ID @createdBy hits: Int! @default(value: 0)
  later(text: String!): Note! @action @allow(to: ["writer"]) }
type Endpoints {
  ask(mode: String!, text: String): String @http @allow(to: ["public"])
  plain(mode: String!, text: String): String @http(transaction: NONE) @allow(to: ["public"])
}
type Jobs {
  write(text: String!, count: Int = 1): String
  fail(times: Int!): Int @retry(times: 2, backoff: FIXED, delay: "PT10S")
  grow: Boolean @retry(times: 3)
  free(mode: String!): JSON @retry(times: 0)
}`;

type Body = (ctx: TestContext, args: { readonly mode: string; readonly text: string }) => Promise<unknown>;
let modes: { [mode: string]: Body } = {};
let free: { [mode: string]: (ctx: TestContext) => Promise<unknown> } = {};
let attempts = 0;
let order: string[] = [];

const code = {
  Note: class extends Table("Note") {
    async later(this: { readonly ctx: TestContext; readonly id: string }, { text }: { readonly text: string }) {
      await this.ctx.enqueue("write", { text });
      return this;
    }
    static override async create(ctx: TestContext, input: { readonly text: string }) {
      if (input.text === "with a job") await ctx.enqueue("write", { text: "of an override" });
      return super.create(ctx, input);
    }
  },
  Endpoints: endpoints({
    ask: (ctx: TestContext, args: Parameters<Body>[1]) => modes[args.mode]!(ctx, args),
    plain: (ctx: TestContext, args: Parameters<Body>[1]) => modes[args.mode]!(ctx, args),
  }),
  Jobs: jobs({
    async write(ctx: TestContext, { text, count }: { readonly text: string; readonly count: number }) {
      order.push(text);
      await ctx.system["Note"]!.create({ text });
      return `${text} ${count} ${ctx.auth.subject ?? "-"}`;
    },
    async fail(_: TestContext, { times }: { readonly times: number }) {
      attempts++;
      if (attempts <= times) throw new Error("not yet");
      return attempts;
    },
    async grow() { attempts++; throw new Error("never"); },
    free: (ctx: TestContext, { mode }: { readonly mode: string }) => free[mode]!(ctx),
  }),
};

let app: OpenJobs;
async function open(options: AppOptions = {}): Promise<OpenJobs> {
  [modes, free, attempts, order] = [{}, {}, 0, []];
  return app = await openJobs(SDL, { code, ...options });
}
afterEach(() => app.close());

const texts = (): unknown[] => app.storage.reader.values(`SELECT "text" FROM "Note" ORDER BY "id"`).map(([text]) => text);

test("what is enqueued runs after the commit, with the rights and name of who asked", async () => {
  await open();
  modes["go"] = async (ctx) => {
    const id = await ctx.enqueue("write", { text: "later" });
    await new Promise((resolve) => { setTimeout(resolve, 5); });
    expect(order).toEqual([]);
    return id;
  };
  const id = (await app.as(user("ann")).call("ask", { mode: "go" })).body as string;
  await app.jobs.settled();
  expect(await app.run(id)).toMatchObject({ state: "SUCCEEDED", attempts: 1, result: "later 1 ann", problem: null, owner: { kind: "subject", subject: "ann", tenant: null } });
  expect(texts()).toEqual(["later"]);
});

test("actions, overrides, endpoints without a transaction and other jobs enqueue too", async () => {
  await open();
  const writer = app.as(user("ann", "writer"));
  await writer.create("Note", { id: "n", text: "with a job" });
  await writer.act("Note", "n", "later", { text: "of an action" });
  modes["plain"] = (ctx) => ctx.enqueue("write", { text: "of an endpoint" });
  await writer.call("plain", { mode: "plain" });
  free["again"] = (ctx) => ctx.enqueue("write", { text: "of a job" });
  modes["job"] = (ctx) => ctx.enqueue("free", { mode: "again" });
  await writer.call("ask", { mode: "job" });
  await app.jobs.settled();
  expect(order.toSorted()).toEqual(["of a job", "of an action", "of an endpoint", "of an override"]);
});

test("a body that fails enqueues nothing, nor does a nested transaction that does", async () => {
  await open();
  modes["fails"] = async (ctx) => { await ctx.enqueue("write", { text: "no" }); throw ctx.error(409, "NO", "no"); };
  modes["nested"] = async (ctx) => {
    await ctx.enqueue("write", { text: "outer" });
    await ctx.transaction(async (inner) => { await inner.enqueue("write", { text: "inner" }); throw new Error("undone"); }).catch(() => {});
    return null;
  };
  await refusal(app.as(nobody).call("ask", { mode: "fails" }));
  await app.as(nobody).call("ask", { mode: "nested" });
  await app.jobs.settled();
  expect(order).toEqual(["outer"]);
});

test("a transaction that conflicts and runs again enqueues once; the same Idempotency-Key nothing more", async () => {
  await open();
  await app.as(user("ann", "writer")).create("Note", { id: "hot", text: "x" });
  let runs = 0;
  modes["hot"] = async (ctx) => {
    const { hits } = (await ctx.system["Note"]!.get("hot")) as unknown as { hits: number };
    if (++runs === 1) await app.as(user("ann", "writer")).update("Note", "hot", { text: "changed" });
    await ctx.system["Note"]!.update("hot", { hits: hits + 1 });
    await ctx.enqueue("write", { text: "once" });
    return "done";
  };
  const caller = app.as(user("ann")).keyed("k-0123456789-0123456789-0123456789");
  await caller.call("ask", { mode: "hot" });
  await caller.call("ask", { mode: "hot" });
  await app.jobs.settled();
  expect([runs, order]).toEqual([2, ["once"]]);
});

test("a failed job is repeated after its delay, and ends well", async () => {
  await open();
  modes["go"] = (ctx) => ctx.enqueue("fail", { times: 2 });
  const id = (await app.as(nobody).call("ask", { mode: "go" })).body as string;
  await app.jobs.settled();
  expect(await app.run(id)).toMatchObject({ state: "SCHEDULED", attempts: 1, problem: { code: "INTERNAL" } });
  await app.advance(9_999);
  expect(attempts).toBe(1);
  await app.advance(1);
  expect(attempts).toBe(2);
  await app.advance(10_000);
  expect(await app.run(id)).toMatchObject({ state: "SUCCEEDED", attempts: 3, result: 3 });
});

test("one that keeps failing is a dead letter, told in the log, and replayed from the beginning", async () => {
  await open();
  modes["go"] = (ctx) => ctx.enqueue("grow");
  const id = (await app.as(nobody).call("ask", { mode: "go" })).body as string;
  await app.jobs.settled();
  for (const [least, most] of [[750, 1_250], [1_500, 2_500], [3_000, 5_000]] as const) {
    const before = attempts;
    await app.advance(least - 1);
    expect(attempts).toBe(before);
    await app.advance(most - least + 1);
    expect(attempts).toBe(before + 1);
  }
  expect(await app.run(id)).toMatchObject({ state: "FAILED", attempts: 4, problem: { code: "INTERNAL" } });
  expect(app.jobs.stats()).toMatchObject({ deadLetters: 1, waiting: 0, running: 0, failedAttempts: 4 });
  expect(app.log.filter(({ event }) => event === "job-failed")).toMatchObject([{ run: id, job: "grow" }]);
  await app.ask({ do: "replay", id });
  await app.jobs.settled();
  expect(attempts).toBe(5);
  expect(await app.run(id)).toMatchObject({ state: "SCHEDULED", attempts: 1 });
  expect((await refusal(app.ask({ do: "replay", id }))).code).toBe("CONFLICT");
});

test("ctx.at and delay wait for their time, which outlives a restart", async () => {
  await open();
  const start = app.clock.now();
  modes["go"] = async (ctx) => {
    await ctx.at(new Date(start + 60_000), "write", { text: "minute" });
    await ctx.enqueue("write", { text: "two minutes" }, { delay: "PT2M" });
    await ctx.at(new Date(start - 1).toISOString(), "write", { text: "past" });
    return null;
  };
  await app.as(nobody).call("ask", { mode: "go" });
  await app.jobs.settled();
  expect(order).toEqual(["past"]);
  await app.advance(59_999);
  expect(order).toEqual(["past"]);
  const directory = await app.crash();
  app = await openJobs(SDL, { code, directory });
  // The clock of a test begins anew.
  await app.advance(60_000);
  expect(order).toEqual(["past", "minute"]);
  await app.advance(60_000);
  expect(order).toEqual(["past", "minute", "two minutes"]);
});

test("larger priority goes first, then what fell due first; only so many at once", async () => {
  await open({ limits: { jobConcurrency: 1 } });
  modes["go"] = async (ctx) => {
    for (const [text, priority] of [["a", 0], ["b", 5], ["c", -1], ["d", 5]] as const) await ctx.enqueue("write", { text }, { priority });
    return null;
  };
  await app.as(nobody).call("ask", { mode: "go" });
  await app.jobs.settled();
  expect(order).toEqual(["b", "d", "a", "c"]);
});

test("at most jobConcurrency run at once, and of one concurrency key only one", async () => {
  await open({ limits: { jobConcurrency: 4 } });
  let [now, most, lane, mostLane] = [0, 0, 0, 0];
  const busy = (inLane: boolean) => async () => {
    most = Math.max(most, ++now);
    if (inLane) mostLane = Math.max(mostLane, ++lane);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
    now--;
    if (inLane) lane--;
    return null;
  };
  [free["laned"], free["any"]] = [busy(true), busy(false)];
  modes["go"] = async (ctx) => {
    for (let number = 0; number < 12; number++) {
      await ctx.enqueue("free", { mode: "laned" }, { concurrency: "one" });
      await ctx.enqueue("free", { mode: "any" });
    }
    return null;
  };
  await app.as(nobody).call("ask", { mode: "go" });
  await app.jobs.settled();
  expect([most, mostLane, app.jobs.stats().succeeded]).toEqual([4, 1, 24]);
});

test("a claim that shares its commit with the end of a lane's run leaves nobody of the lane behind", async () => {
  await open();
  let release = (): void => {};
  const gate = new Promise<null>((resolve) => { release = () => resolve(null); });
  free["gated"] = () => gate;
  modes["go"] = async (ctx) => {
    for (let number = 0; number < 3; number++) await ctx.enqueue("free", { mode: "gated" }, { concurrency: "one" });
    return null;
  };
  await app.as(nobody).call("ask", { mode: "go" });
  const states = (): unknown[] => app.storage.reader.values(`SELECT "state" FROM "$job" ORDER BY "number"`).flat();
  while (!states().includes("HELD")) await new Promise((resolve) => { setTimeout(resolve, 1); });
  expect(listRuns(app.storage.reader, { state: "QUEUED", job: null, before: null, limit: 10, tenant: null }).map(({ state }) => state)).toEqual(["HELD", "HELD"]);
  // There is something to claim, of which the worker does not know yet; it looks for it right behind the end of the first.
  const other = { id: "other", job: "write", input: '{"text":"other"}', identity: '{"kind":"system"}', priority: 0, dueMs: 0, lane: null, dedupe: null, enqueuedMs: 0 };
  await app.storage.commit((connection) => insertRun(connection, other, 1));
  const storage = app.storage as { commit: typeof app.storage.commit };
  const { commit } = storage;
  storage.commit = (...parameters) => {
    storage.commit = commit;
    const committed = commit(...parameters);
    void app.jobs.replaced();
    return committed as never;
  };
  release();
  await app.jobs.settled();
  expect(states()).toEqual(["SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]);
});

test("while a run with a dedupe key has not ended, it is the one; after it there is another", async () => {
  await open();
  modes["go"] = (ctx) => ctx.enqueue("write", { text: "one" }, { dedupe: "k", delay: 1_000 });
  const call = async (): Promise<unknown> => (await app.as(nobody).call("ask", { mode: "go" })).body;
  const ids = await Promise.all([call(), call(), call(), call()]);
  expect(new Set(ids).size).toBe(1);
  modes["twice"] = async (ctx) => { await ctx.enqueue("write", { text: "two" }, { dedupe: "t" }); await ctx.enqueue("write", { text: "two" }, { dedupe: "t" }); return null; };
  await app.as(nobody).call("ask", { mode: "twice" });
  await app.advance(1_000);
  expect(order.toSorted()).toEqual(["one", "two"]);
  expect(await call()).not.toBe(ids[0]);
});

test("what waits is cancelled at once, what runs by its signal, what has ended not at all", async () => {
  await open();
  modes["waits"] = (ctx) => ctx.enqueue("write", { text: "no" }, { delay: 1_000 });
  const waits = (await app.as(user("ann")).call("ask", { mode: "waits" })).body as string;
  expect((await app.as(user("ann")).send({ kind: "run", ask: { do: "cancel", id: waits } })).body).toMatchObject({ state: "CANCELLED" });
  let begun = (): void => {};
  const hasBegun = new Promise<void>((resolve) => { begun = resolve; });
  free["long"] = (ctx) => new Promise((_, reject) => { ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason as Error)); begun(); });
  modes["runs"] = (ctx) => ctx.enqueue("free", { mode: "long" });
  const runs = (await app.as(user("ann")).call("ask", { mode: "runs" })).body as string;
  await hasBegun;
  await app.ask({ do: "cancel", id: runs });
  await app.advance(2_000);
  expect(await app.run(runs)).toMatchObject({ state: "CANCELLED" });
  expect(order).toEqual([]);
  expect((await refusal(app.ask({ do: "cancel", id: runs }))).code).toBe("CONFLICT");
});

test("a run is there for whoever enqueued it and the administrator, for nobody else", async () => {
  await open();
  modes["go"] = (ctx) => ctx.enqueue("write", { text: "mine" });
  const id = (await app.as(user("ann")).call("ask", { mode: "go" })).body as string;
  await app.jobs.settled();
  const find = { kind: "run", ask: { do: "find", id } } as const;
  expect((await app.as(user("ann")).send(find)).body).not.toHaveProperty("input");
  for (const other of [user("bob"), nobody]) {
    expect((await refusal(app.as(other).send(find))).code).toBe("NOT_FOUND");
    expect((await refusal(app.as(other).send({ kind: "run", ask: { do: "list", state: null, job: null, limit: 10, after: null } }))).status).toBeOneOf([401, 403]);
  }
  expect(await app.ask({ do: "list", state: "SUCCEEDED", job: "write", limit: 10, after: null })).toMatchObject([{ id, input: { text: "mine", count: 1 } }]);
  expect(await app.ask({ do: "list", state: "FAILED", job: null, limit: 10, after: null })).toEqual([]);
});

test("progress is told at once and kept", async () => {
  await open();
  let seen: unknown = null;
  free["steps"] = async (ctx) => {
    ctx.progress(1, 3);
    ctx.progress(2, 3);
    seen = (await app.ask({ do: "list", state: "RUNNING", job: null, limit: 1, after: null }) as { progress: unknown }[])[0]!.progress;
    return null;
  };
  modes["go"] = (ctx) => ctx.enqueue("free", { mode: "steps" });
  const id = (await app.as(nobody).call("ask", { mode: "go" })).body as string;
  await app.jobs.settled();
  expect(seen).toEqual({ done: 2, total: 3 });
  expect((await app.run(id)).progress).toEqual({ done: 2, total: 3 });
});

test("an attempt that takes longer than jobMs has failed; what it still does is nobody's", async () => {
  await open({ limits: { jobMs: 1_000 } });
  let late: Promise<unknown> = Promise.resolve();
  let begun = (): void => {};
  const hasBegun = new Promise<void>((resolve) => { begun = resolve; });
  free["slow"] = async (ctx) => {
    begun();
    await new Promise((resolve) => { app.clock.schedule(2_000, () => resolve(null)); });
    late = ctx.system["Note"]!.create({ text: "too late" }).catch((error: unknown) => error);
    return late;
  };
  modes["go"] = (ctx) => ctx.enqueue("free", { mode: "slow" });
  const id = (await app.as(nobody).call("ask", { mode: "go" })).body as string;
  await hasBegun;
  await app.advance(1_000);
  expect(await app.run(id)).toMatchObject({ state: "FAILED", problem: { code: "TRANSACTION_TIMEOUT" } });
  await app.advance(1_000);
  await new Promise((resolve) => { setTimeout(resolve, 1); });
  app.clock.advance(1);
  expect(await late).toBeInstanceOf(Error);
  expect(texts()).toEqual([]);
});

test("what is enqueued is validated where it is enqueued", async () => {
  await open({ limits: { jobBytes: 200, jobsWaiting: 2 } });
  const refused = async (enqueue: (ctx: TestContext) => Promise<unknown>): Promise<string> => {
    modes["go"] = enqueue;
    const { code, message } = await refusal(app.as(nobody).call("ask", { mode: "go" }));
    return `${code} ${message}`;
  };
  expect(await refused((ctx) => ctx.enqueue("wrte", {}))).toBe("NOT_FOUND There is no job wrte.");
  expect(await refused((ctx) => ctx.enqueue("write", { text: 5 }))).toStartWith("VALIDATION_FAILED");
  expect(await refused((ctx) => ctx.enqueue("write", { text: "x", other: 1 }))).toStartWith("VALIDATION_FAILED");
  expect(await refused((ctx) => ctx.enqueue("write", { text: "x" }, { delay: -1 }))).toStartWith("VALIDATION_FAILED delay");
  expect(await refused((ctx) => ctx.enqueue("write", { text: "x" }, { wait: 1 }))).toStartWith("VALIDATION_FAILED wait");
  expect(await refused((ctx) => ctx.at("tomorrow", "write", { text: "x" }))).toStartWith("VALIDATION_FAILED time");
  expect(await refused((ctx) => ctx.enqueue("write", { text: "x".repeat(200) }))).toStartWith("VALIDATION_FAILED The input of a job has at most 200");
  modes["fill"] = (ctx) => ctx.enqueue("write", { text: "x" }, { delay: 60_000 });
  await app.as(nobody).call("ask", { mode: "fill" });
  await app.as(nobody).call("ask", { mode: "fill" });
  expect(await refused((ctx) => ctx.enqueue("write", { text: "x" }))).toStartWith("OVERLOADED");
  expect(await refused(async (ctx) => ctx.progress(1))).toStartWith("INTERNAL");
});

test("progress is written once in jobProgressMs, a result only up to jobBytes, no wait is longer than jobBackOffMs", async () => {
  await open({ limits: { jobProgressMs: 50, jobBytes: 100, jobBackOffMs: 2_000 } });
  const written: unknown[] = [];
  free["steps"] = async (ctx) => {
    for (let step = 1; step <= 4; step++) {
      ctx.progress(step);
      if (step === 3) {
        app.clock.advance(50);
        await new Promise((resolve) => { setTimeout(resolve, 5); });
      }
      written.push(app.storage.reader.values(`SELECT "progress" FROM "$job"`)[0]![0]);
    }
    return "x".repeat(200);
  };
  modes["go"] = (ctx) => ctx.enqueue("free", { mode: "steps" });
  const id = (await app.as(nobody).call("ask", { mode: "go" })).body as string;
  await app.jobs.settled();
  expect(written).toEqual([null, null, '{"done":3,"total":null}', '{"done":3,"total":null}']);
  expect(await app.run(id)).toMatchObject({ state: "SUCCEEDED", result: null, progress: { done: 4, total: null } });
  modes["grow"] = (ctx) => ctx.enqueue("grow");
  await app.as(nobody).call("ask", { mode: "grow" });
  await app.jobs.settled();
  for (let attempt = 2; attempt <= 4; attempt++) {
    await app.advance(2_000);
    expect(attempts).toBe(attempt);
  }
});

test("a run stays within the tenant of whoever enqueued it, and its keys are that tenant's own", async () => {
  await open();
  await app.close();
  const ids: unknown[] = [];
  app = await openJobs(`type Doc @table(tenant: "org") { id: ID! @primaryKey org: String! text: String! }
    type Endpoints { go(text: String!): String @http @allow(to: ["authenticated"]) } type Jobs { add(text: String!): Int }`, { code: {
    Endpoints: endpoints({ go: (ctx: TestContext, { text }: { readonly text: string }) => ctx.enqueue("add", { text }, { dedupe: "same", delay: 1_000 }) }),
    Jobs: jobs({ async add(ctx: TestContext, { text }: { readonly text: string }) { await ctx.system["Doc"]!.create({ text }); return ctx.system["Doc"]!.count(); } }),
  } });
  for (const tenant of ["a", "b"]) ids.push((await app.as({ ...user("ann"), tenant, key: tenant }).call("go", { text: tenant })).body);
  await app.advance(1_000);
  expect(app.storage.reader.values(`SELECT "org", "text" FROM "Doc" ORDER BY "org"`)).toEqual([["a", "a"], ["b", "b"]]);
  expect([(await app.run(ids[0] as string)).result, (await app.run(ids[1] as string)).result]).toEqual([1, 1]);
  const find = { kind: "run", ask: { do: "find", id: ids[0] as string } } as const;
  expect((await refusal(app.as({ ...user("ann"), tenant: "b", key: "b" }).send(find))).code).toBe("NOT_FOUND");
  expect(((await app.as({ ...user("ann"), tenant: "a", key: "a" }).send(find)).body as { state: string }).state).toBe("SUCCEEDED");
});

test("ended runs are forgotten in time, dead letters later", async () => {
  await open({ limits: { jobKeptMs: 1_000_000, jobDeadMs: 5_000_000 } });
  modes["go"] = async (ctx) => { await ctx.enqueue("write", { text: "x" }); await ctx.enqueue("free", { mode: "none" }); return null; };
  await app.as(nobody).call("ask", { mode: "go" });
  await app.jobs.settled();
  const states = (): unknown[] => app.storage.reader.values(`SELECT "state" FROM "$job" ORDER BY "state"`).flat();
  expect(states()).toEqual(["FAILED", "SUCCEEDED"]);
  const until = async (expected: unknown[]): Promise<void> => { for (let turn = 0; turn < 100 && states().length !== expected.length; turn++) await new Promise((resolve) => { setTimeout(resolve, 1); }); };
  await app.advance(1_300_000);
  await until(["FAILED"]);
  expect(states()).toEqual(["FAILED"]);
  await app.advance(5_000_000);
  await until([]);
  expect([states(), app.jobs.stats().deadLetters]).toEqual([[], 0]);
});
