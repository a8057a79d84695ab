// Data operations of a body that only reads, as tools of models are: it sees what is committed, and whatever would change something throws.
import { fault } from "../base/error.ts";
import type { RecordValues, Value } from "../base/value.ts";
import type { Environment, RecordSource } from "../expression/expression.ts";
import type { CompiledPlan } from "../storage/plan-sql.ts";
import type { RowSet } from "../storage/read-plan.ts";
import type { StoredRecord } from "../tables/write.ts";
import { DirectWork, type DirectParts } from "./direct-work.ts";
import type { Work } from "./work.ts";

/** Told what such a body reads, before it goes on. */
export interface ReadWatch {
  /** `compiled`: with the rules of whoever reads. */
  rows(compiled: CompiledPlan, environment: Environment): void;
  record(table: string, values: RecordValues): void;
}

/** Who wants to know what it reads; null: nobody. */
export interface ReadingFor {
  readonly watch: ReadWatch | null;
  /** It reads there instead, where what was read is held against what others commit. */
  readonly noting: Work | null;
}

export class ReadingWork extends DirectWork {
  readonly readsOnly = true;
  readonly #for: ReadingFor;

  constructor(parts: DirectParts, readingFor: ReadingFor) {
    super(parts);
    this.#for = readingFor;
  }

  override get source(): RecordSource {
    return this.#for.noting?.source ?? super.source;
  }

  override get(table: string, id: Value): StoredRecord | null {
    const { watch, noting } = this.#for;
    const stored = noting === null ? super.get(table, id) : noting.get(table, id);
    if (stored !== null) watch?.record(table, stored.values);
    return stored;
  }

  override rows(compiled: CompiledPlan, environment: Environment): RowSet {
    const { watch, noting } = this.#for;
    watch?.rows(compiled, environment);
    return noting === null ? super.rows(compiled, environment) : noting.rows(compiled, environment);
  }

  override ids(compiled: CompiledPlan, environment: Environment, limit: number): Value[] {
    return this.#for.noting === null ? super.ids(compiled, environment, limit) : this.#for.noting.ids(compiled, environment, limit);
  }

  override preview(): never {
    throw readsOnly("A write");
  }

  override async write(): Promise<never> {
    throw readsOnly("A write");
  }

  override async effect(): Promise<never> {
    throw readsOnly("What happens with a commit");
  }
}

/** `what`: as the sentence begins. */
export function readsOnly(what: string): Error {
  return fault("TOOL_READS_ONLY", `${what} was asked for by a tool.`);
}
