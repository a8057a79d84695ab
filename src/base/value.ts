// What a field's value looks like in memory, everywhere above the wire and the disk. No conversion lives here.

/**
 * The canonical form of a value, by scalar:
 * ID String enum -> string; Int Float Money -> number; Long -> bigint; Boolean -> boolean;
 * DateTime -> `2026-01-31T12:00:00.000Z` (UTC, milliseconds); Date -> `2026-01-31`;
 * Duration -> canonical ISO 8601 of days, hours, minutes, seconds (`P1DT2H`, `PT0.5S`, `PT0S`);
 * Decimal -> plain decimal text, no exponent, no leading zeros, scale kept; Bytes -> base64 text;
 * JSON -> any JSON value; Vector -> number[]; lists -> arrays; nested objects -> plain objects, whose
 * own fields follow the same rules (a Long inside one is a bigint in memory, a decimal string in JSON text).
 * Absent and null are the same: null.
 */
export type Value = null | string | number | bigint | boolean | readonly Value[] | { readonly [key: string]: Value };

/** The fields of one record by name. Prototype-free where it comes from outside. */
export type RecordValues = { readonly [field: string]: Value };

export type Json = null | string | number | boolean | Json[] | { [key: string]: Json };

/** A scalar's value as SQLite binds and returns it. */
export type SqlValue = null | string | number | bigint | Uint8Array;
