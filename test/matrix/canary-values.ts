// Values that are recognised wherever they turn up: each carries a number of its own, and `tokensOf` finds them again in any text.
import type { FieldType } from "./model.ts";

export const EPOCH_MS = Date.UTC(2026, 5, 1);
const FIRST_DAY_MS = Date.UTC(2100, 0, 1);
const DAY_MS = 86_400_000;

const pad = (number: number): string => String(number).padStart(4, "0");

/** A word that stands nowhere else. */
export function word(number: number): string {
  return `zq${pad(number)}x`;
}

/** A value of the type in wire form; null for types without room for a number. */
export function canaryOf(type: FieldType, number: number): unknown {
  switch (type) {
    case "ID": return `${word(number)}id`;
    case "String": return `${word(number)} lantern`;
    case "Int": case "Money": return 70_000_000 + number;
    case "Long": return `7000000000000${pad(number)}`;
    case "Float": return 71_000_000.25 + number;
    case "Decimal": return `${72_000_000 + number}.75`;
    case "DateTime": return new Date(FIRST_DAY_MS + number * DAY_MS).toISOString();
    case "Date": return new Date(FIRST_DAY_MS + number * DAY_MS).toISOString().slice(0, 10);
    case "Duration": return `P${1000 + number}D`;
    case "JSON": return { k: word(number), n: 70_000_000 + number, list: [word(number)] };
    case "Bytes": return Buffer.from(`${word(number)}..`).toString("base64");
    case "List": return [word(number), `${word(number)}b`];
    case "Object": return { lat: Number(`10.${pad(number)}5`), lon: Number(`20.${pad(number)}5`), label: word(number), inner: { note: word(number), size: `7000000000000${pad(number)}` } };
    case "Vector": return [Number(`10.${pad(number)}5`), 1, 2];
    case "Boolean": case "Enum": return null;
  }
}

const PATTERNS: readonly RegExp[] = [
  /zq\d{4}x/gi, /(?<![\d.])\d{8,}(?:\.\d+)?/g, /210\d-\d\d-\d\d/g, /P\d{4}D/g, /(?<![\d.])\d\d\.\d{4}5(?!\d)/g, /enE[wxyz][A-Za-z0-9+/]{8}/g,
];

/** Everything in the text that may be a planted value. */
export function tokensOf(text: string): string[] {
  return PATTERNS.flatMap((pattern) => text.match(pattern) ?? []).map((token) => (token.startsWith("ZQ") ? token.toLowerCase() : token));
}

/** What looks like base64url (cursors do), read. */
export function decodedParts(text: string): string[] {
  return (text.match(/[A-Za-z0-9_-]{16,}/g) ?? []).map((part) => Buffer.from(part, "base64url").toString("utf8"));
}
