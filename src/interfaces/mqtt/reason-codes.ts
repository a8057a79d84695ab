// Reason codes of MQTT 5 and return codes of 3.1.1, and which of them says what a refusal of ours means.
import type { AmbitError } from "../../base/error.ts";

export const REASON = {
  success: 0x00, normal: 0x00, withWill: 0x04, noSubscription: 0x11, unspecified: 0x80, malformed: 0x81, protocol: 0x82, implementation: 0x83, version: 0x84,
  clientId: 0x85, credentials: 0x86, notAuthorized: 0x87, busy: 0x89, shuttingDown: 0x8b, authMethod: 0x8c, keepAlive: 0x8d, takenOver: 0x8e, filterInvalid: 0x8f,
  topicInvalid: 0x90, packetInUse: 0x91, packetUnknown: 0x92, receiveMaximum: 0x93, topicAlias: 0x94, packetTooLarge: 0x95, quota: 0x97, payload: 0x99, sharedRefused: 0x9e,
} as const;

/** Of 3.1.1, in CONNACK. */
export const RETURN = { accepted: 0, version: 1, clientId: 2, unavailable: 3, credentials: 4, notAuthorized: 5 } as const;

/** Of a publish or a subscription that was refused. */
export function reasonOf({ status }: AmbitError): number {
  switch (status) {
    case 401: case 403: return REASON.notAuthorized;
    case 404: return REASON.topicInvalid;
    case 400: case 415: return REASON.payload;
    case 413: case 429: case 503: case 507: return REASON.quota;
    case 405: case 406: case 409: case 412: case 422: return REASON.implementation;
    default: return REASON.unspecified;
  }
}

/** The same in SUBACK, where fewer are permitted. */
export function subscribeReason(error: AmbitError): number {
  if (error.code === "TOO_MANY_ROWS") return REASON.quota;
  const reason = reasonOf(error);
  return reason === REASON.topicInvalid || reason === REASON.payload ? REASON.filterInvalid : reason;
}

/** Of CONNACK in 3.1.1. */
export function returnOf(reason: number): number {
  switch (reason) {
    case REASON.version: return RETURN.version;
    case REASON.clientId: return RETURN.clientId;
    case REASON.credentials: case REASON.authMethod: return RETURN.credentials;
    case REASON.notAuthorized: return RETURN.notAuthorized;
    default: return RETURN.unavailable;
  }
}
