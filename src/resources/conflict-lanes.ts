// Transactions that met a conflict on a record run again one after the other, so that many on one hot record all come through.

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

  get size(): number {
    return this.#tails.size;
  }
}
