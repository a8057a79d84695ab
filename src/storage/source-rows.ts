// What is known of records that came from elsewhere: when each was fetched, and the tag that its source gave it. The records themselves
// stand in their tables. Every writing function runs inside a commit.
import type { SqlValue, Value } from "../base/value.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import { quoted } from "./column.ts";
import type { Connection } from "./connection.ts";

/** `fetched`: milliseconds; 0: it must be fetched before it is answered again. */
export const sourceDdl = [
  `CREATE TABLE "$source" ("table" TEXT NOT NULL, "key" TEXT NOT NULL, "fetched" INTEGER NOT NULL, "tag" TEXT, PRIMARY KEY ("table", "key")) STRICT, WITHOUT ROWID`,
  `CREATE INDEX "$source$index(table,fetched)" ON "$source" ("table", "fetched")`,
];

export interface Fetch {
  readonly fetchedMs: number;
  /** Null: its source gave none. */
  readonly tag: string | null;
}

/** Null: it was not fetched. */
export function findFetch(connection: Connection, table: string, key: string): Fetch | null {
  const row = connection.values(`SELECT "fetched", "tag" FROM "$source" WHERE "table" = ?1 AND "key" = ?2`, table, key)[0];
  return row === undefined ? null : { fetchedMs: Number(row[0]), tag: row[1] as string | null };
}

export function writeFetch(connection: Connection, table: string, key: string, { fetchedMs, tag }: Fetch): void {
  connection.run(
    `INSERT INTO "$source" ("table", "key", "fetched", "tag") VALUES (?1, ?2, ?3, ?4) ON CONFLICT ("table", "key") DO UPDATE SET "fetched" = excluded."fetched", "tag" = excluded."tag"`,
    table, key, fetchedMs, tag);
}

export function removeFetch(connection: Connection, table: string, key: string): void {
  connection.run(`DELETE FROM "$source" WHERE "table" = ?1 AND "key" = ?2`, table, key);
}

/** From now on it must be fetched again. `key` null: all of the table. */
export function outdateFetches(connection: Connection, table: string, key: string | null): void {
  if (key === null) connection.run(`UPDATE "$source" SET "fetched" = 0 WHERE "table" = ?1`, table);
  else connection.run(`UPDATE "$source" SET "fetched" = 0 WHERE "table" = ?1 AND "key" = ?2`, table, key);
}

export function countFetches(connection: Connection, table: string): number {
  return Number(connection.values(`SELECT count(*) FROM "$source" WHERE "table" = ?1`, table)[0]![0]);
}

/** Keys of those that were fetched first. */
export function oldestFetches(connection: Connection, table: string, limit: number): string[] {
  return connection.values(`SELECT "key" FROM "$source" WHERE "table" = ?1 ORDER BY "fetched" LIMIT ?2`, table, limit).map(([key]) => key as string);
}

/** Whether any record has its key in a foreign key. */
export function isReferredTo(connection: Connection, catalog: Catalog, table: Table, id: Value): boolean {
  return [...catalog.tables.values()].some((other) => [...other.fields.values()].some(({ relation }) => relation?.kind === "one" && relation.table === table.name
    && connection.values(`SELECT 1 FROM ${quoted(other.sqlName)} WHERE ${quoted(relation.from)} = ?1 LIMIT 1`, id as SqlValue).length > 0));
}
