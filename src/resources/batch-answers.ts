// The answers of a batch that ran as a body, put together once more in its commit: each in the state that its operation left, with
// the times and versions that are stored.
import { assert } from "../base/assert.ts";
import type { Value } from "../base/value.ts";
import type { WriteSession } from "../tables/write-session.ts";
import type { StoredRecord } from "../tables/write.ts";
import type { BatchPass, Result } from "./operation.ts";
import { committing } from "./run-body.ts";
import type { State } from "./work.ts";

export interface RecordName { readonly table: string; readonly id: Value }

export interface AnswerInOrder {
  /** How many writes of the body its state has. */
  readonly writes: number;
  /** now: as it was given. place: there, once the data hold what was written. end: when constraints hold. */
  readonly given: "now" | "place" | "end";
  /** Asks SQLite. */
  readonly queries: boolean;
  ready(at: State): Result;
  /** Whose version it tells. */
  readonly of: RecordName | null;
}

interface Versioned { readonly index: number; readonly of: RecordName; readonly record: StoredRecord | null; readonly result: Result }

export class AnswersInOrder {
  readonly #pass: BatchPass;
  readonly #answers: AnswerInOrder[] = [];
  #next = 0;
  #versioned: Versioned[] = [];
  /** Versions above it are of this commit. */
  #head = Infinity;

  constructor(pass: BatchPass) {
    this.#pass = pass;
  }

  /** Of the next operation. */
  add(answer: AnswerInOrder): void {
    this.#answers.push(answer);
  }

  /** In a commit: the first `writes` writes are in, and no more. */
  upTo(writes: number, session: WriteSession): void {
    // The commit may run twice.
    if (writes === 0) {
      this.#next = 0;
      this.#versioned = [];
      this.#head = session.head;
    }
    for (; this.#next < this.#answers.length; this.#next++) {
      const answer = this.#answers[this.#next]!;
      if (answer.writes > writes) return;
      if (answer.given !== "place") continue;
      if (answer.queries) session.flush();
      this.#give(this.#next, answer, committing(session));
    }
  }

  /** In the end. */
  rest(at: State): void {
    this.#answers.forEach((answer, index) => {
      if (answer.given === "end") this.#give(index, answer, at);
    });
    for (const { index, of, record, result } of this.#versioned) {
      // Two states of one commit have one version between them: only the last is told by it.
      if (at.get(of.table, of.id) !== record && result.version! > this.#head) this.#replace(index, { ...result, version: null });
    }
  }

  #give(index: number, { ready, of }: AnswerInOrder, at: State): void {
    const result = ready(at);
    if (result.version !== null && of !== null) this.#versioned.push({ index, of, record: at.get(of.table, of.id), result });
    this.#replace(index, result);
  }

  #replace(index: number, result: Result): void {
    assert(!(this.#pass.step(index, () => result) instanceof Promise), "an answer is put together at once");
  }
}
