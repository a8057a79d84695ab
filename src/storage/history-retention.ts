// Takes away former versions and moments that are past their time, a page in each commit, so that nobody waits long behind it.
import { dateTimeOf } from "../base/date-time.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import type { Connection } from "./connection.ts";
import { ENDED_COLUMN, ENDING_COLUMN, UNTIL_COLUMN, historyTable, keepsFormer, readHistoryStart, writeHistoryStart, type Ending } from "./history-tables.ts";
import { quoted } from "./column.ts";

/** Goes through everything that is kept, page by page, in the order in which it ended. */
export interface HistoryTrim {
  /** One page, in a transaction of the caller's. False: that was all. */
  page(connection: Connection, limit: number): boolean;
}

export function historyTrim(catalog: Catalog, nowMs: number): HistoryTrim {
  const tables = [...catalog.tables.values()].filter(keepsFormer);
  const longestMs = Math.max(0, ...tables.map((table) => table.historyMs ?? 0));
  let moments = tables.length > 0;
  let after = 0;
  return {
    page(connection, limit) {
      if (moments) {
        moments = trimMoments(connection, dateTimeOf(nowMs - longestMs), limit) === limit;
        return true;
      }
      const [table] = tables;
      if (table === undefined) return false;
      const next = trimTable(connection, table, { nowMs, after, limit });
      after = next ?? 0;
      if (next === null) tables.shift();
      return tables.length > 0;
    },
  };
}

function trimMoments(connection: Connection, before: string, limit: number): number {
  return connection.run(`DELETE FROM "$moment" WHERE "position" IN (SELECT "position" FROM (SELECT "position", "time" FROM "$moment" ORDER BY "position" LIMIT ?2) WHERE "time" < ?1)`, before, limit);
}

interface TrimPage { readonly nowMs: number; /** Of the row before the page. */ readonly after: number; readonly limit: number }

/** The row after which the next page begins; null: nothing more is due. */
function trimTable(connection: Connection, table: Table, { nowMs, after, limit }: TrimPage): number | null {
  const name = quoted(historyTable(table.sqlName));
  const [history, trash] = [table.historyMs ?? 0, Math.max(table.historyMs ?? 0, table.trashMs ?? 0)].map((ms) => dateTimeOf(nowMs - ms)) as [string, string];
  const rows = connection.values(`SELECT rowid, ${quoted(ENDED_COLUMN)}, ${quoted(ENDING_COLUMN)}, ${quoted(UNTIL_COLUMN)} FROM ${name} WHERE rowid > ?1 ORDER BY rowid LIMIT ?2`, after, limit) as [number, string, Ending, number][];
  let floor: { readonly position: number; readonly time: string } | null = null;
  for (const [row, ended, ending, until] of rows) {
    if (ended >= (ending === "delete" || ending === "cascade" ? trash : history)) continue;
    connection.run(`DELETE FROM ${name} WHERE rowid = ?1`, row);
    floor = { position: until, time: ended };
  }
  if (floor !== null && table.historyMs !== null) raiseStart(connection, table, floor);
  const last = rows.at(-1);
  return last === undefined || rows.length < limit || last[1] >= history ? null : last[0];
}

/** Before that, the history is not whole any more. */
function raiseStart(connection: Connection, table: Table, floor: { readonly position: number; readonly time: string }): void {
  const start = readHistoryStart(connection, table.sqlName);
  if (start === null || start.position < floor.position) writeHistoryStart(connection, table.sqlName, floor);
}
