// Where files of the package lie that are read while it runs: the same from the sources and from the bundle (bin/prepare.mjs), which is as deep.
import { join } from "node:path";

/** Absolute path of a file of the package, from its root. */
export function packageFile(...names: readonly string[]): string {
  return join(import.meta.dir, "..", "..", ...names);
}
