// npm runs this after an install from the repository and before packing: makes the bundle, with its bytecode, that the command starts from,
// the editor that `ambit dev` shows at /graphql, and `ambit/client` as one module with its types. Without them everything else works, only the start takes longer.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { bundleFolder, clientFolder, editorEntry, editorFolder, root, sourceEntry } from "./entry-point.mjs";
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
  const untyped = build(clientFolder, [join(root, "client", "index.ts"), "--target=browser"]) ?? declareClient();
  if (untyped !== null) console.log(`ambit: ambit/client was not prepared.\n${untyped}`);
}

/** Null, or what went wrong; then the folder is not there. */
function build(folder, words) {
  rmSync(folder, { recursive: true, force: true });
  const { status, stderr } = spawnSync(bun, ["build", ...words, "--outdir", folder], { encoding: "utf8" });
  if (status === 0) return null;
  rmSync(folder, { recursive: true, force: true });
  return stderr;
}

/** Null, or what went wrong. */
function declareClient() {
  const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
  const words = [compiler, "-p", join(root, "client"), "--noEmit", "false", "--declaration", "--emitDeclarationOnly", "--outDir", clientFolder];
  const { status, stdout } = spawnSync(process.execPath, words, { encoding: "utf8" });
  return status === 0 ? null : stdout;
}
