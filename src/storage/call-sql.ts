// Functions and arithmetic of rules to SQL. SQLite's own where it means the same; else ours, which are the evaluator's.
import { alignArguments } from "../expression/align-operands.ts";
import type { Expression, ExpressionType } from "../expression/expression.ts";
import { typeOf } from "../expression/field-type.ts";
import { keySql } from "./compare-sql.ts";
import { rangeSql } from "./match-sql.ts";
import type { SqlScope } from "./sql-scope.ts";

type Of<Op extends Expression["op"]> = Extract<Expression, { op: Op }>;
type Kind = ExpressionType["kind"];

export function callSql(call: Of<"call">, scope: SqlScope): string {
  const operands = alignArguments(call);
  if (call.function === "min" || call.function === "max") return extremeSql(call, operands, scope);
  const { kind } = typeOf(operands[0]!);
  const values = operands.map((operand) => scope.compile(operand, scope)) as [string, ...string[]];
  const beginning = call.function === "startsWith" ? operands[1] : undefined;
  const range = beginning?.op === "literal" && typeof beginning.value === "string" ? rangeSql(values[0], beginning.value, scope) : null;
  if (range !== null) return `(${range})`;
  return values.length === 2 ? binarySql(call.function, values[0], values[1]!) : unarySql(call.function, kind, values[0], operands[0]!, scope);
}

function binarySql(name: Of<"call">["function"], text: string, part: string): string {
  switch (name) {
    case "startsWith": return `(instr(${text}, ${part}) = 1)`;
    case "contains": return `(instr(${text}, ${part}) > 0)`;
    case "endsWith": return `ambit_ends_with(${text}, ${part})`;
    case "matches": return `ambit_match(${text}, ${part}, 0)`;
    default: return "NULL";
  }
}

function unarySql(name: Of<"call">["function"], kind: Kind, value: string, operand: Expression, scope: SqlScope): string {
  switch (name) {
    case "size": return sizeSql(kind, value);
    case "lower": case "upper": case "trim": return `ambit_${name}(${value})`;
    case "abs": return absoluteSql(kind, value, operand, scope);
    case "round": return kind === "int" ? value : `ambit_round(${value})`;
    case "int": return integerSql(kind, value);
    case "double": return doubleSql(kind, value);
    case "string": return textSql(kind, value);
    case "timestamp": return kind === "timestamp" ? value : kind === "date" ? `(${value} || 'T00:00:00.000Z')` : `ambit_timestamp(${value})`;
    case "date": return kind === "date" ? value : kind === "timestamp" ? `substr(${value}, 1, 10)` : `ambit_date(${value})`;
    case "duration": return kind === "duration" ? value : `ambit_duration(${value})`;
    case "year": return `CAST(substr(${value}, 1, 4) AS INTEGER)`;
    case "month": return `CAST(substr(${value}, 6, 2) AS INTEGER)`;
    case "day": return `CAST(substr(${value}, 9, 2) AS INTEGER)`;
    default: return "NULL";
  }
}

function sizeSql(kind: Kind, value: string): string {
  switch (kind) {
    case "string": return `length(${value})`;
    case "bytes": return `ambit_bytes_size(${value})`;
    case "list": return `json_array_length(${value})`;
    case "json": return `ambit_json_size(${value})`;
    default: return "NULL";
  }
}

function absoluteSql(kind: Kind, value: string, operand: Expression, scope: SqlScope): string {
  switch (kind) {
    case "int": return `ambit_abs(${value})`;
    case "double": return `CAST(ambit_abs(${value}) AS REAL)`;
    case "decimal": return `ambit_decimal_abs(${value})`;
    case "duration": return `ambit_duration_text(ambit_abs(${keySql(operand, scope)}))`;
    default: return "NULL";
  }
}

function integerSql(kind: Kind, value: string): string {
  switch (kind) {
    case "int": case "bool": return value;
    case "double": case "string": case "decimal": case "json": return `ambit_int_of(${value}, '${kind}')`;
    case "timestamp": return `ambit_epoch(${value})`;
    default: return "NULL";
  }
}

function doubleSql(kind: Kind, value: string): string {
  switch (kind) {
    case "int": case "double": return `CAST(${value} AS REAL)`;
    case "string": case "decimal": case "json": return `CAST(ambit_double_of(${value}, '${kind}') AS REAL)`;
    default: return "NULL";
  }
}

function textSql(kind: Kind, value: string): string {
  switch (kind) {
    case "int": return `CAST(${value} AS TEXT)`;
    case "double": return `ambit_text_of_double(${value})`;
    case "bool": return `(CASE ${value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)`;
    case "json": return `ambit_json_text(${value}, '[]')`;
    default: return value;
  }
}

function extremeSql(call: Of<"call">, operands: readonly Expression[], scope: SqlScope): string {
  const sign = call.function === "min" ? 1 : -1;
  const type = typeOf(operands[0]!);
  const values = (): string => operands.map((operand) => scope.compile(operand, scope)).join(", ");
  if (operands.length === 1) return type.kind === "list" ? listExtremeSql(values(), sign, type.item.kind) : values();
  switch (type.kind) {
    case "decimal": return `ambit_decimal_extreme(${sign}, ${values()})`;
    case "duration": return `ambit_duration_text(${call.function}(${operands.map((operand) => keySql(operand, scope)).join(", ")}))`;
    default: {
      const sql = `${call.function}(${values()})`;
      return operands.some((operand) => typeOf(operand).kind === "double") ? `CAST(${sql} AS REAL)` : sql;
    }
  }
}

function listExtremeSql(list: string, sign: number, kind: Kind): string {
  const sql = `ambit_list_extreme(${list}, ${sign}, '${kind}')`;
  return kind === "double" ? `CAST(${sql} AS REAL)` : sql;
}

export function arithmeticSql(expression: Of<"arithmetic">, scope: SqlScope): string {
  const { operator, left, right, type } = expression;
  const value = (operand: Expression): string => scope.compile(operand, scope);
  switch (type.kind) {
    case "int": return `ambit_int(${value(left)} ${operator} ${value(right)})`;
    case "double": return operator === "%" ? "NULL" : finiteSql(`${value(left)} ${operator} ${value(right)}`);
    case "decimal": return `ambit_decimal(${decimalText(left, scope)}, '${operator}', ${decimalText(right, scope)})`;
    case "string": return `(${value(left)} || ${value(right)})`;
    case "timestamp": return timeSql(expression, scope);
    case "duration": return typeOf(left).kind === "timestamp"
      ? `ambit_duration_text(ambit_time_ms(${value(left)}) - ambit_time_ms(${value(right)}))`
      : `ambit_duration_text(${keySql(left, scope)} ${operator} ${keySql(right, scope)})`;
    default: return "NULL";
  }
}

/** SQLite has infinities, rules do not. */
function finiteSql(sql: string): string {
  return `nullif(nullif(${sql}, 9e999), -9e999)`;
}

function decimalText(operand: Expression, scope: SqlScope): string {
  const sql = scope.compile(operand, scope);
  return typeOf(operand).kind === "int" ? `CAST(${sql} AS TEXT)` : sql;
}

function timeSql({ operator, left, right }: Of<"arithmetic">, scope: SqlScope): string {
  const [time, duration] = typeOf(left).kind === "duration" ? [right, left] : [left, right];
  return `ambit_time_move(${scope.compile(time, scope)}, ${operator === "-" ? "-" : ""}${keySql(duration, scope)})`;
}

export function negateSql(expression: Of<"negate">, scope: SqlScope): string {
  const value = scope.compile(expression.operand, scope);
  switch (expression.type.kind) {
    case "int": return `ambit_int(-${value})`;
    case "double": return `(-${value})`;
    case "decimal": return `ambit_decimal_negate(${value})`;
    case "duration": return `ambit_duration_text(-${keySql(expression.operand, scope)})`;
    default: return "NULL";
  }
}
