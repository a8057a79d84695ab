// UNBOUNDED_WRITE: each field that a model supplies for an effect is held by a condition or a bound, or its author has answered for it in writing.
import type { Diagnostic } from "../../base/diagnostic.ts";
import type { Expression } from "../../expression/expression.ts";
import { someIn } from "../../expression/inspect.ts";
import type { CompiledDecision, CompiledWrite } from "./compiled-decision.ts";

export function unboundedWrites({ name, declaration, writes, bounds }: CompiledDecision): Diagnostic[] {
  if (declaration.acknowledged.some(({ rule }) => rule === null || rule === "UNBOUNDED_WRITE")) return [];
  const held = bounds.filter(({ declaration: { at, soft } }) => !soft && (at === "EFFECT" || at === "COMMIT")).map(({ rule }) => rule);
  return writes.flatMap((write) => write.declaration.fields.filter((field) => !isHeld(field, write, held)).map((field): Diagnostic => ({
    code: "UNBOUNDED_WRITE", severity: "error", position: declaration.callable.position,
    message: `The model supplies ${write.table.name}.${field} in ${name}, and nothing holds it.`,
    why: "Whatever a model says there would be written.", fix: `Name args.${field} in where or in a bound at: EFFECT or COMMIT, or add @acknowledge(rule: "UNBOUNDED_WRITE", reason: "...").`, edits: [],
  })));
}

function isHeld(field: string, { where, table, verb }: CompiledWrite, bounds: readonly Expression[]): boolean {
  if (where !== null && names(where, "args", field)) return true;
  // In the commit the written record is seen through `after`.
  return bounds.some((rule) => names(rule, "args", field) || (verb !== "delete" && someIn(rule, (part) => part.op === "variable" && part.root === "after" && part.path.includes(field) && table.fields.has(field))));
}

function names(rule: Expression, root: string, field: string): boolean {
  return someIn(rule, (part) => part.op === "variable" && part.root === root && (part.path.length === 0 || part.path[0] === field));
}
