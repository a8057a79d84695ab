// Fires the @every of jobs and decisions: the run is made, and its next time is noted, in one commit, so each time comes once whatever happens to the
// process. Only the times after a stop need a policy: one run for all that were missed, or none.
import { dateTimeOf } from "../base/date-time.ts";
import type { Clock } from "../base/clock.ts";
import { describeError, type Log } from "../base/log.ts";
import { uuidv7, type Random } from "../base/random.ts";
import type { Json } from "../base/value.ts";
import { decisionIdentity, systemIdentity } from "../access/identities.ts";
import { evaluate } from "../expression/evaluate.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { jobOfDecision, type TriggeredInput } from "../resources/triggered-decision.ts";
import { toWireValue } from "../schema/wire-value.ts";
import type { Callable, Catalog, Schedule } from "../schema/catalog.ts";
import { insertRun, keepSchedules, moveSchedule, scheduleNextMs, writeSchedule, type NewRun } from "../storage/job-rows.ts";
import type { Storage } from "../storage/open-storage.ts";
import type { JobCounts } from "./job-counts.ts";
import { nextTimeMs } from "./next-time.ts";
import { storedIdentity } from "../access/stored-identity.ts";

export interface ScheduleOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counts: JobCounts;
  wake(dueMs: number): void;
}

/** What a schedule begins: a job, or a decision, which acts as itself. `of`: as declared. */
interface Scheduled { readonly of: Callable; readonly isDecision: boolean; readonly schedule: Schedule; /** What makes it another schedule. */ readonly name: string }
interface Planned extends Scheduled { nextMs: number }

const WAIT_MAX_MS = 3_600_000;
const PAUSE_MS = 1_000;

export class JobSchedules {
  readonly #options: ScheduleOptions;
  #planned: Planned[] = [];
  #catalog: Catalog | null = null;
  #book: ExpressionBook | null = null;
  #cancelTimer: (() => void) | null = null;
  /** Commits under way. */
  #firing: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: ScheduleOptions) {
    this.#options = options;
  }

  /** `afterStop`: what is past was missed. Else it has just fallen due, during a reload say. */
  async plan(catalog: Catalog, book: ExpressionBook, afterStop: boolean): Promise<void> {
    await this.#firing;
    if (this.#isStopped) return;
    this.#cancelTimer?.();
    const { storage, clock } = this.#options;
    this.#catalog = catalog;
    this.#book = book;
    const declared = [
      ...[...catalog.jobs.values()].flatMap((job) => job.schedules.map((schedule): Scheduled => ({ of: job, isDecision: false, schedule, name: nameOf(job.name, schedule) }))),
      ...[...catalog.decisions].flatMap(([name, { callable, schedules }]) => schedules.map((schedule): Scheduled => ({ of: callable, isDecision: true, schedule, name: nameOf(jobOfDecision(name), schedule) }))),
    ];
    if (declared.length === 0 && this.#planned.length === 0 && !hasStored(storage)) return;
    const now = clock.now();
    this.#planned = await storage.commit((connection) => {
      keepSchedules(connection, declared.map(({ name }) => name));
      return declared.flatMap((one): Planned[] => {
        const stored = scheduleNextMs(connection, one.name);
        const isMissed = stored !== null && afterStop && stored <= now && !one.schedule.catchUp;
        const nextMs = stored === null || isMissed || isTooFar(one.schedule, stored, now) ? nextTimeMs(one.schedule, now) : stored;
        if (nextMs === null) return [];
        if (nextMs !== stored) writeSchedule(connection, one.name, nextMs);
        return [{ ...one, nextMs }];
      });
    });
    this.#fireDue();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
  }

  /** What has fallen due so far is enqueued. */
  settled(): Promise<void> {
    return this.#firing;
  }

  #arm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (this.#isStopped || this.#planned.length === 0) return;
    const { clock } = this.#options;
    const nextMs = Math.min(...this.#planned.map((one) => one.nextMs));
    if (nextMs === Number.POSITIVE_INFINITY) return;
    this.#cancelTimer = clock.schedule(Math.min(Math.max(nextMs - clock.now(), 0), WAIT_MAX_MS), () => this.#fireDue());
  }

  /** The next times are set before the commit is made, so that a clock that leaps meets them one by one. */
  #fireDue(): void {
    if (this.#isStopped) return;
    const now = this.#options.clock.now();
    for (const one of this.#planned) {
      if (one.nextMs > now) continue;
      const dueMs = one.nextMs;
      one.nextMs = nextTimeMs(one.schedule, now) ?? Number.POSITIVE_INFINITY;
      const { nextMs } = one;
      this.#firing = this.#firing.then(() => this.#fire(one, dueMs, nextMs));
    }
    this.#arm();
  }

  async #fire(one: Planned, dueMs: number, nextMs: number): Promise<void> {
    const { storage, counts, log, clock, wake } = this.#options;
    if (this.#isStopped) return;
    try {
      const run = this.#runOf(one, dueMs);
      const isMade = await storage.commit((connection) => moveSchedule(connection, one.name, dueMs, Math.min(nextMs, Number.MAX_SAFE_INTEGER)) && insertRun(connection, run, run.enqueuedMs));
      if (!isMade) return;
      counts.waiting++;
      counts.enqueued++;
      wake(run.dueMs);
    } catch (error) {
      log.warn("schedule-not-fired", { job: one.of.name, cause: describeError(error) });
      clock.schedule(PAUSE_MS, () => {
        one.nextMs = dueMs;
        this.#arm();
      });
    }
  }

  #runOf({ name, of, isDecision, schedule }: Planned, dueMs: number): NewRun {
    const { clock, random } = this.#options;
    const key = JSON.stringify(["@every", name]);
    const input = this.#inputOf(of, schedule, dueMs);
    const triggered: TriggeredInput = { input, key: `@every ${name} ${dateTimeOf(dueMs)}`, depth: 0, isUntrusted: false };
    return {
      id: uuidv7(clock, random), job: isDecision ? jobOfDecision(of.name) : of.name, input: JSON.stringify(isDecision ? triggered : input),
      identity: storedIdentity(isDecision ? decisionIdentity(of.name, null) : systemIdentity), priority: 0, dueMs, enqueuedMs: clock.now(),
      dedupe: schedule.overlap === "SKIP" ? key : null, lane: schedule.overlap === "QUEUE" ? key : null,
    };
  }

  #inputOf(of: Callable, { input }: Schedule, dueMs: number): Json {
    if (input === null) return {};
    const [catalog, book] = [this.#catalog!, this.#book!];
    const environment = { rows: {}, variables: {}, now: dateTimeOf(dueMs), source: null };
    return Object.fromEntries([...book.inputs(input)].map(([name, expression]) => [name, toWireValue(evaluate(expression, environment, book), of.arguments.get(name)!.type, catalog)]));
  }
}

/** Of a clock that was ahead: it would not come for as long as that. One time ahead may have been fired just before the clock was set back. */
function isTooFar(schedule: Schedule, storedMs: number, nowMs: number): boolean {
  const nextMs = nextTimeMs(schedule, nowMs);
  return nextMs !== null && storedMs > (nextTimeMs(schedule, nextMs) ?? Number.POSITIVE_INFINITY);
}

/** What makes it another schedule: its time. */
function nameOf(job: string, { cron, zone, input }: Schedule): string {
  return JSON.stringify([job, cron, zone, ...(input === null ? [] : [input.source])]);
}

function hasStored(storage: Storage): boolean {
  return storage.reader.values(`SELECT 1 FROM "$schedule" LIMIT 1`).length > 0;
}
