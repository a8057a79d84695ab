// How a record becomes JSON text for one set of visible fields and one rule: compiled once, so that a hot record is written once per version.
import type { RecordValues, Value } from "../base/value.ts";
import { evaluate, isTrue } from "../expression/evaluate.ts";
import type { Environment, Expression } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { isOfRowAlone } from "../expression/inspect.ts";
import type { Catalog, Field, Table, TypeRef } from "../schema/catalog.ts";
import { toWireValue } from "../schema/wire-value.ts";

/** Its identity is the key under which texts are kept: make one per table, set of fields and rule, and keep it. */
export interface RecordShape {
  /** Null: the rule hides the record. */
  write(values: RecordValues): string | null;
}

export interface ShapeRequest {
  readonly table: Table;
  /** Names of own fields, in order of output. */
  readonly fields: readonly string[];
  /** The undeclared fields of an open table as well. */
  readonly open: boolean;
  /** Has one verdict for each version of a record (isOfRowAlone). Null: every record is shown. */
  readonly rule?: Expression | null;
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
}

export type Writer = (values: RecordValues) => string;

/** Null where the text would depend on more than the record: other records, or the time. */
export function recordShape({ table, fields, open, catalog, book, rule = null }: ShapeRequest): RecordShape | null {
  const writers: Writer[] = [];
  for (const name of fields) {
    const field = table.fields.get(name);
    const writer = field === undefined ? null : fieldWriter(table, field, catalog, book);
    if (writer === null) return null;
    const prefix = `${writers.length === 0 ? "" : ","}${JSON.stringify(name)}:`;
    writers.push((values) => prefix + writer(values));
  }
  return {
    write(values) {
      if (rule !== null && !isTrue(rule, environmentOf(values), book)) return null;
      let text = "{";
      for (const writer of writers) text += writer(values);
      if (open && table.open) text += undeclaredText(table, values, writers.length === 0);
      return `${text}}`;
    },
  };
}

export function fieldWriter(table: Table, field: Field, catalog: Catalog, book: ExpressionBook): Writer | null {
  const write = valueWriter(field.type, catalog);
  const { name } = field;
  if (field.kind === "stored") return (values) => write(values[name] ?? null);
  const expression = field.kind === "computed" ? book.computed(table.name, name) : null;
  if (expression === null || !isOfRowAlone(expression, book)) return null;
  return (values) => write(evaluate(expression, environmentOf(values), book));
}

/** Enough for what depends on the record alone. */
function environmentOf(values: RecordValues): Environment {
  return { rows: { record: values }, variables: {}, now: "", source: null };
}

function valueWriter(type: TypeRef, catalog: Catalog): (value: Value) => string {
  if (!type.list && type.kind === "scalar") {
    switch (type.name) {
      case "Int": case "Money": case "Float": case "Boolean": return String;
      case "Long": return (value) => (value === null ? "null" : `"${String(value)}"`);
      default: return (value) => JSON.stringify(value);
    }
  }
  return (value) => JSON.stringify(toWireValue(value, type, catalog));
}

export function undeclaredText(table: Table, values: RecordValues, first: boolean): string {
  let text = "";
  for (const name of Object.keys(values)) {
    if (!table.fields.has(name) && values[name] !== null) text += `${first && text === "" ? "" : ","}${JSON.stringify(name)}:${JSON.stringify(values[name])}`;
  }
  return text;
}
