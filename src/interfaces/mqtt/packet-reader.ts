// Bytes of a connection as packets: cut at their lengths here, so that none is ever gathered that is too long, and parsed by mqtt-packet.
import { parser, type Parser } from "mqtt-packet";
import type { Packet } from "./packet-types.ts";

/** The connection cannot go on: `tooLarge`, or the bytes are no packet. */
export class PacketFault extends Error {
  override readonly name = "PacketFault";
  readonly isTooLarge: boolean;
  constructor(message: string, isTooLarge = false) {
    super(message);
    this.isTooLarge = isTooLarge;
  }
}

const EMPTY = Buffer.alloc(0);
/** Only these may stand in a packet more than once. */
const REPEATABLE = new Set(["userProperties", "subscriptionIdentifier"]);

export class PacketReader {
  readonly #bytesMax: () => number;
  readonly #settings = { protocolVersion: 4 };
  readonly #parser: Parser;
  #packet: Packet | null = null;
  #failure: Error | null = null;
  #rest: Buffer = EMPTY;
  /** A packet that is not complete yet, as far as it has come: room for it grows with what comes, whatever length it claims. */
  #gathered: Buffer | null = null;
  #filled = 0;
  #wanted = 0;

  constructor(bytesMax: () => number) {
    this.#bytesMax = bytesMax;
    this.#parser = parser(this.#settings);
    this.#parser.on("packet", (packet) => { this.#packet = packet; });
    this.#parser.on("error", (error: unknown) => { this.#failure = error instanceof Error ? error : new Error("malformed"); });
  }

  set version(version: 4 | 5) {
    this.#settings.protocolVersion = version;
  }

  /** Not read yet. */
  get bytes(): number {
    return this.#gathered === null ? this.#rest.length : this.#filled;
  }

  add(chunk: Buffer): void {
    if (this.#gathered === null) {
      this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
      return;
    }
    const needed = this.#filled + chunk.length;
    if (needed > this.#gathered.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, Math.min(this.#wanted, 2 * this.#gathered.length)));
      this.#gathered.copy(larger, 0, 0, this.#filled);
      this.#gathered = larger;
    }
    chunk.copy(this.#gathered, this.#filled);
    this.#filled = needed;
    if (needed < this.#wanted) return;
    this.#rest = this.#gathered.subarray(0, needed);
    this.#gathered = null;
  }

  /** Null: more bytes are needed. Throws PacketFault. */
  next(): Packet | null {
    if (this.#gathered !== null) return null;
    const whole = this.#whole();
    if (whole === null) return null;
    const bytes = this.#rest.subarray(0, whole);
    this.#rest = this.#rest.length === whole ? EMPTY : this.#rest.subarray(whole);
    return this.#parse(bytes);
  }

  /** Length of the packet that the rest begins with; null: not all of it is there. */
  #whole(): number | null {
    const rest = this.#rest;
    let length = 0;
    for (let index = 1; index <= 4; index++) {
      if (index >= rest.length) return null;
      const byte = rest[index]!;
      length += (byte & 127) * 128 ** (index - 1);
      if (byte < 128) {
        const whole = 1 + index + length;
        if (whole > this.#bytesMax()) throw new PacketFault(`a packet of ${whole} bytes`, true);
        if (rest.length >= whole) return whole;
        this.#gathered = Buffer.from(rest);
        this.#filled = rest.length;
        this.#wanted = whole;
        this.#rest = EMPTY;
        return null;
      }
    }
    throw new PacketFault("a length of more than four bytes");
  }

  #parse(bytes: Buffer): Packet {
    this.#packet = null;
    this.#failure = null;
    let left = 0;
    try {
      left = this.#parser.parse(bytes);
    } catch (error) {
      // It reads beyond the end of some malformed packets.
      throw new PacketFault(error instanceof Error ? error.message : "malformed");
    }
    const packet = this.#packet as Packet | null;
    const failure = this.#failure as Error | null;
    if (failure !== null || packet === null || left > 0) throw new PacketFault(failure?.message ?? "malformed");
    refuseRepeated(packet);
    return packet;
  }
}

function refuseRepeated(packet: Packet): void {
  if (!("properties" in packet) || packet.properties === undefined) return;
  for (const [name, value] of Object.entries(packet.properties)) {
    if (Array.isArray(value) && !REPEATABLE.has(name)) throw new PacketFault(`${name} stands twice`);
    if (value === null || value === undefined || value === -1) throw new PacketFault(`${name} is cut off`);
  }
}
