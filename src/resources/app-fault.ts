// The wall between app code and everybody else: what an app throws becomes its own problem, or an incident that says nothing.
import { AmbitError, fault } from "../base/error.ts";
import { describeError, type Log } from "../base/log.ts";
import { uuidv7, type Random } from "../base/random.ts";
import type { Clock } from "../base/clock.ts";
import type { Json } from "../base/value.ts";
import { withoutTexts } from "./redact-fields.ts";

export interface FaultParts { readonly log: Log; readonly clock: Clock; readonly random: Random; /** The client is told, too. */ readonly development: boolean }

/** Made by ctx.error: the app decided this answer, so it may be kept under an Idempotency-Key. */
const decidedByApp = new WeakSet<AmbitError>();

export function isDecidedByApp(error: unknown): boolean {
  return error instanceof AmbitError && decidedByApp.has(error);
}

/** `told` says the same as `error`, in another form. */
export function keepDecision(error: AmbitError, told: AmbitError): void {
  if (decidedByApp.has(error)) decidedByApp.add(told);
}

/** What ctx.error makes. A status outside 400 to 599 or a code of another shape is the app's mistake. */
export function appError(status: number, code: string, message: string, details?: unknown): AmbitError {
  if (!Number.isInteger(status) || status < 400 || status > 599) throw new TypeError(`ctx.error: the status must be 400 to 599, not ${status}`);
  if (typeof code !== "string" || !/^[A-Z][A-Z0-9_]{0,63}$/.test(code)) throw new TypeError("ctx.error: the code must be upper-case letters, digits and _");
  const error = new AmbitError(status, code, String(message), details === undefined ? {} : { details: plainJson(details) });
  decidedByApp.add(error);
  return error;
}

/** Logs the facts and answers only the incident's id; in development the reason as well. */
export function incident(
  code: "INTERNAL" | "INVALID_RESULT", message: string, facts: { readonly requestId: string; readonly body: string; readonly thrown: unknown; readonly details?: Json; /** What its message must not say. */ readonly hidden?: readonly string[] }, parts: FaultParts,
): AmbitError {
  const id = uuidv7(parts.clock, parts.random);
  const { requestId, body, thrown, details, hidden = [] } = facts;
  const { error, message: reason, stack } = describeError(thrown);
  parts.log.error("body-failed", { incident: id, code, requestId, body, ...(details === undefined ? {} : { details }), error, message: withoutTexts(reason, hidden), stack: withoutTexts(stack, hidden) });
  return fault(code, `${message} Incident ${id}.`, { details: { incident: id }, ...(parts.development ? { hint: reasonOf(body, thrown, details) } : {}) });
}

function reasonOf(body: string, thrown: unknown, details: Json | undefined): string {
  const reason = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : thrown === null ? JSON.stringify(details ?? null) : String(thrown);
  return `In ${body}: ${reason}`;
}

function plainJson(value: unknown): Json {
  try {
    return JSON.parse(JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? String(item) : item)) ?? "null") as Json;
  } catch {
    throw new TypeError("ctx.error: the details must be JSON");
  }
}
