// A consistent, checked copy of a data file, also while others write to it: one read snapshot, so always a prefix of the log.
// The target appears whole or not at all.
import { Database, SQLiteError } from "bun:sqlite";
import { accessSync, chmodSync, closeSync, constants, existsSync, fsyncSync, linkSync, openSync, renameSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fault } from "../base/error.ts";
import { checkData, headOf } from "./check-data.ts";
import { filesAlong } from "./copy-files.ts";
import { connect, type Connection } from "./connection.ts";
import { FILES_FOLDER } from "./disk-files.ts";
import { privateFile, syncDirectory } from "./private-file.ts";
import { partialTarget, removePartial } from "./partial-target.ts";
import { systemCode, writeFailure } from "./write-failure.ts";

export interface Backup {
  /** Of the newest log entry in the copy; 0 when there is none. */
  readonly position: number;
  readonly bytes: number;
}

/** How long opening waits for a program that looks at the file just now. */
const OPEN_WAIT_MS = 5_000;
const STATEMENTS_MAX = 100;

/**
 * `source`: an open connection outside of transactions, or a data file, which may be in use by another process.
 * Throws USAGE (the target exists, or cannot be written), STORAGE_FULL, DATA_DAMAGED (the copy did not pass its check).
 */
export async function backupDatabase(source: Connection | string, target: string): Promise<Backup> {
  return copyDatabase(source, target, typeof source === "string" ? join(dirname(source), FILES_FOLDER) : null);
}

/** The same, while nothing else goes on. `files`: the folder with contents of files, which go along; null: they are seen to elsewhere. */
export function copyDatabase(source: Connection | string, target: string, files: string | null = null): Backup {
  const path = resolve(target);
  checkTarget(path);
  const partial = partialTarget(path);
  const along = files === null ? null : filesAlong(files, path);
  try {
    along?.gather();
    if (typeof source === "string") withDataFile(source, (connection) => copy(connection, partial));
    else copy(source, partial);
    // It checks what is on disk, as whoever restores it will read it.
    const { position } = withDataFile(partial, (connection) => {
      const checked = checkData(connection);
      along?.settle(connection);
      return checked;
    });
    syncFile(partial);
    publish(partial, path);
    return { position, bytes: statSync(path).size };
  } catch (error) {
    throw writeFailure(error, path);
  } finally {
    along?.clear();
    removePartial(partial);
  }
}

/**
 * A snapshot in the data directory before something that cannot be undone: `before-REASON-POSITION.db`. One that is there already is of
 * the same data: whatever was to follow did not come. Answers its path.
 */
export function keepBefore(connection: Connection, directory: string, reason: string): string {
  const path = join(directory, `before-${reason}-${headOf(connection)}.db`);
  if (!existsSync(path)) copyDatabase(connection, path, join(directory, FILES_FOLDER));
  return path;
}

/** Opens a data file for reading, whoever else has it open, and closes it again. Throws DATA_DAMAGED where it is none. */
export function withDataFile<Result>(file: string, use: (connection: Connection) => Result): Result {
  if (!existsSync(file)) throw fault("USAGE", `There is no file ${file}.`);
  const connection = openReadOnly(file);
  try {
    return use(connection);
  } catch (error) {
    throw readFailure(error, file);
  } finally {
    connection.close();
  }
}

/** The same for longer: other work goes on meanwhile. */
export async function readingDataFile<Result>(file: string, use: (connection: Connection) => Promise<Result>): Promise<Result> {
  const connection = openReadOnly(file);
  try {
    return await use(connection);
  } finally {
    connection.close();
  }
}

function openReadOnly(file: string): Connection {
  let connection: Connection | null = null;
  try {
    connection = connect(new Database(file, { readonly: true }), STATEMENTS_MAX);
    connection.execute(`PRAGMA busy_timeout = ${OPEN_WAIT_MS}; PRAGMA trusted_schema = OFF; SELECT count(*) FROM sqlite_schema`);
    return connection;
  } catch (error) {
    connection?.close();
    const code = systemCode(error);
    if (/^SQLITE_(CANTOPEN|PERM|READONLY|AUTH)/.test(code)) throw fault("USAGE", `${file} cannot be opened (${code}).`, { fix: "Run the command as the user whose data they are.", cause: error });
    throw readFailure(error, file);
  }
}

function readFailure(error: unknown, file: string): unknown {
  if (!(error instanceof SQLiteError)) return error;
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(error.code ?? "")) return fault("DATA_DAMAGED", `${file} cannot be read as a data file.`, { cause: error });
  if (/^SQLITE_(BUSY|LOCKED)/.test(error.code ?? "")) return fault("UNAVAILABLE", `Another program has ${file} locked.`, { cause: error, retryAfterS: 1 });
  return error;
}

/** Free pages do not come along, and row keys stay: every table has its own. */
function copy(source: Connection, partial: string): void {
  privateFile(partial);
  source.run("VACUUM INTO ?1", partial);
}

function checkTarget(path: string): void {
  if (existsSync(path)) throw fault("USAGE", `${path} exists already.`, { fix: "Name a file that does not exist; a backup replaces nothing." });
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
  } catch (error) {
    throw fault("USAGE", `Nothing can be written to ${dirname(path)} (${systemCode(error)}).`, { fix: "Name a file in a folder that exists and that this user may write.", cause: error });
  }
}

function syncFile(path: string): void {
  const descriptor = openSync(path, "r+");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** A link takes no name that somebody else has taken meanwhile; where there are none, a rename has to do. */
function publish(partial: string, path: string): void {
  chmodSync(partial, 0o600);
  try {
    linkSync(partial, path);
  } catch (error) {
    if (systemCode(error) === "EEXIST") throw fault("USAGE", `${path} exists already.`, { cause: error });
    renameSync(partial, path);
  }
  syncDirectory(dirname(path));
}
