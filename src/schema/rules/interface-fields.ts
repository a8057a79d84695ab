// TYPE_SHAPE: a type that implements an interface has its fields, of the same type or a stricter one.
import { print } from "graphql/language/printer";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { diagnose, type CompileContext } from "../compile-context.ts";
import { fieldNamed, type DeclaredField, type DeclaredType } from "../declarations.ts";
import { insertField, replaceNode } from "../schema-edits.ts";

export function interfaceFields(context: CompileContext): Diagnostic[] {
  return context.types.flatMap((type) => type.interfaces.flatMap((node) => {
    const declared = context.byName.get(node.name.value);
    return declared?.kind === "interface" ? declared.fields.flatMap((field) => checkField(type, field, context)) : [];
  }));
}

function checkField(type: DeclaredType, wanted: DeclaredField, context: CompileContext): Diagnostic[] {
  const own = fieldNamed(type, wanted.name);
  const written = print(wanted.node.type);
  const why = `${type.name} says that it implements ${wanted.owner.name}.`;
  if (own === undefined) {
    const first = type.fields[0]?.node;
    return [diagnose(context, {
      code: "TYPE_SHAPE", at: type.node.name, message: `${type.name} lacks the field ${wanted.name} of ${wanted.owner.name}.`, why, fix: `Add ${wanted.name}: ${written}.`,
      edits: first === undefined ? [] : [insertField(context.source, first, `${wanted.name}: ${written}`)],
    })];
  }
  if (own.type === null || wanted.type === null || fits(own, wanted)) return [];
  return [diagnose(context, {
    code: "TYPE_SHAPE", at: own.node.type, message: `${type.name}.${own.name} is ${print(own.node.type)}, but ${wanted.owner.name}.${wanted.name} is ${written}.`, why, fix: `Write ${written}.`,
    edits: [replaceNode(context.source, own.node.type, written)],
  })];
}

function fits(own: DeclaredField, wanted: DeclaredField): boolean {
  const [given, asked] = [own.type, wanted.type];
  if (given === null || asked === null) return true;
  return given.name === asked.name && given.list === asked.list && (given.required || !asked.required) && (given.itemRequired || !asked.itemRequired);
}
