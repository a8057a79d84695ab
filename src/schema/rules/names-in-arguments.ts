// UNKNOWN_NAME: each field that a directive names in a string exists. (@relationship, @search, @currency and @allow(on) see to their own.)
import { Kind } from "graphql/language/kinds";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { unknownName, type CompileContext } from "../compile-context.ts";
import { argumentNode, fieldNamed, type DeclaredType, type DirectiveUse } from "../declarations.ts";
import { followRelations } from "../resolve-path.ts";

/** By directive: the arguments that name fields of the same type. */
const NAMING: ReadonlyMap<string, readonly string[]> = new Map([
  ["table", ["tenant", "partition"]], ["channel", ["key"]], ["grants", ["subject", "role", "on"]], ["account", ["by"]], ["personal", ["of"]],
  ["indexed", ["fields"]], ["sequence", ["per"]], ["embed", ["from"]],
]);

export function namesInArguments(context: CompileContext): Diagnostic[] {
  return [
    ...context.types.flatMap((type) => type.uses.flatMap((use) => checkUse(use, type, context))),
    ...context.fields.flatMap((field) => field.uses.flatMap((use) => checkUse(use, field.owner, context))),
  ];
}

function checkUse(use: DirectiveUse, type: DeclaredType, context: CompileContext): Diagnostic[] {
  return (NAMING.get(use.name) ?? []).flatMap((argument) => {
    const value = argumentNode(use, argument)?.value;
    const nodes = value === undefined ? [] : value.kind === Kind.LIST ? value.values : [value];
    return nodes.flatMap((node) => {
      if (node.kind !== Kind.STRING || node.value.trim() === "" || exists(node.value, { use, type }, context)) return [];
      return [unknownName(context, { at: node, name: node.value, label: `${type.name}.${node.value}`, candidates: type.fields.filter((field) => field.kind !== "action").map((field) => field.name), place: `@${use.name}(${argument})` })];
    });
  });
}

/** @personal(of) may be a path of relations to a field. */
function exists(name: string, place: { use: DirectiveUse; type: DeclaredType }, context: CompileContext): boolean {
  const { use, type } = place;
  if (use.name !== "personal") return fieldNamed(type, name) !== undefined;
  const steps = name.split(".");
  const last = steps.pop() ?? "";
  const end = followRelations(type, steps, context.byName);
  return end.kind === "found" ? fieldNamed(end.table, last) !== undefined : end.field?.type === null;
}
