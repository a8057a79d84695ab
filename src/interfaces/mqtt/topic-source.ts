// What topics are to a connection: sources that can be followed, and a place to publish. Made anew by a reload.
import type { Identity } from "../../access/identity.ts";
import type { Sender } from "../../access/sender.ts";
import type { Limits } from "../../base/limits.ts";
import type { ChannelMessage, ChannelSink, ChannelSubscription } from "../../resources/channel-frame.ts";
import type { MessageKeeper } from "../../resources/channel-hub.ts";
import type { LiveSink, LiveSubscription } from "../../resources/live-frame.ts";
import type { Effect } from "../../resources/work.ts";
import type { PublicationOrigin } from "./channel-messages.ts";
import type { MessageFacts } from "./message.ts";
import type { PublishProperties } from "./packet-types.ts";
import type { TopicFilter } from "./topics.ts";

/** What stands behind a filter. */
export type TopicSource = RecordSource | ChannelSource;

export interface ChannelSource {
  readonly kind: "channel";
  readonly name: string;
  readonly topics: string;
  /** What was said so far is told before this returns. */
  tellNow(): void;
  /** Throws what following a channel throws. */
  follow(sink: ChannelSink): ChannelSubscription;
}

/** A query. */
export interface RecordSource {
  readonly kind: "records";
  /** Unique among the sources of all filters. */
  readonly name: string;
  /** The first level of its topics; the second is the record's key. */
  readonly topics: string;
  /** The field of a row that is its key. */
  readonly primaryKey: string;
  /** The first frames come before it returns. Throws what following a query throws. */
  follow(since: string | null, sink: LiveSink): LiveSubscription;
}

export interface Publication {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  readonly properties: PublishProperties | null;
  readonly identity: Identity;
  /** Absent: nobody is counted, as of what a client left to be published. */
  readonly from?: Sender;
  readonly requestId: string;
  /** Happens in the commit of what is published, if there is one; there is where it `isOnce`. */
  readonly effect: Effect;
  readonly isOnce: boolean;
  readonly origin: PublicationOrigin;
  /** To the client that has published, if it is still there. Absent: nobody waits for an answer. */
  reply?(message: MessageFacts): void;
}

/** What a connection needs of the app that is served. */
export interface MqttApp {
  /** Of its schema, in which the rules stand. */
  readonly version: string;
  readonly limits: Limits;
  readonly authenticator: { authenticate(credential: string | null, address?: string): Identity | Promise<Identity> };
  /** Empty: nothing has such topics. Throws what refuses the caller. */
  sources(filter: TopicFilter, identity: Identity): readonly TopicSource[];
  /** A client begins to follow; throws TOO_MANY_REQUESTS. */
  count?(filter: TopicFilter, from: Sender): void;
  /** A client was refused what it wants to follow. */
  refused?(error: unknown, from: Sender): void;
  /** At once where nothing has to be stored, else when it is durable. Throws, or rejects with, what refuses it. */
  publish(publication: Publication): void | Promise<void>;
  /** The first level of a channel's topics; null: it is not there over MQTT. */
  channelName(message: ChannelMessage): string | null;
  /** Whether the message may be told to this caller. */
  isVisible(message: ChannelMessage, identity: Identity): boolean;
  /** The same of one that was stored. `isOther`: for somebody with other rights, who is told records anew. */
  isKeptVisible(kept: { readonly topic: string; readonly payload: Uint8Array }, identity: Identity, isOther: boolean): boolean;
  /** Asked to store messages from now on; the answer ends it. */
  onStore(keeper: MessageKeeper): () => void;
}
