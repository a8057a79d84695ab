// The order keys of a plan's rows: what was asked for or the plan's own ranking, made total by the primary key.
import { durationMs, parseDuration } from "../base/duration.ts";
import { decimalKey, parseDecimal } from "../base/decimal.ts";
import { isWellFormedText } from "../base/text.ts";
import type { Json, SqlValue } from "../base/value.ts";
import { typeOf, typeOfField } from "../expression/field-type.ts";
import type { ExpressionType } from "../expression/expression.ts";
import { jsonKey } from "../expression/json-value.ts";
import { listKey } from "../expression/list-value.ts";
import { orderKeys } from "../query/order-keys.ts";
import type { OrderTerm, Plan } from "../query/plan.ts";
import { comparedColumn, fieldOf } from "./column.ts";
import { orderKeySql } from "./expression-sql.ts";
import type { OrderKey } from "./plan-cursor.ts";
import type { Level } from "./plan-level.ts";
import { column, rowContext, rowSql, type PlanScope, type RowAlias } from "./plan-scope.ts";
import { fieldForm, jsonReady, ownField, wireFormOf, type WireForm } from "./plan-value.ts";

/** Of a plan without aggregates. */
export function planKeys(scope: PlanScope, plan: Plan, { row, rank }: Level): OrderKey[] {
  const { table } = row;
  const terms = orderKeys(plan, table, typeOfField(fieldOf(table, table.primaryKey).type, scope.catalog));
  const keys = terms.map((term) => orderKey(scope, row, term, plan));
  return rank !== null && plan.order.length === 0 ? [rank, ...keys] : keys;
}

function orderKey(scope: PlanScope, row: RowAlias, { value, descending, nulls }: OrderTerm, plan: Plan): OrderKey {
  const field = ownField(value, row.table);
  const form = field === null ? wireFormOf(value, row.table, scope.catalog) : fieldForm(field.type);
  const type = typeOf(value);
  return {
    sql: field === null || form === "json" ? orderKeySql(value, rowContext(scope, row)) : column(row.alias, comparedColumn(field)),
    get wire() { return jsonReady(rowSql(scope, row, value), form); },
    descending, nulls,
    nullable: field === null || !field.type.required,
    output: field === null ? null : outputKey(plan, field.name),
    read: (wire) => cursorValue(wire, type, form),
  };
}

/** Under which key the object of a row has the field's bare value, on every row. */
function outputKey(plan: Plan, field: string): string | null {
  const item = plan.select.findLast((one) => one.kind !== "open" && one.alias === field);
  if (item?.kind !== "value" || item.cast !== null || item.visibleWhen !== null) return null;
  const { value } = item;
  return value.op === "field" && value.field === field && value.path.length === 0 && value.within.length === 0 ? field : null;
}

function cursorValue(wire: Json, type: ExpressionType, form: WireForm): SqlValue | undefined {
  switch (type.kind) {
    case "bool": return typeof wire === "boolean" ? Number(wire) : undefined;
    case "int": return form === "long" ? longValue(wire) : Number.isSafeInteger(wire) ? BigInt(wire as number) : undefined;
    case "double": return typeof wire === "number" ? wire : undefined;
    case "json": return jsonKey(wire);
    case "object": return jsonKey(wire, true);
    case "list": return Array.isArray(wire) ? listKey(wire, type.item.kind) : undefined;
    case "null": return undefined;
    default: return typeof wire === "string" && isWellFormedText(wire) ? textValue(wire, type.kind) : undefined;
  }
}

function longValue(wire: Json): SqlValue | undefined {
  if (typeof wire !== "string" || !/^-?\d{1,19}$/.test(wire)) return undefined;
  const value = BigInt(wire);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

/** As SQLite compares it: decimals and durations by their key. */
function textValue(wire: string, kind: ExpressionType["kind"]): SqlValue | undefined {
  if (kind === "decimal") return parseDecimal(wire) === wire ? decimalKey(wire) : undefined;
  if (kind === "duration") return parseDuration(wire) === wire ? durationMs(wire) : undefined;
  return wire;
}
