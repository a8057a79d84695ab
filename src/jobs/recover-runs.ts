// What a process that ended has left behind: its claims are taken back, so that the runs go on here.
import type { Limits } from "../base/limits.ts";
import type { Connection } from "../storage/connection.ts";
import { abandonedRuns, endRun, retryRun } from "../storage/job-rows.ts";

const PAGE_ROWS = 500;

export interface Recovered { readonly hasMore: boolean; readonly cancelled: number; readonly failed: number }

/** Of one page, in a commit; before anything is claimed here. */
export function recoverRuns(connection: Connection, nowMs: number, { jobInterruptions }: Limits): Recovered {
  const rows = abandonedRuns(connection, PAGE_ROWS);
  let [cancelled, failed] = [0, 0];
  for (const { number, epoch, lane, isCancelled, failures, interruptions, dueMs } of rows) {
    const hold = { number, epoch, lane };
    if (isCancelled) {
      endRun(connection, hold, { state: "CANCELLED", result: null, problem: null, progress: null, failures }, nowMs);
      cancelled++;
    } else if (interruptions + 1 >= jobInterruptions) {
      endRun(connection, hold, { state: "FAILED", result: null, problem: INTERRUPTED, progress: null, failures }, nowMs);
      failed++;
    } else retryRun(connection, hold, { dueMs: Math.min(dueMs, nowMs), problem: null, failures, interruptions: interruptions + 1 }, nowMs);
  }
  return { hasMore: rows.length === PAGE_ROWS, cancelled, failed };
}

const INTERRUPTED = JSON.stringify({ code: "INTERNAL", status: 500, message: "The process ended in each of its attempts." });
