// Which type two operands are compared in, and what each needs for that. One rule for the evaluator and SQL.
import { assert } from "../base/assert.ts";
import type { Expression, ExpressionType } from "./expression.ts";
import { describeType, sameType, typeOf } from "./field-type.ts";

export interface Aligned { readonly left: Expression; readonly right: Expression; readonly type: ExpressionType }

/** A json operand is read as the other's type; an integer beside a decimal becomes one. Ints and doubles compare as they are. */
export function alignOperands(left: Expression, right: Expression): Aligned {
  const type = commonType(typeOf(left), typeOf(right));
  assert(type !== null, `comparable operands: ${describeType(typeOf(left))} and ${describeType(typeOf(right))}`);
  return { left: readAs(left, type), right: readAs(right, type), type };
}

/** The type in which both can be compared, or null. */
export function commonType(left: ExpressionType, right: ExpressionType): ExpressionType | null {
  if (sameType(left, right) || right.kind === "null") return left;
  if (left.kind === "null") return right;
  if (left.kind === "json") return right;
  if (right.kind === "json") return left;
  if (left.kind === "list" && right.kind === "list") {
    const item = commonType(left.item, right.item);
    // Items are not converted one by one, except those of json.
    return item === null || (item.kind === "decimal" && left.item.kind !== right.item.kind) ? null : { kind: "list", item };
  }
  if (isNumber(left) && isNumber(right)) {
    return left.kind === "decimal" || right.kind === "decimal" ? decimalBeside(left, right) : { kind: "double" };
  }
  return null;
}

function isNumber(type: ExpressionType): boolean {
  return type.kind === "int" || type.kind === "double" || type.kind === "decimal";
}

/** A double has no exact decimal. */
function decimalBeside(left: ExpressionType, right: ExpressionType): ExpressionType | null {
  return left.kind === "double" || right.kind === "double" ? null : { kind: "decimal" };
}

export function readAs(operand: Expression, type: ExpressionType): Expression {
  const own = typeOf(operand);
  if (own.kind === "json" && type.kind !== "json") return { op: "json-as", type, operand };
  if (own.kind === "int" && type.kind === "decimal") return { op: "call", type, function: "string", arguments: [operand] };
  return operand;
}

/** The arguments of a call in the types that its function takes: json is read as what the function works on. */
export function alignArguments(call: Extract<Expression, { op: "call" }>): readonly Expression[] {
  const wanted = argumentType(call);
  return wanted === null ? call.arguments : call.arguments.map((argument) => readAs(argument, wanted));
}

function argumentType(call: Extract<Expression, { op: "call" }>): ExpressionType | null {
  switch (call.function) {
    case "size": case "int": case "double": case "string": return null;
    case "abs": case "round": return { kind: "double" };
    case "year": case "month": case "day": return { kind: "timestamp" };
    case "min": case "max": return extremeType(call.arguments);
    default: return { kind: "string" };
  }
}

/** Of min and max: the type in which all arguments compare; json alone is a list of numbers. */
function extremeType(operands: readonly Expression[]): ExpressionType | null {
  if (operands.length === 1) return typeOf(operands[0]!).kind === "json" ? { kind: "list", item: { kind: "double" } } : null;
  let type: ExpressionType | null = typeOf(operands[0]!);
  for (const operand of operands) type = type === null ? null : commonType(type, typeOf(operand));
  return type?.kind === "json" ? { kind: "double" } : type;
}
