// Until when an answer holds if nothing is written: records expire, and comparisons with now() turn at the instant of a stored value.
import { dateTimeOf, isDateTimeMs, millisecondsOf } from "../base/date-time.ts";
import { evaluate } from "../expression/evaluate.ts";
import type { Environment, Expression } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { isClosed, usesNow } from "../expression/inspect.ts";
import type { Catalog } from "../schema/catalog.ts";

/** Why an answer may change by itself. unknown: at any time. */
export type TimeSource =
  | { readonly kind: "unknown" }
  | { readonly kind: "expiry"; readonly table: string }
  /** The verdict turns where a value of the DateTime field meets `instant`, which moves with the time. */
  | { readonly kind: "field"; readonly table: string; readonly field: string; readonly instant: Expression };

/** The earliest value of a stored DateTime field of the table (null: of its records' expiry) that is not before `from`; null: none. */
export type NextInstant = (table: string, field: string | null, from: string) => string | null;

/** Of `field OP now() ± constant`: what it turns by, and the field. Null: it is not of that form. */
export function timedComparison(comparison: Extract<Expression, { op: "compare" }>, catalog: Catalog): { readonly time: TimeSource; readonly field: Expression } | null {
  const { left, right } = comparison;
  if (!usesNow(left) && !usesNow(right)) return null;
  const [field, instant] = left.op === "field" ? [left, right] : [right, left];
  if (field.op !== "field" || field.within.length > 0 || field.type.kind !== "timestamp" || !isClosed(instant)) return null;
  const table = field.path.reduce<string>((at, step) => catalog.tables.get(at)?.fields.get(step)?.relation?.table ?? "", field.table);
  const isStored = catalog.tables.get(table)?.fields.get(field.field)?.kind === "stored";
  return isStored ? { time: { kind: "field", table, field: field.field, instant }, field } : null;
}

/** Canonical DateTime; null: forever. `now` where nothing is known. */
export function validUntil(sources: readonly TimeSource[], environment: Environment, book: ExpressionBook, next: NextInstant | undefined): string | null {
  const { now } = environment;
  let until: string | null = null;
  for (const source of sources) {
    const end = next === undefined || source.kind === "unknown" ? now : endOf(source, environment, { book, next });
    if (end !== null && (until === null || end < until)) until = end;
  }
  return until;
}

function endOf(source: Exclude<TimeSource, { kind: "unknown" }>, environment: Environment, { book, next }: { book: ExpressionBook; next: NextInstant }): string | null {
  const { now } = environment;
  // Whose end is now has gone already.
  if (source.kind === "expiry") return next(source.table, null, dateTimeOf(millisecondsOf(now) + 1));
  const instant = evaluate(source.instant, environment, book);
  // Beyond all dates: it stays there.
  if (typeof instant !== "string") return now;
  const turning = next(source.table, source.field, instant);
  if (turning === null) return null;
  const end = millisecondsOf(now) + millisecondsOf(turning) - millisecondsOf(instant);
  return isDateTimeMs(end) ? dateTimeOf(end) : null;
}
