// Shadow runs wait here for their turn: one at a time, and no more waiting than there may be. What comes above that is left out: a shadow is worth
// no delay of anything else. Kept in memory alone.
export class ShadowQueue {
  readonly #waitingMax: number;
  readonly #waiting: (() => Promise<void>)[] = [];
  #isRunning = false;
  #working: Promise<void> = Promise.resolve();

  constructor(waitingMax: number) {
    this.#waitingMax = waitingMax;
  }

  /** False: there is no room. `run` deals with what it throws. */
  add(run: () => Promise<void>): boolean {
    if (this.#waiting.length >= this.#waitingMax) return false;
    this.#waiting.push(run);
    if (!this.#isRunning) this.#working = this.#work();
    return true;
  }

  get isBusy(): boolean {
    return this.#isRunning;
  }

  /** Resolves once none runs or waits. */
  idle(): Promise<void> {
    return this.#working;
  }

  async #work(): Promise<void> {
    this.#isRunning = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) await next();
    this.#isRunning = false;
  }
}
