// What resources/ asks of cache/: records that come from elsewhere, fresh enough to be answered, and writes that go there first.
// Implemented in cache/sources.ts.
import { fault } from "../base/error.ts";
import type { Value } from "../base/value.ts";
import type { Table } from "../schema/catalog.ts";
import type { Confinement } from "../tables/confinement.ts";
import type { RawInput, WriteOutcome } from "../tables/write.ts";
import type { Body, Caller } from "./body.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { RecordWrite } from "./straight-write.ts";
import type { Effect } from "./work.ts";

/** One record of a table with @source. */
export interface Sourced {
  readonly table: Table;
  readonly id: Value;
  /** Whose records there are for whoever asks. */
  readonly confinement: Confinement | null;
}

/** How the record that is answered came to be here. */
export interface Served {
  /** kept: within its age. fetched: just now. stale: beyond it, and being fetched again. failed: beyond it, because its source failed. */
  readonly how: "kept" | "fetched" | "stale" | "failed";
  readonly ageMs: number;
  /** What is left of its age; negative beyond it. */
  readonly ttlMs: number;
}

export interface SourcePort {
  /**
   * Resolves once what is here may be answered; null: as it is, there or not. Rejects with, or throws, SOURCE_FAILED, SOURCE_INVALID,
   * SOURCE_TIMEOUT, OVERLOADED or what the app's source refuses with ctx.error.
   */
  ready(core: DispatchCore, wanted: Sourced, caller: () => Caller): Served | null | Promise<Served | null>;
  /** Whether `ready` would have nothing to wait for. Asks nobody. */
  isReady(core: DispatchCore, wanted: Sourced): boolean;
  /** Outside of transactions: at its source, then here. Throws what the rules refuse before its source hears of it. */
  write(body: Body, request: RecordWrite): Promise<WriteOutcome>;
  /** `id` null: all of the table. They are fetched before they are answered again. */
  invalidate(table: Table, id: Value): Effect;
  /** What its source has told by itself. In a transaction of `body`. */
  keep(body: Body, kept: { readonly table: Table; readonly id: Value; readonly input: RawInput; readonly tag: string | null }): Promise<void>;
}

export function sourcesOf({ sources }: DispatchCore): SourcePort {
  if (sources === undefined) throw fault("UNAVAILABLE", "Nothing is fetched here.");
  return sources;
}
