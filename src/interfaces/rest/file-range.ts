// The Range header of a download (RFC 9110, 14.2): one range of bytes. Several at once, other units and what cannot be read are answered
// with the whole, as the RFC permits.
import { fault } from "../../base/error.ts";

/** `start` to before `end`. */
export interface ByteRange { readonly start: number; readonly end: number }

const RANGE = /^bytes=(?:([0-9]{1,15})-([0-9]{1,15})?|-([0-9]{1,15}))$/;

/** Null: the whole. Throws RANGE_NOT_SATISFIABLE. */
export function readByteRange(header: string | null, size: number): ByteRange | null {
  const match = header === null ? null : RANGE.exec(header.trim());
  if (match === null) return null;
  const [, first, last, suffix] = match;
  if (suffix !== undefined) return Number(suffix) === 0 || size === 0 ? unsatisfiable(size) : { start: Math.max(0, size - Number(suffix)), end: size };
  const start = Number(first);
  if (last !== undefined && Number(last) < start) return null;
  if (start >= size) return unsatisfiable(size);
  return { start, end: last === undefined ? size : Math.min(Number(last) + 1, size) };
}

function unsatisfiable(size: number): never {
  throw fault("RANGE_NOT_SATISFIABLE", "The range lies outside the file.", { where: "Range", headers: { "content-range": `bytes */${size}` } });
}
