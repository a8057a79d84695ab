// A filter that a client has subscribed to, with the sources behind it, and the way of their messages to the client: at once with QoS 0,
// through the session's window with QoS 1 and 2.
import type { AmbitError } from "../../base/error.ts";
import type { ChannelMessage } from "../../resources/channel-frame.ts";
import { ChannelFollowing } from "./channel-following.ts";
import { Following, type FollowingOwner, type Told } from "./following.ts";
import type { RecordMessage } from "./frame-messages.ts";
import type { Flight } from "./outgoing.ts";
import type { ChannelSource, RecordSource, TopicSource } from "./topic-source.ts";

export interface SubscriptionOptions {
  readonly qos: 0 | 1 | 2;
  /** What the client itself wrote is not told to it. */
  readonly noLocal: boolean;
  /** News are marked as retained. */
  readonly retainAsPublished: boolean;
  /** 0: begins with what is there; 1: only if it is new; 2: never. */
  readonly retainHandling: number;
  /** Null: none. */
  readonly identifier: number | null;
}

/** The session that it belongs to. */
export interface SubscriptionOwner {
  isFull(): boolean;
  /** QoS 0. */
  deliver(message: RecordMessage["message"], options: { readonly retain: boolean; readonly identifier: number | null }): void;
  fly(flights: readonly Flight[]): void;
  readonly version: 4 | 5;
  /** As in the origins of what the client publishes. */
  readonly self: object;
  /** False: it is nothing for this client in one piece. */
  deliverBytes(bytes: Uint8Array, count: number): boolean;
  /** What was stored of a message of a channel; null: messages are not stored. */
  readonly takeKept: ((message: ChannelMessage) => Flight | undefined) | null;
  dropped(): void;
  /** Null: messages are not stored. Else each gets its packet id, all stand in the data file and the position with them, and then they fly. */
  readonly keep: ((subscription: Subscription, flights: readonly Flight[], kept: () => void) => void) | null;
  /** Positions of it have moved. */
  moved(subscription: Subscription): void;
  /** What the client itself wrote there; null: nothing. */
  ownTopic(position: string): string | null;
  /** One of its sources let go, until there is room. */
  parked(): void;
  renew(): void;
  fail(error: AmbitError): void;
}

export class Subscription {
  readonly filter: string;
  readonly options: SubscriptionOptions;
  readonly #owner: SubscriptionOwner;
  readonly #followings = new Map<string, Following>();
  readonly #channels = new Map<string, ChannelFollowing>();
  #positions: Readonly<Record<string, string>>;

  /** `positions`: of its sources by name, as stored. */
  constructor(filter: string, options: SubscriptionOptions, owner: SubscriptionOwner, positions: Readonly<Record<string, string>> = {}) {
    this.filter = filter;
    this.options = options;
    this.#owner = owner;
    this.#positions = positions;
  }

  /** Follows these, going on where it was; others no longer. Held back until `release`. Answers how many records it begins with. Throws what following throws. */
  begin(sources: readonly TopicSource[], skipsFirst: boolean): number {
    const names = new Set(sources.map(({ name }) => name));
    for (const [name, following] of this.#channels) {
      if (names.has(name)) continue;
      following.stop();
      this.#channels.delete(name);
    }
    for (const [name, following] of this.#followings) {
      if (names.has(name)) continue;
      following.forgetAll();
      this.#followings.delete(name);
    }
    let count = 0;
    for (const source of sources) {
      if (source.kind === "channel") {
        let channel = this.#channels.get(source.name);
        if (channel === undefined) this.#channels.set(source.name, channel = this.#createChannel(source));
        channel.begin(source);
        continue;
      }
      let following = this.#followings.get(source.name);
      if (following === undefined) this.#followings.set(source.name, following = this.#create(source));
      count += following.begin(source, skipsFirst && following.acknowledged === null);
    }
    return count;
  }

  release(): void {
    for (const following of this.#followings.values()) following.release();
    for (const following of this.#channels.values()) following.release();
  }

  /** There is room again. */
  unpark(): void {
    for (const following of this.#followings.values()) {
      if (!this.#owner.isFull()) following.unpark();
      else if (following.isParked) this.#owner.parked();
    }
  }

  get isParked(): boolean {
    for (const { isParked } of this.#followings.values()) if (isParked) return true;
    return false;
  }

  pause(): void {
    for (const following of this.#followings.values()) following.pause();
    for (const following of this.#channels.values()) following.stop();
  }

  /** Takes the place of one with the same filter: what its client has is known. */
  replace(before: Subscription): void {
    for (const [name, following] of this.#followings) {
      const earlier = before.#followings.get(name);
      if (earlier !== undefined) following.inherit(earlier);
    }
    before.stop();
  }

  /** All of it from the beginning. */
  restart(): void {
    this.#positions = {};
    for (const following of this.#followings.values()) following.restart();
  }

  stop(): void {
    for (const following of this.#followings.values()) following.stop();
    for (const following of this.#channels.values()) following.stop();
  }

  /** What was acknowledged, or where it began, by source, as JSON. */
  positions(): string {
    const found: Record<string, string> = {};
    for (const [name, { kept }] of this.#followings) if (kept !== null) found[name] = kept;
    return JSON.stringify(found);
  }

  #createChannel(source: ChannelSource): ChannelFollowing {
    const owner = this.#owner;
    const { options } = this;
    return new ChannelFollowing(source, {
      options, self: owner.self,
      get version() { return owner.version; },
      get takeKept() { return owner.takeKept; },
      isFull: () => owner.isFull(),
      deliverBytes: (bytes, count) => owner.deliverBytes(bytes, count),
      deliver: (message) => owner.deliver(message, { retain: false, identifier: options.identifier }),
      fly: (flights) => owner.fly(flights),
      dropped: () => owner.dropped(),
      renew: () => owner.renew(),
      fail: (error) => owner.fail(error),
    });
  }

  #create(source: RecordSource): Following {
    const owner: FollowingOwner = {
      isFull: () => this.#owner.isFull(),
      moved: () => this.#owner.moved(this),
      parked: () => this.#owner.parked(),
      renew: () => this.#owner.renew(),
      fail: (error) => this.#owner.fail(error),
      send: (messages, isRetained, told) => this.#send(following, messages, isRetained, told),
    };
    const following = new Following(source, owner, this.#positions[source.name] ?? null);
    return following;
  }

  #send(following: Following, all: readonly RecordMessage[], isRetained: boolean, told: Told): void {
    const { qos, identifier, noLocal } = this.options;
    const retain = isRetained || this.options.retainAsPublished;
    const own = noLocal && !isRetained ? this.#owner.ownTopic(told.position) : null;
    const messages = own === null ? all : all.filter(({ message }) => message.topic !== own);
    told.left = messages.length;
    told.unsent = messages.length;
    if (messages.length === 0) return following.stored(told);
    if (qos === 0) {
      for (const { message } of messages) this.#owner.deliver(message, { retain, identifier });
      following.stored(told);
      return;
    }
    const { keep } = this.#owner;
    const isStored = keep !== null && qos === 2;
    const way = isStored ? null : { sent: () => { told.unsent--; }, arrived: () => following.arrived(told) };
    const flights = messages.map(({ message }): Flight => ({
      message, qos, retain, identifier, packet: 0, isStored, isRepeated: false, isReleased: false, told: way,
    }));
    if (!isStored) return this.#owner.fly(flights);
    told.unsent = 0;
    keep(this, flights, () => following.stored(told));
  }
}
