// The order of values in wire form, as the design has it: numbers by value, texts by code points, durations by length. Nulls are the caller's.
import type { FieldType } from "./model.ts";

export function compareWire(type: FieldType, left: unknown, right: unknown): number {
  switch (type) {
    case "Long": return compare(BigInt(left as string), BigInt(right as string));
    case "Decimal": return compare(Number(left), Number(right));
    case "Duration": return compare(days(left), days(right));
    case "Boolean": return compare(Number(left), Number(right));
    default: return compare(left as string, right as string);
  }
}

function compare<T extends string | number | bigint>(left: T, right: T): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function days(duration: unknown): number {
  return Number(/^P(\d+)D$/.exec(duration as string)![1]);
}

export function hasOrder(type: FieldType): boolean {
  return !["JSON", "List", "Object", "Vector", "Bytes"].includes(type);
}
