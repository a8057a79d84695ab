// What a connection sends, written once in each turn of the event loop, and how much of it the client has not taken yet.
import type { Wire } from "./socket-connection.ts";

export class SocketOutbox {
  readonly #wire: Wire;
  readonly #empty: () => void;
  #texts: string[] = [];
  #length = 0;
  #isScheduled = false;
  #isClosed = false;

  /** `empty`: called in a later turn where the client took all at once; else the socket tells that it has room. */
  constructor(wire: Wire, empty: () => void) {
    this.#wire = wire;
    this.#empty = empty;
  }

  /** About so many bytes. */
  get waiting(): number {
    return this.#length + this.#wire.waiting();
  }

  push(text: string): void {
    if (this.#isClosed) return;
    this.#texts.push(text);
    this.#length += text.length;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.flush());
  }

  flush(): void {
    this.#isScheduled = false;
    const texts = this.#texts;
    if (texts.length === 0 || this.#isClosed) return;
    this.#texts = [];
    this.#length = 0;
    this.#wire.together(() => { for (const text of texts) this.#wire.send(text); });
    if (this.#wire.waiting() === 0) queueMicrotask(this.#empty);
  }

  close(): void {
    this.#isClosed = true;
    this.#texts = [];
    this.#length = 0;
  }
}
