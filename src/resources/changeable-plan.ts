// Which records of a query the caller may change: found under READ, and permitted by the verb's rule as they stand.
import { asFilter, bothFilters } from "../access/permission.ts";
import type { Rights } from "../access/rights.ts";
import { fault } from "../base/error.ts";
import { bindRow } from "../expression/inspect.ts";
import type { Plan } from "../query/plan.ts";
import type { CompiledPlan } from "../storage/plan-sql.ts";
import type { Planner, Reader } from "./planner.ts";

export interface ChangeRequest {
  readonly plan: Plan;
  readonly rights: Rights;
  readonly verb: "UPDATE" | "DELETE";
  readonly reader: Reader;
}

/** For `readIds`: of the records only the keys are read. */
export function changeablePlan(planner: Planner, { plan, rights, verb, reader }: ChangeRequest): CompiledPlan {
  if (plan.asof !== undefined) throw fault("MALFORMED_QUERY", "What was cannot be changed.", { where: "asof", fix: "Leave it out." });
  const ruled = rights.rulePlan({ ...plan, select: plan.select.filter((item) => item.kind === "embed" && item.inner), count: null }, reader);
  const permission = rights.authority === null ? true : rights.permission(plan.table, verb);
  // Before the change the record is its own predecessor.
  const rule = asFilter(typeof permission === "boolean" ? permission : bindRow(permission, "old", "record"));
  return planner.compile({ ...ruled, filter: bothFilters(ruled.filter, rule) });
}
