// Data belongs to the user that runs the server: what is created is 0700 (directories) and 0600 (files).
import { chmodSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";

/** One that exists keeps its mode: it may be somebody's project. */
export function privateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

/**
 * Creates it empty if it is missing, so that what SQLite puts beside it gets the same mode; its name is on disk when this returns.
 * One that exists is not opened: closing it again would drop the locks that this process has on it.
 */
export function privateFile(path: string): void {
  if (existsSync(path)) return chmodSync(path, 0o600);
  closeSync(openSync(path, "a", 0o600));
  const directory = openSync(dirname(path), "r");
  fsyncSync(directory);
  closeSync(directory);
}
