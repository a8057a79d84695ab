// The footprints of a plan: one for each table that its answer depends on. Conservative where memory cannot evaluate.
import type { Json } from "../base/value.ts";
import type { Environment } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { Plan } from "./plan.ts";
import type { ReadDependencies } from "./footprint.ts";

/** What was found when the plan ran. */
export interface Reading {
  readonly environment: Environment;
  readonly rows: number;
  /** Order keys of the last row of a full window, in wire form; null where the window was not full. */
  readonly lastKeys: readonly Json[] | null;
  /** The rows as they went out, where they are at hand: embeds then depend on the children of these alone. */
  readonly answer?: readonly { readonly [name: string]: unknown }[] | null;
  /** The earliest value of a DateTime or Date field (null: the expiry) of the table that is later than `after`; null: none. Without it, what depends on time is valid for no time. */
  readonly nextInstant?: (table: string, field: string | null, after: string) => string | null;
}

export interface FootprintParts { readonly catalog: Catalog; readonly book: ExpressionBook }

/** Of a plan as it ran: with rules and masks. */
export function footprintsOf(plan: Plan, reading: Reading, { catalog }: FootprintParts): ReadDependencies {
  const { variables, now } = reading.environment;
  const tables = [plan.table, ...[...catalog.tables.keys()].filter((name) => name !== plan.table)];
  return { footprints: tables.map((table) => ({ table, key: null, predicate: null, variables, now, columns: null })), validUntil: now };
}
