// UNKNOWN_ARGUMENT, ARGUMENT_VALUE: each argument of each directive use has a known name and a value of its type.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { argumentProblems } from "../argument-problems.ts";
import { diagnose, type CompileContext } from "../compile-context.ts";

export function directiveArguments(context: CompileContext): Diagnostic[] {
  const uses = [...context.types, ...context.fields].flatMap((holder) => holder.uses);
  return uses.flatMap(({ node, definition }) => (definition === null ? [] : argumentProblems(node, definition, context).map((problem) => diagnose(context, {
    code: problem.code, at: problem.node, message: problem.message, why: "What is not understood is never ignored.", fix: problem.fix, edits: problem.edits,
  }))));
}
