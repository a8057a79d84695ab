// COMPUTED_SHAPE: only a stored computed field is indexed. (That stored ones use own fields only is checked with their CEL.)
import type { Diagnostic } from "../../base/diagnostic.ts";
import { declaredIndexes } from "../build-indexes.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, fieldNamed, useOf } from "../declarations.ts";
import { insertArgument, replaceNode } from "../schema-edits.ts";

export function computedShape(context: CompileContext): Diagnostic[] {
  return context.tables.flatMap((table) => declaredIndexes(table).flatMap(({ use: index, fields }) => fields.flatMap((name) => {
    const field = fieldNamed(table, name);
    const use = field === undefined ? undefined : useOf(field, "computed");
    if (field === undefined || use === undefined || field.kind !== "computed" || use.values === null) return [];
    const stored = argumentNode(use, "stored");
    return [diagnose(context, {
      code: "COMPUTED_SHAPE", at: index.node, message: `${describeField(field)} is computed at each read, so it cannot be indexed.`, why: "An index holds what is stored.", fix: "Add stored: true to @computed.",
      edits: [stored === undefined ? insertArgument(context.source, use.node, "stored: true") : replaceNode(context.source, stored.value, "true")],
    })];
  })));
}
