// Many subscribers over raw TCP in one process: one of them reads every message, the others count bytes, which must be as many as its own.
import type { Socket } from "bun";
import type { Wire } from "./wires.ts";

const OPEN_AT_ONCE = 50;
const WAIT_MS = 20_000;

export class Crowd {
  readonly #wire: Wire;
  readonly #sockets: Socket<undefined>[] = [];
  /** By those who only count. */
  #bytes = 0;
  #sampleBytes = 0;
  #rest: Buffer = Buffer.alloc(0);
  #texts: string[] = [];
  #wake: (() => void) | null = null;
  #failure: Error | null = null;

  private constructor(wire: Wire) {
    this.#wire = wire;
  }

  static async open(port: number, count: number, wire: Wire): Promise<Crowd> {
    const crowd = new Crowd(wire);
    for (let start = 0; start < count; start += OPEN_AT_ONCE) {
      await Promise.all(Array.from({ length: Math.min(OPEN_AT_ONCE, count - start) }, (_, offset) => crowd.#open(port, start + offset === 0)));
    }
    return crowd;
  }

  get size(): number {
    return this.#sockets.length;
  }

  /** From the sampled one, so that it is in order with what it hears. */
  send(bytes: Buffer): void {
    this.#sockets[0]!.write(bytes);
  }

  /** Until all have what was sent since; answers what the sampled one has heard. */
  async heard(count: number): Promise<readonly string[]> {
    const deadline = performance.now() + WAIT_MS;
    while (this.#texts.length < count || this.#bytes < this.#sampleBytes * (this.#sockets.length - 1)) {
      if (this.#failure !== null) throw this.#failure;
      if (performance.now() > deadline) throw new Error(`messages are missing: ${this.#texts.length} of ${count}, ${this.#bytes} bytes of ${this.#sampleBytes * (this.#sockets.length - 1)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1_000);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    if (this.#texts.length > count || this.#bytes > this.#sampleBytes * (this.#sockets.length - 1)) throw new Error("more came than was sent");
    const texts = this.#texts;
    this.#texts = [];
    this.#bytes = 0;
    this.#sampleBytes = 0;
    return texts;
  }

  close(): void {
    for (const socket of this.#sockets) socket.terminate();
  }

  async #open(port: number, isSample: boolean): Promise<void> {
    let waiting: Buffer = Buffer.alloc(0);
    let wake: (() => void) | null = null;
    let isOpening = true;
    const socket = await Bun.connect<undefined>({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_socket, chunk) => {
          if (!isOpening) return isSample ? this.#sample(chunk) : this.#count(chunk.length);
          waiting = Buffer.concat([waiting, chunk]);
          wake?.();
        },
        close: () => wake?.(),
        error: (_socket, error) => { this.#failure = error; },
      },
    });
    for (const { send, answers } of this.#wire.opening) {
      socket.write(send);
      const deadline = performance.now() + WAIT_MS;
      for (let count = 0; count < answers;) {
        const piece = this.#wire.piece(waiting, 0);
        if (piece !== null) {
          this.#wire.messages(waiting.subarray(piece.start, piece.end));
          waiting = Buffer.from(waiting.subarray(piece.end));
          count++;
          continue;
        }
        if (performance.now() > deadline || socket.readyState <= 0) throw new Error("a connection was not accepted");
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, 1_000);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    }
    wake = null;
    isOpening = false;
    if (isSample) this.#sockets.unshift(socket);
    else this.#sockets.push(socket);
  }

  #sample(chunk: Buffer): void {
    this.#sampleBytes += chunk.length;
    this.#rest = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    let from = 0;
    for (;;) {
      const piece = this.#wire.piece(this.#rest, from);
      if (piece === null) break;
      this.#texts.push(...this.#wire.messages(this.#rest.subarray(piece.start, piece.end)));
      from = piece.end;
    }
    this.#rest = this.#rest.subarray(from);
    this.#signal();
  }

  #count(length: number): void {
    this.#bytes += length;
    if (this.#bytes >= this.#sampleBytes * (this.#sockets.length - 1)) this.#signal();
  }

  #signal(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
