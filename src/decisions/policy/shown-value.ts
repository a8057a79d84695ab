// JSON of declared values as people may see it: without members that are @secret.
import type { Json } from "../../base/value.ts";
import type { Catalog, InputField, TypeRef } from "../../schema/catalog.ts";

/** Without members that are secret; of those that are not declared nobody knows. */
export function shown(value: Json, members: ReadonlyMap<string, Pick<InputField, "type" | "limits">>, catalog: Catalog): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([name, item]) => {
    const member = members.get(name);
    return member === undefined || member.limits.secret ? [] : [[name, shownTyped(item, member.type, catalog)]];
  }));
}

/** The same for a value of a declared type. */
export function shownTyped(value: Json, type: TypeRef, catalog: Catalog): Json {
  const inner = catalog.objects.get(type.name)?.fields;
  if (inner === undefined) return value;
  return Array.isArray(value) ? value.map((item) => shown(item, inner, catalog)) : shown(value, inner, catalog);
}
