// Whether a condition can be true at all, for any row and caller. Says no only where it is sure.
import type { Expression } from "../expression/expression.ts";
import type { Value } from "../base/value.ts";

/** Verdicts that are possible. */
interface Possible { readonly yes: boolean; readonly no: boolean; readonly unknown: boolean }

const ANY: Possible = { yes: true, no: true, unknown: true };
const YES: Possible = { yes: true, no: false, unknown: false };
const NO: Possible = { yes: false, no: true, unknown: false };
const UNKNOWN: Possible = { yes: false, no: false, unknown: true };

/** `nobody`: the caller is not signed in, so that all of `auth` is absent. */
export function isNever(expression: Expression, nobody: boolean): boolean {
  return !possible(expression, nobody).yes;
}

function possible(expression: Expression, nobody: boolean): Possible {
  switch (expression.op) {
    case "literal": return expression.value === null ? UNKNOWN : expression.value === true ? YES : expression.value === false ? NO : ANY;
    case "variable": return isAbsent(expression, nobody) ? UNKNOWN : ANY;
    case "not": {
      const { yes, no, unknown } = possible(expression.operand, nobody);
      return { yes: no, no: yes, unknown };
    }
    case "and": return contradicts(expression.operands) ? { yes: false, no: true, unknown: true } : all(expression.operands.map((operand) => possible(operand, nobody)));
    case "or": {
      const found = expression.operands.map((operand) => possible(operand, nobody));
      return { yes: found.some(({ yes }) => yes), no: found.every(({ no }) => no), unknown: found.some(({ unknown }) => unknown) };
    }
    case "compare": {
      const { left, right, comparison } = expression;
      if (isAbsent(left, nobody) || isAbsent(right, nobody)) return UNKNOWN;
      if (left.op !== "literal" || right.op !== "literal" || (comparison !== "eq" && comparison !== "ne")) return ANY;
      return (left.value === right.value) === (comparison === "eq") ? YES : NO;
    }
    case "is-null": return isAbsent(expression.operand, nobody) ? YES : expression.operand.op === "literal" ? NO : { yes: true, no: true, unknown: false };
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

interface Bounds { equal?: Value; low?: number | bigint; high?: number | bigint }

/** The same field is two things at once. */
function contradicts(operands: readonly Expression[]): boolean {
  const known = new Map<string, Bounds>();
  return flat(operands).some((operand) => {
    if (operand.op !== "compare" || operand.left.op !== "field" || operand.right.op !== "literal") return false;
    const { row, path, field, within } = operand.left;
    const name = JSON.stringify([row, path, field, within]);
    const bounds = known.get(name) ?? {};
    known.set(name, bounds);
    return narrows(bounds, operand.comparison, operand.right.value);
  });
}

function flat(operands: readonly Expression[]): Expression[] {
  return operands.flatMap((operand) => (operand.op === "and" ? flat(operand.operands) : [operand]));
}

/** True: nothing is left. */
function narrows(bounds: Bounds, comparison: string, value: Value): boolean {
  if (comparison === "eq") {
    if (bounds.equal !== undefined && bounds.equal !== value) return true;
    bounds.equal = value;
  }
  if (typeof value === "number" || typeof value === "bigint") {
    if (["eq", "gt", "ge"].includes(comparison) && (bounds.low === undefined || value > bounds.low)) bounds.low = value;
    if (["eq", "lt", "le"].includes(comparison) && (bounds.high === undefined || value < bounds.high)) bounds.high = value;
  }
  return bounds.low !== undefined && bounds.high !== undefined && bounds.low > bounds.high;
}
