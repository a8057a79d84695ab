// The only source of time below `runtime/`. Tests hand in a fake one.

export interface Clock {
  /** Milliseconds since the Unix epoch, UTC. */
  now(): number;
  /** Calls back once after `delayMs`; the returned function cancels it. */
  schedule(delayMs: number, callback: () => void): () => void;
}

/** A timer of a runtime holds no longer time. */
const TIMER_MS_MAX = 2_000_000_000;

/** Calls back once `atMs` has come, however far away it is. At once where it is over. The returned function cancels it. */
export function scheduleAt(clock: Clock, atMs: number, callback: () => void): () => void {
  let cancel = (): void => {};
  const again = (): void => {
    const leftMs = atMs - clock.now();
    cancel = clock.schedule(Math.min(TIMER_MS_MAX, Math.max(0, leftMs)), leftMs > TIMER_MS_MAX ? again : callback);
  };
  again();
  return () => cancel();
}

/** The machine's clock. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    schedule(delayMs, callback) {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
  };
}

/** A clock that moves only when told to; due callbacks run in order of their time. */
export interface FakeClock extends Clock {
  /** Moves to `now + byMs`, running everything that falls due on the way. */
  advance(byMs: number): void;
}

export function fakeClock(startMs = Date.UTC(2026, 0, 1)): FakeClock {
  let current = startMs;
  let pending: { at: number; callback: () => void }[] = [];
  return {
    now: () => current,
    schedule(delayMs, callback) {
      const entry = { at: current + delayMs, callback };
      pending.push(entry);
      return () => { pending = pending.filter((other) => other !== entry); };
    },
    advance(byMs) {
      const end = current + byMs;
      for (;;) {
        const next = pending.filter((entry) => entry.at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        pending = pending.filter((entry) => entry !== next);
        current = Math.max(current, next.at);
        next.callback();
      }
      current = end;
    },
  };
}
