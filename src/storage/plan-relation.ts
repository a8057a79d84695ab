// The condition that joins a relation's other row to this one. Whether either may be seen is decided elsewhere.
import { assert } from "../base/assert.ts";
import type { Expression } from "../expression/expression.ts";
import type { SelectItem } from "../query/plan.ts";
import type { Field, Relation, Table } from "../schema/catalog.ts";
import { aliveTerms, column, fromTable, rowFilterSql, tableNamed, type PlanScope, type RowAlias } from "./plan-scope.ts";

/** A relation as one reader may follow it. */
export interface RuledRelation extends Relation {
  /** Which rows of the join table lead somewhere; null or absent: all. */
  readonly linkFilter?: Expression | null;
}

export function relationOf(table: Table, name: string): Relation {
  const field: Field | undefined = table.fields.get(name);
  assert(field?.relation, `relation ${name} of a plan is in table ${table.name}`);
  return field.relation;
}

export function embeddedRelation(table: Table, item: SelectItem & { readonly kind: "embed" }): RuledRelation {
  const relation = relationOf(table, item.relation);
  return item.linkFilter === undefined || item.linkFilter === null ? relation : { ...relation, linkFilter: item.linkFilter };
}

/** What a row of a relation's join table must satisfy. */
export function linkTerms(scope: PlanScope, { linkFilter }: RuledRelation, link: RowAlias): string[] {
  return linkFilter === undefined || linkFilter === null ? aliveTerms(scope, link) : [...aliveTerms(scope, link), rowFilterSql(scope, link, linkFilter)];
}

/**
 * True for `child` rows that the relation of row `parent` leads to. Expired rows of a join table lead nowhere.
 * `sought`: the side whose rows SQLite looks up while the other one's are known.
 */
export function joinTerm(scope: PlanScope, relation: RuledRelation, parent: RowAlias, child: RowAlias, sought: "child" | "parent" = "child"): string {
  const here = column(parent.alias, relation.from);
  const there = column(child.alias, relation.to);
  if (relation.through === null) return sought === "child" ? `${there} = ${here}` : `${here} = ${there}`;
  const link: RowAlias = { alias: scope.nextAlias(), table: tableNamed(scope, relation.through.table) };
  const linkHere = column(link.alias, relation.through.from);
  const linkThere = column(link.alias, relation.through.to);
  const [wanted, known] = sought === "child" ? [linkThere, `${linkHere} = ${here}`] : [linkHere, `${linkThere} = ${there}`];
  const links = `SELECT ${wanted} FROM ${fromTable(link)} WHERE ${[known, ...linkTerms(scope, relation, link)].join(" AND ")}`;
  return `${sought === "child" ? there : here} IN (${links})`;
}
