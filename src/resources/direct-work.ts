// Data operations of a body outside of transactions: reads see what is committed, each write commits by itself.
import { AmbitError, fault } from "../base/error.ts";
import { AssertionFailure } from "../base/assert.ts";
import type { Value } from "../base/value.ts";
import type { Environment, RecordSource } from "../expression/expression.ts";
import type { Storage } from "../storage/open-storage.ts";
import type { CompiledPlan } from "../storage/plan-sql.ts";
import { readIds, readRows, type RowSet } from "../storage/read-plan.ts";
import type { CommitOptions, Tables } from "../tables/engine.ts";
import type { StoredRecord, Write, WriteOptions, WriteOutcome } from "../tables/write.ts";
import type { Effect, Work } from "./work.ts";

export interface DirectParts {
  readonly tables: Tables;
  readonly storage: Storage;
  readonly who: CommitOptions;
  /** False once the body has ended: what it forgot must not commit late. */
  isWanted(): boolean;
}

export class DirectWork implements Work {
  readonly transactional = false;
  readonly #parts: DirectParts;

  constructor(parts: DirectParts) {
    this.#parts = parts;
  }

  get source(): RecordSource {
    return this.#parts.tables.source;
  }

  get(table: string, id: Value): StoredRecord | null {
    return this.#parts.tables.get(table, id);
  }

  turn(): null {
    return null;
  }

  rows(compiled: CompiledPlan, environment: Environment): RowSet {
    return readRows(this.#parts.storage.reader, compiled, environment);
  }

  ids(compiled: CompiledPlan, environment: Environment, limit: number): Value[] {
    return readIds(this.#parts.storage.reader, compiled, environment, limit);
  }

  ask<T>(local: boolean, question: (source: RecordSource | null) => T): T {
    return question(local ? null : this.source);
  }

  preview(write: Write, options: WriteOptions): WriteOutcome | null {
    try {
      return this.#parts.tables.rehearse((session) => session.write(write, options), this.#parts.who);
    } catch (error) {
      if (error instanceof AmbitError) return null;
      throw error;
    }
  }

  async write(write: Write, options: WriteOptions): Promise<WriteOutcome> {
    const { tables, who, isWanted } = this.#parts;
    return (await tables.commit((session) => {
      if (!isWanted()) throw unwanted();
      return session.write(write, options);
    }, who)).value;
  }

  async effect(effect: Effect): Promise<void> {
    const { tables, who, isWanted } = this.#parts;
    if (!isWanted()) throw unwanted();
    if (effect.store !== undefined) {
      await tables.commit((session) => {
        if (!isWanted()) throw unwanted();
        effect.store?.(session);
      }, who);
    }
    effect.tell?.();
  }

  nested(): never {
    throw new AssertionFailure("outside of a transaction nothing is nested");
  }
}

/** Of what a body began and did not wait for: nobody hears it. */
export function unwanted(): AmbitError {
  return fault("TRANSACTION_CONFLICT", "The body ended before this was committed.");
}
