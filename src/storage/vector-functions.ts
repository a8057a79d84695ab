// sqlite-vec: distances between vectors inside SQL. Loaded only for an app that has vectors.
import type { Database } from "bun:sqlite";
import { createRequire } from "node:module";
import type * as SqliteVec from "sqlite-vec";
import { fault } from "../base/error.ts";
import type { Catalog } from "../schema/catalog.ts";

export function usesVectors(catalog: Catalog): boolean {
  for (const table of catalog.tables.values()) {
    for (const field of table.fields.values()) if (field.type.kind === "scalar" && field.type.name === "Vector") return true;
  }
  return false;
}

export function loadVectorFunctions(database: Database): void {
  try {
    const { getLoadablePath } = createRequire(import.meta.url)("sqlite-vec") as typeof SqliteVec;
    database.loadExtension(getLoadablePath());
  } catch (error) {
    throw fault("NOT_AVAILABLE", "Vectors need sqlite-vec, which does not load on this machine.", { cause: error });
  }
}
