// Which tables a plan looks into by a search index.
import type { Plan } from "../query/plan.ts";
import type { Catalog } from "../schema/catalog.ts";

/** Empty: no `search`, `similar` or `near`, here or in what is embedded. */
export function rankedTables(plan: Plan, catalog: Catalog): ReadonlySet<string> {
  const found = new Set<string>();
  collect(plan, catalog, found);
  return found;
}

function collect(plan: Plan, catalog: Catalog, found: Set<string>): void {
  if (plan.similar !== null || plan.near !== null) found.add(plan.table);
  for (const { path } of plan.search?.paths ?? []) {
    let table = catalog.tables.get(plan.table);
    for (const name of path) {
      const relation = table?.fields.get(name)?.relation ?? null;
      if (relation === null) break;
      if (relation.through !== null) found.add(relation.through.table);
      table = catalog.tables.get(relation.table);
    }
    if (table !== undefined) found.add(table.name);
  }
  for (const item of plan.select) if (item.kind === "embed") collect(item.plan, catalog, found);
}
