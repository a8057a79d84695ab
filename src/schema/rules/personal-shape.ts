// ARGUMENT_VALUE: @personal(of) leads over relations to one record each, to a stored field that holds whose the record is.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, fieldNamed, textOf, useOf, type DeclaredType } from "../declarations.ts";
import { followRelations } from "../resolve-path.ts";

const SUBJECTS: readonly string[] = ["ID", "String", "Int", "Long"];

export function personalShape(context: CompileContext): Diagnostic[] {
  return context.tables.flatMap((table) => checkTable(table, context));
}

function checkTable(table: DeclaredType, context: CompileContext): Diagnostic[] {
  const use = useOf(table, "personal");
  const path = textOf(use, "of");
  if (use === undefined || path === undefined) return [];
  const steps = path.split(".");
  const name = steps.pop()!;
  const end = followRelations(table, steps, context.byName);
  // What does not exist is said elsewhere.
  if (end.kind === "stopped") return [];
  const refuse = (message: string, fix: string): Diagnostic[] => [diagnose(context, { code: "ARGUMENT_VALUE", at: argumentNode(use, "of")!.value, message, why: "`forget` finds by it whose record it is.", fix, edits: [] })];
  const many = end.relations.find((field) => field.type?.list === true);
  if (many !== undefined) return refuse(`${many.owner.name}.${many.name} leads to many records.`, "Use to-one relations only.");
  const field = fieldNamed(end.table, name);
  if (field === undefined || field.type === null) return [];
  if (field.kind === "stored" && !field.type.list && SUBJECTS.includes(field.type.name)) return [];
  return refuse(`${end.table.name}.${name} holds nobody's subject.`, "Name a stored field of type ID, String, Int or Long.");
}
