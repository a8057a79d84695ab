// The queue before the one writing connection: works gather during a turn of the event loop, run as one batch at its end, and are
// answered once COMMIT has returned. Also the hold, during which one transaction commits alone.
import type { Clock } from "../base/clock.ts";
import { type AmbitError, fault } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import { type Outcome, type Work, WriterStopped, closeBatch, extendBatch, openBatch, runAlone, runAndUndo, runBatch, stopsWriter } from "./batch.ts";
import type { Connection } from "./connection.ts";
import { answerFor } from "./sqlite-failure.ts";

/** Runs once COMMIT has returned, in the order of the batch, before anything of it is answered. Must not throw. */
export type AfterCommit<Result> = (result: Result) => void;

/**
 * Called once the work is applied, before COMMIT: whoever is told may go on as if it were committed, and answers what else its commit
 * shall do; null: nothing. Heard only within this turn of the event loop. It is not told where the batch fails: then the commit does.
 */
export type Linger<Result> = (result: Result) => Promise<Work<void> | null>;

/** Nobody else commits meanwhile. It ends by itself after limits.soloMs. */
export interface CommitHold {
  /** Commits at once and ends the hold. 409 TRANSACTION_CONFLICT if it has ended already. */
  commit<Result>(work: Work<Result>, afterCommit?: AfterCommit<Result>, linger?: Linger<Result>): Promise<Result>;
  release(): void;
}

export interface CommitterStats {
  readonly batches: number;
  readonly voidedBatches: number;
  readonly requests: number;
  readonly failedRequests: number;
  readonly queueLength: number;
}

export interface CommitterOptions {
  /** The only connection that writes. */
  readonly connection: Connection;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Calls back at the end of this turn of the event loop. */
  readonly schedule: (flush: () => void) => void;
  /** Before a batch begins, and once COMMIT has returned: what reads from now on sees what is committed by now. */
  readonly refreshReads: () => void;
  /** After each batch, outside of transactions. */
  readonly afterBatch: () => void;
  /** The writer has stopped: the process must end, and recovers at its next start. */
  readonly onFatal: (error: unknown) => void;
}

interface Member {
  readonly work: Work<unknown>;
  readonly afterCommit: AfterCommit<never> | undefined;
  readonly linger: Linger<never> | undefined;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/** Waits in the queue for the hold. */
interface Claim {
  readonly grant: () => void;
  readonly reject: (error: unknown) => void;
}

/** Steps of promises that a continuation may take until it has ended; one that takes more goes on after the commit. */
const LINGER_STEPS = 100;

export class Committer {
  readonly #options: CommitterOptions;
  #queue: (Member | Claim)[] = [];
  #scheduled = false;
  #state: "open" | "closing" | "stopped" = "open";
  /** While somebody holds the queue: ends that. */
  #endHold: (() => void) | null = null;
  /** While a batch is applied but not committed: ends that. */
  #endLinger: (() => void) | null = null;
  #drained: (() => void) | null = null;
  #generation = 0;
  readonly #counts = { batches: 0, voidedBatches: 0, requests: 0, failedRequests: 0 };

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  commit<Result>(work: Work<Result>, afterCommit?: AfterCommit<Result>, linger?: Linger<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal();
      if (refusal === null) this.#enqueue({ work, afterCommit, linger, resolve, reject });
      else reject(refusal);
    });
  }

  /** Runs `work` now and undoes it. */
  rehearse<Result>(work: Work<Result>): Result {
    this.endLinger();
    if (this.#state !== "open") throw notOpen();
    try {
      return runAndUndo(this.#options.connection, work);
    } catch (error) {
      if (stopsWriter(error)) this.#stop(error, []);
      throw answerFor(error);
    }
  }

  /** Once everything queued before is committed. Several are served one after the other. */
  hold(): Promise<CommitHold> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal();
      if (refusal === null) this.#enqueue({ grant: () => resolve(this.#startHold()), reject });
      else reject(refusal);
    });
  }

  /** Commits what is queued and refuses what comes after; resolves when nothing is left. A hold ends at once. */
  close(): Promise<void> {
    if (this.#state === "stopped") return Promise.resolve();
    this.#state = "closing";
    this.#endHold?.();
    return new Promise((resolve) => {
      this.#drained = resolve;
      this.#wake();
    });
  }

  /** The writing connection is free when this returns. */
  endLinger(): void {
    this.#endLinger?.();
  }

  /** Moves with every batch, whatever came of it, and between its two states where it lingers. */
  get generation(): number {
    return this.#generation;
  }

  stats(): CommitterStats {
    return { ...this.#counts, queueLength: this.#queue.length };
  }

  #refusal(): AmbitError | null {
    if (this.#state !== "open") return notOpen();
    const full = this.#queue.length >= this.#options.limits.commitQueueLength;
    return full ? fault("OVERLOADED", "Too many writes are waiting.", { retryAfterS: 1 }) : null;
  }

  #enqueue(entry: Member | Claim): void {
    this.#queue.push(entry);
    this.#wake();
  }

  #wake(): void {
    if (this.#scheduled || this.#endHold !== null) return;
    this.#scheduled = true;
    this.#options.schedule(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  /** One batch, or one hold, in each turn: between two, everything else gets its turn. */
  #flush(): void {
    this.endLinger();
    if (this.#endHold !== null || this.#state === "stopped") return;
    const first = this.#queue[0];
    if (first !== undefined && "grant" in first) {
      this.#queue.shift();
      if (this.#state === "open") return first.grant();
      first.reject(notOpen());
    }
    const batch = this.#takeBatch();
    if (batch.length > 0) this.#commitBatch(batch);
    if (this.#queue.length > 0) this.#wake();
    // What lingers is not committed yet; its end goes on.
    else if (this.#endLinger === null) this.#drained?.();
  }

  #takeBatch(): Member[] {
    const batch: Member[] = [];
    for (const entry of this.#queue) {
      if ("grant" in entry || batch.length >= this.#options.limits.commitBatchLength) break;
      batch.push(entry);
    }
    this.#queue = batch.length === this.#queue.length ? [] : this.#queue.slice(batch.length);
    return batch;
  }

  /** When this returns, every member is answered, whatever happened. */
  #commitBatch(batch: readonly Member[]): void {
    const { connection, afterBatch, refreshReads, clock, limits } = this.#options;
    try {
      this.#generation++;
      // A snapshot that is older than the batch would also keep the write-ahead log from being folded in.
      refreshReads();
      const longMs = clock.now() + limits.soloMs;
      const lingers = batch.some(({ linger }) => linger !== undefined);
      const outcomes = (lingers ? openBatch : runBatch)(connection, batch.map((member) => member.work), () => clock.now() > longMs);
      this.#counts.batches++;
      if (outcomes === null) this.#commitAlone(batch.map((member) => ({ member, works: [member.work] })));
      else {
        // What is left begins the next batch: one that takes long does not make all others late.
        this.#queue = [...batch.slice(outcomes.length), ...this.#queue];
        if (lingers) return this.#linger(batch.slice(0, outcomes.length), outcomes);
        this.#settle(batch.slice(0, outcomes.length), outcomes);
      }
      afterBatch();
    } catch (error) {
      this.#stop(error, batch);
    }
  }

  /** A batch that was void. `works`: the member's own, and what it asked for besides. */
  #commitAlone(members: readonly { readonly member: Member; readonly works: readonly Work<unknown>[] }[]): void {
    this.#counts.voidedBatches++;
    for (const { member, works } of members) {
      const all: Work<unknown> = (connection) => works.map((work) => work(connection))[0];
      this.#settle([member], [runAlone(this.#options.connection, all)]);
    }
  }

  /** Applied, not committed: whoever waits for it without needing the committed state goes on first, and may add to the commit. */
  #linger(batch: readonly Member[], outcomes: readonly Outcome[]): void {
    const { connection, afterBatch } = this.#options;
    const added = batch.map((): Work<void> | null => null);
    const end = (): void => {
      if (this.#endLinger !== end) return;
      this.#endLinger = null;
      // Whoever has read meanwhile has seen the state before.
      this.#generation++;
      try {
        if (added.every((work) => work === null || extendBatch(connection, work))) {
          closeBatch(connection, outcomes);
          this.#settle(batch, outcomes);
        } else this.#commitAlone(batch.map((member, index) => ({ member, works: [member.work, ...(added[index] === null ? [] : [added[index]!])] })));
        afterBatch();
      } catch (error) {
        this.#stop(error, batch);
      }
      if (this.#queue.length > 0) this.#wake();
      else this.#drained?.();
    };
    this.#endLinger = end;
    const waiting = batch.map(async ({ linger }, index) => {
      const outcome = outcomes[index]!;
      if (linger !== undefined && outcome.ok) added[index] = await linger(outcome.value as never);
    });
    void endWithin(waiting).then(end);
  }

  /** First everything that moves on with the commit, then the answers. */
  #settle(batch: readonly Member[], outcomes: readonly Outcome[]): void {
    let hookFailure: WriterStopped | null = null;
    this.#options.refreshReads();
    batch.forEach(({ afterCommit }, index) => {
      const outcome = outcomes[index]!;
      if (!outcome.ok || afterCommit === undefined) return;
      try {
        afterCommit(outcome.value as never);
      } catch (error) {
        hookFailure ??= new WriterStopped("a hook after COMMIT failed", error);
      }
    });
    batch.forEach((member, index) => {
      const outcome = outcomes[index]!;
      this.#counts.requests++;
      if (outcome.ok) return member.resolve(outcome.value as never);
      this.#counts.failedRequests++;
      member.reject(outcome.error);
    });
    // What is in memory may now differ from what is on disk.
    if (hookFailure !== null) throw hookFailure;
  }

  #stop(error: unknown, batch: readonly Member[]): void {
    if (this.#state === "stopped") return;
    this.#state = "stopped";
    const unanswered = [...batch, ...this.#queue];
    this.#queue = [];
    this.#endHold?.();
    for (const entry of unanswered) entry.reject(fault("COMMIT_UNKNOWN", "The data file failed during the write.", { cause: error }));
    this.#drained?.();
    this.#options.onFatal(error);
  }

  #startHold(): CommitHold {
    const end = (): void => {
      if (this.#endHold !== end) return;
      this.#endHold = null;
      cancelTimer();
      this.#wake();
    };
    const cancelTimer = this.#options.clock.schedule(this.#options.limits.soloMs, end);
    this.#endHold = end;
    return {
      release: end,
      commit: (work, afterCommit, linger) => new Promise((resolve, reject) => {
        if (this.#endHold !== end) return reject(fault("TRANSACTION_CONFLICT", "The transaction took too long to commit alone."));
        this.#commitBatch([{ work, afterCommit, linger, resolve, reject }]);
        end();
      }),
    };
  }
}

/** Resolves with the last of them, or before anything but promises gets its turn. */
async function endWithin(waiting: readonly Promise<void>[]): Promise<void> {
  const all = { areDone: false };
  void Promise.allSettled(waiting).then(() => (all.areDone = true));
  for (let step = 0; step < LINGER_STEPS && !all.areDone; step++) await Promise.resolve();
}

function notOpen(): AmbitError {
  return fault("UNAVAILABLE", "The data is not open for writing.", { retryAfterS: 1 });
}
