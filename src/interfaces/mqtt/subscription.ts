// A filter that a client has subscribed to, with the sources behind it, and the way of their messages to the client: at once with QoS 0,
// through the session's window with QoS 1 and 2.
import type { AmbitError } from "../../base/error.ts";
import { Following, type FollowingOwner, type Told } from "./following.ts";
import type { RecordMessage } from "./frame-messages.ts";
import type { Flight } from "./outgoing.ts";
import type { TopicSource } from "./topic-source.ts";

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
  /** Null: messages are not stored. Else each gets its packet id, all stand in the data file and the position with them, and then they fly. */
  readonly keep: ((subscription: Subscription, flights: readonly Flight[], kept: () => void) => void) | null;
  /** Positions of it have moved. */
  moved(subscription: Subscription): void;
  /** The client's own writes. */
  isOwn(position: string): boolean;
  renew(): void;
  fail(error: AmbitError): void;
}

export class Subscription {
  readonly filter: string;
  readonly options: SubscriptionOptions;
  readonly #owner: SubscriptionOwner;
  readonly #followings = new Map<string, Following>();
  readonly #positions: Readonly<Record<string, string>>;

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
    for (const [name, following] of this.#followings) {
      if (names.has(name)) continue;
      following.forgetAll();
      this.#followings.delete(name);
    }
    let count = 0;
    for (const source of sources) {
      let following = this.#followings.get(source.name);
      if (following === undefined) this.#followings.set(source.name, following = this.#create(source));
      count += following.begin(source, skipsFirst && following.acknowledged === null);
    }
    return count;
  }

  release(): void {
    for (const following of this.#followings.values()) following.release();
  }

  /** There is room again. */
  unpark(): void {
    for (const following of this.#followings.values()) {
      if (this.#owner.isFull()) return;
      following.unpark();
    }
  }

  get isParked(): boolean {
    for (const { isParked } of this.#followings.values()) if (isParked) return true;
    return false;
  }

  pause(): void {
    for (const following of this.#followings.values()) following.pause();
  }

  stop(): void {
    for (const following of this.#followings.values()) following.stop();
  }

  /** What was acknowledged, by source, as JSON. */
  positions(): string {
    const found: Record<string, string> = {};
    for (const [name, { acknowledged }] of this.#followings) if (acknowledged !== null) found[name] = acknowledged;
    return JSON.stringify(found);
  }

  #create(source: TopicSource): Following {
    const owner: FollowingOwner = {
      isFull: () => this.#owner.isFull(),
      moved: () => this.#owner.moved(this),
      renew: () => this.#owner.renew(),
      fail: (error) => this.#owner.fail(error),
      send: (messages, isRetained, told) => this.#send(following, messages, isRetained, told),
    };
    const following = new Following(source, owner, this.#positions[source.name] ?? null);
    return following;
  }

  #send(following: Following, messages: readonly RecordMessage[], isRetained: boolean, told: Told): void {
    const { qos, identifier, noLocal } = this.options;
    const retain = isRetained || this.options.retainAsPublished;
    if (noLocal && !isRetained && this.#owner.isOwn(told.position)) {
      following.stored(told);
      return;
    }
    if (qos === 0) {
      for (const { message } of messages) this.#owner.deliver(message, { retain, identifier });
      following.stored(told);
      return;
    }
    const { keep } = this.#owner;
    const isStored = keep !== null && qos === 2;
    const flights = messages.map(({ message }): Flight => ({
      message, qos, retain, identifier, packet: 0, isStored, isRepeated: false, isReleased: false,
      told: isStored ? null : { told, following },
    }));
    if (!isStored) return this.#owner.fly(flights);
    told.unsent = 0;
    keep(this, flights, () => following.stored(told));
  }
}
