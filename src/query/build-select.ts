// `select` as written to the items of a plan's level. Embeds come ready from build-plan.ts.
import { fault } from "../base/error.ts";
import type { Expression } from "../expression/expression.ts";
import { typeOfField } from "../expression/field-type.ts";
import type { Field, Table, TypeRef } from "../schema/catalog.ts";
import { canAggregate, typeClass } from "./operator-types.ts";
import type { Cast, SelectItem } from "./plan.ts";
import type { EmbedSyntax, FieldSyntax, SelectSyntax } from "./query-syntax.ts";
import { isRelation, tableLabel, visibleField, type Resolution } from "./resolution.ts";
import { placeOf, resolveField, textType, type ResolvedField } from "./resolve-field.ts";

export function selectItems(items: readonly SelectSyntax[], table: Table, resolution: Resolution, embed: (syntax: EmbedSyntax) => SelectItem): readonly SelectItem[] {
  const built = items.map((syntax): readonly SelectItem[] => {
    resolution.countItem();
    switch (syntax.kind) {
      case "all": return allItems(table, resolution);
      case "embed": return [embed(syntax)];
      case "aggregate": return [aggregateItem(syntax, table, resolution)];
      case "field": return [isRowCount(syntax, table, resolution) ? aggregateItem(rowCount(syntax), table, resolution) : fieldItem(syntax, table, resolution)];
    }
  });
  return built.length === 1 ? built[0]! : withoutRepeats(built.flat());
}

/** `*,price` names price twice and means it once. Two different items of one name stay, and are refused later. */
function withoutRepeats(items: readonly SelectItem[]): SelectItem[] {
  const seen = new Map<string, SelectItem>();
  return items.filter((item) => {
    const name = item.kind === "open" ? "*" : item.alias;
    const earlier = seen.get(name);
    if (earlier === undefined) seen.set(name, item);
    return earlier === undefined || !isSame(earlier, item);
  });
}

function isSame(left: SelectItem, right: SelectItem): boolean {
  if (left.kind === "open" || right.kind === "open") return left.kind === right.kind;
  return left.kind === "value" && right.kind === "value" && left.cast === right.cast && JSON.stringify(left.value) === JSON.stringify(right.value);
}

/** Ready items of `*`, by what a scope says the fields are; gone with the scope. */
const wholeRecords = new WeakMap<ReadonlyMap<string, Field>, readonly SelectItem[]>();

/** `*`: every value that may be read; of an open table also what is not declared. */
function allItems(table: Table, resolution: Resolution): readonly SelectItem[] {
  const fields = resolution.scope.fields(table);
  let items = wholeRecords.get(fields);
  if (items === undefined) {
    const values = [...fields.values()].filter((field) => !isRelation(field));
    const ready = values.map((field) => valueItem(resolveField(plainField(field.name), placeOf(table), resolution, "select"), field.name, null));
    items = table.open ? [...ready, { kind: "open" }] : ready;
    wholeRecords.set(fields, items);
  }
  return items;
}

type FieldItem = Extract<SelectSyntax, { kind: "field" }>;
type AggregateItem = Extract<SelectSyntax, { kind: "aggregate" }>;

/** PostgREST's older way to count: `stock(count)`. */
function isRowCount({ field }: FieldItem, table: Table, { scope }: Resolution): boolean {
  return field.name === "count" && field.path.length === 0 && visibleField("count", table, scope) === null;
}

function rowCount({ alias, cast }: FieldItem): AggregateItem {
  return { kind: "aggregate", alias, field: null, inputCast: null, function: "count", cast };
}

function fieldItem({ alias, field, cast }: FieldItem, table: Table, resolution: Resolution): SelectItem {
  return valueItem(resolveField(field, placeOf(table), resolution, "select"), alias ?? defaultAlias(field), cast);
}

function valueItem({ field, expression }: ResolvedField, alias: string, cast: Cast | null): SelectItem {
  return { kind: "value", alias, value: expression, field: field.name, cast, visibleWhen: null };
}

function plainField(name: string): FieldSyntax {
  return { name, path: [], asText: false };
}

/** As in PostgREST: the last key of a path, else the field's name. */
function defaultAlias({ name, path }: FieldSyntax): string {
  const key = path.findLast((step) => typeof step === "string");
  if (key === "__proto__") throw fault("MALFORMED_QUERY", "The name __proto__ is refused.", { where: "select", fix: "Give it an alias." });
  return key === undefined ? name : String(key);
}

function aggregateItem(syntax: AggregateItem, table: Table, resolution: Resolution): SelectItem {
  const alias = syntax.alias ?? syntax.function;
  if (syntax.field === null) return { kind: "aggregate", alias, function: syntax.function, value: null, field: null, cast: syntax.cast };
  const resolved = resolveField(syntax.field, placeOf(table), resolution, "select");
  const { expression, type } = converted(resolved, syntax.inputCast, resolution);
  if (!canAggregate(syntax.function, type)) {
    const json = typeClass(resolved.type) === "json" || syntax.field.asText;
    const fix = json ? `Cast it: ${resolved.label}::float.${syntax.function}().` : "Use count(), or a field of another type.";
    throw fault("OPERATOR_TYPE", `${syntax.function}() does not fit ${resolved.label} of ${tableLabel(table)}.`, { where: "select", fix });
  }
  return { kind: "aggregate", alias, function: syntax.function, value: expression, field: resolved.field.name, cast: syntax.cast };
}

const castTypes: Readonly<Record<"text" | "int" | "float", { name: string; function: "string" | "int" | "double" }>> = {
  text: { name: "String", function: "string" }, int: { name: "Long", function: "int" }, float: { name: "Float", function: "double" },
};

/** A cast before an aggregate is part of its input. */
function converted({ expression, type, label }: ResolvedField, cast: Cast | null, resolution: Resolution): { expression: Expression; type: TypeRef } {
  if (cast === null) return { expression, type };
  const kind = typeClass(type);
  if (cast === "boolean" || cast === "json" || !["number", "json", "text"].includes(kind)) {
    throw fault("OPERATOR_TYPE", `${label} cannot be cast to ${cast} before an aggregate.`, { where: "select", fix: "Cast a number, text or JSON to int, float or text." });
  }
  const target = castTypes[cast];
  const castType: TypeRef = { ...textType, name: target.name };
  return { type: castType, expression: { op: "call", type: typeOfField(castType, resolution.catalog), function: target.function, arguments: [expression] } };
}

/** Names of the output, those of spread embeds included. Throws MALFORMED_QUERY where two items would have one name. */
export function outputNames(select: readonly SelectItem[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const item of select) {
    for (const name of namesOf(item)) {
      if (names.has(name)) throw fault("MALFORMED_QUERY", `Two items of select are called ${name}.`, { where: "select", fix: `Give one an alias: other:${name}.` });
      names.add(name);
    }
  }
  return names;
}

function namesOf(item: SelectItem): Iterable<string> {
  if (item.kind === "open" || (item.kind === "embed" && item.plan.select.length === 0)) return [];
  return item.kind === "embed" && item.spread ? outputNames(item.plan.select) : [item.alias];
}
