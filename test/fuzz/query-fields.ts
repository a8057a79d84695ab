// Which fields of a table a random query can name, and paths into them.
import type { Catalog, Field, Table, TypeRef } from "../../src/schema/catalog.ts";

export function isValueField(field: Field): boolean {
  return field.kind !== "relation";
}

export function relationsOf(table: Table): Field[] {
  return [...table.fields.values()].filter((field) => field.kind === "relation");
}

/** Some of them break. */
export function jsonPaths(type: TypeRef, catalog: Catalog): string[] {
  if (type.list) return ["->0", "->>1", "->-1", "->9"];
  if (type.name === "JSON") return ["->a", "->>a", "->a->b", "->a->b->>c", "->0", "->>0", "->b->2->>c", "->\"odd key\"", "->-1", "->>d"];
  if (type.kind !== "object" || !catalog.objects.has(type.name)) return [];
  return ["->lat", "->>lon", "->label", "->size", "->>size", "->tags", "->tags->0", "->inner", "->inner->count", "->inner->>name", "->nothing"];
}
