// What a body's data operations run against: a transaction that buffers (buffered-work.ts), or single commits (direct-work.ts).
import type { RecordSource } from "../expression/expression.ts";
import type { Value } from "../base/value.ts";
import type { Connection } from "../storage/connection.ts";
import type { StoredRecord, Write, WriteOptions, WriteOutcome } from "../tables/write.ts";

export interface Work {
  /** The writes of this work are committed together, or not at all; nothing may call out. */
  readonly transactional: boolean;
  /** The record as this work sees it, its own writes included; without rules. In a transaction it is noted as read. */
  record(table: string, id: Value): StoredRecord | null;
  /** Runs `read` where own writes are visible. Synchronous. */
  read<T>(read: (connection: Connection) => T): T;
  /** For rules that are evaluated in memory: `source` follows relations, own writes included; null where `local` says that none are. */
  ask<T>(local: boolean, question: (source: RecordSource | null) => T): T;
  /** These records decide what the body does: in a transaction each is a precondition of the commit. */
  noteRead(table: string, ids: readonly Value[]): void;
  /** What `write` would come to; null where it would be refused. Changes nothing. */
  preview(write: Write, options: WriteOptions): WriteOutcome | null;
  /** Validates, fills and judges now; throws what is refused. */
  write(write: Write, options: WriteOptions): Promise<WriteOutcome>;
}

/** Where a result is put together: inside the commit, or beside it when nothing was written. */
export interface Committing {
  readonly connection: Connection;
  /** Canonical time of the commit. */
  readonly now: string;
  get(table: string, id: Value): StoredRecord | null;
  readonly source: RecordSource;
}
