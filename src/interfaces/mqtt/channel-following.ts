// One channel, or one topic of it, that a client follows by one of its filters. What is said while a client is away or slow is lost with
// QoS 0; with QoS 1 and 2 it waits for it in the data file, if its session is kept.
import type { AmbitError } from "../../base/error.ts";
import type { ChannelFrame, ChannelMessage, ChannelSink, ChannelSubscription, MessageFrame } from "../../resources/channel-frame.ts";
import { frameBytes, messageOf, originOf } from "./channel-messages.ts";
import type { Message } from "./message.ts";
import type { Flight } from "./outgoing.ts";
import type { SubscriptionOptions } from "./subscription.ts";
import type { ChannelSource } from "./topic-source.ts";

export interface ChannelFollowingOwner {
  readonly options: SubscriptionOptions;
  /** Of MQTT, as the client speaks it. */
  readonly version: 4 | 5;
  /** Who publishes as this object publishes for this client. */
  readonly self: object;
  isFull(): boolean;
  /** Ready packets of QoS 0. False: the client does not take so much in one piece. */
  deliverBytes(bytes: Uint8Array, count: number): boolean;
  deliver(message: Message): void;
  fly(flights: readonly Flight[]): void;
  /** Null: messages are not stored. Else what was stored of this one for the client; undefined: nothing, or it was taken already. */
  readonly takeKept: ((message: ChannelMessage) => Flight | undefined) | null;
  dropped(): void;
  renew(): void;
  fail(error: AmbitError): void;
}

export class ChannelFollowing implements ChannelSink {
  readonly #owner: ChannelFollowingOwner;
  #source: ChannelSource;
  #live: ChannelSubscription | null = null;
  #held: MessageFrame[] | null = null;

  constructor(source: ChannelSource, owner: ChannelFollowingOwner) {
    this.#source = source;
    this.#owner = owner;
  }

  begin(source: ChannelSource): void {
    this.#live?.close();
    this.#source = source;
    this.#held = [];
    this.#live = source.follow(this);
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const frame of held) this.#deliver(frame);
  }

  stop(): void {
    this.#live?.close();
    this.#live = null;
    this.#held = null;
  }

  take(frame: ChannelFrame): void {
    if (frame.op !== "message") return;
    if (this.#held === null) this.#deliver(frame);
    else this.#held.push(frame);
  }

  fail(error: AmbitError): void {
    this.#live = null;
    this.#owner.fail(error);
  }

  renew(): void {
    this.#live = null;
    this.#owner.renew();
  }

  #deliver(frame: MessageFrame): void {
    const { options, version } = this.#owner;
    if (options.qos === 0 && !options.noLocal && options.identifier === null && !this.#owner.isFull()) {
      const bytes = frameBytes(frame, this.#source.topics, version);
      if (bytes !== null && this.#owner.deliverBytes(bytes, frame.messages.length)) return;
    }
    for (const told of frame.messages) this.#tell(told);
  }

  #tell(told: ChannelMessage): void {
    const { options: { qos, noLocal, identifier }, takeKept } = this.#owner;
    const origin = originOf(told)?.origin ?? null;
    if (noLocal && origin?.sender === this.#owner.self) return;
    const message = messageOf(told, this.#source.topics);
    const level = Math.min(qos, origin?.qos ?? 2);
    if (level > 0 && takeKept !== null) {
      const kept = takeKept(told);
      return kept === undefined ? undefined : this.#owner.fly([kept]);
    }
    if (this.#owner.isFull()) return this.#owner.dropped();
    if (level === 0) return this.#owner.deliver(message);
    this.#owner.fly([{ message, qos: level as 1 | 2, retain: false, identifier, packet: 0, isStored: false, isRepeated: false, isReleased: false, told: null }]);
  }
}
