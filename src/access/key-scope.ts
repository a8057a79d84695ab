// What a key is good for, beside its roles: tables, channels and callables by name, with a verb or without. Narrows, never adds.
import type { Catalog } from "../schema/catalog.ts";

/** `Product`, `Product:READ`, `Order.cancel`, `quote`, `Wall:PUBLISH`. */
export interface KeyScope {
  /** A table with its actions, or a channel, or a callable without a table: with all that belongs to it. */
  covers(name: string, verb: string): boolean;
  coversAction(table: string, action: string): boolean;
}

export function readScope(only: readonly string[]): KeyScope {
  const entries = new Set(only);
  return {
    covers: (name, verb) => entries.has(name) || entries.has(`${name}:${verb}`),
    coversAction: (table, action) => entries.has(table) || entries.has(`${table}.${action}`),
  };
}

const TABLE_VERBS: readonly string[] = ["READ", "CREATE", "UPDATE", "DELETE"];
const CHANNEL_VERBS: readonly string[] = ["SUBSCRIBE", "PUBLISH"];

/** Whether the app has what the entry names. */
export function isKnownEntry(entry: string, { tables, channels, endpoints, decisions }: Catalog): boolean {
  const [name = "", verb, ...more] = entry.split(":");
  if (more.length > 0) return false;
  if (verb !== undefined) return (tables.has(name) && TABLE_VERBS.includes(verb)) || (channels.has(name) && CHANNEL_VERBS.includes(verb));
  const [table = "", action] = name.split(".");
  if (action !== undefined) return tables.get(table)?.actions.has(action) === true;
  return tables.has(name) || channels.has(name) || endpoints.has(name) || decisions.has(name);
}
