// Messages that a client publishes: carried out one after the other for each topic, acknowledged in the order in which they came, and only
// when what they wrote is durable; one of QoS 2 is carried out once, however often it comes.
import { AmbitError, fault, toProblem } from "../../base/error.ts";
import { describeError, type Log } from "../../base/log.ts";
import { packetBytes, type PublishPacket } from "./packet-types.ts";
import { reasonOf } from "./reason-codes.ts";
import type { Session } from "./session.ts";
import type { Publication } from "./topic-source.ts";

export interface IncomingParts {
  readonly session: Session;
  readonly version: 4 | 5;
  /** Whether refusals say why. */
  readonly explains: boolean;
  readonly log: Log;
  requestId(): string;
  publish(publication: Omit<Publication, "identity">): Promise<void>;
  send(bytes: Uint8Array): void;
  /** 3.1.1 has no other way to refuse. */
  refuse(error: AmbitError): void;
  /** There may be room for more. */
  finished(): void;
}

interface Acknowledgement { bytes: Uint8Array | null }

export class Incoming {
  readonly #parts: IncomingParts;
  readonly #lanes = new Map<string, Promise<void>>();
  #acknowledgements: Acknowledgement[] = [];
  #running = 0;
  #unacknowledged = 0;

  constructor(parts: IncomingParts) {
    this.#parts = parts;
  }

  /** That are being carried out. */
  get running(): number {
    return this.#running;
  }

  /** Of QoS 1 and 2, as the client counts them. */
  get unacknowledged(): number {
    return this.#unacknowledged + this.#parts.session.received.size;
  }

  /** `topic`: as resolved from its alias. */
  take(packet: PublishPacket, topic: string): void {
    const { session } = this.#parts;
    const { qos, messageId = 0 } = packet;
    if (qos === 0) return void this.#inTurn(topic, () => this.#carryOut(packet, topic).catch((error: unknown) => this.#refused(error)));
    const slot: Acknowledgement = { bytes: null };
    this.#acknowledgements.push(slot);
    this.#unacknowledged++;
    if (qos === 2 && session.received.has(messageId)) return this.#acknowledge(slot, packet, null);
    const work = (qos === 2 ? session.underWay.get(messageId) : undefined) ?? this.#begin(packet, topic);
    work.then(() => this.#acknowledge(slot, packet, null), (error: unknown) => this.#acknowledge(slot, packet, this.#asRefusal(error)));
  }

  #begin(packet: PublishPacket, topic: string): Promise<void> {
    const { underWay } = this.#parts.session;
    const work = this.#inTurn(topic, () => this.#carryOut(packet, topic));
    if (packet.qos === 2) {
      underWay.set(packet.messageId!, work);
      const over = (): void => { underWay.delete(packet.messageId!); };
      work.then(over, over);
    }
    return work;
  }

  async #carryOut(packet: PublishPacket, topic: string): Promise<void> {
    const { session, publish, requestId } = this.#parts;
    const { qos, payload, retain, messageId = 0, properties = null } = packet;
    let isStored = false;
    await publish({
      topic, retain, properties, payload: Buffer.from(payload as Buffer), requestId: requestId(),
      effect: {
        store: (writes) => {
          isStored = true;
          session.noteOwn(writes.head + 1);
          if (qos === 2) session.storeReceived(messageId, writes);
        },
      },
    });
    if (qos === 2) await session.receive(messageId, isStored);
  }

  /** Behind others of its topic. */
  #inTurn(topic: string, run: () => Promise<void>): Promise<void> {
    this.#running++;
    const before = this.#lanes.get(topic);
    const work = before === undefined ? run() : before.then(run, run);
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
    this.#unacknowledged--;
    if (refusal !== null && version === 4) return refuse(refusal);
    slot.bytes = this.#bytes(packet, refusal);
    let ready = 0;
    while (ready < this.#acknowledgements.length && this.#acknowledgements[ready]!.bytes !== null) send(this.#acknowledgements[ready++]!.bytes!);
    if (ready > 0) this.#acknowledgements = this.#acknowledgements.slice(ready);
  }

  #bytes({ qos, messageId = 0 }: PublishPacket, refusal: AmbitError | null): Uint8Array {
    const { version, explains } = this.#parts;
    const cmd = qos === 1 ? "puback" : "pubrec";
    if (refusal === null) return Buffer.from([qos === 1 ? 0x40 : 0x50, 2, messageId >> 8, messageId & 255]);
    const problem = JSON.stringify(toProblem(refusal, this.#parts.requestId()));
    return packetBytes({ cmd, messageId, reasonCode: reasonOf(refusal), ...(explains ? { properties: { reasonString: refusal.message, userProperties: { problem } } } : {}) }, version);
  }

  /** QoS 0 is not answered; 3.1.1 is closed as for every refusal. */
  #refused(error: unknown): void {
    const refusal = this.#asRefusal(error);
    if (this.#parts.version === 4) this.#parts.refuse(refusal);
  }

  #asRefusal(error: unknown): AmbitError {
    if (error instanceof AmbitError) return error;
    this.#parts.log.error("incident-occurred", { interface: "mqtt", ...describeError(error) });
    return fault("INTERNAL", "Unexpected fault.");
  }
}

