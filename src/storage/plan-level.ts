// The rows of one plan (or of one embed in it) before shape and page: where they come from and which of them count.
import type { Expression } from "../expression/expression.ts";
import type { Plan, SelectItem } from "../query/plan.ts";
import type { OrderKey } from "./plan-cursor.ts";
import { joinTerm, relationOf } from "./plan-relation.ts";
import { nearRank, similarRank } from "./plan-rank.ts";
import { aliveTerms, fromTable, rowFilterSql, tableNamed, whereClause, type PlanScope, type RowAlias } from "./plan-scope.ts";
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

/** `join`: conditions that tie the rows to those around. */
export function planLevel(scope: PlanScope, plan: Plan, join: (row: RowAlias) => string[] = () => []): Level {
  const row: RowAlias = { alias: scope.nextAlias(), table: tableNamed(scope, plan.table) };
  const source = plan.search === null ? null : searchSource(scope, plan.search, row);
  const terms = [...join(row), ...aliveTerms(scope, row), ...filterTerms(scope, row, plan.filter)];
  const similar = plan.similar === null ? null : similarRank(scope, row, plan.similar);
  if (similar !== null) terms.push(...similar.terms);
  for (const item of plan.select) if (item.kind === "embed" && item.inner) terms.push(innerTerm(scope, row, item));
  const near = plan.near === null ? null : nearRank(scope, row, plan.near);
  return { row, from: source?.from ?? fromTable(row), terms, rank: source?.rank ?? similar?.rank ?? near };
}

/** The operands of an AND stand alone, so that the statement reads as the request does. */
function filterTerms(scope: PlanScope, row: RowAlias, filter: Expression | null): string[] {
  if (filter === null) return [];
  const operands = filter.op === "and" && filter.operands.length > 0 ? filter.operands : [filter];
  return operands.map((operand) => rowFilterSql(scope, row, operand));
}

/** Some record passes the embed's filter and its own inner embeds. */
function innerTerm(scope: PlanScope, row: RowAlias, item: EmbedItem): string {
  const relation = relationOf(row.table, item.relation);
  const other = planLevel(scope, item.plan, (child) => [joinTerm(scope, relation, row, child)]);
  const exists = `EXISTS (SELECT 1 FROM ${other.from}${whereClause(other.terms)})`;
  return item.visibleWhen === null ? exists : `(${exists} AND ${rowFilterSql(scope, row, item.visibleWhen)})`;
}
