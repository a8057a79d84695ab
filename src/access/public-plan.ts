// Is all that a plan reads open to everyone, on every record? Then shared caches may keep the answer.
import type { Expression } from "../expression/expression.ts";
import { someIn } from "../expression/inspect.ts";
import type { Plan, SelectItem } from "../query/plan.ts";
import type { Table } from "../schema/catalog.ts";
import { linkFilter, relatedFilter, type RoleRights } from "./role-rights.ts";
import { readCondition } from "./rule-expression.ts";

/** `plan` as asked for, without rules; `rights`: those of the role `public` alone. */
export function isPublicPlan(plan: Plan, rights: RoleRights): boolean {
  const table = rights.catalog.tables.get(plan.table);
  if (table === undefined || rights.table(plan.table).read !== true) return false;
  const expressions = [plan.filter, ...plan.order.map((term) => term.value)].filter((expression) => expression !== null);
  return expressions.every((expression) => isPublicExpression(expression, rights))
    && plan.select.every((item) => isPublicItem(item, table, rights))
    && (plan.similar === null || rights.fieldRead(plan.table, plan.similar.field, false) === true)
    && (plan.search === null || plan.search.paths.every((entry) => isPublicPath(entry.path, table, rights)));
}

function isPublicItem(item: SelectItem, table: Table, rights: RoleRights): boolean {
  switch (item.kind) {
    case "open": return true;
    case "value": return isPublicExpression(item.value, rights);
    case "aggregate": return item.value === null || isPublicExpression(item.value, rights);
    case "embed": {
      const field = table.fields.get(item.relation);
      if (field?.relation === undefined || field.relation === null || rights.relation(table, field, false) !== true) return false;
      return relatedFilter(rights, field.relation, false) === true && linkFilter(rights, field.relation, false) === true && isPublicPlan(item.plan, rights);
    }
  }
}

function isPublicExpression(expression: Expression, rights: RoleRights): boolean {
  if (readCondition(expression, { rights, code: false }) !== true) return false;
  return !someIn(expression, (node) => {
    if (node.op === "exists") return rights.table(node.table).read !== true;
    return (node.op === "text-search" || node.op === "near") && node.fields.some((field) => rights.fieldRead(node.table, field, false) !== true);
  });
}

function isPublicPath(path: readonly string[], table: Table, rights: RoleRights): boolean {
  let current: Table = table;
  for (const name of path.slice(0, -1)) {
    const field = current.fields.get(name);
    const next = rights.catalog.tables.get(field?.relation?.table ?? "");
    if (field?.relation === undefined || field.relation === null || next === undefined) return false;
    if (rights.relation(current, field, false) !== true || relatedFilter(rights, field.relation, false) !== true || linkFilter(rights, field.relation, false) !== true) return false;
    current = next;
  }
  return rights.fieldRead(current.name, path[path.length - 1]!, false) === true;
}
