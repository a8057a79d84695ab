// @limit(concurrency) on a job: at once in all; what waits for it holds up no other job, and none of it is lost or doubled.
import { expect, test } from "bun:test";
import { endpoints, jobs } from "../resources/app-api.ts";
import { nobody } from "../resources/testing/open-app.ts";
import type { TestContext } from "../resources/testing/typed-context.ts";
import { openJobs } from "./testing/open-jobs.ts";

const SDL = `
type Endpoints { ask(job: String!, name: String!, lane: String): String @http @allow(to: ["public"]) }
type Jobs { heavy(name: String!): Boolean @limit(concurrency: 2) light(name: String!): Boolean }`;

test("two at once, the others as these end; other jobs go past, with lanes too", async () => {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const body = async (_: TestContext, { name }: { readonly name: string }): Promise<boolean> => {
    begun.push(name);
    await new Promise<void>((resolve) => { ends.set(name, resolve); });
    return true;
  };
  const app = await openJobs(SDL, { code: {
    Endpoints: endpoints({ ask: (ctx: TestContext, { job, name, lane }: { readonly job: string; readonly name: string; readonly lane: string | null }) => ctx.enqueue(job, { name }, lane === null ? {} : { concurrency: lane }) }),
    Jobs: jobs({ heavy: body, light: body }),
  } });
  const ask = async (job: string, name: string, lane: string | null = null): Promise<void> => { await app.as(nobody).send({ kind: "endpoint", name: "ask", input: { job, name, lane } }); };
  const settle = async (): Promise<void> => { for (let turn = 0; turn < 20; turn++) await Bun.sleep(1); };
  for (const name of ["h1", "h2", "h3", "h4"]) await ask("heavy", name);
  for (const name of ["l1", "l2"]) await ask("heavy", name, "lane");
  await ask("light", "other");
  await settle();
  expect(begun).toEqual(["h1", "h2", "other"]);
  const order = ["h1", "h2", "h3", "h4", "l1", "l2"];
  for (const [index, name] of order.entries()) {
    ends.get(name)!();
    await settle();
    const heavy = begun.filter((one) => one !== "other");
    expect(heavy.length - (index + 1)).toBeLessThanOrEqual(2);
    expect(new Set(heavy).size).toBe(heavy.length);
  }
  ends.get("other")!();
  await settle();
  expect(begun.toSorted()).toEqual([...order, "other"].toSorted());
  await app.close();
});
