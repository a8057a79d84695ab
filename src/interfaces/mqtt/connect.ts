// CONNECT: who the client is, which session it means, and what is agreed on for this connection. Refused with a reason code.
import type { Identity } from "../../access/identity.ts";
import { AmbitError } from "../../base/error.ts";
import type { Limits } from "../../base/limits.ts";
import { withinTenant } from "../http/tenant-header.ts";
import type { ConnectPacket } from "./packet-types.ts";
import { packetBytes, userProperty } from "./packet-types.ts";
import { REASON, returnOf } from "./reason-codes.ts";
import type { MqttApp } from "./topic-source.ts";
import { readTopic } from "./topics.ts";
import { willOf, type Will } from "./will.ts";

export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly reason: number;
  constructor(reason: number, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What both sides keep to. */
export interface Agreement {
  readonly version: 4 | 5;
  readonly client: string;
  /** The client did not say who it is: it is told. */
  readonly isAssigned: boolean;
  readonly isClean: boolean;
  readonly expiryMs: number;
  /** 0: the client may be silent. */
  readonly keepAliveMs: number;
  /** That the client takes before it acknowledges one. */
  readonly window: number;
  readonly packetBytesMax: number;
  readonly explains: boolean;
  readonly will: Will | null;
}

const CLIENT_LENGTH_MAX = 256;
const NEVER_S = 0xffff_ffff;

/** Throws Refusal. */
export function agree(packet: ConnectPacket, limits: Limits, assigned: () => string): Agreement {
  const { protocolVersion, clientId = "", properties = {}, clean = false, keepalive = 0 } = packet;
  if (protocolVersion !== 4 && protocolVersion !== 5) throw new Refusal(REASON.version, "MQTT 3.1.1 and 5 are spoken here.");
  if (properties.authenticationMethod !== undefined) throw new Refusal(REASON.authMethod, "Send the token as password.");
  const isAssigned = clientId === "";
  if (clientId.length > CLIENT_LENGTH_MAX || /[\0\ufffd]/.test(clientId) || (isAssigned && protocolVersion === 4 && !clean)) throw new Refusal(REASON.clientId, "The client id is no text of 1 to 256 characters.");
  if (properties.receiveMaximum === 0 || properties.maximumPacketSize === 0) throw new Refusal(REASON.protocol, "Receive maximum and maximum packet size are at least 1.");
  const will = willOf(packet);
  if (will !== null && readTopic(will.topic) === null) throw new Refusal(REASON.topicInvalid, "The will has no topic of this app.");
  const wantedS = protocolVersion === 5 ? properties.sessionExpiryInterval ?? 0 : clean ? 0 : NEVER_S;
  return {
    version: protocolVersion, client: isAssigned ? assigned() : clientId, isAssigned, isClean: clean, will,
    expiryMs: Math.min(wantedS * 1_000, limits.mqttSessionMs), keepAliveMs: keepalive * 1_000,
    window: Math.min(properties.receiveMaximum ?? 65_535, limits.mqttInflight), packetBytesMax: properties.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    explains: properties.requestProblemInformation !== false,
  };
}

/** The password is the token; without one nobody is signed in. */
export async function identify({ password, properties }: ConnectPacket, app: MqttApp, address: string): Promise<{ readonly identity: Identity; readonly token: string | null }> {
  const token = password === undefined ? null : password.toString("utf8");
  try {
    return { token, identity: withinTenant(await app.authenticator.authenticate(token, address), (name) => userProperty(properties?.userProperties, name)) };
  } catch (error) {
    if (!(error instanceof AmbitError)) throw error;
    throw new Refusal(error.status === 401 ? REASON.credentials : error.status === 400 ? REASON.protocol : REASON.busy, error.message);
  }
}

export function welcome(agreement: Agreement, isPresent: boolean, limits: Limits): Uint8Array {
  const { version, client, isAssigned, expiryMs } = agreement;
  return packetBytes({
    cmd: "connack", sessionPresent: isPresent, ...(version === 4 ? { returnCode: 0 } : {
      reasonCode: REASON.success,
      properties: {
        sessionExpiryInterval: Math.floor(expiryMs / 1_000), receiveMaximum: Math.min(65_535, limits.mqttInflight), maximumPacketSize: limits.mqttPacketBytes,
        topicAliasMaximum: Math.min(65_535, limits.mqttTopicAliases), sharedSubscriptionAvailable: true, ...(isAssigned ? { assignedClientIdentifier: client } : {}),
      },
    }),
  }, version);
}

/** `version` of what the client spoke, as far as it is known. */
export function refusal({ reason, message }: Refusal, version: 4 | 5): Uint8Array {
  return packetBytes(version === 4
    ? { cmd: "connack", sessionPresent: false, returnCode: returnOf(reason) }
    : { cmd: "connack", sessionPresent: false, reasonCode: reason, properties: { reasonString: message } }, version);
}
