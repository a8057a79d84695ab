// What `get` or `put` of a source answered, told apart. Pure.
import type { RecordValues } from "../base/value.ts";
import { FETCHED, type Fetched } from "../resources/app-api.ts";
import { rawInput } from "../resources/code-input.ts";
import type { RawInput } from "../tables/write.ts";

/** As a body of a source gets it. */
export interface Previous { readonly record: RecordValues; readonly etag: string | null; readonly ageMs: number }

export type SourceAnswer =
  | { readonly kind: "record"; readonly input: RawInput; readonly tag: string | null }
  /** There is none. */
  | { readonly kind: "missing" }
  /** It is as it was. */
  | { readonly kind: "unchanged" };

/** A longer tag is not worth keeping. */
const TAG_LENGTH_MAX = 1_000;

/** Null: it is nothing that a source may answer. */
export function readAnswer(value: unknown, previous: Previous | null): SourceAnswer | null {
  if (value === null) return { kind: "missing" };
  if (previous !== null && value === previous) return { kind: "unchanged" };
  const { record, etag } = isFetched(value) ? value : { record: value, etag: null };
  if (typeof record !== "object" || record === null || Array.isArray(record)) return null;
  return { kind: "record", input: rawInput(record, "a source"), tag: shortTag(etag) };
}

export function shortTag(etag: unknown): string | null {
  return typeof etag === "string" && etag.length <= TAG_LENGTH_MAX ? etag : null;
}

function isFetched(value: unknown): value is Fetched {
  return typeof value === "object" && value !== null && FETCHED in value;
}
