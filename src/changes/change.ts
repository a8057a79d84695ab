// One change inside a log entry. The log, subscribers, caches and triggers all speak of these.
import type { RecordValues, Value } from "../base/value.ts";

export interface Change {
  /** Name of the type in the Catalog. */
  readonly table: string;
  readonly id: Value;
  /** Full images in memory form, all stored fields; null when it did not exist before, or does not after. */
  readonly old: RecordValues | null;
  readonly new: RecordValues | null;
  readonly cause: "write" | "cascade" | "expiry" | "migration" | "embedding";
}
