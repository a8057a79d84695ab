// Messages of the protocol graphql-transport-ws: what a client may send, read strictly, and what it is told.
import { parseStrictJson } from "../http/strict-json.ts";

export const SUBPROTOCOL = "graphql-transport-ws";

export type ClientMessage =
  | { readonly type: "connection_init"; readonly payload: Readonly<Record<string, unknown>> }
  | { readonly type: "ping" | "pong"; readonly payload: unknown }
  /** `payload`: a request, not looked at yet. */
  | { readonly type: "subscribe"; readonly id: string; readonly payload: unknown }
  | { readonly type: "complete"; readonly id: string };

/** Why a connection ends, as the protocol has it. */
export const CLOSE_CODES = { badRequest: 4400, unauthorized: 4401, forbidden: 4403, subprotocolNotAcceptable: 4406, initialisationTimeout: 4408, subscriberExists: 4409, tooManyInitialisations: 4429 } as const;

const ID_LENGTH_MAX = 100;

/** Null: not a message of this protocol. */
export function readMessage(text: string, depthMax: number): ClientMessage | null {
  let message: unknown;
  try {
    message = parseStrictJson(text, depthMax);
  } catch {
    return null;
  }
  if (!isObject(message)) return null;
  const { type, id, payload } = message;
  switch (type) {
    case "connection_init": return payload === undefined || payload === null ? { type, payload: {} } : isObject(payload) ? { type, payload } : null;
    case "ping": case "pong": return payload === undefined || payload === null || isObject(payload) ? { type, payload: payload ?? null } : null;
    case "subscribe": return isId(id) && isObject(payload) ? { type, id, payload } : null;
    case "complete": return isId(id) ? { type, id } : null;
    default: return null;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= ID_LENGTH_MAX;
}

export const ACKNOWLEDGED = "{\"type\":\"connection_ack\"}";

/** `result`: JSON of an execution result. */
export function nextText(id: string, result: string): string {
  return `{"id":${JSON.stringify(id)},"type":"next","payload":${result}}`;
}

/** `errors`: JSON of a list. */
export function errorText(id: string, errors: string): string {
  return `{"id":${JSON.stringify(id)},"type":"error","payload":${errors}}`;
}

export function completeText(id: string): string {
  return `{"id":${JSON.stringify(id)},"type":"complete"}`;
}

export function pongText(payload: unknown): string {
  return payload === null ? "{\"type\":\"pong\"}" : `{"type":"pong","payload":${JSON.stringify(payload, (_key, item: unknown) => (typeof item === "bigint" ? Number(item) : item))}}`;
}
