// Evaluates expressions in memory: three-valued, total, deterministic. The same verdict as storage/expression-sql.ts.
// An expression is compiled to closures once for each book, and kept as long as the expression lives.
import { unreachable } from "../base/assert.ts";
import { compilePattern } from "../base/pattern.ts";
import { matchesText } from "../base/text-query.ts";
import type { Value } from "../base/value.ts";
import { alignOperands, readAs } from "./align-operands.ts";
import { arithmeticProgram, callProgram, negateProgram } from "./call-program.ts";
import { comparerOf, equalByIdentity } from "./compare-values.ts";
import type { Comparison, Environment, Expression } from "./expression.ts";
import type { ExpressionBook } from "./expression-book.ts";
import { fieldProgram } from "./field-program.ts";
import { distanceMetres } from "./geo.ts";
import { isObject, readJsonAs, textOfJson, valueAt } from "./json-value.ts";
import { likePattern } from "./like-pattern.ts";
import { containmentProgram, inProgram, quantifyProgram } from "./list-program.ts";
import { NULL_PROGRAM, type Frame, type Program, type ProgramScope } from "./program.ts";

type Of<Op extends Expression["op"]> = Extract<Expression, { op: Op }>;

const programs = new WeakMap<ExpressionBook, WeakMap<Expression, Program>>();

/** The expression's value; null for unknown. An integer is a number while it is safe, else a bigint. */
export function evaluate(expression: Expression, environment: Environment, book: ExpressionBook): Value {
  return programOf(expression, book)({ environment, items: [] });
}

/** Unknown is not true. */
export function isTrue(expression: Expression, environment: Environment, book: ExpressionBook): boolean {
  return evaluate(expression, environment, book) === true;
}

function programOf(expression: Expression, book: ExpressionBook): Program {
  let known = programs.get(book);
  if (known === undefined) programs.set(book, known = new WeakMap());
  let program = known.get(expression);
  if (program === undefined) known.set(expression, program = compile(expression, { book, items: new Map(), depth: 0, compile }));
  return program;
}

function compile(expression: Expression, scope: ProgramScope): Program {
  switch (expression.op) {
    case "literal": return constant(expression.value);
    case "variable": return variableProgram(expression, scope);
    case "now": return ({ environment }) => environment.now;
    case "field": return fieldProgram(expression, scope);
    case "not": return notProgram(scope.compile(expression.operand, scope));
    case "and": return junction(expression.operands.map((operand) => compile(operand, scope)), false);
    case "or": return junction(expression.operands.map((operand) => compile(operand, scope)), true);
    case "compare": return compareProgram(expression, scope);
    case "is-null": return nullTest(compile(expression.operand, scope));
    case "distinct": return distinctProgram(expression, scope);
    case "in": return inProgram(expression, scope);
    case "conditional": return conditionalProgram(expression, scope);
    case "arithmetic": return arithmeticProgram(expression, scope);
    case "negate": return negateProgram(expression, scope);
    case "call": return callProgram(expression, scope);
    case "list": return listProgram(expression.items.map((item) => compile(item, scope)));
    case "quantify": return quantifyProgram(expression, scope);
    case "exists": return existsProgram(expression);
    case "like": return textTest(expression, scope, likePattern(expression.pattern, expression.fold));
    case "match": return matchProgram(expression, scope);
    case "contains": case "contained": case "overlaps": return containmentProgram(expression, scope);
    case "json-path": return jsonPathProgram(expression, scope);
    case "json-as": return jsonAsProgram(expression, scope);
    case "text-search": return textSearchProgram(expression, scope);
    case "near": return nearProgram(expression, scope);
    default: return unreachable(expression);
  }
}

function constant(value: Value): Program {
  return value === null ? NULL_PROGRAM : () => value;
}

function variableProgram({ root, path }: Of<"variable">, scope: ProgramScope): Program {
  const depth = scope.items.get(root);
  if (depth !== undefined) return path.length === 0 ? ({ items }) => items[depth] ?? null : ({ items }) => valueAt(items[depth] ?? null, path);
  return ({ environment }) => valueAt(environment.variables[root] ?? null, path);
}

function notProgram(operand: Program): Program {
  return (frame) => {
    const value = operand(frame);
    return value === null ? null : value !== true;
  };
}

/** and: false decides; or: true decides. Else unknown if one is. */
function junction(operands: readonly Program[], decisive: boolean): Program {
  return (frame) => {
    let verdict: boolean | null = !decisive;
    for (const operand of operands) {
      const value = operand(frame);
      if (value === decisive) return decisive;
      if (value === null) verdict = null;
    }
    return verdict;
  };
}

function compareProgram(expression: Of<"compare">, scope: ProgramScope): Program {
  const aligned = alignOperands(expression.left, expression.right);
  const [left, right] = [compile(aligned.left, scope), compile(aligned.right, scope)];
  const { comparison } = expression;
  if ((comparison === "eq" || comparison === "ne") && equalByIdentity(aligned.type)) return identityProgram(left, right, comparison === "eq");
  const compare = comparerOf(aligned.type);
  const holds = verdictOf(comparison);
  return (frame) => {
    const a = left(frame);
    const b = right(frame);
    return a === null || b === null ? null : holds(compare(a, b));
  };
}

function identityProgram(left: Program, right: Program, equal: boolean): Program {
  return (frame) => {
    const a = left(frame);
    const b = right(frame);
    return a === null || b === null ? null : (a === b) === equal;
  };
}

function verdictOf(comparison: Comparison): (order: number) => boolean {
  switch (comparison) {
    case "eq": return (order) => order === 0;
    case "ne": return (order) => order !== 0;
    case "lt": return (order) => order < 0;
    case "le": return (order) => order <= 0;
    case "gt": return (order) => order > 0;
    case "ge": return (order) => order >= 0;
  }
}

function nullTest(operand: Program): Program {
  return (frame) => operand(frame) === null;
}

function distinctProgram(expression: Of<"distinct">, scope: ProgramScope): Program {
  const aligned = alignOperands(expression.left, expression.right);
  const [left, right] = [compile(aligned.left, scope), compile(aligned.right, scope)];
  const compare = comparerOf(aligned.type);
  return (frame) => {
    const a = left(frame);
    const b = right(frame);
    return a === null || b === null ? a !== b : compare(a, b) !== 0;
  };
}

function conditionalProgram(expression: Of<"conditional">, scope: ProgramScope): Program {
  const condition = compile(expression.condition, scope);
  const [then, otherwise] = [compile(expression.then, scope), compile(expression.otherwise, scope)];
  return (frame) => {
    const verdict = condition(frame);
    if (verdict === null) return null;
    return verdict === true ? then(frame) : otherwise(frame);
  };
}

function listProgram(items: readonly Program[]): Program {
  return (frame) => items.map((item) => item(frame));
}

function existsProgram({ table, row, where }: Of<"exists">): Program {
  return ({ environment }) => environment.source?.exists(table, row, where, environment) ?? null;
}

function matchProgram(expression: Of<"match">, scope: ProgramScope): Program {
  try {
    return textTest(expression, scope, compilePattern(expression.pattern, expression.fold));
  } catch {
    return NULL_PROGRAM;
  }
}

function textTest(expression: Of<"like" | "match">, scope: ProgramScope, test: { matches(text: string): boolean }): Program {
  const operand = compile(readAs(expression.operand, { kind: "string" }), scope);
  return (frame) => {
    const text = operand(frame);
    return typeof text === "string" ? test.matches(text) : null;
  };
}

function jsonPathProgram({ operand, path, asText }: Of<"json-path">, scope: ProgramScope): Program {
  const program = compile(operand, scope);
  return asText ? (frame) => textOfJson(valueAt(program(frame), path)) : (frame) => valueAt(program(frame), path);
}

function jsonAsProgram({ operand, type }: Of<"json-as">, scope: ProgramScope): Program {
  const program = compile(operand, scope);
  return (frame) => readJsonAs(program(frame), type);
}

function textSearchProgram({ row, table, fields, syntax, words }: Of<"text-search">, scope: ProgramScope): Program {
  const texts = fields.map((field) => ownField(row, table, field, scope));
  return (frame) => matchesText(texts.map((text) => text(frame) as string | null), syntax, words);
}

function nearProgram({ row, table, fields, latitude, longitude, metres }: Of<"near">, scope: ProgramScope): Program {
  const parts = fields.map((field) => ownField(row, table, field, scope));
  return (frame) => {
    const values = parts.map((part) => part(frame));
    const [lat, lon] = values.length === 1 ? placeOf(values[0]!) : values;
    return typeof lat === "number" && typeof lon === "number" && distanceMetres(lat, lon, latitude, longitude) <= metres;
  };
}

function placeOf(value: Value): readonly [Value, Value] {
  return isObject(value) ? [value["lat"] ?? null, value["lon"] ?? null] : [null, null];
}

function ownField(row: string, table: string, field: string, scope: ProgramScope): (frame: Frame) => Value {
  return fieldProgram({ op: "field", type: { kind: "json" }, row, table, path: [], field, within: [] }, scope);
}
