// What decides on tokens of the app's own making: the key that signs them, and since when those of a subject count no more. Every function
// that writes runs inside a commit.
import { createHash } from "node:crypto";
import { foldCase } from "../base/text.ts";
import type { Table } from "../schema/catalog.ts";
import { foldColumn, quoted } from "./column.ts";
import type { Connection } from "./connection.ts";
import { readMeta, writeMeta } from "./system-tables.ts";

const KEY = "token key";
/** Of as many tenants. */
const KEYS_MAX = 100;

/** Null: none was made yet. Base64. */
export function readTokenKey(connection: Connection): string | null {
  return readMeta(connection, KEY);
}

export function writeTokenKey(connection: Connection, key: string): void {
  writeMeta(connection, KEY, key);
}

/** Milliseconds since the epoch: what was signed for the subject until then is refused. Null: nothing is. */
export function revokedAt(connection: Connection, subject: string): number | null {
  return connection.values(`SELECT max("time") FROM "$revoked" WHERE "subject" IN (?1, ?2)`, subject, hashed(subject))[0]![0] as number | null;
}

/** `expiredMs`: whatever was signed before has expired, so that nobody need remember. */
export function revokeTokens(connection: Connection, subject: string, { nowMs, expiredMs }: { readonly nowMs: number; readonly expiredMs: number }): void {
  connection.run(`DELETE FROM "$revoked" WHERE "time" < ?1`, expiredMs);
  connection.run(`INSERT INTO "$revoked" ("subject", "time") VALUES (?1, ?2) ON CONFLICT ("subject") DO UPDATE SET "time" = max("time", excluded."time")`, hashed(subject), nowMs);
}

/** Somebody who is forgotten is not named here; older rows have the name itself. */
function hashed(subject: string): string {
  return createHash("sha256").update(subject).digest("base64url");
}

/** Keys of the records whose case-folded text is this; empty where the field is not compared so. */
export function foldedKeys(connection: Connection, table: Table, { field, text }: { readonly field: string; readonly text: string }): readonly string[] {
  if (!table.indexes.some((index) => index.kind === "BTREE" && index.fold && index.fields.includes(field))) return [];
  return connection.values(`SELECT CAST(${quoted(table.primaryKey)} AS TEXT) FROM ${quoted(table.sqlName)} WHERE ${quoted(foldColumn(field))} = ?1 LIMIT ?2`, foldCase(text), KEYS_MAX).map(([key]) => key as string);
}

/** The record of the session whose token has this hash; null: there is none. Only where the app has accounts. */
export function sessionOf(connection: Connection, hash: string): string | null {
  return connection.values(`SELECT "id" FROM "_ambit_session" WHERE "token" = ?1`, hash)[0]?.[0] as string | undefined ?? null;
}
