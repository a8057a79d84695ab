// Vectors of memories, beside their texts: to be made, made, and compared. They go with what they are of (memory-rows.ts). Every function that writes
// runs inside a commit. Knows nothing of models.
import type { Connection } from "./connection.ts";
import { tenantKey, type FactsAsked, type MemoryPlace } from "./memory-rows.ts";

export interface MemoryText { /** Of the memory: numbers come again once it is gone. */ readonly id: string; readonly text: string }

/** The oldest first. */
export function memoriesWithoutVector(connection: Connection, limit: number): MemoryText[] {
  return connection.values(`SELECT "id", "text" FROM "$memory_vector" JOIN "$memory" USING ("number") JOIN "$memory_text" ON "$memory_text"."rowid" = "number" WHERE "vector" IS NULL ORDER BY "number" LIMIT ?1`, limit)
    .map(([id, text]) => ({ id: id as string, text: text as string }));
}

/** `vector` empty: it has none, and none will be made by this model. Nothing where the memory is gone. */
export function keepMemoryVector(connection: Connection, id: string, { model, vector }: { readonly model: string; readonly vector: readonly number[] }): void {
  connection.run(`UPDATE "$memory_vector" SET "model" = ?2, "vector" = ?3 WHERE "number" = (SELECT "number" FROM "$memory" WHERE "id" = ?1)`, id, model, new Uint8Array(Float32Array.from(vector).buffer));
}

/** Those of other models are to be made anew. Answers how many. */
export function renewMemoryVectors(connection: Connection, model: string): number {
  return connection.run(`UPDATE "$memory_vector" SET "model" = NULL, "vector" = NULL WHERE "model" <> ?1`, model);
}

export function hasOtherVectors(connection: Connection, model: string): boolean {
  return connection.get(`SELECT 1 FROM "$memory_vector" WHERE "model" <> ?1 LIMIT 1`, model) !== null;
}

/** Those that got none are tried again. */
export function reviveMemoryVectors(connection: Connection): void {
  connection.run(`UPDATE "$memory_vector" SET "model" = NULL, "vector" = NULL WHERE "model" IS NOT NULL AND length("vector") = 0`);
}

export interface NearAsked extends Pick<FactsAsked, "knownMs" | "sinceMs"> {
  readonly model: string;
  readonly predicates: readonly string[];
}

/** Of one record, former facts of these predicates too, the newest first. */
export function memoryVectors(connection: Connection, { tenant, about }: MemoryPlace, { model, predicates, knownMs, sinceMs }: NearAsked): { readonly id: string; readonly vector: Float32Array }[] {
  return connection.values(
    `SELECT "id", "vector" FROM "$memory" JOIN "$memory_vector" USING ("number") WHERE "tenant" = ?1 AND "about" = ?2 AND "model" = ?3 AND length("vector") > 0
      AND "knownFrom" <= ?4 AND (?5 IS NULL OR "knownFrom" >= ?5) AND ("predicate" IS NULL OR "predicate" IN (SELECT "value" FROM json_each(?6))) ORDER BY "number" DESC`,
    tenantKey(tenant), about, model, knownMs, sinceMs, JSON.stringify(predicates)).map(([id, vector]) => ({ id: id as string, vector: floatsOf(vector as Uint8Array) }));
}

/** In memory of its own, since the bytes may begin anywhere. */
function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.slice().buffer);
}
