// Data operations of a body in a transaction: writes are buffered and rehearsed, so that each validates, fills and throws at its
// call; reads see them; each record read by its key is a precondition of the one commit at the end.
import { AmbitError, fault } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import type { Value } from "../base/value.ts";
import type { RecordSource } from "../expression/expression.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { Connection } from "../storage/connection.ts";
import type { Storage } from "../storage/open-storage.ts";
import { failureScope } from "../storage/sqlite-failure.ts";
import type { CommitOptions, Draft, Tables } from "../tables/engine.ts";
import type { WriteSession } from "../tables/write-session.ts";
import type { StoredRecord, Write, WriteOptions, WriteOutcome } from "../tables/write.ts";
import { isSameOutcome, pinned } from "./pinned-write.ts";
import type { Work } from "./work.ts";

export interface RecordName { readonly table: string; readonly id: Value }

/**
 * The commit met another state than the body: it must run again. Never reaches app code or a client. An AmbitError, so that in
 * a batch it concerns this one request alone.
 */
export class BodyConflict extends AmbitError {
  readonly records: readonly RecordName[];
  /** Who waits for the same runs again one after the other. */
  readonly lane: string;

  constructor(records: readonly RecordName[], lane: string, cause?: unknown) {
    super(409, "TRANSACTION_CONFLICT", "The state changed while the body ran.", { cause });
    this.records = records;
    this.lane = lane;
  }
}

export interface BufferedParts {
  readonly tables: Tables;
  readonly storage: Storage;
  readonly catalog: Catalog;
  readonly limits: Limits;
}

interface BufferedWrite {
  /** As it is committed: what the rehearsal made up is given. */
  readonly write: Write;
  readonly options: WriteOptions;
  readonly outcome: WriteOutcome;
}

interface NotedRead extends RecordName {
  /** Null: there was none. */
  readonly version: number | null;
}

/** Carries an outcome out of a step that leaves nothing. */
class Foreseen {
  readonly outcome: WriteOutcome;

  constructor(outcome: WriteOutcome) {
    this.outcome = outcome;
  }
}

/** Records above this many that one query returned are not noted: they decide as a set, not one by one. */
const NOTED_ROWS_MAX = 1_000;
/** Of a record that is not committed yet. */
const UNCOMMITTED = 0;

export class BufferedWork implements Work {
  readonly transactional = true;
  readonly #parts: BufferedParts;
  readonly #draft: Draft;
  readonly #writes: BufferedWrite[] = [];
  readonly #reads = new Map<string, NotedRead>();
  /** What own writes, with their cascades, made of records; null: to be asked for again. */
  #own: Map<string, StoredRecord | null> | null = new Map();

  constructor(parts: BufferedParts, who: CommitOptions) {
    this.#parts = parts;
    this.#draft = parts.tables.draft(who);
  }

  get isEmpty(): boolean {
    return this.#writes.length === 0;
  }

  record(table: string, id: Value): StoredRecord | null {
    const own = this.#ownRecords().get(nameOf(table, id));
    if (own !== undefined) return own;
    const stored = this.#parts.tables.get(table, id);
    this.#note(table, id, stored);
    return stored;
  }

  read<T>(read: (connection: Connection) => T): T {
    if (this.isEmpty) return read(this.#parts.storage.reader);
    return this.#draft.step((session) => {
      session.flush();
      return read(session.connection);
    });
  }

  ask<T>(local: boolean, question: (source: RecordSource | null) => T): T {
    if (local) return question(null);
    return this.isEmpty ? question(this.#parts.tables.source) : this.#draft.step((session) => question(session.source));
  }

  noteRead(table: string, ids: readonly Value[]): void {
    for (const id of ids.slice(0, NOTED_ROWS_MAX)) this.#note(table, id, this.#parts.tables.get(table, id));
  }

  preview(write: Write, options: WriteOptions): WriteOutcome | null {
    try {
      return this.#draft.step((session): never => { throw new Foreseen(session.write(write, options)); });
    } catch (error) {
      if (error instanceof Foreseen) return error.outcome;
      if (error instanceof AmbitError) return null;
      throw error;
    }
  }

  async write(write: Write, options: WriteOptions): Promise<WriteOutcome> {
    const { limits, catalog } = this.#parts;
    if (this.#writes.length >= limits.transactionWrites) throw fault("TOO_MANY_ROWS", `A transaction writes at most ${limits.transactionWrites} times.`);
    const outcome = this.#draft.step((session) => {
      const made = session.write(write, options);
      session.verify();
      return made;
    });
    if (!isMadeUp(write, outcome, catalog)) this.noteRead(outcome.table, [outcome.id]);
    this.#writes.push({ ...pinned(write, options, outcome, catalog), outcome });
    this.#own = null;
    return outcome;
  }

  /** Records that were read and have changed since. */
  changedReads(get: (table: string, id: Value) => StoredRecord | null = (table, id) => this.#parts.tables.get(table, id)): RecordName[] {
    return [...this.#reads.values()].filter(({ table, id, version }) => (get(table, id)?.version ?? null) !== version);
  }

  /** In the commit: all writes, if the state is still the one that the body saw. `alone`: nobody else commits, so refusals are real. */
  apply(session: WriteSession, alone: boolean): void {
    const changed = this.changedReads((table, id) => session.get(table, id));
    if (changed.length > 0) throw staleReads(changed);
    let other: string | null;
    try {
      other = this.#replay(session);
      session.flush();
    } catch (error) {
      // Anything else concerns the batch or the writer.
      if (alone || failureScope(error) !== "request") throw error;
      throw new BodyConflict(this.#written(), [...new Set(this.#writes.map(({ write }) => write.table))].join(" "), error);
    }
    if (other !== null && !alone) throw new BodyConflict(this.#written(), other);
  }

  #ownRecords(): ReadonlyMap<string, StoredRecord | null> {
    return this.#own ??= new Map(this.#draft.step((session) => session.changes.map(({ table, id }) => {
      // One that was written with its end in the past is there for nobody.
      const made = session.get(table, id);
      return [nameOf(table, id), made === null ? null : { values: made.values, version: UNCOMMITTED }] as const;
    })));
  }

  /** The table where something came out otherwise than the body saw it; null: nowhere. */
  #replay(session: WriteSession): string | null {
    let other: string | null = null;
    for (const { write, options, outcome } of this.#writes) {
      if (!isSameOutcome(session.write(write, options), outcome, this.#parts.catalog)) other ??= write.table;
    }
    return other;
  }

  #written(): RecordName[] {
    return this.#writes.map(({ outcome }) => ({ table: outcome.table, id: outcome.id }));
  }

  #note(table: string, id: Value, stored: StoredRecord | null): void {
    const name = nameOf(table, id);
    if (!this.#reads.has(name)) this.#reads.set(name, { table, id, version: stored?.version ?? null });
  }
}

export function staleReads(records: readonly RecordName[], cause?: unknown): BodyConflict {
  return new BodyConflict(records, nameOf(records[0]!.table, records[0]!.id), cause);
}

/** A key that the runtime has just made up cannot be anybody else's. */
function isMadeUp(write: Write, outcome: WriteOutcome, catalog: Catalog): boolean {
  return write.kind === "create" && outcome.status === "created" && write.input[catalog.tables.get(write.table)!.primaryKey] === undefined;
}

function nameOf(table: string, id: Value): string {
  return `${table} ${typeof id} ${String(id)}`;
}
