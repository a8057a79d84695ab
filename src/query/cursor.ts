// The page cursor `after=`: opaque text that holds the last row's order keys and which order they are of. Not secret, not trusted.
import { fault, type AmbitError } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import type { OrderTerm } from "./plan.ts";

/** Which order a cursor belongs to: the table and its order keys with their directions. */
export function cursorFingerprint(table: string, keys: readonly OrderTerm[]): string {
  const text = JSON.stringify([table, ...keys.map((key) => [key.name, key.descending, key.nulls])]);
  let low = 0x811c9dc5;
  let high = 0x9747b28c;
  for (let index = 0; index < text.length; index++) {
    low = Math.imul(low ^ text.charCodeAt(index), 0x01000193);
    high = Math.imul(high ^ text.charCodeAt(index), 0x85ebca6b);
  }
  return (low >>> 0).toString(36) + (high >>> 0).toString(36);
}

export function encodeCursor(values: readonly Json[], fingerprint: string): string {
  return new TextEncoder().encode(JSON.stringify([fingerprint, ...values])).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** As many scalars as `encodeCursor` was given for this fingerprint. Throws MALFORMED_CURSOR. Their types are not checked here. */
export function decodeCursor(text: string, fingerprint: string): readonly Json[] {
  let decoded: unknown;
  try {
    decoded = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.fromBase64(text, { alphabet: "base64url" })));
  } catch {
    throw malformedCursor("after is not a cursor.");
  }
  if (!Array.isArray(decoded)) throw malformedCursor("after is not a cursor.");
  if (decoded[0] !== fingerprint) throw malformedCursor("The cursor belongs to another table or order.");
  return decoded.slice(1) as Json[];
}

export function malformedCursor(message: string): AmbitError {
  return fault("MALFORMED_CURSOR", message, { where: "after" });
}
