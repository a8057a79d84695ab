// Runs of jobs where two things happen at once: a key that becomes free, a cancel that meets a failure, a kill behind a commit.
import { afterEach, expect, test } from "bun:test";
import { endpoints, jobs } from "../resources/app-api.ts";
import { administrator, nobody, user } from "../resources/testing/open-app.ts";
import type { TestContext } from "../resources/testing/typed-context.ts";
import { openJobs, type OpenJobs } from "./testing/open-jobs.ts";

const SDL = `
type Note @table @export @allow(to: ["reader"], do: [READ]) { id: ID! @primaryKey text: String! }
type Endpoints { ask: String @http @allow(to: ["public"]) }
type Jobs {
  work(text: String): String @retry(times: 3, backoff: FIXED, delay: "PT10S")
  write(text: String!): Note @retry(times: 3)
}`;

type Body = (ctx: TestContext, args: { readonly text: string }) => Promise<unknown>;
let [ask, work, write]: Body[] = [];
const code = {
  Endpoints: endpoints({ ask: (ctx: TestContext, args: Parameters<Body>[1]) => ask!(ctx, args) }),
  Jobs: jobs({ work: (ctx: TestContext, args: Parameters<Body>[1]) => work!(ctx, args), write: (ctx: TestContext, args: Parameters<Body>[1]) => write!(ctx, args) }),
};
let app: OpenJobs;
afterEach(() => app.close());

test("a run whose dedupe key becomes free before the commit does not stand for the new one", async () => {
  app = await openJobs(SDL, { code });
  let end = (): void => {};
  const seen: unknown[] = [];
  work = async (ctx) => {
    seen.push(await ctx.system["Note"]!.count({}));
    await new Promise<void>((resolve) => { end = resolve; });
    return null;
  };
  ask = (ctx) => ctx.enqueue("work", {}, { dedupe: "k" });
  const first = (await app.as(nobody).call("ask")).body;
  while (seen.length === 0) await Bun.sleep(1);
  let attempts = 0;
  ask = async (ctx) => {
    await ctx.system["Note"]!.create({ text: "for the run to see" });
    const id = await ctx.enqueue("work", {}, { dedupe: "k" });
    if (++attempts === 1) {
      end();
      await app.jobs.settled();
    }
    return id;
  };
  expect((await app.as(nobody).call("ask")).body).not.toBe(first);
  while (seen.length === 1) await Bun.sleep(1);
  end();
  await app.jobs.settled();
  expect(seen).toEqual([0, 1]);
});

test("a cancel that was answered holds, also where the attempt fails just then", async () => {
  app = await openJobs(SDL, { code });
  let end = (): void => {};
  const attempts: string[] = [];
  work = async () => {
    attempts.push("begun");
    await new Promise<void>((resolve) => { end = resolve; });
    throw new Error("failed");
  };
  ask = (ctx) => ctx.enqueue("work", {});
  const id = (await app.as(nobody).call("ask")).body as string;
  while (attempts.length === 0) await Bun.sleep(1);
  for (let steps = 0; steps < 12; steps++) {
    end();
    for (let step = 0; step < steps; step++) await Promise.resolve();
    const answered = await app.ask({ do: "cancel", id }).then(() => true, () => false);
    await app.jobs.settled();
    const { state } = await app.run(id);
    expect([steps, state]).toEqual([steps, answered ? "CANCELLED" : "SCHEDULED"]);
    attempts.length = 0;
    await app.ask({ do: "replay", id });
    while (attempts.length === 0) await Bun.sleep(1);
  }
  end();
});

test("the end of a job that answers with a record joins its last transaction, too, and tells the record to who may read it", async () => {
  app = await openJobs(SDL, { code });
  write = async (ctx, { text }) => ctx.transaction(async (inner) => inner.system["Note"]!.create({ id: "n", text }));
  ask = (ctx) => ctx.enqueue("write", { text: "once" });
  const states: unknown[] = [];
  app.tables.onCommitted(() => { states.push(app.storage.reader.values(`SELECT "state" FROM "$job" ORDER BY "number" DESC`)[0]![0]); });
  for (const [caller, result] of [[user("ann", "reader"), { id: "n", text: "once" }], [nobody, null]] as const) {
    const id = (await app.as(caller).call("ask")).body as string;
    await app.jobs.settled();
    expect(await app.run(id)).toMatchObject({ state: "SUCCEEDED", result, attempts: 1 });
    await app.as(administrator).remove("Note", "n");
  }
  expect(states).toEqual(["SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]);
});
