// Puts a backup in the place of a data directory's file. What was there is kept aside, and the data begin a new epoch whose positions lie
// above all that were ever given out, so that no version and no ETag comes a second time. Never in a directory that is in use.
import { Database } from "bun:sqlite";
import { existsSync, linkSync, readdirSync, realpathSync, renameSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { dateTimeOf, millisecondsOf } from "../base/date-time.ts";
import { fault } from "../base/error.ts";
import { copyDatabase, withDataFile } from "./backup.ts";
import { headOf } from "./check-data.ts";
import { filesBeside, takeFiles } from "./copy-files.ts";
import { connect, type Connection } from "./connection.ts";
import { prepareFormat } from "./data-format.ts";
import { FILES_FOLDER } from "./disk-files.ts";
import { forgetPending } from "./file-rows.ts";
import { lockDirectory } from "./data-lock.ts";
import { renewEpoch } from "./epoch.ts";
import { abandonMigration } from "./pending-migration.ts";
import { privateDirectory, syncDirectory } from "./private-file.ts";

export interface RestoreOptions {
  /** Any data file that nobody writes: of `ambit backup`, or a snapshot that the runtime kept. */
  readonly backup: string;
  /** Created if it is missing. */
  readonly directory: string;
  readonly nowMs: number;
}

export interface Restored {
  /** Of the newest entry of the backup. */
  readonly position: number;
  readonly epoch: string;
  /** Where the data are that were there before; null: there were none. */
  readonly kept: string | null;
}

const STATEMENTS_MAX = 10;
const RESTORING = "restoring.db";
/** Nobody commits more often than once in a microsecond; this many at least, should the clock have been set back. */
const LEAP_MIN = 1_000_000;

/** Throws DATA_IN_USE, USAGE, DATA_DAMAGED, DATA_NEWER or STORAGE_FULL; then everything is as before. */
export function restoreDatabase({ backup, directory, nowMs }: RestoreOptions): Restored {
  if (!existsSync(backup)) throw fault("USAGE", `There is no file ${backup}.`);
  privateDirectory(directory);
  const lock = lockDirectory(directory);
  try {
    clearRestore(directory);
    const file = join(directory, "data.db");
    if (existsSync(file) && realpathSync(file) === realpathSync(backup)) throw fault("USAGE", `${backup} is the data file of ${directory} itself.`);
    const fresh = join(directory, RESTORING);
    const { position } = copyDatabase(resolve(backup), fresh);
    const files = join(directory, FILES_FOLDER);
    withDataFile(fresh, (connection) => takeFiles(connection, files, [filesBeside(resolve(backup))]));
    const old = existsSync(file) ? foldedHead(file) : 0;
    const epoch = beginEpoch(fresh, old ?? 0, nowMs);
    const kept = existsSync(file) ? keepAside(directory, old) : null;
    // What only the old data refer to is swept away by whoever has the new ones.
    if (kept !== null && old !== null) takeKeptFiles(kept, files);
    renameSync(fresh, file);
    syncDirectory(directory);
    return { position, epoch, kept };
  } finally {
    if (existsSync(join(directory, "data.db"))) removeRestoring(directory);
    lock.release();
  }
}

/** While the directory is locked: a restore that was killed has either happened or left the data as they were. Throws DATA_DAMAGED where only another one brings data back. */
export function endInterruptedRestore(directory: string): void {
  const file = join(directory, "data.db");
  if (existsSync(join(directory, RESTORING)) && !existsSync(file)) throw fault("DATA_DAMAGED", `A restore of ${directory} was interrupted before there were data again.`, { fix: "Run ambit restore again." });
  clearRestore(directory);
}

/** What a restore that was killed has left, besides data and what was put aside. */
function clearRestore(directory: string): void {
  const file = join(directory, "data.db");
  // Whoever was making one of these had the lock.
  for (const name of readdirSync(directory)) if (/^(restoring|before-format-\d+)\.db(\.files)?\.partial-/.test(name)) rmSync(join(directory, name), { recursive: true });
  if (existsSync(join(directory, RESTORING)) && existsSync(file)) {
    const { ino } = statSync(file);
    for (const name of readdirSync(directory)) {
      // A second name of the data file itself, not a copy.
      if (/^before-restore-.*\.db$/.test(name) && statSync(join(directory, name)).ino === ino) rmSync(join(directory, name));
    }
  }
  removeRestoring(directory);
}

/** What SQLite keeps beside it goes first: a log must never meet another file of the name. */
function removeRestoring(directory: string): void {
  for (const suffix of ["-wal", "-shm", "-journal", ""]) rmSync(join(directory, `${RESTORING}${suffix}`), { force: true });
}

/** Folds the write-ahead log into the file, so that one file is all. Null: it cannot be read. */
function foldedHead(file: string): number | null {
  try {
    // Looked at first without writing: of what cannot be read nothing is to be changed.
    const head = withDataFile(file, headOf);
    const connection = connect(new Database(file, { readwrite: true }), STATEMENTS_MAX);
    try {
      connection.values("PRAGMA wal_checkpoint(TRUNCATE)");
    } finally {
      connection.close();
    }
    return head;
  } catch {
    return null;
  }
}

/** One empty entry in the copy, as far ahead as any server with this backup's past can have come, and past `oldHead`. */
function beginEpoch(file: string, oldHead: number, nowMs: number): string {
  const connection = connect(new Database(file, { readwrite: true }), STATEMENTS_MAX);
  try {
    connection.execute("PRAGMA synchronous = FULL");
    prepareFormat(connection, { keep() { /* It is a copy already. */ } });
    connection.execute("PRAGMA foreign_keys = OFF");
    connection.execute("BEGIN IMMEDIATE");
    // What was agreed to for the data that are put aside is not agreed to for these.
    abandonMigration(connection);
    forgetPending(connection);
    const epoch = renewEpoch(connection);
    const entry = JSON.stringify({ actor: null, requestId: "restore", changes: [] });
    const position = Math.max(oldHead + LEAP_MIN, headOf(connection) + leap(connection, nowMs));
    connection.run(`INSERT INTO "$log" ("position", "time", "entry") VALUES (?1, ?2, ?3)`, position, dateTimeOf(nowMs), entry);
    connection.execute("COMMIT");
    return epoch;
  } finally {
    connection.close();
  }
}

/** In microseconds, from the newest entry on. */
function leap(connection: Connection, nowMs: number): number {
  const time = connection.values(`SELECT "time" FROM "$log" ORDER BY "position" DESC LIMIT 1`)[0]?.[0] as string | undefined;
  return Math.max(LEAP_MIN, (nowMs - (time === undefined ? 0 : millisecondsOf(time))) * 1_000);
}

/** Only whoever may write leaves nothing beside the file. */
function takeKeptFiles(kept: string, files: string): void {
  const connection = connect(new Database(kept, { readwrite: true }), STATEMENTS_MAX);
  try {
    takeFiles(connection, filesBeside(kept), [files]);
  } finally {
    connection.close();
  }
}

/** Under a second name, so that at no moment there is no data file. Unreadable data take their write-ahead log along. */
function keepAside(directory: string, head: number | null): string {
  const file = join(directory, "data.db");
  const kept = freeName(directory, `before-restore-${head ?? "unreadable"}`);
  if (head !== null && existsSync(`${file}-wal`)) throw fault("DATA_IN_USE", `Another program reads ${file}.`, { fix: "End it, then restore again." });
  if (head === null) {
    if (existsSync(`${file}-wal`)) renameSync(`${file}-wal`, `${kept}-wal`);
    renameSync(file, kept);
  } else {
    try {
      linkSync(file, kept);
    } catch {
      renameSync(file, kept);
    }
  }
  rmSync(`${file}-shm`, { force: true });
  syncDirectory(directory);
  return kept;
}

function freeName(directory: string, name: string): string {
  for (let number = 1; ; number++) {
    const path = join(directory, `${name}${number === 1 ? "" : `-${number}`}.db`);
    if (!existsSync(path)) return path;
  }
}

