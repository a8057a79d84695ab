// The commit, or the next read, of a body met another state than it had seen: it must run again. Never reaches app code's caller.
import { AmbitError } from "../base/error.ts";
import type { Value } from "../base/value.ts";
import type { Touch } from "../tables/certification.ts";

export interface RecordName { readonly table: string; readonly id: Value }

/** An AmbitError, so that in a batch it concerns this one request alone. */
export class BodyConflict extends AmbitError {
  /** Which others changed; empty where that is not known. */
  readonly records: readonly RecordName[];
  /** Who waits for the same runs again one after the other. */
  readonly lane: string;

  constructor({ records, lane }: Touch, cause?: unknown) {
    super(409, "TRANSACTION_CONFLICT", "The state changed while the body ran.", { cause });
    this.records = records;
    this.lane = lane;
  }
}
