// NOT_AVAILABLE: what the language has but this version does not (availability.ts). Better refused than without effect.
import type { ConstListValueNode } from "graphql";
import { Kind } from "graphql/language/kinds";
import type { Diagnostic, TextEdit } from "../../base/diagnostic.ts";
import { unavailableByName, type Unavailable } from "../availability.ts";
import { diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, innermostName, type DeclaredField, type DirectiveHolder, type DirectiveUse } from "../declarations.ts";
import { removeArgument, removeArgumentDefinition, removeItem, removeNode } from "../schema-edits.ts";
import type { Located } from "../source-text.ts";

export function notAvailable(context: CompileContext): Diagnostic[] {
  return [...context.types.flatMap((type) => checkType(type, context)), ...context.types.flatMap((type) => checkHolder(type, context)), ...fieldsAtAll(context).flatMap((field) => [...checkHolder(field, context), ...checkScalar(field, context)])];
}

/** What stands in a type that is not available goes with it. */
function fieldsAtAll(context: CompileContext): DeclaredField[] {
  return context.fields.filter((field) => !unavailableByName.has(`type ${field.owner.name}`));
}

function report(entry: Unavailable, at: Located, edit: TextEdit, context: CompileContext): Diagnostic {
  return diagnose(context, { code: "NOT_AVAILABLE", at, message: `${entry.name} is not available in this version.`, why: `${entry.does} ${entry.reason}`, fix: "Remove it; README lists what is available.", edits: [edit] });
}

function checkType(type: CompileContext["types"][number], context: CompileContext): Diagnostic[] {
  const entry = type.node.kind === Kind.OBJECT_TYPE_DEFINITION ? unavailableByName.get(`type ${type.name}`) : undefined;
  return entry === undefined ? [] : [report(entry, type.node.name, removeNode(context.source, type.node), context)];
}

function checkHolder(holder: DirectiveHolder, context: CompileContext): Diagnostic[] {
  return holder.uses.flatMap((use) => {
    const whole = unavailableByName.get(`@${use.name}`);
    if (whole !== undefined) return [report(whole, use.node, removeNode(context.source, use.node), context)];
    return [...checkArguments(use, context), ...checkValues(use, context)];
  });
}

function checkArguments(use: DirectiveUse, context: CompileContext): Diagnostic[] {
  return (use.node.arguments ?? []).flatMap((argument) => {
    const entry = unavailableByName.get(`@${use.name}(${argument.name.value})`);
    return entry === undefined ? [] : [report(entry, argument, removeArgument(context.source, use.node, argument), context)];
  });
}

/** Of lists: @export(over), @allow(to). */
function checkValues(use: DirectiveUse, context: CompileContext): Diagnostic[] {
  const argument = use.name === "export" ? argumentNode(use, "over") : use.name === "allow" ? argumentNode(use, "to") : undefined;
  if (argument === undefined) return [];
  const items = argument.value.kind === Kind.LIST ? argument.value.values : [argument.value];
  return items.flatMap((item) => {
    const name = item.kind === Kind.ENUM ? `@export(over: ${item.value})` : item.kind === Kind.STRING && item.value.startsWith("decision:") ? '@allow(to: "decision:NAME")' : null;
    const entry = name === null ? undefined : unavailableByName.get(name);
    if (entry === undefined) return [];
    // Without its last value the argument would mean its default, or nobody.
    const edit = items.length > 1 ? removeItem(context.source, argument.value as ConstListValueNode, item) : removeNode(context.source, use.node);
    return [report(entry, item, edit, context)];
  });
}

function checkScalar(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const entry = field.type?.kind === "scalar" ? unavailableByName.get(`scalar ${field.type.name}`) : undefined;
  if (entry === undefined) return [];
  const { callable, node } = field;
  const edit = callable !== null && callable.node.kind === Kind.FIELD_DEFINITION && node.kind === Kind.INPUT_VALUE_DEFINITION ? removeArgumentDefinition(context.source, callable.node, node) : removeNode(context.source, node);
  return [report(entry, innermostName(node.type), edit, context)];
}

