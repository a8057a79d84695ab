// The jobs of one data directory: the queue that others see, the worker, the schedules and what keeps the table small. One for as long
// as the process has the data; a reload changes what is served, not this.
import type { Clock } from "../base/clock.ts";
import { describeError, type Log } from "../base/log.ts";
import type { Limits } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { JobQueue } from "../resources/job-port.ts";
import { removeEnded } from "../storage/job-rows.ts";
import type { Storage } from "../storage/open-storage.ts";
import { JobCounts } from "./job-counts.ts";
import { createJobQueue } from "./job-queue.ts";
import { JobSchedules } from "./job-schedules.ts";
import { JobWorker, type ServedJobs } from "./job-worker.ts";
import { recoverRuns } from "./recover-runs.ts";

export interface ServedApp extends ServedJobs {
  readonly book: ExpressionBook;
  readonly limits: Limits;
}

export interface JobsOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The same object as long as the same app is served. */
  readonly current: () => ServedApp;
}

export interface Jobs {
  readonly queue: JobQueue;
  /** Takes back what an earlier process had claimed, then begins. */
  start(): Promise<void>;
  /** Another app is served by now. */
  replaced(): Promise<void>;
  stop(graceMs: number): Promise<void>;
  /** Resolves once it has started and nothing is due or under way. */
  settled(): Promise<void>;
  stats(): { readonly waiting: number; readonly running: number; readonly deadLetters: number; readonly enqueued: number; readonly succeeded: number; readonly failedAttempts: number };
}

const RETENTION_EVERY_MS = 600_000;
const RETENTION_ROWS = 1_000;
const PAUSE_MS = 1_000;

export function createJobs(options: JobsOptions): Jobs {
  const { storage, clock, random, log, current } = options;
  const limits = (): Limits => current().limits;
  const counts = new JobCounts(storage.reader);
  const worker = new JobWorker({ storage, clock, random, log, limits, counts, current });
  const schedules = new JobSchedules({ storage, clock, random, log, counts, wake: (dueMs) => worker.wake(dueMs) });
  const queue = createJobQueue({
    storage, clock, random, limits, counts,
    wake: (dueMs) => worker.wake(dueMs), progressOf: (number) => worker.progressOf(number), abort: (number) => worker.abort(number),
  });
  const life = { isStopped: false };
  let starting: Promise<void> = Promise.resolve();
  let cancelRetention = (): void => {};

  const retainLater = (): void => {
    cancelRetention = clock.schedule(RETENTION_EVERY_MS, () => {
      removeOld(options, counts, () => life.isStopped).catch((error: unknown) => log.warn("retention-failed", { cause: describeError(error) }));
      retainLater();
    });
  };
  const begin = async (): Promise<void> => {
    while (!life.isStopped) {
      try {
        await recover(options, counts);
        const { catalog, book } = current();
        await schedules.plan(catalog, book, true);
        break;
      } catch (error) {
        // The disk is full, say. Nothing is claimed here before what was claimed earlier is taken back.
        log.warn("jobs-not-started", { cause: describeError(error) });
        await new Promise<void>((resolve) => { clock.schedule(PAUSE_MS, resolve); });
      }
    }
    if (life.isStopped) return;
    worker.start();
    retainLater();
  };
  return {
    queue,
    start() {
      starting = begin();
      return starting;
    },
    async replaced() {
      const { catalog, book } = current();
      await schedules.plan(catalog, book, false).catch((error: unknown) => log.error("schedules-not-planned", { cause: describeError(error) }));
      worker.wake(clock.now());
    },
    async stop(graceMs) {
      life.isStopped = true;
      cancelRetention();
      schedules.stop();
      await worker.stop(graceMs);
    },
    async settled() {
      await starting;
      await schedules.settled();
      await worker.settled();
    },
    stats: () => ({ waiting: counts.waiting, running: counts.running, deadLetters: counts.deadLetters, enqueued: counts.enqueued, succeeded: counts.succeeded, failedAttempts: counts.failedAttempts }),
  };
}

/** Takes back what an earlier process had claimed. */
async function recover({ storage, clock, current }: JobsOptions, counts: JobCounts): Promise<void> {
  for (let hasMore = true; hasMore;) {
    const recovered = await storage.commit((connection) => recoverRuns(connection, clock.now(), current().limits));
    counts.waiting -= recovered.cancelled + recovered.failed;
    counts.deadLetters += recovered.failed;
    hasMore = recovered.hasMore;
  }
}

/** What has ended long ago. */
async function removeOld({ storage, clock, current }: JobsOptions, counts: JobCounts, isStopped: () => boolean): Promise<void> {
  const { jobKeptMs, jobDeadMs } = current().limits;
  const now = clock.now();
  for (let full = true; full && !isStopped();) {
    const gone = await storage.commit((connection) => removeEnded(connection, { beforeMs: now - jobKeptMs, deadBeforeMs: now - jobDeadMs, limit: RETENTION_ROWS }));
    counts.deadLetters -= gone.dead;
    full = gone.rows === RETENTION_ROWS;
  }
}
