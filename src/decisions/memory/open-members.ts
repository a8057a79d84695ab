// An output as models may be shown it later: without members that are secret. Pure.
import type { Json } from "../../base/value.ts";
import type { Catalog, TypeRef } from "../../schema/catalog.ts";

/** `value`: as over the wire, of this type. */
export function openMembers(value: Json, { name }: Pick<TypeRef, "name">, catalog: Catalog): Json {
  const fields = catalog.objects.get(name)?.fields;
  if (fields === undefined || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => openMembers(item, { name }, catalog));
  return Object.fromEntries(Object.entries(value).flatMap(([member, item]) => {
    const field = fields.get(member);
    return field === undefined || field.limits.secret ? [] : [[member, openMembers(item, field.type, catalog)]];
  }));
}
