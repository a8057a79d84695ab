// Whether bounds hold: strictly, so that what cannot be worked out is a violation. Says which do not; what follows is the loop's and the commit's.
import type { Value } from "../../base/value.ts";
import { evaluateStrictly, holdsStrictly, NoValue } from "../../expression/evaluate-strict.ts";
import type { Environment, Expression } from "../../expression/expression.ts";
import type { ExpressionBook } from "../../expression/expression-book.ts";
import type { BoundPoint } from "../../schema/decision.ts";
import type { CompiledBound } from "../policy/compiled-decision.ts";

export type Variables = Readonly<Record<string, Value>>;

export function environmentOf(variables: Variables, now: string): Environment {
  return { rows: {}, variables, now, source: null };
}

export interface Judging { readonly bounds: readonly CompiledBound[]; readonly variables: Variables; readonly now: string; readonly book: ExpressionBook }

/** Bounds of these points that do not hold, in order of declaration; soft ones apart. */
export function violations({ bounds, variables, now, book }: Judging, ...points: readonly BoundPoint[]): readonly CompiledBound[] {
  const environment = environmentOf(variables, now);
  return bounds.filter(({ declaration: { at, soft }, rule }) => !soft && points.includes(at) && !holdsStrictly(rule, environment, book));
}

/** In the commit before effects are applied: of the input and of the answer alone. */
export function earlyViolations(judging: Judging): readonly CompiledBound[] {
  return violations({ ...judging, bounds: judging.bounds.filter(({ readsEffects }) => !readsEffects) }, "INPUT", "OUTPUT");
}

/** And with them. */
export function lateViolations(judging: Judging): readonly CompiledBound[] {
  return violations({ ...judging, bounds: judging.bounds.filter(({ declaration: { at }, readsEffects }) => readsEffects || at === "COMMIT") }, "OUTPUT", "COMMIT");
}

/** Names of soft bounds that do not hold: noted, never acted on. */
export function noted({ bounds, variables, now, book }: Judging): readonly string[] {
  const environment = environmentOf(variables, now);
  return bounds.filter(({ declaration: { at, soft }, rule }) => soft && at !== "CALL" && at !== "EFFECT" && !holdsStrictly(rule, environment, book)).map(({ declaration }) => declaration.name);
}

/** A condition of a call or an effect. Null: there is none. */
export function permits(where: Expression | null, { variables, now, book }: Omit<Judging, "bounds">): boolean {
  return where === null || holdsStrictly(where, environmentOf(variables, now), book);
}

/** The value of an expression; undefined where it has none. */
export function valueOf(expression: Expression, { variables, now, book }: Omit<Judging, "bounds">): Value | undefined {
  try {
    return evaluateStrictly(expression, environmentOf(variables, now), book);
  } catch (error) {
    if (error instanceof NoValue) return undefined;
    throw error;
  }
}
