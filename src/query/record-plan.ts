// Plans that one record, and those that it points to, answer: they need no SQL where records are at hand. What is more than stored fields of
// one record by its key, or is about an earlier moment, is a plan for the database. Same members, same JSON.
import type { Json, RecordValues, Value } from "../base/value.ts";
import type { Catalog, Table, TypeRef } from "../schema/catalog.ts";
import { toWireValue } from "../schema/wire-value.ts";
import type { Plan, SelectItem } from "./plan.ts";

type Member =
  | { readonly kind: "value"; readonly alias: string; readonly field: string; readonly type: TypeRef }
  | { readonly kind: "related"; readonly alias: string; /** The foreign key. */ readonly from: string; readonly record: RecordPlan };

export interface RecordPlan { readonly table: string; readonly members: readonly Member[] }

/** Of a plan by the key `args.key`, rules and all. Null: the database answers it. */
export function recordPlan(plan: Plan, catalog: Catalog): RecordPlan | null {
  return isByKey(plan, catalog) ? membersOf(plan, catalog) : null;
}

/** Null: there is no such record. `get`: by key; its values, or null. */
export function recordJson({ table, members }: RecordPlan, key: Value, get: (table: string, key: Value) => RecordValues | null, catalog: Catalog): { [name: string]: Json } | null {
  const values = key === null ? null : get(table, key);
  if (values === null) return null;
  const json: { [name: string]: Json } = {};
  for (const member of members) {
    if (member.kind === "value") json[member.alias] = toWireValue(values[member.field], member.type, catalog);
    else json[member.alias] = recordJson(member.record, values[member.from] ?? null, get, catalog);
  }
  return json;
}

function isByKey({ table: name, filter, asof }: Plan, catalog: Catalog): boolean {
  if (asof !== undefined || filter?.op !== "compare" || filter.comparison !== "eq") return false;
  const { left, right } = filter;
  const isKey = left.op === "field" && left.row === "record" && left.path.length === 0 && left.within.length === 0 && left.field === catalog.tables.get(name)?.primaryKey;
  return isKey && right.op === "variable" && right.root === "args" && right.path.length === 1 && right.path[0] === "key";
}

function membersOf(plan: Plan, catalog: Catalog): RecordPlan | null {
  const { table: name, select, offset, limit, after, count, search, similar, near, grouped } = plan;
  const table = catalog.tables.get(name);
  const isMore = offset !== 0 || limit === 0 || after !== null || count !== null || search !== null || similar !== null || near !== null || grouped || plan.asof !== undefined;
  if (isMore || table === undefined || table.source !== undefined) return null;
  const members = select.map((item) => memberOf(item, table, catalog));
  return members.includes(null) ? null : { table: name, members: members as Member[] };
}

function memberOf(item: SelectItem, table: Table, catalog: Catalog): Member | null {
  if (item.kind === "value") {
    const { value, alias, cast, visibleWhen } = item;
    const field = value.op === "field" && value.row === "record" && value.path.length === 0 && value.within.length === 0 ? table.fields.get(value.field) : undefined;
    return field?.kind === "stored" && cast === null && visibleWhen === null && isPlain(field.type) ? { kind: "value", alias, field: field.name, type: field.type } : null;
  }
  if (item.kind !== "embed" || item.inner || item.spread || item.visibleWhen !== null || item.plan.filter !== null || item.plan.select.length === 0) return null;
  const relation = table.fields.get(item.relation)?.relation ?? null;
  const isToKey = relation?.kind === "one" && relation.table === item.plan.table && catalog.tables.get(relation.table)?.primaryKey === relation.to;
  const record = isToKey ? membersOf(item.plan, catalog) : null;
  return record === null ? null : { kind: "related", alias: item.alias, from: relation!.from, record };
}

/** As it is stored, so it is written. */
function isPlain({ kind, name, list }: TypeRef): boolean {
  return !list && (kind === "enum" || (kind === "scalar" && PLAIN.has(name)));
}

const PLAIN = new Set(["ID", "String", "Int", "Long", "Float", "Boolean", "DateTime", "Date", "Duration", "Money", "Decimal"]);
