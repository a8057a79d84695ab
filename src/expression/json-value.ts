// JSON values in rules and filters: paths, typed reading, text, containment, and a key whose order is the values' order.
// The same functions serve the evaluator and, over JSON text, the SQL functions.
import { parseDateTime, parseDate } from "../base/date-time.ts";
import { parseDecimal } from "../base/decimal.ts";
import { parseDuration } from "../base/duration.ts";
import type { Value } from "../base/value.ts";
import type { ExpressionType } from "./expression.ts";
import { integerOf } from "./int64.ts";

type Container = { readonly [key: string]: Value };

export function isObject(value: Value): value is Container {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value at a path of keys and indexes (from the end when negative); null where it breaks. */
export function valueAt(value: Value, path: readonly (string | number)[]): Value {
  let current = value;
  for (const step of path) {
    if (Array.isArray(current)) current = itemAt(current, step);
    else if (isObject(current) && Object.hasOwn(current, step)) current = current[step] ?? null;
    else return null;
  }
  return current;
}

function itemAt(items: readonly Value[], step: string | number): Value {
  const index = typeof step === "number" ? step : /^-?\d{1,9}$/.test(step) ? Number(step) : Number.NaN;
  return items[index < 0 ? items.length + index : index] ?? null;
}

/** `->>`: a string as it is, anything else as JSON text. */
export function textOfJson(value: Value): string | null {
  if (value === null || typeof value === "string") return value;
  return typeof value === "bigint" ? value.toString() : jsonText(value);
}

/** JSON text in wire form: what is too large for a number is a string. */
export function jsonText(value: Value): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === "bigint" ? inner.toString() : inner));
}

/** The value of a JSON value read as a type; null where it is of another kind. Never converts between text and number. */
export function readJsonAs(value: Value, type: ExpressionType): Value {
  if (value === null) return null;
  switch (type.kind) {
    case "json": return value;
    case "bool": return typeof value === "boolean" ? value : null;
    case "double": return typeof value === "number" ? value : null;
    case "int": return integerOfJson(value);
    case "decimal": return typeof value === "string" || typeof value === "number" ? parseDecimal(value.toString()) : null;
    case "list": return listOfJson(value, type.item);
    case "object": return isObject(value) ? value : null;
    case "null": return null;
    default: return typeof value === "string" ? readText(value, type.kind) : null;
  }
}

function integerOfJson(value: Value): Value {
  if (typeof value === "bigint") return integerOf(value);
  return typeof value === "number" && Number.isInteger(value) ? integerOf(BigInt(value)) : null;
}

function listOfJson(value: Value, item: ExpressionType): Value {
  if (!Array.isArray(value)) return null;
  const items: Value[] = [];
  for (const one of value as readonly Value[]) {
    const read = readJsonAs(one, item);
    if (read === null && one !== null) return null;
    items.push(read);
  }
  return items;
}

function readText(text: string, kind: "string" | "bytes" | "timestamp" | "date" | "duration"): string | null {
  switch (kind) {
    case "timestamp": return parseDateTime(text);
    case "date": return parseDate(text);
    case "duration": return parseDuration(text);
    default: return text;
  }
}

/**
 * Text that orders as the values do, equal for equal ones: null, string, number, boolean, array, object (PostgreSQL's
 * ranks); arrays by item, objects by key. `typed`: of a nested object, where an absent field is a null one.
 */
export function jsonKey(value: Value, typed = false): string {
  if (value === null) return "0";
  switch (typeof value) {
    case "string": return `1${endedText(value)}`;
    case "number": return `2${numberKey(value)}`;
    case "bigint": return `1${endedText(value.toString())}`;
    case "boolean": return value ? "31" : "30";
    default:
  }
  if (Array.isArray(value)) return `4${value.map((item: Value) => jsonKey(item, typed)).join("")} `;
  const object = value as Container;
  const keys = Object.keys(object).filter((key) => !typed || (object[key] ?? null) !== null).sort();
  return `5${keys.map((key) => `1${endedText(key)}${jsonKey(object[key]!, typed)}`).join("")} `;
}

/** Ends below every character that may follow; U+0001 and U+0002 inside are escaped, so that nothing inside looks like an end. */
function endedText(text: string): string {
  return `${text.replaceAll("\u0002", "\u0002\u0002").replaceAll("\u0001", "\u0002\u0001")}\u0001`;
}

const NUMBER_BYTES = new DataView(new ArrayBuffer(8));

/** The bits of a double as hexadecimal digits in the order of the numbers. */
function numberKey(value: number): string {
  NUMBER_BYTES.setFloat64(0, value + 0);
  const bits = NUMBER_BYTES.getBigUint64(0);
  const ordered = bits >> 63n === 1n ? ~bits & 0xffff_ffff_ffff_ffffn : bits | 0x8000_0000_0000_0000n;
  return ordered.toString(16).padStart(16, "0");
}

/** PostgreSQL's `@>` of jsonb. */
export function jsonContains(whole: Value, part: Value): boolean {
  if (Array.isArray(whole) && !Array.isArray(part) && !isObject(part)) return whole.some((item: Value) => sameScalar(item, part));
  return containsDeep(whole, part);
}

function containsDeep(whole: Value, part: Value): boolean {
  if (Array.isArray(part)) {
    if (!Array.isArray(whole)) return false;
    return part.every((wanted: Value) => whole.some((item: Value) => containsDeep(item, wanted)));
  }
  if (isObject(part)) {
    if (!isObject(whole)) return false;
    return Object.keys(part).every((key) => Object.hasOwn(whole, key) && containsDeep(whole[key] ?? null, part[key] ?? null));
  }
  return sameScalar(whole, part);
}

function sameScalar(left: Value, right: Value): boolean {
  return left === right || (typeof left !== "object" && typeof right !== "object" && jsonKey(left) === jsonKey(right));
}

/** True if two JSON arrays have an item in common; anything else has none. */
export function jsonOverlaps(left: Value, right: Value): boolean {
  if (!Array.isArray(left) || !Array.isArray(right)) return false;
  const keys = new Set(left.map((item: Value) => jsonKey(item)));
  return right.some((item: Value) => keys.has(jsonKey(item)));
}
