// Whether a condition can be true at all, for any row and caller. Says no only where it is sure.
import type { Expression } from "../expression/expression.ts";
import type { Value } from "../base/value.ts";

/** Verdicts that are possible. */
interface Possible { readonly yes: boolean; readonly no: boolean; readonly unknown: boolean }

const ANY: Possible = { yes: true, no: true, unknown: true };
const YES: Possible = { yes: true, no: false, unknown: false };
const NO: Possible = { yes: false, no: true, unknown: false };
const UNKNOWN: Possible = { yes: false, no: false, unknown: true };

export interface KnownFacts {
  /** The caller is not signed in, so that all of `auth` is absent. */
  readonly nobody: boolean;
  /** Records of this table always have this field. */
  isRequired(table: string, field: string): boolean;
}

export function isNever(expression: Expression, facts: KnownFacts): boolean {
  return !possible(expression, facts).yes;
}

function possible(expression: Expression, facts: KnownFacts): Possible {
  const { nobody } = facts;
  switch (expression.op) {
    case "literal": return expression.value === null ? UNKNOWN : expression.value === true ? YES : expression.value === false ? NO : ANY;
    case "variable": return isAbsent(expression, nobody) ? UNKNOWN : ANY;
    case "not": {
      const { yes, no, unknown } = possible(expression.operand, facts);
      return { yes: no, no: yes, unknown };
    }
    case "and": return contradicts(expression.operands) ? { yes: false, no: true, unknown: true } : all(expression.operands.map((operand) => possible(operand, facts)));
    case "or": {
      const found = expression.operands.map((operand) => possible(operand, facts));
      return { yes: found.some(({ yes }) => yes), no: found.every(({ no }) => no), unknown: found.some(({ unknown }) => unknown) };
    }
    case "compare": {
      const { left, right, comparison } = expression;
      if (isAbsent(left, nobody) || isAbsent(right, nobody)) return UNKNOWN;
      if (left.op !== "literal" || right.op !== "literal" || (comparison !== "eq" && comparison !== "ne")) return ANY;
      return (left.value === right.value) === (comparison === "eq") ? YES : NO;
    }
    case "is-null": return isAbsent(expression.operand, nobody) ? YES : expression.operand.op === "literal" || isAlwaysThere(expression.operand, facts) ? NO : { yes: true, no: true, unknown: false };
    case "in": return isAbsent(expression.item, nobody) || isAbsent(expression.list, nobody) ? UNKNOWN : expression.list.op === "list" && expression.list.items.length === 0 ? NO : ANY;
    default: return ANY;
  }
}

function all(found: readonly Possible[]): Possible {
  return { yes: found.every(({ yes }) => yes), no: found.some(({ no }) => no), unknown: found.some(({ unknown }) => unknown) };
}

function isAbsent(expression: Expression, nobody: boolean): boolean {
  return (expression.op === "literal" && expression.value === null) || (nobody && expression.op === "variable" && expression.root === "auth");
}

/** `old` is absent where there was no record, and a path may break. */
function isAlwaysThere(expression: Expression, { isRequired }: KnownFacts): boolean {
  return expression.op === "field" && expression.row === "record" && expression.path.length === 0 && expression.within.length === 0 && isRequired(expression.table, expression.field);
}

interface Bound { readonly value: number | bigint; readonly isOpen: boolean }
interface Known { equal?: Value; readonly unequal: Set<Value>; low?: Bound; high?: Bound }

/** The same field is two things at once. */
function contradicts(operands: readonly Expression[]): boolean {
  const known = new Map<string, Known>();
  return flat(operands).some((operand) => {
    const said = saidOf(operand);
    if (said === null) return false;
    const about = known.get(said.name) ?? { unequal: new Set() };
    known.set(said.name, about);
    return narrows(about, said);
  });
}

function flat(operands: readonly Expression[]): Expression[] {
  return operands.flatMap((operand) => (operand.op === "and" ? flat(operand.operands) : [operand]));
}

interface Said { readonly name: string; readonly comparison: string; readonly value: Value }

const MIRRORED: Readonly<Record<string, string>> = { lt: "gt", le: "ge", gt: "lt", ge: "le" };

/** What an operand says of one field, whichever side it stands on; a Boolean field says it of itself. */
function saidOf(operand: Expression): Said | null {
  if (operand.op === "field") return { name: nameOf(operand), comparison: "eq", value: true };
  if (operand.op === "not") return operand.operand.op === "field" ? { name: nameOf(operand.operand), comparison: "eq", value: false } : null;
  if (operand.op !== "compare") return null;
  const { left, right, comparison } = operand;
  if (left.op === "field" && right.op === "literal") return { name: nameOf(left), comparison, value: right.value };
  return left.op === "literal" && right.op === "field" ? { name: nameOf(right), comparison: MIRRORED[comparison] ?? comparison, value: left.value } : null;
}

function nameOf({ row, path, field, within }: Extract<Expression, { op: "field" }>): string {
  return JSON.stringify([row, path, field, within]);
}

/** True: nothing is left. */
function narrows(known: Known, { comparison, value }: Said): boolean {
  if (comparison === "ne") known.unequal.add(value);
  if (comparison === "eq") {
    if (known.equal !== undefined && known.equal !== value) return true;
    known.equal = value;
  }
  if (known.equal !== undefined && known.unequal.has(known.equal)) return true;
  if (typeof value === "number" || typeof value === "bigint") {
    const [low, high] = [{ value, isOpen: comparison === "gt" }, { value, isOpen: comparison === "lt" }];
    if (["eq", "gt", "ge"].includes(comparison) && (known.low === undefined || value > known.low.value || (value === known.low.value && low.isOpen))) known.low = low;
    if (["eq", "lt", "le"].includes(comparison) && (known.high === undefined || value < known.high.value || (value === known.high.value && high.isOpen))) known.high = high;
  }
  const { low, high } = known;
  return low !== undefined && high !== undefined && (low.value > high.value || (low.value === high.value && (low.isOpen || high.isOpen)));
}
