// JSON of declared values as people and models may see it: without members that are @secret, or hidden from whoever looks, in whatever depth. Pure.
import type { Json } from "../../base/value.ts";
import type { Catalog, InputField, TypeRef } from "../../schema/catalog.ts";

type Member = Pick<InputField, "type" | "limits" | "position">;

/** Without members that are hidden: where nothing else is said, the secret ones. Of those that are not declared nobody knows. */
export function shown(value: Json, members: ReadonlyMap<string, Member>, catalog: Pick<Catalog, "objects">, isHidden: (member: Member) => boolean = isSecret): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([name, item]) => {
    const member = members.get(name);
    return member === undefined || isHidden(member) ? [] : [[name, shownTyped(item, member.type, catalog, isHidden)]];
  }));
}

/** The same for a value of a declared type, as over the wire. */
export function shownTyped(value: Json, { name }: Pick<TypeRef, "name">, catalog: Pick<Catalog, "objects">, isHidden: (member: Member) => boolean = isSecret): Json {
  const inner = catalog.objects.get(name)?.fields;
  if (inner === undefined) return value;
  return Array.isArray(value) ? value.map((item) => shown(item, inner, catalog, isHidden)) : shown(value, inner, catalog, isHidden);
}

function isSecret({ limits }: Member): boolean {
  return limits.secret;
}
