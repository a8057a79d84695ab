// One attempt to deliver a request of the outbox: its headers and signature, the call, and what its answer means. Writes nothing.
import { signStandard } from "../access/webhook-signature.ts";
import { AmbitError } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import type { OutgoingRequest } from "../resources/outgoing-request.ts";
import type { Delivery } from "../storage/outbox.ts";

export interface OutgoingCall {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  /** Of the answer's body; what comes after is not read. */
  readonly answerBytes: number;
}

export interface CallAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly truncated: boolean;
}

/** The port to the network. Follows no redirect. Rejects with OUTBOUND_REFUSED, with what the network says, or when `signal` aborts. */
export type CallOut = (call: OutgoingCall, signal: AbortSignal) => Promise<CallAnswer>;

export interface Attempt {
  readonly isDelivered: boolean;
  /** Repeating is of no use. */
  readonly isFinal: boolean;
  /** Whether the host as a whole works; null: it was not asked. */
  readonly isHealthy: boolean | null;
  /** What came back; null: nothing. */
  readonly answer: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string; readonly truncated: boolean } | null;
  readonly problem: string | null;
  /** The receiver's own wish. */
  readonly retryAfterMs: number | null;
}

export interface AttemptParts {
  readonly call: CallOut;
  /** To mail.url: whoever set it may call it. */
  readonly callMail: CallOut;
  readonly secrets: Readonly<Record<string, string>>;
  readonly mailUrl: string | null;
  readonly nowMs: number;
  readonly answerBytes: number;
  readonly headerBytes: number;
  readonly signal: AbortSignal;
}

const nothing = { isDelivered: false, isFinal: false, isHealthy: null, answer: null, retryAfterMs: null } as const;
const PROBLEM_LENGTH_MAX = 300;

export async function attemptDelivery(delivery: Delivery, request: OutgoingRequest, parts: AttemptParts): Promise<Attempt> {
  const target = request.url ?? parts.mailUrl;
  if (target === null) return { ...nothing, problem: "mail.url is not set" };
  const secret = [request.sign, request.bearer].find((name) => name !== null && (parts.secrets[name] ?? "") === "");
  if (secret !== undefined) return { ...nothing, problem: `the secret ${String(secret)} is not set` };
  const url = new URL(target);
  try {
    const call = request.url === null ? parts.callMail : parts.call;
    const answer = await call({ url: withoutUser(url), method: request.method, headers: headersOf(delivery, request, parts, url), body: delivery.body, answerBytes: parts.answerBytes }, parts.signal);
    return judge(answer, request, parts);
  } catch (error) {
    if (error instanceof AmbitError && error.code === "OUTBOUND_REFUSED") return { ...nothing, problem: error.message };
    return { ...nothing, isHealthy: false, problem: problemOf(error) };
  }
}

function headersOf(delivery: Delivery, request: OutgoingRequest, { secrets, nowMs }: AttemptParts, url: URL): Record<string, string> {
  const { traceparent } = delivery.sender as { readonly traceparent?: string };
  const headers: Record<string, string> = { "user-agent": "ambit", accept: "*/*", ...(traceparent === undefined ? {} : { traceparent }), ...request.headers, "idempotency-key": delivery.key };
  if (request.bearer !== null) headers["authorization"] = `Bearer ${secrets[request.bearer]!}`;
  else if (url.username !== "") headers["authorization"] = `Basic ${Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString("base64")}`;
  if (request.sign !== null) {
    const timestampS = Math.floor(nowMs / 1_000);
    headers["webhook-id"] = delivery.key;
    headers["webhook-timestamp"] = String(timestampS);
    headers["webhook-signature"] = signStandard({ id: delivery.key, timestampS, body: delivery.body ?? new Uint8Array() }, secrets[request.sign]!);
  }
  return headers;
}

/** Only mail.url may hold a name and a password. */
function withoutUser(url: URL): URL {
  const plain = new URL(url);
  plain.username = "";
  plain.password = "";
  return plain;
}

function judge({ status, headers, body, truncated }: CallAnswer, request: OutgoingRequest, { nowMs, headerBytes }: AttemptParts): Attempt {
  const answer = { status, headers: keptHeaders(headers, headerBytes), body: textOf(body), truncated };
  const isDelivered = status >= 200 && status < 300;
  return {
    isDelivered, isFinal: request.giveUpOn.includes(status), isHealthy: status < 500 && status !== 429, answer,
    problem: isDelivered ? null : status >= 300 && status < 400 ? `it answered ${status}; redirects are not followed` : `it answered ${status}`,
    retryAfterMs: isDelivered ? null : retryAfter(headers["retry-after"], nowMs),
  };
}

/** What no field could hold must not keep the app from being told. */
function textOf(body: Uint8Array): string {
  return new TextDecoder().decode(body).replaceAll("\0", "\ufffd");
}

/** The first of them, without cookies. */
function keptHeaders(headers: Readonly<Record<string, string>>, bytesMax: number): Record<string, string> {
  const kept: Record<string, string> = {};
  let bytes = 0;
  for (const [name, value] of Object.entries(headers)) {
    bytes += name.length + value.length;
    if (bytes > bytesMax) break;
    if (name !== "set-cookie") kept[name] = value;
  }
  return kept;
}

/** Seconds, or a date. */
function retryAfter(text: string | undefined, nowMs: number): number | null {
  if (text === undefined) return null;
  if (/^[0-9]{1,9}$/.test(text)) return Number(text) * 1_000;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}

/** It is logged, and a URL may hold a secret. */
function problemOf(error: unknown): string {
  const text = error instanceof Error ? `${(error as { code?: unknown }).code ?? error.name}: ${error.message}` : String(error);
  return text.replace(/ For more information, pass .*$/s, "").replace(/["']?\bhttps?:\/\/[^\s"']*["']?/gi, "its URL").slice(0, PROBLEM_LENGTH_MAX);
}

/** What the endpoint of `then` is told, and administration shows. */
export function answerJson({ isDelivered, answer, problem }: Attempt, attempts: number): Json {
  return { delivered: isDelivered, attempts, status: answer?.status ?? null, headers: { ...answer?.headers }, body: answer?.body ?? null, truncated: answer?.truncated ?? false, problem };
}
