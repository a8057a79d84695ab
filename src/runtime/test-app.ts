// What app tests import from "ambit/test": a test gets a fresh database, a clock that it moves, and clients that act as anybody.
import { expect, test as bunTest } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fakeClock } from "../base/clock.ts";
import { durationMs, parseDuration } from "../base/duration.ts";
import { silentLog } from "../base/log.ts";
import { seededRandom } from "../base/random.ts";
import { askControl, type ActingAs } from "./control.ts";
import { isError, loadApp, type LoadedApp } from "./load-app.ts";
import { AppProblems, startApp, type RunningApp } from "./start-app.ts";
import { endedDecisions, type TestDecision } from "./test-decisions.ts";
import { TestModels } from "./test-models.ts";
import type { ModelScripts } from "./test-script.ts";

export interface TestResponse { readonly status: number; readonly headers: Headers; readonly body: unknown }

/** Requests as one caller. A body is sent as JSON. */
export interface TestClient {
  get(path: string, headers?: Record<string, string>): Promise<TestResponse>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<TestResponse>;
  put(path: string, body: unknown, headers?: Record<string, string>): Promise<TestResponse>;
  patch(path: string, body: unknown, headers?: Record<string, string>): Promise<TestResponse>;
  delete(path: string, headers?: Record<string, string>): Promise<TestResponse>;
}

export interface TestApp {
  readonly url: string;
  /** A signed-in subject with these roles. */
  as(subject: string, ...roles: string[]): TestClient;
  /** The same within one tenant. */
  tenant(name: string): Pick<TestApp, "as" | "administrator">;
  readonly anonymous: TestClient;
  readonly administrator: TestClient;
  readonly clock: {
    now(): Date;
    /** By milliseconds or an ISO 8601 duration; what falls due on the way happens. */
    advance(by: number | string): void;
  };
  /** What models say, all of them, or by decision and step; decisions that are not named have no model. Again: instead of what was said before. */
  model(script: ModelScripts): void;
  /** Runs that have ended, in that order, once none is under way. */
  decisions(name?: string): Promise<TestDecision[]>;
  /** Models answer as this file of the app tells; with AMBIT_RECORD=1 they are asked what it does not tell yet, and that is added. */
  recordings(file: string): void;
  /** Resolves once no job is due or under way, and approvals, offers and commitments whose time is over have had their end; what is for later waits for the clock. */
  runJobs(): Promise<void>;
}

const SEED = 20_260_101;
let loading: Promise<LoadedApp> | null = null;

/** A test of the app in AMBIT_TEST_APP. */
export function test(name: string, body: (app: TestApp) => unknown): void {
  bunTest(name, async () => {
    const { app, models, stop } = await freshApp();
    try {
      let failed: unknown = null;
      await Promise.resolve(body(app)).catch((error: unknown) => { failed = error; });
      // What was never recorded or scripted is why anything else went wrong.
      if (models.faults.length > 0) throw models.faults[0];
      if (failed !== null) throw failed;
    } finally {
      await stop();
    }
  });
}

export { expect };

async function freshApp(): Promise<{ app: TestApp; models: TestModels; stop(): Promise<void> }> {
  const directory = process.env["AMBIT_TEST_APP"] ?? process.cwd();
  loading ??= loadApp(directory, { environment: process.env, typeCheck: false });
  const loaded = await loading;
  if (loaded.diagnostics.some(isError)) throw new AppProblems(loaded.diagnostics);
  const dataDirectory = mkdtempSync(join(tmpdir(), "ambit-test-"));
  const clock = fakeClock();
  const models = new TestModels();
  const isRecording = process.env["AMBIT_RECORD"] === "1";
  const running = await startApp({
    directory, dataDirectory, clock, loaded: { ...loaded, config: { ...loaded.config, mqtt: { port: null, tlsPort: null } } }, port: 0, environment: process.env, adminToken: null, development: true, seed: null,
    random: seededRandom(SEED), log: silentLog(), forbidOutbound: true, modelsOutbound: isRecording && process.env["AMBIT_FORBID_OUTBOUND"] !== "1", modelStandIn: models.standIn, onFatal(error) { throw error; },
  });
  await running.jobs.settled();     // schedules count from the start, so the test's clock must not move before they do
  const client = (acting: ActingAs): TestClient => testClient(dataDirectory, acting);
  const app: TestApp = {
    url: running.url,
    as: (subject, ...roles) => client({ kind: "subject", subject, roles }),
    tenant: (tenant) => ({ as: (subject, ...roles) => client({ kind: "subject", subject, roles, tenant }), administrator: client({ kind: "administrator", tenant }) }),
    anonymous: client({ kind: "anonymous" }),
    administrator: client({ kind: "administrator" }),
    clock: {
      now: () => new Date(clock.now()),
      advance: (by) => clock.advance(typeof by === "number" ? by : durationMs(parseDuration(by) ?? "PT0S")),
    },
    model(script) {
      const unknown = typeof script === "function" ? undefined : Object.keys(script).find((name) => !loaded.catalog.decisions.has(name));
      if (unknown !== undefined) throw new Error(`There is no decision ${unknown}.`);
      models.script(script);
    },
    async decisions(name) {
      await endLate(running);
      await running.decisions?.settled("runs and shadows");
      return endedDecisions(running.storage.reader, name ?? null);
    },
    recordings: (file) => models.recordings(resolve(directory, file), { isRecording }),
    runJobs: () => settle(running),
  };
  return {
    app, models,
    async stop() {
      const stopped = running.stop().then(() => "stopped" as const);
      // Whatever waits for the clock then has its time over.
      do clock.advance(loaded.config.limits.drainMs); while (await Promise.race([stopped, shortWhile()]) !== "stopped");
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}

/** Whatever is due by now, with what comes of it. */
async function settle(running: RunningApp): Promise<void> {
  await running.jobs.settled();
  await endLate(running);
  await running.decisions?.settled("runs");
  await running.jobs.settled();
  await running.embedder.settled();
}

async function endLate({ decisions, storage }: RunningApp): Promise<void> {
  // A long way of the clock may have left more than may wait.
  while (storage.stats().queueLength > 0) await shortWhile();
  while (await decisions?.endLate() === true);
}

function shortWhile(): Promise<void> {
  return new Promise((resolve) => { setTimeout(resolve, 20); });
}

function testClient(dataDirectory: string, acting: ActingAs): TestClient {
  const send = async (method: string, path: string, body: unknown, headers: Record<string, string> = {}): Promise<TestResponse> => {
    const text = body === undefined ? null : JSON.stringify(body);
    const response = await askControl(dataDirectory, path, { method, acting, headers: { ...(text === null ? {} : { "content-type": "application/json" }), ...headers }, body: text });
    if (response === null) throw new Error("the app of this test has stopped");
    const answer = await response.text();
    return { status: response.status, headers: response.headers, body: /json/.test(response.headers.get("content-type") ?? "") && answer !== "" ? JSON.parse(answer) as unknown : answer };
  };
  return {
    get: (path, headers) => send("GET", path, undefined, headers),
    post: (path, body, headers) => send("POST", path, body, headers),
    put: (path, body, headers) => send("PUT", path, body, headers),
    patch: (path, body, headers) => send("PATCH", path, body, headers),
    delete: (path, headers) => send("DELETE", path, undefined, headers),
  };
}
