// Packets of MQTT as their parser gives them, by the names that are used here; and the way to write all but PUBLISH.
import { generate, type IConnectPacket, type IDisconnectPacket, type IPublishPacket, type ISubscribePacket, type ISubscription, type IUnsubscribePacket, type Packet, type UserProperties } from "mqtt-packet";

export type { IConnectPacket as ConnectPacket, IDisconnectPacket as DisconnectPacket, IPublishPacket as PublishPacket, ISubscribePacket as SubscribePacket, ISubscription as AskedSubscription, IUnsubscribePacket as UnsubscribePacket, Packet };
export type PublishProperties = NonNullable<IPublishPacket["properties"]>;
export type { UserProperties };

/** The version decides what a packet may hold. */
export function packetBytes(packet: Packet, version: 4 | 5): Buffer {
  return generate(packet, { protocolVersion: version });
}

/** The first value under a name, whatever its case; null: there is none. */
export function userProperty(properties: UserProperties | undefined, name: string): string | null {
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (key.toLowerCase() === name) return (typeof value === "string" ? value : value[0]) ?? null;
  }
  return null;
}
