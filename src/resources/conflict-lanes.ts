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
  #isOver = false;

  constructor(lanes: ConflictLanes) {
    this.#lanes = lanes;
  }

  /** Resolves when its turn has come in another lane than before. */
  async move(lane: string): Promise<void> {
    this.#leave?.();
    this.#leave = null;
    const leave = await this.#lanes.enter(lane);
    if (this.#isOver) leave();
    else this.#leave = leave;
  }

  /** Null: it need not wait, as nobody else does, or it stands in some lane already. */
  join(lane: string): Promise<void> | null {
    return this.#leave === null && this.#lanes.isBusy(lane) ? this.move(lane) : null;
  }

  /** For good; a turn that comes later is given back. */
  leave(): void {
    this.#isOver = true;
    this.#leave?.();
    this.#leave = null;
  }
}
