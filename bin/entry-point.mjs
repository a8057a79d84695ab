// Which file Bun runs: the bundle that `npm ci` has prepared (bin/prepare.mjs), which starts in half the time, or the sources where they are newer.
import { readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

export const sourceEntry = join(root, "src", "cli", "main.ts");

/** As deep as the sources, so that `../..` is the package in both. */
export const bundleFolder = join(root, "dist", "bundle");

/** GraphiQL for browsers. */
export const editorEntry = join(root, "bin", "editor", "graphiql-page.mjs");
export const editorFolder = join(root, "dist", "graphiql");

/** `ambit/client` as one module, with its types. */
export const clientFolder = join(root, "dist", "client");

const bundleEntry = join(bundleFolder, "main.js");

/** Absolute path. A bundle never stands in for sources that changed after it was made. */
export function entryPoint() {
  try {
    return changedSince(statSync(bundleEntry).mtimeMs) ? sourceEntry : bundleEntry;
  } catch {
    return sourceEntry;
  }
}

/** Folders too: their time tells of files that are gone. What a package installed from the registry holds has one and the same time. */
function changedSince(timeMs) {
  if (statSync(join(root, "package.json")).mtimeMs > timeMs) return true;
  const folder = join(root, "src");
  if (statSync(folder).mtimeMs > timeMs) return true;
  return readdirSync(folder, { recursive: true }).some((name) => statSync(join(folder, name)).mtimeMs > timeMs);
}
