// Follows a dotted path of relations through the declared tables. Answers where it leads, or the first step that does not exist.
import { fieldNamed, useOf, type DeclaredField, type DeclaredType } from "./declarations.ts";

export type PathEnd =
  | { readonly kind: "found"; readonly table: DeclaredType; readonly relations: readonly DeclaredField[] }
  /** `step` is no relation of `table`; `field` if it is another field. */
  | { readonly kind: "stopped"; readonly table: DeclaredType; readonly step: string; readonly field: DeclaredField | null };

/** All `steps` must be relations. */
export function followRelations(table: DeclaredType, steps: readonly string[], types: ReadonlyMap<string, DeclaredType>): PathEnd {
  const relations: DeclaredField[] = [];
  let current = table;
  for (const step of steps) {
    const field = fieldNamed(current, step);
    const next = field?.kind === "relation" && field.type !== null ? types.get(field.type.name) : undefined;
    if (field === undefined || next === undefined) return { kind: "stopped", table: current, step, field: field ?? null };
    relations.push(field);
    current = next;
  }
  return { kind: "found", table: current, relations };
}

/** The table that a foreign key of `table` points to. */
export function tableBehindKey(table: DeclaredType, key: string, types: ReadonlyMap<string, DeclaredType>): DeclaredType | null {
  for (const field of table.fields) {
    const use = useOf(field, "relationship");
    if (field.kind !== "relation" || field.type === null || field.type.list || use?.values?.["from"] !== key) continue;
    const target = types.get(field.type.name);
    if (target !== undefined) return target;
  }
  return null;
}
