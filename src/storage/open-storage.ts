// Opens a data directory: the lock, the file, its settings, one connection that writes and one that reads. Nothing else opens SQLite.
import { Database, SQLiteError } from "bun:sqlite";
import { dirname, join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { fault } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { Catalog } from "../schema/catalog.ts";
import { keepBefore } from "./backup.ts";
import type { Work } from "./batch.ts";
import { checkpointer } from "./checkpoint.ts";
import { type AfterCommit, type CommitHold, Committer, type CommitterStats, type Linger } from "./committer.ts";
import { compactFile, isCompactionDue } from "./compact.ts";
import { type Connection, connect } from "./connection.ts";
import { prepareFormat } from "./data-format.ts";
import { DataShape } from "./data-shape.ts";
import { lockDirectory } from "./data-lock.ts";
import { registerPlanFunctions } from "./plan-functions.ts";
import type { MigrationStep } from "./describe-migration.ts";
import type { MigrationApproval } from "./migration-functions.ts";
import type { FillOptions } from "./migration-runner.ts";
import type { MigrationProgress, PendingMigration } from "./pending-migration.ts";
import type { MigrationPlan } from "./prepare-catalog.ts";
import { readSnapshot, type ReadSnapshot } from "./read-snapshot.ts";
import { privateDirectory, privateFile } from "./private-file.ts";
import { endInterruptedRestore } from "./restore.ts";
import { registerSqlFunctions } from "./sql-functions.ts";

export interface StorageOptions {
  /** Created if it is missing. */
  readonly directory: string;
  readonly limits: Limits;
  readonly clock: Clock;
  /** The writer has stopped; the process must exit and recovers at its next start. */
  onFatal(error: unknown): void;
  /** Calls back at the end of this turn of the event loop. Without it: setImmediate. */
  readonly schedule?: (flush: () => void) => void;
}

export interface StorageStats extends CommitterStats {
  /** Of the write-ahead log, when it was last looked at. */
  readonly walBytes: number;
}

export interface Storage {
  /** Cannot write. Sees every commit once it is answered. */
  readonly reader: Connection;
  /** Creates what is missing and applies safe changes; throws MIGRATION_NEEDED with every difference that is not. */
  prepareCatalog(catalog: Catalog, book: ExpressionBook, approval?: MigrationApproval): readonly MigrationStep[];
  /** Rises whenever the data get another shape: whoever works by the catalog before writes nothing any more. */
  readonly catalogVersion: number;
  /** What that would do, or why it would not; changes nothing. */
  planCatalog(catalog: Catalog, book: ExpressionBook, approval: MigrationApproval): MigrationPlan;
  /** Types whose tables are too large to change in one commit. */
  onlineTables(catalog: Catalog, book: ExpressionBook, approval: MigrationApproval): readonly string[];
  /** What prepareCatalog could not do in one commit is filled beside live writes; at once where there is nothing of the kind. */
  fillShadows(options: FillOptions): Promise<void>;
  /** Null: no shadows are there. */
  pendingMigration(): PendingMigration | null;
  /** Of each table whose shadow is there. */
  migrationProgress(): readonly MigrationProgress[];
  abandonMigration(): Promise<void>;
  /** Durable when it resolves. Rejects with what the work threw, or why nothing or perhaps nothing was written. */
  commit<Result>(work: Work<Result>, afterCommit?: AfterCommit<Result>, linger?: Linger<Result>): Promise<Result>;
  /** Runs the work now, on the current state, and undoes it. */
  rehearse<Result>(work: Work<Result>): Result;
  hold(): Promise<CommitHold>;
  /** Rewrites the file, so that nothing deleted is in it; nothing is served meanwhile. False: not now. */
  compact(catalog: Catalog): Promise<boolean>;
  /** Something was deleted whose bytes must go. */
  readonly isCompactionDue: boolean;
  /** Moves whenever something may have been written: while it stands, so does the state that readers see. */
  readonly generation: number;
  /** Commits what is queued, refuses what comes after, gives the directory free. */
  close(): Promise<void>;
  stats(): StorageStats;
}

/** How long opening waits for a program that looks at the file just now. */
const OPEN_WAIT_MS = 5_000;
/** How long a commit waits for one; nothing else is served meanwhile. */
const COMMIT_WAIT_MS = 200;
const READ_CACHE_KIB = 16_384;
const WRITE_CACHE_KIB = 16_384;
const MAPPED_BYTES = 268_435_456;

export function openStorage(options: StorageOptions): Storage {
  privateDirectory(options.directory);
  const lock = lockDirectory(options.directory);
  try {
    endInterruptedRestore(options.directory);
    const file = join(options.directory, "data.db");
    privateFile(file);
    return storageOf(options, lock.release, openConnections(file, options.limits, options.schedule ?? setImmediate), file);
  } catch (error) {
    lock.release();
    throw readable(error);
  }
}

interface Connections {
  readonly databases: readonly Database[];
  readonly writer: Connection;
  readonly reader: Connection;
  /** Of the reader. */
  readonly snapshot: ReadSnapshot;
}

type Schedule = (callback: () => void) => void;

function openConnections(file: string, limits: Limits, schedule: Schedule): Connections {
  const databases: Database[] = [];
  try {
    const writer = openWriter(file, limits);
    databases.push(writer.database);
    prepareFormat(writer.connection, { keep: () => keepBefore(writer.connection, dirname(file), "format") });
    writer.connection.execute(`PRAGMA busy_timeout = ${COMMIT_WAIT_MS}`);
    const reader = openReader(file);
    databases.push(reader);
    const snapshot = readSnapshot(reader, schedule);
    return { databases, writer: writer.connection, reader: connect(reader, limits.planCacheEntries, () => snapshot.begin()), snapshot };
  } catch (error) {
    for (const database of databases) database.close();
    throw error;
  }
}

interface Opened { readonly database: Database; readonly connection: Connection }

function openWriter(file: string, limits: Limits): Opened {
  const database = new Database(file, { readwrite: true });
  // First of all: a second program that looks at the file would make the next one fail at once.
  database.run(`PRAGMA busy_timeout = ${OPEN_WAIT_MS}`);
  const settings = ["journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "recursive_triggers = ON", `cache_size = -${WRITE_CACHE_KIB}`];
  return { database: opened(database, settings), connection: connect(database, limits.planCacheEntries) };
}

function openReader(file: string): Database {
  const database = new Database(file, { readonly: true });
  return opened(database, [`busy_timeout = ${OPEN_WAIT_MS}`, `cache_size = -${READ_CACHE_KIB}`, `mmap_size = ${MAPPED_BYTES}`]);
}

function opened(database: Database, settings: readonly string[]): Database {
  try {
    for (const setting of [...settings, "trusted_schema = OFF", "temp_store = MEMORY"]) database.run(`PRAGMA ${setting}`);
    registerSqlFunctions(database);
    registerPlanFunctions(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function storageOf(options: StorageOptions, unlock: () => void, { databases, writer, reader, snapshot }: Connections, file: string): Storage {
  const { limits, clock } = options;
  const wal = checkpointer(writer, file, limits.walBytes);
  const committer = new Committer({
    connection: writer, limits, clock,
    schedule: options.schedule ?? setImmediate,
    refreshReads: () => snapshot.end(),
    afterBatch: () => wal.afterBatch(),
    onFatal: (error) => options.onFatal(error),
  });
  const shape = new DataShape({ databases, writer, reader, snapshot, committer, limits, clock });
  let closed = false;
  return {
    reader,
    prepareCatalog(catalog, book, approval) {
      committer.endLinger();
      return shape.prepare(catalog, book, approval);
    },
    planCatalog(catalog, book, approval) {
      committer.endLinger();
      return shape.plan(catalog, book, approval);
    },
    onlineTables: (catalog, book, approval) => shape.onlineTables(catalog, book, approval),
    fillShadows: (fill) => shape.fill(fill),
    pendingMigration: () => shape.pending(),
    migrationProgress: () => shape.progress(),
    abandonMigration: () => shape.abandon(),
    get catalogVersion() { return shape.version; },
    commit: (work, afterCommit, linger) => committer.commit(shape.followed(work), afterCommit, linger),
    rehearse: (work) => committer.rehearse(work),
    async hold() {
      const hold = await committer.hold();
      return { release: () => hold.release(), commit: (work, afterCommit, linger) => hold.commit(shape.followed(work), afterCommit, linger) };
    },
    async compact(catalog) {
      if (shape.pending() !== null) return false;
      const hold = await committer.hold();
      try {
        committer.endLinger();
        snapshot.end();
        return compactFile(writer, catalog);
      } finally {
        hold.release();
      }
    },
    get isCompactionDue() { return isCompactionDue(reader); },
    get generation() { return shape.looks + committer.generation; },
    async close() {
      if (closed) return;
      closed = true;
      await committer.close();
      snapshot.close();
      reader.close();
      // The last to close folds the write-ahead log into the file.
      writer.close();
      unlock();
    },
    stats: () => ({ ...committer.stats(), walBytes: wal.walBytes() }),
  };
}

function readable(error: unknown): unknown {
  const damaged = error instanceof SQLiteError && /^SQLITE_(CORRUPT|NOTADB)/.test(error.code ?? "");
  return damaged ? fault("DATA_DAMAGED", "The data file cannot be read.", { cause: error }) : error;
}
