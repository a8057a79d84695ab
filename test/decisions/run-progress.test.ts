// Runs that are followed, as events and over a WebSocket: state, step and kind of a decision, progress of a job, and the end, with nothing of what is decided;
// for whoever may see the run, and nobody else.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { EventClient, SocketClient } from "../scenarios/live-clients.ts";
import { adminToken, keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { scriptedModel, type ScriptedModel } from "../models/scripted-model.ts";
import { until } from "../processes/waits.ts";

const schema = `
type Tools { risk(of: ID!): Int! }
type Decisions {
  """Decide what to refund. The secret word is PELICAN."""
  refund(orderId: ID!): Int! @decision(mode: ENFORCE, deadline: "PT60S", inspect: ["auditor"]) @export @allow(to: ["support", "other"])
    @mayCall(tool: "risk") @bound(name: "cap", rule: "out <= 40") @fallback(value: 0)
}
type Jobs { count(to: Int!): Int @retry(times: 0) }
type Endpoints { start(to: Int!): String! @http @allow(to: ["support"]) }`;
const resources = `import { endpoints, jobs, tools } from "ambit";
export const Tools = tools({ async risk() { return 7; } });
export const Endpoints = endpoints({ async start(ctx, { to }) { return ctx.enqueue("count", { to }); } });
export const Jobs = jobs({
  async count(ctx, { to }) {
    for (let done = 1; done <= to; done++) {
      ctx.progress(done, to);
      await new Promise((resolve) => setTimeout(resolve, 700));
    }
    return to;
  },
});
`;

let app: StartedApp;
let model: ScriptedModel;
/** Lets the model answer its second request. */
let answers: PromiseWithResolvers<void>;
beforeAll(async () => {
  model = scriptedModel(() => []);
  app = await startTestApp({ schema, resources, config: `${keysFor("support", "other", "auditor")}limits: { runFollowers: 3, runFollowersOfSubject: 2 }\nmodels: { default: { provider: openai-compatible, model: scripted, url: "${model.url}" } }\n` });
});
afterAll(async () => {
  answers.resolve();
  await app?.stop();
  await model?.stop();
});
beforeEach(() => {
  model.requests.length = 0;
  answers = Promise.withResolvers();
  model.script = async (_, count) => {
    if (count === 1) return [{ name: "risk", arguments: { of: "PELICAN" } }];
    if (count === 2) {
      await answers.promise;
      return [{ name: "answer", arguments: "99" }];
    }
    return [{ name: "answer", arguments: "40" }];
  };
});

const auth = (name: string): Record<string, string> => ({ authorization: `Bearer ${name === "admin" ? adminToken : `key-${name}`}` });

async function started(): Promise<string> {
  const response = await fetch(`${app.url}/decide/refund`, { method: "POST", headers: { "content-type": "application/json", prefer: "respond-async", ...auth("support") }, body: JSON.stringify({ orderId: "o1" }) });
  const { run } = await response.json() as { run: string };
  await until(() => model.requests.length >= 2);
  return run;
}

const ended = (run: string): Promise<void> => until(async () => ((await (await fetch(`${app.url}/runs/${run}`, { headers: auth("support") })).json()) as { endedAt: unknown }).endedAt !== null);
const follow = (run: string, name = "support", headers: Record<string, string> = {}): Promise<EventClient> => EventClient.open(`${app.url}/runs/${run}`, { ...auth(name), ...headers });

test("events of a run: where it is, each step, and its end; no word of what is decided", async () => {
  const run = await started();
  const events = await follow(run);
  expect(events.response.headers.get("content-type")).toStartWith("text/event-stream");
  expect(await events.next()).toEqual({ event: "progress", id: null, data: { op: "progress", run, state: "REASONING", step: 2, kind: "reason" } as never });
  answers.resolve();
  const seen = [(await events.next()).data, (await events.next()).data, (await events.next()).data, (await events.next()).data] as unknown as Record<string, unknown>[];
  expect(seen.map(({ op, state, step, kind }) => [op, state, step, kind])).toEqual([
    ["progress", "REPAIRING", 2, "reason"], ["progress", "REASONING", 3, "reason"], ["progress", "COMMITTING", 3, null], ["done", "DECIDED", 3, null],
  ]);
  await events.ended();
  for (const block of events.text.filter((one) => one.includes("data: "))) expect(block.replaceAll(run, "")).not.toMatch(/PELICAN|40|99|o1|risk|cap/);
  // A browser comes again when a stream ends: it is told that there is nothing more.
  expect((await follow(run, "support", { "last-event-id": events.lastId! })).response.status).toBe(204);
});

test("what has ended says so at once; the plain GET is as it was", async () => {
  answers.resolve();
  const run = await started();
  await ended(run);
  const events = await follow(run);
  expect((await events.next()).data as unknown).toEqual({ op: "done", run, state: "DECIDED", step: 3, kind: null });
  await events.ended();
});

test("whoever may not see the run is told what those are told who invent one", async () => {
  const run = await started();
  for (const name of ["other", "none"]) {
    const [known, unknown] = [await follow(run, name), await follow("0190a000-0000-7000-8000-000000000000", name)];
    expect([known.response.status, known.response.status]).toEqual([unknown.response.status, name === "other" ? 404 : 401]);
  }
  const seeing = [await follow(run, "auditor"), await follow(run, "admin")];
  for (const one of seeing) expect((await one.next()).data as unknown).toMatchObject({ op: "progress", state: "REASONING" });
  answers.resolve();
  for (const one of seeing) await one.ended();
});

test("no more follow than limits.runFollowers, nor of one subject than limits.runFollowersOfSubject; who leaves makes room", async () => {
  const run = await started();
  const first = await follow(run);
  await first.next();
  await (await follow(run)).next();
  expect((await follow(run)).response.status).toBe(503);
  await (await follow(run, "admin")).next();
  expect((await follow(run, "auditor")).response.status).toBe(503);
  first.close();
  await until(async () => {
    const another = await follow(run);
    const { status } = another.response;
    another.close();
    return status === 200;
  });
  answers.resolve();
  await ended(run);
});

test("over a WebSocket it is a query like any other, and ends with done", async () => {
  const run = await started();
  const socket = await SocketClient.open(app.url, auth("support"));
  expect(await socket.ask({ op: "subscribe", id: "r", query: `/runs/${run}` }) as unknown).toEqual({ op: "progress", id: "r", run, state: "REASONING", step: 2, kind: "reason" });
  socket.send({ op: "subscribe", id: "x", query: "/runs/nobody" });
  expect(await socket.next()).toMatchObject({ op: "error", id: "x", problem: { code: "NOT_FOUND" } });
  answers.resolve();
  const frames = [await socket.next(), await socket.next(), await socket.next(), await socket.next()] as unknown as { op: string; state: string }[];
  expect(frames.map(({ op, state }) => `${op} ${state}`)).toEqual(["progress REPAIRING", "progress REASONING", "progress COMMITTING", "done DECIDED"]);
  // It is over: nothing is left to unsubscribe from.
  expect(await socket.ask({ op: "unsubscribe", id: "r" })).toMatchObject({ op: "error", problem: { code: "NOT_FOUND" } });
  socket.close();
});

test("a cancelled run ends for whoever follows it", async () => {
  const run = await started();
  const events = await follow(run);
  await events.next();
  expect((await fetch(`${app.url}/runs/${run}`, { method: "DELETE", headers: auth("support") })).status).toBe(200);
  expect((await events.next()).data as unknown).toMatchObject({ op: "done", state: "CANCELLED" });
  await events.ended();
  answers.resolve();
});

test("a job tells how much of it is done", async () => {
  const response = await fetch(`${app.url}/start`, { method: "POST", headers: { "content-type": "application/json", ...auth("support") }, body: JSON.stringify({ to: 2 }) });
  const run = await response.json() as string;
  expect((await follow(run, "other")).response.status).toBe(404);
  const events = await follow(run);
  const seen: { op: string; state: string; done: number | null; total: number | null }[] = [];
  do seen.push((await events.next()).data as never); while (seen.at(-1)!.op !== "done");
  expect(seen.at(-1)).toMatchObject({ op: "done", state: "SUCCEEDED" });
  expect(seen.map(({ done, total }) => `${done}/${total}`)).toEqual(expect.arrayContaining(["1/2", "2/2"]));
  await events.ended();
});

test("another app in its place: the stream ends, and goes on there", async () => {
  const run = await started();
  const events = await follow(run);
  await events.next();
  expect(await app.running.reload({ typeCheck: false })).toEqual([]);
  await events.ended();
  const again = await follow(run);
  expect((await again.next()).data as unknown).toMatchObject({ op: "progress", state: "REASONING", step: 2 });
  answers.resolve();
  for (let last = ""; last !== "done";) last = (await again.next()).event;
  await again.ended();
});

test("the stream ends when the app stops", async () => {
  const run = await started();
  const events = await follow(run);
  await events.next();
  answers.resolve();
  await Promise.all([app.running.stop(), events.ended()]);
});
