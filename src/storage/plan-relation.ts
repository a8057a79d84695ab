// The condition that joins a relation's other row to this one. Whether either may be seen is decided elsewhere.
import { assert } from "../base/assert.ts";
import type { Field, Relation, Table } from "../schema/catalog.ts";
import { aliveTerms, column, fromTable, tableNamed, type PlanScope, type RowAlias } from "./plan-scope.ts";

export function relationOf(table: Table, name: string): Relation {
  const field: Field | undefined = table.fields.get(name);
  assert(field?.relation, `relation ${name} of a plan is in table ${table.name}`);
  return field.relation;
}

/**
 * True for `child` rows that the relation of row `parent` leads to. Expired rows of a join table lead nowhere.
 * `sought`: the side whose rows SQLite looks up while the other one's are known.
 */
export function joinTerm(scope: PlanScope, relation: Relation, parent: RowAlias, child: RowAlias, sought: "child" | "parent" = "child"): string {
  const here = column(parent.alias, relation.from);
  const there = column(child.alias, relation.to);
  if (relation.through === null) return sought === "child" ? `${there} = ${here}` : `${here} = ${there}`;
  const link: RowAlias = { alias: scope.nextAlias(), table: tableNamed(scope, relation.through.table) };
  const linkHere = column(link.alias, relation.through.from);
  const linkThere = column(link.alias, relation.through.to);
  const [wanted, known] = sought === "child" ? [linkThere, `${linkHere} = ${here}`] : [linkHere, `${linkThere} = ${there}`];
  const links = `SELECT ${wanted} FROM ${fromTable(link)} WHERE ${[known, ...aliveTerms(scope, link)].join(" AND ")}`;
  return `${sought === "child" ? there : here} IN (${links})`;
}
