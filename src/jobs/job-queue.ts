// Takes up work for later in the commit of whoever asks for it, and tells and changes runs. Runs nothing: that is job-worker.ts.
import { millisecondsOf } from "../base/date-time.ts";
import type { Clock } from "../base/clock.ts";
import { fault } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import { uuidv7, type Random } from "../base/random.ts";
import type { Json } from "../base/value.ts";
import { BodyConflict } from "../resources/body-conflict.ts";
import type { JobOrder, JobQueue, RunFilter, RunProblem, RunView } from "../resources/job-port.ts";
import type { Effect } from "../resources/work.ts";
import { cancelRun, dedupedRun, findRun, foldRun, FOLDING, insertRun, listRuns, replayRun, type NewRun, type RunRow } from "../storage/job-rows.ts";
import type { Storage } from "../storage/open-storage.ts";
import type { WriteSession } from "../tables/write-session.ts";
import type { JobCounts } from "./job-counts.ts";
import { readIdentity, storedIdentity } from "../access/stored-identity.ts";

export interface QueueOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: () => Limits;
  readonly counts: JobCounts;
  /** Something may be due from then on. */
  wake(dueMs: number): void;
  /** Of a run that is under way. */
  progressOf(number: number): string | null;
  abort(number: number): void;
}

export function createJobQueue(options: QueueOptions): JobQueue {
  const { storage, clock, counts } = options;
  const made = new WeakMap<WriteSession, Set<string>>();
  return {
    order(order) {
      const run = rowOf(order, options);
      const known = run.dedupe === null ? null : dedupedRun(storage.reader, run.dedupe);
      if (known !== null) return { id: known, isKnown: true, effect: standingFor(known, run.dedupe!) };
      if (counts.waiting >= options.limits().jobsWaiting) throw fault("OVERLOADED", "Too many jobs are waiting.", { retryAfterS: 1 });
      return { id: run.id, isKnown: false, effect: takingUp(run, made, options) };
    },
    bringAbout({ job, input, identity, fold }) {
      const lane = `${FOLDING}${JSON.stringify([job, identity.tenant, fold]).slice(1)}`;
      const run: NewRun = { ...rowOf({ job, input, identity, dueMs: clock.now(), priority: 0, dedupe: null, concurrency: null }, options), dedupe: lane, lane };
      let isMade = false;
      return {
        store(connection, nowMs) { isMade = foldRun(connection, run, nowMs); },
        tell() { if (isMade) takenUp(run, options); },
      };
    },
    find(id) {
      const row = findRun(storage.reader, id);
      return row === null ? null : viewOf(row, options);
    },
    list(filter) {
      const rows = rowsOf(filter, options);
      return { runs: rows.map((row) => viewOf(row, options)), next: rows.length < filter.limit ? null : String(rows.at(-1)!.number) };
    },
    async cancel(id) {
      const { row, cancelled } = await storage.commit((connection) => {
        const found = findRun(connection, id);
        return { row: found, cancelled: found !== null && cancelRun(connection, found, clock.now()) };
      });
      if (row === null || !cancelled) return false;
      if (row.state === "RUNNING") options.abort(row.number);
      else counts.waiting--;
      options.wake(clock.now());
      return true;
    },
    async replay(id) {
      const before = await storage.commit((connection) => {
        const found = findRun(connection, id);
        return found !== null && replayRun(connection, found, clock.now()) ? found.state : null;
      });
      if (before === null) return false;
      if (before === "FAILED") counts.deadLetters--;
      counts.waiting++;
      options.wake(clock.now());
      return true;
    },
  };
}

function rowOf({ job, input, identity, dueMs, priority, dedupe, concurrency }: JobOrder, { clock, random }: QueueOptions): NewRun {
  const { tenant } = identity;
  return {
    id: uuidv7(clock, random), job, input: JSON.stringify(input), identity: storedIdentity(identity), priority, dueMs, enqueuedMs: clock.now(),
    dedupe: dedupe === null ? null : JSON.stringify([job, tenant, dedupe]), lane: concurrency === null ? null : JSON.stringify([tenant, concurrency]),
  };
}

/** By the time of the commit the one that was found may have ended: whoever runs again makes another. */
function standingFor(known: string, dedupe: string): Effect {
  return {
    store({ connection }) {
      if (dedupedRun(connection, dedupe) !== known) throw new BodyConflict({ records: [], lane: "jobs" });
    },
  };
}

/** `made`: what one commit has made so far. */
function takingUp(run: NewRun, made: WeakMap<WriteSession, Set<string>>, options: QueueOptions): Effect {
  let isMade = false;
  return {
    store(session) {
      isMade = insertRun(session.connection, run, millisecondsOf(session.now));
      const mine = made.get(session) ?? new Set();
      made.set(session, mine.add(run.id));
      if (isMade) return;
      const other = dedupedRun(session.connection, run.dedupe!);
      // Somebody else was quicker: whoever runs again finds that one.
      if (other !== null && !mine.has(other)) throw new BodyConflict({ records: [], lane: "jobs" });
    },
    tell() {
      if (isMade) takenUp(run, options);
    },
  };
}

function takenUp({ dueMs }: NewRun, { counts, wake }: QueueOptions): void {
  counts.waiting++;
  counts.enqueued++;
  wake(dueMs);
}

function rowsOf({ state, job, after, limit, tenant }: RunFilter, { storage }: QueueOptions): RunRow[] {
  const before = after === null ? null : Number(after);
  if (before !== null && !Number.isSafeInteger(before)) throw fault("MALFORMED_QUERY", "after is none that a page of runs gave.", { where: "after" });
  return listRuns(storage.reader, { state, job, before, limit, tenant });
}

function viewOf(row: RunRow, { progressOf }: QueueOptions): RunView {
  const { kind, subject, tenant } = readIdentity(row.identity);
  const isOver = row.endedMs !== null;
  return {
    id: row.id, job: row.job, state: row.state === "HELD" ? "QUEUED" : row.state,
    attempts: row.failures + row.interruptions + (row.state === "RUNNING" || row.state === "SUCCEEDED" ? 1 : 0),
    progress: parsed((isOver ? null : progressOf(row.number)) ?? row.progress) as unknown as RunView["progress"], result: parsed(row.result), problem: parsed(row.problem) as unknown as RunProblem | null,
    enqueuedMs: row.enqueuedMs, dueMs: row.dueMs, startedMs: row.startedMs, endedMs: row.endedMs, priority: row.priority, input: parsed(row.input),
    owner: { kind, subject, tenant },
  };
}

function parsed(text: string | null): Json {
  return text === null ? null : JSON.parse(text) as Json;
}
