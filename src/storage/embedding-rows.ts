// Rows that say which vectors of records are still to be made: one for each record with text, of each field with @embed. Every function that writes
// runs inside a commit. Knows neither texts nor models.
import type { Connection } from "./connection.ts";

/**
 * `due`: its vector is to be made then; null: it is there, or given up with `problem`. `model` and `source`: of the vector that was made last.
 * `$embedded` says up to which model and schema all records of a field were looked at.
 */
export const embeddingDdl: readonly string[] = [
  `CREATE TABLE "$embedding" ("table" TEXT NOT NULL, "field" TEXT NOT NULL, "key" TEXT NOT NULL, "model" TEXT, "source" TEXT, "due" INTEGER, "attempts" INTEGER NOT NULL DEFAULT 0, "problem" TEXT,
    PRIMARY KEY ("table", "field", "key")) STRICT, WITHOUT ROWID`,
  `CREATE INDEX "$embedding$index(due)" ON "$embedding" ("table", "field", "due") WHERE "due" IS NOT NULL`,
  `CREATE INDEX "$embedding$index(problem)" ON "$embedding" ("table") WHERE "problem" IS NOT NULL`,
  `CREATE TABLE "$embedded" ("table" TEXT NOT NULL, "field" TEXT NOT NULL, "mark" TEXT NOT NULL, PRIMARY KEY ("table", "field")) STRICT, WITHOUT ROWID`,
];

/** Names of the Catalog. */
export interface EmbeddingPlace { readonly table: string; readonly field: string }

/** Of the vector that is there. */
export interface EmbeddingSource { readonly model: string; readonly source: string }

/** The text is another one than before. */
export function queueEmbedding(connection: Connection, { table, field }: EmbeddingPlace, key: string, dueMs: number): void {
  connection.run(
    `INSERT INTO "$embedding" ("table", "field", "key", "due") VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET "due" = excluded."due", "attempts" = 0, "problem" = NULL`,
    table, field, key, dueMs);
}

/** There is no text any more. */
export function dropEmbedding(connection: Connection, { table, field }: EmbeddingPlace, key: string): void {
  connection.run(`DELETE FROM "$embedding" WHERE "table" = ?1 AND "field" = ?2 AND "key" = ?3`, table, field, key);
}

export function noteEmbedded(connection: Connection, { table, field }: EmbeddingPlace, key: string, { model, source }: EmbeddingSource): void {
  connection.run(`UPDATE "$embedding" SET "model" = ?4, "source" = ?5, "due" = NULL, "attempts" = 0, "problem" = NULL WHERE "table" = ?1 AND "field" = ?2 AND "key" = ?3`, table, field, key, model, source);
}

/** `dueMs` null: it is given up. */
export function noteEmbeddingFailed(connection: Connection, { table, field }: EmbeddingPlace, key: string, { dueMs, problem }: { readonly dueMs: number | null; readonly problem: string }): void {
  connection.run(`UPDATE "$embedding" SET "due" = ?4, "attempts" = "attempts" + 1, "problem" = ?5 WHERE "table" = ?1 AND "field" = ?2 AND "key" = ?3 AND "due" IS NOT NULL`, table, field, key, dueMs, problem);
}

export interface DueEmbedding { readonly key: string; readonly attempts: number; readonly made: EmbeddingSource | null }

/** Longest due first. */
export function dueEmbeddings(connection: Connection, { table, field }: EmbeddingPlace, nowMs: number, limit: number): DueEmbedding[] {
  return connection.values(`SELECT "key", "attempts", "model", "source" FROM "$embedding" WHERE "table" = ?1 AND "field" = ?2 AND "due" <= ?3 ORDER BY "due" LIMIT ?4`, table, field, nowMs, limit)
    .map(([key, attempts, model, source]) => ({ key: key as string, attempts: attempts as number, made: model === null ? null : { model: model as string, source: source as string } }));
}

/** Null: nothing waits. */
export function nextEmbedding(connection: Connection, { table, field }: EmbeddingPlace): number | null {
  return connection.values(`SELECT min("due") FROM "$embedding" WHERE "table" = ?1 AND "field" = ?2 AND "due" IS NOT NULL`, table, field)[0]![0] as number | null;
}

/** Null: none was ever made of this record's text, or it has none. */
export function findEmbedding(connection: Connection, { table, field }: EmbeddingPlace, key: string): EmbeddingSource | null {
  const row = connection.values(`SELECT "model", "source" FROM "$embedding" WHERE "table" = ?1 AND "field" = ?2 AND "key" = ?3 AND "model" IS NOT NULL`, table, field, key)[0];
  return row === undefined ? null : { model: row[0] as string, source: row[1] as string };
}

export function countEmbeddings(connection: Connection): { readonly waiting: number; readonly givenUp: number } {
  const [waiting] = connection.values(`SELECT count(*) FROM "$embedding" WHERE "due" IS NOT NULL`)[0]!;
  const [givenUp] = connection.values(`SELECT count(*) FROM "$embedding" WHERE "problem" IS NOT NULL AND "due" IS NULL`)[0]!;
  return { waiting: waiting as number, givenUp: givenUp as number };
}

/** What was given up is tried again. */
export function reviveEmbeddings(connection: Connection, nowMs: number): void {
  connection.run(`UPDATE "$embedding" SET "due" = ?1, "attempts" = 0 WHERE "problem" IS NOT NULL AND "due" IS NULL`, nowMs);
}

/** Fields that are no more are forgotten. */
export function keepEmbeddings(connection: Connection, places: readonly EmbeddingPlace[]): void {
  const kept = JSON.stringify(places.map(({ table, field }) => JSON.stringify([table, field])));
  for (const name of [`"$embedding"`, `"$embedded"`]) connection.run(`DELETE FROM ${name} WHERE json_array("table", "field") NOT IN (SELECT "value" FROM json_each(?1))`, kept);
}

/** Null: its records were never looked at. */
export function embeddingMark(connection: Connection, { table, field }: EmbeddingPlace): string | null {
  return connection.values(`SELECT "mark" FROM "$embedded" WHERE "table" = ?1 AND "field" = ?2`, table, field)[0]?.[0] as string | undefined ?? null;
}

export function markEmbedded(connection: Connection, { table, field }: EmbeddingPlace, mark: string): void {
  connection.run(`INSERT INTO "$embedded" ("table", "field", "mark") VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET "mark" = excluded."mark"`, table, field, mark);
}

/** In a transaction of the caller's. */
export function renameEmbeddings(connection: Connection, from: EmbeddingPlace, to: EmbeddingPlace): void {
  for (const name of [`"$embedding"`, `"$embedded"`]) connection.run(`UPDATE OR REPLACE ${name} SET "table" = ?3, "field" = ?4 WHERE "table" = ?1 AND "field" = ?2`, from.table, from.field, to.table, to.field);
}

/** The same for all fields of a table. */
export function renameEmbeddingTable(connection: Connection, from: string, to: string): void {
  for (const name of [`"$embedding"`, `"$embedded"`]) connection.run(`UPDATE OR REPLACE ${name} SET "table" = ?2 WHERE "table" = ?1`, from, to);
}
