// Transactions that met a conflict on a record run again one after the other, so that many on one hot record all come through. Who begins
// with a record that others wait for waits too, instead of running in vain.

export class ConflictLanes {
  readonly #tails = new Map<string, Promise<void>>();

  /** Resolves when everyone before has left the lane; call the answer to leave it. */
  async enter(lane: string): Promise<() => void> {
    const before = this.#tails.get(lane);
    let leave = (): void => {};
    const mine = new Promise<void>((resolve) => { leave = resolve; });
    this.#tails.set(lane, mine);
    await before;
    return () => {
      leave();
      if (this.#tails.get(lane) === mine) this.#tails.delete(lane);
    };
  }

  isBusy(lane: string): boolean {
    return this.#tails.has(lane);
  }

  get size(): number {
    return this.#tails.size;
  }
}

/** The lane that one transaction is in: one at a time, so that nobody waits in a circle. */
export class LanePlace {
  readonly #lanes: ConflictLanes;
  #leave: (() => void) | null = null;
  /** What it waits for now. */
  #coming: Promise<void> | null = null;
  /** Counts where it went: a turn in a lane that it does not wait for any more is given back. */
  #moves = 0;

  constructor(lanes: ConflictLanes) {
    this.#lanes = lanes;
  }

  /** Resolves when its turn has come in another lane than before. */
  async move(lane: string): Promise<void> {
    this.leave();
    await (this.#coming = this.#enter(lane, this.#moves));
  }

  /** Null: it need not wait, as nobody else does, or it stands in some lane already. */
  join(lane: string): Promise<void> | null {
    if (this.#coming !== null) return this.#coming;
    return this.#leave === null && this.#lanes.isBusy(lane) ? this.move(lane) : null;
  }

  /** Also the turn that may come later. */
  leave(): void {
    this.#moves++;
    this.#leave?.();
    this.#leave = null;
    this.#coming = null;
  }

  async #enter(lane: string, move: number): Promise<void> {
    const leave = await this.#lanes.enter(lane);
    if (move !== this.#moves) return leave();
    this.#coming = null;
    this.#leave = leave;
  }
}
