// Where a change of the schema changed how all records of a table look, they have a new version, without being written: the position of
// the entry of that change, below which no version of theirs lies. Kept beside the data; known for each catalog once it is prepared.
import type { Catalog } from "../schema/catalog.ts";
import type { Connection } from "./connection.ts";
import { readMeta, writeMeta } from "./system-tables.ts";

/** By SQL name. */
export type RepresentedSince = ReadonlyMap<string, number>;

const SINCE_KEY = "representedSince";
const known = new WeakMap<Catalog, RepresentedSince>();

export function readRepresentedSince(connection: Connection): RepresentedSince {
  const text = readMeta(connection, SINCE_KEY);
  return new Map(text === null ? [] : Object.entries(JSON.parse(text) as Record<string, number>));
}

/** In a transaction of the caller's. */
export function writeRepresentedSince(connection: Connection, since: RepresentedSince): void {
  writeMeta(connection, SINCE_KEY, JSON.stringify(Object.fromEntries(since)));
}

export function knowRepresentedSince(catalog: Catalog, since: RepresentedSince): void {
  known.set(catalog, since);
}

/** The least version of records of this table; 0 where none was ever changed as a whole. */
export function representedSince(catalog: Catalog, sqlName: string): number {
  return known.get(catalog)?.get(sqlName) ?? 0;
}
