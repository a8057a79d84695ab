// EVERY_INPUT: @retry stands in Jobs, @every in Jobs and Decisions, there with `input` where an argument is required.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, usesOf, type DeclaredField, type DirectiveUse } from "../declarations.ts";
import { removeNode } from "../schema-edits.ts";

export function jobSchedules(context: CompileContext): Diagnostic[] {
  return context.fields.flatMap((field) => [
    ...usesOf(field, "retry").flatMap((use) => misplaced(field, use, ["jobs"], context)),
    ...usesOf(field, "every").flatMap((use) => [...misplaced(field, use, ["jobs", "decisions"], context), ...withoutInput(field, use, context)]),
  ]);
}

function misplaced(field: DeclaredField, use: DirectiveUse, owners: readonly string[], context: CompileContext): Diagnostic[] {
  if (field.kind === "callable" && owners.includes(field.owner.kind)) return [];
  return [diagnose(context, { code: "EVERY_INPUT", at: use.node, message: `@${use.name} stands on ${describeField(field)}.`, why: "Only work that runs in the background is repeated or scheduled.", fix: `Remove it, or move it to ${owners.length > 1 ? "Jobs or Decisions" : "Jobs"}.`, edits: [removeNode(context.source, use.node)] })];
}

function withoutInput(field: DeclaredField, use: DirectiveUse, context: CompileContext): Diagnostic[] {
  if (field.kind !== "callable" || argumentNode(use, "input") !== undefined) return [];
  const required = field.arguments.find((argument) => argument.type?.required === true && argument.node.kind === "InputValueDefinition" && argument.node.defaultValue === undefined);
  return required === undefined ? [] : [diagnose(context, { code: "EVERY_INPUT", at: use.node, message: `@every on ${describeField(field)} gives no ${required.name}.`, why: "Nobody else could give the required argument.", fix: "Add input, CEL to the arguments." })];
}
