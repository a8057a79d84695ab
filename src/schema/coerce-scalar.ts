// One raw value to the canonical form of one scalar (base/value.ts), or a problem. Strict: no "5" for 5. No limits, no lists.
import { parseDate, parseDateTime, dateTimeOf } from "../base/date-time.ts";
import { parseDecimal } from "../base/decimal.ts";
import { parseDuration } from "../base/duration.ts";
import { isWellFormedText } from "../base/text.ts";
import { unreachable } from "../base/assert.ts";
import type { Value } from "../base/value.ts";
import type { ScalarName } from "./catalog.ts";

export type Dialect = "wire" | "code";

/** Why a value was refused. `code` is stable, `message` reads after the path of the field. */
export class ScalarProblem {
  readonly code: "WRONG_TYPE" | "MALFORMED_TEXT" | "OUT_OF_RANGE" | "UNSAFE_KEY" | "TOO_DEEP";
  readonly message: string;
  constructor(code: ScalarProblem["code"], message: string) {
    this.code = code;
    this.message = message;
  }
}

export interface ScalarBounds {
  readonly depth: number;
  readonly textLength: number;
}

/** The canonical value; never null, as `raw` is not null. */
export function coerceScalar(raw: unknown, name: ScalarName, dialect: Dialect, bounds: ScalarBounds): Value | ScalarProblem {
  switch (name) {
    case "ID": return coerceId(raw, bounds);
    case "String": return coerceString(raw, bounds);
    case "Int": return coerceInteger(raw, -2147483648, 2147483647);
    case "Money": return coerceInteger(raw, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    case "Long": return coerceLong(raw);
    case "Float": return coerceFloat(raw);
    case "Boolean": return typeof raw === "boolean" ? raw : wrong("true or false");
    case "DateTime": return coerceDateTime(raw, dialect);
    case "Date": return coerceDate(raw, dialect);
    case "Duration": return parsed(raw, parseDuration, "an ISO 8601 duration of days, hours, minutes and seconds, such as PT30S");
    case "Decimal": return coerceDecimal(raw, dialect);
    case "JSON": return coerceJson(raw, bounds.depth, bounds);
    case "Bytes": return coerceBytes(raw, dialect);
    case "Vector": return coerceVector(raw, dialect);
    case "Blob": return raw instanceof Blob ? raw as unknown as Value : wrong("a file, sent as multipart/form-data or as the body itself");
    default: return unreachable(name);
  }
}

/** A problem of the text itself, whatever it stands for; null if there is none. */
export function textProblem(text: string, bounds: ScalarBounds): ScalarProblem | null {
  if (text.length > bounds.textLength) return new ScalarProblem("OUT_OF_RANGE", `has more than ${bounds.textLength} characters.`);
  if (!isWellFormedText(text)) return new ScalarProblem("MALFORMED_TEXT", "has a lone surrogate or the character U+0000, which text must not have.");
  return null;
}

export const LONG_MIN = -(2n ** 63n);
export const LONG_MAX = 2n ** 63n - 1n;
const INTEGER_TEXT = /^-?(?:0|[1-9][0-9]{0,18})$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** An int64 from its decimal text, else null. */
export function parseLong(text: string): bigint | null {
  if (!INTEGER_TEXT.test(text)) return null;
  const value = BigInt(text);
  return value >= LONG_MIN && value <= LONG_MAX ? value : null;
}

function wrong(expected: string): ScalarProblem {
  return new ScalarProblem("WRONG_TYPE", `must be ${expected}.`);
}

function coerceString(raw: unknown, bounds: ScalarBounds): Value | ScalarProblem {
  return typeof raw === "string" ? textProblem(raw, bounds) ?? raw : wrong("text");
}

// As in GraphQL, an integer stands for its digits; one that lost precision on the way does not.
function coerceId(raw: unknown, bounds: ScalarBounds): Value | ScalarProblem {
  if (typeof raw === "string") return textProblem(raw, bounds) ?? raw;
  if (typeof raw === "bigint" || (typeof raw === "number" && Number.isSafeInteger(raw))) return String(raw);
  return wrong("text or an integer");
}

function coerceInteger(raw: unknown, min: number, max: number): Value | ScalarProblem {
  if (typeof raw !== "bigint" && (typeof raw !== "number" || !Number.isInteger(raw))) return wrong("an integer");
  if (raw < min || raw > max) return new ScalarProblem("OUT_OF_RANGE", `must be an integer from ${min} to ${max}.`);
  return withoutNegativeZero(Number(raw));
}

function coerceLong(raw: unknown): Value | ScalarProblem {
  if (typeof raw === "bigint") return raw >= LONG_MIN && raw <= LONG_MAX ? raw : longRange();
  if (typeof raw === "string") return parseLong(raw) ?? (INTEGER_TEXT.test(raw) || /^-?[1-9][0-9]*$/.test(raw) ? longRange() : wrong("a 64-bit integer, as a decimal string"));
  if (typeof raw !== "number" || !Number.isInteger(raw)) return wrong("a 64-bit integer, as a decimal string");
  if (!Number.isSafeInteger(raw)) return new ScalarProblem("OUT_OF_RANGE", "lost precision as a number; send it as a decimal string.");
  return BigInt(raw);
}

function longRange(): ScalarProblem {
  return new ScalarProblem("OUT_OF_RANGE", `must be an integer from ${LONG_MIN} to ${LONG_MAX}.`);
}

function coerceFloat(raw: unknown): Value | ScalarProblem {
  if (typeof raw !== "number" && typeof raw !== "bigint") return wrong("a number");
  const number = Number(raw);
  return Number.isFinite(number) ? withoutNegativeZero(number) : wrong("a finite number");
}

// SQLite and JSON do not keep the sign of zero; memory must not either.
function withoutNegativeZero(number: number): number {
  return number === 0 ? 0 : number;
}

function parsed(raw: unknown, parse: (text: string) => string | null, expected: string): Value | ScalarProblem {
  return (typeof raw === "string" && raw.length <= 1000 ? parse(raw) : null) ?? wrong(expected);
}

function coerceDateTime(raw: unknown, dialect: Dialect): Value | ScalarProblem {
  if (dialect === "code" && raw instanceof Date) return Number.isNaN(raw.getTime()) ? wrong("a valid Date") : parsed(dateTimeOf(raw.getTime()), parseDateTime, "a time within the years 0000 to 9999");
  return parsed(raw, parseDateTime, "an RFC 3339 time such as 2026-01-31T12:00:00Z");
}

function coerceDate(raw: unknown, dialect: Dialect): Value | ScalarProblem {
  if (dialect === "code" && raw instanceof Date) return Number.isNaN(raw.getTime()) ? wrong("a valid Date") : parsed(dateTimeOf(raw.getTime()).slice(0, 10), parseDate, "a day within the years 0000 to 9999");
  return parsed(raw, parseDate, "a date such as 2026-01-31");
}

function coerceDecimal(raw: unknown, dialect: Dialect): Value | ScalarProblem {
  const exact = typeof raw === "bigint" || (typeof raw === "number" && Number.isSafeInteger(raw));
  return parsed(dialect === "code" && exact ? String(raw) : raw, parseDecimal, "a decimal number as a string");
}

function coerceBytes(raw: unknown, dialect: Dialect): Value | ScalarProblem {
  if (dialect === "code" && raw instanceof Uint8Array) return raw.toBase64();
  return typeof raw === "string" && BASE64.test(raw) ? raw : wrong("base64");
}

function coerceVector(raw: unknown, dialect: Dialect): Value | ScalarProblem {
  const items: unknown = dialect === "code" && raw instanceof Float32Array ? Array.from(raw) : raw;
  if (!Array.isArray(items) || items.length === 0) return wrong("a list of numbers");
  const vector: number[] = [];
  for (const item of items as readonly unknown[]) {
    // Kept as 32-bit floats beside the text: what does not fit there could not be compared.
    if (typeof item !== "number" || !Number.isFinite(Math.fround(item))) return wrong("a list of finite 32-bit numbers");
    vector.push(withoutNegativeZero(item));
  }
  return vector;
}

function coerceJson(raw: unknown, depth: number, bounds: ScalarBounds): Value | ScalarProblem {
  if (raw === null || typeof raw === "boolean") return raw;
  if (typeof raw === "string") return textProblem(raw, bounds) ?? raw;
  if (typeof raw === "number") return Number.isFinite(raw) ? withoutNegativeZero(raw) : wrong("JSON, which has no NaN or infinity");
  if (typeof raw === "bigint") return BigInt(Number.isFinite(Number(raw)) ? Number(raw) : 0) === raw ? Number(raw) : new ScalarProblem("OUT_OF_RANGE", "has an integer that JSON numbers do not hold exactly; send it as a string.");
  if (typeof raw !== "object") return wrong("JSON");
  if (depth <= 0) return new ScalarProblem("TOO_DEEP", "is nested too deeply.");
  return Array.isArray(raw) ? coerceJsonList(raw, depth, bounds) : coerceJsonObject(raw, depth, bounds);
}

function coerceJsonList(raw: readonly unknown[], depth: number, bounds: ScalarBounds): Value | ScalarProblem {
  const items: Value[] = [];
  for (const item of raw) {
    const value = coerceJson(item === undefined ? null : item, depth - 1, bounds);
    if (value instanceof ScalarProblem) return value;
    items.push(value);
  }
  return items;
}

function coerceJsonObject(raw: object, depth: number, bounds: ScalarBounds): Value | ScalarProblem {
  if (!isPlainObject(raw)) return wrong("JSON");
  const object = Object.create(null) as { [key: string]: Value };
  for (const key of Object.keys(raw)) {
    // App code that merges or assigns such an object would change prototypes.
    if (key === "__proto__") return new ScalarProblem("UNSAFE_KEY", "has a key __proto__, which is refused.");
    const bad = textProblem(key, bounds);
    if (bad !== null) return bad;
    const item = raw[key];
    if (item === undefined) continue;
    const value = coerceJson(item, depth - 1, bounds);
    if (value instanceof ScalarProblem) return value;
    object[key] = value;
  }
  return object;
}

/** An object literal or what a JSON parser makes; not a Date, Map or class instance. */
export function isPlainObject(raw: unknown): raw is { readonly [key: string]: unknown } {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return false;
  const prototype: unknown = Object.getPrototypeOf(raw);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}
