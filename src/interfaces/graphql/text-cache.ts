// Texts that are costly to make, by name. Bounded by their length together; those used last stay.
import type { JsonText } from "../../resources/operation.ts";

export class TextCache {
  readonly #lengthMax: number;
  readonly #texts = new Map<string, JsonText>();
  #length = 0;

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  get length(): number {
    return this.#length;
  }

  /** What is kept under `key`, else what `make` makes; it is kept if it is not too long. */
  get(key: string, make: () => JsonText): JsonText {
    const known = this.#texts.get(key);
    if (known !== undefined) {
      // The end of the map is what was used last.
      this.#texts.delete(key);
      this.#texts.set(key, known);
      return known;
    }
    const made = make();
    const length = key.length + made.text.length;
    if (length > this.#lengthMax / 2) return made;
    this.#texts.set(key, made);
    this.#length += length;
    for (const [oldest, { text }] of this.#texts) {
      if (this.#length <= this.#lengthMax) break;
      this.#texts.delete(oldest);
      this.#length -= oldest.length + text.length;
    }
    return made;
  }
}
