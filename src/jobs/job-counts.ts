// How many runs there are in which state, kept beside the rows: asking SQLite would take longer the more there are.
import type { Connection } from "../storage/connection.ts";
import { countRuns } from "../storage/job-rows.ts";

export class JobCounts {
  /** For their turn or their time. */
  waiting = 0;
  running = 0;
  /** Failed for good. */
  deadLetters = 0;
  /** Since the start. */
  enqueued = 0;
  succeeded = 0;
  failedAttempts = 0;

  /** What an earlier process had begun waits, too. */
  constructor(connection: Connection) {
    const { SCHEDULED, QUEUED, HELD, RUNNING, FAILED } = countRuns(connection);
    this.waiting = SCHEDULED + QUEUED + HELD + RUNNING;
    this.deadLetters = FAILED;
  }
}
