// BOUND_SHAPE: a clamp changes only what effects are filled with, or what no effect depends on: whether an effect happens is the answer's to say, not the
// bound's.
import type { Diagnostic } from "../../base/diagnostic.ts";
import type { Expression } from "../../expression/expression.ts";
import { someIn } from "../../expression/inspect.ts";
import type { CompiledDecision } from "./compiled-decision.ts";

export function clampReach({ name, declaration, bounds, writes, effects }: CompiledDecision): Diagnostic[] {
  const conditions = [...writes.map(({ where }) => where), ...effects.map(({ when }) => when)].flatMap((condition) => condition ?? []);
  const filled = [...writes, ...effects].flatMap(({ set }) => [...set.values()]);
  return bounds.flatMap(({ declaration: bound, to }) => [...to.keys()].filter((field) => names(conditions, field) && !names(filled, field)).map((field): Diagnostic => ({
    code: "BOUND_SHAPE", severity: "error", position: declaration.callable.position, message: `The bound ${bound.name} of ${name} changes ${field}, on which it depends whether an effect happens.`,
    why: "A clamp may change what an effect is filled with, or what has no part in one.", fix: "Leave the field out of to, or use else: REPAIR or FALLBACK.", edits: [],
  })));
}

function names(expressions: readonly Expression[], field: string): boolean {
  return expressions.some((expression) => someIn(expression, (part) => part.op === "variable" && part.root === "out" && (part.path.length === 0 || part.path[0] === field)));
}
