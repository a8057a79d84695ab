// Where a @sequence is new on records that Migrations gave numbers to, it goes on behind them. In the transaction of prepare-catalog.ts.
import type { Catalog, Field, Table } from "../schema/catalog.ts";
import type { CatalogShape } from "./catalog-shape.ts";
import { quoted, storedFields } from "./column.ts";
import type { Connection } from "./connection.ts";

/** Tables have their new shape. Where a tenant has its own numbers, tables/ looks for its first one itself. */
export function beginSequences(connection: Connection, catalog: Catalog, old: CatalogShape): void {
  const before = new Map(old.tables.map(({ sqlName, fields }) => [sqlName, new Set(fields.map(({ name }) => name))]));
  for (const table of catalog.tables.values()) {
    const known = before.get(table.sqlName);
    if (known === undefined || table.tenant !== null) continue;
    for (const field of storedFields(table)) if (field.fill?.kind === "sequence" && !known.has(field.name)) begin(connection, table, field, field.fill.per);
  }
}

function begin(connection: Connection, table: Table, { name }: Field, per: string | null): void {
  const scope = per === null ? "''" : `coalesce(CAST(${quoted(per)} AS TEXT), '')`;
  connection.run(`INSERT INTO "$sequence" ("name", "scope", "next") SELECT ?1, ${scope}, max(${quoted(name)}) + 1 FROM ${quoted(table.sqlName)} WHERE ${quoted(name)} IS NOT NULL GROUP BY 2
    ON CONFLICT ("name", "scope") DO UPDATE SET "next" = max("next", excluded."next")`, `${table.name}.${name}`);
}
