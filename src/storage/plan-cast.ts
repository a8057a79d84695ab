// Casts of `select=` as expressions, so that they mean the same in SQL and in memory. What cannot be converted is null.
import { typeOf } from "../expression/field-type.ts";
import type { Expression, ExpressionType, RuleFunction } from "../expression/expression.ts";
import type { Cast } from "../query/plan.ts";
import type { WireForm } from "./plan-value.ts";

const BOOL: ExpressionType = { kind: "bool" };
const INT: ExpressionType = { kind: "int" };
const STRING: ExpressionType = { kind: "string" };
const DOUBLE: ExpressionType = { kind: "double" };

/** json: the value as it is, which is JSON already. */
export function castExpression(value: Expression, cast: Cast | null): Expression {
  switch (cast) {
    case null: case "json": return value;
    case "text": return converted("string", value, STRING);
    case "int": return converted("int", value, INT);
    case "float": return typeOf(value).kind === "bool" ? nothing(DOUBLE) : converted("double", value, DOUBLE);
    case "boolean": return asBoolean(value);
  }
}

function converted(name: RuleFunction, value: Expression, type: ExpressionType): Expression {
  return { op: "call", type, function: name, arguments: [value] };
}

function nothing(type: ExpressionType): Expression {
  return { op: "literal", type, value: null };
}

/** Numbers: other than zero. Text: true and false as they are written. */
function asBoolean(value: Expression): Expression {
  const { kind } = typeOf(value);
  if (kind === "bool") return value;
  if (kind === "int" || kind === "double") {
    return { op: "compare", comparison: "ne", left: value, right: { op: "literal", type: { kind }, value: 0 } };
  }
  if (kind !== "string" && kind !== "json") return nothing(BOOL);
  const text = converted("string", value, STRING);
  const is = (word: string): Expression => ({ op: "compare", comparison: "eq", left: text, right: { op: "literal", type: STRING, value: word } });
  return choice(is("true"), true, choice(is("false"), false, nothing(BOOL)));
}

function choice(condition: Expression, truth: boolean, otherwise: Expression): Expression {
  // oxlint-disable-next-line unicorn/no-thenable -- an expression is never awaited
  return { op: "conditional", type: BOOL, condition, then: { op: "literal", type: BOOL, value: truth }, otherwise };
}

/** A result of an aggregate, as SQL, and what kind of value it is. */
export interface ResultSql { readonly sql: string; readonly kind: ExpressionType["kind"]; readonly form: WireForm }

/** The same casts for what is no expression. `long` is a form of what is not cast only. */
export function castResult(result: ResultSql, cast: Cast): ResultSql {
  switch (cast) {
    case "json": return result;
    case "text": return { sql: textSql(result), kind: "string", form: "plain" };
    case "int": return { sql: integerSql(result), kind: "int", form: "plain" };
    case "float": return { sql: doubleSql(result), kind: "double", form: "plain" };
    case "boolean": return { sql: result.kind === "int" || result.kind === "double" ? `(${result.sql} <> 0)` : booleanSql(result), kind: "bool", form: "boolean" };
  }
}

function textSql({ sql, kind }: ResultSql): string {
  if (kind === "double") return `ambit_text_of_double(${sql})`;
  return kind === "bool" ? `CASE ${sql} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END` : `CAST(${sql} AS TEXT)`;
}

function integerSql({ sql, kind }: ResultSql): string {
  switch (kind) {
    case "int": case "bool": return sql;
    case "double": case "string": case "decimal": return `ambit_int_of(${sql}, '${kind}')`;
    case "timestamp": return `ambit_epoch(${sql})`;
    default: return "NULL";
  }
}

function doubleSql({ sql, kind }: ResultSql): string {
  switch (kind) {
    case "int": case "double": return `CAST(${sql} AS REAL)`;
    case "string": case "decimal": return `ambit_double_of(${sql}, '${kind}')`;
    default: return "NULL";
  }
}

function booleanSql({ sql, kind }: ResultSql): string {
  if (kind === "bool") return sql;
  return kind === "string" ? `CASE ${sql} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END` : "NULL";
}
