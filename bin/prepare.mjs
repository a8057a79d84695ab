// npm runs this after an install from the repository and before packing: makes the bundle, with its bytecode, that the command starts from,
// and the editor that `ambit dev` shows at /graphql. Without them everything else works, only the start takes longer.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { bundleFolder, editorEntry, editorFolder, root, sourceEntry } from "./entry-point.mjs";
import { findBun } from "./find-bun.mjs";

let bun = null;
try {
  bun = findBun();
} catch {
  console.log("ambit: no bundle was prepared, because the bun package is not installed.");
}
if (bun !== null) {
  const problem = build(bundleFolder, [sourceEntry, "--target=bun", "--bytecode", "--minify-syntax", "--minify-whitespace"]);
  if (problem !== null) console.log(`ambit: no bundle was prepared; the command starts from its sources.\n${problem}`);
  // Only a checkout has what the editor is made of; a published package has the editor.
  if (existsSync(join(root, "node_modules", "graphiql"))) {
    const missing = build(editorFolder, [editorEntry, "--target=browser", "--minify", "--define", "process.env.NODE_ENV=\"production\""]);
    if (missing !== null) console.log(`ambit: the editor of /graphql was not prepared.\n${missing}`);
  }
}

/** Null, or what went wrong; then the folder is not there. */
function build(folder, words) {
  rmSync(folder, { recursive: true, force: true });
  const { status, stderr } = spawnSync(bun, ["build", ...words, "--outdir", folder], { encoding: "utf8" });
  if (status === 0) return null;
  rmSync(folder, { recursive: true, force: true });
  return stderr;
}
