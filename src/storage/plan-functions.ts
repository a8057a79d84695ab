// SQL functions that only plans use: the deadline of a scan, exact sums, and the value that belongs to the least or greatest key.
import type { Database } from "bun:sqlite";
import { systemClock } from "../base/clock.ts";
import { addDecimals } from "../base/decimal.ts";
import { fault, type AmbitError } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import { compareText } from "../base/text.ts";

type Scalar = string | number | null;
interface Extreme { readonly key: Exclude<Scalar, null>; readonly value: Scalar }

const clock = systemClock();

/** What the plan's statement that runs now may still use. One at a time: a statement runs to its end before anything else does. */
const running = { deadlineMs: Infinity, queryMs: 0, rows: 0, rowsMax: 0 };

/** Before each run of a plan's statement. By the machine's clock, whatever clock the app has: the deadline bounds real time. */
export function beginRun({ queryMs, answerRows }: Limits): void {
  running.deadlineMs = clock.now() + queryMs;
  running.queryMs = queryMs;
  running.rows = 0;
  running.rowsMax = answerRows;
}

/** After it: no other statement has a deadline. */
export function endRun(): void {
  running.deadlineMs = Infinity;
}

/** 1, or it throws where a plan's statement runs past its deadline. */
export function withinTime(): number {
  if (clock.now() > running.deadlineMs) throw fault("QUERY_TIMEOUT", `The query took longer than limits.queryMs (${running.queryMs}).`);
  return 1;
}

/** To be called once on every connection that reads plans. */
export function registerPlanFunctions(database: Database): void {
  database.function("ambit_deadline", withinTime);
  database.function("ambit_embedded", () => {
    if (++running.rows > running.rowsMax) throw tooManyRows(`Its embedded lists hold more rows than limits.answerRows (${running.rowsMax}).`);
    return withinTime();
  });
  database.function("ambit_list_too_long", (rows: number) => { throw tooManyRows(`An embedded list holds more rows than limits.embedRows (${rows}).`); });
  database.function("ambit_sum_within", { deterministic: true }, sumWithin);
  database.function("ambit_long_sum", { deterministic: true, safeIntegers: true }, longSum);
  database.aggregate<string | null>("ambit_decimal_sum", { start: null, step: addToSum });
  database.aggregate<Extreme | null>("ambit_least", {
    start: null, step: (best, key: Scalar, value: Scalar) => better(best, key, value, 1), result: (best) => best?.value ?? null,
  });
  database.aggregate<Extreme | null>("ambit_greatest", {
    start: null, step: (best, key: Scalar, value: Scalar) => better(best, key, value, -1), result: (best) => best?.value ?? null,
  });
}

export function tooManyRows(message: string): AmbitError {
  return fault("TOO_MANY_ROWS", message, { fix: "Ask for fewer rows by limit= and LIST.limit=, or for fewer lists." });
}

export function sumOverflow(cause?: unknown): AmbitError {
  return fault("AGGREGATE_OVERFLOW", "A sum is beyond what its type holds.", { cause });
}

/** 1, or it throws. */
function sumWithin(sum: number | null, bound: number): number {
  if (sum !== null && Math.abs(sum) > bound) throw sumOverflow();
  return 1;
}

/** From the sums of the upper and the lower 32 bits, neither of which can overflow. */
function longSum(upper: bigint | null, lower: bigint | null): string | null {
  if (upper === null || lower === null) return null;
  const sum = (upper << 32n) + lower;
  if (BigInt.asIntN(64, sum) !== sum) throw sumOverflow();
  return sum.toString();
}

function addToSum(sum: string | null, value: string | null): string | null {
  if (value === null || sum === null) return sum ?? value;
  const total = addDecimals(sum, value);
  if (total === null) throw sumOverflow();
  return total;
}

/** Of equal keys the value that comes first as text, so that the answer is one. */
function better(best: Extreme | null, key: Scalar, value: Scalar, sign: 1 | -1): Extreme | null {
  if (key === null) return best;
  if (best === null) return { key, value };
  const order = sign * compareScalars(key, best.key);
  const earlier = order === 0 && compareScalars(value ?? "", best.value ?? "") < 0;
  return order < 0 || earlier ? { key, value } : best;
}

function compareScalars(left: string | number, right: string | number): number {
  return typeof left === "string" && typeof right === "string" ? compareText(left, right) : Number(left) - Number(right);
}
