// The answer as a bound with `else: CLAMP` makes it, of its type again. Which bounds clamp is the commit's business.
import type { RecordValues, Value } from "../../base/value.ts";
import { coerceValue, noLimits, type Issue } from "../../schema/coerce-value.ts";
import type { CompiledBound, CompiledDecision } from "../policy/compiled-decision.ts";
import { plannedEffects } from "../effects/planned-effects.ts";
import type { StagedEffect } from "../run/commit-run.ts";
import { valueOf, type Judging } from "./judge.ts";

/** Undefined: the clamp has no value, or makes no output. `over`: the answer as it was, without `effects`. */
export function clampedOutput(decision: CompiledDecision, { to }: CompiledBound, { output, staged }: { readonly output: Value; readonly staged: readonly StagedEffect[] }, over: Omit<Judging, "bounds">): Value | undefined {
  const effects = plannedEffects(decision, staged, over);
  const judging = effects === null ? over : { ...over, variables: { ...over.variables, effects: effects as unknown as Value } };
  const changed: Record<string, Value> = { ...(output as RecordValues) };
  for (const [name, expression] of to) {
    const value = valueOf(expression, judging);
    if (value === undefined) return undefined;
    changed[name] = value;
  }
  const issues: Issue[] = [];
  return coerceValue(changed, { type: decision.declaration.callable.result, limits: noLimits }, { catalog: decision.catalog, dialect: "code", path: "" }, issues);
}
