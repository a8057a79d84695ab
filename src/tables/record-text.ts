// How a record becomes JSON text for one set of visible fields: compiled once per set, so that a hot record is written once per version.
import type { RecordValues, Value } from "../base/value.ts";
import { evaluate } from "../expression/evaluate.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { isLocal, usesNow } from "../expression/inspect.ts";
import type { Catalog, Field, Table, TypeRef } from "../schema/catalog.ts";
import { toWireValue } from "../schema/wire-value.ts";

/** Its identity is the key under which texts are kept: make one per table and set of fields, and keep it. */
export interface RecordShape {
  write(values: RecordValues): string;
}

export interface ShapeRequest {
  readonly table: Table;
  /** Names of own fields, in order of output. */
  readonly fields: readonly string[];
  /** The undeclared fields of an open table as well. */
  readonly open: boolean;
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
}

type Writer = (values: RecordValues) => string;

/** Null where the text would depend on more than the record: other records, or the time. */
export function recordShape({ table, fields, open, catalog, book }: ShapeRequest): RecordShape | null {
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
      let text = "{";
      for (const writer of writers) text += writer(values);
      if (open && table.open) text += undeclaredText(table, values, writers.length === 0);
      return `${text}}`;
    },
  };
}

function fieldWriter(table: Table, field: Field, catalog: Catalog, book: ExpressionBook): Writer | null {
  const write = valueWriter(field.type, catalog);
  const { name } = field;
  if (field.kind === "stored") return (values) => write(values[name] ?? null);
  const expression = field.kind === "computed" ? book.computed(table.name, name) : null;
  if (expression === null || !isLocal(expression, book) || usesNow(expression)) return null;
  return (values) => write(evaluate(expression, { rows: { record: values }, variables: {}, now: "", source: null }, book));
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

function undeclaredText(table: Table, values: RecordValues, first: boolean): string {
  let text = "";
  for (const name of Object.keys(values)) {
    if (!table.fields.has(name) && values[name] !== null) text += `${first && text === "" ? "" : ","}${JSON.stringify(name)}:${JSON.stringify(values[name])}`;
  }
  return text;
}
