// Could small tables make a large answer? Where lists stand in lists, or many-to-many ones do, rows are multiplied.
import type { Plan } from "../query/plan.ts";
import type { Catalog } from "../schema/catalog.ts";

export function multiplies(plan: Plan, catalog: Catalog, insideList = false): boolean {
  return plan.select.some((item) => {
    if (item.kind !== "embed") return false;
    const kind = catalog.tables.get(plan.table)?.fields.get(item.relation)?.relation?.kind;
    const isList = kind !== "one";
    return (isList && (insideList || kind === "through")) || multiplies(item.plan, catalog, insideList || isList);
  });
}
