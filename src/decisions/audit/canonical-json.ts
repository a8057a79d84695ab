// JSON in one form only, so that it can be hashed (RFC 8785). Integers that a double does not hold are given as strings before.
import { assert } from "../../base/assert.ts";
import type { Json } from "../../base/value.ts";
import { isWellFormedText } from "../../base/text.ts";

export function canonicalJson(value: Json): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") {
    assert(Number.isFinite(value), "a number of JSON is finite");
    return JSON.stringify(value);
  }
  if (typeof value === "string") return text(value);
  let joined = "";
  if (Array.isArray(value)) {
    for (const item of value as readonly Json[]) joined += `${joined === "" ? "" : ","}${canonicalJson(item)}`;
    return `[${joined}]`;
  }
  const members = value as { readonly [name: string]: Json };
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
