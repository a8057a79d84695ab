// Rows of API keys. Their tokens are not here, only hashes of them. Every function that writes runs inside a commit.
import type { SqlValue } from "../base/value.ts";
import type { Connection } from "./connection.ts";

export type KeyBond = "NONE" | "ACCOUNT" | "ROLES";

export interface KeyRow {
  readonly id: string;
  /** SHA-256 of the token, base64url. */
  readonly digest: string;
  readonly name: string | null;
  readonly subject: string;
  readonly roles: readonly string[];
  readonly tenant: string | null;
  /** Tables, channels and callables, as access/key-scope.ts reads them; null: all that its roles may. */
  readonly only: readonly string[] | null;
  /** As `@limit(rate)`; null: none. */
  readonly rate: string | null;
  /** To an account of the app: it ends with it; or its roles, too, are no more than the account has by then. */
  readonly bound: KeyBond;
  /** Milliseconds since the epoch, as all times here. */
  readonly createdMs: number;
  /** Null: never. */
  readonly expiresMs: number | null;
}

export const keyDdl: readonly string[] = [
  `CREATE TABLE "$key" ("id" TEXT PRIMARY KEY, "digest" TEXT NOT NULL, "name" TEXT, "subject" TEXT NOT NULL, "roles" TEXT NOT NULL, "tenant" TEXT, "only" TEXT, "rate" TEXT,
    "bound" TEXT NOT NULL, "created" INTEGER NOT NULL, "expires" INTEGER) STRICT, WITHOUT ROWID`,
  `CREATE UNIQUE INDEX "$key$index(digest)" ON "$key" ("digest")`,
  `CREATE INDEX "$key$index(subject)" ON "$key" ("subject", "id")`,
  `CREATE INDEX "$key$index(expires)" ON "$key" ("expires") WHERE "expires" IS NOT NULL`,
];

const COLUMNS = `"id", "digest", "name", "subject", "roles", "tenant", "only", "rate", "bound", "created", "expires"`;

type Columns = [id: string, digest: string, name: string | null, subject: string, roles: string, tenant: string | null, only: string | null, rate: string | null, bound: KeyBond, created: number, expires: number | null];

function decode(row: readonly SqlValue[]): KeyRow {
  const [id, digest, name, subject, roles, tenant, only, rate, bound, createdMs, expiresMs] = row as Columns;
  return { id, digest, name, subject, roles: JSON.parse(roles) as string[], tenant, only: only === null ? null : JSON.parse(only) as string[], rate, bound, createdMs, expiresMs };
}

export function insertKey(connection: Connection, { id, digest, name, subject, roles, tenant, only, rate, bound, createdMs, expiresMs }: KeyRow): void {
  connection.run(`INSERT INTO "$key" (${COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`,
    id, digest, name, subject, JSON.stringify(roles), tenant, only === null ? null : JSON.stringify(only), rate, bound, createdMs, expiresMs);
}

export function keyByDigest(connection: Connection, digest: string): KeyRow | null {
  const row = connection.values(`SELECT ${COLUMNS} FROM "$key" WHERE "digest" = ?1`, digest)[0];
  return row === undefined ? null : decode(row);
}

export function keyById(connection: Connection, id: string): KeyRow | null {
  const row = connection.values(`SELECT ${COLUMNS} FROM "$key" WHERE "id" = ?1`, id)[0];
  return row === undefined ? null : decode(row);
}

export interface KeyFilter { /** Null: of everybody. */ readonly subject: string | null; /** Undefined: of all; null: of none. */ readonly tenant?: string | null; readonly after: string | null; readonly limit: number }

/** In order of their ids, which is that of their making. */
export function listKeys(connection: Connection, { subject, tenant, after, limit }: KeyFilter): KeyRow[] {
  return connection.values(
    `SELECT ${COLUMNS} FROM "$key" WHERE (?1 IS NULL OR "subject" = ?1) AND (?2 = 0 OR "tenant" IS ?3) AND "id" > ?4 ORDER BY "id" LIMIT ?5`,
    subject, tenant === undefined ? 0 : 1, tenant ?? null, after ?? "", limit).map(decode);
}

export function countKeys(connection: Connection, subject: string): { readonly all: number; readonly own: number } {
  const count = (sql: string, ...values: SqlValue[]): number => connection.values(sql, ...values)[0]![0] as number;
  return { all: count(`SELECT count(*) FROM "$key"`), own: count(`SELECT count(*) FROM "$key" WHERE "subject" = ?1`, subject) };
}

/** False: there is none. */
export function removeKey(connection: Connection, id: string): boolean {
  return connection.run(`DELETE FROM "$key" WHERE "id" = ?1`, id) > 0;
}

/** Ids of those that went. */
export function removeKeysOf(connection: Connection, subject: string): string[] {
  return connection.values(`DELETE FROM "$key" WHERE "subject" = ?1 RETURNING "id"`, subject).map(([id]) => id as string);
}

/** Of a person of this tenant; undefined: of whichever. Answers how many. */
export function eraseKeys(connection: Connection, subject: string, tenant: string | null | undefined): number {
  return connection.run(`DELETE FROM "$key" WHERE "subject" = ?1 AND (?2 = 0 OR "tenant" IS ?3)`, subject, tenant === undefined ? 0 : 1, tenant ?? null);
}

/** Those that have ended; at most `limit`. */
export function removeEndedKeys(connection: Connection, nowMs: number, limit: number): number {
  return connection.run(`DELETE FROM "$key" WHERE "id" IN (SELECT "id" FROM "$key" WHERE "expires" <= ?1 LIMIT ?2)`, nowMs, limit);
}
