// Preloaded by `ambit` as a process: its clock is the machine's and as much later as a file says (see movable-clock.ts). What falls due by a move is done at once.
import { readFileSync, renameSync, writeFileSync } from "node:fs";

const file = process.env["AMBIT_CLOCK_FILE"]!;
const machineDate = Date;
const machineTimeout = globalThis.setTimeout;
const clearMachineTimeout = globalThis.clearTimeout;

let laterMs = 0;

class LaterDate extends machineDate {
  constructor(...given: readonly unknown[]) {
    if (given.length === 0) super(LaterDate.now());
    else super(...given as [number]);
  }

  static override now(): number {
    return machineDate.now() + laterMs;
  }
}

interface Waiting { readonly dueMs: number; readonly work: () => void; timer: ReturnType<typeof setTimeout> }
/** By what `setTimeout` answered. */
const waiting = new Map<unknown, Waiting>();

function later(work: (...given: readonly unknown[]) => void, delayMs = 0, ...given: readonly unknown[]): ReturnType<typeof setTimeout> {
  const done = (): void => {
    waiting.delete(timer);
    work(...given);
  };
  const timer = machineTimeout(done, delayMs);
  waiting.set(timer, { dueMs: LaterDate.now() + delayMs, work: done, timer });
  return timer;
}

function clear(timer: unknown): void {
  clearMachineTimeout(waiting.get(timer)?.timer ?? timer as ReturnType<typeof setTimeout>);
  waiting.delete(timer);
}

/** Every timer waits for what is left of its time by the clock as it is now; then it is said that this is so. */
function move(): void {
  laterMs = Number(readFileSync(file, "utf8"));
  for (const one of waiting.values()) {
    clearMachineTimeout(one.timer);
    one.timer = machineTimeout(one.work, Math.max(0, one.dueMs - LaterDate.now()));
  }
  writeFileSync(`${file}.new`, String(laterMs));
  renameSync(`${file}.new`, `${file}.seen`);
}

globalThis.Date = LaterDate as DateConstructor;
globalThis.setTimeout = later as typeof setTimeout;
globalThis.clearTimeout = clear as typeof clearTimeout;
AbortSignal.timeout = (ms) => {
  const controller = new AbortController();
  later(() => controller.abort(new DOMException("The operation timed out.", "TimeoutError")), ms);
  return controller.signal;
};
process.on("SIGUSR2", move);
move();
