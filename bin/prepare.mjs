// npm runs this after an install from the repository and before packing: makes the bundle, with its bytecode, that the command starts from.
// Without it everything works, only the start takes longer.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { bundleFolder, sourceEntry } from "./entry-point.mjs";
import { findBun } from "./find-bun.mjs";

let bun = null;
try {
  bun = findBun();
} catch {
  console.log("ambit: no bundle was prepared, because the bun package is not installed.");
}
if (bun !== null) {
  rmSync(bundleFolder, { recursive: true, force: true });
  const { status, stderr } = spawnSync(bun, ["build", sourceEntry, "--target=bun", "--bytecode", "--minify-syntax", "--minify-whitespace", "--outdir", bundleFolder], { encoding: "utf8" });
  if (status !== 0) {
    rmSync(bundleFolder, { recursive: true, force: true });
    console.log(`ambit: no bundle was prepared; the command starts from its sources.\n${stderr}`);
  }
}
