#!/usr/bin/env node
// The `ambit` command where only Node is installed: runs src/cli/main.ts on the pinned Bun and passes on signals and exit code.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findBun } from "./find-bun.mjs";

const main = join(dirname(dirname(fileURLToPath(import.meta.url))), "src", "cli", "main.ts");

let bun;
try {
  bun = findBun();
} catch (error) {
  console.error(error.message);
  process.exit(1);
}

// --no-orphans: when the launcher is killed, so is the server, instead of living on with the port and the data directory.
const child = spawn(bun, ["--no-orphans", main, ...process.argv.slice(2)], { stdio: "inherit" });
child.on("error", (error) => {
  console.error(`ambit: cannot start ${bun}: ${error.message}`);
  process.exit(1);
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
