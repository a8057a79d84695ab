// Takes up runs of decisions whose holders are gone: all that are open when the process starts, later those whose lease is over. When it stops it lets runs
// end, also those that nobody waits for. Knows only the port.
import type { Clock } from "../base/clock.ts";
import { describeError, type Log } from "../base/log.ts";
import type { DecisionPort } from "../resources/decision-port.ts";

export interface RunRecoveryOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** What serves now; null: there are no decisions. */
  readonly current: () => DecisionPort | null;
}

const EVERY_MS = 5_000;

/** Begins at once. `stop` waits a while for what is under way; the next start takes up the rest. */
export function startRunRecovery({ clock, log, current }: RunRecoveryOptions): { stop(drainMs: number): Promise<void> } {
  const life = { stopped: false };
  let cancel = (): void => {};
  const recover = async (which: "all" | "lapsed"): Promise<void> => {
    try {
      await current()?.recover(which);
    } catch (error) {
      log.error("decisions-not-recovered", describeError(error));
    }
    if (!life.stopped) cancel = clock.schedule(EVERY_MS, () => { running = recover("lapsed"); });
  };
  let running = recover("all");
  return {
    async stop(drainMs) {
      life.stopped = true;
      cancel();
      await Promise.race([Promise.all([running, current()?.settled("runs")]), new Promise<void>((resolve) => { cancel = clock.schedule(drainMs, resolve); })]);
      cancel();
    },
  };
}
