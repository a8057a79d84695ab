// What a run writes before its end: that it is admitted, and its steps with what they may cost. In as few commits as that needs: the admission goes
// with the first request, an answer with the next one or the run's end, unless something outside is about to happen on its word.
import type { Budget } from "../../schema/decision.ts";
import type { Connection } from "../../storage/connection.ts";
import { keepStep, moveRun, type RunStep } from "../../storage/decision-rows.ts";
import type { Storage } from "../../storage/open-storage.ts";
import { Fenced } from "../run/store-run.ts";
import { addDaily, type BudgetPlace } from "./budgets.ts";
import type { Spent } from "./journal.ts";

export interface LedgerParts {
  readonly storage: Storage;
  readonly run: string;
  readonly budgets: readonly Budget[];
  readonly place: BudgetPlace;
  /** Until then nobody else takes the run. */
  readonly leaseMs: number;
  /** 0: not admitted yet. */
  readonly epoch: number;
  /** In a commit: admits it. Throws KeyTaken, OverBudget. */
  admit(connection: Connection): void;
  /** Others see it now. */
  admitted(): void;
}

interface Entry { readonly step: RunStep; /** Negative: what is given back. */ readonly spend: Spent }

export class StepLedger {
  readonly #parts: LedgerParts;
  #epoch: number;
  /** Answered, and not written yet. */
  #answered: Entry | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: LedgerParts) {
    this.#parts = parts;
    this.#epoch = parts.epoch;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** A step before its request. Durable when it resolves. Throws Fenced, KeyTaken, OverBudget. */
  asking(step: RunStep, spend: Spent): Promise<void> {
    return this.#write({ step, spend });
  }

  answered(step: RunStep, spend: Spent): void {
    this.#answered = { step, spend };
  }

  /** All of it, at once. Throws as `asking` does. */
  async flush(): Promise<void> {
    if (this.#epoch === 0 || this.#answered !== null) await this.#write(null);
  }

  /** What is being written, is, or has failed. */
  async settled(): Promise<void> {
    await this.#writing.catch(() => {});
  }

  /** What is left, in the commit that ends the run. */
  writeRest(connection: Connection): void {
    if (this.#answered !== null) this.#enter(connection, this.#answered);
  }

  #write(entry: Entry | null): Promise<void> {
    this.#writing = this.#commit(entry);
    return this.#writing;
  }

  async #commit(entry: Entry | null): Promise<void> {
    const { storage, place, run, leaseMs, admit, admitted } = this.#parts;
    const before = this.#answered;
    const isNew = this.#epoch === 0 && place.isShadow !== true;
    await storage.commit((connection) => {
      if (isNew) admit(connection);
      else if (place.isShadow !== true && !moveRun(connection, { id: run, epoch: this.#epoch }, "REASONING", leaseMs)) throw new Fenced("the run is somebody else's");
      if (before !== null) this.#enter(connection, before);
      if (entry !== null) this.#enter(connection, entry);
    });
    this.#answered = null;
    if (!isNew) return;
    this.#epoch = 1;
    admitted();
  }

  #enter(connection: Connection, { step, spend }: Entry): void {
    const { budgets, place, run } = this.#parts;
    addDaily(connection, budgets, place, spend);
    // Beside a run that answers nothing is taken up again.
    if (place.isShadow !== true) keepStep(connection, run, step);
  }
}
