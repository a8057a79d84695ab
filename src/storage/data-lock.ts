// One process for each data directory: an exclusive SQLite lock on a file of its own, which the kernel drops when the process dies.
import { Database, SQLiteError } from "bun:sqlite";
import { join } from "node:path";
import { fault } from "../base/error.ts";
import { privateFile } from "./private-file.ts";

export interface DataLock { release(): void }

/** Throws DATA_IN_USE while another process, or another runtime in this one, has the directory. */
export function lockDirectory(directory: string): DataLock {
  const path = join(directory, "lock.db");
  privateFile(path);
  const database = new Database(path, { readwrite: true });
  try {
    // Nothing is ever written to it, so no journal can be left behind.
    database.run("PRAGMA busy_timeout = 0");
    database.run("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (error instanceof SQLiteError && /^SQLITE_(BUSY|LOCKED)/.test(error.code ?? "")) {
      throw fault("DATA_IN_USE", `Another process uses the data in ${directory}.`, { cause: error });
    }
    throw error;
  }
  return {
    release() {
      database.run("ROLLBACK");
      database.close();
    },
  };
}
