// Processor time of work in tests that show what it grows with: other processes of the machine, and its pauses, do not count.

/** Starts to count; whoever calls what it answers gets the milliseconds since. Held against a bound, leave orders of magnitude on both sides of it: machines differ. */
export function processorTimer(): () => number {
  const before = process.cpuUsage().user;
  return () => (process.cpuUsage().user - before) / 1_000;
}
