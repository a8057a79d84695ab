// The machine's clock for a server in this process, which a test moves on: what falls due in an hour is not waited for, and nothing falls due because the machine is slow.
import type { FakeClock } from "../../src/base/clock.ts";

interface Waiting { readonly dueMs: number; readonly work: () => void; timer: ReturnType<typeof setTimeout> }

/** Goes by itself, and further by `advance`: what is due by then is called soon. */
export function leapingClock(): FakeClock {
  const waiting = new Set<Waiting>();
  let laterMs = 0;
  const now = (): number => Date.now() + laterMs;
  return {
    now,
    schedule(delayMs, callback) {
      const work = (): void => {
        waiting.delete(one);
        callback();
      };
      const one: Waiting = { dueMs: now() + delayMs, work, timer: setTimeout(work, delayMs) };
      waiting.add(one);
      return () => {
        clearTimeout(one.timer);
        waiting.delete(one);
      };
    },
    advance(byMs) {
      laterMs += byMs;
      for (const one of waiting) {
        clearTimeout(one.timer);
        one.timer = setTimeout(one.work, Math.max(0, one.dueMs - now()));
      }
    },
  };
}
