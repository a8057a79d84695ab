// `order` as written to order terms: fields, fields of to-one relations, and in grouped levels the items of select.
import { fault } from "../base/error.ts";
import { typeOf } from "../expression/field-type.ts";
import type { Table } from "../schema/catalog.ts";
import { fieldText } from "./field-syntax.ts";
import { isOrderable } from "./operator-types.ts";
import type { OrderTerm, SelectItem } from "./plan.ts";
import type { OrderSyntax } from "./query-syntax.ts";
import { relatedTable, unknownField, visibleRelation, type RelationField, type Resolution } from "./resolution.ts";
import { placeOf, resolveField, type FieldPlace } from "./resolve-field.ts";

export interface OrderScope {
  readonly table: Table;
  readonly level: { readonly select: readonly SelectItem[]; readonly grouped: boolean };
  readonly resolution: Resolution;
  /** The relation that the request embeds under this name, if any. */
  relationOf(name: string): RelationField | null;
}

export function orderTerms(terms: readonly { readonly term: OrderSyntax; readonly where: string }[], scope: OrderScope): OrderTerm[] {
  return terms.map(({ term, where }) => {
    scope.resolution.countTerms(1, where);
    return scope.level.grouped ? groupTerm(term, scope, where) : fieldTerm(term, scope, where);
  });
}

function fieldTerm({ relation, field, descending, nulls }: OrderSyntax, scope: OrderScope, where: string): OrderTerm {
  const followed = relation === null ? null : followedRelation(relation, scope, where);
  const place: FieldPlace = followed === null ? placeOf(scope.table)
    : { row: "record", rowTable: scope.table, path: [followed.name], table: relatedTable(followed, scope.resolution.catalog) };
  const resolved = resolveField(field, place, scope.resolution, where);
  if (!isOrderable(resolved.type)) throw fault("OPERATOR_TYPE", `${resolved.label} has no order.`, { where, fix: "Order by a text, a number, a time or a Boolean." });
  return { value: resolved.expression, name: followed === null ? resolved.label : `${followed.name}(${resolved.label})`, descending, nulls };
}

function followedRelation(name: string, { table, resolution, relationOf }: OrderScope, where: string): RelationField {
  const field = relationOf(name) ?? visibleRelation(name, table, resolution.scope);
  if (field === null) throw unknownField(name, table, resolution.scope, where);
  if (field.relation.kind === "one") return field;
  throw fault("MALFORMED_QUERY", `${name} leads to many records, so it gives no order.`, { where, fix: `Order the embedded list itself: ${name}.order=FIELD.` });
}

/** Groups are ordered by what is selected: by alias, or by the field's name. */
function groupTerm({ relation, field, descending, nulls }: OrderSyntax, { level }: OrderScope, where: string): OrderTerm {
  const name = relation === null ? fieldText(field) : `${relation}(${fieldText(field)})`;
  const items = level.select.filter((item) => item.kind === "value" || item.kind === "aggregate");
  const item = items.find((one) => one.alias === name)
    ?? items.find((one) => one.kind === "value" && one.cast === null && one.value.op === "field" && one.value.within.length === 0 && nameOf(one.value) === name);
  if (item?.kind === "value" && ["list", "object"].includes(typeOf(item.value).kind)) throw fault("OPERATOR_TYPE", `${name} has no order.`, { where });
  if (item !== undefined) return { value: { op: "literal", type: { kind: "null" }, value: null }, name, item: item.alias, descending, nulls };
  throw fault("MALFORMED_QUERY", `${name} is not selected, so groups have no such order.`, { where, fix: `Order by one of ${items.map((one) => one.alias).join(", ")}.` });
}

function nameOf({ path, field }: { readonly path: readonly string[]; readonly field: string }): string {
  return path.length === 0 ? field : `${path.join(".")}(${field})`;
}
