// ARGUMENT_VALUE: names given by @table(name) and @export(name) are plain identifiers, and @allow(to) names somebody.
import { Kind } from "graphql/language/kinds";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, textOf, textsOf, useOf, usesOf, type DirectiveHolder } from "../declarations.ts";
import { removeArgument, removeNode, replaceNode } from "../schema-edits.ts";

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
const PADDED = /^\s|\s$/;

export function outsideNames(context: CompileContext): Diagnostic[] {
  const holders: readonly DirectiveHolder[] = [...context.types, ...context.fields];
  return holders.flatMap((holder) => [...["table", "export"].flatMap((directive) => checkName(holder, directive, context)), ...checkRoles(holder, context)]);
}

function checkName(holder: DirectiveHolder, directive: string, context: CompileContext): Diagnostic[] {
  const use = useOf(holder, directive);
  const name = textOf(use, "name");
  const node = use === undefined ? undefined : argumentNode(use, "name");
  if (use === undefined || name === undefined || node === undefined || IDENTIFIER.test(name)) return [];
  return [diagnose(context, {
    code: "ARGUMENT_VALUE", at: node.value, message: `@${directive}(name) is "${name}".`, why: "It becomes part of paths, topics, types and SQL.", fix: "Use letters, digits and underscores, not a digit first.", edits: [removeArgument(context.source, use.node, node)],
  })];
}

function checkRoles(holder: DirectiveHolder, context: CompileContext): Diagnostic[] {
  return usesOf(holder, "allow").flatMap((use) => {
    if (use.values === null) return [];
    const to = argumentNode(use, "to");
    if (textsOf(use, "to")?.length === 0) return [diagnose(context, { code: "ARGUMENT_VALUE", at: to ?? use.node, message: "@allow(to) names nobody.", why: "A rule for nobody has no effect.", fix: "Name roles, or remove the rule.", edits: [removeNode(context.source, use.node)] })];
    const items = to === undefined ? [] : to.value.kind === Kind.LIST ? to.value.values : [to.value];
    return items.flatMap((item) => (item.kind !== Kind.STRING || !PADDED.test(item.value) ? [] : [diagnose(context, {
      code: "ARGUMENT_VALUE", at: item, message: `The role "${item.value}" begins or ends with a blank.`, why: "A role that nobody can hold allows nobody.", fix: "Remove the blank.",
      edits: item.value.trim() === "" ? [] : [replaceNode(context.source, item, JSON.stringify(item.value.trim()))],
    })]));
  });
}
