// What tells one run of a compiled plan from another: its parameters, as text. Equal runs on one state have equal answers until time alone
// changes them, so that caches and followed queries may share them. Says nothing about who may share: rules are in the plan.
import type { Value } from "../base/value.ts";
import { evaluate } from "../expression/evaluate.ts";
import type { Environment, Expression } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { someIn } from "../expression/inspect.ts";
import type { CompiledPlan } from "../storage/plan-sql.ts";

/** The parameters that differ between runs other than by the time alone. Null: one mixes the time with the caller's values, so no two runs are alike. */
export function runParameters({ rows }: CompiledPlan): readonly Expression[] | null {
  const closed = rows.slots.flatMap((slot) => (slot.kind === "closed" ? [slot.expression] : []));
  const timed = closed.filter((expression) => someIn(expression, ({ op }) => op === "now"));
  if (timed.some((expression) => someIn(expression, ({ op }) => op === "variable"))) return null;
  return closed.filter((expression) => !timed.includes(expression));
}

/** Equal for equal values of the parameters only. */
export function runKey(parameters: readonly Expression[], environment: Environment, book: ExpressionBook): string {
  let key = "";
  for (const parameter of parameters) key += `${textOf(evaluate(parameter, environment, book))},`;
  return key;
}

function textOf(value: Value): string {
  // Its length first: so no value can look like the end of another.
  if (typeof value === "string") return `${value.length}:${value}`;
  if (typeof value === "number") return String(value);
  return typeof value === "bigint" ? `${value}n` : JSON.stringify(value, (_key, inner: unknown) => (typeof inner === "bigint" ? `${inner}n` : inner));
}
