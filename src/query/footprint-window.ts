// The rows of a window as a condition: after the cursor, not after the last row. Its ends come in as variables, so that it is one
// object for each plan, however often the plan runs.
import { assert } from "../base/assert.ts";
import type { Json, Value } from "../base/value.ts";
import type { Expression } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { typeOf, typeOfField } from "../expression/field-type.ts";
import type { Table } from "../schema/catalog.ts";
import { isOfRow } from "./footprint-predicate.ts";
import { orderKeys } from "./order-keys.ts";
import type { OrderTerm, Plan } from "./plan.ts";

/** Roots of the variables that hold the ends. */
const AFTER = "$after";
const LAST = "$last";

export interface Window {
  /** Rows after the cursor; null where there is none. */
  readonly begun: Expression | null;
  /** Rows up to the last one. */
  readonly ended: Expression;
  /** Of the order keys as in a cursor. */
  readonly terms: readonly OrderTerm[];
}

/** Null where memory cannot order the rows: by a ranking, by groups, by other records or the time. */
export function windowOf(plan: Plan, table: Table, book: ExpressionBook): Window | null {
  const ranked = plan.order.length === 0 && (plan.search !== null || plan.similar !== null || plan.near !== null);
  if (plan.grouped || plan.limit === null || ranked || plan.count !== null) return null;
  const key = table.fields.get(table.primaryKey);
  assert(key !== undefined, `${table.name} has its primary key`);
  const terms = orderKeys(plan, table, typeOfField(key.type, book.catalog));
  if (!terms.every(({ value }) => isOfRow(value, "record", book))) return null;
  return { begun: plan.after === null ? null : chain(terms, AFTER, "after"), ended: chain(terms, LAST, "upTo"), terms };
}

/** Variables for the ends, in memory form. */
export function windowVariables({ terms }: Window, after: readonly Json[] | null, last: readonly Json[] | null): { readonly [root: string]: Value } {
  return { ...(after === null ? {} : { [AFTER]: memoryForms(terms, after) }), ...(last === null ? {} : { [LAST]: memoryForms(terms, last) }) };
}

function memoryForms(terms: readonly OrderTerm[], wire: readonly Json[]): Value {
  return terms.map(({ value }, index): Value => {
    const end = wire[index] ?? null;
    return typeof end === "string" && typeOf(value).kind === "int" ? BigInt(end) : end;
  });
}

/** Lexicographic: before (or after) the end in the first key that differs from it. */
function chain(terms: readonly OrderTerm[], root: string, side: "after" | "upTo"): Expression {
  let rest: Expression | null = null;
  for (let index = terms.length - 1; index >= 0; index--) {
    const term = terms[index]!;
    const end: Expression = { op: "variable", type: typeOf(term.value), root, path: [String(index)] };
    const equal: Expression = { op: "not", operand: { op: "distinct", left: term.value, right: end } };
    const same: readonly Expression[] = rest === null ? (side === "upTo" ? [equal] : []) : [{ op: "and", operands: [equal, rest] }];
    rest = { op: "or", operands: [...beyond(term, end, side), ...same] };
  }
  return rest!;
}

/** The row's key stands strictly before, or after, the end. Nulls stand where the term puts them. */
function beyond({ value, descending, nulls }: OrderTerm, end: Expression, side: "after" | "upTo"): Expression[] {
  const rising = (side === "after") !== descending;
  const [row, bound]: readonly Expression[] = [{ op: "is-null", operand: value }, { op: "is-null", operand: end }];
  const rowIsNull = (nulls === "last") === (side === "after");
  const acrossNull = rowIsNull ? [row!, { op: "not", operand: bound! } as const] : [{ op: "not", operand: row! } as const, bound!];
  return [{ op: "compare", comparison: rising ? "gt" : "lt", left: value, right: end }, { op: "and", operands: acrossNull }];
}
