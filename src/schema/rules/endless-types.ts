// TYPE_SHAPE: a nested object or input that must contain itself could never be written down.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import type { DeclaredField, DeclaredType } from "../declarations.ts";
import { replaceText, endOf } from "../source-text.ts";

export function endlessTypes(context: CompileContext): Diagnostic[] {
  const found: Diagnostic[] = [];
  for (const type of context.byName.values()) {
    if (type.kind !== "nested" && type.kind !== "input") continue;
    for (const field of type.fields) {
      const target = mustContain(field, context);
      if (target === null || !reaches(target, type, context)) continue;
      const end = endOf(field.node.type);
      found.push(diagnose(context, {
        code: "TYPE_SHAPE", at: field.node.type, message: `${describeField(field)} makes ${type.name} contain itself without end.`,
        why: "A required field of its own type can never be filled.", fix: "Make the field nullable, or a list.",
        edits: [replaceText(context.source, { start: end - 1, end }, "")],
      }));
    }
  }
  return found;
}

/** The object type that every value of the field's owner contains; null if it may be left out. */
function mustContain(field: DeclaredField, context: CompileContext): DeclaredType | null {
  const { type } = field;
  if (type === null || !type.required || type.list || (type.kind !== "object" && type.kind !== "input")) return null;
  return context.byName.get(type.name) ?? null;
}

function reaches(from: DeclaredType, target: DeclaredType, context: CompileContext): boolean {
  const seen = new Set<DeclaredType>();
  const open = [from];
  for (let type = open.pop(); type !== undefined; type = open.pop()) {
    if (type === target) return true;
    if (seen.has(type)) continue;
    seen.add(type);
    for (const field of type.fields) {
      const next = mustContain(field, context);
      if (next !== null) open.push(next);
    }
  }
  return false;
}
