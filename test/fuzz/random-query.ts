// Random REST queries over a table: select with embeds, spreads, casts and aggregates, filters with every operator, order, page,
// rankings. Most are valid; some name what does not exist or do not fit, and some are spoilt on purpose.
import { canAggregate } from "../../src/query/operator-types.ts";
import type { Catalog, Field, Table, TypeRef } from "../../src/schema/catalog.ts";
import type { Dice } from "./dice.ts";
import { randomFilters } from "./random-filter.ts";
import { isValueField, jsonPaths, relationsOf } from "./query-fields.ts";

export type Pairs = [string, string][];

export interface QueryScope { readonly catalog: Catalog; readonly dice: Dice }

export function randomQuery(table: Table, scope: QueryScope): Pairs {
  const { dice } = scope;
  const pairs: Pairs = [];
  const grouped = dice.chance(0.15);
  if (grouped) pairs.push(["select", groupedItems(table, scope).join(",")]);
  else if (dice.chance(0.8)) pairs.push(["select", selectItems(table, scope, { depth: 0, prefix: "", pairs }).join(",")]);
  pairs.push(...randomFilters(table, scope, ""));
  if (dice.chance(0.5)) pairs.push(["order", grouped ? groupOrder(pairs[0]![1], dice) : orderTerms(table, scope)]);
  if (dice.chance(0.4)) pairs.push(["limit", String(dice.below(8))]);
  if (dice.chance(0.2)) pairs.push(["offset", String(dice.below(5))]);
  if (!grouped && dice.chance(0.15)) pairs.push(...randomRanking(table, scope));
  return dice.chance(0.04) ? spoilt(pairs, dice) : pairs;
}

interface Level { readonly depth: number; readonly prefix: string; readonly pairs: Pairs }

function selectItems(table: Table, scope: QueryScope, level: Level): string[] {
  const { dice } = scope;
  const items: string[] = [];
  const values = [...table.fields.values()].filter(isValueField);
  if (dice.chance(0.3)) items.push("*");
  else for (const field of dice.some(values, 0.3)) items.push(valueItem(field, scope));
  if (dice.chance(0.15)) items.push(`again:${dice.pick(values).name}`);
  if (dice.chance(0.1)) items.push(`"odd, \\"key\\"":${dice.pick(values).name}`);
  const relations = level.depth < 3 ? dice.some(relationsOf(table), 0.3 / (level.depth + 1)) : [];
  for (const [index, relation] of relations.entries()) items.push(embedItem(relation, scope, { ...level, depth: level.depth + 1 }, index));
  if (items.length === 0) items.push(table.primaryKey);
  return items;
}

function valueItem(field: Field, { dice, catalog }: QueryScope): string {
  const alias = dice.chance(0.15) ? `as_${field.name}:` : "";
  const path = dice.chance(0.5) ? dice.pick(["", ...jsonPaths(field.type, catalog)]) : "";
  const cast = dice.chance(0.15) ? `::${dice.pick(["text", "int", "float", "boolean", "json"])}` : "";
  return `${alias}${field.name}${path}${cast}`;
}

function embedItem(relation: Field, scope: QueryScope, level: Level, index: number): string {
  const { dice, catalog } = scope;
  const other = catalog.tables.get(relation.relation!.table)!;
  const spread = dice.chance(0.2);
  const alias = !spread && dice.chance(0.2) ? `e${level.depth}${index}` : null;
  const inner = dice.chance(0.25) ? "!inner" : "";
  const name = alias ?? relation.name;
  const prefix = `${level.prefix}${name}.`;
  const below: Level = { depth: level.depth, prefix, pairs: level.pairs };
  const items = dice.chance(0.1) ? [] : dice.chance(0.15) ? groupedItems(other, scope) : spread ? spreadItems(other, scope, level.depth) : selectItems(other, scope, below);
  if (dice.chance(0.3)) level.pairs.push(...randomFilters(other, scope, prefix));
  if (relation.relation!.kind !== "one") {
    if (dice.chance(0.3)) level.pairs.push([`${prefix}order`, orderTerms(other, scope)]);
    if (dice.chance(0.3)) level.pairs.push([`${prefix}limit`, String(dice.below(4))]);
    if (dice.chance(0.1)) level.pairs.push([`${prefix}offset`, String(dice.below(3))]);
  }
  return `${alias === null ? "" : `${alias}:`}${spread ? "..." : ""}${relation.name}${inner}(${items.join(",")})`;
}

/** With names of their own, so that they seldom meet those around. */
function spreadItems(table: Table, { dice, catalog }: QueryScope, depth: number): string[] {
  const values = dice.some([...table.fields.values()].filter(isValueField), 0.2);
  const items = values.map((field) => `s${depth}${table.name}_${field.name}:${field.name}`);
  const deeper = depth < 3 && dice.chance(0.3) ? dice.pick(relationsOf(table)) : null;
  if (deeper !== null) {
    const other = catalog.tables.get(deeper.relation!.table)!;
    items.push(`...${deeper.name}(${spreadItems(other, { dice, catalog }, depth + 1).join(",")})`);
  }
  return items.length > 0 ? items : [`s${depth}${table.name}_id:id`];
}

function groupedItems(table: Table, scope: QueryScope): string[] {
  const { dice, catalog } = scope;
  const values = [...table.fields.values()].filter(isValueField);
  const items = dice.some(values, 0.12).map((field) => `${field.name}${dice.chance(0.2) ? dice.pick(["", ...jsonPaths(field.type, catalog)]) : ""}`);
  if (dice.chance(0.5)) items.push("count()");
  const numbers = values.filter((field) => !field.type.list && ["Int", "Long", "Float", "Money", "Decimal"].includes(field.type.name));
  for (const [index, field] of dice.some(numbers, 0.4).entries()) items.push(`n${index}:${field.name}.${dice.pick(["sum", "avg", "min", "max", "count"])}()${dice.chance(0.15) ? "::text" : ""}`);
  const comparable = values.filter((field) => canAggregate("min", field.type) || dice.chance(0.02));
  for (const [index, field] of dice.some(comparable, 0.2).entries()) items.push(`m${index}:${field.name}.${dice.pick(["min", "max", "count"])}()`);
  const json = values.find((field) => field.type.name === "JSON");
  if (json !== undefined && dice.chance(0.3)) items.push(`j:${json.name}->a::${dice.pick(["int", "float"])}.sum()`);
  const one = relationsOf(table).filter((field) => field.relation!.kind === "one");
  if (one.length > 0 && dice.chance(0.2)) items.push(`...${dice.pick(one).name}(g_color:color)`);
  return items.length > 0 ? items : ["count()"];
}

function groupOrder(select: string, dice: Dice): string {
  const names = select.split(",").map((item) => (item === "count()" ? "count" : item.split(/:|->/)[0]!)).filter((name) => !name.startsWith("..."));
  return names.length === 0 ? "count" : `${dice.pick(names)}${direction(dice)}`;
}

function direction(dice: Dice): string {
  return dice.pick(["", ".asc", ".desc"]) + dice.pick(["", "", ".nullsfirst", ".nullslast"]);
}

export function orderTerms(table: Table, { dice, catalog }: QueryScope): string {
  const values = [...table.fields.values()].filter((field) => isValueField(field) && isOrdered(field.type));
  const count = 1 + dice.below(3);
  const terms = Array.from({ length: count }, () => {
    const one = relationsOf(table).filter((field) => field.relation!.kind === "one");
    if (one.length > 0 && dice.chance(0.15)) {
      const relation = dice.pick(one);
      const other = catalog.tables.get(relation.relation!.table)!;
      return `${relation.name}(${dice.pick([...other.fields.values()].filter((field) => isValueField(field) && isOrdered(field.type))).name})${direction(dice)}`;
    }
    const field = dice.pick(values);
    return `${field.name}${dice.chance(0.3) ? dice.pick(["", ...jsonPaths(field.type, catalog)]) : ""}${direction(dice)}`;
  });
  return terms.join(",");
}

function isOrdered(type: TypeRef): boolean {
  return !type.list && type.kind !== "object" && !["Bytes", "Vector"].includes(type.name);
}

function randomRanking(table: Table, { dice }: QueryScope): Pairs {
  const kinds: Pairs = [];
  if (table.search.length > 0 || table.indexes.some((index) => index.kind === "TEXT")) kinds.push(["search", dice.pick(["a", "red", "tea -green", "\"red apple\"", "apple or b", "strasse", "x y", "zzz", "\u{1f600}", "-a"])]);
  if (table.fields.has("vector")) kinds.push(["similar", dice.pick(["[1,0,0]", "[0.2,0.1,-3]", "vector:[0,0,1]", "[1,2]", "[0,0,0]"])]);
  if (table.fields.has("place")) kinds.push(["near", dice.pick(["52.5,13.4,1000", "place:0,180,300000", "89.9,0,50000", "0,0,20000000", "1,2", "95,0,1"])]);
  return kinds.length === 0 ? [] : [dice.pick(kinds)];
}

/** One character too many, too few, or another. */
function spoilt(pairs: Pairs, dice: Dice): Pairs {
  return pairs.map(([key, value]): [string, string] => {
    if (dice.chance(0.5)) return [key, value];
    const at = dice.below(value.length + 1);
    const put = dice.pick(["", "(", ")", ",", ".", "\"", "->", "::", "{", "\\", "\u0000", "\ud800", "!", "...", "%", "not."]);
    return [key, value.slice(0, at) + put + value.slice(at + dice.below(2))];
  });
}
