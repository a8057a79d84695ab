// A bounded memory of what is true for a while only, by name. The oldest goes first.
import type { Clock } from "../base/clock.ts";

export class Remembered<Fact> {
  readonly #clock: Clock;
  readonly #facts = new Map<string, { readonly fact: Fact; readonly untilMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#facts.size;
  }

  /** Undefined: nothing is known, or not any more. */
  get(name: string): Fact | undefined {
    const known = this.#facts.get(name);
    if (known === undefined) return undefined;
    if (this.#clock.now() < known.untilMs) return known.fact;
    this.#facts.delete(name);
    return undefined;
  }

  /** For `forMs`, among at most `most`. */
  set(name: string, fact: Fact, { forMs, most }: { readonly forMs: number; readonly most: number }): void {
    this.#facts.delete(name);
    if (forMs <= 0 || most <= 0) return;
    while (this.#facts.size >= most) this.#facts.delete(this.#facts.keys().next().value!);
    this.#facts.set(name, { fact, untilMs: this.#clock.now() + forMs });
  }

  delete(name: string): void {
    this.#facts.delete(name);
  }

  /** All names that begin so. */
  deleteAll(prefix: string): void {
    for (const name of this.#facts.keys()) if (name.startsWith(prefix)) this.#facts.delete(name);
  }
}
