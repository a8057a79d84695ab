// PAGE_SHAPE: @page stands on callables that answer a non-null list and have no arguments limit and after of their own.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { useOf, type DeclaredField } from "../declarations.ts";
import { removeNode, replaceNode } from "../schema-edits.ts";

export function pageShape(context: CompileContext): Diagnostic[] {
  return context.fields.flatMap((field) => checkField(field, context));
}

function checkField(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const use = useOf(field, "page");
  if (use === undefined || field.type === null) return [];
  const why = "A page is a part of a list, asked for with limit and after.";
  const remove = [removeNode(context.source, use.node)];
  if (field.kind !== "callable" && field.kind !== "action") return [diagnose(context, { code: "PAGE_SHAPE", at: use.node, message: `${describeField(field)} is no callable.`, why, fix: "Remove @page.", edits: remove })];
  if (!field.type.list) return [diagnose(context, { code: "PAGE_SHAPE", at: use.node, message: `${describeField(field)} does not answer a list.`, why, fix: "Remove @page, or answer a list.", edits: remove })];
  if (!field.type.required) {
    const written = `[${field.type.name}${field.type.itemRequired ? "!" : ""}]!`;
    return [diagnose(context, { code: "PAGE_SHAPE", at: field.node.type, message: `${describeField(field)} may answer null.`, why, fix: `Write ${written}.`, edits: [replaceNode(context.source, field.node.type, written)] })];
  }
  return field.arguments.filter((argument) => argument.name === "limit" || argument.name === "after").map((argument) => diagnose(context, {
    code: "PAGE_SHAPE", at: argument.node.name, message: `${describeField(argument)} is an argument that @page brings itself.`, why, fix: "Rename it, or remove @page.",
  }));
}
