#!/usr/bin/env node
// The `ambit` command where only Node is installed: runs it on the pinned Bun and passes on signals and exit code.
import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { entryPoint } from "./entry-point.mjs";
import { findBun } from "./find-bun.mjs";

let bun;
try {
  bun = findBun();
} catch (error) {
  console.error(error.message);
  process.exit(1);
}

// --no-orphans: when the launcher is killed, so is the server, instead of living on with the port and the data directory.
const child = spawn(bun, ["--no-orphans", entryPoint(), ...process.argv.slice(2)], { stdio: "inherit" });
child.on("error", (error) => {
  console.error(`ambit: cannot start ${bun}: ${error.message}`);
  process.exit(1);
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
if (process.env.npm_command !== undefined) endWithNpm();
child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));

/** npm runs us through a shell and passes no signal on; when it is gone, whoever ended it meant the server. */
function endWithNpm() {
  const npm = parentOf(process.ppid);
  // 1: the shell itself was replaced by us, or npm is gone already; then our own parent is what to watch.
  const watched = npm !== null && npm > 1 ? npm : process.ppid;
  setInterval(() => {
    try {
      process.kill(watched, 0);
    } catch {
      child.kill("SIGTERM");
    }
  }, 100).unref();
}

/** Null where the system does not say. */
function parentOf(pid) {
  try {
    // The name, in parentheses, may itself hold spaces and parentheses.
    if (process.platform === "linux") return Number(readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ")[1]);
    return Number(execFileSync("ps", ["-o", "ppid=", "-p", String(pid)], { encoding: "utf8" }));
  } catch {
    return null;
  }
}
