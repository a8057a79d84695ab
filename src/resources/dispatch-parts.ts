// What the dispatcher is made of, and what its parts share. Handed in by runtime/; a reload makes all of it anew.
import type { AccountPort } from "../access/accounts/account-store.ts";
import type { Access } from "../access/rights.ts";
import type { Clock } from "../base/clock.ts";
import type { Limits } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Tracer } from "../base/tracer.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { FileStore } from "../storage/file-store.ts";
import type { Storage } from "../storage/open-storage.ts";
import type { Tables } from "../tables/engine.ts";
import type { AppCode } from "./app-code.ts";
import type { ChannelHub } from "./channel-hub.ts";
import type { DecisionPort } from "./decision-port.ts";
import type { ConflictLanes } from "./conflict-lanes.ts";
import type { EmbeddingPort } from "./embedding-port.ts";
import type { FileLinks } from "./file-links.ts";
import type { FollowedRows } from "./followed-rows.ts";
import type { IdempotencyKeys } from "./idempotency.ts";
import type { JobQueue } from "./job-port.ts";
import type { Planner } from "./planner.ts";
import type { RecordViews } from "./record-view.ts";
import type { RunWatch } from "./run-watch.ts";
import type { Sending } from "./send-request.ts";
import type { TokenPort } from "./sign-token.ts";
import type { SourcePort } from "./source-port.ts";
import type { StoredKeys } from "../access/stored-keys.ts";
import type { GuessGuard } from "./guess-guard.ts";
import type { SecurityRecord } from "./security-record.ts";
import type { UsageLimits } from "./usage-limits.ts";
import type { UsageMeter } from "./usage-meter.ts";
import type { CursorSeal } from "./sealed-cursor.ts";

export interface DispatchParts {
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  readonly access: Access;
  readonly tables: Tables;
  readonly storage: Storage;
  readonly app: AppCode;
  /** Absent: nothing can be enqueued. */
  readonly jobs?: JobQueue;
  /** Absent or null: there are no decisions. */
  readonly createDecisions?: ((core: DispatchCore) => DecisionPort) | null;
  /** Loaded when first asked for. Absent: nobody signs in here. */
  readonly accounts?: () => Promise<AccountPort>;
  /** Absent: no tokens are signed. */
  readonly tokens?: TokenPort;
  /** Absent: no model makes vectors of texts. */
  readonly embeddings?: EmbeddingPort;
  /** Absent: no table has a source. */
  readonly sources?: SourcePort;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly log: Log;
  /** Absent: nothing is measured. */
  readonly tracer?: Tracer;
  /** Of config.yaml: in which days are counted. Absent: UTC. */
  readonly zone?: string;
  /** Of config.yaml. */
  readonly values: Readonly<Record<string, string | number | boolean>>;
  readonly secrets: Readonly<Record<string, string>>;
  readonly files: FileParts;
  readonly fetch: (url: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /** Calls back at the end of this turn of the event loop. Without it: setImmediate. */
  readonly atTurnEnd?: (flush: () => void) => void;
  readonly sending: Sending;
  /** Absent: nobody is counted. */
  readonly usage?: UsageMeter;
  /** Absent: nobody is held up who guesses. */
  readonly guesses?: GuessGuard;
  /** Absent: what happens outside of commits is not recorded. */
  readonly security?: SecurityRecord;
  /** Told when an API key has gone. Absent: nobody has come with one. */
  readonly storedKeys?: StoredKeys;
  /** Everyone may ask to have a query explained. */
  readonly development: boolean;
}

/** What deals with files; one for all reloads. */
export interface FileParts {
  readonly store: FileStore;
  readonly links: FileLinks;
  /** Media types that clients may bring, as in image/*; empty: all. */
  readonly types: readonly string[];
}

/** The parts and what the dispatcher builds on them. */
export interface DispatchCore extends DispatchParts {
  readonly planner: Planner;
  readonly views: RecordViews;
  readonly lanes: ConflictLanes;
  readonly keys: IdempotencyKeys;
  readonly cursors: CursorSeal;
  readonly decisions: DecisionPort | null;
  readonly channels: ChannelHub;
  readonly runs: RunWatch;
  readonly followed: FollowedRows;
  readonly tracer: Tracer;
  readonly limiting: UsageLimits;
}
