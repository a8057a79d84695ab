// Documents as they were compiled, kept by roles and text. Bounded by the length of the texts: trees are hundreds of times larger. Those used
// last stay.
import type { CompiledDocument } from "./compile-document.ts";

export class DocumentCache {
  readonly #lengthMax: number;
  readonly #documents = new Map<string, CompiledDocument>();
  #length = 0;

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  get length(): number {
    return this.#length;
  }

  /** What is kept under `key`, else what `compile` makes; it is kept if it is valid, and not too long. */
  get(key: string, compile: () => CompiledDocument): CompiledDocument {
    const known = this.#documents.get(key);
    if (known !== undefined) {
      // The end of the map is what was used last.
      this.#documents.delete(key);
      this.#documents.set(key, known);
      return known;
    }
    const compiled = compile();
    if (compiled.errors.length === 0 && key.length <= this.#lengthMax / 4) this.#keep(key, compiled);
    return compiled;
  }

  #keep(key: string, compiled: CompiledDocument): void {
    this.#documents.set(key, compiled);
    this.#length += key.length;
    for (const oldest of this.#documents.keys()) {
      if (this.#length <= this.#lengthMax) break;
      this.#documents.delete(oldest);
      this.#length -= oldest.length;
    }
  }
}
