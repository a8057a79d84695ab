// Who must approve of a proposal before it is carried out. Pure; knows neither rows nor people.
import { evaluateStrictly, NoValue } from "../../expression/evaluate-strict.ts";
import type { ExpressionBook } from "../../expression/expression-book.ts";
import { environmentOf, type Variables } from "../bounds/judge.ts";
import type { CompiledApproval, CompiledDecision } from "../policy/compiled-decision.ts";

export interface Proposed {
  /** With the answer and its effects. */
  readonly variables: Variables;
  readonly now: string;
  readonly book: ExpressionBook;
  /** What asks for a person by itself: `bound:NAME`, `taint:TOOL`. */
  readonly escalated: readonly string[];
}

/** All of them are asked. Empty: nobody is. */
export function approvalsNeeded({ approvals }: CompiledDecision, { variables, now, book, escalated }: Proposed): readonly CompiledApproval[] {
  const asked = approvals.filter(({ when }) => when !== null && !isSpared(when, { variables, now, book }));
  if (escalated.length === 0) return asked;
  const always = approvals.filter(({ when }) => when === null);
  // Where nobody is declared for what escalates, all are for whom it might be.
  const escalating = always.length > 0 ? always : approvals;
  return approvals.filter((one) => asked.includes(one) || escalating.includes(one));
}

/** Nobody is spared by a condition that cannot be worked out. */
function isSpared(when: NonNullable<CompiledApproval["when"]>, { variables, now, book }: Omit<Proposed, "escalated">): boolean {
  try {
    return evaluateStrictly(when, environmentOf(variables, now), book) === false;
  } catch (error) {
    if (error instanceof NoValue) return false;
    throw error;
  }
}
