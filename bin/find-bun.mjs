// Finds the Bun binary that the lock file pins, wherever npm put it. Runs on Node; starts nothing.
import { existsSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);
/** npm may hold back Bun's install script; then `bun/bin` has a placeholder of a few hundred bytes. */
const SMALLEST_BINARY_BYTES = 1_000_000;

/** Absolute path of the pinned Bun binary; throws an Error that says what to do when there is none. */
export function findBun() {
  const suffix = process.platform === "win32" ? ".exe" : "";
  const candidates = [];
  const add = (packageName, ...files) => {
    let folder;
    try { folder = dirname(require.resolve(`${packageName}/package.json`)); } catch { return; }
    for (const file of files) candidates.push(join(folder, "bin", file));
  };
  add("bun", "bun.exe", "bun");
  for (const flavour of ["", "-musl"]) {
    const platform = process.platform === "win32" ? "windows" : process.platform;
    const architecture = process.arch === "arm64" ? "aarch64" : process.arch;
    add(`@oven/bun-${platform}-${architecture}${flavour}`, `bun${suffix}`);
  }
  const found = candidates.find((path) => existsSync(path) && statSync(path).size > SMALLEST_BINARY_BYTES);
  if (found === undefined) throw new Error("ambit: the bun package is not installed here. Run npm ci, then try again.");
  return found;
}
