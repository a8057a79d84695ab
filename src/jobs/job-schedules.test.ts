// @every on a clock that is moved: each time comes once, through restarts and reloads; missed ones and overlaps as declared.
import { afterEach, expect, test } from "bun:test";
import { jobs } from "../resources/app-api.ts";
import type { TestContext } from "../resources/testing/typed-context.ts";
import { openJobs, type OpenJobs } from "./testing/open-jobs.ts";

let app: OpenJobs;
let fired: string[] = [];
let work: (ctx: TestContext, input: unknown) => unknown;
const HOUR = 3_600_000;

async function open(every: string, directory?: string, argument = ""): Promise<OpenJobs> {
  return app = await openJobs(`type Note @table { id: ID! @primaryKey text: String! } type Jobs { tick${argument}: JSON @retry(times: 0) ${every} }`, {
    limits: { jobMs: 100 * HOUR }, code: { Jobs: jobs({ tick: (ctx: TestContext, input: unknown) => work(ctx, input) }) }, ...(directory === undefined ? {} : { directory }),
  });
}
const started = (): void => {
  fired = [];
  work = () => { fired.push(new Date(app.clock.now()).toISOString().slice(5, 16)); return null; };
};
const turn = (ms = 2): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

afterEach(() => app.close());

test("fires at its times, as the system, one run each, also when the clock leaps over several", async () => {
  started();
  await open('@every(cron: "0 * * * *", overlap: ALLOW)');
  for (let hour = 0; hour < 3; hour++) await app.advance(HOUR);
  expect(fired).toEqual(["01-01T01:00", "01-01T02:00", "01-01T03:00"]);
  await app.advance(5 * HOUR);
  expect(fired.length).toBe(8);
  const [run] = await app.ask({ do: "list", state: null, job: "tick", limit: 1, after: null }) as { owner: object; state: string }[];
  expect(run).toMatchObject({ state: "SUCCEEDED", owner: { kind: "system" } });
});

test("a restart neither repeats a time nor makes up for missed ones, unless it says catchUp: then once", async () => {
  for (const [catchUp, expected] of [["false", []], ["true", ["01-01T04:30"]]] as const) {
    started();
    await open(`@every(cron: "0 * * * *", catchUp: ${catchUp})`);
    await app.advance(HOUR);
    expect(fired.length).toBe(1);
    // The clock of a test begins anew, so the row is put as far back as the stop lasts.
    await app.storage.commit((connection) => { connection.run(`UPDATE "$schedule" SET "next" = "next" - ?1`, 3.5 * HOUR); });
    const directory = await app.crash();
    fired = [];
    await open(`@every(cron: "0 * * * *", catchUp: ${catchUp})`, directory);
    await app.jobs.settled();
    expect(fired.map((time) => time.slice(0, 5))).toEqual(expected.map(() => "01-01"));
    await app.advance(HOUR - 1);
    expect(fired.length).toBe(expected.length);
    await app.advance(1);
    expect(fired.length).toBe(expected.length + 1);
    await app.close();
    started();
    await open('@every(cron: "0 * * * *")');
  }
});

test("a clock that was far ahead is no reason to wait as long; one that goes back a little repeats nothing", async () => {
  for (const [aheadMs, atMs] of [[24 * 365 * HOUR, HOUR], [30 * 60_000, 2 * HOUR]] as const) {
    started();
    await open('@every(cron: "0 * * * *")');
    // The clock of a test begins anew: as if it had been ahead when it was stopped, and the next time was set by it.
    await app.storage.commit((connection) => { connection.run(`UPDATE "$schedule" SET "next" = ?1`, Math.floor((app.clock.now() + aheadMs) / HOUR) * HOUR + (aheadMs < HOUR ? 2 : 1) * HOUR); });
    const directory = await app.crash();
    await open('@every(cron: "0 * * * *")', directory);
    await app.advance(atMs - 1);
    expect(fired.length).toBe(0);
    await app.advance(1);
    expect(fired.length).toBe(1);
    await app.close();
  }
  await open('@every(cron: "0 * * * *")');
});

test("a run and the time after it are noted together", async () => {
  started();
  await open('@every(cron: "0 * * * *", overlap: ALLOW)');
  await app.advance(HOUR);
  const before = app.storage.reader.values(`SELECT "next" FROM "$schedule"`)[0]![0] as number;
  expect(before).toBe(Date.UTC(2026, 0, 1, 2));
  expect(app.storage.reader.values(`SELECT count(*) FROM "$job"`)).toEqual([[1]]);
});

test("a reload neither repeats a time nor loses one", async () => {
  started();
  await open('@every(cron: "0 * * * *")');
  await app.advance(HOUR - 1);
  await app.jobs.replaced();
  await app.advance(1);
  await app.jobs.replaced();
  await app.advance(HOUR - 1);
  expect(fired).toEqual(["01-01T01:00"]);
  // It falls due while the other app is put in its place.
  app.jobs.replaced().catch(() => {});
  await app.advance(1);
  await turn(20);
  await app.jobs.settled();
  expect(fired).toEqual(["01-01T01:00", "01-01T02:00"]);
});

test("overlap: SKIP leaves out what falls due while a run goes on, QUEUE makes them one after the other, ALLOW beside each other", async () => {
  for (const [overlap, expected] of [["SKIP", [1, 1]], ["QUEUE", [3, 1]], ["ALLOW", [3, 3]]] as const) {
    let [runs, now, most] = [0, 0, 0];
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => { release = resolve; });
    work = async () => { runs++; most = Math.max(most, ++now); await gate; now--; return null; };
    await open(`@every(cron: "0 * * * *", overlap: ${overlap})`);
    for (let hour = 0; hour < 3; hour++) { app.clock.advance(HOUR); await turn(5); }
    for (let tries = 0; tries < 500 && now < expected[1]; tries++) await turn();
    release();
    await app.jobs.settled();
    expect([overlap, runs, most]).toEqual([overlap, ...expected]);
    await app.close();
  }
  started();
  await open('@every(cron: "0 * * * *")');
});

test("input is worked out at the time that it is for", async () => {
  const inputs: unknown[] = [];
  work = (_, input) => { inputs.push(input); return null; };
  await open(`@every(cron: "0 0 * * *", zone: "Europe/Berlin", input: "{'until': now(), 'days': 1 + 1, 'kind': 'FULL'}")`, undefined, "(until: DateTime!, days: Int!, kind: String, more: String = \"x\")");
  await app.advance(24 * HOUR);
  expect(inputs).toEqual([{ until: "2026-01-01T23:00:00.000Z", days: 2, kind: "FULL", more: "x" }]);
});

test("several schedules of one job; one that is declared no more is forgotten", async () => {
  started();
  await open('@every(cron: "0 * * * *") @every(cron: "30 * * * *")');
  await app.advance(HOUR);
  await app.advance(HOUR);
  expect(fired.length).toBe(4);
  const directory = await app.crash();
  await open('@every(cron: "30 * * * *")', directory);
  expect(app.storage.reader.values(`SELECT "name" FROM "$schedule"`)).toEqual([[`["tick","30 * * * *","UTC"]`]]);
});
