// Every failure as the same problem object. What nobody expected says an incident id and nothing else; the log has the rest.
import { AmbitError, fault, toProblem } from "../../base/error.ts";
import { describeError, type Log } from "../../base/log.ts";
import type { Answer } from "./exchange.ts";

export interface ProblemContext {
  readonly requestId: string;
  readonly log: Log;
}

export function problemAnswer(thrown: unknown, context: ProblemContext): Answer {
  const error = thrown instanceof AmbitError ? thrown : unexpected(thrown, context);
  if (error.status >= 500 && thrown instanceof AmbitError && error.extras.cause !== undefined) {
    context.log.error("request-failed", { requestId: context.requestId, code: error.code, ...describeError(error.extras.cause) });
  }
  const headers: Record<string, string> = {
    "content-type": "application/problem+json",
    "cache-control": "private, no-store",
    ...error.extras.headers,
  };
  if (error.status === 401) headers["www-authenticate"] ??= error.code === "INVALID_TOKEN" ? 'Bearer realm="ambit", error="invalid_token"' : 'Bearer realm="ambit"';
  if (error.extras.retryAfterS !== undefined) headers["retry-after"] = String(Math.max(0, Math.ceil(error.extras.retryAfterS)));
  return { status: error.status, headers, body: JSON.stringify(toProblem(error, context.requestId)) };
}

/** The request id is the incident id: one thing to quote, one thing to look for. */
function unexpected(thrown: unknown, context: ProblemContext): AmbitError {
  context.log.error("incident-occurred", { requestId: context.requestId, incident: context.requestId, ...describeError(thrown) });
  return fault("INTERNAL", `Unexpected fault. Incident ${context.requestId}.`, { details: { incident: context.requestId } });
}
