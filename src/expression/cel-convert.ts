// Literals beside values of another type, and what a field or rule expects: the few conversions whose meaning is obvious.
import { didYouMean } from "../base/diagnostic.ts";
import { parseDecimal } from "../base/decimal.ts";
import { commonType } from "./align-operands.ts";
import { sourceOf, wrapped, type CelContext, type Domain, type Typed } from "./cel-context.ts";
import type { Expression, ExpressionType } from "./expression.ts";
import { describeType, sameType } from "./field-type.ts";

/** Brings two operands to comparable types and checks literals against what the other side can hold. Null after a report. */
export function comparable(left: Typed, right: Typed, context: CelContext): readonly [Typed, Typed] | null {
  const a = besideOther(left, right, context);
  const b = besideOther(right, left, context);
  if (a === null || b === null) return null;
  if (commonType(a.type, b.type) === null || isRow(a.type) || isRow(b.type)) {
    return context.fail({ start: left.node.start, end: right.node.end }, mismatch(a, b));
  }
  if (!sameDomain(a, b)) {
    return context.fail({ start: left.node.start, end: right.node.end }, { message: `${sourceOf(left.node)} and ${sourceOf(right.node)} are of different enums.`, fix: "Compare values of one enum." });
  }
  return [a, b];
}

function isRow(type: ExpressionType): boolean {
  return type.kind === "null";
}

function sameDomain(left: Typed, right: Typed): boolean {
  return left.domain?.kind !== "enum" || right.domain?.kind !== "enum" || left.domain.name === right.domain.name;
}

function mismatch(left: Typed, right: Typed): { message: string; fix: string } {
  const [a, b] = [describeType(left.type), describeType(right.type)];
  const decimal = left.type.kind === "decimal" || right.type.kind === "decimal";
  return {
    message: `${sourceOf(left.node)} (${a}) and ${sourceOf(right.node)} (${b}) cannot be compared.`,
    fix: decimal ? "Compare a decimal with a decimal, an int, or a number in quotes; or use double()." : `Convert one of them, for example with ${conversionTo(left.type)}().`,
  };
}

function conversionTo(type: ExpressionType): string {
  switch (type.kind) {
    case "int": case "double": case "timestamp": case "date": case "duration": return type.kind;
    default: return "string";
  }
}

/** A literal as the other operand's type wants it. */
function besideOther(operand: Typed, other: Typed, context: CelContext): Typed | null {
  const { expression } = operand;
  if (expression.op !== "literal" || expression.value === null) return operand;
  const { value } = expression;
  if (other.domain !== null && typeof value === "string" && !inDomain(value, other.domain, operand, context)) return null;
  if (other.type.kind === "decimal") return decimalLiteral(operand, context);
  if (operand.type.kind === "string" && (other.type.kind === "timestamp" || other.type.kind === "date" || other.type.kind === "duration")) {
    const { kind } = other.type;
    return context.fail(operand.node, { message: `${sourceOf(operand.node)} is a string, not a ${kind}.`, fix: `Write ${kind}(${sourceOf(operand.node)}).`, edits: wrapped(operand.node, `${kind}(`, ")") });
  }
  if (other.type.kind === "string" && operand.type.kind === "int") {
    return context.fail(operand.node, { message: `${sourceOf(operand.node)} is a number, ${sourceOf(other.node)} a string.`, fix: `Write '${sourceOf(operand.node)}'.`, edits: wrapped(operand.node, "'", "'") });
  }
  return operand;
}

function decimalLiteral(operand: Typed, context: CelContext): Typed | null {
  const { expression } = operand;
  if (expression.op !== "literal" || operand.type.kind === "decimal" || operand.type.kind === "json") return operand;
  const text = typeof expression.value === "boolean" || expression.value === null ? null : parseDecimal(expression.value.toString());
  if (text === null) return context.fail(operand.node, { message: `${sourceOf(operand.node)} is not a decimal number.`, fix: "Write a number, in quotes if its digits must be exact." });
  return relabelled(operand, { op: "literal", type: { kind: "decimal" }, value: text }, context);
}

/** Reports a literal that the domain does not have. */
export function inDomain(value: string, domain: Domain, literal: Typed, context: CelContext): boolean {
  const { catalog } = context.place;
  const known = domain.kind === "enum" ? catalog.enums.get(domain.name)?.values ?? [] : [...catalog.roles, ...grantedRoles(context)];
  if (known.includes(value)) return true;
  const meant = didYouMean(value, known);
  // Roles are declared nowhere: one that only rules name is possible, one that nearly is another is a slip.
  if (domain.kind === "role" && meant === null) return true;
  const what = domain.kind === "enum" ? `${domain.name} has no value ${value}.` : `No rule grants anything to a role ${value}.`;
  const fix = meant === null ? `Use one of: ${known.join(", ")}.` : `Did you mean ${meant}?`;
  const inner = { start: literal.node.start + 1, end: literal.node.end - 1 };
  const quotedAsIs = literal.node.input.slice(inner.start, inner.end) === value;
  context.fail(literal.node, { message: what, fix, edits: meant === null || !quotedAsIs ? [] : [{ ...inner, text: meant }] });
  return false;
}

function grantedRoles(context: CelContext): string[] {
  return [...context.place.catalog.tables.values()].flatMap((table) => (table.grants?.roles ?? []).map((role) => role.toLowerCase()));
}

export interface Expected { readonly type: ExpressionType; readonly domain: Domain | null; readonly what: string }

/** The expression as a value of the type that its place expects. Null after a report. */
export function fitted(value: Typed, expected: Expected, context: CelContext): Expression | null {
  const { expression } = value;
  const { type } = expected;
  if (value.type.kind === "null") return { op: "literal", type, value: null };
  if (expected.domain !== null && !literalsFit(value, expected.domain, context)) return null;
  if (sameType(value.type, type)) return expression;
  if (type.kind === "double" && value.type.kind === "int") return { op: "call", type, function: "double", arguments: [expression] };
  if (type.kind === "decimal" && value.type.kind === "int") return { op: "call", type, function: "string", arguments: [expression] };
  if (type.kind === "decimal" && expression.op === "literal") return decimalLiteral(value, context)?.expression ?? null;
  if (type.kind === "json" && isJsonScalar(value.type)) return expression;
  if (type.kind === "list" && expression.op === "list" && expression.items.length === 0) return { ...expression, type };
  if (value.type.kind === "json" && type.kind !== "bool") return { op: "json-as", type, operand: expression };
  const fix = type.kind === "bool" && value.type.kind === "json" ? `Write ${sourceOf(value.node)} == true.` : `Write an expression that yields ${describeType(type)}${fixFor(value.type, type)}.`;
  return context.fail(value.node, { message: `${expected.what} must be ${describeType(type)}, but this is ${describeType(value.type)}.`, fix });
}

function fixFor(from: ExpressionType, to: ExpressionType): string {
  if (to.kind === "int" && from.kind === "double") return ", for example with round() or int()";
  if (to.kind === "date" && from.kind === "timestamp") return ", for example with date()";
  return to.kind === "timestamp" && from.kind === "string" ? ", for example with timestamp()" : "";
}

/** JSON has these as they are; others would have to be chosen a form. */
function isJsonScalar(type: ExpressionType): boolean {
  return type.kind === "string" || type.kind === "int" || type.kind === "double" || type.kind === "bool";
}

/** The values that a conditional may yield are looked at one by one. */
function literalsFit(value: Typed, domain: Domain, context: CelContext): boolean {
  const { expression } = value;
  if (expression.op === "conditional" && value.node.op === "?:") {
    const [, then, otherwise] = value.node.args;
    return [{ ...value, expression: expression.then, node: then }, { ...value, expression: expression.otherwise, node: otherwise }].every((branch) => literalsFit(branch, domain, context));
  }
  if (expression.op !== "literal" || typeof expression.value !== "string") return true;
  return inDomain(expression.value, domain, value, context);
}

export function relabelled(value: Typed, expression: Expression, context: CelContext): Typed {
  context.starts.set(expression, value.node);
  return { ...value, expression, type: "type" in expression ? expression.type : { kind: "bool" } };
}
