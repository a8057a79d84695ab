// A request's body as raw input: objects by field name, not yet validated, without a prototype. Only their shape is looked at.
import { fault } from "../../base/error.ts";
import { whenReady } from "../../base/when-ready.ts";
import { readCsv } from "../../base/read-csv.ts";
import type { Table } from "../../schema/catalog.ts";
import type { RawInput } from "../../tables/write.ts";
import type { Exchange } from "../http/exchange.ts";
import { decodeUtf8, parseStrictJson } from "../http/strict-json.ts";
import { readFormat, type BodyFormat } from "./media-type.ts";
import { rawFromText } from "./text-input.ts";

export interface RecordsInput {
  readonly inputs: readonly RawInput[];
  /** True for a list, of whatever length. */
  readonly list: boolean;
  readonly format: BodyFormat;
  readonly bytes: Uint8Array;
}

/** One object, or several in a JSON list, NDJSON or CSV. */
export function readRecords(exchange: Exchange, table: Table): RecordsInput | Promise<RecordsInput> {
  const format = readFormat(exchange.header("content-type"), ["json", "ndjson", "csv"]);
  return whenReady(exchange.body(), (bytes) => recordsIn(bytes, { exchange, table, format }));
}

interface RecordsBody { readonly exchange: Exchange; readonly table: Table; readonly format: BodyFormat }

function recordsIn(bytes: Uint8Array, { exchange, table, format }: RecordsBody): RecordsInput {
  const { jsonDepth, bulkRows } = exchange.limits;
  const text = decodeUtf8(bytes);
  if (format === "csv") return { inputs: fromCsv(text, table, { jsonDepth, bulkRows }), list: true, format, bytes };
  const value = format === "ndjson" ? parseLines(text, jsonDepth) : parseStrictJson(text, jsonDepth);
  if (!Array.isArray(value)) return { inputs: [asInput(value, "")], list: false, format, bytes };
  if (value.length > bulkRows) throw fault("TOO_MANY_ROWS", `The body has more than ${bulkRows} rows.`);
  return { inputs: value.map((item, index) => asInput(item, `[${index}]`)), list: true, format, bytes };
}

export interface ObjectInput { readonly input: RawInput; readonly merge: boolean; readonly bytes: Uint8Array }

/** Of PUT and PATCH: one object. */
export function readRecord(exchange: Exchange, formats: readonly BodyFormat[]): ObjectInput | Promise<ObjectInput> {
  const format = readFormat(exchange.header("content-type"), formats);
  return whenReady(exchange.body(), (bytes) => {
    const value = parseStrictJson(decodeUtf8(bytes), exchange.limits.jsonDepth);
    return { input: asInput(value, ""), merge: format === "merge-patch", bytes };
  });
}

/** Arguments of a callable: an object, or no body at all. */
export function readArguments(exchange: Exchange): ObjectInput | Promise<ObjectInput> {
  return whenReady(exchange.body(), (bytes) => ({ input: argumentsIn(bytes, exchange), merge: false, bytes }));
}

/** Of a body that is there. */
export function argumentsIn(bytes: Uint8Array, exchange: Exchange): RawInput {
  if (bytes.length === 0) return Object.create(null) as RawInput;
  readFormat(exchange.header("content-type"), ["json"]);
  const value = parseStrictJson(decodeUtf8(bytes), exchange.limits.jsonDepth);
  return value === null ? (Object.create(null) as RawInput) : asInput(value, "");
}

/** A copy without prototype, so that no field name finds what it does not hold. */
export function asInput(value: unknown, where: string): RawInput {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw fault("VALIDATION_FAILED", `${where === "" ? "The body" : where.startsWith("[") ? `Item ${where}` : where} must be a JSON object.`, where === "" ? {} : { where });
  }
  return Object.assign(Object.create(null), value) as RawInput;
}

function parseLines(text: string, depthMax: number): unknown[] {
  const values: unknown[] = [];
  text.split("\n").forEach((line, index) => {
    if (line.trim() === "") return;
    try {
      values.push(parseStrictJson(line, depthMax));
    } catch (error) {
      throw fault("MALFORMED_JSON", `Line ${index + 1} is not a JSON document.`, { details: { line: index + 1 }, cause: error });
    }
  });
  return values;
}

function fromCsv(text: string, table: Table, bounds: { jsonDepth: number; bulkRows: number }): RawInput[] {
  const [names, ...rows] = readCsv(text, bounds.bulkRows);
  if (names === undefined) throw fault("MALFORMED_BODY", "The CSV has no header.");
  const columns = names.map((name) => name ?? "");
  if (new Set(columns).size < columns.length) throw fault("MALFORMED_BODY", "The CSV names a column twice.");
  return rows.map((row, index) => {
    if (row.length !== columns.length) {
      throw fault("MALFORMED_BODY", `Row ${index + 1} of the CSV has ${row.length} cells, the header ${columns.length}.`, { details: { row: index + 1 } });
    }
    const input = Object.create(null) as { [field: string]: unknown };
    columns.forEach((column, position) => {
      const cell = row[position]!;
      const type = table.fields.get(column)?.type;
      input[column] = cell === null || type === undefined ? cell : rawFromText(cell, type, bounds.jsonDepth);
    });
    return input;
  });
}
