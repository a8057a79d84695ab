// Text that nobody answers for: where it is in what a decision reads. Only text carries it; numbers, dates, enums and ids are what they are.
import type { RecordValues, Value } from "../../base/value.ts";
import type { Catalog, InputField, TypeRef } from "../../schema/catalog.ts";

const CARRIES: readonly string[] = ["String", "JSON", "Bytes", "Blob"];

/** Some field that is declared @untrusted holds something. */
export function untrustedIn(values: RecordValues, fields: ReadonlyMap<string, Pick<InputField, "type" | "limits">>, catalog: Catalog): boolean {
  for (const [name, { type, limits }] of fields) {
    const value = values[name] ?? null;
    if (value !== null && (limits.untrusted && carries(type) ? holds(value) : isInside(value, type, catalog))) return true;
  }
  return false;
}

function carries({ kind, name }: TypeRef): boolean {
  return kind === "scalar" && CARRIES.includes(name);
}

function holds(value: Value): boolean {
  return value !== "" && !(Array.isArray(value) && value.length === 0);
}

function isInside(value: Value, type: TypeRef, catalog: Catalog): boolean {
  if (type.kind !== "object" && type.kind !== "input") return false;
  const fields = catalog.objects.get(type.name)?.fields;
  if (fields === undefined) return false;
  const items = type.list && Array.isArray(value) ? value as readonly Value[] : [value];
  return items.some((item) => typeof item === "object" && item !== null && untrustedIn(item as RecordValues, fields, catalog));
}
