// LIMIT and OFFSET of a plan. A page after a cursor is plan-cursor.ts.
import type { Plan } from "../query/plan.ts";
import type { PlanScope } from "./plan-scope.ts";

export function pageClause(scope: PlanScope, { limit, offset }: Plan): string {
  const skip = offset > 0 ? ` OFFSET ${scope.bindings.value(offset)}` : "";
  if (limit === null) return skip === "" ? "" : ` LIMIT -1${skip}`;
  return ` LIMIT ${scope.bindings.value(limit)}${skip}`;
}
