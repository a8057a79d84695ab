// Messages of QoS 1 and 2 on their way to one client: packet ids, how many may be under way, what is sent again, and who is told when one
// has arrived. What must survive the process is stored before it is sent, by whoever adds it here.
import type { Message } from "./message.ts";

export interface Flight {
  readonly message: Message;
  readonly qos: 1 | 2;
  readonly retain: boolean;
  readonly identifier: number | null;
  /** 0: none yet; it gets one when it is sent. */
  packet: number;
  /** It stands in the data file, under its packet id. */
  readonly isStored: boolean;
  /** It has, or may have, been sent before. */
  isRepeated: boolean;
  /** The receiver has it: only PUBREL is sent again. */
  isReleased: boolean;
  /** Who is told when it is sent and when it has arrived; null: nobody. */
  readonly told: FlightTold | null;
  /** It goes to another member of its group if its receiver leaves. */
  readonly isShared?: true;
}

export interface FlightTold { sent(): void; arrived(): void }

export interface OutgoingOwner {
  /** It was stored, and will not be sent: nobody wants it any more. */
  expired(flight: Flight): void;
}

export interface OutgoingWire {
  /** False: it is nothing for this receiver, and counts as arrived. */
  publish(flight: Flight): boolean;
  release(packet: number): void;
}

const PACKET_MAX = 65_535;

export class Outgoing {
  readonly #owner: OutgoingOwner;
  readonly #flights = new Map<number, Flight>();
  /** Ids that wait or are under way. */
  readonly #used = new Set<number>();
  /** Packet ids of those that are stored, each of which is here once. */
  readonly #stored = new Set<number>();
  #waiting: Flight[] = [];
  #bytes = 0;
  #lastPacket = 0;
  #wire: OutgoingWire | null = null;
  #window = 0;
  #isHeld = false;

  constructor(owner: OutgoingOwner) {
    this.#owner = owner;
  }

  /** Packet ids that have a meaning. */
  get used(): ReadonlySet<number> {
    return this.#used;
  }

  /** Of what waits and is under way. */
  get bytes(): number {
    return this.#bytes;
  }

  get length(): number {
    return this.#waiting.length + this.#flights.size;
  }

  /** A client is there: what was under way is sent again, then what waits. */
  attach(wire: OutgoingWire, window: number): void {
    this.#wire = wire;
    this.#window = window;
    this.#isHeld = false;
    for (const flight of this.#flights.values()) {
      flight.isRepeated = true;
      if (flight.isReleased) wire.release(flight.packet);
      else if (!wire.publish(flight)) this.#expire(flight);
    }
    this.pump();
  }

  /** What was never sent is forgotten here, and so are what is stored, which is read again, and what is shared. Answers what of that was sent. */
  detach(): ReadonlySet<number> {
    this.#wire = null;
    const sentStored = new Set([...this.#flights.values()].filter(({ isStored }) => isStored).map(({ packet }) => packet));
    this.#waiting = [];
    for (const flight of this.#flights.values()) if (flight.isStored || flight.isShared === true) this.#flights.delete(flight.packet);
    this.#used.clear();
    this.#stored.clear();
    this.#bytes = 0;
    for (const { packet, message } of this.#flights.values()) {
      this.#used.add(packet);
      this.#bytes += message.bytes;
    }
    return sentStored;
  }

  /** Nothing is under way any more: the receiver is somebody else to us. */
  clear(): void {
    this.#waiting = [];
    this.#flights.clear();
    this.#used.clear();
    this.#stored.clear();
    this.#bytes = 0;
  }

  /** What has not been sent goes, where it is not to be sent any more. */
  sift(isKept: (flight: Flight) => boolean): void {
    const dropped = this.#waiting.filter((flight) => !flight.isReleased && !isKept(flight));
    const gone = new Set(dropped);
    this.#waiting = this.#waiting.filter((flight) => !gone.has(flight));
    for (const flight of dropped) {
      if (!flight.isStored) this.#used.delete(flight.packet);
      this.#stored.delete(flight.packet);
      this.#bytes -= flight.message.bytes;
      if (flight.isStored) this.#owner.expired(flight);
    }
  }

  /** An id that nothing has; to be used at once. Null: there is none. */
  takePacket(): number | null {
    if (this.#used.size >= PACKET_MAX) return null;
    do this.#lastPacket = this.#lastPacket === PACKET_MAX ? 1 : this.#lastPacket + 1; while (this.#used.has(this.#lastPacket));
    this.#used.add(this.#lastPacket);
    return this.#lastPacket;
  }

  /** They have a meaning, which is told later. */
  reserve(packets: readonly number[]): void {
    for (const packet of packets) this.#used.add(packet);
  }

  freePacket(packet: number): void {
    this.#used.delete(packet);
  }

  add(flight: Flight): void {
    if (flight.isStored && this.#stored.has(flight.packet)) return;
    if (flight.isStored) this.#stored.add(flight.packet);
    if (flight.packet > 0) this.#used.add(flight.packet);
    this.#bytes += flight.message.bytes;
    this.#waiting.push(flight);
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Nothing more is sent until it is known what may be. */
  hold(): void {
    this.#isHeld = true;
  }

  goOn(): void {
    this.#isHeld = false;
    this.pump();
  }

  /** Sends what may be sent. */
  pump(): void {
    let sent = 0;
    while (this.#wire !== null && !this.#isHeld && this.#flights.size < this.#window && sent < this.#waiting.length) {
      const flight = this.#waiting[sent]!;
      if (flight.packet === 0) {
        const packet = this.takePacket();
        if (packet === null) break;
        flight.packet = packet;
      }
      sent++;
      flight.told?.sent();
      this.#flights.set(flight.packet, flight);
      if (flight.isReleased) this.#wire.release(flight.packet);
      else if (!this.#wire.publish(flight)) this.#expire(flight);
    }
    if (sent > 0) this.#waiting = sent === this.#waiting.length ? [] : this.#waiting.slice(sent);
  }

  /** Of PUBACK, PUBREC and PUBCOMP; null: nothing of that name is under way. */
  find(packet: number): Flight | null {
    return this.#flights.get(packet) ?? null;
  }

  /** It has arrived for good. */
  finish(flight: Flight): void {
    this.#finish(flight);
    this.pump();
  }

  #expire(flight: Flight): void {
    this.#finish(flight);
    if (flight.isStored) this.#owner.expired(flight);
  }

  #finish(flight: Flight): void {
    if (this.#flights.get(flight.packet) !== flight) return;
    this.#flights.delete(flight.packet);
    // The id of one that is stored is free when that is forgotten.
    if (!flight.isStored) this.#used.delete(flight.packet);
    this.#stored.delete(flight.packet);
    this.#bytes -= flight.message.bytes;
    flight.told?.arrived();
  }
}
