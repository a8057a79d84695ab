// JSON in one form only, so that it can be hashed (RFC 8785). Integers that a double does not hold are given as strings before.
import { assert } from "./assert.ts";
import type { Json } from "./value.ts";
import { isWellFormedText } from "./text.ts";

export function canonicalJson(value: Json): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") {
    assert(Number.isFinite(value), "a number of JSON is finite");
    return JSON.stringify(value);
  }
  if (typeof value === "string") return text(value);
  return Array.isArray(value) ? listText(value as readonly Json[]) : membersText(value as { readonly [name: string]: Json });
}

/** A list that is written often and never changes: its text is kept. */
export function written<List extends readonly object[]>(list: List): List {
  if (!lists.has(list)) lists.set(list, null);
  return list;
}

/** Null: not written yet. */
const lists = new WeakMap<object, string | null>();

function listText(list: readonly Json[]): string {
  const known = lists.get(list);
  if (typeof known === "string") return known;
  let joined = "";
  for (const item of list) joined += `${joined === "" ? "" : ","}${canonicalJson(item)}`;
  const whole = `[${joined}]`;
  if (known === null) lists.set(list, whole);
  return whole;
}

function membersText(members: { readonly [name: string]: Json }): string {
  let joined = "";
  // Sorted by UTF-16 code units, which is how JavaScript compares texts.
  for (const name of Object.keys(members).sort()) joined += `${joined === "" ? "" : ","}${PLAIN.test(name) ? `"${name}"` : text(name)}:${canonicalJson(members[name]!)}`;
  return `{${joined}}`;
}

/** Written as they are. */
const PLAIN = /^\w+$/;

function text(value: string): string {
  assert(isWellFormedText(value), "a text of JSON has no half characters");
  return JSON.stringify(value);
}
