// "Some record that this relation leads to": the exists expression with its join. Rules are not its business.
import { assert } from "../base/assert.ts";
import type { Expression, RowName } from "../expression/expression.ts";
import { typeOfField } from "../expression/field-type.ts";
import { bindRow } from "../expression/inspect.ts";
import type { Catalog, Field, Table } from "../schema/catalog.ts";
import type { Plan } from "./plan.ts";
import { isRelation, relatedTable, type RelationField, type Resolution } from "./resolution.ts";

export interface RelatedRow { readonly row: RowName; readonly table: Table }

/** True of `parent` if the relation leads to some row for which `where` holds; null: any row. */
export function relatedExists(field: RelationField, parent: RelatedRow, resolution: Resolution, where: (child: RelatedRow) => Expression | null): Expression {
  const { relation } = field;
  const { catalog } = resolution;
  const child: RelatedRow = { row: resolution.nextRow(), table: relatedTable(field, catalog) };
  if (relation.through === null) {
    const join = equal(column(child, relation.to, catalog), column(parent, relation.from, catalog));
    return { op: "exists", table: child.table.name, row: child.row, where: conjunction([join, where(child)])! };
  }
  const joinTable = catalog.tables.get(relation.through.table);
  assert(joinTable !== undefined, `the join table of relation ${field.name} is in the catalog`);
  const link: RelatedRow = { row: resolution.nextRow(), table: joinTable };
  const reached: Expression = {
    op: "exists", table: child.table.name, row: child.row,
    where: conjunction([equal(column(child, relation.to, catalog), column(link, relation.through.to, catalog)), where(child)])!,
  };
  return { op: "exists", table: joinTable.name, row: link.row, where: conjunction([equal(column(link, relation.through.from, catalog), column(parent, relation.from, catalog)), reached])! };
}

/** True of `row` if the embed's plan has it: its filter holds and its inner embeds have a match. */
export function planMatch(plan: Plan, { row, table }: RelatedRow, resolution: Resolution): Expression | null {
  const inner = plan.select.flatMap((item) => {
    if (item.kind !== "embed" || !item.inner) return [];
    const field: Field | undefined = table.fields.get(item.relation);
    assert(field !== undefined && isRelation(field), `relation ${item.relation} of a plan is in table ${table.name}`);
    return [relatedExists(field, { row, table }, resolution, (child) => planMatch(item.plan, child, resolution))];
  });
  return conjunction([plan.filter === null ? null : bindRow(plan.filter, "record", row), ...inner]);
}

/** Null when nothing is left. */
export function conjunction(operands: readonly (Expression | null)[]): Expression | null {
  const present = operands.filter((operand) => operand !== null).flatMap((operand) => (operand.op === "and" ? operand.operands : [operand]));
  return present.length > 1 ? { op: "and", operands: present } : present[0] ?? null;
}

function column({ row, table }: RelatedRow, name: string, catalog: Catalog): Expression {
  const field = table.fields.get(name);
  assert(field !== undefined, `field ${name} is in table ${table.name}`);
  return { op: "field", type: typeOfField(field.type, catalog), row, table: table.name, path: [], field: name, within: [] };
}

function equal(left: Expression, right: Expression): Expression {
  return { op: "compare", comparison: "eq", left, right };
}
