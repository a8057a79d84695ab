// What a subscriber of a channel is told: messages, all of one turn of the event loop at once, and who is there. No wire types here.
import type { RecordValues, Value } from "../base/value.ts";
import type { LiveFrame, LiveSink, LiveSubscription } from "./live-frame.ts";

/** One object for all who get it, so that it is encoded once. */
export interface ChannelMessage {
  /** The type's name in the schema. */
  readonly channel: string;
  readonly key: Value;
  /** The message as JSON text. */
  readonly text: string;
  /** The same by field, for rules. */
  readonly values: RecordValues;
  /** Whatever the interface that published it wants to find again at its own sinks; nobody else looks at it. */
  readonly origin: object | null;
}

/** In the order in which they were published. */
export interface MessageFrame { readonly op: "message"; readonly messages: readonly ChannelMessage[] }

/** `snapshot` and `change` are about presence: `record` is `{connection, subject, state}`, `key` the connection. */
export type ChannelFrame = LiveFrame | MessageFrame;

/** As LiveSink; all messages of a turn come by one call. */
export interface ChannelSink extends Omit<LiveSink, "take"> {
  take(frame: ChannelFrame): void;
}

export interface ChannelSubscription extends LiveSubscription {
  /** As clients name it; null: it is not one topic. */
  readonly topic: string | null;
  /** Sets what others see of this connection, `state` as parsed from JSON; answers its entry as JSON text. Throws what is wrong with it. */
  setPresence(state: unknown): string;
}
