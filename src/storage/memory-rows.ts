// Rows of memory: what is known of records, since when and until when, and what happened to them. Each function names the tenant, so that nothing of
// another one is ever read or closed. Every function that writes runs inside a commit. Knows nothing of decisions, nor of what a fact means.
import { createHash } from "node:crypto";
import type { SqlValue } from "../base/value.ts";
import type { Connection } from "./connection.ts";

/**
 * `kind`: fact or episode. Of a fact `validFrom` to `validTo` is when it holds, `knownFrom` to `knownTo` when it was believed, `episode` where it comes
 * from; an episode is known from its time on. Full text keeps words only with the record that they are about (`scope`).
 */
export const memoryDdl: readonly string[] = [
  `CREATE TABLE "$memory" ("number" INTEGER PRIMARY KEY, "id" TEXT NOT NULL UNIQUE, "tenant" TEXT NOT NULL, "about" TEXT NOT NULL, "kind" TEXT NOT NULL, "predicate" TEXT, "value" TEXT NOT NULL,
    "validFrom" INTEGER NOT NULL, "validTo" INTEGER, "knownFrom" INTEGER NOT NULL, "knownTo" INTEGER, "episode" TEXT, "untrusted" INTEGER NOT NULL, "run" TEXT, "actor" TEXT) STRICT`,
  `CREATE INDEX "$memory$index(about)" ON "$memory" ("tenant", "about", "kind", "predicate")`,
  `CREATE INDEX "$memory$index(run)" ON "$memory" ("run") WHERE "run" IS NOT NULL`,
  `CREATE VIRTUAL TABLE "$memory_text" USING fts5("scope", "text", tokenize = 'unicode61 remove_diacritics 2')`,
  // Null: to be made. "model": whose it is (memory-vectors.ts).
  `CREATE TABLE "$memory_vector" ("number" INTEGER PRIMARY KEY, "model" TEXT, "vector" BLOB) STRICT`,
  `CREATE INDEX "$memory_vector$index(due)" ON "$memory_vector" ("number") WHERE "vector" IS NULL`,
  `CREATE INDEX "$memory_vector$index(model)" ON "$memory_vector" ("model") WHERE "model" IS NOT NULL`,
  // What is deleted leaves no word in the index.
  `INSERT INTO "$memory_text" ("$memory_text", "rank") VALUES ('secure-delete', 1)`,
];

/** Whose memory. */
export interface MemoryPlace {
  readonly tenant: string | null;
  /** `TABLE:id`. */
  readonly about: string;
}

export interface MemoryRow {
  readonly id: string;
  readonly about: string;
  readonly kind: "fact" | "episode";
  readonly predicate: string | null;
  /** JSON. */
  readonly value: string;
  readonly validFromMs: number;
  readonly validToMs: number | null;
  readonly knownFromMs: number;
  readonly knownToMs: number | null;
  readonly episode: string | null;
  readonly isUntrusted: boolean;
  readonly run: string | null;
  readonly actor: string | null;
}

export interface NewMemory extends Omit<MemoryRow, "about" | "knownToMs"> {
  /** To be found by; null: it is not. */
  readonly text: string | null;
}

const COLUMNS = `"id", "about", "kind", "predicate", "value", "validFrom", "validTo", "knownFrom", "knownTo", "episode", "untrusted", "run", "actor"`;

type Columns = [
  id: string, about: string, kind: "fact" | "episode", predicate: string | null, value: string, validFrom: number, validTo: number | null, knownFrom: number, knownTo: number | null,
  episode: string | null, untrusted: number, run: string | null, actor: string | null,
];

function decode(row: readonly SqlValue[]): MemoryRow {
  const [id, about, kind, predicate, value, validFromMs, validToMs, knownFromMs, knownToMs, episode, untrusted, run, actor] = row as Columns;
  return { id, about, kind, predicate, value, validFromMs, validToMs, knownFromMs, knownToMs, episode, isUntrusted: untrusted === 1, run, actor };
}

/** Nobody's tenant has a name of its own. */
export function tenantKey(tenant: string | null): string {
  return tenant === null ? "" : `t${tenant}`;
}

/** One word, which no text holds by chance. */
function scopeOf({ tenant, about }: MemoryPlace): string {
  return `s${createHash("sha256").update(JSON.stringify([tenant, about])).digest("hex").slice(0, 32)}`;
}

export function addMemory(connection: Connection, place: MemoryPlace, memory: NewMemory): void {
  connection.run(
    `INSERT INTO "$memory" ("id", "about", "kind", "predicate", "value", "validFrom", "validTo", "knownFrom", "episode", "untrusted", "run", "actor", "tenant")
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)`,
    memory.id, place.about, memory.kind, memory.predicate, memory.value, memory.validFromMs, memory.validToMs, memory.knownFromMs, memory.episode, memory.isUntrusted ? 1 : 0,
    memory.run, memory.actor, tenantKey(place.tenant));
  if (memory.text === null || memory.text === "") return;
  connection.run(`INSERT INTO "$memory_text" ("rowid", "scope", "text") SELECT "number", ?2, ?3 FROM "$memory" WHERE "id" = ?1`, memory.id, scopeOf(place), memory.text);
  connection.run(`INSERT INTO "$memory_vector" ("number") SELECT "number" FROM "$memory" WHERE "id" = ?1`, memory.id);
}

export function closeMemory(connection: Connection, id: string, knownToMs: number): void {
  connection.run(`UPDATE "$memory" SET "knownTo" = ?2 WHERE "id" = ?1 AND "knownTo" IS NULL`, id, knownToMs);
}

export interface FactsAsked {
  /** Null: all. */
  readonly predicates: readonly string[] | null;
  /** What was believed then. */
  readonly knownMs: number;
  /** What holds then; null: whenever. */
  readonly validMs: number | null;
  /** Not believed since before then; null: however long. */
  readonly sinceMs: number | null;
}

/** Of one record, in the order in which they became known. */
export function readFacts(connection: Connection, { tenant, about }: MemoryPlace, { predicates, knownMs, validMs, sinceMs }: FactsAsked): MemoryRow[] {
  return connection.values(
    `SELECT ${COLUMNS} FROM "$memory" WHERE "tenant" = ?1 AND "about" = ?2 AND "kind" = 'fact' AND (?3 IS NULL OR "predicate" IN (SELECT "value" FROM json_each(?3)))
      AND "knownFrom" <= ?4 AND ("knownTo" IS NULL OR "knownTo" > ?4) AND (?5 IS NULL OR ("validFrom" <= ?5 AND ("validTo" IS NULL OR "validTo" > ?5))) AND (?6 IS NULL OR "knownFrom" >= ?6)
      ORDER BY "number"`,
    tenantKey(tenant), about, predicates === null ? null : JSON.stringify(predicates), knownMs, validMs, sinceMs).map(decode);
}

/** Newest first. */
export function readEpisodes(connection: Connection, { tenant, about }: MemoryPlace, { knownMs, sinceMs, limit }: Pick<FactsAsked, "knownMs" | "sinceMs"> & { readonly limit: number }): MemoryRow[] {
  return connection.values(
    `SELECT ${COLUMNS} FROM "$memory" WHERE "tenant" = ?1 AND "about" = ?2 AND "kind" = 'episode' AND "knownFrom" <= ?3 AND (?4 IS NULL OR "knownFrom" >= ?4) ORDER BY "number" DESC LIMIT ?5`,
    tenantKey(tenant), about, knownMs, sinceMs, limit).map(decode);
}

/** What has one of these words, best first: former facts of these predicates too. */
export function findMemories(connection: Connection, place: MemoryPlace, { words, predicates, knownMs, sinceMs, limit }: Pick<FactsAsked, "knownMs" | "sinceMs"> & { readonly words: readonly string[]; readonly predicates: readonly string[]; readonly limit: number }): MemoryRow[] {
  if (words.length === 0) return [];
  // Words go in quotes, in which nothing is an operator.
  const match = `scope : ${scopeOf(place)} AND text : (${words.map((word) => `"${word.replaceAll('"', '""')}"`).join(" OR ")})`;
  return connection.values(
    `SELECT ${COLUMNS} FROM "$memory" JOIN (SELECT "rowid" AS "row", "rank" AS "order" FROM "$memory_text" WHERE "$memory_text" MATCH ?1) ON "number" = "row"
      WHERE "tenant" = ?2 AND "about" = ?3 AND "knownFrom" <= ?4 AND (?5 IS NULL OR "knownFrom" >= ?5) AND ("predicate" IS NULL OR "predicate" IN (SELECT "value" FROM json_each(?6)))
      ORDER BY "order", "number" DESC LIMIT ?7`,
    match, tenantKey(place.tenant), place.about, knownMs, sinceMs, JSON.stringify(predicates), limit).map(decode);
}

/** Those of these that are this record's, under the same conditions, in the order of `ids`. */
export function readMemories(connection: Connection, { tenant, about }: MemoryPlace, { ids, predicates, knownMs, sinceMs }: Pick<FactsAsked, "knownMs" | "sinceMs"> & { readonly ids: readonly string[]; readonly predicates: readonly string[] }): MemoryRow[] {
  if (ids.length === 0) return [];
  const found = new Map(connection.values(
    `SELECT ${COLUMNS} FROM "$memory" WHERE "id" IN (SELECT "value" FROM json_each(?1)) AND "tenant" = ?2 AND "about" = ?3 AND "knownFrom" <= ?4 AND (?5 IS NULL OR "knownFrom" >= ?5)
      AND ("predicate" IS NULL OR "predicate" IN (SELECT "value" FROM json_each(?6)))`,
    JSON.stringify(ids), tenantKey(tenant), about, knownMs, sinceMs, JSON.stringify(predicates)).map(decode).map((row) => [row.id, row]));
  return ids.flatMap((id) => found.get(id) ?? []);
}

/** Who posted these, and which runs have left them. */
export function memoryOrigins(connection: Connection, ids: readonly string[]): Pick<MemoryRow, "actor" | "run">[] {
  if (ids.length === 0) return [];
  return connection.values(`SELECT DISTINCT "actor", "run" FROM "$memory" WHERE "id" IN (SELECT "value" FROM json_each(?1))`, JSON.stringify(ids)).map(([actor, run]) => ({ actor: actor as string | null, run: run as string | null }));
}

/**
 * Where there are more than `max`, the oldest go: first what is not believed any more, then what nobody answers for, so that no stranger pushes out what
 * is known, then what is over, and episodes. Answers how many.
 */
export function trimMemory(connection: Connection, { tenant, about }: MemoryPlace, { max, nowMs }: { readonly max: number; readonly nowMs: number }): number {
  const count = connection.values(`SELECT count(*) FROM "$memory" WHERE "tenant" = ?1 AND "about" = ?2`, tenantKey(tenant), about)[0]![0] as number;
  if (count <= max) return 0;
  const ids = connection.values(
    `SELECT "number" FROM "$memory" WHERE "tenant" = ?1 AND "about" = ?2 ORDER BY CASE WHEN "knownTo" IS NOT NULL THEN 0 WHEN "untrusted" = 1 THEN 1 WHEN "kind" = 'episode' OR "validTo" <= ?4 THEN 2 ELSE 3 END, "number" LIMIT ?3`,
    tenantKey(tenant), about, count - max, nowMs);
  for (const [number] of ids) removeMemory(connection, number as number);
  return ids.length;
}

function removeMemory(connection: Connection, number: number): void {
  connection.run(`DELETE FROM "$memory_text" WHERE "rowid" = ?1`, number);
  connection.run(`DELETE FROM "$memory_vector" WHERE "number" = ?1`, number);
  connection.run(`DELETE FROM "$memory" WHERE "number" = ?1`, number);
}

/** Records are called otherwise from now on: by the names of their tables before and after. In a transaction of the caller's. */
export function renameMemories(connection: Connection, names: ReadonlyMap<string, string>): void {
  for (const [number, tenant, about] of connection.values(`SELECT "number", "tenant", "about" FROM "$memory" WHERE ${tableIn("about")} IN (SELECT "value" FROM json_each(?1))`, JSON.stringify([...names.keys()]))) {
    const renamed = renamedRecord(about as string, names);
    connection.run(`UPDATE "$memory" SET "about" = ?2 WHERE "number" = ?1`, number!, renamed);
    connection.run(`UPDATE "$memory_text" SET "scope" = ?2 WHERE rowid = ?1`, number!, scopeOf({ tenant: tenant === "" ? null : (tenant as string).slice(1), about: renamed }));
  }
}

/** The table in `TABLE:id`, in SQL. */
export function tableIn(column: string): string {
  return `substr("${column}", 1, instr("${column}", ':') - 1)`;
}

export function renamedRecord(name: string, names: ReadonlyMap<string, string>): string {
  const end = name.indexOf(":");
  return `${names.get(name.slice(0, end)) ?? name.slice(0, end)}${name.slice(end)}`;
}

/** Who posted it is not named any more. */
export function forgetActor(connection: Connection, { tenant, actor }: { readonly tenant: string | null | undefined; readonly actor: string }): void {
  connection.run(`UPDATE "$memory" SET "actor" = NULL WHERE "actor" = ?1 AND (?2 IS NULL OR "tenant" = ?2)`, actor, tenant === undefined ? null : tenantKey(tenant));
}

/** All that is known of these records, and what these runs have left anywhere. `tenant` undefined: of all tenants. Answers how many. */
export function forgetMemories(connection: Connection, { tenant, abouts, runs }: { readonly tenant: string | null | undefined; readonly abouts: readonly string[]; readonly runs: readonly string[] }): number {
  const numbers = connection.values(
    `SELECT "number" FROM "$memory" WHERE (?1 IS NULL OR "tenant" = ?1) AND ("about" IN (SELECT "value" FROM json_each(?2)) OR "run" IN (SELECT "value" FROM json_each(?3)))`,
    tenant === undefined ? null : tenantKey(tenant), JSON.stringify(abouts), JSON.stringify(runs));
  for (const [number] of numbers) removeMemory(connection, number as number);
  return numbers.length;
}
