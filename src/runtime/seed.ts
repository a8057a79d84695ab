// First records of an empty database: a module whose default export is, or makes, plain records by table. All of them or none.
import { resolve } from "node:path";
import { AmbitError, fault } from "../base/error.ts";
import { appTable } from "../schema/account-tables.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { Connection } from "../storage/connection.ts";
import type { Tables } from "../tables/engine.ts";
import type { RawInput } from "../tables/write.ts";

/**
 * Writes the seed in one commit if nothing was ever written here; answers how many records it wrote.
 * Records are validated as those of app code are; rules do not hold. Throws SEED.
 */
export async function seedDatabase(file: string, parts: { catalog: Catalog; tables: Tables; reader: Connection }): Promise<number> {
  if (parts.reader.get(`SELECT 1 AS present FROM "$log" LIMIT 1`) !== null) return 0;
  const records = await loadSeed(file);
  const inputs = Object.entries(records).flatMap(([table, rows]) => {
    if (appTable(parts.catalog, table) === undefined) throw fault("SEED", `The seed has records of ${table}, which is not a table.`);
    if (!Array.isArray(rows)) throw fault("SEED", `The seed of ${table} is not an array of records.`);
    return rows.map((row, index) => ({ table, row: row as RawInput, index }));
  });
  await parts.tables.commit((session) => {
    for (const { table, row, index } of inputs) {
      try {
        session.write({ kind: "create", table, input: row, onConflict: null }, { dialect: "code", authority: null, sent: null });
      } catch (error) {
        if (!(error instanceof AmbitError)) throw error;
        throw fault("SEED", `${table} record ${index} of the seed: ${error.message}`, { where: `${table}[${index}]`, ...(error.extras.details === undefined ? {} : { details: error.extras.details }) });
      }
    }
  }, { actor: "seed", requestId: "seed" });
  return inputs.length;
}

async function loadSeed(file: string): Promise<Record<string, unknown>> {
  let loaded: { default?: unknown };
  try {
    loaded = await import(resolve(file)) as { default?: unknown };
  } catch (error) {
    throw fault("SEED", `${file} does not load: ${error instanceof Error ? error.message : String(error)}`);
  }
  const made: unknown = typeof loaded.default === "function" ? await (loaded.default as () => unknown)() : loaded.default;
  if (typeof made !== "object" || made === null || Array.isArray(made)) throw fault("SEED", `${file} has no default export that is, or makes, records by table.`);
  return made as Record<string, unknown>;
}
