// Plans with aggregates as SQL: groups of the selected values, sums that are exact or refused, order by what was selected.
import { assert, unreachable } from "../base/assert.ts";
import { fault } from "../base/error.ts";
import { typeOf } from "../expression/field-type.ts";
import type { Plan, SelectItem } from "../query/plan.ts";
import { orderKeySql } from "./expression-sql.ts";
import { castExpression, castResult, type ResultSql } from "./plan-cast.ts";
import { planLevel, type Level } from "./plan-level.ts";
import type { Part } from "./plan-object.ts";
import { pageClause } from "./plan-page.ts";
import { rowContext, rowSql, type PlanScope, type RowAlias } from "./plan-scope.ts";
import { whereClause } from "./plan-statement.ts";
import { hasOrderKey, wireFormOf, type WireForm } from "./plan-value.ts";

type AggregateItem = Extract<SelectItem, { kind: "aggregate" }>;
type ValueItem = Extract<SelectItem, { kind: "value" }>;

/** One column of the grouped rows. */
interface GroupColumn {
  readonly alias: string;
  readonly sql: string;
  readonly form: WireForm;
  /** What it is ordered by. */
  readonly order: string;
  /** What rows are put together by; null for an aggregate. */
  readonly group: string | null;
}

/** Grouped rows as a FROM clause, and the members of each one's object. */
export interface GroupedSource {
  readonly from: string;
  readonly parts: readonly Part[];
  /** Counts the groups, without the page. */
  readonly countSql: string;
}

export function groupedSource(scope: PlanScope, plan: Plan, join?: (row: RowAlias) => string[]): GroupedSource {
  const level = planLevel(scope, plan, join);
  const rows = `FROM ${level.from}${whereClause(level.terms)}`;
  const groups = plan.select.flatMap((item) => (item.kind === "value" ? [groupColumn(scope, level, item)] : []));
  const groupBy = groups.length === 0 ? "" : ` GROUP BY ${groups.map(({ group }) => group).join(", ")}`;
  const countSql = groups.length === 0 ? "SELECT 1" : `SELECT count(*) FROM (SELECT 1 ${rows}${groupBy})`;
  const columns = inSelectOrder(plan, groups, (item) => aggregateColumn(scope, level, item));
  const order = [...plan.order.map((term) => orderTerm(columns, term)), ...groups.map(({ order }) => order)];
  const orderBy = order.length === 0 ? "" : ` ORDER BY ${order.join(", ")}`;
  const alias = scope.nextAlias();
  const list = columns.map(({ sql }, index) => `${sql} AS c${index}`).join(", ");
  const from = `(SELECT ${list} ${rows}${groupBy}${orderBy}${pageClause(scope, plan)}) ${alias}`;
  const parts = columns.map((column, index): Part => ({ kind: "entry", key: column.alias, sql: `${alias}.c${index}`, form: column.form, visible: null }));
  return { from, parts, countSql };
}

function inSelectOrder(plan: Plan, groups: readonly GroupColumn[], aggregate: (item: AggregateItem) => GroupColumn): GroupColumn[] {
  const columns: GroupColumn[] = [];
  let next = 0;
  for (const item of plan.select) {
    if (item.kind === "value") columns.push(groups[next++]!);
    else if (item.kind === "aggregate") columns.push(aggregate(item));
  }
  return columns;
}

function orderTerm(columns: readonly GroupColumn[], { item, descending, nulls }: Plan["order"][number]): string {
  const column = columns.find(({ alias }) => alias === item);
  assert(column !== undefined, "a grouped plan is ordered by what it selects");
  return `${column.order} ${descending ? "DESC" : "ASC"} NULLS ${nulls.toUpperCase()}`;
}

/** Equal values are one group, however they are written; the group shows the first of them as text. */
function groupColumn(scope: PlanScope, { row }: Level, item: ValueItem): GroupColumn {
  const value = castExpression(item.value, item.cast);
  const form = wireFormOf(value, row.table, scope.catalog);
  const visible = item.visibleWhen === null ? null : rowSql(scope, row, item.visibleWhen);
  const masked = (sql: string): string => (visible === null ? sql : `CASE WHEN ${visible} THEN ${sql} END`);
  const sql = masked(rowSql(scope, row, value));
  if (!hasOrderKey(value)) return { alias: item.alias, sql, form, order: sql, group: sql };
  const key = masked(orderKeySql(value, rowContext(scope, row)));
  return { alias: item.alias, sql: `min(${sql})`, form, order: key, group: key };
}

function aggregateColumn(scope: PlanScope, { row }: Level, item: AggregateItem): GroupColumn {
  const result = aggregateSql(scope, row, item);
  if (item.cast === null) return { alias: item.alias, group: null, sql: result.sql, form: result.form, order: result.order ?? result.sql };
  const { sql, form } = castResult(result, item.cast);
  return { alias: item.alias, group: null, sql, form, order: sql };
}

/** `order`: where it differs from the value itself. */
interface AggregateSql extends ResultSql { readonly order?: string }

function aggregateSql(scope: PlanScope, row: RowAlias, { function: name, value }: AggregateItem): AggregateSql {
  if (value === null) return { sql: "count(*)", kind: "int", form: "plain" };
  const sql = rowSql(scope, row, value);
  const form = wireFormOf(value, row.table, scope.catalog);
  const { kind } = typeOf(value);
  switch (name) {
    case "count": return { sql: `count(${sql})`, kind: "int", form: "plain" };
    case "sum": return sumSql(sql, kind, form);
    case "avg": return { sql: finiteSql(`avg(${kind === "decimal" ? `CAST(${sql} AS REAL)` : sql})`), kind: "double", form: "plain" };
    case "min": case "max": {
      if (!hasOrderKey(value)) return { sql: `${name}(${sql})`, kind, form };
      const key = orderKeySql(value, rowContext(scope, row));
      return { sql: `${name === "min" ? "ambit_least" : "ambit_greatest"}(${key}, ${sql})`, kind, form, order: `${name}(${key})` };
    }
    default: return unreachable(name);
  }
}

/** SQLite fails where a sum leaves 64 bits on the way (plan-run.ts): beyond what Int and Money hold, but not for Long. */
function sumSql(sql: string, kind: ResultSql["kind"], form: WireForm): AggregateSql {
  const sum = `sum(${sql})`;
  switch (kind) {
    case "int": return form === "long" ? longSumSql(sql) : { sql: withinSql(sum, "9007199254740991"), kind, form: "plain" };
    case "double": return { sql: finiteSql(sum), kind, form: "plain" };
    case "decimal": return { sql: `ambit_decimal_sum(${sql})`, kind, form: "plain", order: `ambit_decimal_key(ambit_decimal_sum(${sql}))` };
    default: throw fault("MALFORMED_QUERY", "sum() takes numbers.");
  }
}

function longSumSql(sql: string): AggregateSql {
  const sum = `ambit_long_sum(sum(${sql} >> 32), sum(${sql} & 4294967295))`;
  return { sql: sum, kind: "decimal", form: "plain", order: `ambit_decimal_key(${sum})` };
}

function finiteSql(sql: string): string {
  return withinSql(sql, "1.7976931348623157e308");
}

function withinSql(sql: string, bound: string): string {
  return `CASE ambit_sum_within(${sql}, ${bound}) WHEN 1 THEN ${sql} END`;
}
