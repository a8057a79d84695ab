// Data operations of a body that only reads, as tools of models are: it sees what is committed, and whatever would change something throws.
import { fault } from "../base/error.ts";
import type { RecordValues, Value } from "../base/value.ts";
import type { Environment } from "../expression/expression.ts";
import type { CompiledPlan } from "../storage/plan-sql.ts";
import type { RowSet } from "../storage/read-plan.ts";
import type { StoredRecord } from "../tables/write.ts";
import { DirectWork, type DirectParts } from "./direct-work.ts";

/** Told what such a body reads, before it goes on. */
export interface ReadWatch {
  /** `compiled`: with the rules of whoever reads. */
  rows(compiled: CompiledPlan, environment: Environment): void;
  record(table: string, values: RecordValues): void;
}

export class ReadingWork extends DirectWork {
  readonly readsOnly = true;
  readonly #watch: ReadWatch | null;

  constructor(parts: DirectParts, watch: ReadWatch | null) {
    super(parts);
    this.#watch = watch;
  }

  override get(table: string, id: Value): StoredRecord | null {
    const stored = super.get(table, id);
    if (stored !== null) this.#watch?.record(table, stored.values);
    return stored;
  }

  override rows(compiled: CompiledPlan, environment: Environment): RowSet {
    this.#watch?.rows(compiled, environment);
    return super.rows(compiled, environment);
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
