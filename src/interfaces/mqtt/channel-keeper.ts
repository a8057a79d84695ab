// Stores messages of channels for clients that are to miss none: those whose sessions are kept and that follow with QoS 1 or 2, whether they
// are there or not. Runs in the commit of what is published, so that what was acknowledged to its sender is not lost.
import type { Identity } from "../../access/identity.ts";
import { dateTimeOf } from "../../base/date-time.ts";
import type { ChannelMessage } from "../../resources/channel-frame.ts";
import type { MessageKeeper } from "../../resources/channel-hub.ts";
import type { MessageRow } from "../../resources/mqtt-sessions.ts";
import type { WriteSession } from "../../tables/write-session.ts";
import { messageOf, originOf } from "./channel-messages.ts";
import type { Flight } from "./outgoing.ts";
import { storedForm } from "./stored-message.ts";
import type { MqttApp } from "./topic-source.ts";
import type { TopicFilter } from "./topics.ts";

export interface KeptFilter { readonly filter: TopicFilter; readonly qos: 0 | 1 | 2; readonly noLocal: boolean; readonly identifier: number | null }

/** What a session, or a group that shares a subscription, wants to be kept. */
export interface Interest {
  readonly name: string;
  readonly identity: Identity;
  readonly filters: readonly KeptFilter[];
  /** The session, while its client is there: it is told what was stored. */
  readonly receiver: { nameKept(message: ChannelMessage): number | null; noteKept(message: ChannelMessage, flight: Flight): void } | null;
  /** As in origins. */
  readonly self: object;
  /** In the commit of what is published. False: too much waits already. */
  keep(writes: WriteSession, message: MessageRow): boolean;
}

export interface KeeperParts {
  app(): MqttApp;
  dropped(): void;
}

export class ChannelKeeper implements MessageKeeper {
  readonly #parts: KeeperParts;
  readonly #interests = new Map<string, Interest>();

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  set(interest: Interest): void {
    const filters = interest.filters.filter(({ qos, filter }) => qos > 0 && filter.group === null);
    if (filters.length === 0) this.#interests.delete(interest.name);
    else this.#interests.set(interest.name, { ...interest, filters });
  }

  remove(name: string): void {
    this.#interests.delete(name);
  }

  wants(message: ChannelMessage): boolean {
    if (this.#interests.size === 0) return false;
    for (const interest of this.#interests.values()) if (this.#match(interest, message) !== null) return true;
    return false;
  }

  store(writes: WriteSession, message: ChannelMessage): void {
    for (const interest of this.#interests.values()) {
      const found = this.#match(interest, message);
      if (found !== null) this.#keep(interest, found, message, writes);
    }
  }

  #keep({ receiver, keep }: Interest, { qos, identifier, topics }: Match, told: ChannelMessage, writes: WriteSession): void {
    const message = messageOf(told, topics);
    const packet = receiver?.nameKept(told) ?? null;
    const { about } = storedForm({ message, retain: false, identifier });
    const expires = message.expiresAtMs === null ? null : dateTimeOf(message.expiresAtMs);
    const isKept = keep(writes, { packet, qos, isReleased: false, topic: message.topic, payload: message.payload, about, expires });
    if (!isKept) return this.#parts.dropped();
    if (packet !== null) receiver!.noteKept(told, { message, qos, retain: false, identifier, packet, isStored: true, isRepeated: false, isReleased: false, told: null });
  }

  /** The highest QoS of its filters, with which it gets the message once; null: none matches. */
  #match({ filters, identity, self }: Interest, message: ChannelMessage): Match | null {
    const app = this.#parts.app();
    const topics = app.channelName(message);
    if (topics === null) return null;
    const origin = originOf(message)?.origin ?? null;
    const key = String(message.key);
    let found: { qos: 1 | 2; identifier: number | null } | null = null;
    for (const { filter, qos, noLocal, identifier } of filters) {
      if ((filter.name !== null && filter.name !== topics) || (filter.key !== null && filter.key !== key) || (noLocal && origin?.sender === self)) continue;
      const level = Math.min(qos, origin?.qos ?? 2);
      if (level > (found?.qos ?? 0)) found = { qos: level as 1 | 2, identifier };
    }
    return found !== null && app.isVisible(message, identity) ? { ...found, topics } : null;
  }
}

interface Match { readonly qos: 1 | 2; readonly identifier: number | null; readonly topics: string }
