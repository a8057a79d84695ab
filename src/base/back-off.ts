// How long to wait before something that failed is tried again. Pure: chance is handed in.
import type { Random } from "./random.ts";

export interface BackOff {
  readonly kind: "FIXED" | "EXPONENTIAL";
  /** Before the first repetition. */
  readonly delayMs: number;
  /** Never longer, whatever the doubling comes to. */
  readonly maxMs: number;
}

/** Of each wait at most this part is added or taken away by chance, so that what failed together does not come again together. */
const JITTER = 0.25;

/** Milliseconds after failure number `failures` (from 1). FIXED waits the same each time, EXPONENTIAL doubles, with jitter. */
export function backOffMs({ kind, delayMs, maxMs }: BackOff, failures: number, random: Random): number {
  if (kind === "FIXED") return Math.min(delayMs, maxMs);
  const doubled = delayMs * 2 ** Math.min(failures - 1, 52);
  return Math.round(Math.min(doubled * (1 - JITTER + 2 * JITTER * random.next()), maxMs));
}
