// Claims runs that are due and carries them out: so many at once, in the order of priority and time, one at a time in each lane. A claim
// is a commit, so is an end; a run whose process ended is claimed again. What a run does is dispatched like any other operation.
import { describeError, type Log } from "../base/log.ts";
import type { Clock } from "../base/clock.ts";
import type { Limits } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import type { Json } from "../base/value.ts";
import type { Identity } from "../access/identity.ts";
import type { RawInput } from "../tables/write.ts";
import { JsonText, type Operation, type Result } from "../resources/operation.ts";
import { decisionOfJob } from "../resources/triggered-decision.ts";
import { defaultRetry } from "../schema/build-job.ts";
import type { Catalog, Job } from "../schema/catalog.ts";
import type { Connection } from "../storage/connection.ts";
import { claimRun, endRun, hasDue, heldJobs, holdForJob, holdRun, isCancelled, nextDueMs, queueDue, releaseJob, retryRun, runningLanes, waitingRuns, type RunRow } from "../storage/job-rows.ts";
import type { Storage } from "../storage/open-storage.ts";
import { afterFailure, type Verdict } from "./after-failure.ts";
import { JobAttempt } from "./job-attempt.ts";
import type { JobCounts } from "./job-counts.ts";
import { readIdentity } from "../access/stored-identity.ts";

/** What is served just now. */
export interface ServedJobs {
  readonly catalog: Catalog;
  dispatch(operation: Operation): Result | Promise<Result>;
  /** Their rights as of now, where these are kept. */
  renew(identity: Identity): Identity;
}

export interface WorkerOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits: () => Limits;
  readonly counts: JobCounts;
  readonly current: () => ServedJobs;
}

/** Rows that one commit looks at, and how many more than it has room for. */
const CLAIM_ROWS = 500;
const CLAIM_SPARE_ROWS = 32;
/** Timers of the platform do not go further than some weeks. */
const WAIT_MAX_MS = 3_600_000;
/** After a commit that failed: the disk is full, or the queue is. */
const PAUSE_MS = 1_000;

export class JobWorker {
  readonly #options: WorkerOptions;
  readonly #running = new Map<number, JobAttempt>();
  #state: "new" | "working" | "stopped" = "new";
  #isClaiming = false;
  #isAsked = false;
  #dueMs = Number.POSITIVE_INFINITY;
  #cancelTimer: (() => void) | null = null;
  #waiters: (() => void)[] = [];

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#state = "working";
    this.wake(this.#options.clock.now());
  }

  /** Takes nothing more; resolves once nothing is under way, or those that are were told to end `graceMs` later. */
  async stop(graceMs: number): Promise<void> {
    this.#state = "stopped";
    this.#cancelTimer?.();
    if (this.#running.size === 0) return;
    let cancel = (): void => {};
    const late = new Promise<void>((resolve) => { cancel = this.#options.clock.schedule(graceMs, resolve); });
    await Promise.race([this.#quiet(), late]);
    cancel();
    for (const attempt of this.#running.values()) attempt.abort("The app stops.");
  }

  /** Something may be due then. */
  wake(dueMs: number): void {
    if (this.#state !== "working") return;
    const { clock } = this.#options;
    if (dueMs <= clock.now()) return this.#claim();
    if (dueMs >= this.#dueMs) return;
    this.#dueMs = dueMs;
    this.#cancelTimer?.();
    this.#cancelTimer = clock.schedule(Math.min(dueMs - clock.now(), WAIT_MAX_MS), () => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      this.#claim();
    });
  }

  abort(number: number): void {
    this.#running.get(number)?.abort("The run was cancelled.");
  }

  progressOf(number: number): string | null {
    return this.#running.get(number)?.latestProgress ?? null;
  }

  /** Nothing is under way and nothing is due. */
  async settled(): Promise<void> {
    while (this.#isClaiming || this.#running.size > 0) await this.#quiet();
  }

  get running(): number {
    return this.#running.size;
  }

  #quiet(): Promise<void> {
    return new Promise((resolve) => { this.#waiters.push(resolve); });
  }

  #claim(): void {
    this.#isAsked = true;
    if (this.#isClaiming || this.#state !== "working" || this.#running.size >= this.#options.limits().jobConcurrency) return;
    this.#isClaiming = true;
    void this.#claimAll();
  }

  async #claimAll(): Promise<void> {
    const { clock, log, storage, limits } = this.#options;
    try {
      while (this.#isAsked && this.#state === "working" && this.#running.size < limits().jobConcurrency) {
        this.#isAsked = false;
        if (!hasDue(storage.reader, clock.now()) && !heldJobs(storage.reader).some((job) => this.#freeOf(job) > 0)) break;
        const { claimed, hasMore } = await storage.commit((connection) => this.#claimIn(connection));
        for (const attempt of claimed) this.#begin(attempt);
        this.#isAsked ||= hasMore;
      }
      this.#wakeForNext();
    } catch (error) {
      log.warn("jobs-not-claimed", { cause: describeError(error) });
      this.wake(clock.now() + PAUSE_MS);
    }
    this.#isClaiming = false;
    this.#tellQuiet();
  }

  #wakeForNext(): void {
    const next = nextDueMs(this.#options.storage.reader);
    if (next !== null) this.wake(Math.max(next, this.#options.clock.now() + 1));
  }

  /** In a commit, which may run twice. */
  #claimIn(connection: Connection): { readonly claimed: readonly JobAttempt[]; readonly hasMore: boolean } {
    const { clock, limits } = this.#options;
    const now = clock.now();
    const free = limits().jobConcurrency - this.#running.size;
    const due = queueDue(connection, now, CLAIM_ROWS);
    for (const job of heldJobs(connection)) releaseJob(connection, job, Math.min(free, this.#freeOf(job)));
    // Some of those that come first may have to wait for others of their lane.
    const limit = Math.min(free + CLAIM_SPARE_ROWS, CLAIM_ROWS);
    const rows = waitingRuns(connection, limit, this.#fullJobs());
    // As the file says, not memory: an end of the same batch has set its lane free by now, and brought the next one.
    const lanes = rows.some(({ lane }) => lane !== null) ? runningLanes(connection) : new Set<string>();
    const claimed: JobAttempt[] = [];
    let moved = 0;
    for (const row of rows) {
      if (claimed.length === free) break;
      if (this.#freeOf(row.job) <= claimed.filter((one) => one.row.job === row.job).length) {
        // What has a lane of its own stays where it is, and others of its lane go after it.
        if (row.lane !== null) {
          lanes.add(row.lane);
          continue;
        }
        holdForJob(connection, row);
      } else if (row.lane !== null && lanes.has(row.lane)) holdRun(connection, row);
      else {
        claimRun(connection, row, now);
        claimed.push(this.#attemptOf(row));
        if (row.lane !== null) lanes.add(row.lane);
      }
      moved++;
    }
    return { claimed, hasMore: claimed.length < free && (due === CLAIM_ROWS || (moved > 0 && rows.length === limit)) };
  }

  #fullJobs(): string[] {
    return [...this.#options.current().catalog.jobs.values()].flatMap((job) => (job.usage !== undefined && this.#freeOf(job.name) === 0 ? [job.name] : []));
  }

  /** How many more of a job may run at once. */
  #freeOf(job: string): number {
    const most = concurrencyOf(this.#options.current().catalog.jobs.get(job));
    if (most === Number.POSITIVE_INFINITY) return most;
    let running = 0;
    for (const { row } of this.#running.values()) if (row.job === job) running++;
    return Math.max(0, most - running);
  }

  #attemptOf(row: RunRow): JobAttempt {
    const { storage, clock, limits } = this.#options;
    return new JobAttempt(row, { storage, clock, progressMs: limits().jobProgressMs, resultLengthMax: limits().jobBytes });
  }

  #begin(attempt: JobAttempt): void {
    const { counts } = this.#options;
    this.#running.set(attempt.row.number, attempt);
    counts.waiting--;
    counts.running++;
    void this.#run(attempt);
  }

  async #run(attempt: JobAttempt): Promise<void> {
    const { current, counts } = this.#options;
    const { row } = attempt;
    const served = current();
    let end: { readonly result: Json | undefined } | { readonly error: unknown };
    try {
      const { body } = await served.dispatch(operationOf(attempt, served));
      end = { result: body instanceof JsonText ? JSON.parse(body.text) as Json : body };
    } catch (error) {
      end = { error };
    }
    attempt.close();
    if (!attempt.isWritten || "error" in end) await this.#write(attempt, end, served);
    else counts.succeeded++;
    // A body whose time was up may still be at work.
    if ("error" in end) attempt.abort("The attempt has ended.");
    this.#running.delete(row.number);
    counts.running--;
    this.#claim();
    this.#tellQuiet();
  }

  /** Again and again while it fails, since what is not written is done twice. */
  async #write(attempt: JobAttempt, end: { readonly result: Json | undefined } | { readonly error: unknown }, served: ServedJobs): Promise<void> {
    const { storage, clock, counts, log } = this.#options;
    const judged = "error" in end ? this.#judge(attempt, end.error, served) : null;
    let verdict = judged;
    const work = judged === null ? attempt.succeed("result" in end ? end.result : undefined) : (connection: Connection) => {
      // Whoever cancelled it after it had failed was told that it ends.
      verdict = isCancelled(connection, attempt.hold) ? { state: "CANCELLED", problem: null, failures: judged.failures } : judged;
      return writeVerdict(connection, attempt, verdict, clock.now());
    };
    for (;;) {
      try {
        if (!await storage.commit(work)) return;
        break;
      } catch (error) {
        log.warn("job-end-not-written", { run: attempt.id, cause: describeError(error) });
        if (this.#state === "stopped") return;
        await new Promise<void>((resolve) => { clock.schedule(PAUSE_MS, resolve); });
      }
    }
    if (verdict === null) counts.succeeded++;
    else this.#count(attempt, verdict);
  }

  #judge(attempt: JobAttempt, error: unknown, served: ServedJobs): Verdict {
    const { clock, random, limits, current } = this.#options;
    const cut = attempt.signal.aborted ? this.#state === "stopped" ? "stopped" : "cancelled" : current() === served ? null : "replaced";
    return afterFailure(error, {
      row: attempt.row, retry: retryOf(attempt.row.job, served.catalog), cut, nowMs: clock.now(), maxMs: limits().jobBackOffMs, random,
    });
  }

  #count(attempt: JobAttempt, verdict: Verdict): void {
    const { counts, log } = this.#options;
    const { row } = attempt;
    if (verdict.state === "RETRY") {
      counts.waiting++;
      counts.failedAttempts += verdict.failures - row.failures;
      this.wake(verdict.dueMs);
    } else if (verdict.state === "FAILED") {
      counts.failedAttempts++;
      counts.deadLetters++;
      log.warn("job-failed", { run: row.id, job: row.job, problem: verdict.problem === null ? null : JSON.parse(verdict.problem) as Json });
    }
  }

  #tellQuiet(): void {
    if (this.#isClaiming || this.#running.size > 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}

/** Null: nothing of that name is declared. */
function retryOf(job: string, { jobs, decisions }: Catalog): Job["retry"] | null {
  const decision = decisionOfJob(job);
  if (decision === null) return jobs.get(job)?.retry ?? null;
  return decisions.has(decision) ? defaultRetry : null;
}

/** `@limit(concurrency)`: of a job, at once in all. */
function concurrencyOf(job: Job | undefined): number {
  return Math.min(...(job?.usage ?? []).map(({ concurrency }) => concurrency ?? Number.POSITIVE_INFINITY));
}

function operationOf(attempt: JobAttempt, served: ServedJobs): Operation {
  const { row } = attempt;
  return {
    body: { kind: "job", name: row.job, input: JSON.parse(row.input) as RawInput, run: attempt },
    identity: served.renew(readIdentity(row.identity)), requestId: row.id, idempotency: null, request: null, signal: attempt.signal,
  };
}

function writeVerdict(connection: Connection, { hold, latestProgress }: JobAttempt, verdict: Verdict, nowMs: number): boolean {
  if (verdict.state === "RETRY") return retryRun(connection, hold, verdict, nowMs);
  return endRun(connection, hold, { state: verdict.state, result: null, problem: verdict.problem, progress: latestProgress, failures: verdict.failures }, nowMs);
}
