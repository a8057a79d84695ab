// What goes out to the sockets of all connections: gathered during a turn of the event loop, one write for each. Connections that are sent
// the same share the bytes of that write.
export interface SocketWire {
  /** Of the client; empty: not known. */
  readonly address: string;
  send(bytes: Uint8Array): void;
  /** Bytes that the client has not taken yet. */
  waiting(): number;
  /** Stops reading, as far as the socket can. */
  pause(): void;
  resume(): void;
  close(): void;
}

export class Outbox {
  readonly #wire: SocketWire;
  readonly #turn: OutboxTurn;
  readonly #onFlushed: () => void;
  #parts: Uint8Array[] = [];
  #bytes = 0;

  /** `onFlushed`: what there was is in the socket. */
  constructor(wire: SocketWire, turn: OutboxTurn, onFlushed: () => void) {
    this.#onFlushed = onFlushed;
    this.#wire = wire;
    this.#turn = turn;
  }

  /** In this turn and in the socket. */
  get waiting(): number {
    return this.#bytes + this.#wire.waiting();
  }

  add(bytes: Uint8Array): void {
    if (this.#parts.length === 0) this.#turn.add(this);
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
  }

  /** Now. `before`: what another one was sent. */
  flush(before: Joined | null = null): Joined | null {
    const parts = this.#parts;
    if (parts.length === 0) return before;
    this.#parts = [];
    this.#bytes = 0;
    const joined = before !== null && isSame(before.parts, parts) ? before : { parts, bytes: parts.length === 1 ? parts[0]! : Buffer.concat(parts) };
    this.#wire.send(joined.bytes);
    this.#onFlushed();
    return joined;
  }
}

interface Joined { readonly parts: readonly Uint8Array[]; readonly bytes: Uint8Array }

export class OutboxTurn {
  #boxes: Outbox[] = [];

  add(outbox: Outbox): void {
    this.#boxes.push(outbox);
    if (this.#boxes.length > 1) return;
    queueMicrotask(() => {
      const boxes = this.#boxes;
      this.#boxes = [];
      let joined: Joined | null = null;
      for (const box of boxes) joined = box.flush(joined);
    });
  }
}

function isSame(left: readonly Uint8Array[], right: readonly Uint8Array[]): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false;
  return true;
}
