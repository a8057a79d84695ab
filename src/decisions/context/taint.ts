// Text that nobody answers for: where it is in what a decision reads. Only text carries it; numbers, dates, enums and ids are what they are.
import type { RecordValues, Value } from "../../base/value.ts";
import type { Catalog, InputField, TypeRef } from "../../schema/catalog.ts";

const CARRIES: readonly string[] = ["String", "JSON", "Bytes", "Blob"];

type Labelled = Pick<InputField, "type" | "limits" | "position">;

export interface Labelling {
  readonly catalog: Catalog;
  /** Such a field is not looked at: no model is shown it. */
  readonly isHidden?: (field: Labelled) => boolean;
  /** All text is somebody else's, marked or not. */
  readonly all?: boolean;
}

/** Some field that is declared @untrusted holds something. */
export function untrustedIn(values: RecordValues, fields: ReadonlyMap<string, Labelled>, labelling: Labelling): boolean {
  for (const [name, field] of fields) {
    const value = values[name] ?? null;
    if (value === null || labelling.isHidden?.(field) === true) continue;
    const { type, limits } = field;
    if ((limits.untrusted || labelling.all === true) && carries(type) ? holds(value) : isInside(value, type, labelling)) return true;
  }
  return false;
}

/** Text for which nobody answers may be in such a field, or inside its values. */
export function mayHoldUntrusted({ type, limits }: Pick<Labelled, "type" | "limits">, catalog: Catalog, seen: ReadonlySet<string> = new Set()): boolean {
  if (limits.untrusted) return true;
  const inner = seen.has(type.name) ? undefined : catalog.objects.get(type.name)?.fields;
  return inner !== undefined && [...inner.values()].some((field) => mayHoldUntrusted(field, catalog, new Set([...seen, type.name])));
}

export function carries({ kind, name }: TypeRef): boolean {
  return kind === "scalar" && CARRIES.includes(name);
}

function holds(value: Value): boolean {
  return value !== "" && !(Array.isArray(value) && value.length === 0);
}

function isInside(value: Value, type: TypeRef, labelling: Labelling): boolean {
  if (type.kind !== "object" && type.kind !== "input") return false;
  const fields: ReadonlyMap<string, Labelled> | undefined = labelling.catalog.objects.get(type.name)?.fields ?? labelling.catalog.tables.get(type.name)?.fields;
  if (fields === undefined) return false;
  const items = type.list && Array.isArray(value) ? value as readonly Value[] : [value];
  return items.some((item) => typeof item === "object" && item !== null && untrustedIn(item as RecordValues, fields, labelling));
}
