// Binds `Migrations` of resources.ts: for each table at most one function from old record to new. Runs none of them.
import { didYouMean } from "../base/diagnostic.ts";
import { appTable, appTables } from "../schema/account-tables.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { MigrationFunction, MigrationFunctions } from "../storage/migration-functions.ts";

export type Complain = (name: string | null, message: string, fix: string) => void;

const FUNCTION_ARITY_MAX = 1;

export function bindMigrations(exported: unknown, catalog: Catalog, complain: Complain): MigrationFunctions {
  const functions = new Map<string, MigrationFunction>();
  if (exported === undefined) return functions;
  if (typeof exported !== "object" || exported === null) {
    complain(null, "Migrations is not an object of functions.", "Write export const Migrations = migrations({ TABLE: (old) => ({ ... }) }).");
    return functions;
  }
  for (const [name, run] of Object.entries(exported)) {
    const near = didYouMean(name, appTables(catalog).map((one) => one.name));
    if (appTable(catalog, name) === undefined) complain(name, `Migrations has a function for ${name}, which is no table.`, near === null ? "Name a table of the schema, or remove it." : `Did you mean ${near}?`);
    else if (typeof run !== "function") complain(name, `Migrations.${name} is not a function.`, `Write ${name}: (old) => ({ ... }).`);
    else if (run.length > FUNCTION_ARITY_MAX) complain(name, `Migrations.${name} takes ${run.length} parameters.`, "Take the old record alone: the function is pure.");
    else functions.set(name, run as MigrationFunction);
  }
  return functions;
}
