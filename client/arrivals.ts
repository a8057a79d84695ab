// Turns what is told into an async iterator. Bounded: of states the last one counts, of messages the oldest are left out and counted.

export class Arrivals<Item> {
  readonly #most: number;
  #items: Item[] = [];
  #wake: (() => void)[] = [];
  #isOver = false;
  #error: Error | null = null;

  constructor(most: number) {
    this.#most = most;
  }

  add(item: Item): void {
    this.#items.push(item);
    if (this.#items.length > this.#most) this.#items.shift();
    this.#signal();
  }

  end(error: Error | null): void {
    this.#isOver = true;
    this.#error = error;
    this.#signal();
  }

  async *iterate(leave: () => void): AsyncGenerator<Item, void, undefined> {
    try {
      for (;;) {
        while (this.#items.length > 0) yield this.#items.shift()!;
        if (this.#error !== null) throw this.#error;
        if (this.#isOver) return;
        await new Promise<void>((resolve) => { this.#wake.push(resolve); });
      }
    } finally {
      leave();
    }
  }

  #signal(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}
