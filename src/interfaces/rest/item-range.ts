// Paging by the Range header, and Content-Range, as PostgREST does them.
import { fault } from "../../base/error.ts";

export interface ItemRange {
  readonly offset: number;
  /** Null: to the end. */
  readonly limit: number | null;
}

/** Null: no range of items was asked for; other units are ignored, as RFC 9110 says. Throws RANGE_NOT_SATISFIABLE. */
export function readRange(header: string | null, unit: string | null): ItemRange | null {
  if (header === null || (unit !== null && unit.trim().toLowerCase() !== "items")) return null;
  const match = /^\s*(?:items\s*=\s*)?([0-9]{1,15})-([0-9]{1,15})?\s*$/.exec(header);
  if (match === null) return null;
  const first = Number(match[1]);
  if (match[2] === undefined) return { offset: first, limit: null };
  const last = Number(match[2]);
  if (last < first) throw fault("RANGE_NOT_SATISFIABLE", "The range ends before it begins.", { where: "Range" });
  return { offset: first, limit: last - first + 1 };
}

/** What both ask for: the range within the window of `limit` and `offset`. */
export function narrow(window: ItemRange, range: ItemRange): ItemRange {
  const start = Math.max(window.offset, range.offset);
  const end = Math.min(endOf(window), endOf(range));
  return { offset: start, limit: end === Infinity ? null : Math.max(0, end - start) };
}

function endOf(range: ItemRange): number {
  return range.limit === null ? Infinity : range.offset + range.limit;
}

/** `0-19/*`, `0-19/200`, or with a star for no rows. */
export function contentRange(offset: number, rows: number, total: number | null): string {
  return `${rows > 0 ? `${offset}-${offset + rows - 1}` : "*"}/${total ?? "*"}`;
}

/** 206 when a counted list is shown in part; throws when the page begins beyond its end. */
export function rangeStatus(offset: number, rows: number, total: number | null): 200 | 206 {
  if (total === null) return 200;
  if (offset > total) {
    throw fault("RANGE_NOT_SATISFIABLE", "The page begins beyond the end of the list.", {
      details: `An offset of ${offset} was requested, but there are only ${total} rows.`, headers: { "content-range": `*/${total}` },
    });
  }
  return rows < total ? 206 : 200;
}
