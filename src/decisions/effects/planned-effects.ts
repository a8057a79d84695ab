// The effects that an answer would have, in the order of the commit: what `effects` is for bounds at OUTPUT, before anything is applied. Pure; reads no
// record, so nobody knows yet what is there before and after them.
import type { Value } from "../../base/value.ts";
import { permits, type Judging, type Variables } from "../bounds/judge.ts";
import type { CompiledDecision, CompiledEffect } from "../policy/compiled-decision.ts";
import type { StagedEffect } from "../run/commit-run.ts";
import { shownArguments, type AppliedEffect } from "./apply-effect.ts";
import { filledArguments } from "./filled-arguments.ts";

/** `variables`: over the answer, without `effects`. Null: the arguments of one have no value. */
export function plannedEffects(decision: CompiledDecision, staged: readonly StagedEffect[], { variables, ...judging }: Omit<Judging, "bounds">): readonly AppliedEffect[] | null {
  const planned: AppliedEffect[] = [];
  // Each sees those before it.
  const seen: Variables = { ...variables, effects: planned as unknown as Value };
  const plan = (effect: CompiledEffect, given: Readonly<Record<string, Value>>): boolean => {
    const filled = filledArguments(effect, { ...judging, variables: seen });
    if (filled !== undefined) planned.push(plannedEffect(effect, { ...given, ...filled }));
    return filled !== undefined;
  };
  for (const { write, args } of staged) if (!plan(write, args)) return null;
  for (const effect of decision.effects) if (permits(effect.when, { ...judging, variables: seen }) && !plan(effect, {})) return null;
  return planned;
}

/** As it is told before it is applied. */
export function plannedEffect({ table, verb }: CompiledEffect, args: Readonly<Record<string, Value>>): AppliedEffect {
  const shown = shownArguments(args);
  return { operation: `${table.name}.${verb}`, id: shown["id"] ?? shown[table.primaryKey] ?? null, args: shown, before: null, after: null };
}
