// Messages under way as they stand in the data file, and back.
import { dateTimeOf, millisecondsOf } from "../../base/date-time.ts";
import type { MessageRow } from "../../resources/mqtt-sessions.ts";
import { Message, type MessageProperties } from "./message.ts";
import type { Flight } from "./outgoing.ts";

interface About {
  readonly retain: boolean;
  readonly identifier: number | null;
  /** Bytes are base64. */
  readonly properties: (Omit<MessageProperties, "correlationData"> & { readonly correlationData?: string }) | null;
}

export function storedForm({ message: { properties }, retain, identifier }: Pick<Flight, "message" | "retain" | "identifier">): { readonly about: string } {
  const { correlationData, ...others } = properties ?? {};
  const about: About = { retain, identifier, properties: properties === null ? null : { ...others, ...(correlationData === undefined ? {} : { correlationData: correlationData.toString("base64") }) } };
  return { about: JSON.stringify(about) };
}

export function rowOf(flight: Flight): MessageRow {
  const { message, packet, qos } = flight;
  const expires = message.expiresAtMs === null ? null : dateTimeOf(message.expiresAtMs);
  return { packet, qos, isReleased: false, topic: message.topic, payload: message.payload, expires, ...storedForm(flight) };
}

export function flightOf({ qos, isReleased, topic, payload, about, expires }: MessageRow, packet: number, isRepeated: boolean): Flight {
  const { retain = false, identifier = null } = JSON.parse(about) as Partial<About>;
  return { message: storedMessage({ topic, payload, about, expires }), qos: qos as 1 | 2, retain, identifier, packet, isStored: true, isRepeated, isReleased, told: null };
}

export function storedMessage({ topic, payload, about, expires }: Pick<MessageRow, "topic" | "payload" | "about" | "expires">): Message {
  const { properties = null } = JSON.parse(about) as Partial<About>;
  const { correlationData, ...others } = properties ?? {};
  return new Message({
    topic, payload, expiresAtMs: expires === null ? null : millisecondsOf(expires),
    properties: properties === null ? null : { ...others, ...(correlationData === undefined ? {} : { correlationData: Buffer.from(correlationData, "base64") }) },
  });
}
