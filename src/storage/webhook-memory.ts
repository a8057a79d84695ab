// What has come from outside already: ids that had an effect, and the newest sequence of each thing. Every writing function runs inside
// the commit of that effect, so that of two at once the second is seen as one.
import type { Connection } from "./connection.ts";

export interface WebhookMark {
  readonly endpoint: string;
  readonly id: string;
  /** Null: its order does not matter. */
  readonly sequence: { readonly value: number | bigint; readonly per: string } | null;
}

export type WebhookVerdict = "first" | "duplicate" | "older";

export function judgeWebhook(connection: Connection, { endpoint, id, sequence }: WebhookMark): WebhookVerdict {
  if (connection.values(`SELECT 1 FROM "$webhook" WHERE "endpoint" = ?1 AND "id" = ?2`, endpoint, id).length > 0) return "duplicate";
  if (sequence === null) return "first";
  const newer = connection.values(`SELECT 1 FROM "$webhook$sequence" WHERE "endpoint" = ?1 AND "per" = ?2 AND "newest" > ?3`, endpoint, sequence.per, sequence.value);
  return newer.length > 0 ? "older" : "first";
}

/** Of one that is judged to be the first, in the same commit. */
export function rememberWebhook(connection: Connection, { endpoint, id, sequence }: WebhookMark, now: string): void {
  connection.run(`INSERT INTO "$webhook" ("endpoint", "id", "time") VALUES (?1, ?2, ?3)`, endpoint, id, now);
  if (sequence === null) return;
  connection.run(
    `INSERT INTO "$webhook$sequence" ("endpoint", "per", "newest") VALUES (?1, ?2, ?3) ON CONFLICT ("endpoint", "per") DO UPDATE SET "newest" = excluded."newest"`,
    endpoint, sequence.per, sequence.value);
}

/** Forgets at most `limit` ids that came before; returns how many. The newest sequences stay. */
export function trimWebhooks(connection: Connection, before: string, limit: number): number {
  return connection.run(
    `DELETE FROM "$webhook" WHERE ("endpoint", "id") IN (SELECT "endpoint", "id" FROM "$webhook" WHERE "time" < ?1 ORDER BY "time" LIMIT ?2)`, before, limit);
}
