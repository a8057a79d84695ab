// The records: commits of write sessions, reads by key through the cache, expiry, and word of every committed entry. The face of tables/.
import type { Clock } from "../base/clock.ts";
import { dateTimeOf } from "../base/date-time.ts";
import type { Limits } from "../base/limits.ts";
import { uuidv7, type Random } from "../base/random.ts";
import type { Value } from "../base/value.ts";
import type { Change } from "../changes/change.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { RecordSource } from "../expression/expression.ts";
import type { Catalog } from "../schema/catalog.ts";
import { catalogChanged } from "../storage/catalog-changed.ts";
import type { Linger } from "../storage/committer.ts";
import type { Connection } from "../storage/connection.ts";
import type { Storage } from "../storage/open-storage.ts";
import type { StoredRow } from "../storage/record-codec.ts";
import { ReadSet, recentEntries, type RecentEntries } from "./certification.ts";
import type { Confinement } from "./confinement.ts";
import { createSweeper, type Sweeper } from "./expiry-sweeper.ts";
import { RecordCache, type RecordText } from "./record-cache.ts";
import type { ReadNotes } from "./read-notes.ts";
import { createRecordSource } from "./record-source.ts";
import type { RecordShape } from "./record-text.ts";
import { Session, type SessionEntry } from "./session.ts";
import { createTableModels, modelOf, type TableModels } from "./table-model.ts";
import type { WriteSession } from "./write-session.ts";
import type { StoredRecord } from "./write.ts";

export interface TablesOptions {
  readonly storage: Storage;
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  /** False: transactions are not held against what others committed. For tests, which show what then goes wrong. */
  readonly certifies?: boolean;
}

/** Who is named in the log, and in @createdBy where code acts without rules. */
export interface CommitOptions {
  readonly actor: string | null;
  readonly requestId: string;
  /** Whose records of tenant tables are there. Without it all are: for the runtime's own work. */
  readonly confinement?: Confinement | null;
  /** How many decisions, each begun by a change of the one before, led to this commit. */
  readonly depth?: number;
}

/** Once for each commit that changes records, with its entry: what it stores is committed with them. The commit may run again. Must not throw. */
export type CommitWitness = (entry: CommittedEntry, commit: { readonly connection: Connection; readonly depth: number }) => void;

export interface Committed<Result> {
  readonly value: Result;
  /** Of the log entry; null: nothing was changed. */
  readonly position: number | null;
}

export interface CommittedEntry {
  readonly position: number;
  readonly time: string;
  readonly changes: readonly Change[];
}

/** Writes gathered over several turns of the event loop, on the committed state of each, and never committed: for bodies of app code. */
export interface Draft {
  /** What `work` stages stays for the next step, unless it throws. SQLite is as before afterwards. */
  step<Result>(work: (session: WriteSession) => Result): Result;
}

/** Alone: nobody else commits meanwhile. Ends by itself after limits.soloMs. */
export interface TablesHold {
  /** Commits at once and ends the hold. */
  commit<Result>(work: (session: WriteSession) => Result, options: CommitOptions, linger?: Linger<Result>): Promise<Committed<Result>>;
  release(): void;
}

export interface Tables {
  /** Without rules. Null: there is none, or it has expired at `atMs`, which is now unless given. */
  get(table: string, id: Value, atMs?: number): StoredRecord | null;
  /** The record's JSON in one shape, ready, and its version; its text is null where the shape's rule hides it. Null: as of `get`. */
  text(table: string, id: Value, shape: RecordShape): RecordText | null;
  /** The committed state, for rules evaluated outside of commits. */
  readonly source: RecordSource;
  /** Durable when it resolves. `work` is synchronous and may run twice; what it throws undoes everything. */
  commit<Result>(work: (session: WriteSession) => Result, options: CommitOptions, linger?: Linger<Result>): Promise<Committed<Result>>;
  /** Runs `work` on the current state, looks at constraints as a commit would, and undoes it. */
  rehearse<Result>(work: (session: WriteSession) => Result, options?: CommitOptions): Result;
  /** Its time is `atMs`. `reads` is told what it reads. */
  draft(who: CommitOptions, reads: ReadNotes, atMs: number): Draft;
  /** Of one attempt of a transaction. */
  readSet(): ReadSet;
  /** `source` at that time, telling `reads` what was asked. */
  sourceFor(reads: ReadNotes, atMs: number): RecordSource;
  hold(): Promise<TablesHold>;
  /** Called after COMMIT, before the commit is answered, in order of position. Must not throw. Returns how to unsubscribe. */
  onCommitted(listener: (entry: CommittedEntry) => void): () => void;
  /** From now on `witness` is at every commit. */
  onCommitting(witness: CommitWitness): void;
  /** Moves when something was committed that `onCommitted` did not tell: by what served before. After `handOver` at each look. */
  readonly unheard: number;
  /** Starts deleting expired records. */
  start(): void;
  stop(): void;
  /** Stops here: `next` serves the same data from now on. What was begun here ends here, and `next` is told what it commits. */
  handOver(next: Tables): void;
  /** Another one has committed these: what is remembered of them is out of date. */
  forget(rows: SessionEntry["rows"]): void;
  /** The data have the shape of another catalog by now: nothing is written from here any more. */
  readonly isOutdated: boolean;
  stats(): { readonly cachedRecords: number; readonly cachedBytes: number; readonly expiryBlocked: number };
}

interface Done<Result> {
  readonly value: Result;
  readonly entry: SessionEntry | null;
}

const SYSTEM: CommitOptions = { actor: null, requestId: "system" };

export function createTables(options: TablesOptions): Tables {
  return new Engine(options);
}

class Engine implements Tables {
  readonly source: RecordSource;
  readonly #recent: RecentEntries;
  readonly #options: TablesOptions;
  readonly #catalogVersion: number;
  readonly #models: TableModels;
  #cache: RecordCache;
  #successor: Tables | null = null;
  #unheard = 0;
  readonly #listeners = new Set<(entry: CommittedEntry) => void>();
  readonly #witnesses: CommitWitness[] = [];
  readonly #sweeper: Sweeper;

  constructor(options: TablesOptions) {
    const { storage, catalog, book, clock, limits } = options;
    this.#options = options;
    this.#catalogVersion = storage.catalogVersion;
    this.#models = createTableModels(catalog, book);
    this.#cache = new RecordCache(limits.recordCacheBytes);
    this.#recent = recentEntries(storage, limits);
    this.source = this.#source(null, undefined);
    this.#sweeper = createSweeper({
      models: this.#models, clock, limits, reader: storage.reader,
      commit: async (work) => (await storage.commit(this.#runner(work, SYSTEM), this.#afterCommit)).value,
    });
  }

  get(table: string, id: Value, atMs?: number): StoredRecord | null {
    const known = this.#cache.get(table, id);
    if (known !== undefined) {
      if (this.#isGone(known.expiresAtMs, atMs)) return null;
      if (known.row !== null) return known.row;
    }
    const row = this.#read(table, id, atMs);
    if (row !== null) this.#cache.addValues(table, this.#keyOf(table, row), row);
    return row;
  }

  text(table: string, id: Value, shape: RecordShape): RecordText | null {
    const known = this.#cache.get(table, id);
    if (known !== undefined) {
      if (this.#isGone(known.expiresAtMs)) return null;
      const ready = this.#cache.text(known, shape);
      if (ready !== undefined) return ready;
    }
    const row = known?.row ?? this.#read(table, id);
    return row === null ? null : this.#cache.addText(table, this.#keyOf(table, row), row, shape);
  }

  async commit<Result>(work: (session: WriteSession) => Result, who: CommitOptions, linger?: Linger<Result>): Promise<Committed<Result>> {
    return committed(await this.#options.storage.commit(this.#runner(work, who), this.#afterCommit, lingerOf(linger)));
  }

  rehearse<Result>(work: (session: WriteSession) => Result, who: CommitOptions = SYSTEM): Result {
    this.#requireCatalog();
    return this.#options.storage.rehearse((connection) => {
      const session = this.#session(connection, who);
      const value = work(session);
      session.flush();
      return value;
    });
  }

  draft(who: CommitOptions, reads: ReadNotes, atMs: number): Draft {
    const { storage } = this.#options;
    let session: Session | null = null;
    return {
      step: (work) => storage.rehearse((connection) => {
        this.#requireCatalog();
        session ??= this.#session(connection, who, { reads, atMs });
        return session.step(work);
      }),
    };
  }

  readSet(): ReadSet {
    const { storage, book, limits, certifies = true } = this.#options;
    return new ReadSet({ storage, recent: this.#recent, book, limits, certifies });
  }

  sourceFor(reads: ReadNotes, atMs: number): RecordSource {
    return this.#source(reads, atMs);
  }

  async hold(): Promise<TablesHold> {
    const hold = await this.#options.storage.hold();
    return {
      commit: async (work, who, linger) => committed(await hold.commit(this.#runner(work, who), this.#afterCommit, lingerOf(linger))),
      release: () => hold.release(),
    };
  }

  onCommitted(listener: (entry: CommittedEntry) => void): () => void {
    this.#listeners.add(listener);
    return () => { this.#listeners.delete(listener); };
  }

  onCommitting(witness: CommitWitness): void {
    this.#witnesses.push(witness);
  }

  start(): void {
    this.#sweeper.start();
  }

  stop(): void {
    this.#sweeper.stop();
  }

  get unheard(): number {
    return this.#successor === null ? this.#unheard : ++this.#unheard;
  }

  handOver(next: Tables): void {
    this.stop();
    this.#successor = next;
    // Nobody tells what `next` commits: from here on each read asks SQLite.
    this.#cache = new RecordCache(0);
  }

  forget(rows: SessionEntry["rows"]): void {
    this.#unheard++;
    for (const { table, id, row } of rows) {
      this.#cache.replace(table, id, null);
      if (row !== null && row.expires !== null) this.#sweeper.expect(row.expires);
    }
    this.#successor?.forget(rows);
  }

  get isOutdated(): boolean {
    return this.#options.storage.catalogVersion !== this.#catalogVersion;
  }

  stats(): { readonly cachedRecords: number; readonly cachedBytes: number; readonly expiryBlocked: number } {
    const { records, bytes } = this.#cache.stats();
    return { cachedRecords: records, cachedBytes: bytes, expiryBlocked: this.#sweeper.blocked() };
  }

  #runner<Result>(work: (session: Session) => Result, who: CommitOptions): (connection: Connection) => Done<Result> {
    return (connection) => {
      this.#requireCatalog();
      const session = this.#session(connection, who);
      const value = work(session);
      const entry = session.finish();
      if (entry !== null) {
        this.#recent.record(entry.position, entry.changes, this.#options.book);
        for (const witness of this.#witnesses) witness(entry, { connection, depth: who.depth ?? 0 });
      }
      return { value, entry };
    };
  }

  /** Rows have the columns of another catalog by now. */
  #requireCatalog(): void {
    if (this.isOutdated) throw catalogChanged();
  }

  #source(reads: ReadNotes | null, atMs: number | undefined): RecordSource {
    const { storage, catalog, book } = this.#options;
    return createRecordSource({ catalog, book, reads, connection: () => storage.reader, get: (table, id) => this.get(table, id, atMs)?.values ?? null });
  }

  #session(connection: Connection, { actor, requestId, confinement = null }: CommitOptions, draft: { readonly reads: ReadNotes; readonly atMs: number } | null = null): Session {
    const { catalog, book, limits, clock, random } = this.#options;
    return new Session({
      catalog, book, models: this.#models, limits, connection, actor, requestId, confinement, reads: draft?.reads ?? null,
      now: dateTimeOf(draft?.atMs ?? clock.now()), createId: () => uuidv7(clock, random),
    });
  }

  readonly #afterCommit = ({ entry }: Done<unknown>): void => {
    if (entry === null) return;
    for (const { table, id, row } of entry.rows) {
      this.#cache.replace(table, id, row);
      if (row !== null && row.expires !== null) this.#sweeper.expect(row.expires);
    }
    this.#successor?.forget(entry.rows);
    for (const listener of this.#listeners) listener({ position: entry.position, time: entry.time, changes: entry.changes });
  };

  /** Most records have no end: the clock is asked only for the others. */
  #isGone(expiresAtMs: number, atMs?: number): boolean {
    return expiresAtMs !== Number.POSITIVE_INFINITY && expiresAtMs <= (atMs ?? this.#options.clock.now());
  }

  /** The key as stored: the one asked for may be a piece of a URL, which would stay in memory with it. */
  #keyOf(table: string, { values }: StoredRow): Value {
    return values[modelOf(this.#models, table).table.primaryKey] ?? null;
  }

  #read(table: string, id: Value, atMs?: number): StoredRow | null {
    const { storage, clock } = this.#options;
    const { codec } = modelOf(this.#models, table);
    const columns = storage.reader.query(codec.selectSql).values(codec.key(id))[0];
    if (columns === undefined) return null;
    const row = codec.decode(columns);
    return row.expires !== null && row.expires <= dateTimeOf(atMs ?? clock.now()) ? null : row;
  }
}

function lingerOf<Result>(linger: Linger<Result> | undefined): Linger<Done<Result>> | undefined {
  return linger === undefined ? undefined : ({ value }) => linger(value);
}

function committed<Result>({ value, entry }: Done<Result>): Committed<Result> {
  return { value, position: entry?.position ?? null };
}
