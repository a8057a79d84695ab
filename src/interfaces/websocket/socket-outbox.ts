// What a connection sends, written once in each turn of the event loop, and how much of it the client has not taken yet.

/** What is needed of the socket itself. */
export interface Wire {
  send(text: string): void;
  /** Bytes that the client has not taken yet. */
  waiting(): number;
  /** All that `work` sends is one write. */
  together(work: () => void): void;
  /** Flushes when what runs now has run. */
  soon(outbox: Flushable): void;
  close(code: number, reason: string): void;
}

export interface Flushable { flush(): void }

/** Connections that have something to send: one step of the event loop for all. */
export class SocketTurn {
  #outboxes: Flushable[] = [];

  add(outbox: Flushable): void {
    if (this.#outboxes.push(outbox) === 1) queueMicrotask(() => this.#end());
  }

  #end(): void {
    const outboxes = this.#outboxes;
    this.#outboxes = [];
    for (const outbox of outboxes) outbox.flush();
  }
}

export class SocketOutbox {
  readonly #wire: Wire;
  readonly #hasRoom: () => void;
  #texts: string[] | null = null;
  #length = 0;
  #isClosed = false;
  /** Somebody waits for room. */
  isAwaited = false;

  /** `hasRoom`: called where it is awaited and the client took all at once; else the socket tells. */
  constructor(wire: Wire, hasRoom: () => void) {
    this.#wire = wire;
    this.#hasRoom = hasRoom;
  }

  /** About so many bytes. */
  get waiting(): number {
    return this.#length + this.#wire.waiting();
  }

  push(text: string): void {
    if (this.#isClosed) return;
    this.#length += text.length;
    if (this.#texts !== null) {
      this.#texts.push(text);
      return;
    }
    this.#texts = [text];
    this.#wire.soon(this);
  }

  flush(): void {
    const texts = this.#texts;
    if (texts === null || this.#isClosed) return;
    this.#texts = null;
    this.#length = 0;
    if (texts.length === 1) this.#wire.send(texts[0]!);
    else this.#wire.together(() => { for (const text of texts) this.#wire.send(text); });
    if (this.isAwaited && this.#wire.waiting() === 0) queueMicrotask(this.#hasRoom);
  }

  close(): void {
    this.#isClosed = true;
    this.#texts = null;
    this.#length = 0;
  }
}
