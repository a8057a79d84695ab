// Rows of jobs: enqueued, claimed, given back, ended. Every function that writes runs inside a commit. Knows nothing of what a job is.
import type { SqlValue } from "../base/value.ts";
import type { Connection } from "./connection.ts";

/** HELD: due, but others of its lane go before it, or as many of its job run as may. */
export type RunState = "SCHEDULED" | "QUEUED" | "HELD" | "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELLED";
export type ToldState = Exclude<RunState, "HELD">;

export interface NewRun {
  readonly id: string;
  readonly job: string;
  /** JSON, as are `identity`, and `progress`, `result` and `problem` below. */
  readonly input: string;
  readonly identity: string;
  /** Larger goes first. */
  readonly priority: number;
  /** Milliseconds since the epoch, as all times here. */
  readonly dueMs: number;
  /** Runs of one lane go one after the other; null: none. */
  readonly lane: string | null;
  /** Of all that have not ended only one has it; null: none. */
  readonly dedupe: string | null;
  readonly enqueuedMs: number;
}

export interface RunRow extends NewRun {
  /** In order of enqueueing. */
  readonly number: number;
  readonly state: RunState;
  /** Moves with every claim and whenever a claim is taken back: who holds an older one has lost the run. */
  readonly epoch: number;
  /** Attempts that failed. */
  readonly failures: number;
  /** Attempts that ended with their process. */
  readonly interruptions: number;
  readonly isCancelled: boolean;
  readonly startedMs: number | null;
  readonly endedMs: number | null;
  readonly progress: string | null;
  readonly result: string | null;
  readonly problem: string | null;
}

export const jobDdl: readonly string[] = [
  `CREATE TABLE "$job" ("number" INTEGER PRIMARY KEY, "id" TEXT NOT NULL, "job" TEXT NOT NULL, "input" TEXT NOT NULL, "identity" TEXT NOT NULL,
    "priority" INTEGER NOT NULL, "due" INTEGER NOT NULL, "lane" TEXT, "dedupe" TEXT, "enqueued" INTEGER NOT NULL, "state" TEXT NOT NULL,
    "epoch" INTEGER NOT NULL DEFAULT 0, "failures" INTEGER NOT NULL DEFAULT 0, "interruptions" INTEGER NOT NULL DEFAULT 0,
    "cancelled" INTEGER NOT NULL DEFAULT 0, "started" INTEGER, "ended" INTEGER, "progress" TEXT, "result" TEXT, "problem" TEXT) STRICT`,
  `CREATE UNIQUE INDEX "$job$index(id)" ON "$job" ("id")`,
  `CREATE UNIQUE INDEX "$job$index(dedupe)" ON "$job" ("dedupe") WHERE "dedupe" IS NOT NULL AND "ended" IS NULL`,
  `CREATE INDEX "$job$index(scheduled)" ON "$job" ("due") WHERE "state" = 'SCHEDULED'`,
  `CREATE INDEX "$job$index(queued)" ON "$job" ("priority" DESC, "due", "number") WHERE "state" = 'QUEUED'`,
  `CREATE INDEX "$job$index(held)" ON "$job" ("lane", "priority" DESC, "due", "number") WHERE "state" = 'HELD'`,
  `CREATE INDEX "$job$index(running)" ON "$job" ("number") WHERE "state" = 'RUNNING'`,
  `CREATE INDEX "$job$index(failed)" ON "$job" ("number") WHERE "state" = 'FAILED'`,
  `CREATE INDEX "$job$index(ended)" ON "$job" ("ended") WHERE "ended" IS NOT NULL`,
  `CREATE TABLE "$schedule" ("name" TEXT PRIMARY KEY, "next" INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
];

const COLUMNS = `"number", "id", "job", "input", "identity", "priority", "due", "lane", "dedupe", "enqueued", "state", "epoch", "failures", "interruptions", "cancelled", "started", "ended", "progress", "result", "problem"`;

type Columns = [
  number: number, id: string, job: string, input: string, identity: string, priority: number, due: number, lane: string | null, dedupe: string | null, enqueued: number,
  state: RunState, epoch: number, failures: number, interruptions: number, cancelled: number, started: number | null, ended: number | null,
  progress: string | null, result: string | null, problem: string | null,
];

function decode(row: readonly SqlValue[]): RunRow {
  const [number, id, job, input, identity, priority, dueMs, lane, dedupe, enqueuedMs, state, epoch, failures, interruptions, cancelled, startedMs, endedMs, progress, result, problem] = row as Columns;
  return {
    number, id, job, input, identity, priority, dueMs, lane, dedupe, enqueuedMs, state, epoch, failures, interruptions, isCancelled: cancelled === 1,
    startedMs, endedMs, progress, result, problem,
  };
}

/** False: another run that has not ended has its dedupe key. */
export function insertRun(connection: Connection, run: NewRun, nowMs: number): boolean {
  return connection.run(
    `INSERT INTO "$job" ("id", "job", "input", "identity", "priority", "due", "lane", "dedupe", "enqueued", "state") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
      ON CONFLICT ("dedupe") WHERE "dedupe" IS NOT NULL AND "ended" IS NULL DO NOTHING`,
    run.id, run.job, run.input, run.identity, run.priority, run.dueMs, run.lane, run.dedupe, run.enqueuedMs, run.dueMs > nowMs ? "SCHEDULED" : "QUEUED") > 0;
}

export function findRun(connection: Connection, id: string): RunRow | null {
  const row = connection.values(`SELECT ${COLUMNS} FROM "$job" WHERE "id" = ?1`, id)[0];
  return row === undefined ? null : decode(row);
}

/** Of the run that has not ended and has this key. */
export function dedupedRun(connection: Connection, dedupe: string): string | null {
  return connection.values(`SELECT "id" FROM "$job" WHERE "dedupe" = ?1 AND "ended" IS NULL`, dedupe)[0]?.[0] as string | undefined ?? null;
}

/** What is due by now joins those that wait, at most `limit`. */
export function queueDue(connection: Connection, nowMs: number, limit: number): number {
  return connection.run(`UPDATE "$job" SET "state" = 'QUEUED' WHERE "number" IN (SELECT "number" FROM "$job" WHERE "state" = 'SCHEDULED' AND "due" <= ?1 ORDER BY "due" LIMIT ?2)`, nowMs, limit);
}

export function hasDue(connection: Connection, nowMs: number): boolean {
  return connection.values(`SELECT EXISTS (SELECT 1 FROM "$job" WHERE "state" = 'QUEUED') OR EXISTS (SELECT 1 FROM "$job" WHERE "state" = 'SCHEDULED' AND "due" <= ?1)`, nowMs)[0]![0] === 1;
}

/** The first of those that wait, in the order in which they go; of `full` jobs none that has a lane. */
export function waitingRuns(connection: Connection, limit: number, full: readonly string[] = []): RunRow[] {
  const [others, names] = full.length === 0 ? ["", []] : [`AND NOT ("lane" IS NOT NULL AND "job" IN (SELECT "value" FROM json_each(?2)))`, [JSON.stringify(full)]];
  return connection.values(`SELECT ${COLUMNS} FROM "$job" WHERE "state" = 'QUEUED' ${others} ORDER BY "priority" DESC, "due", "number" LIMIT ?1`, limit, ...names).map(decode);
}

/** When the next one falls due; null: none is to come. */
export function nextDueMs(connection: Connection): number | null {
  return connection.values(`SELECT min("due") FROM "$job" WHERE "state" = 'SCHEDULED'`)[0]![0] as number | null;
}

/** As insertRun; where the run with its dedupe key still waits, that one gets this input. True: there is a new run. */
export function foldRun(connection: Connection, run: NewRun, nowMs: number): boolean {
  if (run.dedupe !== null && connection.run(`UPDATE "$job" SET "input" = ?2 WHERE "dedupe" = ?1 AND "ended" IS NULL`, run.dedupe, run.input) > 0) return false;
  return insertRun(connection, run, nowMs);
}

/** Keys that begin so are held until their run is claimed, all others until it has ended. */
export const FOLDING = '["@on",';

/** The claim's epoch is that of the row and one. */
export function claimRun(connection: Connection, { number }: RunRow, nowMs: number): void {
  connection.run(`UPDATE "$job" SET "state" = 'RUNNING', "epoch" = "epoch" + 1, "started" = ?2, "dedupe" = CASE WHEN substr("dedupe", 1, ${FOLDING.length}) = '${FOLDING}' THEN NULL ELSE "dedupe" END WHERE "number" = ?1`, number, nowMs);
}

/** In which some run goes on. */
export function runningLanes(connection: Connection): Set<string> {
  return new Set(connection.values(`SELECT "lane" FROM "$job" WHERE "state" = 'RUNNING' AND "lane" IS NOT NULL`).map(([lane]) => lane as string));
}

export function holdRun(connection: Connection, { number }: RunRow): void {
  connection.run(`UPDATE "$job" SET "state" = 'HELD' WHERE "number" = ?1`, number);
}

/** Before the name of a job whose runs wait because as many of it run as may: no lane of an app begins so. */
const JOB_LANE = "\u0001job ";

/** One without a lane of its own waits until one of its job ends. */
export function holdForJob(connection: Connection, { number, job }: RunRow): void {
  connection.run(`UPDATE "$job" SET "state" = 'HELD', "lane" = ?2 WHERE "number" = ?1`, number, JOB_LANE + job);
}

/** Jobs of which some runs are held so. */
export function heldJobs(connection: Connection): string[] {
  const found: string[] = [];
  for (let after = JOB_LANE; ;) {
    const lane = connection.values(`SELECT min("lane") FROM "$job" WHERE "state" = 'HELD' AND "lane" > ?1 AND "lane" < ?2`, after, "\u0001joc")[0]![0] as string | null;
    if (lane === null) return found;
    found.push(lane.slice(JOB_LANE.length));
    after = lane;
  }
}

/** So many of them wait with the others again, the first first. */
export function releaseJob(connection: Connection, job: string, count: number): void {
  connection.run(`UPDATE "$job" SET "state" = 'QUEUED', "lane" = NULL WHERE "number" IN (SELECT "number" FROM "$job" WHERE "state" = 'HELD' AND "lane" = ?1 ORDER BY "priority" DESC, "due", "number" LIMIT ?2)`, JOB_LANE + job, count);
}

/** The next of a lane waits with the others, now that the one before it has gone. */
export function releaseLane(connection: Connection, lane: string | null): void {
  if (lane === null) return;
  connection.run(`UPDATE "$job" SET "state" = 'QUEUED' WHERE "number" = (SELECT "number" FROM "$job" WHERE "state" = 'HELD' AND "lane" = ?1 ORDER BY "priority" DESC, "due", "number" LIMIT 1)`, lane);
}

/** Who holds the run: by its number, as of which epoch. */
export interface RunHold { readonly number: number; readonly epoch: number; readonly lane: string | null }

export interface RunEnd { readonly state: "SUCCEEDED" | "FAILED" | "CANCELLED"; readonly result: string | null; readonly problem: string | null; readonly progress: string | null; readonly failures: number }

/** False: the hold was lost, and nothing is written. */
export function endRun(connection: Connection, hold: RunHold, end: RunEnd, nowMs: number): boolean {
  const ended = connection.run(
    `UPDATE "$job" SET "state" = ?3, "ended" = ?4, "result" = ?5, "problem" = ?6, "progress" = coalesce(?7, "progress"), "failures" = ?8 WHERE "number" = ?1 AND "epoch" = ?2 AND "state" = 'RUNNING'`,
    hold.number, hold.epoch, end.state, nowMs, end.result, end.problem, end.progress, end.failures) > 0;
  if (ended) releaseLane(connection, hold.lane);
  return ended;
}

export interface RunRetry { readonly dueMs: number; readonly problem: string | null; readonly failures: number; readonly interruptions: number }

/** It waits again. False: the hold was lost, and nothing is written. */
export function retryRun(connection: Connection, hold: RunHold, retry: RunRetry, nowMs: number): boolean {
  const given = connection.run(
    `UPDATE "$job" SET "state" = ?3, "epoch" = "epoch" + 1, "due" = ?4, "problem" = coalesce(?5, "problem"), "failures" = ?6, "interruptions" = ?7 WHERE "number" = ?1 AND "epoch" = ?2 AND "state" = 'RUNNING'`,
    hold.number, hold.epoch, retry.dueMs > nowMs ? "SCHEDULED" : "QUEUED", retry.dueMs, retry.problem, retry.failures, retry.interruptions) > 0;
  // While it waits, another of its lane may go.
  if (given) releaseLane(connection, hold.lane);
  return given;
}

export function isHeld(connection: Connection, { number, epoch }: RunHold): boolean {
  return connection.values(`SELECT 1 FROM "$job" WHERE "number" = ?1 AND "epoch" = ?2 AND "state" = 'RUNNING'`, number, epoch).length > 0;
}

/** Somebody asked while it ran. */
export function isCancelled(connection: Connection, { number, epoch }: RunHold): boolean {
  return connection.values(`SELECT 1 FROM "$job" WHERE "number" = ?1 AND "epoch" = ?2 AND "cancelled" = 1`, number, epoch).length > 0;
}

/** Claims that nobody holds any more, because their process has ended. At most `limit`. */
export function abandonedRuns(connection: Connection, limit: number): RunRow[] {
  return connection.values(`SELECT ${COLUMNS} FROM "$job" WHERE "state" = 'RUNNING' ORDER BY "number" LIMIT ?1`, limit).map(decode);
}

export function writeProgress(connection: Connection, { number, epoch }: RunHold, progress: string): void {
  connection.run(`UPDATE "$job" SET "progress" = ?3 WHERE "number" = ?1 AND "epoch" = ?2 AND "state" = 'RUNNING'`, number, epoch, progress);
}

/** What waits ends at once; of what runs it is noted that it shall. False: it has ended already. */
export function cancelRun(connection: Connection, { number, lane }: RunRow, nowMs: number): boolean {
  const ended = connection.run(`UPDATE "$job" SET "state" = 'CANCELLED', "cancelled" = 1, "ended" = ?2 WHERE "number" = ?1 AND "state" IN ('SCHEDULED', 'QUEUED', 'HELD')`, number, nowMs) > 0;
  if (ended) releaseLane(connection, lane);
  return ended || connection.run(`UPDATE "$job" SET "cancelled" = 1 WHERE "number" = ?1 AND "state" = 'RUNNING'`, number) > 0;
}

/** From the beginning, with all its attempts. False: it has not failed or been cancelled, or another run has its dedupe key by now. */
export function replayRun(connection: Connection, { number, dedupe }: RunRow, nowMs: number): boolean {
  if (dedupe !== null && dedupedRun(connection, dedupe) !== null) return false;
  return connection.run(
    `UPDATE "$job" SET "state" = 'QUEUED', "epoch" = "epoch" + 1, "due" = ?2, "failures" = 0, "interruptions" = 0, "cancelled" = 0, "ended" = NULL, "progress" = NULL, "problem" = NULL WHERE "number" = ?1 AND "state" IN ('FAILED', 'CANCELLED')`,
    number, nowMs) > 0;
}

export interface RunFilter { readonly state: ToldState | null; readonly job: string | null; /** Number of the last one of the page before. */ readonly before: number | null; readonly limit: number; /** Null: of all. */ readonly tenant: string | null }

/** Newest first. What is held is told as QUEUED, so it is found as that. */
export function listRuns(connection: Connection, { state, job, before, limit, tenant }: RunFilter): RunRow[] {
  const inState = state === null ? "" : `"state" ${state === "QUEUED" ? "IN ('QUEUED', 'HELD')" : `= '${state}'`} AND `;
  return connection.values(`SELECT ${COLUMNS} FROM "$job" WHERE ${inState}"number" < ?1 AND (?3 IS NULL OR "job" = ?3) AND (?4 IS NULL OR "identity" ->> 'tenant' = ?4) ORDER BY "number" DESC LIMIT ?2`, before ?? Number.MAX_SAFE_INTEGER, limit, job, tenant).map(decode);
}

/** By state, for those that have not ended, and of dead letters. */
export function countRuns(connection: Connection): { readonly [state in "SCHEDULED" | "QUEUED" | "HELD" | "RUNNING" | "FAILED"]: number } {
  const count = (state: string): number => connection.values(`SELECT count(*) FROM "$job" WHERE "state" = '${state}'`)[0]![0] as number;
  return { SCHEDULED: count("SCHEDULED"), QUEUED: count("QUEUED"), HELD: count("HELD"), RUNNING: count("RUNNING"), FAILED: count("FAILED") };
}

/** Ended before `beforeMs`, dead letters before `deadBeforeMs`; at most `limit`. How many went. */
export function removeEnded(connection: Connection, { beforeMs, deadBeforeMs, limit }: { readonly beforeMs: number; readonly deadBeforeMs: number; readonly limit: number }): { readonly rows: number; readonly dead: number } {
  const gone = connection.values(
    `DELETE FROM "$job" WHERE "number" IN (SELECT "number" FROM "$job" WHERE "ended" IS NOT NULL AND "ended" < max(?1, ?2) AND "ended" < CASE "state" WHEN 'FAILED' THEN ?2 ELSE ?1 END ORDER BY "ended" LIMIT ?3) RETURNING "state"`,
    beforeMs, deadBeforeMs, limit);
  return { rows: gone.length, dead: gone.filter(([state]) => state === "FAILED").length };
}

/** When a schedule fires next; null: it is not known yet. */
export function scheduleNextMs(connection: Connection, name: string): number | null {
  return connection.values(`SELECT "next" FROM "$schedule" WHERE "name" = ?1`, name)[0]?.[0] as number | undefined ?? null;
}

/** False: it is not at `fromMs` any more. */
export function moveSchedule(connection: Connection, name: string, fromMs: number, nextMs: number): boolean {
  return connection.run(`UPDATE "$schedule" SET "next" = ?3 WHERE "name" = ?1 AND "next" = ?2`, name, fromMs, nextMs) > 0;
}

export function writeSchedule(connection: Connection, name: string, nextMs: number): void {
  connection.run(`INSERT INTO "$schedule" ("name", "next") VALUES (?1, ?2) ON CONFLICT ("name") DO UPDATE SET "next" = excluded."next"`, name, nextMs);
}

/** Of schedules that are declared no more. */
export function keepSchedules(connection: Connection, names: readonly string[]): void {
  connection.run(`DELETE FROM "$schedule" WHERE "name" NOT IN (SELECT "value" FROM json_each(?1))`, JSON.stringify(names));
}
