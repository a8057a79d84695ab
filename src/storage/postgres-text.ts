// A value as PostgreSQL reads it, as text of its own types, and escaped for a line of COPY.
import { durationMs } from "../base/duration.ts";
import type { Value } from "../base/value.ts";
import type { Catalog, TypeRef } from "../schema/catalog.ts";
import { toWireValue } from "../schema/wire-value.ts";

export function textLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A column's part of a line of COPY in text format. */
export function copyField(value: Value, type: TypeRef, catalog: Catalog): string {
  if (value === null) return "\\N";
  return postgresText(value, type, catalog).replaceAll(/[\\\n\r\t]/g, (character) => COPY_ESCAPES[character]!);
}

const COPY_ESCAPES: { readonly [character: string]: string } = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** `value` is canonical and not null. */
export function postgresText(value: Value, type: TypeRef, catalog: Catalog): string {
  const isJson = type.kind === "object" || (type.kind === "scalar" && type.name === "JSON");
  if (isJson) return JSON.stringify(toWireValue(value, type, catalog));
  if (type.list) return arrayText((value as readonly Value[]).map((item) => (item === null ? null : scalarText(item, type.name))));
  if (type.kind === "scalar" && type.name === "Vector") return arrayText((value as readonly number[]).map(String));
  return scalarText(value, type.kind === "enum" ? "String" : type.name);
}

function arrayText(items: readonly (string | null)[]): string {
  return `{${items.map((item) => (item === null ? "NULL" : `"${item.replaceAll(/["\\]/g, (character) => `\\${character}`)}"`)).join(",")}}`;
}

function scalarText(value: Value, name: string): string {
  switch (name) {
    case "Bytes": return `\\x${Buffer.from(value as string, "base64").toString("hex")}`;
    case "DateTime": case "Date": return dateText(value as string);
    case "Duration": return intervalText(value as string);
    default: return String(value);
  }
}

/** PostgreSQL counts the year before 1 as 1 BC. */
function dateText(text: string): string {
  return text.startsWith("0000-") ? `0001-${text.slice(5)} BC` : text;
}

/** Every part has the sign: PostgreSQL knows none for the whole. */
function intervalText(text: string): string {
  if (durationMs(text) >= 0) return text;
  return text.slice(1).replaceAll(/\d+(?:\.\d+)?(?=[DHMS])/g, (number) => `-${number}`);
}
