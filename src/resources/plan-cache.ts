// Keeps what was worked out for a query text and a set of roles, at most so many. What was used since the last round stays (clock algorithm).

interface Entry<Prepared> { readonly prepared: Prepared; used: boolean }

export class PlanCache<Prepared> {
  readonly #max: number;
  readonly #entries = new Map<string, Entry<Prepared>>();

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
      known.used = true;
      return known.prepared;
    }
    const prepared = build();
    if (this.#entries.size >= this.#max) this.#dropOne();
    this.#entries.set(key, { prepared, used: false });
    return prepared;
  }

  clear(): void {
    this.#entries.clear();
  }

  #dropOne(): void {
    for (const [key, entry] of this.#entries) {
      this.#entries.delete(key);
      if (!entry.used) return;
      entry.used = false;
      this.#entries.set(key, entry);
    }
  }
}
