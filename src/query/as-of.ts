// `asof=`: a query about a moment of the past. Every table that the query itself names must keep its history; what rules look at is not
// asked, for those are today's. Which position the moment has, and whether it is still known, is found when the query runs.
import { isTimeWithLostPlus, lostPlusFix, parseDateTime } from "../base/date-time.ts";
import { fault } from "../base/error.ts";
import type { Expression } from "../expression/expression.ts";
import { someIn } from "../expression/inspect.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import type { AsOf, Plan } from "./plan.ts";
import { tableLabel } from "./resolution.ts";

/** The variable under which the moment is known to statements: `asof.position`, `asof.time`. */
export const asOfRoot = "asof";

/** `text`: an RFC 3339 time, or a position as the history of a record names it. */
export function readAsOf(text: string): AsOf {
  const time = parseDateTime(text.trim());
  if (time !== null) return { kind: "time", time };
  if (/^[0-9a-f]+\.\d+\.\d+$/.test(text)) return { kind: "position", position: text };
  throw fault("MALFORMED_QUERY", "asof takes a time or a position.", {
    where: "asof", fix: isTimeWithLostPlus(text) ? lostPlusFix : "Write asof=2027-01-31T12:00:00Z, or a position from the history of a record.",
  });
}

/** The same plan about that moment. Throws NO_HISTORY. */
export function asOfPlan(plan: Plan, asof: AsOf, catalog: Catalog): Plan {
  if (plan.search !== null || plan.similar !== null) throw unsearchable();
  for (const name of tablesAsked(plan, catalog)) {
    const table = catalog.tables.get(name);
    if (table !== undefined && table.historyMs === null) throw noHistory(table);
  }
  return { ...plan, asof };
}

/** Every table that the plan itself reads, before rules are added. */
export function tablesAsked(plan: Plan, catalog: Catalog): ReadonlySet<string> {
  const names = new Set([plan.table]);
  for (const expression of expressionsOf(plan)) collect(expression, names);
  const relations = catalog.tables.get(plan.table)?.fields;
  for (const item of plan.select) {
    if (item.kind !== "embed") continue;
    const through = relations?.get(item.relation)?.relation?.through ?? null;
    if (through !== null) names.add(through.table);
    for (const name of tablesAsked(item.plan, catalog)) names.add(name);
  }
  return names;
}

function expressionsOf(plan: Plan): Expression[] {
  const selected = plan.select.flatMap((item) => ((item.kind === "value" || item.kind === "aggregate") && item.value !== null ? [item.value] : []));
  return [...(plan.filter === null ? [] : [plan.filter]), ...plan.order.map((term) => term.value), ...selected];
}

function collect(expression: Expression, names: Set<string>): void {
  someIn(expression, (part) => {
    if (part.op === "exists") names.add(part.table);
    if (part.op === "text-search") throw unsearchable();
    if (part.op === "field" && part.path.length > 0) {
      throw fault("MALFORMED_QUERY", "With asof, order and groups take the record's own fields.", { where: "asof", fix: "Order by a field of the record itself; related records can be embedded." });
    }
    return false;
  });
}

function noHistory(table: Table): Error {
  return fault("NO_HISTORY", `${tableLabel(table)} keeps no history, so nothing is known of it at an earlier moment.`, {
    where: "asof", fix: `Leave ${tableLabel(table)} out of the query, or give the type ${table.name} @table(history: "P90D").`,
  });
}

function unsearchable(): Error {
  return fault("MALFORMED_QUERY", "Full text and vectors of former versions are not indexed.", { where: "asof", fix: "Filter by like, ilike or match, or leave asof out." });
}
