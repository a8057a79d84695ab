// Values of select items in wire form, worked out from memory values and declared types alone.
import type { Json, Value } from "../../src/base/value.ts";
import type { Expression } from "../../src/expression/expression.ts";
import type { Catalog, Table, TypeRef } from "../../src/schema/catalog.ts";
import { toWireValue } from "../../src/schema/wire-value.ts";

/** The type of the field that an expression reads; null where it works something out. */
export function fieldType(expression: Expression, table: Table, catalog: Catalog): TypeRef | null {
  if (expression.op !== "field") return null;
  let place = table;
  for (const step of expression.path) place = catalog.tables.get(place.fields.get(step)!.relation!.table)!;
  let type = place.fields.get(expression.field)!.type;
  for (const step of expression.within) {
    type = typeof step === "number" ? { ...type, list: false } : catalog.objects.get(type.name)!.fields.get(step)!.type;
  }
  return type;
}

export function wireOf(value: Value, expression: Expression, table: Table, catalog: Catalog): Json {
  if (value === null) return null;
  const type = fieldType(expression, table, catalog);
  if (type !== null) return toWireValue(type.name === "Long" && !type.list ? BigInt(value as number) : value, type, catalog);
  return typeof value === "bigint" ? Number(value) : (value as Json);
}
