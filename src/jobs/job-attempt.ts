// One attempt of a run while it is under way: its signal, its progress, and how its success is written. It lives in memory only.
import type { Clock } from "../base/clock.ts";
import type { Json } from "../base/value.ts";
import type { JobRun } from "../resources/job-port.ts";
import { endRun, writeProgress, type RunHold, type RunRow } from "../storage/job-rows.ts";
import type { Connection } from "../storage/connection.ts";
import type { Storage } from "../storage/open-storage.ts";

export interface AttemptOptions { readonly storage: Storage; readonly clock: Clock; readonly progressMs: number; readonly resultLengthMax: number }

export class JobAttempt implements JobRun {
  readonly id: string;
  readonly row: RunRow;
  readonly hold: RunHold;
  readonly #options: AttemptOptions;
  readonly #controller = new AbortController();
  /** As JSON. */
  #progress: string | null = null;
  #cancelWriting: (() => void) | null = null;
  #isWritten = false;

  /** `row` as it was before the claim. */
  constructor(row: RunRow, options: AttemptOptions) {
    this.id = row.id;
    this.row = row;
    this.hold = { number: row.number, epoch: row.epoch + 1, lane: row.lane };
    this.#options = options;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get latestProgress(): string | null {
    return this.#progress;
  }

  /** Its success is in a commit that has been made, if that was durable. */
  get isWritten(): boolean {
    return this.#isWritten;
  }

  abort(reason: string): void {
    this.#controller.abort(new DOMException(reason, "AbortError"));
  }

  progress(done: number, total: number | null): void {
    this.#progress = JSON.stringify({ done, total });
    const { storage, clock, progressMs } = this.#options;
    this.#cancelWriting ??= clock.schedule(progressMs, () => {
      this.#cancelWriting = null;
      // It is told to who asks in any case; a kill loses at most this much of it.
      storage.commit((connection) => { writeProgress(connection, this.hold, this.#progress!); }).catch(() => {});
    });
  }

  succeed(result: Json | undefined): (connection: Connection) => boolean {
    const text = JSON.stringify(result ?? null);
    const kept = text.length <= this.#options.resultLengthMax ? text : null;
    return (connection) => {
      this.#isWritten = endRun(connection, this.hold, { state: "SUCCEEDED", result: kept, problem: null, progress: this.#progress, failures: this.row.failures }, this.#options.clock.now());
      return this.#isWritten;
    };
  }

  /** Nothing more is written of it. */
  close(): void {
    this.#cancelWriting?.();
    this.#cancelWriting = null;
  }
}
