// The next stored instant of a table's DateTime field, or of its records' expiry: until then, time alone changes no verdict about them.
import type { NextInstant } from "../query/footprint-time.ts";
import type { Catalog } from "../schema/catalog.ts";
import { EXPIRES_COLUMN, quoted } from "./column.ts";
import type { Connection } from "./connection.ts";

/** Expiry has an index; so have fields that rules compare with now(). */
export function nextInstants(connection: Connection, catalog: Catalog): NextInstant {
  return (name, field, from) => {
    const column = quoted(field ?? EXPIRES_COLUMN);
    const table = quoted(catalog.tables.get(name)!.sqlName);
    return (connection.values(`SELECT ${column} FROM ${table} WHERE ${column} >= ?1 ORDER BY ${column} LIMIT 1`, from)[0]?.[0] ?? null) as string | null;
  };
}
