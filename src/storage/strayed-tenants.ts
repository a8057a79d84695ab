// References that lead from one tenant's records to another's: asked when tables get tenants or references, or records were written anew.
import type { Catalog, Table } from "../schema/catalog.ts";
import type { CatalogShape } from "./catalog-shape.ts";
import { quoted } from "./column.ts";
import { type Difference, difference } from "./compare-shapes.ts";
import type { Connection } from "./connection.ts";
import { foreignKeys } from "./ddl.ts";

export interface StrayContext { readonly connection: Connection; readonly catalog: Catalog }

/** Tables stand in their new shape. `rewritten`: types whose records a function gave values to. */
export function strayedTenants({ connection, catalog }: StrayContext, old: CatalogShape, rewritten: ReadonlySet<string>): Difference[] {
  const before = new Map(old.tables.map((table) => [table.sqlName, table]));
  const isKnown = (table: Table): boolean => before.has(table.sqlName) && (before.get(table.sqlName)!.tenant ?? null) === table.tenant && !rewritten.has(table.name);
  const refers = (table: Table): boolean => foreignKeys(table, catalog).every((key) => before.get(table.sqlName)?.foreignKeys.includes(key) === true);
  return [...catalog.tables.values()].filter(({ tenant }) => tenant !== null).flatMap((table) => [...table.fields.values()].flatMap(({ relation }) => {
    const target = catalog.tables.get(relation?.kind === "one" ? relation.table : "");
    if (relation === null || target === undefined || target.tenant === null || !before.has(table.sqlName)) return [];
    if (isKnown(table) && isKnown(target) && refers(table)) return [];
    const strayed = Number(connection.values(
      `SELECT count(*) FROM ${quoted(table.sqlName)} here JOIN ${quoted(target.sqlName)} there ON there.${quoted(relation.to)} = here.${quoted(relation.from)} WHERE there.${quoted(target.tenant)} <> here.${quoted(table.tenant!)}`,
    )[0]![0]);
    return strayed === 0 ? [] : [difference(table, relation.from, `refers in ${strayed} records to ${target.name} of another tenant`, "Correct the tenants or the references, by writing the records or in Migrations.")];
  }));
}
