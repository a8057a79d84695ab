// How fast this machine is just now, beside the one for which the aims were set: by the constant answer of Bun.serve, on the same core, with wrk.
import { join } from "node:path";
import { findBun } from "../../bin/find-bun.mjs";
import { launch, type Place, type Running } from "../rest/sides.ts";

/** Of the design's figures: hello answered 142,000 to 158,000 times a second there, on one core. */
const HELLO_US_OF_AIMS = 1_000_000 / 150_000;
const PORT = 9133;
const SECONDS = 2;

export interface Pace {
  /** Takes part in a round. */
  measure(): void;
  /** Microseconds of processor time that an answer takes, in the median of the rounds, and how many times slower that is than there; null: there is no wrk. */
  slower(): { readonly helloUs: number; readonly times: number } | null;
  stop(): Promise<void>;
}

export async function startPace(place: Place, cpuMsOf: (pid: number) => number): Promise<Pace> {
  const found: number[] = [];
  const running: Running | null = Bun.which("wrk") !== null ? await launch(place, PORT, [findBun(), join(import.meta.dir, "..", "rest", "floor-hello.ts"), String(PORT)]) : null;
  return {
    measure() {
      if (running === null) return;
      const before = cpuMsOf(running.pid);
      const output = Bun.spawnSync(["taskset", "-c", "1", "wrk", "-t1", "-c64", `-d${SECONDS}s`, `http://127.0.0.1:${PORT}/`]).stdout.toString();
      found.push((cpuMsOf(running.pid) - before) * 1_000 / Number(/(\d+) requests in/.exec(output)?.[1] ?? Number.NaN));
    },
    slower() {
      const helloUs = found.toSorted((left, right) => left - right)[Math.floor(found.length / 2)];
      return helloUs === undefined ? null : { helloUs, times: helloUs / HELLO_US_OF_AIMS };
    },
    stop: async () => { await running?.stop(); },
  };
}
