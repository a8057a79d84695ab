// UNKNOWN_DIRECTIVE: a directive that directives.graphql does not define. Ignoring it could leave a table open.
import type { ConstDirectiveNode } from "graphql";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { diagnose, type CompileContext } from "../compile-context.ts";
import { nearestDirective } from "../nearest-directive.ts";
import { removeNode, replaceNode } from "../schema-edits.ts";

export function unknownDirectives(context: CompileContext): Diagnostic[] {
  const holders = [...context.types, ...context.fields];
  const onValues = context.types.flatMap((type) => type.values).flatMap((value) => value.directives ?? []);
  const nodes = [...holders.flatMap((holder) => holder.uses.map((use) => use.node)), ...onValues];
  return nodes.filter((node) => !context.language.directives.has(node.name.value)).map((node) => unknownDirective(node, context));
}

function unknownDirective(node: ConstDirectiveNode, context: CompileContext): Diagnostic {
  const near = nearestDirective(node.name.value, context.language.directives.keys());
  return diagnose(context, {
    code: "UNKNOWN_DIRECTIVE",
    at: node,
    message: `There is no directive @${node.name.value}.`,
    why: "A directive without a meaning would be ignored, and what it was to protect would stand open.",
    fix: near === null ? "Remove it, or use one of directives.graphql." : `Did you mean @${near}?`,
    edits: [near === null ? removeNode(context.source, node) : near.includes("(") ? replaceNode(context.source, node, `@${near}`) : replaceNode(context.source, node.name, near)],
  });
}
