// The rows of one plan (or of one embed in it) before shape and page: where they come from and which of them count.
import type { Expression } from "../expression/expression.ts";
import type { Plan, SelectItem } from "../query/plan.ts";
import type { OrderKey } from "./plan-cursor.ts";
import { asEquality, findsByIndex } from "./plan-index.ts";
import { embeddedRelation, joinTerm, linkTerms, type RuledRelation } from "./plan-relation.ts";
import { nearRank, similarRank } from "./plan-rank.ts";
import { aliveTerms, column, fromTable, rowFilterSql, tableNamed, type PlanScope, type RowAlias } from "./plan-scope.ts";
import { BOUND, whereClause } from "./plan-statement.ts";
import { searchSource } from "./plan-search.ts";

export interface Level {
  readonly row: RowAlias;
  /** After FROM. */
  readonly from: string;
  /** Joined by AND. */
  readonly terms: readonly string[];
  /** Orders the rows where the plan says nothing else. */
  readonly rank: OrderKey | null;
}

type EmbedItem = Extract<SelectItem, { kind: "embed" }>;

/** `join`: conditions that tie the rows to those around. `bounds`: operands of the filter to mark with BOUND. */
export function planLevel(scope: PlanScope, plan: Plan, join: (row: RowAlias) => string[] = () => [], bounds: readonly Expression[] = []): Level {
  const row: RowAlias = { alias: scope.nextAlias(), table: tableNamed(scope, plan.table) };
  const source = plan.search === null ? null : searchSource(scope, plan.search, row);
  const terms = [...join(row), ...aliveTerms(scope, row), ...filterTerms(scope, row, plan.filter, bounds)];
  const similar = plan.similar === null ? null : similarRank(scope, row, plan.similar);
  if (similar !== null) terms.push(...similar.terms);
  for (const item of plan.select) if (item.kind === "embed" && item.inner) terms.push(innerTerm(scope, row, item));
  const near = plan.near === null ? null : nearRank(scope, row, plan.near);
  return { row, from: source?.from ?? fromTable(row), terms, rank: source?.rank ?? similar?.rank ?? near };
}

/** The operands of an AND stand alone, so that the statement reads as the request does. */
function filterTerms(scope: PlanScope, row: RowAlias, filter: Expression | null, bounds: readonly Expression[]): string[] {
  if (filter === null) return [];
  const operands = filter.op === "and" && filter.operands.length > 0 && filter.present !== true ? filter.operands : [filter];
  return operands.map((operand) => (bounds.includes(operand) ? BOUND : "") + rowFilterSql(scope, row, asEquality(operand)));
}

/** Some record passes the embed's filter and its own inner embeds. */
function innerTerm(scope: PlanScope, row: RowAlias, item: EmbedItem): string {
  const relation = embeddedRelation(row.table, item);
  const matched = findsByIndex(item.plan.filter, tableNamed(scope, item.plan.table), scope.catalog)
    ? listedTerm(scope, relation, row, item.plan) : existsTerm(scope, relation, row, item.plan);
  return item.visibleWhen === null ? matched : `(${matched} AND ${rowFilterSql(scope, row, item.visibleWhen)})`;
}

/** Looks from each row for its match: right where many match. */
function existsTerm(scope: PlanScope, relation: RuledRelation, row: RowAlias, plan: Plan): string {
  const other = planLevel(scope, plan, (child) => [joinTerm(scope, relation, row, child)]);
  return `EXISTS (SELECT 1 FROM ${other.from}${whereClause(other.terms)})`;
}

/** Finds the matches first and goes from them to the rows: right where an index finds few. */
function listedTerm(scope: PlanScope, relation: RuledRelation, row: RowAlias, plan: Plan): string {
  const here = column(row.alias, relation.from);
  const other = planLevel(scope, plan);
  const matches = (name: string): string => `SELECT ${column(other.row.alias, name)} FROM ${other.from}${whereClause(other.terms)}`;
  if (relation.through === null) return `${here} IN (${matches(relation.to)})`;
  const link: RowAlias = { alias: scope.nextAlias(), table: tableNamed(scope, relation.through.table) };
  const terms = [`${column(link.alias, relation.through.to)} IN (${matches(relation.to)})`, ...linkTerms(scope, relation, link)];
  return `${here} IN (SELECT ${column(link.alias, relation.through.from)} FROM ${fromTable(link)}${whereClause(terms)})`;
}
