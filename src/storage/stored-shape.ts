// The shape that the data have, as JSON beside them.
import type { CatalogShape } from "./catalog-shape.ts";
import type { Connection } from "./connection.ts";
import { readMeta, writeMeta } from "./system-tables.ts";

const SHAPE_KEY = "catalog";

/** Null when nothing was ever stored. */
export function storedShape(connection: Connection): CatalogShape | null {
  const text = readMeta(connection, SHAPE_KEY);
  return text === null ? null : JSON.parse(text) as CatalogShape;
}

export function hasShape(connection: Connection, shape: CatalogShape): boolean {
  return readMeta(connection, SHAPE_KEY) === JSON.stringify(shape);
}

/** In a transaction of the caller's. */
export function writeShape(connection: Connection, shape: CatalogShape): void {
  writeMeta(connection, SHAPE_KEY, JSON.stringify(shape));
}
