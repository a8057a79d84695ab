// Adds to one number of a record: an update whose new value is worked out inside the commit, so that racing ones never lose each other.
import { addDecimals } from "../base/decimal.ts";
import type { Value } from "../base/value.ts";
import type { Field } from "../schema/catalog.ts";
import { coerceValue, noLimits, type Issue } from "../schema/coerce-value.ts";
import { invalid, unknownField } from "./input-issue.ts";
import { isKnown } from "./read-input.ts";
import type { TableModel } from "./table-model.ts";
import { rightsOf, type WriteContext } from "./write-context.ts";
import { readableSlot, rewriteRecord, type WriteOf } from "./write-record.ts";
import type { WriteOptions, WriteOutcome } from "./write.ts";

const NUMERIC = new Set(["Int", "Long", "Money", "Float", "Decimal"]);

/** A null counts as zero. What the field's type cannot hold is an issue, as is what breaks its range. */
export function incrementRecord(context: WriteContext, write: WriteOf<"increment">, options: WriteOptions): WriteOutcome {
  const slot = readableSlot(context, write, options.authority);
  const field = numericField(slot.model, write.field, options);
  const by = amount(context, field, write.by, options);
  return rewriteRecord(context, slot, {
    mode: "update", merge: false, precondition: null,
    input: (old) => ({ [field.name]: sum(field, old[field.name] ?? null, by) }),
  }, { ...options, dialect: "code" });
}

function numericField(model: TableModel, name: string, options: WriteOptions): Field {
  const { table } = model;
  const byCaller = options.sent === null || options.sent.has(name);
  const rights = byCaller ? rightsOf(options, table.name) : null;
  const field = table.fields.get(name);
  if (field === undefined || !isKnown(field, rights, "update")) {
    const known = [...table.fields.values()].filter((other) => isKnown(other, rights, "update")).map((other) => other.name);
    throw invalid([unknownField(name, table.name, known)]);
  }
  if (field.kind === "stored" && !field.type.list && field.type.kind === "scalar" && NUMERIC.has(field.type.name)) return field;
  throw invalid([{ path: name, code: "WRONG_TYPE", message: `${name} is not a number and cannot be incremented.` }]);
}

function amount(context: WriteContext, field: Field, raw: unknown, options: WriteOptions): Value {
  const issues: Issue[] = [];
  const target = { type: { ...field.type, required: true }, limits: noLimits };
  const value = coerceValue(raw, target, { catalog: context.catalog, dialect: options.dialect, path: field.name, limits: context.limits }, issues);
  if (value === undefined) throw invalid(issues);
  return value;
}

function sum(field: Field, old: Value, by: Value): unknown {
  switch (field.type.name) {
    case "Long": return BigInt((old ?? 0n) as bigint) + (by as bigint);
    case "Decimal": return addDecimals((old ?? "0") as string, by as string) ?? Number.NaN;
    // Exact: two safe integers make less than 2^54, and what is not safe is refused.
    default: return ((old ?? 0) as number) + (by as number);
  }
}
