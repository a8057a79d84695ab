// What a kill leaves behind: rows that are claimed by nobody. Written into the file as a kill would leave them.
import { afterEach, expect, test } from "bun:test";
import { endpoints, jobs } from "../resources/app-api.ts";
import { nobody, type AppOptions } from "../resources/testing/open-app.ts";
import type { TestContext } from "../resources/testing/typed-context.ts";
import { openJobs, type OpenJobs } from "./testing/open-jobs.ts";

const SDL = `
type Endpoints { go(lane: String): String @http @allow(to: ["public"]) }
type Jobs { work: Int @retry(times: 2) }`;

let app: OpenJobs;
let runs = 0;
const code = {
  Endpoints: endpoints({ go: (ctx: TestContext, { lane }: { readonly lane: string | null }) => ctx.enqueue("work", {}, { delay: 1_000, ...(lane === null ? {} : { concurrency: lane }) }) }),
  Jobs: jobs({ async work() { return ++runs; } }),
};
const open = async (options: AppOptions = {}): Promise<OpenJobs> => (app = await openJobs(SDL, { code, ...options }));
afterEach(() => app.close());

/** As a kill leaves the rows. */
async function killed(columns: string, options: AppOptions = {}): Promise<void> {
  await app.storage.commit((connection) => { connection.run(`UPDATE "$job" SET ${columns}`); });
  await open({ ...options, directory: await app.crash() });
  await app.jobs.settled();
}

test("a claim of a process that is gone is taken back and carried out; it is no failed attempt", async () => {
  runs = 0;
  await open();
  const id = (await app.as(nobody).call("go")).body as string;
  await killed(`"state" = 'RUNNING', "epoch" = 1, "due" = 0`);
  expect(runs).toBe(1);
  expect(await app.run(id)).toMatchObject({ state: "SUCCEEDED", attempts: 2 });
  expect(app.storage.reader.values(`SELECT "failures", "interruptions", "epoch" FROM "$job"`)).toEqual([[0, 1, 3]]);
});

test("a run that ends its process again and again is a dead letter", async () => {
  runs = 0;
  await open({ limits: { jobInterruptions: 3 } });
  const id = (await app.as(nobody).call("go")).body as string;
  await killed(`"state" = 'RUNNING', "due" = 0, "interruptions" = 2`, { limits: { jobInterruptions: 3 } });
  expect([runs, await app.run(id)]).toMatchObject([0, { state: "FAILED", problem: { code: "INTERNAL" } }]);
  expect(app.jobs.stats()).toMatchObject({ deadLetters: 1, waiting: 0 });
});

test("one that was cancelled while it ran ends as cancelled", async () => {
  runs = 0;
  await open();
  const id = (await app.as(nobody).call("go")).body as string;
  await killed(`"state" = 'RUNNING', "due" = 0, "cancelled" = 1`);
  expect([runs, await app.run(id)]).toMatchObject([0, { state: "CANCELLED" }]);
});

test("others of its lane that were held back go on", async () => {
  runs = 0;
  await open();
  for (let number = 0; number < 4; number++) await app.as(nobody).call("go", { lane: "one" });
  await killed(`"due" = 0, "state" = CASE "number" WHEN 1 THEN 'RUNNING' ELSE 'HELD' END`);
  expect([runs, app.jobs.stats()]).toMatchObject([4, { succeeded: 4, waiting: 0, running: 0 }]);
});

test("many are recovered, page by page", async () => {
  runs = 0;
  await open();
  for (let number = 0; number < 1_200; number++) await app.as(nobody).call("go");
  await killed(`"state" = 'RUNNING', "due" = 0`);
  expect([runs, app.jobs.stats()]).toMatchObject([1_200, { waiting: 0 }]);
}, 120_000);
