// FIELD_KIND: a field with arguments in a table says @action; a field of another table's type says @relationship.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { fieldNamed, useOf, type DeclaredField, type DeclaredType } from "../declarations.ts";
import { keysTo, primaryKeyOf } from "../resolve-relation.ts";
import { insertFieldDirective } from "../schema-edits.ts";

export function fieldKinds(context: CompileContext): Diagnostic[] {
  return context.types.filter((type) => type.kind === "table").flatMap((table) => table.fields).flatMap((field) => {
    if (field.kind === "action" && useOf(field, "action") === undefined) {
      return [diagnose(context, { code: "FIELD_KIND", at: field.node.name, message: `${describeField(field)} has arguments but is no @action.`, why: "Stored fields take no arguments.", fix: "Add @action.", edits: [insertFieldDirective(context.source, field.node, "@action")] })];
    }
    if (field.kind !== "relation" || useOf(field, "relationship") !== undefined) return [];
    const guess = guessRelationship(field, context);
    return [diagnose(context, {
      code: "FIELD_KIND", at: field.node.name, message: `${describeField(field)} is of the table ${field.type?.name} but has no @relationship.`, why: "It must be clear which key joins the two.",
      fix: guess === null ? "Add @relationship(from:), (to:) or (through:)." : `Add ${guess}.`, edits: guess === null ? [] : [insertFieldDirective(context.source, field.node, guess)],
    })];
  });
}

/** By the key that already points there, or the usual name of one: `product` and `productId`. */
function guessRelationship(field: DeclaredField, context: CompileContext): string | null {
  const { owner: here, type } = field;
  const there = type === null ? undefined : context.byName.get(type.name);
  if (type === null || there === undefined) return null;
  if (type.list) {
    const keys = keysTo(there, here);
    const key = keys.length === 1 ? keys[0] : usualKey(there, here.name, here);
    return key === undefined || key === null ? null : `@relationship(to: "${key}")`;
  }
  const key = usualKey(here, field.name, there);
  return key === null ? null : `@relationship(from: "${key}")`;
}

function usualKey(table: DeclaredType, base: string, target: DeclaredType): string | null {
  const key = fieldNamed(table, `${base[0]?.toLowerCase() ?? ""}${base.slice(1)}Id`);
  const primary = primaryKeyOf(target);
  return key?.kind === "stored" && key.type !== null && !key.type.list && key.type.name === primary?.type?.name ? key.name : null;
}
