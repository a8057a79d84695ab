// What a client wants to be said if it goes without a word.
import type { ConnectPacket } from "./packet-types.ts";

export interface Will {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  readonly qos: 0 | 1 | 2;
  readonly delayMs: number;
  readonly properties: NonNullable<NonNullable<ConnectPacket["will"]>["properties"]> | null;
}

export function willOf({ will }: ConnectPacket): Will | null {
  if (will === undefined) return null;
  const { topic, payload, retain = false, qos = 0, properties = null } = will;
  return { topic, qos, payload: Buffer.from(payload as string), retain, delayMs: (properties?.willDelayInterval ?? 0) * 1_000, properties };
}
