// A field's value in the form that SQLite compares it by (storage/column.ts names the columns). For look-ups by unique keys.
import { decimalKey } from "../base/decimal.ts";
import { durationMs } from "../base/duration.ts";
import { foldCase } from "../base/text.ts";
import type { SqlValue, Value } from "../base/value.ts";
import type { Field } from "../schema/catalog.ts";
import { foldColumn, keyCompanion } from "../storage/column.ts";
import type { UniqueKey } from "./table-model.ts";

/** Bound to the parameters of `key.selectSql`. */
export function comparedValues(key: UniqueKey, values: readonly Value[]): SqlValue[] {
  return key.fields.map((field, index) => comparedValue(field, key.columns[index] === foldColumn(field.name), values[index] ?? null));
}

/** Equal for values that the key holds to be equal. */
export function comparedText(key: UniqueKey, values: readonly Value[]): string {
  return comparedValues(key, values).map((value) => `${typeof value}:${String(value)}`).join("\u0000");
}

function comparedValue(field: Field, fold: boolean, value: Value): SqlValue {
  if (value === null) return null;
  if (fold) return foldCase(value as string);
  switch (keyCompanion(field.type)) {
    case "decimal": return decimalKey(value as string);
    case "duration": return durationMs(value as string);
    default: return typeof value === "object" ? JSON.stringify(value) : typeof value === "boolean" ? Number(value) : value;
  }
}
