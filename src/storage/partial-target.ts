// The place where a file or folder is made before it gets its name. What was killed meanwhile is cleared away by whoever makes it next.
import { readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { systemCode } from "./write-failure.ts";

/** Beside `path`, free, this process's own. */
export function partialTarget(path: string): string {
  const prefix = `${basename(path)}.partial-`;
  for (const name of readdirSync(dirname(path))) {
    if (!name.startsWith(prefix)) continue;
    const owner = Number.parseInt(name.slice(prefix.length), 10);
    if (owner === process.pid || !isAlive(owner)) rmSync(join(dirname(path), name), { recursive: true, force: true });
  }
  return `${path}.partial-${process.pid}`;
}

export function removePartial(partial: string): void {
  for (const end of ["", "-journal", "-wal", "-shm"]) rmSync(partial + end, { recursive: true, force: true });
}

/** One with the number of another that has ended in the meantime is taken for it. */
function isAlive(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}
