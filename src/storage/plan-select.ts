// What a plan selects, as members of a JSON object: fields, embeds at any depth, spreads, undeclared fields.
import type { Plan, SelectItem } from "../query/plan.ts";
import { groupedSource } from "./plan-aggregate.ts";
import { castExpression } from "./plan-cast.ts";
import { orderClause } from "./plan-cursor.ts";
import { planLevel } from "./plan-level.ts";
import { objectSql, type Entry, type ObjectSql, type Part } from "./plan-object.ts";
import { planKeys } from "./plan-order.ts";
import { pageClause } from "./plan-page.ts";
import { embeddedRelation, joinTerm, type RuledRelation } from "./plan-relation.ts";
import { column, rowSql, tableNamed, type PlanScope, type RowAlias } from "./plan-scope.ts";
import { LIST_GUARD, whereClause } from "./plan-statement.ts";
import { fieldForm, jsonReady, ownField, wireFormOf } from "./plan-value.ts";
import { OPEN_COLUMN } from "./column.ts";
import { unreachable } from "../base/assert.ts";

type EmbedItem = Extract<SelectItem, { kind: "embed" }>;
type ValueItem = Extract<SelectItem, { kind: "value" }>;

/** Rows of an embed as a FROM clause with everything behind it, and what each of them gives. */
interface RowSource {
  readonly from: string;
  readonly parts: readonly Part[];
  /** The array of a JSON value of each row. */
  list(value: string): string;
}

/** The object of a row of a plan without aggregates. */
export function rowObject(scope: PlanScope, plan: Plan, row: RowAlias): ObjectSql {
  return objectSql(scope, selectParts(scope, plan, row), row.table.fields);
}

function selectParts(scope: PlanScope, plan: Plan, row: RowAlias): Part[] {
  return plan.select.flatMap((item): Part[] => {
    switch (item.kind) {
      case "value": return [valueEntry(scope, row, item)];
      case "embed": return embedParts(scope, row, item);
      case "open": return row.table.open ? [{ kind: "merged", sql: column(row.alias, OPEN_COLUMN) }] : [];
      case "aggregate": return [];
      default: return unreachable(item);
    }
  });
}

function valueEntry(scope: PlanScope, row: RowAlias, item: ValueItem): Entry {
  const visible = item.visibleWhen === null ? null : rowSql(scope, row, item.visibleWhen);
  const own = item.cast === null ? ownField(item.value, row.table) : null;
  if (own !== null) return { kind: "entry", key: item.alias, sql: column(row.alias, own.name), form: fieldForm(own.type), visible };
  const value = castExpression(item.value, item.cast);
  return { kind: "entry", key: item.alias, sql: rowSql(scope, row, value), form: wireFormOf(value, row.table, scope.catalog), visible };
}

function embedParts(scope: PlanScope, row: RowAlias, item: EmbedItem): Part[] {
  if (item.plan.select.length === 0) return [];
  const relation = embeddedRelation(row.table, item);
  const visible = item.visibleWhen === null ? null : rowSql(scope, row, item.visibleWhen);
  if (item.spread) return spreadParts(scope, row, { relation, item, visible });
  const source = relation.kind === "one" ? oneSource(scope, relation, row, item.plan) : manySource(scope, relation, row, item.plan);
  const object = objectSql(scope, source.parts, tableNamed(scope, item.plan.table).fields);
  const inner = relation.kind === "one" ? object.sql : source.list(object.typed ? object.sql : `json(${object.sql})`);
  return [{ kind: "entry", key: item.alias, sql: `(SELECT ${inner} FROM ${source.from})`, form: "json", visible }];
}

/** The at most one row that a relation leads to. */
function oneSource(scope: PlanScope, relation: RuledRelation, row: RowAlias, plan: Plan): RowSource {
  if (plan.grouped) return groupsOf(scope, relation, row, plan);
  const level = planLevel(scope, plan, (child) => [joinTerm(scope, relation, row, child)]);
  return { from: `${level.from}${whereClause(level.terms)} LIMIT 1`, parts: selectParts(scope, plan, level.row), list: wholeList };
}

/** Ordered and bounded inside, so that what is selected is worked out for the rows that stay. */
function manySource(scope: PlanScope, relation: RuledRelation, row: RowAlias, plan: Plan): RowSource {
  if (plan.grouped) return groupsOf(scope, relation, row, plan);
  const level = planLevel(scope, plan, (child) => [joinTerm(scope, relation, row, child)]);
  const order = orderClause(planKeys(scope, plan, level));
  const { embedRows } = scope.limits;
  const bounded = plan.limit !== null && plan.limit >= embedRows;
  // One more than there may be, to know of it.
  const page = pageClause(scope, bounded ? { ...plan, limit: embedRows + 1 } : plan);
  const rows = `SELECT ${level.row.alias}.* FROM ${level.from}${whereClause(level.terms, LIST_GUARD)}${order}${page}`;
  const kept: RowAlias = { alias: scope.nextAlias(), table: level.row.table };
  return { from: `(${rows}) ${kept.alias}`, parts: selectParts(scope, plan, kept), list: bounded ? (value) => boundedList(scope, value) : wholeList };
}

function groupsOf(scope: PlanScope, relation: RuledRelation, row: RowAlias, plan: Plan): RowSource {
  return { ...groupedSource(scope, plan, (child) => [joinTerm(scope, relation, row, child)]), list: wholeList };
}

function wholeList(value: string): string {
  return `json_group_array(${value})`;
}

/** A list that nobody asked to be cut is whole or refused. */
function boundedList(scope: PlanScope, value: string): string {
  const most = scope.bindings.value(scope.limits.embedRows);
  return `CASE WHEN count(*) > ${most} THEN ambit_list_too_long(${most}) ELSE json_group_array(${value}) END`;
}

interface Spread { readonly relation: RuledRelation; readonly item: EmbedItem; readonly visible: string | null }

/** Each member of the other row becomes one of this: a value (to-one), or the list of values. */
function spreadParts(scope: PlanScope, row: RowAlias, { relation, item, visible }: Spread): Part[] {
  const build = relation.kind === "one" ? oneSource : manySource;
  const { from, parts, list } = build(scope, relation, row, item.plan);
  const many = relation.kind !== "one";
  // Undeclared fields have no place in lists: each record has others.
  return parts.filter((part) => !many || part.kind === "entry").map((part): Part => {
    if (part.kind === "merged") return { kind: "merged", sql: `(SELECT ${part.sql} FROM ${from})` };
    if (many) return { ...part, sql: `(SELECT ${list(listed(part))} FROM ${from})`, form: "json", visible };
    const masks = [visible, part.visible === null ? null : `(SELECT ${part.visible} FROM ${from})`].filter((mask) => mask !== null);
    return { ...part, sql: `(SELECT ${part.sql} FROM ${from})`, visible: masks.length === 0 ? null : masks.join(" AND ") };
  });
}

/** In a list there is no absence: what is hidden is null. */
function listed({ sql, form, visible }: Entry): string {
  const value = jsonReady(sql, form);
  return visible === null ? value : `CASE WHEN ${visible} THEN ${value} END`;
}
