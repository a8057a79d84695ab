// Messages that a client publishes: carried out one after the other for each topic, acknowledged in the order in which they came, and only
// when what they wrote is durable; one of QoS 2 is carried out once, however often it comes.
import { AmbitError, fault, toProblem } from "../../base/error.ts";
import type { Clock } from "../../base/clock.ts";
import { describeError, type Log } from "../../base/log.ts";
import { packetBytes, type PublishPacket } from "./packet-types.ts";
import { reasonOf } from "./reason-codes.ts";
import type { Session } from "./session.ts";
import type { Publication } from "./topic-source.ts";
import { readTopic, topicText } from "./topics.ts";

export interface IncomingParts {
  readonly session: Session;
  readonly version: 4 | 5;
  /** Whether refusals say why. */
  readonly explains: boolean;
  /** The client takes no larger packet. */
  readonly packetBytesMax: number;
  readonly log: Log;
  readonly clock: Clock;
  requestId(): string;
  publish(publication: Omit<Publication, "identity" | "reply">): void | Promise<void>;
  send(bytes: Uint8Array): void;
  /** 3.1.1 has no other way to refuse. */
  refuse(error: AmbitError): void;
  /** There may be room for more. */
  finished(): void;
}

/** A text of the wire. */
const PROPERTY_BYTES_MAX = 65_535;

interface Acknowledgement { bytes: Uint8Array | null }

export class Incoming {
  readonly #parts: IncomingParts;
  readonly #lanes = new Map<string, Promise<void>>();
  #acknowledgements: Acknowledgement[] = [];
  #running = 0;
  /** Packet ids that have not been answered. */
  readonly #open = new Set<number>();

  constructor(parts: IncomingParts) {
    this.#parts = parts;
  }

  /** That are being carried out. */
  get running(): number {
    return this.#running;
  }

  /** Of QoS 1 and 2, as the client counts them. */
  get unacknowledged(): number {
    let count = this.#open.size;
    for (const packet of this.#parts.session.received) if (!this.#open.has(packet)) count++;
    return count;
  }

  /** `topic`: as resolved from its alias. */
  take(packet: PublishPacket, topic: string): void {
    const { session } = this.#parts;
    const { qos, messageId = 0 } = packet;
    if (qos === 0) return this.#settle(() => this.#inTurn(topic, () => this.#carryOut(packet, topic)), (refusal) => this.#unanswered(refusal));
    const slot: Acknowledgement = { bytes: null };
    this.#acknowledgements.push(slot);
    this.#open.add(messageId);
    const answer = (refusal: AmbitError | null): void => this.#acknowledge(slot, packet, refusal);
    if (qos === 2 && session.received.has(messageId)) return answer(null);
    this.#settle(() => (qos === 2 ? session.underWay.get(messageId) : undefined) ?? this.#begin(packet, topic), answer);
  }

  /** At once where the work is done at once. */
  #settle(work: () => void | Promise<void>, answer: (refusal: AmbitError | null) => void): void {
    let going: void | Promise<void>;
    try {
      going = work();
    } catch (error) {
      return answer(this.#asRefusal(error));
    }
    if (going instanceof Promise) going.then(() => answer(null), (error: unknown) => answer(this.#asRefusal(error)));
    else answer(null);
  }

  #begin(packet: PublishPacket, topic: string): void | Promise<void> {
    const { underWay } = this.#parts.session;
    const work = this.#inTurn(topic, () => this.#carryOut(packet, topic));
    if (packet.qos === 2 && work instanceof Promise) {
      underWay.set(packet.messageId!, work);
      const over = (): void => { underWay.delete(packet.messageId!); };
      work.then(over, over);
    }
    return work;
  }

  #carryOut(packet: PublishPacket, topic: string): void | Promise<void> {
    const { session, publish, requestId, clock } = this.#parts;
    const { qos, payload, retain, messageId = 0, properties = null } = packet;
    const expiryS = properties?.messageExpiryInterval;
    let isStored = false;
    const own = readTopic(topic);
    const done = publish({
      topic, retain, properties, payload: payload as Buffer, requestId: requestId(), isOnce: qos === 2 && session.isStored,
      origin: { sender: session.self, qos, expiresAtMs: expiryS === undefined ? null : clock.now() + expiryS * 1_000 },
      effect: {
        store: (writes) => {
          isStored = true;
          // What is refused here writes nothing: its position is somebody else's, and so is that of what changes nothing.
          writes.flush();
          if (own !== null && writes.changes.length > 0) session.noteOwn(writes.head + 1, topicText(own.name, own.key));
          if (qos === 2) session.storeReceived(messageId, writes);
        },
      },
    });
    if (qos < 2) return done;
    return done instanceof Promise ? done.then(() => session.receive(messageId, isStored)) : session.receive(messageId, isStored);
  }

  /** Behind others of its topic. */
  #inTurn(topic: string, run: () => void | Promise<void>): void | Promise<void> {
    const before = this.#lanes.get(topic);
    const work = before === undefined ? run() : before.then(run, run);
    if (!(work instanceof Promise)) return;
    this.#running++;
    this.#lanes.set(topic, work);
    const over = (): void => {
      this.#running--;
      if (this.#lanes.get(topic) === work) this.#lanes.delete(topic);
      this.#parts.finished();
    };
    work.then(over, over);
    return work;
  }

  #acknowledge(slot: Acknowledgement, packet: PublishPacket, refusal: AmbitError | null): void {
    const { version, send, refuse } = this.#parts;
    this.#open.delete(packet.messageId ?? 0);
    if (refusal !== null && version === 4) return refuse(refusal);
    slot.bytes = this.#bytes(packet, refusal);
    let ready = 0;
    while (ready < this.#acknowledgements.length && this.#acknowledgements[ready]!.bytes !== null) send(this.#acknowledgements[ready++]!.bytes!);
    if (ready > 0) this.#acknowledgements = this.#acknowledgements.slice(ready);
  }

  #bytes({ qos, messageId = 0 }: PublishPacket, refusal: AmbitError | null): Uint8Array {
    const { version, explains, packetBytesMax } = this.#parts;
    const cmd = qos === 1 ? "puback" : "pubrec";
    if (refusal === null) return Buffer.from([qos === 1 ? 0x40 : 0x50, 2, messageId >> 8, messageId & 255]);
    const problem = JSON.stringify(toProblem(refusal, this.#parts.requestId()));
    const reasonCode = reasonOf(refusal);
    const bare = packetBytes({ cmd, messageId, reasonCode }, version);
    if (!explains || Buffer.byteLength(problem) > PROPERTY_BYTES_MAX) return bare;
    const bytes = packetBytes({ cmd, messageId, reasonCode, properties: { reasonString: refusal.message, userProperties: { problem } } }, version);
    return bytes.length > packetBytesMax ? bare : bytes;
  }

  /** QoS 0 is not answered; 3.1.1 is closed as for every refusal. */
  #unanswered(refusal: AmbitError | null): void {
    if (refusal !== null && this.#parts.version === 4) this.#parts.refuse(refusal);
  }

  #asRefusal(error: unknown): AmbitError {
    if (error instanceof AmbitError) return error;
    this.#parts.log.error("incident-occurred", { interface: "mqtt", ...describeError(error) });
    return fault("INTERNAL", "Unexpected fault.");
  }
}

