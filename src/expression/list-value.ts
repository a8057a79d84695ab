// Lists in rules and filters: one key for each item, so that membership, containment and order agree in memory and SQL.
import { decimalKey } from "../base/decimal.ts";
import { durationMs } from "../base/duration.ts";
import type { Value } from "../base/value.ts";
import type { ExpressionType } from "./expression.ts";
import { integerOf } from "./int64.ts";
import { jsonKey } from "./json-value.ts";

export type ItemKind = ExpressionType["kind"];
export type ItemKey = string | number | bigint | boolean;

/** Equal for equal items of a kind. A Long may stand as digits, as it does in stored JSON. */
export function itemKey(item: Exclude<Value, null>, kind: ItemKind): ItemKey {
  switch (kind) {
    case "int": return typeof item === "number" ? item : integerOf(BigInt(item as string | number | bigint)) ?? "";
    case "double": return numberKey(item as number | bigint);
    case "decimal": return decimalKey(item as string);
    case "duration": return durationMs(item as string);
    case "json": return jsonKey(item);
    case "list":
    case "object": return jsonKey(item, true);
    default: return item as string | boolean;
  }
}

/** The same for an integer and a double that are equal, exactly. */
function numberKey(item: number | bigint): number | bigint {
  if (typeof item === "bigint") return integerOf(item) ?? item;
  return Number.isInteger(item) && !Number.isSafeInteger(item) ? BigInt(item) : item + 0;
}

/** A list's order as text: by item, a shorter one first; a null item comes before others. */
export function listKey(list: readonly Value[], kind: ItemKind): string {
  return jsonKey(list.map((item) => (item === null ? null : orderedItem(item, kind))));
}

function orderedItem(item: Exclude<Value, null>, kind: ItemKind): Value {
  if (kind === "double") return Number(item) + 0;
  const key = itemKey(item, kind);
  return kind === "int" ? decimalKey(key.toString()) : (key as string | number | boolean);
}

/** PostgreSQL's `@>` of arrays: every item is there; a null is never there. */
export function listContains(whole: readonly Value[], part: readonly Value[], kind: ItemKind): boolean {
  const keys = keysOf(whole, kind);
  return part.every((item) => item !== null && keys.has(itemKey(item, kind)));
}

/** PostgreSQL's `&&` of arrays. */
export function listOverlaps(left: readonly Value[], right: readonly Value[], kind: ItemKind): boolean {
  const keys = keysOf(left, kind);
  return right.some((item) => item !== null && keys.has(itemKey(item, kind)));
}

export function keysOf(list: readonly Value[], kind: ItemKind): Set<ItemKey> {
  const keys = new Set<ItemKey>();
  for (const item of list) if (item !== null) keys.add(itemKey(item, kind));
  return keys;
}
