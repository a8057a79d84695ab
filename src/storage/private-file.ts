// Data belongs to the user that runs the server: what is created is 0700 (directories) and 0600 (files).
import { accessSync, chmodSync, closeSync, constants, existsSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { fault } from "../base/error.ts";

/** One that exists keeps its mode: it may be somebody's project. */
export function privateDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw fault("USAGE", `No data can be kept in ${path} (${(error as NodeJS.ErrnoException).code}).`, { fix: "Name a folder that this user may write with --data.", cause: error });
  }
}

/**
 * Creates it empty if it is missing, so that what SQLite puts beside it gets the same mode; its name is on disk when this returns.
 * One that exists is not opened: closing it again would drop the locks that this process has on it.
 */
export function privateFile(path: string): void {
  if (existsSync(path)) return chmodSync(path, 0o600);
  closeSync(openSync(path, "a", 0o600));
  syncDirectory(dirname(path));
}

/** The names in it are on disk when this returns. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  fsyncSync(directory);
  closeSync(directory);
}
