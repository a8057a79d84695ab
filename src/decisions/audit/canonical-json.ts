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
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  // Sorted by UTF-16 code units, which is how JavaScript compares texts.
  return `{${Object.keys(value).sort().map((name) => `${text(name)}:${canonicalJson(value[name]!)}`).join(",")}}`;
}

function text(value: string): string {
  assert(isWellFormedText(value), "a text of JSON has no half characters");
  return JSON.stringify(value);
}
