// What a condition says of single fields of the row, so that an index need not look at each footprint for each change: the field has a
// value, or one between two, or begins with a text. Said wider than the condition, never narrower; closed parts are known with each run.
import type { Value } from "../base/value.ts";
import { evaluate } from "../expression/evaluate.ts";
import type { Comparison, Environment, Expression, ExpressionType } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { typeOf } from "../expression/field-type.ts";
import { likePattern } from "../expression/like-pattern.ts";
import { keyText } from "./footprint.ts";
import { isGiven, keyField, type JudgedRow } from "./footprint-predicate.ts";
import type { Interval } from "./interval-tree.ts";

/** One of these holds for every record that matches. */
export type Narrowing = readonly Way[];

/** Expressions are closed. `open`: it holds whatever the record if `when` does. */
export type Way =
  | { readonly kind: "equal" | "prefix"; readonly field: string; readonly type: ExpressionType; readonly value: Expression }
  | { readonly kind: "between"; readonly field: string; readonly type: ExpressionType; readonly low: Expression | null; readonly high: Expression | null }
  | { readonly kind: "open"; readonly when: Expression };

/** With the values of a run. `text`: of `keyText`; null: `between`. */
export interface Place { readonly field: string; readonly type: ExpressionType; readonly text: string | null; readonly between: Interval }

const WAYS_MAX = 8;
const NARROWINGS_MAX = 8;
const ANYWHERE: Interval = { low: null, high: null };

/** Those that let the fewest records through first, as far as a condition can tell. */
export function narrowingsOf(condition: Expression | null, judged: JudgedRow): readonly Narrowing[] {
  if (condition === null) return [];
  return merged(saidBy(condition, judged)).toSorted((left, right) => breadth(left) - breadth(right)).slice(0, NARROWINGS_MAX);
}

/** Where a record can stand that matches; of none: no record does. Null: anywhere after all. */
export function placesOf(narrowing: Narrowing, environment: Environment, book: ExpressionBook): readonly Place[] | null {
  const places: Place[] = [];
  for (const way of narrowing) {
    if (way.kind === "open") {
      if (evaluate(way.when, environment, book) === true) return null;
      continue;
    }
    const place = placeOf(way, environment, book);
    if (place !== null) places.push(place);
  }
  return places;
}

/** Null: a comparison with null, which nothing satisfies. */
function placeOf(way: Exclude<Way, { kind: "open" }>, environment: Environment, book: ExpressionBook): Place | null {
  const { field, type } = way;
  if (way.kind === "between") {
    const ends = [way.low, way.high].map((end) => (end === null ? null : evaluate(end, environment, book)));
    if ((way.low !== null && ends[0] === null) || (way.high !== null && ends[1] === null)) return null;
    return { field, type, text: null, between: { low: ends[0]!, high: ends[1]! } };
  }
  const value = evaluate(way.value, environment, book);
  if (way.kind === "prefix") return typeof value === "string" ? { field, type, text: null, between: { low: value, high: prefixEnd(value) } } : null;
  const text = keyText(value, type);
  return text === null ? null : { field, type, text, between: ANYWHERE };
}

/** In the order of code points, after all that begin with it; null: nothing is. */
export function prefixEnd(prefix: string): Value {
  const points = [...prefix].map((character) => character.codePointAt(0)!);
  while (points.at(-1) === LAST_POINT) points.pop();
  const last = points.pop();
  if (last === undefined) return null;
  // Between them are no characters.
  points.push(last === 0xd7ff ? 0xe000 : last + 1);
  return String.fromCodePoint(...points);
}

const LAST_POINT = 0x10ffff;

/** All of these hold. */
function saidBy(condition: Expression, judged: JudgedRow): readonly Narrowing[] {
  switch (condition.op) {
    case "and": return condition.operands.flatMap((operand) => saidBy(operand, judged));
    case "or": return alternatives(condition.operands, judged);
    case "compare": return comparison(condition, condition.comparison, judged);
    case "not": return denied(condition.operand, judged);
    case "like": {
      const { prefix, shape } = likePattern(condition.pattern, condition.fold);
      if (condition.fold || prefix === "" || typeOf(condition.operand).kind !== "string") return [];
      return oneWay(condition.operand, { kind: shape === "exact" ? "equal" : "prefix", value: { op: "literal", type: { kind: "string" }, value: prefix } }, judged);
    }
    case "call": {
      const [operand, prefix] = condition.arguments;
      if (condition.function !== "startsWith" || operand === undefined || prefix === undefined || typeOf(operand).kind !== "string") return [];
      return oneWay(operand, { kind: "prefix", value: prefix }, judged);
    }
    default: return [];
  }
}

function denied(operand: Expression, judged: JudgedRow): readonly Narrowing[] {
  if (operand.op === "distinct") return operand.right.op === "literal" && operand.right.value !== null ? oneWay(operand.left, { kind: "equal", value: operand.right }, judged) : [];
  return operand.op === "compare" && operand.comparison !== "eq" ? comparison(operand, OPPOSITE[operand.comparison], judged) : [];
}

function alternatives(operands: readonly Expression[], judged: JudgedRow): readonly Narrowing[] {
  const ways: Way[] = [];
  for (const operand of operands) {
    if (isGiven(operand)) {
      ways.push({ kind: "open", when: operand });
      continue;
    }
    const [best] = narrowingsOf(operand, judged);
    if (best === undefined) return [];
    ways.push(...best);
  }
  return ways.length > WAYS_MAX ? [] : [ways];
}

function comparison({ left, right }: Extract<Expression, { op: "compare" }>, how: Comparison, judged: JudgedRow): readonly Narrowing[] {
  return isGiven(right) ? compared(left, how, { value: right, judged }) : isGiven(left) ? compared(right, TURNED[how], { value: left, judged }) : [];
}

function compared(operand: Expression, how: Comparison, { value, judged }: { readonly value: Expression; readonly judged: JudgedRow }): readonly Narrowing[] {
  switch (how) {
    case "ne": return [];
    case "eq": return oneWay(operand, { kind: "equal", value }, judged);
    case "lt": case "le": return oneWay(operand, { kind: "between", value, low: null, high: value }, judged);
    case "gt": case "ge": return oneWay(operand, { kind: "between", value, low: value, high: null }, judged);
  }
}

type Said =
  | { readonly kind: "equal" | "prefix"; readonly value: Expression }
  | { readonly kind: "between"; readonly value: Expression; readonly low: Expression | null; readonly high: Expression | null };

function oneWay(operand: Expression, said: Said, judged: JudgedRow): readonly Narrowing[] {
  if (!isGiven(said.value)) return [];
  return keyField(operand, typeOf(said.value), judged).map(({ field, type }): Narrowing => {
    if (said.kind !== "between") return [{ kind: said.kind, field, type, value: said.value }];
    return [{ kind: "between", field, type, low: said.low, high: said.high }];
  });
}

/** Two ends of one field are one interval. */
function merged(narrowings: readonly Narrowing[]): Narrowing[] {
  const found: Narrowing[] = [];
  for (const narrowing of narrowings) {
    const [way] = narrowing;
    const at = narrowing.length !== 1 || way?.kind !== "between" ? -1 : found.findIndex(([other, ...more]) => more.length === 0 && other?.kind === "between" && other.field === way.field
      && (other.low === null || way.low === null) && (other.high === null || way.high === null));
    const other = found[at]?.[0];
    if (way?.kind === "between" && other?.kind === "between") found[at] = [{ ...other, low: other.low ?? way.low, high: other.high ?? way.high }];
    else found.push(narrowing);
  }
  return found;
}

function breadth([way, ...more]: Narrowing): number {
  if (way === undefined) return 0;
  if (more.length > 0) return 3;
  switch (way.kind) {
    case "equal": return 0;
    case "prefix": return 1;
    case "between": return way.low !== null && way.high !== null ? 1 : 2;
    case "open": return 4;
  }
}

const OPPOSITE: Readonly<Record<Comparison, Comparison>> = { eq: "ne", ne: "eq", lt: "ge", ge: "lt", le: "gt", gt: "le" };
const TURNED: Readonly<Record<Comparison, Comparison>> = { eq: "eq", ne: "ne", lt: "gt", gt: "lt", le: "ge", ge: "le" };
