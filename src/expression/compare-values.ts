// The total order of non-null values of one type; what ORDER BY, min and max, and every comparison mean.
import { compareDecimals } from "../base/decimal.ts";
import { durationMs } from "../base/duration.ts";
import { compareText } from "../base/text.ts";
import type { Value } from "../base/value.ts";
import type { ExpressionType } from "./expression.ts";
import { jsonKey } from "./json-value.ts";
import { listKey } from "./list-value.ts";

export type Comparer = (left: Value, right: Value) => number;

/** Neither is null. Negative, zero or positive. Integers and doubles compare exactly with one another. */
export function compareValues(left: Value, right: Value, type: ExpressionType): number {
  return comparerOf(type)(left, right);
}

export function comparerOf(type: ExpressionType): Comparer {
  switch (type.kind) {
    case "string": return (left, right) => compareText(left as string, right as string);
    case "decimal": return (left, right) => compareDecimals(left as string, right as string);
    case "duration": return (left, right) => durationMs(left as string) - durationMs(right as string);
    case "json": return (left, right) => compareText(jsonKey(left), jsonKey(right));
    case "object": return (left, right) => compareText(jsonKey(left, true), jsonKey(right, true));
    case "list": {
      const { kind } = type.item;
      return (left, right) => compareText(listKey(left as readonly Value[], kind), listKey(right as readonly Value[], kind));
    }
    default: return compareNatural;
  }
}

/** Numbers, booleans, and text whose characters are all ASCII. */
function compareNatural(left: Value, right: Value): number {
  if (left === right) return 0;
  const [a, b] = [left as number, right as number];
  return a < b ? -1 : a > b ? 1 : 0;
}

/** True if equal values of the type are equal by `===`. */
export function equalByIdentity(type: ExpressionType): boolean {
  switch (type.kind) {
    case "bool": case "string": case "timestamp": case "date": case "duration": case "bytes": return true;
    default: return false;
  }
}
