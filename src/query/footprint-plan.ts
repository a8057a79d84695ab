// The footprints of a plan that has run: its shape with the values of this run. Wider where memory cannot evaluate.
import { assert } from "../base/assert.ts";
import type { Json, Value } from "../base/value.ts";
import { evaluate } from "../expression/evaluate.ts";
import type { Environment } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { plainType } from "../expression/field-type.ts";
import { keyText, textsOf, type Footprint, type FootprintKey, type ReadDependencies } from "./footprint.ts";
import type { KeySource } from "./footprint-predicate.ts";
import type { ParentKeys } from "./footprint-reference.ts";
import { planShape, type FootprintShape, type PlanShape } from "./footprint-shape.ts";
import { validUntil, type NextInstant } from "./footprint-time.ts";
import { windowVariables } from "./footprint-window.ts";
import type { Plan } from "./plan.ts";

/** What was found when the plan ran. */
export interface Reading {
  readonly environment: Environment;
  /** How many rows came out. */
  readonly rows: number;
  /** Order keys of the last row of a full window, in wire form; null where the window was not full, or nothing can follow. */
  readonly lastKeys: readonly Json[] | null;
  /** The rows as they went out or in memory form, where they are at hand: lists embedded in them then depend on the records of these alone. */
  readonly answer?: readonly AnswerRow[] | null;
  /** Without it, what depends on time is valid for no time. */
  readonly nextInstant?: NextInstant;
}

export type AnswerRow = { readonly [name: string]: unknown };

export interface FootprintParts { readonly book: ExpressionBook }

/** So many values of one field are told apart; beyond, the filter alone is. */
const KEYS_MAX = 1_000;

/** Of a plan as it ran: with rules and masks. */
export function footprintsOf(plan: Plan, reading: Reading, { book }: FootprintParts): ReadDependencies {
  const { environment } = reading;
  // What was, stays; only how far back one can look moves.
  if (plan.asof !== undefined) return { footprints: [], validUntil: environment.now };
  const shape = planShape(plan, book);
  const answer = reading.rows === 0 ? [] : reading.answer ?? null;
  const others = shape.others.map((other) => footprintOf(other, other.predicate, { environment, book, answer }));
  return {
    footprints: [windowFootprint(plan, shape, reading, book), ...others],
    validUntil: validUntil(shape.times, environment, book, reading.nextInstant),
  };
}

function windowFootprint(plan: Plan, { rows, window: shaped }: PlanShape, { environment, lastKeys }: Reading, book: ExpressionBook): Footprint {
  const run: Run = { environment, book, answer: null };
  if (shaped === null) return footprintOf(rows, rows.predicate, run);
  const variables = { ...environment.variables, ...windowVariables(shaped.window, plan.after, lastKeys) };
  return footprintOf(rows, lastKeys === null ? shaped.short : shaped.full, { ...run, environment: { ...environment, variables } });
}

interface Run { readonly environment: Environment; readonly book: ExpressionBook; readonly answer: readonly AnswerRow[] | null }

function footprintOf(shape: FootprintShape, predicate: Footprint["predicate"], run: Run): Footprint {
  const { variables, now } = run.environment;
  const { table, narrowing, columns, referenced } = shape;
  return { table, key: keyOf(shape, run), predicate, variables, now, narrowing, columns, referenced };
}

/** The fewest values win. */
function keyOf({ keys, parents, table }: FootprintShape, run: Run): FootprintKey | null {
  let best = parents === null ? null : parentKey(parents, table, run);
  for (const source of keys) {
    const key = givenKey(source, run);
    if (key !== null && (best === null || key.values.size < best.values.size)) best = key;
  }
  return best;
}

function givenKey({ field, type, value, list }: KeySource, { environment, book }: Run): FootprintKey | null {
  const found = evaluate(value, environment, book);
  const values = list ? (Array.isArray(found) ? (found as readonly Value[]) : []) : [found];
  return values.length > KEYS_MAX ? null : { field, type, values: textsOf(values, type) };
}

function parentKey({ field, embeds, name }: ParentKeys, table: string, { answer, book }: Run): FootprintKey | null {
  if (answer === null) return null;
  const declared = book.catalog.tables.get(table)?.fields.get(field);
  assert(declared !== undefined, `field ${field} is in table ${table}`);
  const type = plainType(declared.type);
  const values = new Set<string>();
  for (const row of rowsAt(answer, embeds)) {
    const key = row[name];
    if (key === undefined) return null;
    const text = keyText(key as Value, type);
    if (text !== null) values.add(text);
    if (values.size > KEYS_MAX) return null;
  }
  return { field, type, values };
}

function* rowsAt(rows: readonly AnswerRow[], [embed, ...deeper]: readonly string[]): Iterable<AnswerRow> {
  if (embed === undefined) {
    yield* rows;
    return;
  }
  for (const row of rows) {
    const inside = row[embed] as AnswerRow | readonly AnswerRow[] | null | undefined;
    if (inside === null || inside === undefined) continue;
    yield* rowsAt((Array.isArray(inside) ? inside : [inside]) as readonly AnswerRow[], deeper);
  }
}
