// One message to be delivered, and the bytes of its PUBLISH packet: made once for all receivers of the same version and QoS, and shared.
import type { PublishProperties } from "./packet-types.ts";

/** What the sender said about it, passed through. */
export type MessageProperties = Pick<PublishProperties, "payloadFormatIndicator" | "contentType" | "responseTopic" | "correlationData" | "userProperties">;

export interface MessageFacts {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly properties?: MessageProperties | null;
  /** Milliseconds since the epoch; null: never. */
  readonly expiresAtMs?: number | null;
}

/** How one receiver gets it. */
export interface Delivery {
  readonly version: 4 | 5;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly isRepeated: boolean;
  /** With QoS 1 and 2. */
  readonly packet: number;
  /** Of its subscription; null: none. */
  readonly identifier: number | null;
}

const NO_BYTES = new Uint8Array(0);
const SHARED_MAX = 8;
const TOPIC_BYTES_MAX = 65_535;

export class Message {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly properties: MessageProperties | null;
  readonly expiresAtMs: number | null;
  readonly #topic: Buffer;
  #shared: Map<number, Buffer> | null = null;
  #properties: Buffer | null = null;

  constructor({ topic, payload, properties = null, expiresAtMs = null }: MessageFacts) {
    this.topic = topic;
    this.payload = payload;
    this.properties = properties;
    this.expiresAtMs = expiresAtMs;
    this.#topic = Buffer.from(topic);
  }

  /** No packet can hold a longer topic: such a record or key is not there over MQTT. */
  get isSendable(): boolean {
    return this.#topic.length <= TOPIC_BYTES_MAX;
  }

  /** About as much as it takes to keep it. */
  get bytes(): number {
    return this.payload.length + 2 * this.topic.length + 100;
  }

  /** `now`: in milliseconds. The bytes are shared: nobody may write into them. */
  packet(delivery: Delivery, now: number): Buffer {
    const { version, qos, retain, identifier } = delivery;
    if (qos > 0 || (version === 5 && this.expiresAtMs !== null)) return this.#encode(delivery, now);
    // Few receivers have other identifiers than the first eight.
    const key = (identifier ?? 0) * 4 + (version === 5 ? 2 : 0) + (retain ? 1 : 0);
    this.#shared ??= new Map();
    let bytes = this.#shared.get(key);
    if (bytes === undefined) {
      bytes = this.#encode(delivery, now);
      if (this.#shared.size < SHARED_MAX) this.#shared.set(key, bytes);
    }
    return bytes;
  }

  #encode({ version, qos, retain, isRepeated, packet, identifier }: Delivery, now: number): Buffer {
    const topic = this.#topic;
    const properties = version === 5 ? this.#propertyBytes(identifier, now) : NO_BYTES;
    const length = 2 + topic.length + (qos > 0 ? 2 : 0) + properties.length + this.payload.length;
    const bytes = Buffer.allocUnsafe(1 + varintLength(length) + length);
    bytes[0] = 0x30 | (isRepeated ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
    let at = writeVarint(bytes, length, 1);
    at = bytes.writeUInt16BE(topic.length, at);
    bytes.set(topic, at);
    at += topic.length;
    if (qos > 0) at = bytes.writeUInt16BE(packet, at);
    bytes.set(properties, at);
    bytes.set(this.payload, at + properties.length);
    return bytes;
  }

  #propertyBytes(identifier: number | null, now: number): Buffer {
    const parts: Buffer[] = [];
    if (this.expiresAtMs !== null) {
      const part = Buffer.from([0x02, 0, 0, 0, 0]);
      part.writeUInt32BE(Math.min(0xffff_ffff, Math.max(0, Math.ceil((this.expiresAtMs - now) / 1_000))), 1);
      parts.push(part);
    }
    if (identifier !== null) {
      const part = Buffer.alloc(1 + varintLength(identifier), 0x0b);
      writeVarint(part, identifier, 1);
      parts.push(part);
    }
    parts.push(this.#properties ??= passedThrough(this.properties ?? {}));
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const head = Buffer.alloc(varintLength(length));
    writeVarint(head, length, 0);
    return Buffer.concat([head, ...parts]);
  }
}

function passedThrough({ payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties }: MessageProperties): Buffer {
  const parts: Buffer[] = [];
  if (payloadFormatIndicator !== undefined) parts.push(Buffer.from([0x01, payloadFormatIndicator ? 1 : 0]));
  if (contentType !== undefined) parts.push(Buffer.from([0x03]), counted(contentType));
  if (responseTopic !== undefined) parts.push(Buffer.from([0x08]), counted(responseTopic));
  if (correlationData !== undefined) parts.push(Buffer.from([0x09]), counted(correlationData));
  for (const [name, values] of Object.entries(userProperties ?? {})) {
    for (const value of typeof values === "string" ? [values] : values) parts.push(Buffer.from([0x26]), counted(name), counted(value));
  }
  return Buffer.concat(parts);
}

function counted(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value as string);
  const head = Buffer.alloc(2);
  head.writeUInt16BE(bytes.length);
  return Buffer.concat([head, bytes]);
}

function varintLength(value: number): number {
  return value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4;
}

function writeVarint(bytes: Uint8Array, value: number, at: number): number {
  let left = value;
  let next = at;
  while (left > 127) {
    bytes[next++] = (left & 127) | 128;
    left >>= 7;
  }
  bytes[next++] = left;
  return next;
}
