// What resources/ asks of jobs/: to take up work for later, and to tell and change runs. Implemented in jobs/job-queue.ts.
import type { Identity } from "../access/identity.ts";
import type { Json } from "../base/value.ts";
import type { Connection } from "../storage/connection.ts";
import type { ToldState } from "../storage/job-rows.ts";
import type { Effect } from "./work.ts";

/** A run to be made. Times are milliseconds since the epoch. */
export interface JobOrder {
  readonly job: string;
  /** As on the wire: already validated. */
  readonly input: Json;
  /** Whose rights it will have. */
  readonly identity: Identity;
  readonly dueMs: number;
  readonly priority: number;
  readonly dedupe: string | null;
  readonly concurrency: string | null;
}

/** As Effect (work.ts), of who sees the commit alone. */
export interface CommitEffect { store(connection: Connection, nowMs: number): void; tell(): void }

/** Work that a commit as such brings about. */
export interface BroughtAbout {
  readonly job: string;
  readonly input: Json;
  readonly identity: Identity;
  /** Of those with the same that still wait there is one, with the latest input; they run one after the other. */
  readonly fold: string;
}

export interface RunProblem { readonly code: string; readonly status: number; readonly message: string; readonly details?: Json }

/** One run, as it is told. */
export interface RunView {
  readonly id: string;
  readonly job: string;
  /** HELD is told as QUEUED. */
  readonly state: ToldState;
  readonly attempts: number;
  readonly progress: { readonly done: number; readonly total: number | null } | null;
  readonly result: Json;
  /** Of the last attempt that failed. */
  readonly problem: RunProblem | null;
  readonly enqueuedMs: number;
  readonly dueMs: number;
  readonly startedMs: number | null;
  readonly endedMs: number | null;
  readonly priority: number;
  readonly input: Json;
  /** Whoever enqueued it. */
  readonly owner: Pick<Identity, "kind" | "subject" | "tenant">;
}

export interface RunFilter { readonly state: ToldState | null; readonly job: string | null; readonly after: string | null; readonly limit: number; /** Null: of all. */ readonly tenant: string | null }

export interface JobQueue {
  /** `isKnown`: a run with its dedupe key has not ended; that is the one, as long as `effect` finds it so in the commit. */
  order(order: JobOrder): { readonly id: string; readonly isKnown: boolean; readonly effect: Effect };
  /** `store` in that commit, which may run again; `tell` once it is durable. */
  bringAbout(work: BroughtAbout): CommitEffect;
  find(id: string): RunView | null;
  /** Newest first. `next`: where to go on; null: that was all. */
  list(filter: RunFilter): { readonly runs: readonly RunView[]; readonly next: string | null };
  /** Durable when it resolves. False: it has ended already. */
  cancel(id: string): Promise<boolean>;
  /** From the beginning. False: it has not failed or been cancelled, or another with its dedupe key is there. */
  replay(id: string): Promise<boolean>;
}

/** One attempt, as its body and its end see it. */
export interface JobRun {
  readonly id: string;
  readonly signal: AbortSignal;
  progress(done: number, total: number | null): void;
  /** Writes in a commit that it has succeeded. False: somebody else has the run by now. */
  succeed(result: Json | undefined): (connection: Connection) => boolean;
}
