// Bounds at TOTAL: sums over the runs of a day or of a negotiation, this one included, as guarded increments. What the sum was is no read that a transaction depends
// on: it is looked at again in the commit.
import { calendarDay } from "../../base/calendar-day.ts";
import type { Value } from "../../base/value.ts";
import { holdsStrictly } from "../../expression/evaluate-strict.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import type { BudgetScope } from "../../schema/decision.ts";
import type { Connection } from "../../storage/connection.ts";
import { addToSum, readSum } from "../../storage/decision-rows.ts";
import type { Question } from "../context/gather.ts";
import type { CompiledBound } from "../policy/compiled-decision.ts";
import { environmentOf, valueOf, type Variables } from "./judge.ts";

export interface DailySum {
  /** In the commit. False: with what others have added the bound does not hold any more. */
  add(connection: Connection): boolean;
}

export interface Summing { readonly question: Question; readonly variables: Variables; readonly now: string; readonly core: DispatchCore; /** Bounds that a person has lifted. */ readonly lifted: ReadonlySet<string> }

export function sumsOf(summing: Summing): { readonly sums: readonly DailySum[]; readonly violated: readonly CompiledBound[] } {
  const sums: DailySum[] = [];
  const violated: CompiledBound[] = [];
  for (const bound of summing.question.decision.bounds) {
    if (bound.declaration.at !== "TOTAL" || bound.of === null) continue;
    const amount = valueOf(bound.of, { variables: summing.variables, now: summing.now, book: summing.core.book });
    const place = placeOf(bound, summing);
    if (bound.declaration.per === "RUN" && amount !== undefined && !summing.lifted.has(bound.declaration.name) && !holdsStrictly(bound.rule, environmentOf({ ...summing.variables, total: amount }, summing.now), summing.core.book)) violated.push(bound);
    if (bound.declaration.per === "RUN" && amount !== undefined) continue;
    if ((typeof amount !== "number" && typeof amount !== "bigint") || amount < 0 || place === null) {
      violated.push(bound);
      continue;
    }
    const holds = (total: number): boolean => bound.declaration.soft || summing.lifted.has(bound.declaration.name) || holdsStrictly(bound.rule, environmentOf({ ...summing.variables, total }, summing.now), summing.core.book);
    const { scope, period } = place;
    if (!holds(readSum(summing.core.storage.reader, scope, period) + Number(amount))) violated.push(bound);
    else sums.push({ add: (connection) => holds(addToSum(connection, scope, period, Number(amount))) });
  }
  return { sums, violated };
}

/** Null: the sum has no subject. */
function placeOf({ declaration: { name, per } }: CompiledBound, { question, variables, now, core }: Summing): { readonly scope: string; readonly period: string } | null {
  const { decision, caller } = question;
  const { tenant } = caller.identity;
  const period = per === "NEGOTIATION" ? "" : calendarDay(Date.parse(now), core.zone ?? "UTC");
  const scopeOf = (of: BudgetScope | null): readonly Value[] | null => {
    switch (of) {
      case "SUBJECT_DAY": {
        const subject = decision.subject === null ? undefined : valueOf(decision.subject, { variables, now, book: core.book });
        return subject === undefined || subject === null ? null : [of, tenant, decision.name, name, subject];
      }
      case "DECISION_DAY": return [of, tenant, decision.name, name];
      // Spans the decisions of the tenant that name it.
      case "TENANT_DAY": return [of, tenant, name];
      case "NEGOTIATION": return question.negotiating === undefined ? null : [of, tenant, decision.name, name, question.negotiating.id];
      case "RUN": case null: return null;
    }
  };
  const scope = scopeOf(per);
  return scope === null ? null : { scope: JSON.stringify(scope), period };
}
