// Takes up runs of decisions whose holders are gone: all that are open when the process starts, later those whose lease is over; and ends what has
// waited too long for people. When it stops it lets runs end, also those that nobody waits for. Knows only the port.
import type { Clock } from "../base/clock.ts";
import { describeError, type Log } from "../base/log.ts";
import type { DecisionPort } from "../resources/decision-port.ts";

export interface RunRecoveryOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** What serves now; null: there are no decisions. */
  readonly current: () => DecisionPort | null;
}

const RECOVER_EVERY_MS = 5_000;
const SETTLE_EVERY_MS = 1_000;

/** Begins at once. `stop` waits a while for what is under way; the next start takes up the rest. */
export function startRunRecovery({ clock, log, current }: RunRecoveryOptions): { stop(drainMs: number): Promise<void> } {
  let isRecovered = false;
  // Each by itself: a run that is taken up may go on for long.
  const recovery = repeating(clock, RECOVER_EVERY_MS, async () => {
    const which = isRecovered ? "lapsed" : "all";
    isRecovered = true;
    await current()?.recover(which);
    return false;
  }, (error) => log.error("decisions-not-recovered", describeError(error)));
  const settling = repeating(clock, SETTLE_EVERY_MS, async () => await current()?.endLate() ?? false, (error) => log.error("approvals-not-settled", describeError(error)));
  return {
    async stop(drainMs) {
      const done = Promise.all([recovery.stop(), settling.stop(), current()?.settled("runs")]);
      let cancel = (): void => {};
      await Promise.race([done, new Promise<void>((resolve) => { cancel = clock.schedule(drainMs, resolve); })]);
      cancel();
    },
  };
}

/** At once, and again this long after each end; where there is more, at once again. */
function repeating(clock: Clock, everyMs: number, work: () => Promise<boolean>, failed: (error: unknown) => void): { stop(): Promise<void> } {
  let isStopped = false;
  let cancel = (): void => {};
  const run = async (): Promise<void> => {
    const hasMore = await work().catch((error: unknown) => {
      failed(error);
      return false;
    });
    if (!isStopped) cancel = clock.schedule(hasMore ? 0 : everyMs, () => { running = run(); });
  };
  let running = run();
  return {
    stop() {
      isStopped = true;
      cancel();
      return running;
    },
  };
}
