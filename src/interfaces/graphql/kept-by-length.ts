// What is costly to make, by name: compiled documents, and texts. Bounded by lengths that stand for the room that they take; those used last stay.
import type { JsonText } from "../../resources/operation.ts";
import type { CompiledDocument } from "./compile-document.ts";

export type DocumentCache = KeptByLength<CompiledDocument>;
export type TextCache = KeptByLength<JsonText>;

/** By roles and text. Trees are hundreds of times larger than their texts; what is not valid, or very long, is not kept. */
export function documentCache(lengthMax: number): DocumentCache {
  return new KeptByLength(lengthMax, (key, { errors }) => (errors.length === 0 && key.length <= lengthMax / 4 ? key.length : null));
}

/** But for what would take half of the room by itself. */
export function textCache(lengthMax: number): TextCache {
  return new KeptByLength(lengthMax, (key, { text }) => (key.length + text.length <= lengthMax / 2 ? key.length + text.length : null));
}

class KeptByLength<Made> {
  readonly #lengthMax: number;
  readonly #lengthOf: (key: string, made: Made) => number | null;
  readonly #kept = new Map<string, { readonly made: Made; readonly length: number }>();
  #length = 0;

  /** `lengthOf` null: it is not kept. */
  constructor(lengthMax: number, lengthOf: (key: string, made: Made) => number | null) {
    this.#lengthMax = lengthMax;
    this.#lengthOf = lengthOf;
  }

  get length(): number {
    return this.#length;
  }

  /** What is kept under `key`, else what `make` makes. */
  get(key: string, make: () => Made): Made {
    const known = this.#kept.get(key);
    if (known !== undefined) {
      // The end of the map is what was used last.
      this.#kept.delete(key);
      this.#kept.set(key, known);
      return known.made;
    }
    const made = make();
    const length = this.#lengthOf(key, made);
    if (length !== null) this.#keep(key, { made, length });
    return made;
  }

  #keep(key: string, entry: { readonly made: Made; readonly length: number }): void {
    this.#kept.set(key, entry);
    this.#length += entry.length;
    for (const [oldest, { length }] of this.#kept) {
      if (this.#length <= this.#lengthMax) break;
      this.#kept.delete(oldest);
      this.#length -= length;
    }
  }
}
