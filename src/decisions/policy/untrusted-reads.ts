// Whether an expression over records reads text that is declared @untrusted: a field, a member inside one, or what is computed from it. Numbers,
// dates, enums and ids are what they are.
import type { Expression } from "../../expression/expression.ts";
import type { ExpressionBook } from "../../expression/expression-book.ts";
import { someIn } from "../../expression/inspect.ts";
import type { Catalog, InputField, Table, TypeRef } from "../../schema/catalog.ts";
import { carries } from "../context/taint.ts";

export interface Reading {
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  /** What else counts as untrusted, marked or not. */
  readonly also?: (field: string, table: Table) => boolean;
}

export function readsUntrusted(expression: Expression, reading: Reading): boolean {
  return someIn(expression, (part) => {
    if (part.op !== "field") return false;
    let table = reading.catalog.tables.get(part.table);
    for (const step of part.path) table = reading.catalog.tables.get(table?.fields.get(step)?.type.name ?? "");
    return table !== undefined && isUntrusted(part.field, table, reading);
  });
}

/** A computed field whose text comes from such text. */
export function isComputedOfUntrusted(name: string, table: Table, reading: Reading): boolean {
  const field = table.fields.get(name);
  const expression = field?.kind === "computed" && carries(field.type) ? reading.book.computed(table.name, name) : null;
  return expression !== null && readsUntrusted(expression, reading);
}

function isUntrusted(name: string, table: Table, reading: Reading): boolean {
  const field = table.fields.get(name);
  if (field === undefined) return false;
  return holdsMarked(field, reading.catalog, new Set()) || reading.also?.(name, table) === true || isComputedOfUntrusted(name, table, reading);
}

function holdsMarked({ type, limits }: { readonly type: TypeRef; readonly limits: InputField["limits"] }, catalog: Catalog, seen: Set<string>): boolean {
  if (carries(type)) return limits.untrusted;
  if (type.kind !== "object" || seen.has(type.name)) return false;
  seen.add(type.name);
  return [...catalog.objects.get(type.name)?.fields.values() ?? []].some((field) => holdsMarked(field, catalog, seen));
}
