// What the runtime fills in for an effect (`set`), over the answer that is accepted. Pure.
import type { Value } from "../../base/value.ts";
import { valueOf, type Judging } from "../bounds/judge.ts";
import type { CompiledEffect } from "../policy/compiled-decision.ts";

/** Undefined: something has no value. */
export function filledArguments({ set }: CompiledEffect, judging: Omit<Judging, "bounds">): Record<string, Value> | undefined {
  const filled: Record<string, Value> = {};
  for (const [name, expression] of set) {
    const value = valueOf(expression, judging);
    if (value === undefined) return undefined;
    filled[name] = value;
  }
  return filled;
}
