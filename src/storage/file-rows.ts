// The table of files: of each its content's hash, what is known of it, who brought it and where it is referred to. Statements only; who
// may refer to what is decided in tables/. Contents are kept elsewhere (file-content.ts).
import type { SqlValue } from "../base/value.ts";
import type { Connection } from "./connection.ts";

/**
 * `record`: the key of the record that refers to it, as text; null: none yet. `check`: from when on it is looked whether anything still
 * does. `table` empty: its content is being removed, so that it is as good as gone.
 */
export const fileDdl = [
  `CREATE TABLE "$file" ("id" TEXT PRIMARY KEY, "hash" TEXT NOT NULL, "size" INTEGER NOT NULL, "type" TEXT NOT NULL, "name" TEXT,
    "owner" TEXT, "tenant" TEXT, "table" TEXT NOT NULL, "field" TEXT NOT NULL, "record" TEXT, "check" TEXT) STRICT, WITHOUT ROWID`,
  `CREATE INDEX "$file$index(hash)" ON "$file" ("hash")`,
  `CREATE INDEX "$file$index(check)" ON "$file" ("check") WHERE "check" IS NOT NULL`,
  `CREATE INDEX "$file$index(owner)" ON "$file" ("owner") WHERE "record" IS NULL`,
];

/** What does not change. */
export interface FileFacts {
  readonly id: string;
  /** SHA-256 of the content, hex. */
  readonly hash: string;
  /** In bytes. */
  readonly size: number;
  /** Media type, as the content tells. */
  readonly type: string;
  readonly name: string | null;
}

export interface FileRow extends FileFacts {
  /** Who brought it; null: nobody who had signed in. */
  readonly owner: string | null;
  readonly tenant: string | null;
  /** By its name in SQLite. */
  readonly table: string;
  readonly field: string;
  readonly record: string | null;
}

const COLUMNS = `"id", "hash", "size", "type", "name", "owner", "tenant", "table", "field", "record"`;

export function findFile(connection: Connection, id: string): FileRow | null {
  const row = connection.query(`SELECT ${COLUMNS} FROM "$file" WHERE "id" = ?1 AND "table" <> ''`).values(id)[0];
  return row === undefined ? null : rowOf(row);
}

/** `check`: canonical time. */
export function insertFile(connection: Connection, file: FileRow, check: string): void {
  connection.query(`INSERT INTO "$file" (${COLUMNS}, "check") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`)
    .run(file.id, file.hash, file.size, file.type, file.name, file.owner, file.tenant, file.table, file.field, file.record, check);
}

/** Files of one owner that nothing refers to yet. */
export function countPending(connection: Connection, owner: string | null): number {
  return connection.query(`SELECT count(*) FROM "$file" WHERE "record" IS NULL AND "owner" IS ?1 AND "table" <> ''`).values(owner)[0]![0] as number;
}

/** False: it is not there, or belongs to another record. */
export function attachFile(connection: Connection, id: string, place: { readonly table: string; readonly record: string }): boolean {
  return connection.query(`UPDATE "$file" SET "record" = ?3, "check" = NULL WHERE "id" = ?1 AND "table" = ?2 AND ("record" IS NULL OR "record" = ?3)`)
    .run(id, place.table, place.record) === 1;
}

/** To be looked at from `check` on. */
export function releaseFile(connection: Connection, id: string, check: string): void {
  connection.query(`UPDATE "$file" SET "check" = ?2 WHERE "id" = ?1`).run(id, check);
}

/** A change of the schema may have taken the fields that referred to any of them. */
export function releaseAllFiles(connection: Connection, check: string): void {
  connection.run(`UPDATE "$file" SET "check" = ?1 WHERE "check" IS NULL`, check);
}

export function filesDue(connection: Connection, now: string, limit: number): FileRow[] {
  return connection.query(`SELECT ${COLUMNS} FROM "$file" WHERE "check" <= ?1 ORDER BY "check" LIMIT ?2`).values(now, limit).map(rowOf);
}

/** The record refers to it: nothing is to be looked at until it lets go. */
export function keepFile(connection: Connection, id: string): void {
  connection.query(`UPDATE "$file" SET "check" = NULL WHERE "id" = ?1`).run(id);
}

/** Nothing refers to it, and nothing can any more; `deleteFile` follows once its content is gone. */
export function condemnFile(connection: Connection, id: string): void {
  connection.query(`UPDATE "$file" SET "table" = '' WHERE "id" = ?1`).run(id);
}

/** Of one that is condemned. */
export function deleteFile(connection: Connection, id: string): void {
  connection.query(`DELETE FROM "$file" WHERE "id" = ?1 AND "table" = ''`).run(id);
}

/** Whether any file has this content. */
export function isContentUsed(connection: Connection, hash: string): boolean {
  return connection.query(`SELECT 1 FROM "$file" WHERE "hash" = ?1 AND "table" <> '' LIMIT 1`).values(hash).length > 0;
}

/** Hash and size of every content that records refer to. */
export function* contentsOf(connection: Connection): Generator<{ readonly hash: string; readonly size: number }> {
  let after = "";
  for (;;) {
    const rows = connection.values(`SELECT "hash", max("size") FROM "$file" WHERE "hash" > ?1 AND "record" IS NOT NULL AND "table" <> '' GROUP BY "hash" ORDER BY "hash" LIMIT 1000`, after);
    for (const [hash, size] of rows) yield { hash: hash as string, size: size as number };
    if (rows.length < 1_000) return;
    after = rows.at(-1)![0] as string;
  }
}

/** In a copy: who was bringing a file brings it again. */
export function forgetPending(connection: Connection): void {
  connection.run(`DELETE FROM "$file" WHERE "record" IS NULL`);
}

/** Of all senders: as many as an index of just these has. */
export function countAllPending(connection: Connection): number {
  return connection.values(`SELECT count(*) FROM "$file" WHERE "record" IS NULL`)[0]![0] as number;
}

/** With the table and field that hold its references, where these get another name; in a transaction of the caller's. */
export function renameFilePlaces(connection: Connection, from: { readonly table: string; readonly field?: string }, to: { readonly table: string; readonly field?: string }): void {
  if (from.field !== undefined) connection.run(`UPDATE "$file" SET "field" = ?1 WHERE "table" = ?2 AND "field" = ?3`, to.field ?? from.field, from.table, from.field);
  if (from.table !== to.table) connection.run(`UPDATE "$file" SET "table" = ?1 WHERE "table" = ?2`, to.table, from.table);
}

function rowOf(row: readonly SqlValue[]): FileRow {
  const [id, hash, size, type, name, owner, tenant, table, field, record] = row as [string, string, number, string, string | null, string | null, string | null, string, string, string | null];
  return { id, hash, size, type, name, owner, tenant, table, field, record };
}
