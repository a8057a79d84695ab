// A table as NDJSON: one record a line, in the form of the REST interface, with every stored field. Lines may be read in any order.
import { wireRecord } from "../schema/wire-value.ts";
import type { Table } from "../schema/catalog.ts";
import { exportedRows, type ExportSource } from "./exported-table.ts";

export function* ndjsonLines(source: ExportSource, table: Table): Generator<string> {
  for (const values of exportedRows(source, table)) yield `${JSON.stringify(wireRecord(values, table, source.catalog))}\n`;
}
