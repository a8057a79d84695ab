// Pools of awkward values for each type, in memory form, and the same as filter text. Small pools, so that values meet.
import type { TypeRef } from "../../src/schema/catalog.ts";
import type { Value } from "../../src/base/value.ts";
import type { Dice } from "./dice.ts";

const texts = [
  "", "a", "A", "b", "Ab", "aB", "ab", "abc", "a b", "red apple", "Red, green", "it's", "say \"x\"", "back\\slash", "50%", "a_b", "a*b", "(x)", "{y}", "true", "null",
  "\u00e9", "e\u0301", "E", "\u00df", "SS", "stra\u00dfe", "STRASSE", "\u{1f600}", "\uffee", "\u0130", "i", "1", "10", "2", "-1", "1.5", "x.y", "eq.a", "apple tree", "green tea tree",
];
const pools: Readonly<Record<string, readonly Value[]>> = {
  ID: ["a", "b", "c", "B", "1", "x y", "\u00e9"],
  String: texts,
  Int: [0, 1, 2, 3, -1, -2, 7, 100, 2147483647, -2147483648],
  Money: [0, 1, 250, -250, 999, 100000, 9007199254740991, -9007199254740991],
  Long: [0n, 1n, -1n, 5n, 9007199254740993n, -9007199254740993n, 9223372036854775807n, -9223372036854775808n],
  Float: [0, 1, -1, 0.5, 1.5, -2.25, 0.1, 1e21, 1e-7, 1024.75],
  Boolean: [true, false],
  DateTime: ["2026-01-01T00:00:00.000Z", "2026-01-31T12:30:00.500Z", "2025-12-31T23:59:59.999Z", "1969-07-20T20:17:00.000Z"],
  Date: ["2026-01-01", "2026-02-28", "2024-02-29", "1999-12-31"],
  Duration: ["PT0S", "PT30M", "PT2H", "P1D", "P1DT2H", "-PT5M", "PT0.5S", "P10D"],
  Decimal: ["0", "1.5", "1.50", "-1.5", "10", "9.99", "-0.001", "0.00", "123456789012345678901234567890.5", "2"],
  Bytes: ["", "AA==", "YWJj", "/+8="],
  JSON: [
    1, 0, -2.5, "a", "", "1", true, false, [], [1, 2], ["a", null], [[1], { a: 1 }], {}, { a: 1 }, { a: "1" }, { a: null, b: [1, 2, { c: "x" }] }, { a: { b: { c: 3 } }, d: "t" },
    { b: 2, a: 1 }, { "odd key": "q'\"", "0": "zero" }, { a: [1, "a", null, true] }, 9007199254740991,
  ],
  Vector: [[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0.5], [-1, 2, 0.25], [3, 4, 0]],
};

/** Values of an enum or an object are made by the caller. */
export function randomScalar(type: string, dice: Dice): Value {
  return dice.pick(pools[type]!);
}

/** As it would be typed into a filter, often in another notation of the same value. */
export function scalarText(value: Value, type: TypeRef, dice: Dice): string {
  if (value === null) return "null";
  if (typeof value === "object") return JSON.stringify(value);
  if (type.name === "JSON") return typeof value === "string" && dice.chance(0.5) ? JSON.stringify(value) : String(value);
  if (type.name === "DateTime" && dice.chance(0.3)) return String(value).replace(".000Z", "+00:00");
  if (type.name === "Decimal" && dice.chance(0.2) && !String(value).includes(".")) return `${String(value)}.0`;
  return String(value);
}
