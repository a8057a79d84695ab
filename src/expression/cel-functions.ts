// Functions of CEL to typed expressions: exactly those that rules have, in the forms that CEL knows. All others are refused.
import { parseDate, parseDateTime } from "../base/date-time.ts";
import { patternProblem } from "../base/pattern.ts";
import { commonType } from "./align-operands.ts";
import { calledName, type CelNode, type CelOf, type CelRange } from "./cel-ast.ts";
import { sourceOf, unknownName, type CelContext, type Typed } from "./cel-context.ts";
import { presenceOf, rowReference, typed } from "./cel-names.ts";
import { compileQuantifier } from "./cel-quantifiers.ts";
import type { Expression, ExpressionType, RuleFunction } from "./expression.ts";
import { describeType } from "./field-type.ts";
import { durationOfText } from "./rule-functions.ts";

type Kind = ExpressionType["kind"];

interface Signature {
  readonly parameters: readonly (readonly Kind[])[];
  readonly result: (type: ExpressionType) => ExpressionType;
  /** Also as value.name(). */
  readonly method?: true;
}

const of = (kind: Exclude<Kind, "list" | "object">) => (): ExpressionType => ({ kind });
const TEXT: readonly Kind[] = ["string", "json"];
const TIME: readonly Kind[] = ["timestamp", "date", "json"];

const SIGNATURES: Readonly<Partial<Record<RuleFunction, Signature>>> = {
  size: { parameters: [["string", "bytes", "list", "json"]], result: of("int"), method: true },
  lower: { parameters: [TEXT], result: of("string"), method: true },
  upper: { parameters: [TEXT], result: of("string"), method: true },
  trim: { parameters: [TEXT], result: of("string"), method: true },
  startsWith: { parameters: [TEXT, TEXT], result: of("bool"), method: true },
  endsWith: { parameters: [TEXT, TEXT], result: of("bool"), method: true },
  contains: { parameters: [TEXT, TEXT], result: of("bool"), method: true },
  matches: { parameters: [TEXT, ["string"]], result: of("bool"), method: true },
  abs: { parameters: [["int", "double", "decimal", "duration", "json"]], result: (type) => (type.kind === "json" ? { kind: "double" } : type) },
  round: { parameters: [["int", "double", "json"]], result: of("int") },
  int: { parameters: [["int", "double", "string", "decimal", "timestamp", "bool", "json"]], result: of("int") },
  double: { parameters: [["int", "double", "string", "decimal", "json"]], result: of("double") },
  string: { parameters: [["string", "int", "double", "bool", "timestamp", "date", "duration", "decimal", "json"]], result: of("string") },
  timestamp: { parameters: [["string", "timestamp", "date", "json"]], result: of("timestamp") },
  duration: { parameters: [["string", "duration", "json"]], result: of("duration") },
  date: { parameters: [["string", "timestamp", "date", "json"]], result: of("date") },
  year: { parameters: [TIME], result: of("int") },
  month: { parameters: [TIME], result: of("int") },
  day: { parameters: [TIME], result: of("int") },
};

const ORDERED: readonly Kind[] = ["int", "double", "decimal", "string", "timestamp", "date", "duration", "json"];
const NAMES: readonly string[] = [...Object.keys(SIGNATURES), "min", "max", "now", "has", "exists", "all"];
/** What CEL has under another name. */
const INSTEAD: Readonly<Record<string, string>> = {
  getFullYear: "year(x)", getMonth: "month(x), from 1", getDate: "day(x)", getDayOfMonth: "day(x)", lowerAscii: "lower(x)", upperAscii: "upper(x)",
  exists_one: "exists", map: "exists or all", filter: "exists or all", uint: "int(x)", bytes: "size(x)", type: "has(x)", dyn: "the value itself",
};

export function compileCall(node: CelOf<"call"> | CelOf<"rcall">, context: CelContext): Typed | null {
  const name = calledName(node)!;
  const receiver = node.op === "rcall" ? node.args[1] : null;
  const parameters = node.op === "rcall" ? node.args[2] : node.args[1];
  switch (name) {
    case "has": return compileHas(node, receiver, parameters, context);
    case "now": return compileNow(node, receiver, parameters, context);
    case "exists": case "all": return compileQuantifier(node, { name, receiver, parameters }, context);
    default:
  }
  const range = nameRange(node, name);
  if (!NAMES.includes(name)) return unknownFunction(range, name, context);
  const signature = SIGNATURES[name as RuleFunction];
  if (receiver !== null && signature?.method !== true) {
    return context.fail(range, { message: `${name} is a function, not a method.`, fix: `Write ${name}(${sourceOf(receiver)}).` });
  }
  const nodes = receiver === null ? parameters : [receiver, ...parameters];
  const operands = nodes.map((one) => context.compile(one, context));
  if (operands.includes(null)) return null;
  if (signature === undefined) return compileExtreme(node, name as "min" | "max", operands as Typed[], context);
  if (!fits(signature, operands as Typed[], { name, range }, context)) return null;
  return applied(node, name as RuleFunction, operands as [Typed, ...Typed[]], context);
}

function nameRange(node: CelOf<"call"> | CelOf<"rcall">, name: string): CelRange {
  const from = node.op === "rcall" ? node.args[1].end : node.start;
  const start = Math.max(from, node.input.indexOf(name, from));
  return { start, end: start + name.length };
}

function unknownFunction(range: CelRange, name: string, context: CelContext): null {
  const instead = Object.hasOwn(INSTEAD, name) ? INSTEAD[name] : undefined;
  if (instead !== undefined) return context.fail(range, { message: `Rules have no function ${name}.`, fix: `Use ${instead}.` });
  return unknownName(context, range, { what: "The function ", name, known: NAMES });
}

function fits(signature: Signature, operands: readonly Typed[], { name, range }: { readonly name: string; readonly range: CelRange }, context: CelContext): boolean {
  const { parameters } = signature;
  if (operands.length !== parameters.length) {
    context.fail(range, { message: `${name} takes ${parameters.length} value${parameters.length === 1 ? "" : "s"}, here it has ${operands.length}.`, fix: "Give it as many as it takes." });
    return false;
  }
  for (const [index, operand] of operands.entries()) {
    if (parameters[index]!.includes(operand.type.kind)) continue;
    const inList = name === "contains" && operand.type.kind === "list";
    const fix = inList ? `Write ${sourceOf(operands[1]!.node)} in ${sourceOf(operand.node)}.` : `${name} takes ${parameters[index]!.filter((kind) => kind !== "json").join(", ")}.`;
    context.fail(operand.node, { message: `${name} does not take a value of type ${describeType(operand.type)}.`, fix });
    return false;
  }
  return true;
}

function applied(node: CelNode, name: RuleFunction, operands: readonly [Typed, ...Typed[]], context: CelContext): Typed | null {
  const [first, second] = operands;
  if (name === "matches") return compileMatches(node, first, second!, context);
  const constant = constantOf(name, first, context);
  if (constant !== undefined) return constant === null ? null : typed(node, context, constant, null);
  const type = SIGNATURES[name]!.result(first.type);
  return typed(node, context, { op: "call", type, function: name, arguments: operands.map((one) => one.expression) }, null);
}

/** timestamp, date and duration of a literal are literals. Undefined where it is none, null after a report. */
function constantOf(name: RuleFunction, { expression, node }: Typed, context: CelContext): Expression | null | undefined {
  if (name !== "timestamp" && name !== "date" && name !== "duration") return undefined;
  if (expression.op !== "literal" || typeof expression.value !== "string" || expression.type.kind !== "string") return undefined;
  const [parse, example] = { timestamp: [parseDateTime, "2026-01-31T12:00:00Z"], date: [parseDate, "2026-01-31"], duration: [durationOfText, "PT1H"] }[name] as [(text: string) => string | null, string];
  const value = parse(expression.value);
  if (value === null) return context.fail(node, { message: `${sourceOf(node)} is not a ${name}.`, fix: `Write one such as ${name}('${example}').` });
  return { op: "literal", type: { kind: name }, value };
}

function compileMatches(node: CelNode, text: Typed, pattern: Typed, context: CelContext): Typed | null {
  if (pattern.expression.op !== "literal" || typeof pattern.expression.value !== "string") {
    return context.fail(pattern.node, { message: "The pattern of matches is not a literal.", fix: "Write the pattern in quotes." });
  }
  const problem = patternProblem(pattern.expression.value);
  if (problem !== null) return context.fail(pattern.node, { message: `The pattern is not valid: ${problem}.`, fix: "Write an expression in RE2's syntax; it has no lookaround and no back references." });
  return typed(node, context, { op: "match", operand: text.expression, pattern: pattern.expression.value, fold: false }, null);
}

function compileNow(node: CelNode, receiver: CelNode | null, parameters: readonly CelNode[], context: CelContext): Typed | null {
  if (receiver !== null || parameters.length > 0) return context.fail(node, { message: "now takes no values.", fix: "Write now()." });
  return typed(node, context, { op: "now", type: { kind: "timestamp" } }, null);
}

function compileHas(node: CelNode, receiver: CelNode | null, parameters: readonly CelNode[], context: CelContext): Typed | null {
  const [operand] = parameters;
  if (receiver !== null || parameters.length !== 1 || (operand!.op !== "." && operand!.op !== "[]")) {
    return context.fail(node, { message: "has asks whether a field is there.", fix: "Write has(record.FIELD)." });
  }
  const row = rowReference(operand!, context);
  const value = row === null ? context.compile(operand!, context) : presenceOf(row, context);
  if (value === null) return null;
  const absent = typed(node, context, { op: "is-null", operand: value.expression }, null);
  return typed(node, context, { op: "not", operand: absent.expression }, null);
}

/** Of several values, or of the items of one list. */
function compileExtreme(node: CelNode, name: "min" | "max", operands: readonly Typed[], context: CelContext): Typed | null {
  const [first] = operands;
  if (first === undefined) return context.fail(node, { message: `${name} takes at least one value.`, fix: `Write ${name}(a, b) or ${name}(list).` });
  const single = operands.length === 1 && first.type.kind === "list" ? first.type.item : null;
  let type: ExpressionType | null = single ?? first.type;
  for (const operand of operands.slice(1)) type = type === null ? null : commonType(type, operand.type);
  if (type === null || !ORDERED.includes(type.kind)) {
    return context.fail(node, { message: `${name} has no answer for ${operands.map((one) => describeType(one.type)).join(" and ")}.`, fix: "Give it values of one type that has an order." });
  }
  const result: ExpressionType = type.kind === "json" ? { kind: "double" } : type;
  const list: Expression = single?.kind === "json" ? { op: "json-as", type: { kind: "list", item: result }, operand: first.expression } : first.expression;
  return typed(node, context, { op: "call", type: result, function: name, arguments: single === null ? operands.map((one) => one.expression) : [list] }, null);
}
