// What was answered to requests with an Idempotency-Key. Every function runs inside a commit, next to the writes of the request.
import type { SqlValue } from "../base/value.ts";
import type { Connection } from "./connection.ts";

/** `scope` is made of subject, method and path with query. */
export interface IdempotencyId { readonly scope: string; readonly key: string }

export interface IdempotencyMark {
  /** Of the request's body: another one under the same key is a mistake. */
  readonly fingerprint: string;
  /** Names this run of the process: one that started in another run may or may not have taken effect. */
  readonly run: string;
  /** Canonical DateTime. */
  readonly expires: string;
}

export interface StoredAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
}

/** `answer` is null while it is only started. */
export interface IdempotencyRecord extends IdempotencyMark { readonly answer: StoredAnswer | null }

/** Null when the key is unknown or has expired. */
export function findIdempotency(connection: Connection, { scope, key }: IdempotencyId, now: string): IdempotencyRecord | null {
  const row = connection.values(
    `SELECT "fingerprint", "run", "expires", "status", "headers", "body" FROM "$idempotency" WHERE "scope" = ?1 AND "key" = ?2 AND "expires" > ?3`, scope, key, now)[0];
  if (row === undefined) return null;
  const [fingerprint, run, expires, status, headers, body] = row as [string, string, string, number | null, string, SqlValue];
  const answer = status === null ? null : { status, headers: JSON.parse(headers) as Record<string, string>, body: body as StoredAnswer["body"] };
  return { fingerprint, run, expires, answer };
}

/** The body begins to run outside of a transaction. Replaces what the key held before. */
export function startIdempotency(connection: Connection, id: IdempotencyId, mark: IdempotencyMark): void {
  write(connection, id, mark, null);
}

/** In the commit that writes, or after the body of a started one. */
export function storeAnswer(connection: Connection, id: IdempotencyId, mark: IdempotencyMark, answer: StoredAnswer): void {
  write(connection, id, mark, answer);
}

/** The request may be sent again with the same key. */
export function forgetIdempotency(connection: Connection, { scope, key }: IdempotencyId): void {
  connection.run(`DELETE FROM "$idempotency" WHERE "scope" = ?1 AND "key" = ?2`, scope, key);
}

/** Removes at most `limit` expired keys; returns how many. */
export function expireIdempotency(connection: Connection, now: string, limit: number): number {
  return connection.run(
    `DELETE FROM "$idempotency" WHERE rowid IN (SELECT rowid FROM "$idempotency" WHERE "expires" <= ?1 ORDER BY "expires" LIMIT ?2)`, now, limit);
}

function write(connection: Connection, { scope, key }: IdempotencyId, { fingerprint, run, expires }: IdempotencyMark, answer: StoredAnswer | null): void {
  connection.run(
    `INSERT INTO "$idempotency" ("scope", "key", "fingerprint", "run", "expires", "status", "headers", "body") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
     ON CONFLICT ("scope", "key") DO UPDATE SET "fingerprint" = excluded."fingerprint", "run" = excluded."run", "expires" = excluded."expires",
     "status" = excluded."status", "headers" = excluded."headers", "body" = excluded."body"`,
    scope, key, fingerprint, run, expires, answer?.status ?? null, answer === null ? null : JSON.stringify(answer.headers), answer?.body ?? null);
}
