// Whose records are: which field of a @personal table tells it, by which values, and which records that are gone already were somebody's.
import type { Catalog, Table } from "../schema/catalog.ts";
import { quoted } from "./column.ts";
import type { Connection } from "./connection.ts";
import type { OfTenant } from "./forget-rows.ts";
import { historyTable, keepsFormer } from "./history-tables.ts";

/** Of one table: what has one of these values in this field is theirs. */
export interface Whose {
  readonly table: Table;
  readonly field: string;
  /** As text. */
  readonly values: ReadonlySet<string>;
  readonly tenant: OfTenant;
}

/** Of all @personal tables, as they stand. */
export function whoseOf(connection: Connection, catalog: Catalog, person: string, tenant: OfTenant): readonly Whose[] {
  return [...catalog.tables.values()].filter(({ personal }) => personal !== undefined).map((table) => whoseBy(connection, catalog, { table, path: table.personal!, person, tenant }));
}

interface Path { readonly table: Table; readonly path: readonly string[]; readonly person: string; readonly tenant: OfTenant }

function whoseBy(connection: Connection, catalog: Catalog, { table, path: [first, ...rest], person, tenant }: Path): Whose {
  if (rest.length === 0) return { table, field: first!, values: new Set([person]), tenant };
  const relation = table.fields.get(first!)!.relation!;
  const leading = whoseBy(connection, catalog, { table: catalog.tables.get(relation.table)!, path: rest, person, tenant });
  return { table, field: relation.from, values: new Set([...keysOf(connection, leading, "present"), ...keysOf(connection, leading, "former")]), tenant };
}

/** Keys, as text, of what is theirs. */
export function keysOf(connection: Connection, { table, field, values, tenant }: Whose, state: "present" | "former"): readonly string[] {
  if (state === "former" && !keepsFormer(table)) return [];
  const name = quoted(state === "present" ? table.sqlName : historyTable(table.sqlName));
  const within = tenant === undefined || table.tenant === null ? "1" : `${quoted(table.tenant)} IS ?2`;
  return connection.values(
    `SELECT DISTINCT CAST(${quoted(table.primaryKey)} AS TEXT) FROM ${name} WHERE CAST(${quoted(field)} AS TEXT) IN (SELECT "value" FROM json_each(?1)) AND ${within}`,
    JSON.stringify([...values]), ...(within === "1" ? [] : [tenant ?? null])).map(([key]) => key as string);
}
