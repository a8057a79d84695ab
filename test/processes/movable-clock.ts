// The clock of `ambit` as a process, which a test moves forward: nobody waits for what falls due in an hour, and nothing falls due before the test says so.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AppProcess } from "./app-process.ts";
import type { ScratchFolder } from "./scratch-folder.ts";
import { until } from "./waits.ts";

export interface MovableClock {
  /** Of the process: it is started with them, and started again. */
  readonly environment: Readonly<Record<string, string>>;
  now(): number;
  /** What has fallen due by then is begun when this resolves. A process that is dead finds it so late when it is started again. */
  forward(byMs: number, app: AppProcess): Promise<void>;
}

export function movableClock(scratch: ScratchFolder): MovableClock {
  const file = scratch.free("clock");
  let laterMs = 0;
  const write = (): void => {
    writeFileSync(`${file}.next`, String(laterMs));
    renameSync(`${file}.next`, file);
  };
  const seen = (): string => (existsSync(`${file}.seen`) ? readFileSync(`${file}.seen`, "utf8") : "");
  write();
  return {
    environment: { AMBIT_CLOCK_FILE: file, BUN_OPTIONS: `--preload=${join(import.meta.dir, "clock-preload.ts")}` },
    now: () => Date.now() + laterMs,
    async forward(byMs, app) {
      laterMs += byMs;
      write();
      if (!app.isRunning) return;
      process.kill(app.pid, "SIGUSR2");
      await until(() => seen() === String(laterMs), "the process has the later time");
    },
  };
}
