// CSV as RFC 4180 has it, read. Nulls are empty unquoted cells; the empty text is a quoted one.
import { fault } from "./error.ts";

/** Null: an empty cell, or NULL, without quotes. */
export type CsvCell = string | null;

/** Rows of cells, the header and at most `rowsMax` others; a last line break does not make a row. Throws MALFORMED_BODY with the line. */
export function readCsv(text: string, rowsMax: number): CsvCell[][] {
  const rows: CsvCell[][] = [];
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const row: CsvCell[] = [];
    for (;;) {
      const cell = text[at] === '"' ? quotedCell(text, at, line) : plainCell(text, at);
      if (cell.value !== null) line += cell.value.split("\n").length - 1;
      row.push(cell.value);
      at = cell.end;
      if (text[at] !== ",") break;
      at++;
    }
    if (at < text.length && text[at] !== "\n" && text[at] !== "\r") throw malformed(line, "A comma or a line break belongs after a quoted cell");
    at += text.startsWith("\r\n", at) ? 2 : 1;
    line++;
    rows.push(row);
    if (rows.length > rowsMax + 1) throw fault("TOO_MANY_ROWS", `The body has more than ${rowsMax} rows.`);
  }
  return rows;
}

function plainCell(text: string, start: number): { value: CsvCell; end: number } {
  let end = start;
  while (end < text.length && text[end] !== "," && text[end] !== "\n" && text[end] !== "\r") end++;
  const value = text.slice(start, end);
  return { value: value === "" || value === "NULL" ? null : value, end };
}

function quotedCell(text: string, start: number, line: number): { value: CsvCell; end: number } {
  let value = "";
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) throw malformed(line, "A quoted cell is not closed");
    value += text.slice(at, quote);
    if (text[quote + 1] !== '"') return { value, end: quote + 1 };
    value += '"';
    at = quote + 2;
  }
}

function malformed(line: number, message: string): Error {
  return fault("MALFORMED_BODY", `${message} (line ${line}).`, { details: { line } });
}
