// The full order of a plan's rows: what was asked for, made total by the primary key. Cursors hold one value for each of these.
import type { Table } from "../schema/catalog.ts";
import type { Expression, ExpressionType } from "../expression/expression.ts";
import type { OrderTerm, Plan } from "./plan.ts";

/**
 * Of a plan without aggregates. The key comes last unless it is among the terms already, in the direction of the term before
 * it: so an index that ends in the key gives the whole order, read either way.
 */
export function orderKeys(plan: Plan, table: Table, keyType: ExpressionType): readonly OrderTerm[] {
  if (plan.order.some((term) => term.name === table.primaryKey)) return plan.order;
  const value: Expression = { op: "field", type: keyType, row: "record", table: table.name, path: [], field: table.primaryKey, within: [] };
  return [...plan.order, { value, name: table.primaryKey, descending: plan.order.at(-1)?.descending ?? false, nulls: "last" }];
}
