// The functions of rules in memory, chosen once by the types of their arguments.
import { negateDecimal } from "../base/decimal.ts";
import { durationMs } from "../base/duration.ts";
import { compilePattern } from "../base/pattern.ts";
import { millisecondsOf } from "../base/date-time.ts";
import type { Value } from "../base/value.ts";
import { alignArguments } from "./align-operands.ts";
import { comparerOf } from "./compare-values.ts";
import type { Expression, ExpressionType } from "./expression.ts";
import { typeOf } from "./field-type.ts";
import { calculateIntegers, negateInteger, parseInteger, truncateToInteger, type Integer } from "./int64.ts";
import { jsonText, textOfJson } from "./json-value.ts";
import { NULL_PROGRAM, type Program, type ProgramScope } from "./program.ts";
import {
  absoluteDecimal, bytesLength, calculateDecimals, calculateDoubles, dateOfText, dateOfTimestamp, doubleOfJson, doubleOfText, durationOfText,
  epochSeconds, finite, integerOfDecimal, integerOfJson, jsonSize, moveTime, roundNumber, textLength, textOfDouble, textOfDuration,
  timestampOfDate, timestampOfText,
} from "./rule-functions.ts";

type Of<Op extends Expression["op"]> = Extract<Expression, { op: Op }>;
/** Of values that are not null. */
type Unary = (value: never) => Value;
type Binary = (left: never, right: never) => Value;
type Kind = ExpressionType["kind"];

export function callProgram(call: Of<"call">, scope: ProgramScope): Program {
  const operands = alignArguments(call);
  const programs = operands.map((operand) => scope.compile(operand, scope));
  const first = typeOf(operands[0]!);
  if (call.function === "min" || call.function === "max") return extremeProgram(call.function === "min" ? 1 : -1, operands, programs);
  if (programs.length === 2) return binaryProgram(binaryFunction(call), programs[0]!, programs[1]!);
  const apply = unaryFunction(call.function, first.kind) as ((value: Value) => Value) | null;
  if (apply === null) return NULL_PROGRAM;
  const program = programs[0]!;
  return (frame) => {
    const value = program(frame);
    return value === null ? null : apply(value);
  };
}

function binaryProgram(apply: Binary | null, left: Program, right: Program): Program {
  if (apply === null) return NULL_PROGRAM;
  const combine = apply as (left: Value, right: Value) => Value;
  return (frame) => {
    const [a, b] = [left(frame), right(frame)];
    return a === null || b === null ? null : combine(a, b);
  };
}

function binaryFunction(call: Of<"call">): Binary | null {
  switch (call.function) {
    case "startsWith": return (text: string, part: string) => text.startsWith(part);
    case "endsWith": return (text: string, part: string) => text.endsWith(part);
    case "contains": return (text: string, part: string) => text.includes(part);
    case "matches": return matchesText;
    default: return null;
  }
}

function matchesText(text: string, pattern: string): boolean | null {
  try {
    return compilePattern(pattern).matches(text);
  } catch {
    return null;
  }
}

function unaryFunction(name: Of<"call">["function"], kind: Kind): Unary | null {
  switch (name) {
    case "size": return sizeOf(kind);
    case "lower": return (text: string) => text.toLowerCase();
    case "upper": return (text: string) => text.toUpperCase();
    case "trim": return (text: string) => text.trim();
    case "abs": return absoluteOf(kind);
    case "round": return kind === "int" ? (value: Integer) => value : roundNumber;
    case "int": return integerFrom(kind);
    case "double": return doubleFrom(kind);
    case "string": return textFrom(kind);
    case "timestamp": return kind === "timestamp" ? (time: string) => time : kind === "date" ? timestampOfDate : timestampOfText;
    case "date": return kind === "date" ? (date: string) => date : kind === "timestamp" ? dateOfTimestamp : dateOfText;
    case "duration": return kind === "duration" ? (duration: string) => duration : durationOfText;
    case "year": return (date: string) => Number(date.slice(0, 4));
    case "month": return (date: string) => Number(date.slice(5, 7));
    case "day": return (date: string) => Number(date.slice(8, 10));
    default: return null;
  }
}

function sizeOf(kind: Kind): Unary | null {
  switch (kind) {
    case "string": return textLength;
    case "bytes": return bytesLength;
    case "list": return (list: readonly Value[]) => list.length;
    case "json": return jsonSize;
    default: return null;
  }
}

function absoluteOf(kind: Kind): Unary | null {
  switch (kind) {
    case "int": return (value: Integer) => (value < 0 ? negateInteger(value) : value);
    case "double": return (value: number) => Math.abs(value);
    case "decimal": return absoluteDecimal;
    case "duration": return (value: string) => (value.startsWith("-") ? value.slice(1) : value);
    default: return null;
  }
}

function integerFrom(kind: Kind): Unary | null {
  switch (kind) {
    case "int": return (value: Integer) => value;
    case "double": return truncateToInteger;
    case "bool": return (value: boolean) => (value ? 1 : 0);
    case "string": return parseInteger;
    case "decimal": return integerOfDecimal;
    case "timestamp": return epochSeconds;
    case "json": return integerOfJson;
    default: return null;
  }
}

function doubleFrom(kind: Kind): Unary | null {
  switch (kind) {
    case "int": return (value: Integer) => Number(value);
    case "double": return (value: number) => value;
    case "string": return doubleOfText;
    case "decimal": return (value: string) => finite(Number(value));
    case "json": return doubleOfJson;
    default: return null;
  }
}

function textFrom(kind: Kind): Unary {
  switch (kind) {
    case "int": case "bool": return (value: Integer | boolean) => value.toString();
    case "double": return textOfDouble;
    case "json": return textOfJson;
    case "list": case "object": return jsonText;
    default: return (value: string) => value;
  }
}

/** Of several arguments, or of the items of one list; null among them makes it null, so does an empty list. */
function extremeProgram(sign: 1 | -1, operands: readonly Expression[], programs: readonly Program[]): Program {
  const type = typeOf(operands[0]!);
  const ofList = operands.length === 1 && type.kind === "list";
  const compare = comparerOf(ofList ? type.item : type);
  const widen = !ofList && operands.some((operand) => typeOf(operand).kind === "double");
  return (frame) => {
    const list = ofList ? programs[0]!(frame) : programs.map((program) => program(frame));
    if (!Array.isArray(list)) return null;
    let best: Value = null;
    for (const value of list as readonly Value[]) {
      if (value === null) return null;
      if (best === null || sign * compare(value, best) < 0) best = value;
    }
    return widen && best !== null ? Number(best) : best;
  };
}

export function arithmeticProgram(expression: Of<"arithmetic">, scope: ProgramScope): Program {
  const [left, right] = [scope.compile(expression.left, scope), scope.compile(expression.right, scope)];
  return binaryProgram(arithmeticFunction(expression), left, right);
}

function arithmeticFunction(expression: Of<"arithmetic">): Binary | null {
  const { operator } = expression;
  switch (expression.type.kind) {
    case "int": return (left: Integer, right: Integer) => calculateIntegers(operator, left, right);
    case "double": return operator === "%" ? null : (left: Integer, right: Integer) => calculateDoubles(operator, Number(left), Number(right));
    case "decimal": return operator === "/" || operator === "%" ? null : (left: string | Integer, right: string | Integer) => calculateDecimals(operator, left.toString(), right.toString());
    case "string": return (left: string, right: string) => left + right;
    case "timestamp": return moved(operator === "-" ? -1 : 1, typeOf(expression.left).kind === "duration");
    case "duration": return typeOf(expression.left).kind === "timestamp"
      ? (left: string, right: string) => textOfDuration(millisecondsOf(left) - millisecondsOf(right))
      : (left: string, right: string) => textOfDuration(durationMs(left) + (operator === "-" ? -1 : 1) * durationMs(right));
    default: return null;
  }
}

function moved(sign: 1 | -1, durationFirst: boolean): Binary {
  return durationFirst
    ? (duration: string, time: string) => moveTime(time, durationMs(duration))
    : (time: string, duration: string) => moveTime(time, sign * durationMs(duration));
}

export function negateProgram(expression: Of<"negate">, scope: ProgramScope): Program {
  const operand = scope.compile(expression.operand, scope);
  const apply = negation(expression.type.kind) as ((value: Value) => Value) | null;
  if (apply === null) return NULL_PROGRAM;
  return (frame) => {
    const value = operand(frame);
    return value === null ? null : apply(value);
  };
}

function negation(kind: Kind): Unary | null {
  switch (kind) {
    case "int": return negateInteger;
    case "double": return (value: number) => finite(-value);
    case "decimal": return negateDecimal;
    case "duration": return (value: string) => textOfDuration(-durationMs(value));
    default: return null;
  }
}
