// Expressions to SQL with the evaluator's verdict: 1, 0 or NULL for bool, the wire's form for other values.
// Values are always bound. Plain comparisons of stored fields stay plain, so that SQLite can use its indexes.
import { unreachable } from "../base/assert.ts";
import type { Expression } from "../expression/expression.ts";
import { typeOf } from "../expression/field-type.ts";
import { arithmeticSql, callSql, negateSql } from "./call-sql.ts";
import { compareSql, distinctSql, keySql } from "./compare-sql.ts";
import { aliveSql, fieldSql } from "./field-sql.ts";
import { quoted } from "./column.ts";
import { containmentSql, inSql, listSql, quantifySql } from "./list-sql.ts";
import { jsonAsSql, jsonPathSql, variableSql } from "./json-sql.ts";
import { distanceOf, likeSql, matchSql, nearSql, textSearchSql, type PlaceOf } from "./match-sql.ts";
import { isBindable, tableNamed, type SqlContext, type SqlScope } from "./sql-scope.ts";
import { toSqlValue } from "./sql-value.ts";

export type { BindSlot, SqlContext } from "./sql-scope.ts";

type Of<Op extends Expression["op"]> = Extract<Expression, { op: Op }>;

/** The value: bool 1/0, int INTEGER, double REAL, text for all scalars with a text form, JSON text for lists, objects and JSON. */
export function expressionSql(expression: Expression, context: SqlContext): string {
  return compile(expression, scopeOf(context));
}

/** For WHERE: true exactly where the expression is; what is not true may be 0 or NULL. */
export function filterSql(expression: Expression, context: SqlContext): string {
  return compile(expression, scopeOf(context));
}

/** To order, group, compare and take min and max by: as `expressionSql`, but for types whose text does not order as they do. */
export function orderKeySql(expression: Expression, context: SqlContext): string {
  return keySql(expression, scopeOf(context));
}

/** Metres from a row's place, NULL without one. */
export function distanceSql(place: PlaceOf, context: SqlContext): string {
  return distanceOf(place, scopeOf(context));
}

/** True where the row of `alias` has not expired. Null if rows of the table never do. */
export function notExpiredSql(table: string, alias: string, context: SqlContext): string | null {
  return aliveSql(tableNamed(context, table), alias, context);
}

function scopeOf(context: SqlContext): SqlScope {
  return {
    catalog: context.catalog, presentCatalog: context.presentCatalog, book: context.book, rows: context.rows, items: new Map(), depth: 0, compile,
    bind: (slot) => context.bind(slot),
    nextAlias: () => context.nextAlias(),
  };
}

function compile(expression: Expression, scope: SqlScope): string {
  if (expression.op === "literal") return literalSql(expression, scope);
  if (isBindable(expression, scope)) return closedSql(expression, scope);
  switch (expression.op) {
    case "and": case "or": return junctionSql(expression, scope);
    case "text-search": return textSearchSql(expression, scope);
    case "near": return nearSql(expression, scope);
    case "exists": return existsSql(expression, scope);
    case "variable": return variableSql(expression, scope);
    case "now": return closedSql(expression, scope);
    case "field": return fieldSql(expression, scope);
    case "not": return `(NOT ${compile(expression.operand, scope)})`;
    case "compare": return compareSql(expression, scope);
    case "is-null": return `(${compile(expression.operand, scope)} IS NULL)`;
    case "distinct": return distinctSql(expression, scope);
    case "in": return inSql(expression, scope);
    case "conditional": return conditionalSql(expression, scope);
    case "arithmetic": return arithmeticSql(expression, scope);
    case "negate": return negateSql(expression, scope);
    case "call": return callSql(expression, scope);
    case "list": return listSql(expression, scope);
    case "quantify": return quantifySql(expression, scope);
    case "like": return likeSql(expression, scope);
    case "match": return matchSql(expression, scope);
    case "contains": case "contained": case "overlaps": return containmentSql(expression, scope);
    case "json-path": return jsonPathSql(expression, scope);
    case "json-as": return jsonAsSql(expression, scope);
    default: return unreachable(expression);
  }
}

function literalSql({ value, type }: Of<"literal">, scope: SqlScope): string {
  if (value === null) return "NULL";
  if (typeof value === "boolean" && type.kind === "bool") return value ? "1" : "0";
  const placeholder = scope.bind({ kind: "value", value: toSqlValue(value, type) });
  return type.kind === "double" ? `CAST(${placeholder} AS REAL)` : placeholder;
}

/** A double may be bound as an integer: the cast keeps division and text the evaluator's. */
function closedSql(expression: Expression, scope: SqlScope): string {
  const placeholder = scope.bind({ kind: "closed", expression });
  return typeOf(expression).kind === "double" ? `CAST(${placeholder} AS REAL)` : placeholder;
}

function junctionSql(expression: Of<"and" | "or">, around: SqlScope): string {
  const scope = expression.present === true && around.presentCatalog !== undefined ? { ...around, catalog: around.presentCatalog } : around;
  const operands = expression.operands.map((operand) => compile(operand, scope));
  if (operands.length === 0) return expression.op === "and" ? "1" : "0";
  return operands.length === 1 ? operands[0]! : `(${operands.join(expression.op === "and" ? " AND " : " OR ")})`;
}

/** Unknown conditions have neither branch, as CASE WHEN would not have it. */
function conditionalSql(expression: Of<"conditional">, scope: SqlScope): string {
  const [condition, then, otherwise] = [expression.condition, expression.then, expression.otherwise].map((part) => compile(part, scope));
  return `(CASE ${condition} WHEN 1 THEN ${then} WHEN 0 THEN ${otherwise} END)`;
}

function existsSql({ table, row, where }: Of<"exists">, scope: SqlScope): string {
  const alias = scope.nextAlias();
  const target = tableNamed(scope, table);
  const inner: SqlScope = { ...scope, rows: { ...scope.rows, [row]: { alias, table } } };
  const conditions = [aliveSql(target, alias, scope), compile(where, inner)].filter((condition) => condition !== null);
  return `EXISTS (SELECT 1 FROM ${quoted(target.sqlName)} AS ${quoted(alias)} WHERE ${conditions.join(" AND ")})`;
}
