// The selection on records to the items and levels of a query, as every grammar writes them: values, relations with their own filter,
// order and page, and aggregates. Names were checked against the caller's schema; build-plan.ts resolves them through the Scope again.
import { assert } from "../../base/assert.ts";
import { fault } from "../../base/error.ts";
import type { LevelSyntax, OrderSyntax, SelectSyntax } from "../../query/query-syntax.ts";
import type { AggregateFunction } from "../../query/plan.ts";
import type { Scope } from "../../query/scope.ts";
import type { Table } from "../../schema/catalog.ts";
import { filterConditions, type Members } from "./filter-conditions.ts";
import type { GraphqlNames } from "./graphql-names.ts";
import type { PlanDraft } from "./plan-draft.ts";
import { selectedFields, TYPE_NAME, type DocumentPart, type Selected } from "./selected-fields.ts";

export interface SelectionContext {
  readonly part: DocumentPart;
  readonly names: GraphqlNames;
  readonly scope: Scope;
  readonly draft: PlanDraft;
}

export interface QuerySyntax { readonly items: readonly SelectSyntax[]; readonly levels: readonly LevelSyntax[] }

/** Records of one table, somewhere in the query. */
interface Level {
  readonly table: Table;
  /** Aliases that lead to it. */
  readonly path: readonly string[];
  readonly where: string;
}

/** Aliases of plans are response keys, but where one is another relation's name: order and filters would take it for that. */
export function itemAlias(table: Table, name: string, key: string): string {
  return key !== name && table.fields.get(key)?.kind === "relation" ? `$${key}` : key;
}

/** Inside `by`, `sum` and the like the items of a group stand under the keys of both. */
export function groupAlias(outer: string, inner: string): string {
  return `${outer}.${inner}`;
}

/** `selected`: the field whose objects are records of `table`. */
export function recordSyntax(selected: readonly Selected[], level: Level, context: SelectionContext): QuerySyntax {
  const { table, path } = level;
  const { draft, names } = context;
  const items: SelectSyntax[] = [];
  const levels: LevelSyntax[] = [];
  draft.note("{");
  for (const { key, name, arguments: given, nodes, type } of selected) {
    if (name === TYPE_NAME) continue;
    const alias = itemAlias(table, name, key);
    draft.note(alias, name);
    const field = table.fields.get(name);
    if (field !== undefined && field.relation === null) {
      items.push({ kind: "field", alias, field: { name, path: [], asText: false }, cast: null });
      continue;
    }
    const aggregated = field === undefined ? relationAggregatedBy(name, table, names) : null;
    const relation = table.fields.get(aggregated ?? name)!.relation;
    assert(relation !== null, `${name} of ${table.name} is a relation or aggregates one`);
    const inner: Level = { table: context.scope.catalog.tables.get(relation.table)!, path: [...path, alias], where: level.where === "" ? key : `${level.where}.${key}` };
    const below = selectedFields(nodes, type, context.part);
    const found = aggregated === null ? recordSyntax(below, inner, context) : groupSyntax(below, context);
    items.push({ kind: "embed", alias, name: aggregated ?? name, hint: null, inner: false, spread: false, items: found.items });
    levels.push(...listLevels(given, inner, context), ...found.levels);
  }
  draft.note("}");
  // Without any item an embed would not come out at all, nor a row tell that it is there.
  return { items: items.length > 0 ? items : [presence(table, context.scope)], levels };
}

/** The relation of which `name` is the `...Aggregate`. */
export function relationAggregatedBy(name: string, table: Table, names: GraphqlNames): string {
  const found = [...names.table(table.name).aggregates].find(([, field]) => field === name);
  assert(found !== undefined, `${name} aggregates a relation of ${table.name}`);
  return found[0];
}

/** Some value that the caller may read, under a name that no response key has. */
export function presence(table: Table, scope: Scope): SelectSyntax {
  const own = [...scope.fields(table).values()].find((field) => field.relation === null);
  assert(own !== undefined, `${table.name} has a field that its readers may name`);
  return { kind: "field", alias: "$present", field: { name: own.name, path: [], asText: false }, cast: null };
}

const functions: Readonly<Record<string, AggregateFunction>> = { sum: "sum", avg: "avg", min: "min", max: "max" };

/** The selection on an aggregate: what it groups by and what it works out. */
export function groupSyntax(selected: readonly Selected[], { part, draft }: SelectionContext): QuerySyntax {
  const items: SelectSyntax[] = [];
  draft.note("{");
  for (const { key, name, nodes, type } of selected) {
    if (name === TYPE_NAME) continue;
    draft.note(key, name);
    if (name === "count") {
      items.push({ kind: "aggregate", alias: key, field: null, inputCast: null, function: "count", cast: null });
      continue;
    }
    for (const inner of selectedFields(nodes, type, part)) {
      if (inner.name === TYPE_NAME) continue;
      draft.note(inner.key, inner.name);
      const alias = groupAlias(key, inner.key);
      const field = { name: inner.name, path: [], asText: false };
      if (name === "by") items.push({ kind: "field", alias, field, cast: null });
      else items.push({ kind: "aggregate", alias, field, inputCast: null, function: functions[name]!, cast: null });
    }
    draft.note("}");
  }
  draft.note("}");
  // Groups without an aggregate are none, and without any item there is nothing to ask.
  const hasAggregate = items.some((item) => item.kind === "aggregate");
  return { items: hasAggregate ? items : [...items, { kind: "aggregate", alias: "$count", field: null, inputCast: null, function: "count", cast: null }], levels: [] };
}

/** filter, order, limit and offset of a list, wherever it stands. */
export function listLevels(given: Members, { table, path, where }: Level, { names, draft, scope }: SelectionContext): LevelSyntax[] {
  const levels: LevelSyntax[] = [];
  draft.note(path);
  const place = (name: string): string => (where === "" ? name : `${where}.${name}`);
  const filter = given["filter"] as Members | null | undefined;
  if (filter !== undefined && filter !== null) {
    const conditions = filterConditions(filter, { table, catalog: scope.catalog, names, draft, where: place("filter"), depth: 0 });
    levels.push(...conditions.map((condition): LevelSyntax => ({ path, where: place("filter"), kind: "condition", condition })));
  }
  const terms = ((given["order"] ?? []) as readonly Members[]).map((term) => orderTerm(term, table));
  draft.note(terms);
  if (terms.length > 0) levels.push({ path, where: place("order"), kind: "order", terms });
  for (const kind of ["limit", "offset"] as const) {
    const count = given[kind] as number | null | undefined;
    draft.note(kind, count ?? null);
    if (count === undefined || count === null) continue;
    if (count < 0) throw fault("MALFORMED_QUERY", `${place(kind)} is not below 0.`, { where: place(kind), fix: "Leave it out where there is none." });
    levels.push({ path, where: place(kind), kind, count });
  }
  return levels;
}

/** One member each: a field and its direction, or a relation with such. */
function orderTerm(term: Members, table: Table): OrderSyntax {
  const [name, direction] = Object.entries(term)[0]!;
  const isRelated = table.fields.get(name)?.relation !== null;
  const [inner, own] = isRelated ? Object.entries(direction as Members)[0]! : [name, direction];
  const [word, nulls] = String(own).split("_NULLS_");
  const descending = word === "DESC";
  return {
    relation: isRelated ? name : null, field: { name: inner, path: [], asText: false }, descending,
    nulls: nulls === undefined ? (descending ? "first" : "last") : nulls === "FIRST" ? "first" : "last",
  };
}
