// One operator applied to one resolved field: the expression, or why the operator does not fit the field's type.
import { unreachable } from "../base/assert.ts";
import { fault, type AmbitError } from "../base/error.ts";
import { patternProblem, REQUEST_PATTERN_SIZE_MAX } from "../base/pattern.ts";
import { textQueryProblem, type TextSyntax } from "../base/text-query.ts";
import type { Value } from "../base/value.ts";
import type { Comparison, Expression } from "../expression/expression.ts";
import { typeOfField } from "../expression/field-type.ts";
import { likeProblem } from "../expression/like-pattern.ts";
import type { TypeRef } from "../schema/catalog.ts";
import { fittingOperators, typeClass } from "./operator-types.ts";
import { operandKind, type Operator, type State } from "./operators.ts";
import type { Operand, OperationSyntax } from "./query-syntax.ts";
import type { Resolution } from "./resolution.ts";

export interface FilterTarget {
  readonly expression: Expression;
  readonly type: TypeRef;
  /** As written. */
  readonly label: string;
  /** Text search in it, or null where it has no text index. */
  readonly search: ((syntax: TextSyntax, words: string) => Expression) | null;
  readonly where: string;
}

/** Throws OPERATOR_TYPE, BAD_FILTER_VALUE or MALFORMED_QUERY. Each element of any/all counts as a term. */
export function operationExpression(target: FilterTarget, operation: OperationSyntax, resolution: Resolution): Expression {
  const { operator, negated } = operation;
  if (!fittingOperators(target.type).includes(operator)) throw misfit(target, operator);
  const expression = positive(target, operation, resolution);
  if (!negated) return expression;
  return expression.op === "literal" ? constant(expression.value !== true) : { op: "not", operand: expression };
}

export function constant(value: boolean): Expression {
  return { op: "literal", type: { kind: "bool" }, value };
}

function positive(target: FilterTarget, { operator, quantifier, operand }: OperationSyntax, resolution: Resolution): Expression {
  if (quantifier === null) return operandKind(operator) === "list" ? membership(target, operand, resolution) : single(target, operator, operand, resolution);
  const items = operand.items();
  checkLength(items, target, resolution);
  if (items.length === 0) return constant(quantifier === "all");
  const operands = items.map((item) => {
    resolution.countTerms(1, target.where);
    return single(target, operator, item, resolution);
  });
  return operands.length === 1 ? operands[0]! : { op: quantifier === "any" ? "or" : "and", operands };
}

function single(target: FilterTarget, operator: Operator, operand: Operand, resolution: Resolution): Expression {
  const left = target.expression;
  const literal = (value: Value, type = target.type): Expression => ({ op: "literal", type: typeOfField(type, resolution.catalog), value });
  const comparison = comparisons[operator];
  const given = (): Expression => literal(target.type.list ? operand.set(target.type, resolution.catalog) : operand.value(target.type, resolution.catalog));
  if (comparison === "distinct") return { op: "distinct", left, right: given() };
  if (comparison !== undefined) return { op: "compare", comparison, left, right: operand.open?.(target.type) ?? given() };
  switch (operator) {
    case "like": case "ilike": return { op: "like", operand: left, pattern: readLike(operand.text(), target.where), fold: operator === "ilike" };
    case "match": case "imatch": return { op: "match", operand: left, pattern: readMatch(operand.text(), target.where), fold: operator === "imatch" };
    case "is": return stateExpression(target, operand.state());
    case "fts": return search(target, "fts", operand);
    case "plfts": return search(target, "plain", operand);
    case "phfts": return search(target, "phrase", operand);
    case "wfts": return search(target, "web", operand);
    case "cs": return { op: "contains", left, right: literal(checkedSet(target, operand, resolution)) };
    case "cd": return { op: "contained", left, right: literal(checkedSet(target, operand, resolution)) };
    case "ov": return { op: "overlaps", left, right: literal(checkedSet(target, operand, resolution)) };
    default: return unreachable(operator as never);
  }
}

const comparisons: Readonly<Partial<Record<Operator, Comparison | "distinct">>> = { eq: "eq", neq: "ne", gt: "gt", gte: "ge", lt: "lt", lte: "le", isdistinct: "distinct" };

/** `in.()` is false, also of null, as in PostgreSQL's `= ANY('{}')`. */
function membership(target: FilterTarget, operand: Operand, resolution: Resolution): Expression {
  const items = operand.items();
  checkLength(items, target, resolution);
  if (items.length === 0) return constant(false);
  const value = items.map((item) => item.value(target.type, resolution.catalog));
  return { op: "in", item: target.expression, list: { op: "literal", type: { kind: "list", item: typeOfField(target.type, resolution.catalog) }, value } };
}

function checkLength(items: readonly unknown[], target: FilterTarget, resolution: Resolution): void {
  if (items.length > resolution.limits.listValues) throw fault("MALFORMED_QUERY", `A list in a filter has at most ${resolution.limits.listValues} values.`, { where: target.where, fix: "Ask in several requests." });
}

function checkedSet(target: FilterTarget, operand: Operand, resolution: Resolution): Value {
  const value = operand.set(target.type, resolution.catalog);
  if (Array.isArray(value)) checkLength(value, target, resolution);
  return value;
}

/** `*` stands for %; a backslash makes the next character ordinary. */
function readLike(text: string, where: string): string {
  const pattern = text.replace(/\\[^]|\*/g, (part) => (part === "*" ? "%" : part === "\\*" ? "*" : part));
  if (/^(?:[^\\]|\\[^])*\\$/.test(pattern)) throw fault("BAD_FILTER_VALUE", "A pattern cannot end in a backslash.", { where, fix: "Write two backslashes for one." });
  const problem = likeProblem(pattern);
  if (problem !== null) throw fault("BAD_FILTER_VALUE", problem, { where, fix: "Use match for such a pattern." });
  return pattern;
}

function readMatch(source: string, where: string): string {
  const problem = patternProblem(source, REQUEST_PATTERN_SIZE_MAX);
  if (problem !== null) throw fault("BAD_FILTER_VALUE", `The pattern is not one: ${problem}.`, { where, fix: "Write a regular expression in RE2's syntax, with small counts in {}." });
  return source;
}

function search(target: FilterTarget, syntax: TextSyntax, operand: Operand): Expression {
  if (target.search === null) throw fault("OPERATOR_TYPE", `${target.label} has no text index.`, { where: target.where, fix: "Declare it @indexed(type: TEXT), or filter by ilike." });
  const words = operand.text();
  const problem = textQueryProblem(syntax, words);
  if (problem !== null) throw fault("BAD_FILTER_VALUE", problem, { where: target.where });
  return target.search(syntax, words);
}

function stateExpression(target: FilterTarget, state: State): Expression {
  const isNull: Expression = { op: "is-null", operand: target.expression };
  if (state === "null") return isNull;
  if (state === "not_null") return { op: "not", operand: isNull };
  if (typeClass(target.type) !== "boolean") throw fault("OPERATOR_TYPE", `${target.label} is not a Boolean, so it is never ${state}.`, { where: target.where, fix: "Use is.null or is.not_null." });
  if (state === "unknown") return isNull;
  return { op: "not", operand: { op: "distinct", left: target.expression, right: constant(state === "true") } };
}

function misfit(target: FilterTarget, operator: Operator): AmbitError {
  const { name, list } = target.type;
  const fix = typeClass(target.type) === "object" ? `Filter one of its fields: ${target.label}->FIELD.` : `Use one of ${fittingOperators(target.type).join(", ")}.`;
  return fault("OPERATOR_TYPE", `The operator ${operator} does not fit ${target.label}, which is ${list ? `[${name}]` : name}.`, { where: target.where, fix });
}
