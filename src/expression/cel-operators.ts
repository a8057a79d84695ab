// Operators of CEL to typed expressions: literals, logic, comparisons, `in`, arithmetic, the ternary, lists.
import { parseDecimal } from "../base/decimal.ts";
import type { CelNode, CelOf } from "./cel-ast.ts";
import { comparable } from "./cel-convert.ts";
import { sourceOf, type CelContext, type Typed } from "./cel-context.ts";
import { presenceOf, rowReference, typed } from "./cel-names.ts";
import { commonType } from "./align-operands.ts";
import type { Comparison, Expression, ExpressionType } from "./expression.ts";
import { describeType, sameType } from "./field-type.ts";
import { INT64_MAX, integerOf } from "./int64.ts";

type ComparisonNode = CelOf<"=="> | CelOf<"!="> | CelOf<"<"> | CelOf<"<="> | CelOf<">"> | CelOf<">=">;
type ArithmeticNode = CelOf<"+"> | CelOf<"-"> | CelOf<"*"> | CelOf<"/"> | CelOf<"%">;

const COMPARISONS: Readonly<Record<ComparisonNode["op"], Comparison>> = { "==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge" };
const BOOL: ExpressionType = { kind: "bool" };

export function compileLiteral(node: CelOf<"value">, context: CelContext, negative = false): Typed | null {
  const value = node.args;
  const literal = (type: ExpressionType, canonical: Extract<Expression, { op: "literal" }>["value"]): Typed => typed(node, context, { op: "literal", type, value: canonical }, null);
  if (value === null) return literal({ kind: "null" }, null);
  if (typeof value === "boolean") return literal(BOOL, value);
  if (typeof value === "string") {
    return value.isWellFormed() && !value.includes("\0") ? literal({ kind: "string" }, value) : context.fail(node, { message: "The text contains what no stored text can.", fix: "Remove U+0000 and lone surrogates." });
  }
  if (typeof value === "number") {
    return Number.isFinite(value) ? literal({ kind: "double" }, negative ? -value : value + 0) : context.fail(node, { message: "The number is too large.", fix: "Write a smaller one." });
  }
  if (typeof value !== "bigint") return context.fail(node, { message: "Unsigned numbers and bytes have no place in rules.", fix: "Write a number or a string." });
  const integer = value > INT64_MAX + 1n ? null : integerOf(negative ? -value : value);
  return integer === null ? context.fail(node, { message: "The number does not fit 64 bits.", fix: "Write a smaller one." }) : literal({ kind: "int" }, integer);
}

/** `&&`, `||`: chains become one node. */
export function compileJunction(node: CelOf<"&&"> | CelOf<"||">, context: CelContext): Typed | null {
  const parts: CelNode[] = [];
  const collect = (part: CelNode): void => {
    if (part.op === node.op) (part.args as [CelNode, CelNode]).forEach(collect);
    else parts.push(part);
  };
  collect(node);
  const operands = parts.map((part) => compileBool(part, context));
  if (operands.includes(null)) return null;
  return typed(node, context, { op: node.op === "&&" ? "and" : "or", operands: operands as Expression[] }, null);
}

/** An operand that must be bool. */
export function compileBool(node: CelNode, context: CelContext): Expression | null {
  const value = context.compile(node, context);
  if (value === null) return null;
  if (value.type.kind === "bool") return value.expression;
  const fix = value.type.kind === "json" ? `Write ${sourceOf(node)} == true.` : "Compare it with something.";
  return context.fail(node, { message: `${sourceOf(node)} is ${describeType(value.type)}, not bool.`, fix });
}

export function compileNot(node: CelOf<"!_">, context: CelContext): Typed | null {
  const operand = compileBool(node.args, context);
  return operand === null ? null : typed(node, context, { op: "not", operand }, null);
}

export function compileComparison(node: ComparisonNode, context: CelContext): Typed | null {
  const comparison = COMPARISONS[node.op];
  const [left, right] = node.args;
  if (isNull(left) || isNull(right)) return compareWithNull(node, isNull(right) ? left : right, comparison, context);
  const [a, b] = [context.compile(left, context), context.compile(right, context)];
  if (a === null || b === null) return null;
  const pair = comparable(a, b, context);
  if (pair === null) return null;
  if (comparison !== "eq" && comparison !== "ne" && !isOrdered(pair)) {
    const what = pair.some((side) => side.domain?.kind === "enum") ? "Values of an enum have" : `A ${describeType(pair[0].type)} has`;
    return context.fail(node, { message: `${what} no order.`, fix: "Compare with == or in." });
  }
  return typed(node, context, { op: "compare", comparison, left: pair[0].expression, right: pair[1].expression }, null);
}

function isOrdered(pair: readonly [Typed, Typed]): boolean {
  return pair.every(({ type, domain }) => type.kind !== "bool" && type.kind !== "list" && type.kind !== "object" && type.kind !== "bytes" && domain?.kind !== "enum");
}

function isNull(node: CelNode): boolean {
  return node.op === "value" && node.args === null;
}

function compareWithNull(node: ComparisonNode, other: CelNode, comparison: Comparison, context: CelContext): Typed | null {
  if (comparison !== "eq" && comparison !== "ne") return context.fail(node, { message: "Nothing is less or greater than null.", fix: "Compare with == null or != null." });
  const row = rowReference(other, context);
  const value = row === null ? context.compile(other, context) : presenceOf(row, context);
  if (value === null) return null;
  const test = typed(node, context, { op: "is-null", operand: value.expression }, null);
  return comparison === "eq" ? test : typed(node, context, { op: "not", operand: test.expression }, null);
}

export function compileIn(node: CelOf<"in">, context: CelContext): Typed | null {
  const [item, list] = node.args.map((part) => context.compile(part, context)) as [Typed | null, Typed | null];
  if (item === null || list === null) return null;
  if (list.type.kind === "json") return typed(node, context, { op: "in", item: item.expression, list: list.expression }, null);
  if (list.type.kind !== "list") {
    const fix = list.type.kind === "string" ? `Write ${sourceOf(list.node)}.contains(${sourceOf(item.node)}).` : "Write a list such as ['a', 'b'] or a field that is a list.";
    return context.fail(list.node, { message: `${sourceOf(list.node)} is ${describeType(list.type)}, not a list.`, fix });
  }
  return list.node.op === "list" && list.expression.op === "list" ? inWritten(node, item, list, context) : inValue(node, item, list, context);
}

function inValue(node: CelOf<"in">, item: Typed, list: Typed, context: CelContext): Typed | null {
  const items = list.type as Extract<ExpressionType, { kind: "list" }>;
  const pair = comparable(item, { ...list, type: items.item }, context);
  return pair === null ? null : typed(node, context, { op: "in", item: pair[0].expression, list: list.expression }, null);
}

/** Each item of a list in the source is brought to the type of what is looked for. */
function inWritten(node: CelOf<"in">, item: Typed, list: Typed, context: CelContext): Typed | null {
  const { items } = list.expression as Extract<Expression, { op: "list" }>;
  const nodes = list.node.args as CelNode[];
  let common: ExpressionType = item.type;
  const fittedItems: Expression[] = [];
  for (const [index, expression] of items.entries()) {
    const one: Typed = { expression, type: "type" in expression ? expression.type : BOOL, domain: null, node: nodes[index]! };
    if (one.type.kind === "null") {
      fittedItems.push(expression);
      continue;
    }
    const pair: readonly [Typed, Typed] | null = comparable(item, one, context);
    if (pair === null) return null;
    common = commonType(common, pair[1].type) ?? common;
    fittedItems.push(pair[1].expression);
  }
  return typed(node, context, { op: "in", item: item.expression, list: { op: "list", type: { kind: "list", item: common }, items: fittedItems } }, null);
}

export function compileList(node: CelOf<"list">, context: CelContext): Typed | null {
  const items = node.args.map((part) => context.compile(part, context));
  if (items.includes(null)) return null;
  let item: ExpressionType = { kind: "null" };
  for (const one of items as Typed[]) {
    const common: ExpressionType | null = mergedType(item, one.type);
    if (common === null) return context.fail(one.node, { message: `A list of ${describeType(item)} cannot hold ${describeType(one.type)}.`, fix: "Write items of one type." });
    item = common;
  }
  const domain = (items as Typed[])[0]?.domain ?? null;
  return typed(node, context, { op: "list", type: { kind: "list", item }, items: (items as Typed[]).map((one) => one.expression) }, domain);
}

function numbers(left: ExpressionType, right: ExpressionType): ExpressionType | null {
  const both = [left.kind, right.kind];
  return both.every((kind) => kind === "int" || kind === "double") ? { kind: "double" } : null;
}

export function compileConditional(node: CelOf<"?:">, context: CelContext): Typed | null {
  const condition = compileBool(node.args[0], context);
  const [then, otherwise] = [node.args[1], node.args[2]].map((part) => context.compile(part, context)) as [Typed | null, Typed | null];
  if (condition === null || then === null || otherwise === null) return null;
  const type = mergedType(then.type, otherwise.type);
  if (type === null) {
    return context.fail(node.args[2], { message: `The branches are ${describeType(then.type)} and ${describeType(otherwise.type)}.`, fix: "Write branches of one type." });
  }
  const branch = ({ expression, type: own }: Typed): Expression => (own.kind === "int" && type.kind === "double" ? { op: "call", type, function: "double", arguments: [expression] } : expression);
  // oxlint-disable-next-line unicorn/no-thenable -- an expression is never awaited
  return typed(node, context, { op: "conditional", type, condition, then: branch(then), otherwise: branch(otherwise) }, then.domain ?? otherwise.domain);
}

/** Of the branches of a conditional, or the items of a list: null fits all, ints beside doubles are doubles. */
function mergedType(left: ExpressionType, right: ExpressionType): ExpressionType | null {
  if (left.kind === "null") return right;
  return right.kind === "null" || sameType(left, right) ? left : numbers(left, right);
}

export function compileNegation(node: CelOf<"-_">, context: CelContext): Typed | null {
  if (node.args.op === "value" && (typeof node.args.args === "bigint" || typeof node.args.args === "number")) {
    const literal = compileLiteral(node.args, context, true);
    return literal === null ? null : { ...literal, node };
  }
  const operand = context.compile(node.args, context);
  if (operand === null) return null;
  const { kind } = operand.type;
  if (kind === "int" || kind === "double" || kind === "decimal" || kind === "duration") return typed(node, context, { op: "negate", type: operand.type, operand: operand.expression }, null);
  return context.fail(node, { message: `${sourceOf(node.args)} is ${describeType(operand.type)} and has no negative.`, fix: "Negate a number or a duration." });
}

export function compileArithmetic(node: ArithmeticNode, context: CelContext): Typed | null {
  const [a, b] = node.args.map((part) => context.compile(part, context)) as [Typed | null, Typed | null];
  if (a === null || b === null) return null;
  const [left, right] = [asNumberBeside(a, b), asNumberBeside(b, a)];
  const type = resultType(node.op, left.type, right.type);
  if (type === null) return context.fail(node, impossible(node, a.type, b.type));
  return typed(node, context, { op: "arithmetic", type, operator: node.op, left: left.expression, right: right.expression }, null);
}

/** A json operand is read as the other's type; a literal beside a decimal is one. */
function asNumberBeside(operand: Typed, other: Typed): Typed {
  const { expression } = operand;
  if (operand.type.kind === "json" && other.type.kind !== "json") return { ...operand, type: other.type, expression: { op: "json-as", type: other.type, operand: expression } };
  const isLiteral = expression.op === "literal" && (typeof expression.value === "number" || typeof expression.value === "bigint");
  const text = isLiteral && other.type.kind === "decimal" ? parseDecimal(expression.value.toString()) : null;
  return text === null ? operand : { ...operand, type: { kind: "decimal" }, expression: { op: "literal", type: { kind: "decimal" }, value: text } };
}

function resultType(operator: ArithmeticNode["op"], left: ExpressionType, right: ExpressionType): ExpressionType | null {
  const [a, b] = [left.kind, right.kind];
  if (a === "int" && b === "int") return left;
  if (isNumber(a) && isNumber(b)) return operator === "%" ? null : { kind: "double" };
  if ((a === "decimal" || a === "int") && (b === "decimal" || b === "int")) return operator === "/" || operator === "%" ? null : { kind: "decimal" };
  if (operator === "+" && a === "string" && b === "string") return left;
  if (operator !== "+" && operator !== "-") return null;
  if (a === "timestamp" && b === "duration") return left;
  if (a === "duration" && b === "duration") return left;
  if (operator === "+") return a === "duration" && b === "timestamp" ? right : null;
  return a === "timestamp" && b === "timestamp" ? { kind: "duration" } : null;
}

function isNumber(kind: ExpressionType["kind"]): boolean {
  return kind === "int" || kind === "double";
}

function impossible(node: ArithmeticNode, left: ExpressionType, right: ExpressionType): { message: string; fix: string } {
  const kinds = [left.kind, right.kind];
  const fix = kinds.includes("date") ? "Calculate with timestamp(DATE) and durations."
    : kinds.includes("string") ? "Convert with int(), double() or string()."
      : kinds.includes("decimal") ? "Decimals take + - * with decimals and ints; use double() for the rest."
        : "Use + - * / with numbers, + with strings, + - with timestamps and durations.";
  return { message: `${describeType(left)} ${node.op} ${describeType(right)} has no meaning.`, fix };
}
