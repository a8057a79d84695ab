// How long to wait before the next try: longer each time, never all clients at once.

const FIRST_MS = 250;
const MOST_MS = 20_000;

/** `tries`: those that failed in a row, from 1. Between half and the whole of what doubles each time. */
export function backOffMs(tries: number, random: () => number, atLeastMs = 0): number {
  const whole = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(tries - 1, 20));
  return Math.max(atLeastMs, whole / 2 + random() * (whole / 2));
}
