// Rows of a plan from their JSON text to memory form, for code: a Long becomes a bigint, the rest is itself.
import { assert } from "../base/assert.ts";
import type { Json, RecordValues, Value } from "../base/value.ts";
import type { Plan, SelectItem } from "../query/plan.ts";
import type { Catalog, Table, TypeRef } from "../schema/catalog.ts";
import { fromWireValue } from "../schema/wire-value.ts";
import { declaredType, isLong } from "./plan-value.ts";

type JsonObject = { [key: string]: Json };
/** Null: the value is its own memory form. */
type Decoder = ((json: Json) => Value) | null;

/** `json` is what `readRows` gave for the plan. Objects have no prototype. */
export function decodeRows(plan: Plan, json: string, catalog: Catalog): RecordValues[] {
  const decode = rowDecoder(plan, catalog);
  return (JSON.parse(json) as JsonObject[]).map(decode);
}

function rowDecoder(plan: Plan, catalog: Catalog): (row: JsonObject) => RecordValues {
  const table = catalog.tables.get(plan.table);
  assert(table !== undefined, `table ${plan.table} of a plan is in the catalog`);
  const decoders = new Map(plan.select.flatMap((item) => itemDecoders(item, table, catalog)));
  return (row) => {
    const record = Object.create(null) as { [key: string]: Value };
    for (const key of Object.keys(row)) {
      const value = row[key]!;
      const decode = decoders.get(key) ?? null;
      record[key] = decode === null || value === null ? value : decode(value);
    }
    return record;
  };
}

function itemDecoders(item: SelectItem, table: Table, catalog: Catalog): (readonly [string, Decoder])[] {
  switch (item.kind) {
    case "value": return [[item.alias, item.cast === null ? typeDecoder(declaredType(item.value, table, catalog), catalog) : null]];
    case "aggregate": return [[item.alias, aggregateDecoder(item, table, catalog)]];
    case "embed": return embedDecoders(item, table, catalog);
    case "open": return [];
  }
}

function typeDecoder(type: TypeRef | null, catalog: Catalog): Decoder {
  const nested = type !== null && (isLong(type) || type.list || type.kind === "object");
  return nested ? (json) => fromWireValue(json, type, catalog) : null;
}

/** Only sum, min and max are of the field's own type. */
function aggregateDecoder(item: Extract<SelectItem, { kind: "aggregate" }>, table: Table, catalog: Catalog): Decoder {
  if (item.value === null || item.cast !== null || item.function === "count" || item.function === "avg") return null;
  return isLong(declaredType(item.value, table, catalog)) ? (json) => BigInt(json as string) : null;
}

function embedDecoders(item: Extract<SelectItem, { kind: "embed" }>, table: Table, catalog: Catalog): (readonly [string, Decoder])[] {
  const many = table.fields.get(item.relation)?.relation?.kind !== "one";
  if (!item.spread) {
    const decode = rowDecoder(item.plan, catalog);
    return [[item.alias, many ? (json) => (json as JsonObject[]).map(decode) : (json) => decode(json as JsonObject)]];
  }
  const other = catalog.tables.get(item.plan.table);
  assert(other !== undefined, `table ${item.plan.table} of a plan is in the catalog`);
  const inner = item.plan.select.flatMap((one) => itemDecoders(one, other, catalog));
  return many ? inner.map(([key, decode]) => [key, listDecoder(decode)] as const) : inner;
}

function listDecoder(decode: Decoder): Decoder {
  return decode === null ? null : (json) => (json as Json[]).map((value) => (value === null ? null : decode(value)));
}
