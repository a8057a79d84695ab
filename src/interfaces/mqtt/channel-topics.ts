// Channels as topics: publishing on one, following it, and who may be told a message.
import type { Access } from "../../access/rights.ts";
import type { Identity } from "../../access/identity.ts";
import { AmbitError, fault } from "../../base/error.ts";
import type { Limits } from "../../base/limits.ts";
import type { Value } from "../../base/value.ts";
import type { ChannelMessage } from "../../resources/channel-frame.ts";
import type { ChannelHub, MessageKeeper } from "../../resources/channel-hub.ts";
import type { Operation, Result } from "../../resources/operation.ts";
import { keyOfText } from "../../resources/topic.ts";
import type { Catalog, Channel } from "../../schema/catalog.ts";
import { readIdempotency } from "../rest/idempotency-key.ts";
import { PublishedOrigin } from "./channel-messages.ts";
import { userProperty } from "./packet-types.ts";
import { inputOf } from "./record-topics.ts";
import type { ChannelSource, Publication } from "./topic-source.ts";
import type { TopicFilter, TopicName } from "./topics.ts";

export interface ChannelTopicsOptions {
  readonly catalog: Catalog;
  readonly limits: Limits;
  readonly access: Access;
  readonly dispatcher: { dispatch(operation: Operation): Result | Promise<Result>; readonly channels: ChannelHub };
}

export class ChannelTopics {
  readonly #options: ChannelTopicsOptions;
  readonly #channels = new Map<string, Channel>();

  constructor(options: ChannelTopicsOptions) {
    this.#options = options;
    for (const channel of options.catalog.channels.values()) {
      if (channel.exportName !== null && channel.exportOver.includes("MQTT")) this.#channels.set(channel.exportName, channel);
    }
  }

  has(name: string): boolean {
    return this.#channels.has(name);
  }

  /** What matches; of everything only what the caller may follow. Throws what refuses a named one. */
  sources({ name, key }: TopicFilter, identity: Identity): ChannelSource[] {
    const rights = this.#options.access.rights(identity);
    if (name !== null) {
      const channel = this.#channels.get(name);
      if (channel === undefined) return [];
      rights.requireChannel(channel.name, "SUBSCRIBE");
      return this.#sourceOf(channel, key, identity);
    }
    return [...this.#channels.values()].filter((channel) => rights.channel(channel.name).subscribe !== false).flatMap((channel) => this.#sourceOf(channel, key, identity));
  }

  /** At once where nothing has to be stored. */
  publish({ name, key: text }: TopicName, { payload, retain, identity, from, requestId, properties, effect, isOnce, origin }: Publication): void | Promise<void> {
    const channel = this.#channels.get(name)!;
    if (retain) throw fault("METHOD_NOT_ALLOWED", "Messages of a channel are not retained.", { fix: "Publish without the retain flag." });
    const { catalog, limits, dispatcher } = this.#options;
    const key = keyOfText(channel, text, catalog);
    const path = `/${encodeURIComponent(name)}/${encodeURIComponent(text)}`;
    const header = (wanted: string): string | null => userProperty(properties?.userProperties, wanted);
    const done = dispatcher.dispatch({
      body: { kind: "publish", channel: channel.name, key, input: inputOf(payload, limits), origin: new PublishedOrigin(origin, properties) },
      identity, ...(from === undefined ? {} : { from }), requestId, idempotency: readIdempotency({ header, limits, identity, method: "POST", path, query: "" }, payload), request: null, signal: null,
      // Without it nothing has to be stored, and the message is told at once.
      ...(isOnce ? { effect } : {}),
    });
    if (done instanceof Promise) return settled(done);
  }

  isVisible(message: ChannelMessage, identity: Identity): boolean {
    return this.#options.dispatcher.channels.isVisible(message, this.#options.access.rights(identity));
  }

  /** The same of one that was stored. */
  isKeptVisible(name: string, payload: Uint8Array, identity: Identity): boolean {
    return this.#options.dispatcher.channels.isTextVisible({ channel: this.#channels.get(name)!.name, text: Buffer.from(payload).toString() }, this.#options.access.rights(identity));
  }

  /** Null: it is not exported over MQTT. */
  nameOf(message: ChannelMessage): string | null {
    const channel = this.#options.catalog.channels.get(message.channel);
    return channel !== undefined && channel.exportName !== null && this.#channels.has(channel.exportName) ? channel.exportName : null;
  }

  onStore(keeper: MessageKeeper): () => void {
    return this.#options.dispatcher.channels.onStore(keeper);
  }

  #sourceOf(channel: Channel, text: string | null, identity: Identity): ChannelSource[] {
    let key: Value = null;
    try {
      if (text !== null) key = keyOfText(channel, text, this.#options.catalog);
    } catch (error) {
      if (error instanceof AmbitError) return [];
      throw error;
    }
    const name = channel.exportName!;
    const { access, dispatcher } = this.#options;
    return [{
      kind: "channel", name: text === null ? name : `${name}/${text}`, topics: name,
      tellNow: () => dispatcher.channels.tellNow(),
      follow: (sink) => dispatcher.channels.subscribe({ channel, key, resumed: false, connection: null }, access.rights(identity), sink),
    }];
  }
}

async function settled(work: Promise<unknown>): Promise<void> {
  await work;
}
