// The part of a transaction inside a nested `ctx.transaction`: reads and writes are those of the whole; what was written through it
// can be told apart, and undone.
import type { Value } from "../base/value.ts";
import type { Environment, RecordSource } from "../expression/expression.ts";
import type { CompiledPlan } from "../storage/plan-sql.ts";
import type { RowSet } from "../storage/read-plan.ts";
import type { StoredRecord, Write, WriteOptions, WriteOutcome } from "../tables/write.ts";
import { BodyMistake } from "./body-calls.ts";
import type { Work } from "./work.ts";

/** Of the whole transaction, told through which part. */
interface WholeWork extends Work {
  write(write: Write, options: WriteOptions, by?: Work): Promise<WriteOutcome>;
  nested<T>(run: (work: Work) => Promise<T>, parent?: Work): Promise<T>;
}

export class NestedWork implements Work {
  readonly transactional = true;
  readonly parent: Work;
  readonly #whole: WholeWork;
  #isOpen = true;

  constructor(whole: WholeWork, parent: Work) {
    this.#whole = whole;
    this.parent = parent;
  }

  get source(): RecordSource {
    return this.#whole.source;
  }

  close(): void {
    this.#isOpen = false;
  }

  get(table: string, id: Value): StoredRecord | null {
    return this.#open().get(table, id);
  }

  rows(compiled: CompiledPlan, environment: Environment): RowSet {
    return this.#open().rows(compiled, environment);
  }

  ids(compiled: CompiledPlan, environment: Environment, limit: number): Value[] {
    return this.#open().ids(compiled, environment, limit);
  }

  ask<T>(local: boolean, question: (source: RecordSource | null) => T): T {
    return this.#open().ask(local, question);
  }

  preview(write: Write, options: WriteOptions): WriteOutcome | null {
    return this.#open().preview(write, options);
  }

  async write(write: Write, options: WriteOptions): Promise<WriteOutcome> {
    return this.#open().write(write, options, this);
  }

  async nested<T>(run: (work: Work) => Promise<T>): Promise<T> {
    return this.#open().nested(run, this);
  }

  #open(): WholeWork {
    if (!this.#isOpen) throw new BodyMistake("The ctx of a nested ctx.transaction was used after its function had ended.");
    return this.#whole;
  }
}

/** Whether `work` is `outer`, or somewhere inside it. */
export function isWithin(work: Work, outer: NestedWork): boolean {
  return work === outer || (work instanceof NestedWork && isWithin(work.parent, outer));
}
