// One process for each data directory: an exclusive SQLite lock on a file of its own, which the kernel drops when the process dies.
// Closing any handle of that file would drop it too (POSIX): nothing else in this process may open it.
import { Database, SQLiteError } from "bun:sqlite";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { type AmbitError, fault } from "../base/error.ts";
import { privateFile } from "./private-file.ts";

export interface DataLock { release(): void }

/** By path. A lock lasts until it is released, not until its owner is garbage. */
const held = new Map<string, Database>();

/** Throws DATA_IN_USE while another process, or another runtime in this one, has the directory. */
export function lockDirectory(directory: string): DataLock {
  const path = join(realpathSync(directory), "lock.db");
  if (held.has(path)) throw inUse(directory);
  privateFile(path);
  const database = new Database(path, { readwrite: true });
  try {
    // Nothing is ever written to it, so no journal can be left behind.
    database.run("PRAGMA busy_timeout = 0");
    database.run("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    const busy = error instanceof SQLiteError && /^SQLITE_(BUSY|LOCKED)/.test(error.code ?? "");
    throw busy ? inUse(directory) : error;
  }
  held.set(path, database);
  return {
    release() {
      if (held.get(path) !== database) return;
      held.delete(path);
      database.run("ROLLBACK");
      database.close();
    },
  };
}

function inUse(directory: string): AmbitError {
  return fault("DATA_IN_USE", `Another process uses the data in ${directory}.`);
}
