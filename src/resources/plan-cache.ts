// Keeps what was worked out for a query text and a set of roles, at most so many; the least recently used goes first.

export class PlanCache<Prepared> {
  readonly #max: number;
  readonly #entries = new Map<string, Prepared>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** What is kept under `key`, else what `build` makes; a failure is not kept. */
  get(key: string, build: () => Prepared): Prepared {
    const known = this.#entries.get(key);
    if (known !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known;
    }
    const built = build();
    if (this.#entries.size >= this.#max) this.#entries.delete(this.#entries.keys().next().value!);
    this.#entries.set(key, built);
    return built;
  }

  clear(): void {
    this.#entries.clear();
  }
}
