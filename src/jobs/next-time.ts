// When a schedule comes next, in its own zone. Where the clocks go forward, a time that does not exist that day is the next one that
// does; where they go back, a time that exists twice comes once. Pure.
import { Cron } from "croner";
import type { Schedule } from "../schema/catalog.ts";

/** After `afterMs`; null: never again. */
export function nextTimeMs({ cron, zone }: Pick<Schedule, "cron" | "zone">, afterMs: number): number | null {
  return new Cron(cron, { timezone: zone, paused: true }).nextRun(new Date(afterMs))?.getTime() ?? null;
}
