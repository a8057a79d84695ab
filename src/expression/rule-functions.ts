// What the functions of rules do to one value. Everything here is total: what has no answer is null. Behind SQL's ambit_* too.
import { dateTimeOf, isDateTimeMs, millisecondsOf, parseDate, parseDateTime } from "../base/date-time.ts";
import { addDecimals, compareDecimals, multiplyDecimals, negateDecimal, parseDecimal } from "../base/decimal.ts";
import { durationOf, isDurationMs, parseDuration } from "../base/duration.ts";
import type { Value } from "../base/value.ts";
import { parseInteger, truncateToInteger, type Integer } from "./int64.ts";
import { isObject } from "./json-value.ts";

/** Code points. */
export function textLength(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length - 1; index++) {
    if ((text.charCodeAt(index) & 0xfc00) === 0xd800) length--;
  }
  return length;
}

/** Bytes that base64 text stands for. */
export function bytesLength(base64: string): number {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  return Math.floor((base64.length * 3) / 4) - padding;
}

/** Of a JSON value: characters, items or keys. */
export function jsonSize(value: Value): number | null {
  if (typeof value === "string") return textLength(value);
  if (Array.isArray(value)) return value.length;
  return isObject(value) ? Object.keys(value).length : null;
}

/** To the nearest integer, halves away from zero. */
export function roundNumber(value: number): Integer | null {
  return truncateToInteger(value < 0 ? -Math.round(-value) : Math.round(value));
}

/** A finite result, without a negative zero; else null. */
export function finite(value: number): number | null {
  return Number.isFinite(value) ? value + 0 : null;
}

export function calculateDoubles(operator: "+" | "-" | "*" | "/", left: number, right: number): number | null {
  switch (operator) {
    case "+": return finite(left + right);
    case "-": return finite(left - right);
    case "*": return finite(left * right);
    case "/": return right === 0 ? null : finite(left / right);
  }
}

export function calculateDecimals(operator: "+" | "-" | "*", left: string, right: string): string | null {
  switch (operator) {
    case "+": return addDecimals(left, right);
    case "-": return addDecimals(left, negateDecimal(right));
    case "*": return multiplyDecimals(left, right);
  }
}

export function absoluteDecimal(value: string): string {
  return compareDecimals(value, "0") < 0 ? negateDecimal(value) : value;
}

/** The whole part. */
export function integerOfDecimal(value: string): Integer | null {
  return parseInteger(value.split(".")[0]!);
}

const DOUBLE = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

export function doubleOfText(text: string): number | null {
  return text.length <= 400 && DOUBLE.test(text) ? finite(Number(text)) : null;
}

export function integerOfJson(value: Value): Integer | null {
  if (typeof value === "number") return truncateToInteger(value);
  return typeof value === "string" ? parseInteger(value) : null;
}

export function doubleOfJson(value: Value): number | null {
  if (typeof value === "number") return finite(value);
  return typeof value === "string" ? doubleOfText(value) : null;
}

export function textOfDouble(value: number): string {
  return (value + 0).toString();
}

const CEL_DURATION = /^(-)?((?:\d{1,15}(?:\.\d{1,9})?(?:ms|us|ns|h|m|s))+)$/;
const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 0.001, ns: 0.000_001 };

/** ISO 8601 or CEL's `1h30m`. */
export function durationOfText(text: string): string | null {
  const match = CEL_DURATION.exec(text);
  if (match === null) return parseDuration(text);
  let ms = 0;
  for (const [, size, unit] of match[2]!.matchAll(/(\d+(?:\.\d+)?)(ms|us|ns|h|m|s)/g)) ms += Number(size) * UNIT_MS[unit!]!;
  return textOfDuration(Math.trunc(match[1] === undefined ? ms : -ms));
}

export function textOfDuration(ms: number): string | null {
  return isDurationMs(ms) ? durationOf(ms) : null;
}

/** A DateTime moved by milliseconds. */
export function moveTime(time: string, byMs: number): string | null {
  const ms = millisecondsOf(time) + byMs;
  return isDateTimeMs(ms) ? dateTimeOf(ms) : null;
}

export function timestampOfDate(date: string): string {
  return `${date}T00:00:00.000Z`;
}

export function timestampOfText(text: string): string | null {
  return parseDateTime(text);
}

export function dateOfText(text: string): string | null {
  return parseDate(text);
}

export function dateOfTimestamp(time: string): string {
  return time.slice(0, 10);
}

/** Whole seconds since the epoch. */
export function epochSeconds(time: string): number {
  return Math.floor(millisecondsOf(time) / 1000);
}

export function decimalOfText(text: string): string | null {
  return parseDecimal(text);
}
