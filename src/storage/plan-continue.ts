// Pages after a cursor where the first order key may be null and nulls come on the far side of an index's order: one search of
// the index for each side of that border, so that no page reads the ones before it.
import type { Json } from "../base/value.ts";
import type { Plan } from "../query/plan.ts";
import type { Table } from "../schema/catalog.ts";
import { rowKeyColumn } from "./column.ts";
import { afterTerm, cursorKeys, orderClause, type CursorKey, type OrderKey } from "./plan-cursor.ts";
import { isInIndex } from "./plan-index.ts";
import { planLevel } from "./plan-level.ts";
import { planKeys } from "./plan-order.ts";
import { column, fromTable, type PlanScope, type RowAlias } from "./plan-scope.ts";
import { whereClause } from "./plan-statement.ts";
import { ownField } from "./plan-value.ts";

/** Which of the two sides of the border between values and nulls, and the condition there. */
interface Side { readonly terms: readonly string[]; readonly order: readonly OrderKey[] }

/** FROM with the rows of the page as `row`, unordered; null where one search does as well. */
export function continuedRows(scope: PlanScope, plan: Plan, row: RowAlias): string | null {
  const { after, limit } = plan;
  if (after === null || limit === null || !crossesNulls(plan, after, row.table)) return null;
  const bound = scope.bindings.value(limit);
  const key = rowKeyColumn(row.table);
  const searches = [0, 1].map((index) => {
    const level = planLevel(scope, plan);
    const keys = planKeys(scope, plan, level);
    const side = sidesOf(cursorKeys(keys, after, (value) => scope.bindings.value(value)))[index]!;
    const rows = `SELECT ${column(level.row.alias, key)} AS hit FROM ${level.from}${whereClause([...level.terms, ...side.terms])}${orderClause(side.order)} LIMIT ${bound}`;
    return `SELECT hit FROM (${rows})`;
  });
  const found = scope.nextAlias();
  return `(${searches.join(" UNION ALL ")} LIMIT ${bound}) ${found} CROSS JOIN ${fromTable(row)} ON ${column(row.alias, key)} = ${found}.hit`;
}

/** The first key is an indexed field that may be null, and the rows after the cursor lie on both sides. */
function crossesNulls(plan: Plan, after: readonly Json[], table: Table): boolean {
  const [first] = plan.order;
  if (first === undefined || plan.offset > 0 || plan.search !== null) return false;
  const field = ownField(first.value, table);
  if (field === null || field.type.required || !isInIndex(field.name, table)) return false;
  return first.nulls === ((after[0] ?? null) === null ? "first" : "last");
}

/** In their order: the side that the cursor lies on, then the other one. */
function sidesOf([first, ...rest]: readonly CursorKey[]): [Side, Side] {
  const known: OrderKey = { ...first!.key, nullable: false };
  const others = rest.map(({ key }) => key);
  if (first!.value === null) {
    return [
      { terms: [`${known.sql} IS NULL`, afterTerm(rest)], order: others },
      { terms: [`${known.sql} IS NOT NULL`], order: [known, ...others] },
    ];
  }
  return [
    { terms: [afterTerm([{ key: known, value: first!.value }, ...rest])], order: [known, ...others] },
    { terms: [`${known.sql} IS NULL`], order: others },
  ];
}
