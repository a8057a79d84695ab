// What a body's data operations run against: a transaction that buffers (buffered-work.ts), or single commits (direct-work.ts).
import type { Environment, RecordSource } from "../expression/expression.ts";
import type { Value } from "../base/value.ts";
import type { Connection } from "../storage/connection.ts";
import type { CompiledPlan } from "../storage/plan-sql.ts";
import { readIds, readRows, type RowSet } from "../storage/read-plan.ts";
import type { WriteSession } from "../tables/write-session.ts";
import type { StoredRecord, Write, WriteOptions, WriteOutcome } from "../tables/write.ts";

/** Reads of one state. In a transaction everything that was asked is noted, found or not: what others change of it counts. */
export interface StateReader {
  /** Without rules; null: there is none. */
  get(table: string, id: Value): StoredRecord | null;
  /** As `readRows` and `readIds` of storage/read-plan.ts. */
  rows(compiled: CompiledPlan, environment: Environment): RowSet;
  ids(compiled: CompiledPlan, environment: Environment, limit: number): Value[];
  /** Follows relations, for rules that are evaluated in memory. */
  readonly source: RecordSource;
}

/** What happens if and only if the writes of its work are committed. */
export interface Effect {
  /** In that commit, after its records, with its time: what is stored beside records. Synchronous; runs again where the commit does. What it throws refuses all. */
  store?(session: WriteSession): void;
  /** Once it is durable, before it is answered; effects in their order. Must not throw. */
  tell?(): void;
}

export interface Work extends StateReader {
  /** A tool of a model: whatever would change something throws. */
  readonly readsOnly?: true;
  /** The writes of this work are committed together, or not at all; nothing may call out. */
  readonly transactional: boolean;
  /** Before a first read: to wait for others who are at work on this record. Null: there is nothing to wait for. */
  turn(table: string, id: Value): Promise<void> | null;
  /** For rules that are evaluated in memory: `source` as above; null where `local` says that no relation is followed. */
  ask<T>(local: boolean, question: (source: RecordSource | null) => T): T;
  /** What `write` would come to; null where it would be refused. Changes nothing. */
  preview(write: Write, options: WriteOptions): WriteOutcome | null;
  /** Validates, fills and judges now; throws what is refused. */
  write(write: Write, options: WriteOptions): Promise<WriteOutcome>;
  /** Outside of a transaction, at once. Throws what is refused. */
  effect(effect: Effect): Promise<void>;
  /** Only of a transaction: what `run` writes is undone if it throws. `root`: of the body's scope. */
  nested<T>(root: object, run: () => Promise<T>): Promise<T>;
}

/** A state and its time. */
export interface State extends StateReader {
  /** Canonical; in a commit, the commit's. */
  readonly now: string;
}

/** Where a result is put together: inside the commit, or beside it when nothing was written. */
export interface Committing extends State {
  readonly connection: Connection;
}

/** The state that a body sees. */
export function stateOf(work: Work, now: string): State {
  return {
    now, source: work.source,
    get: (table, id) => work.get(table, id),
    rows: (compiled, environment) => work.rows(compiled, environment),
    ids: (compiled, environment, limit) => work.ids(compiled, environment, limit),
  };
}

/** Reads of plans on a connection. */
export function plansOn(connection: Connection): Pick<StateReader, "rows" | "ids"> {
  return {
    rows: (compiled, environment) => readRows(connection, compiled, environment),
    ids: (compiled, environment, limit) => readIds(connection, compiled, environment, limit),
  };
}
