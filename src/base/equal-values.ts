// Whether two canonical values of one field are the same. Objects compare by content, whatever the order of their keys.
import type { Value } from "./value.ts";

/** An absent field is null; inside JSON an absent key is not. */
export function equalValues(left: Value | undefined, right: Value | undefined): boolean {
  const a = left ?? null;
  const b = right ?? null;
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) return Array.isArray(a) && Array.isArray(b) && equalLists(a, b);
  return equalObjects(a as { readonly [key: string]: Value }, b as { readonly [key: string]: Value });
}

function equalLists(left: readonly Value[], right: readonly Value[]): boolean {
  return left.length === right.length && left.every((item, index) => equalValues(item, right[index]));
}

function equalObjects(left: { readonly [key: string]: Value }, right: { readonly [key: string]: Value }): boolean {
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => Object.hasOwn(right, key) && equalValues(left[key], right[key]));
}
