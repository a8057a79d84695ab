// UNKNOWN_ARGUMENT, ARGUMENT_VALUE: each argument of each directive use has a known name and a value of its type.
// What an argument that is not available was given does not matter: rules/not-available.ts has it removed.
import type { ConstDirectiveNode } from "graphql";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { argumentProblems, type ArgumentProblem } from "../argument-problems.ts";
import { unavailableByName } from "../availability.ts";
import { diagnose, type CompileContext } from "../compile-context.ts";

export function directiveArguments(context: CompileContext): Diagnostic[] {
  const uses = [...context.types, ...context.fields].flatMap((holder) => holder.uses);
  return uses.flatMap(({ node, definition }) => (definition === null ? [] : argumentProblems(node, definition, context).filter((problem) => !isInUnavailable(problem, node)).map((problem) => diagnose(context, {
    code: problem.code, at: problem.node, message: problem.message, why: "What is not understood is never ignored.", fix: problem.fix, edits: problem.edits,
  }))));
}

function isInUnavailable({ node }: ArgumentProblem, use: ConstDirectiveNode): boolean {
  const start = node.loc?.start ?? 0;
  return node !== use && (use.arguments ?? []).some((argument) => unavailableByName.has(`@${use.name.value}(${argument.name.value})`)
    && argument.loc !== undefined && argument.loc.start <= start && start < argument.loc.end);
}
