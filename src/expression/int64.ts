// 64-bit integers in rules: numbers while they are safe, bigints beyond. Overflow and division by zero are null.
import type { Value } from "../base/value.ts";

export type Integer = number | bigint;

export const INT64_MIN = -9_223_372_036_854_775_808n;
export const INT64_MAX = 9_223_372_036_854_775_807n;

/** The smallest form of an integer, null beyond 64 bits. */
export function integerOf(value: bigint): Integer | null {
  if (value < INT64_MIN || value > INT64_MAX) return null;
  return value >= -9_007_199_254_740_991n && value <= 9_007_199_254_740_991n ? Number(value) : value;
}

/** `/` truncates toward zero; `%` has the sign of the dividend. */
export function calculateIntegers(operator: "+" | "-" | "*" | "/" | "%", left: Integer, right: Integer): Integer | null {
  if (typeof left === "number" && typeof right === "number") {
    const quick = calculateSafe(operator, left, right);
    if (quick === null || Number.isSafeInteger(quick)) return quick === 0 ? 0 : quick;
  }
  const [a, b] = [BigInt(left), BigInt(right)];
  switch (operator) {
    case "+": return integerOf(a + b);
    case "-": return integerOf(a - b);
    case "*": return integerOf(a * b);
    case "/": return b === 0n ? null : integerOf(a / b);
    case "%": return b === 0n ? null : integerOf(a % b);
  }
}

function calculateSafe(operator: "+" | "-" | "*" | "/" | "%", left: number, right: number): number | null {
  switch (operator) {
    case "+": return left + right;
    case "-": return left - right;
    case "*": return left * right;
    case "/": return right === 0 ? null : Math.trunc(left / right);
    case "%": return right === 0 ? null : left % right;
  }
}

export function negateInteger(value: Integer): Integer | null {
  return calculateIntegers("-", 0, value);
}

/** Toward zero; null if it does not fit. */
export function truncateToInteger(value: number): Integer | null {
  return Number.isFinite(value) ? integerOf(BigInt(Math.trunc(value))) : null;
}

/** Digits with an optional sign; null if it is something else or does not fit. */
export function parseInteger(text: string): Integer | null {
  return /^[+-]?\d{1,40}$/.test(text) ? integerOf(BigInt(text.startsWith("+") ? text.slice(1) : text)) : null;
}

export function isInteger(value: Value): value is Integer {
  return typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value));
}
