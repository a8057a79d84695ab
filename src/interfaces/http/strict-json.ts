// JSON as RFC 8259 and I-JSON ask for it: no duplicate keys, no lone surrogates or U+0000, bounded depth, exact integers.
// Native JSON.parse does the work; a scan without allocations finds out whether the slow, strict reader must say more.
import { fault } from "../../base/error.ts";
import { readJsonStrictly } from "./json-reader.ts";

/** Digits that a double may not hold, and exponents that may overflow it. Also met inside strings: then the strict reader decides. */
const RISKY_NUMBER = /[0-9]{16}|[0-9][eE][+-]?[0-9]{2}/;
const RISKY_ESCAPE = /\\u(?:[dD][89a-fA-F]|0000)/;

/** The value; integers beyond 2^53 are bigints. Throws MALFORMED_JSON with line, column and path. */
export function parseStrictJson(text: string, depthMax: number): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return readJsonStrictly(text, depthMax);
  }
  if (typeof value === "object" && value !== null) {
    const keys = countKeys(value, depthMax);
    if (keys < 0 || keys !== countMembers(text)) return readJsonStrictly(text, depthMax);
  }
  return RISKY_NUMBER.test(text) || RISKY_ESCAPE.test(text) ? readJsonStrictly(text, depthMax) : value;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The text of a body. Throws MALFORMED_BODY when it is not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw fault("MALFORMED_BODY", "The body is not valid UTF-8.", { fix: "Send the body in UTF-8." });
  }
}

/** Keys of all objects in the value; negative when it is nested deeper than `depthLeft`. */
function countKeys(value: object, depthLeft: number): number {
  if (depthLeft <= 0) return -1;
  let count = 0;
  const isList = Array.isArray(value);
  const items: readonly unknown[] = isList ? value : Object.values(value);
  if (!isList) count = items.length;
  for (let index = 0; index < items.length; index++) {
    const item = items[index];
    if (typeof item !== "object" || item === null) continue;
    const inner = countKeys(item, depthLeft - 1);
    if (inner < 0) return -1;
    count += inner;
  }
  return count;
}

const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

/** Members in valid JSON text: its colons outside strings. */
function countMembers(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit === COLON) count++;
    else if (unit === QUOTE) index = endOfString(text, index);
  }
  return count;
}

/** Index of the closing quote of the string that opens at `start`. */
export function endOfString(text: string, start: number): number {
  let index = text.indexOf('"', start + 1);
  while (index > 0 && isEscaped(text, index)) index = text.indexOf('"', index + 1);
  return index < 0 ? text.length : index;
}

function isEscaped(text: string, index: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(index - 1 - backslashes) === BACKSLASH) backslashes++;
  return backslashes % 2 === 1;
}
