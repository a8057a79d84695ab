// The SQL functions named ambit_*: the evaluator's own functions, so that SQL and memory cannot differ.
// They are pure and never touch the database; what has no answer is NULL. They throw only at the deadline of the plan that runs.
import type { Database } from "bun:sqlite";
import { dateTimeOf, millisecondsOf } from "../base/date-time.ts";
import { decimalKey, negateDecimal } from "../base/decimal.ts";
import { durationMs } from "../base/duration.ts";
import { compilePattern } from "../base/pattern.ts";
import { foldCase } from "../base/text.ts";
import type { SqlValue, Value } from "../base/value.ts";
import { comparerOf } from "../expression/compare-values.ts";
import type { ExpressionType } from "../expression/expression.ts";
import { distanceMetres } from "../expression/geo.ts";
import { parseInteger, truncateToInteger, INT64_MAX, type Integer } from "../expression/int64.ts";
import { isObject, jsonContains, jsonKey, jsonOverlaps, jsonText, readJsonAs, textOfJson, valueAt } from "../expression/json-value.ts";
import { likePattern } from "../expression/like-pattern.ts";
import { listContains, listKey, listOverlaps, type ItemKind } from "../expression/list-value.ts";
import {
  absoluteDecimal, bytesLength, calculateDecimals, dateOfText, doubleOfJson, doubleOfText, durationOfText, epochSeconds, finite, integerOfDecimal,
  integerOfJson, jsonSize, moveTime, roundNumber, textOfDouble, textOfDuration, timestampOfText,
} from "../expression/rule-functions.ts";
import { withinTime } from "./plan-functions.ts";
import { toSqlValue } from "./sql-value.ts";

/** Of arguments none of which is NULL, as bun:sqlite hands them over. */
type SqlFunction = (...values: never[]) => SqlValue | undefined;

/** To be called once on every connection. */
export function registerSqlFunctions(database: Database): void {
  for (const [name, implementation] of Object.entries(functions)) define(database, name, implementation, false);
  for (const [name, implementation] of Object.entries(exactFunctions)) define(database, name, implementation, true);
  database.function("ambit_decimal_extreme", { deterministic: true, varargs: true }, decimalExtreme);
}

/** Their time grows with a value's length: few rows may take long. */
const LENGTHY = /^ambit_(?:like|match|json|object|list)/;

/** NULL in, NULL out. */
function define(database: Database, name: string, implementation: SqlFunction, safeIntegers: boolean): void {
  const options = { deterministic: true, safeIntegers };
  const plain = implementation as (...values: SqlValue[]) => SqlValue | undefined;
  const apply = LENGTHY.test(name) ? (...values: SqlValue[]): SqlValue | undefined => withinTime() ? plain(...values) : null : plain;
  const total = (...values: SqlValue[]): SqlValue => (values.includes(null) ? null : apply(...values) ?? null);
  switch (implementation.length) {
    case 1: database.function(name, options, (a: SqlValue) => (a === null ? null : apply(a) ?? null)); return;
    case 2: database.function(name, options, (a: SqlValue, b: SqlValue) => total(a, b)); return;
    case 3: database.function(name, options, (a: SqlValue, b: SqlValue, c: SqlValue) => total(a, b, c)); return;
    default: database.function(name, options, (a: SqlValue, b: SqlValue, c: SqlValue, d: SqlValue) => total(a, b, c, d));
  }
}

/** INTEGER arguments are bigints here. */
const exactFunctions: Readonly<Record<string, SqlFunction>> = {
  /** An integer result that SQLite turned into a REAL has overflowed. */
  ambit_int: (value: SqlValue) => (typeof value === "bigint" ? value : null),
  ambit_abs: (value: bigint | number) => (value >= 0 ? value : typeof value === "bigint" && -value > INT64_MAX ? null : -value),
  ambit_duration_text: (ms: bigint | number) => textOfDuration(Number(ms)),
};

const functions: Readonly<Record<string, SqlFunction>> = {
  ambit_fold: (text: string) => foldCase(text),
  ambit_lower: (text: string) => text.toLowerCase(),
  ambit_upper: (text: string) => text.toUpperCase(),
  ambit_trim: (text: string) => text.trim(),
  ambit_ends_with: (text: string, part: string) => Number(text.endsWith(part)),
  ambit_like: (text: string, pattern: string, fold: number) => Number(likePattern(pattern, fold === 1).matches(text)),
  ambit_match: (text: string, pattern: string, fold: number) => matches(text, pattern, fold === 1),
  ambit_round: (value: number) => sqlInteger(roundNumber(value)),
  ambit_int_of: (value: string | number, kind: ItemKind) => sqlInteger(integerFrom(value, kind)),
  ambit_double_of: (value: string, kind: ItemKind) => doubleFrom(value, kind),
  ambit_text_of_double: (value: number) => textOfDouble(value),
  ambit_decimal: (left: string, operator: "+" | "-" | "*", right: string) => calculateDecimals(operator, left, right),
  ambit_decimal_negate: (value: string) => negateDecimal(value),
  ambit_decimal_abs: (value: string) => absoluteDecimal(value),
  ambit_decimal_key: (value: string) => decimalKey(value),
  ambit_duration: (text: string) => durationOfText(text),
  ambit_duration_ms: (duration: string) => durationMs(duration),
  ambit_time_move: (time: string, byMs: number) => moveTime(time, byMs),
  ambit_time_ms: (time: string) => millisecondsOf(time),
  ambit_time_text: (ms: number) => dateTimeOf(ms),
  ambit_epoch: (time: string) => epochSeconds(time),
  ambit_timestamp: (text: string) => timestampOfText(text),
  ambit_date: (text: string) => dateOfText(text),
  ambit_bytes_size: (base64: string) => bytesLength(base64),
  ambit_json_get: (json: string, path: string) => jsonOrNull(valueAt(parse(json), parse(path) as (string | number)[])),
  ambit_json_text: (json: string, path: string) => textOfJson(valueAt(parse(json), parse(path) as (string | number)[])),
  ambit_json_as: (json: string, type: string) => jsonAs(json, type),
  ambit_json_key: (json: string) => jsonKey(parse(json)),
  ambit_object_key: (json: string) => jsonKey(parse(json), true),
  ambit_list_key: (json: string, kind: ItemKind) => listKey(parse(json) as Value[], kind),
  ambit_json_size: (json: string) => jsonSize(parse(json)),
  ambit_json_contains: (whole: string, part: string) => Number(jsonContains(parse(whole), parse(part))),
  ambit_json_overlaps: (left: string, right: string) => Number(jsonOverlaps(parse(left), parse(right))),
  ambit_list_contains: (whole: string, part: string, kind: ItemKind) => Number(listContains(parse(whole) as Value[], parse(part) as Value[], kind)),
  ambit_list_overlaps: (left: string, right: string, kind: ItemKind) => Number(listOverlaps(parse(left) as Value[], parse(right) as Value[], kind)),
  ambit_list_extreme: (json: string, sign: number, kind: ItemKind) => listExtreme(parse(json) as Value[], sign, kind),
  ambit_distance: (fromLatitude: number, fromLongitude: number, toLatitude: number, toLongitude: number) => distanceMetres(fromLatitude, fromLongitude, toLatitude, toLongitude),
};

function parse(json: string): Value {
  return JSON.parse(json) as Value;
}

function jsonOrNull(value: Value): string | null {
  return value === null ? null : jsonText(value);
}

function sqlInteger(value: Integer | null): bigint | null {
  return value === null ? null : BigInt(value);
}

function matches(text: string, pattern: string, fold: boolean): number | null {
  try {
    return Number(compilePattern(pattern, fold).matches(text));
  } catch {
    return null;
  }
}

function integerFrom(value: string | number, kind: ItemKind): Integer | null {
  switch (kind) {
    case "double": return truncateToInteger(value as number);
    case "string": return parseInteger(value as string);
    case "decimal": return integerOfDecimal(value as string);
    case "json": return integerOfJson(parse(value as string));
    default: return null;
  }
}

function doubleFrom(value: string, kind: ItemKind): number | null {
  switch (kind) {
    case "string": return doubleOfText(value);
    case "decimal": return finite(Number(value));
    case "json": return doubleOfJson(parse(value));
    default: return null;
  }
}

/** `type`: a kind, or `list:` and the kind of its items. */
function jsonAs(json: string, type: string): SqlValue {
  const parsed = typeNamed(type);
  return toSqlValue(readJsonAs(parse(json), parsed), parsed);
}

function typeNamed(type: string): ExpressionType {
  const kind = (type.startsWith("list:") ? type.slice("list:".length) : type) as "json";
  return type.startsWith("list:") ? { kind: "list", item: { kind } } : { kind };
}

/** The least (sign 1) or greatest (-1) item; null if there is none or one is null. */
function listExtreme(list: readonly Value[], sign: number, kind: ItemKind): SqlValue {
  const type = typeNamed(kind);
  const items = list.map((item) => (kind === "int" && typeof item === "string" ? BigInt(item) : item));
  return toSqlValue(extreme(items, sign, type), type);
}

function decimalExtreme(sign: SqlValue, ...values: SqlValue[]): SqlValue {
  return extreme(values as Value[], Number(sign), { kind: "decimal" }) as string | null;
}

function extreme(values: readonly Value[], sign: number, type: ExpressionType): Value {
  const compare = comparerOf(type);
  let best: Value = null;
  for (const value of values) {
    if (value === null) return null;
    if (best === null || sign * compare(value, best) < 0) best = value;
  }
  return isObject(best) ? null : best;
}
