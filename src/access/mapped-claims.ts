// Roles and tenant from the claims of a token that somebody else has signed.
import type { Json } from "../base/value.ts";

type Claims = { readonly [name: string]: Json };

/** A number is as good a name as text; anything else is none. */
export function mappedTenant(claims: Claims, name: string): string | null {
  const claim = claimAt(claims, name);
  return typeof claim === "string" ? claim : Number.isSafeInteger(claim) ? String(claim) : null;
}

/** `map` translates and, where given, lists all that may come from outside. */
export function mappedRoles(claims: Claims, rule: { readonly claim: string; readonly map?: Readonly<Record<string, string>> | null }): string[] {
  const found = claimAt(claims, rule.claim);
  // Only OAuth's scope is a list in one text; a group named "shop admin" is one role.
  const listed = typeof found === "string" && (rule.claim === "scope" || rule.claim === "scp") ? found.split(" ") : found;
  const names = (Array.isArray(listed) ? listed : [listed]).filter((name) => typeof name === "string");
  const map = rule.map;
  if (map === undefined || map === null) return names;
  return names.flatMap((name) => (Object.hasOwn(map, name) ? [map[name]!] : []));
}

/** The claim of that name, or else at that dotted path (`realm_access.roles`). */
function claimAt(claims: Claims, name: string): Json {
  if (Object.hasOwn(claims, name)) return claims[name] ?? null;
  let value: Json = claims as { [name: string]: Json };
  for (const part of name.split(".")) {
    if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, part)) return null;
    value = value[part] ?? null;
  }
  return value;
}
