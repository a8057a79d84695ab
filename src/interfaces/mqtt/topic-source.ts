// What topics are to a connection: sources that can be followed, and a place to publish. Made anew by a reload.
import type { Identity } from "../../access/identity.ts";
import type { Limits } from "../../base/limits.ts";
import type { LiveSink, LiveSubscription } from "../../resources/live-frame.ts";
import type { Effect } from "../../resources/work.ts";
import type { PublishProperties } from "./packet-types.ts";
import type { TopicFilter } from "./topics.ts";

/** One query that stands behind a filter. */
export interface TopicSource {
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
  readonly requestId: string;
  /** Happens in the commit of what is published. */
  readonly effect: Effect;
}

/** What a connection needs of the app that is served. */
export interface MqttApp {
  readonly limits: Limits;
  readonly authenticator: { authenticate(credential: string | null): Identity | Promise<Identity> };
  /** Empty: nothing has such topics. Throws what refuses the caller. */
  sources(filter: TopicFilter, identity: Identity): readonly TopicSource[];
  /** Resolves when it is durable. Rejects with what refuses it. */
  publish(publication: Publication): Promise<void>;
}
