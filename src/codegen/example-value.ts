// Plausible wire values for examples in documents: within the declared limits where they are simple, else none.
import type { Json } from "../base/value.ts";
import type { Catalog, TypeRef } from "../schema/catalog.ts";
import { isFile } from "../schema/file-type.ts";
import type { ValueShape } from "./json-schema.ts";

const DEPTH_MAX = 4;

/** Undefined where a made-up value would not be valid. */
export function exampleValue(shape: ValueShape, catalog: Catalog, depth = 0): Json | undefined {
  const { type, limits } = shape;
  if (type.list) {
    if ((limits.length?.min ?? 0) > 1) return undefined;
    const item = exampleValue({ type: { ...type, list: false }, limits: { ...limits, length: null } }, catalog, depth);
    return item === undefined ? undefined : [item];
  }
  if (type.kind === "enum") return catalog.enums.get(type.name)?.values[0];
  // No file is there for everybody.
  if (isFile(type)) return undefined;
  if (type.kind === "object" || type.kind === "input") return exampleObject(type, catalog, depth);
  if (limits.pattern !== null || type.kind === "table") return undefined;
  return exampleScalar(shape);
}

function exampleObject(type: TypeRef, catalog: Catalog, depth: number): Json | undefined {
  const object = catalog.objects.get(type.name);
  if (object === undefined || depth >= DEPTH_MAX) return undefined;
  const example: { [name: string]: Json } = {};
  for (const field of object.fields.values()) {
    const value = exampleValue(field, catalog, depth + 1);
    if (value !== undefined) example[field.name] = value;
    else if (field.type.required && field.defaultValue === undefined) return undefined;
  }
  return example;
}

function exampleScalar({ type, limits }: ValueShape): Json | undefined {
  const { min = null, max = null } = limits.range ?? {};
  switch (type.name) {
    case "Int":
    case "Money":
    case "Float": return typeof min === "number" ? Math.max(min, typeof max === "number" && max < 1 ? max : 1) : typeof max === "number" ? Math.min(max, 1) : 1;
    case "Long": return typeof min === "bigint" ? String(min) : typeof max === "bigint" ? String(max) : "1";
    case "Boolean": return true;
    case "DateTime": return textOr(min ?? max, "2027-01-31T12:00:00.000Z");
    case "Date": return textOr(min ?? max, "2027-01-31");
    case "Duration": return textOr(min ?? max, "PT30M");
    case "Decimal": return textOr(min ?? max, "9.99");
    case "Bytes": return "aGVsbG8=";
    case "JSON": return {};
    case "ID": return "a1";
    case "String": return exampleText(limits.length?.min ?? 0, limits.length?.max ?? null);
    default: return undefined;
  }
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}

function exampleText(min: number, max: number | null): string | undefined {
  const text = "text";
  if (min > 100) return undefined;
  return text.padEnd(min, "t").slice(0, max ?? undefined);
}
