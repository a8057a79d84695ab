// Rows of the security record: who was refused, signed in, got or lost rights, and what the administrator did. Never a secret. Bounded by
// number and age. Every function that writes runs inside a commit.
import type { Json, SqlValue } from "../base/value.ts";
import type { Connection } from "./connection.ts";

export interface SecurityEvent {
  /** Noun and action, `key-created`. */
  readonly event: string;
  readonly timeMs: number;
  /** Who did it; null: nobody who is signed in. */
  readonly subject: string | null;
  /** Whom it is about; null: nobody else. */
  readonly about: string | null;
  readonly tenant: string | null;
  /** Of the client; null: not known. */
  readonly address: string | null;
  readonly requestId: string | null;
  readonly details: { readonly [name: string]: Json };
  /** So many alike. */
  readonly count: number;
}

export interface SecurityRow extends SecurityEvent { readonly number: number }

export const securityDdl: readonly string[] = [
  `CREATE TABLE "$security" ("number" INTEGER PRIMARY KEY AUTOINCREMENT, "event" TEXT NOT NULL, "time" INTEGER NOT NULL, "subject" TEXT, "about" TEXT, "tenant" TEXT,
    "address" TEXT, "request" TEXT, "details" TEXT NOT NULL, "count" INTEGER NOT NULL) STRICT`,
  `CREATE INDEX "$security$index(time)" ON "$security" ("time")`,
  `CREATE INDEX "$security$index(subject)" ON "$security" ("subject", "number") WHERE "subject" IS NOT NULL`,
  `CREATE INDEX "$security$index(about)" ON "$security" ("about") WHERE "about" IS NOT NULL`,
];

export function insertSecurity(connection: Connection, { event, timeMs, subject, about, tenant, address, requestId, details, count }: SecurityEvent): void {
  connection.run(`INSERT INTO "$security" ("event", "time", "subject", "about", "tenant", "address", "request", "details", "count") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`,
    event, timeMs, subject, about, tenant, address, requestId, JSON.stringify(details), count);
}

export interface SecurityFilter {
  readonly event: string | null;
  /** Who did it, or whom it is about. */
  readonly subject: string | null;
  /** Null: of all. */
  readonly tenant: string | null;
  /** Number of the last one of the page before. */
  readonly before: number | null;
  readonly limit: number;
}

type Columns = [number: number, event: string, time: number, subject: string | null, about: string | null, tenant: string | null, address: string | null, request: string | null, details: string, count: number];

/** Newest first. */
export function listSecurity(connection: Connection, { event, subject, tenant, before, limit }: SecurityFilter): SecurityRow[] {
  return connection.values(
    `SELECT "number", "event", "time", "subject", "about", "tenant", "address", "request", "details", "count" FROM "$security"
      WHERE "number" < ?1 AND (?2 IS NULL OR "event" = ?2) AND (?3 IS NULL OR "subject" = ?3 OR "about" = ?3) AND (?4 IS NULL OR "tenant" = ?4) ORDER BY "number" DESC LIMIT ?5`,
    before ?? Number.MAX_SAFE_INTEGER, event, subject, tenant, limit).map(decode);
}

function decode(row: readonly SqlValue[]): SecurityRow {
  const [number, event, timeMs, subject, about, tenant, address, requestId, details, count] = row as Columns;
  return { number, event, timeMs, subject, about, tenant, address, requestId, details: JSON.parse(details) as SecurityRow["details"], count };
}

/** Older than `beforeMs`, or more than `keep` newer ones behind them; at most `limit`. How many went. */
export function trimSecurity(connection: Connection, { beforeMs, keep, limit }: { readonly beforeMs: number; readonly keep: number; readonly limit: number }): number {
  return connection.run(
    `DELETE FROM "$security" WHERE "number" IN (SELECT "number" FROM "$security" WHERE "time" < ?1 OR "number" <= (SELECT coalesce(max("number"), 0) FROM "$security") - ?2 ORDER BY "number" LIMIT ?3)`,
    beforeMs, keep, limit);
}

/** Somebody is forgotten: what happened stays, who it was goes. */
export function forgetInSecurity(connection: Connection, subject: string, tenant: string | null | undefined): number {
  return connection.run(
    `UPDATE "$security" SET "subject" = CASE "subject" WHEN ?1 THEN NULL ELSE "subject" END, "about" = CASE "about" WHEN ?1 THEN NULL ELSE "about" END, "address" = NULL, "details" = '{}'
      WHERE ("subject" = ?1 OR "about" = ?1) AND (?2 = 0 OR "tenant" IS ?3)`,
    subject, tenant === undefined ? 0 : 1, tenant ?? null);
}
