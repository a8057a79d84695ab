// The end of a job joins the last transaction of its body: both are one commit, so a kill between them cannot do its work twice.
// Which transaction is the last shows when its answer is there: then the body returns, or calls on.
import type { Connection } from "../storage/connection.ts";
import type { Linger } from "../storage/committer.ts";
import type { BodyCalls } from "./body-calls.ts";
import type { State } from "./work.ts";

/** Writes the end of a run in a commit. False: somebody else has the run by now. */
export type WriteEnd = (connection: Connection) => boolean;

/** How `JobEnd` looks on at a transaction. */
export interface Leading<T> {
  readonly linger: Linger<T>;
  /** Told the state in the commit, before it lingers. */
  applied(state: State): void;
  /** The body has gone on with its answer: it cannot be run again. */
  isTold(): boolean;
}

export class JobEnd {
  /** While a transaction lingers: says what else its commit shall do. */
  #say: ((work: ((connection: Connection) => void) | null) => void) | null = null;
  /** What that commit will have made. */
  #state: State | null = null;
  /** All that the body was told before it was committed. */
  #committed: Promise<unknown> = Promise.resolve();
  #isWritten = false;

  /** A transaction of the body, which goes on before the commit as long as it calls nothing. */
  lead<T>(calls: BodyCalls, transact: (leading: Leading<T>) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let isTold = false;
      let applied: State | null = null;
      const committed: Promise<T> = transact({
        isTold: () => isTold,
        applied: (state) => { applied = state; },
        linger: (value) => {
          isTold = true;
          this.#goOn();
          this.#state = applied;
          this.#committed = Promise.all([this.#committed, committed]);
          this.#committed.catch(() => {});
          calls.closeGate(committed, () => this.#goOn());
          resolve(value);
          return new Promise((say) => { this.#say = say; });
        },
      });
      committed.then(resolve, reject);
    });
  }

  /** With what a transaction is about to commit; null: nothing waits for its commit. */
  get state(): State | null {
    return this.#say === null ? null : this.#state;
  }

  /** The body has returned. True: its end was written with the last commit. Throws what that met. */
  async returned(write: WriteEnd): Promise<boolean> {
    this.#answer((connection) => { this.#isWritten = write(connection); });
    await this.#committed;
    return this.#isWritten;
  }

  /** The body has thrown. */
  async failed(): Promise<void> {
    this.#goOn();
    await this.#committed.catch(() => {});
  }

  /** It was not the last one. */
  #goOn(): void {
    this.#answer(null);
  }

  #answer(work: ((connection: Connection) => void) | null): void {
    const say = this.#say;
    this.#say = null;
    say?.(work);
  }
}
