// CSV as RFC 4180 has it, written. Nulls are empty unquoted cells; the empty text is a quoted one.
import { membersOf } from "./json-text.ts";

/** `rows`: texts of JSON objects. The header names the columns known beforehand, then what rows add to them. */
export function writeCsv(rows: readonly string[], known: readonly string[]): string {
  const records = rows.map((row) => new Map(membersOf(row)));
  const columns = [...new Set([...known, ...records.flatMap((record) => [...record.keys()])])];
  if (columns.length === 0) return "";
  const lines = [columns.map(quoteIfNeeded).join(",")];
  for (const record of records) lines.push(columns.map((column) => cellOf(record.get(column))).join(","));
  return `${lines.join("\n")}\n`;
}

/** `json`: the text of one value. */
function cellOf(json: string | undefined): string {
  if (json === undefined || json === "null") return "";
  if (!json.startsWith('"')) return quoteIfNeeded(json);
  const text = JSON.parse(json) as string;
  return text === "" || text === "NULL" ? `"${text}"` : quoteIfNeeded(text);
}

function quoteIfNeeded(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
