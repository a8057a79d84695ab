// What can be written, and what came of it. The interface between resources/ (who asks) and tables/ (who does).
import type { RecordValues, Value } from "../base/value.ts";
import type { Authority } from "./authority.ts";

/** Where the values come from decides how they are read: `wire` is parsed JSON, `code` is what TypeScript handed in. */
export type Dialect = "wire" | "code";

/** Raw input: not yet validated. Prototype-free. */
export type RawInput = { readonly [field: string]: unknown };

export interface Precondition {
  /** The record must exist with one of these versions; `*`: must exist. */
  readonly ifMatch: readonly number[] | "*" | null;
  /** `*`: must not exist. */
  readonly ifNoneMatch: readonly number[] | "*" | null;
}

export type Write =
  | {
      readonly kind: "create"; readonly table: string; readonly input: RawInput;
      /** PostgREST upsert: on conflict of these fields (default: the primary key) merge or ignore. Null: a conflict is an error. */
      readonly onConflict: { readonly fields: readonly string[] | null; readonly resolution: "merge" | "ignore" } | null;
    }
  /** PUT: replace or create. */
  | { readonly kind: "replace"; readonly table: string; readonly id: Value; readonly input: RawInput; readonly precondition: Precondition | null }
  /** PATCH. `merge`: RFC 7396 inside JSON and nested fields. */
  | { readonly kind: "update"; readonly table: string; readonly id: Value; readonly input: RawInput; readonly merge: boolean; readonly precondition: Precondition | null }
  | { readonly kind: "remove"; readonly table: string; readonly id: Value; readonly precondition: Precondition | null }
  /** Guarded: honours @check and @range; answers the new record. */
  | { readonly kind: "increment"; readonly table: string; readonly id: Value; readonly field: string; readonly by: number | bigint | string };

/** How a write stands to the rules. */
export interface WriteOptions {
  readonly dialect: Dialect;
  /** Null: without rules (ctx.system, this.update in an @action, the runtime); then read-only, fixed and internal fields may be set too. */
  readonly authority: Authority | null;
  /**
   * Fields that the caller itself sent; only these are held to field rules and to @readOnly/@fixed/@internal.
   * Null: all of the input. Set where an override added fields of its own.
   */
  readonly sent: ReadonlySet<string> | null;
  /** An import: what the runtime fills is taken as it was filled; what it works out is not read. */
  readonly asStored?: boolean;
}

export interface WriteOutcome {
  /** unchanged: an update that altered nothing (version stays). ignored: ignore-duplicates met one. */
  readonly status: "created" | "updated" | "deleted" | "unchanged" | "ignored";
  readonly table: string;
  readonly id: Value;
  readonly record: RecordValues | null;
  readonly old: RecordValues | null;
}

/** One record as read: its values (all stored fields, internal ones too) and its version. */
export interface StoredRecord {
  readonly values: RecordValues;
  /** Position of the last entry that changed it. */
  readonly version: number;
  /** The position of the entry that wrote it, where a change of the schema gave it a later version. */
  readonly written?: number;
}
