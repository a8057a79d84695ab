// Comparisons to SQL. Types whose text does not order as they do are compared by a key: a companion column or a function of ours.
import { unreachable } from "../base/assert.ts";
import { decimalKey } from "../base/decimal.ts";
import { durationMs } from "../base/duration.ts";
import { alignOperands } from "../expression/align-operands.ts";
import type { Comparison, Expression, ExpressionType } from "../expression/expression.ts";
import { typeOf } from "../expression/field-type.ts";
import { companionSql } from "./field-sql.ts";
import { bindText, type SqlScope } from "./sql-scope.ts";

type Of<Op extends Expression["op"]> = Extract<Expression, { op: Op }>;

export function compareSql(expression: Of<"compare">, scope: SqlScope): string {
  const { left, right } = alignOperands(expression.left, expression.right);
  return `(${keySql(left, scope)} ${operatorOf(expression.comparison)} ${keySql(right, scope)})`;
}

export function distinctSql(expression: Of<"distinct">, scope: SqlScope): string {
  const { left, right } = alignOperands(expression.left, expression.right);
  return `(${keySql(left, scope)} IS NOT ${keySql(right, scope)})`;
}

function operatorOf(comparison: Comparison): string {
  switch (comparison) {
    case "eq": return "=";
    case "ne": return "<>";
    case "lt": return "<";
    case "le": return "<=";
    case "gt": return ">";
    case "ge": return ">=";
    default: return unreachable(comparison);
  }
}

/** SQL that orders, and is equal, as the values are. */
export function keySql(expression: Expression, scope: SqlScope): string {
  const { kind } = typeOf(expression);
  if (kind === "decimal" || kind === "duration") {
    const own = (expression.op === "field" ? companionSql(expression, scope) : null) ?? literalKey(expression, scope);
    if (own !== null) return own;
  }
  return keyOfSql(scope.compile(expression, scope), typeOf(expression));
}

function literalKey(expression: Expression, scope: SqlScope): string | null {
  if (expression.op !== "literal" || expression.value === null) return null;
  const text = expression.value as string;
  return expression.type.kind === "decimal" ? bindText(scope, decimalKey(text)) : scope.bind({ kind: "value", value: BigInt(durationMs(text)) });
}

/** The key of a value that is given as SQL in the form of its type. */
export function keyOfSql(sql: string, type: ExpressionType): string {
  switch (type.kind) {
    case "decimal": return `ambit_decimal_key(${sql})`;
    case "duration": return `ambit_duration_ms(${sql})`;
    case "json": return `ambit_json_key(${sql})`;
    case "object": return `ambit_object_key(${sql})`;
    case "list": return `ambit_list_key(${sql}, '${type.item.kind}')`;
    default: return sql;
  }
}
