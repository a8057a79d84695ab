// Names around former versions of records, and since when those of a table are complete. No versions are read or written here.
import type { Table } from "../schema/catalog.ts";
import type { Connection } from "./connection.ts";
import { readMeta, writeMeta } from "./system-tables.ts";

/** The position of the entry that ended the version: it was valid before it. */
export const UNTIL_COLUMN = "$until";
/** The time of that entry. */
export const ENDED_COLUMN = "$ended";
export const ENDING_COLUMN = "$ending";

/** How a version ended: another followed, or the record went, by itself, with another one, or by its time. */
export type Ending = "update" | "delete" | "cascade" | "expiry";

export function keepsFormer(table: Table): boolean {
  return table.historyMs !== null || table.trashMs !== null;
}

export function historyTable(sqlName: string): string {
  return `${sqlName}$history`;
}

/** From here on every former version is there. */
export interface HistoryStart {
  readonly position: number;
  readonly time: string;
}

export function readHistoryStart(connection: Connection, sqlName: string): HistoryStart | null {
  const text = readMeta(connection, `history ${sqlName}`);
  return text === null ? null : JSON.parse(text) as HistoryStart;
}

/** In a transaction of the caller's. */
export function writeHistoryStart(connection: Connection, sqlName: string, start: HistoryStart): void {
  writeMeta(connection, `history ${sqlName}`, JSON.stringify(start));
}
