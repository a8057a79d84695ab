// The record that a body gets as `this`: an instance of the app's class with the record's fields, its context, and how to go on.
import type { RecordValues } from "../base/value.ts";
import type { Table } from "../schema/catalog.ts";
import { CONTINUATION, type RecordContinuation, type TableBase } from "./app-api.ts";
import type { TableCode } from "./app-code.ts";

/** Names that a record's field never hides on the instance. */
const OWN_MEMBERS = new Set(["ctx", "update", "remove", "constructor"]);

export function createInstance(code: TableCode, values: RecordValues, parts: { readonly ctx: object; readonly continuation: RecordContinuation }): TableBase {
  const instance = code.construct();
  Object.defineProperty(instance, "ctx", { value: parts.ctx });
  Object.defineProperty(instance, CONTINUATION, { value: parts.continuation });
  fillInstance(instance, values);
  return instance;
}

/** The instance shows the record as it is after a write. */
export function fillInstance(instance: object, values: RecordValues): void {
  for (const name of Object.keys(values)) {
    if (!OWN_MEMBERS.has(name)) Object.defineProperty(instance, name, { value: values[name], enumerable: true, writable: true, configurable: true });
  }
}

/** Back to a plain record, where code answers with `this`; anything else is itself. */
export function plainRecord(answer: unknown, table: Table): unknown {
  if (typeof answer !== "object" || answer === null || !(CONTINUATION in answer)) return answer;
  const plain = Object.create(null) as { [field: string]: unknown };
  for (const [name, value] of Object.entries(answer)) if (table.open || table.fields.has(name)) plain[name] = value;
  return plain;
}
