// The face of one transaction on the records, as resources/ and others use it. Implemented by session.ts.
import type { Change } from "../changes/change.ts";
import type { RecordSource } from "../expression/expression.ts";
import type { Connection } from "../storage/connection.ts";
import type { Value } from "../base/value.ts";
import type { Authority } from "./authority.ts";
import type { ImportedRow, ImportMode, ImportOutcome } from "./import-records.ts";
import type { StoredRecord, Write, WriteOptions, WriteOutcome } from "./write.ts";

/** Synchronous, inside one commit or rehearsal. What a failed write staged is undone; the session may go on. */
export interface WriteSession {
  /** The commit's time, canonical. */
  readonly now: string;
  /** Sees what is staged only after `flush`. Write through the session only. */
  readonly connection: Connection;
  /** Rules and checks of this write hold on the state that all writes before it left. Constraints are looked at in `flush` and `verify`, and at the end. */
  write(write: Write, options: WriteOptions): WriteOutcome;
  /**
   * A bulk: its order never decides its outcome. Deletions come first, references before those who refer to them.
   * Two upserts that merge into one record are refused. Problems of new records name the item: `[3].title`. Outcomes in the order given.
   */
  writeAll(writes: readonly Write[], options: WriteOptions | ReadonlyMap<Write, WriteOptions>): readonly WriteOutcome[];
  /** Brings a deleted record back, with what its deletion took along. Throws NOT_FOUND where none can be restored that `authority` may know of. */
  restore(table: string, id: Value, authority: Authority | null): WriteOutcome;
  /** Records as they were stored elsewhere, without rules, in any order; those that refer to what is not there yet are deferred. */
  importRecords(rows: readonly ImportedRow[], mode: ImportMode): readonly ImportOutcome[];
  /** Throws what is wrong with the values of such a record. */
  checkImported(row: ImportedRow): void;
  /** What a model has made of the record's texts: neither its version nor its times move. Nothing where there is no such record. */
  fillVector(place: { readonly table: string; readonly id: Value; readonly field: string }, vector: readonly number[] | null): void;
  /** With what is staged; expired records are null. */
  get(table: string, id: Value): StoredRecord | null;
  /** For rules of other parts, on the state with what is staged. */
  readonly source: RecordSource;
  /** Puts what is staged into SQLite, so that queries on `connection` see it. Throws what a constraint refuses. */
  flush(): void;
  /** Throws what constraints refuse of what was staged since they last held, without putting it into SQLite. The session may go on. */
  verify(): void;
  /** Position of the last entry before this session's own: of an earlier one in the same batch, too. */
  readonly head: number;
  /** In this commit, once the entry and what it ended are kept. */
  afterEntry(work: () => void): void;
  /** So far: one for each record that differs from before the session. */
  readonly changes: readonly Change[];
}
