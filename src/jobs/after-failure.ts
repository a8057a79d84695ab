// What becomes of a run whose attempt has failed: again after a while, a dead letter, or cancelled. Pure.
import { AmbitError } from "../base/error.ts";
import { backOffMs } from "../base/back-off.ts";
import type { Random } from "../base/random.ts";
import type { Json } from "../base/value.ts";
import type { RunProblem } from "../resources/job-port.ts";
import type { Job } from "../schema/catalog.ts";
import type { RunRow } from "../storage/job-rows.ts";

/** `problem`: JSON. */
export type Verdict =
  | { readonly state: "CANCELLED" | "FAILED"; readonly problem: string | null; readonly failures: number }
  | { readonly state: "RETRY"; readonly dueMs: number; readonly problem: string | null; readonly failures: number; readonly interruptions: number };

export interface Failure {
  readonly row: RunRow;
  /** Null: it is not declared any more. */
  readonly retry: Job["retry"] | null;
  /** What came in between: it was cancelled, the app stops, or a reload put another app in the place of the one that ran it. */
  readonly cut: "cancelled" | "stopped" | "replaced" | null;
  readonly nowMs: number;
  readonly maxMs: number;
  readonly random: Random;
}

export function afterFailure(error: unknown, { row, retry, cut, nowMs, maxMs, random }: Failure): Verdict {
  const problem = JSON.stringify(problemOf(error));
  if (cut === "cancelled") return { state: "CANCELLED", problem: null, failures: row.failures };
  // Not the run's fault: whoever serves by then does it. After a reload the tables may have another shape.
  if (cut === "stopped" || (cut === "replaced" && error instanceof AmbitError && error.code === "TRANSACTION_CONFLICT")) return { state: "RETRY", dueMs: nowMs, problem: null, failures: row.failures, interruptions: row.interruptions };
  const failures = row.failures + 1;
  if (retry === null || failures > retry.times) return { state: "FAILED", problem, failures };
  const { backoff, delayMs } = retry;
  return { state: "RETRY", dueMs: nowMs + backOffMs({ kind: backoff, delayMs, maxMs }, failures, random), problem, failures, interruptions: row.interruptions };
}

function problemOf(error: unknown): RunProblem {
  if (!(error instanceof AmbitError)) return { code: "INTERNAL", status: 500, message: "The job failed." };
  const { code, status, message, extras } = error;
  return { code, status, message, ...(extras.details === undefined ? {} : { details: extras.details as Json }) };
}
