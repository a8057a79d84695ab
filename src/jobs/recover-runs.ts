// What a process that ended has left behind: its claims are taken back, so that the runs go on here.
import type { Limits } from "../base/limits.ts";
import type { Connection } from "../storage/connection.ts";
import { abandonedRuns, endRun, retryRun } from "../storage/job-rows.ts";

const PAGE_ROWS = 500;

/** Of one page, in a commit; before anything is claimed here. False: that was all. */
export function recoverRuns(connection: Connection, nowMs: number, { jobInterruptions }: Limits): boolean {
  const rows = abandonedRuns(connection, PAGE_ROWS);
  for (const { number, epoch, lane, isCancelled, failures, interruptions, dueMs } of rows) {
    const hold = { number, epoch, lane };
    if (isCancelled) endRun(connection, hold, { state: "CANCELLED", result: null, problem: null, progress: null, failures }, nowMs);
    else if (interruptions + 1 >= jobInterruptions) endRun(connection, hold, { state: "FAILED", result: null, problem: INTERRUPTED, progress: null, failures }, nowMs);
    else retryRun(connection, hold, { dueMs: Math.min(dueMs, nowMs), problem: null, failures, interruptions: interruptions + 1 }, nowMs);
  }
  return rows.length === PAGE_ROWS;
}

const INTERRUPTED = JSON.stringify({ code: "INTERNAL", status: 500, message: "The process ended in each of its attempts." });
