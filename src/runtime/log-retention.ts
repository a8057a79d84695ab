// Housekeeping that goes on while the app runs: entries of the change log, former versions and idempotency answers that are past their time.
import type { Clock } from "../base/clock.ts";
import { dateTimeOf } from "../base/date-time.ts";
import { describeError, type Log } from "../base/log.ts";
import { trimLog } from "../changes/log.ts";
import type { Limits } from "../base/limits.ts";
import type { Catalog } from "../schema/catalog.ts";
import { historyTrim } from "../storage/history-retention.ts";
import { expireIdempotency } from "../storage/idempotency.ts";
import type { Storage } from "../storage/open-storage.ts";
import { trimOutbox } from "../storage/outbox.ts";
import { trimWebhooks } from "../storage/webhook-memory.ts";

export interface LogRetentionOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly log: Log;
  readonly retentionMs: () => number;
  /** As they are now. */
  readonly limits: () => Limits;
  /** What is served now. */
  readonly catalog: () => Catalog;
}

const EVERY_MS = 600_000;
/** Rows of one commit, so that nobody waits long behind it. */
const BATCH_ROWS = 1_000;

/** Runs every ten minutes until stopped. */
export function createLogRetention(options: LogRetentionOptions): { stop(): void } {
  const { storage, clock, log } = options;
  const life = { stopped: false };
  const trim = async (): Promise<void> => {
    const now = clock.now();
    const [logBefore, keysBefore] = [dateTimeOf(now - options.retentionMs()), dateTimeOf(now)];
    while (!life.stopped) {
      const full = await storage.commit((connection) => {
        const entries = trimLog(connection, logBefore, BATCH_ROWS);
        const answers = expireIdempotency(connection, keysBefore, BATCH_ROWS);
        const { webhookMemoryMs, webhookToleranceMs, outboxKeptMs } = options.limits();
        // Not before its signature is too old: until then it could be sent again as if it were new.
        const webhooks = trimWebhooks(connection, dateTimeOf(now - Math.max(webhookMemoryMs, 2 * webhookToleranceMs)), BATCH_ROWS);
        const sent = trimOutbox(connection, dateTimeOf(now - outboxKeptMs), BATCH_ROWS);
        return [entries, answers, webhooks, sent].includes(BATCH_ROWS);
      });
      if (!full) break;
    }
    const versions = historyTrim(options.catalog(), now);
    while (!life.stopped && await storage.commit((connection) => versions.page(connection, BATCH_ROWS)));
  };
  let cancel = clock.schedule(EVERY_MS, run);
  function run(): void {
    if (life.stopped) return;
    trim().catch((error: unknown) => log.warn("retention-failed", { cause: describeError(error) }));
    cancel = clock.schedule(EVERY_MS, run);
  }
  return { stop() { life.stopped = true; cancel(); } };
}
