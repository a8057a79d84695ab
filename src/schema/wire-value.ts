// Canonical values to wire JSON and back, for values that were already validated. Long becomes a decimal string; the rest is itself.
// Knows no access rules: who may see a field is decided before.
import { assert } from "../base/assert.ts";
import type { Json, RecordValues, Value } from "../base/value.ts";
import type { Catalog, Table, TypeRef } from "./catalog.ts";

/** `value` is canonical and of `type`. Nested objects list their declared fields in order, absent ones as null. */
export function toWireValue(value: Value | undefined, type: TypeRef, catalog: Catalog): Json {
  if (value === null || value === undefined) return null;
  if (isNatural(type)) return value as Json;
  if (type.list) return (value as readonly Value[]).map((item) => (item === null ? null : toWireItem(item, type, catalog)));
  return toWireItem(value, type, catalog);
}

/** The inverse, for JSON of our own making (storage, the log). Trusts it. */
export function fromWireValue(json: Json | undefined, type: TypeRef, catalog: Catalog): Value {
  if (json === null || json === undefined) return null;
  if (isNatural(type)) return json;
  if (type.list) return (json as Json[]).map((item) => (item === null ? null : fromWireItem(item, type, catalog)));
  return fromWireItem(json, type, catalog);
}

/** Those fields of the record that are present and are no relations, in order of declaration; of open tables also the undeclared ones. */
export function wireRecord(values: RecordValues, table: Table, catalog: Catalog): { [field: string]: Json } {
  const record = Object.create(null) as { [field: string]: Json };
  for (const [name, field] of table.fields) {
    if (field.kind !== "relation" && Object.hasOwn(values, name)) record[name] = toWireValue(values[name], field.type, catalog);
  }
  if (table.open) {
    for (const name of Object.keys(values)) if (!table.fields.has(name)) record[name] = values[name] as Json;
  }
  return record;
}

function isNatural(type: TypeRef): boolean {
  return type.kind === "enum" || (type.kind === "scalar" && type.name !== "Long");
}

function toWireItem(value: Value, type: TypeRef, catalog: Catalog): Json {
  if (type.kind === "scalar") return String(value);
  if (type.kind === "table") return wireRelated(value as RecordValues, tableOf(type, catalog), catalog);
  const object = Object.create(null) as { [field: string]: Json };
  const values = value as RecordValues;
  for (const [name, field] of fieldsOf(type, catalog)) object[name] = toWireValue(own(values, name), field.type, catalog);
  return object;
}

function wireRelated(values: RecordValues, table: Table, catalog: Catalog): { [field: string]: Json } {
  const record = wireRecord(values, table, catalog);
  for (const [name, field] of table.fields) {
    if (field.kind === "relation" && Object.hasOwn(values, name)) record[name] = toWireValue(values[name], field.type, catalog);
  }
  return record;
}

function fromWireItem(json: Json, type: TypeRef, catalog: Catalog): Value {
  if (type.kind === "scalar") return BigInt(json as string);
  const object = Object.create(null) as { [field: string]: Value };
  const values = json as { [field: string]: Json };
  if (type.kind === "table") {
    const { fields } = tableOf(type, catalog);
    for (const name of Object.keys(values)) {
      const field = fields.get(name);
      object[name] = field === undefined ? values[name]! : fromWireValue(values[name], field.type, catalog);
    }
    return object;
  }
  for (const [name, field] of fieldsOf(type, catalog)) object[name] = fromWireValue(own(values, name), field.type, catalog);
  return object;
}

function own<Item>(values: { readonly [name: string]: Item }, name: string): Item | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

function fieldsOf(type: TypeRef, catalog: Catalog): ReadonlyMap<string, { readonly type: TypeRef }> {
  const object = catalog.objects.get(type.name);
  assert(object !== undefined, `object type ${type.name} is in the catalog`);
  return object.fields;
}

function tableOf(type: TypeRef, catalog: Catalog): Table {
  const table = catalog.tables.get(type.name);
  assert(table !== undefined, `table ${type.name} is in the catalog`);
  return table;
}
