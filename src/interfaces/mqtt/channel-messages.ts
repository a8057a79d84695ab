// Messages of channels as MQTT messages: made once for all receivers, with what their sender said about them; those of one turn of the
// event loop as one piece of bytes, where everybody gets the same.
import type { ChannelMessage, MessageFrame } from "../../resources/channel-frame.ts";
import { Message, type MessageProperties } from "./message.ts";
import type { PublishProperties } from "./packet-types.ts";
import { topicText } from "./topics.ts";

/** Who published a message over MQTT, and how. */
export interface PublicationOrigin {
  /** The sender's session: it may not want to hear of it. */
  readonly sender: object;
  readonly qos: 0 | 1 | 2;
  readonly expiresAtMs: number | null;
}

export class PublishedOrigin {
  readonly origin: PublicationOrigin;
  readonly properties: MessageProperties | null;

  constructor(origin: PublicationOrigin, properties: PublishProperties | null) {
    this.origin = origin;
    this.properties = properties === null ? null : passedThrough(properties);
  }
}

const NOT_PASSED = new Set(["if-match", "if-none-match", "idempotency-key"]);

/** What was said to us alone is not passed on. */
function passedThrough({ payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties }: PublishProperties): MessageProperties | null {
  const users = Object.entries(userProperties ?? {}).filter(([name]) => !NOT_PASSED.has(name.toLowerCase()));
  const passed: MessageProperties = {
    ...(payloadFormatIndicator === undefined ? {} : { payloadFormatIndicator }), ...(contentType === undefined ? {} : { contentType }),
    ...(responseTopic === undefined ? {} : { responseTopic }), ...(correlationData === undefined ? {} : { correlationData: Buffer.from(correlationData) }),
    ...(users.length === 0 ? {} : { userProperties: Object.fromEntries(users) }),
  };
  return Object.keys(passed).length === 0 ? null : passed;
}

export function originOf({ origin }: ChannelMessage): PublishedOrigin | null {
  return origin instanceof PublishedOrigin ? origin : null;
}

const messages = new WeakMap<ChannelMessage, Message>();
const frames = new WeakMap<MessageFrame, { readonly isSimple: boolean; readonly bytes: (Buffer | null)[] }>();

/** `topics`: the first level. */
export function messageOf(told: ChannelMessage, topics: string): Message {
  let message = messages.get(told);
  if (message === undefined) {
    const published = originOf(told);
    messages.set(told, message = new Message({
      topic: topicText(topics, String(told.key)), payload: Buffer.from(told.text), properties: published?.properties ?? null, expiresAtMs: published?.origin.expiresAtMs ?? null,
    }));
  }
  return message;
}

/** All of the frame with QoS 0; null: each has to be looked at. */
export function frameBytes(frame: MessageFrame, topics: string, version: 4 | 5): Buffer | null {
  let known = frames.get(frame);
  if (known === undefined) frames.set(frame, known = { isSimple: frame.messages.every((told) => isSimple(messageOf(told, topics))), bytes: [null, null] });
  if (!known.isSimple) return null;
  const place = version - 4;
  return known.bytes[place] ??= Buffer.concat(frame.messages.map((told) => messageOf(told, topics).packet({ version, qos: 0, retain: false, isRepeated: false, packet: 0, identifier: null }, 0)));
}

/** The same bytes for everybody, at any time. */
function isSimple({ expiresAtMs, isSendable }: Message): boolean {
  return expiresAtMs === null && isSendable;
}
