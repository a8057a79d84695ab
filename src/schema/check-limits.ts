// Whether a canonical value keeps @length, @range and @pattern. Says which limit it breaks, never what the value was.
import { compareDecimals } from "../base/decimal.ts";
import { durationMs } from "../base/duration.ts";
import { compilePattern } from "../base/pattern.ts";
import { compareText } from "../base/text.ts";
import type { Value } from "../base/value.ts";
import type { TypeRef, ValueLimits } from "./catalog.ts";
import { type FileValue, isFile, isFileArgument } from "./file-type.ts";

export interface LimitProblem {
  /** Index of the item of a list that breaks the limit; null: the value as a whole. */
  readonly item: number | null;
  readonly code: "TOO_SHORT" | "TOO_LONG" | "TOO_SMALL" | "TOO_LARGE" | "PATTERN";
  readonly message: string;
}

/** All limits that `value` breaks. Null keeps every limit. `value` is canonical and of `type`. */
export function checkLimits(value: Value, type: TypeRef, limits: ValueLimits): LimitProblem[] {
  if (value === null || (limits.length === null && limits.range === null && limits.pattern === null)) return [];
  const problems: LimitProblem[] = [];
  checkLength(value, type, limits, problems);
  if (!type.list) checkItem(value, null, { type, limits }, problems);
  else (value as readonly Value[]).forEach((item, index) => checkItem(item, index, { type, limits }, problems));
  return problems;
}

function checkLength(value: Value, type: TypeRef, limits: ValueLimits, problems: LimitProblem[]): void {
  if (limits.length === null) return;
  const { min, max } = limits.length;
  const size = sizeOf(value, type);
  const unit = type.list || Array.isArray(value) ? "items" : type.name === "Bytes" || type.name === "Blob" ? "bytes" : "characters";
  if (min !== null && size < min) problems.push({ item: null, code: "TOO_SHORT", message: `must have at least ${min} ${unit}.` });
  if (max !== null && size > max) problems.push({ item: null, code: "TOO_LONG", message: `must have at most ${max} ${unit}.` });
}

function checkItem(value: Value, item: number | null, target: { type: TypeRef; limits: ValueLimits }, problems: LimitProblem[]): void {
  if (value === null) return;
  const { range, pattern } = target.limits;
  if (range !== null) {
    const name = target.type.name;
    if (range.min !== null && compareScalars(value, range.min, name) < 0) problems.push({ item, code: "TOO_SMALL", message: `must be at least ${String(range.min)}.` });
    if (range.max !== null && compareScalars(value, range.max, name) > 0) problems.push({ item, code: "TOO_LARGE", message: `must be at most ${String(range.max)}.` });
  }
  if (pattern !== null && typeof value === "string" && !compilePattern(pattern).matches(value)) problems.push({ item, code: "PATTERN", message: `must match ${pattern}.` });
}

/** What @length counts: code points of text, items of a list, bytes of Bytes and files. NaN, which no limit refuses: the file is not known yet. */
export function sizeOf(value: Value, type: TypeRef): number {
  if (Array.isArray(value)) return value.length;
  if (isFile(type)) return (value as FileValue).size ?? Number.NaN;
  if (isFileArgument({ type })) return (value as unknown as Blob).size;
  if (typeof value !== "string") return 0;
  if (type.name === "Bytes") return bytesOfBase64(value);
  let surrogatePairs = 0;
  for (let index = 0; index < value.length; index++) if ((value.charCodeAt(index) & 0xfc00) === 0xdc00) surrogatePairs++;
  return value.length - surrogatePairs;
}

function bytesOfBase64(text: string): number {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}

/** Order of two canonical values of one ordered scalar. */
export function compareScalars(left: Value, right: Value, scalar: string): number {
  if (scalar === "Decimal") return compareDecimals(left as string, right as string);
  if (scalar === "Duration") return durationMs(left as string) - durationMs(right as string);
  if (typeof left === "string" && typeof right === "string") return compareText(left, right);
  const [a, b] = [left as number | bigint, right as number | bigint];
  return a < b ? -1 : a > b ? 1 : 0;
}
