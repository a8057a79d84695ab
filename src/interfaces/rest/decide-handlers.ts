// /decide: which decisions there are, and one that is asked: the bare output, with the run and how it came to its end in headers.
import { fault } from "../../base/error.ts";
import { whenReady } from "../../base/when-ready.ts";
import type { Result } from "../../resources/operation.ts";
import type { Decision } from "../../schema/decision.ts";
import type { Answer } from "../http/exchange.ts";
import { readArguments } from "./read-input.ts";
import { NEVER_STORED, textOf } from "./rest-answer.ts";
import type { RestRequest } from "./rest-request.ts";

export function listDecisions(request: RestRequest): Answer | Promise<Answer> {
  return whenReady(request.dispatch({ kind: "decisions" }, null), ({ body }) => ({ status: 200, headers: { "content-type": "application/json", "cache-control": NEVER_STORED }, body: textOf(body) }));
}

export function decide(request: RestRequest, { callable }: Decision): Answer | Promise<Answer> {
  request.rights.requireCall(callable);
  return whenReady(readArguments(request.exchange), ({ input, bytes }) => {
    request.exchange.unhurried();
    const callback = callbackOf(request);
    return whenReady(request.dispatch({ kind: "decide", name: callable.name, input, isAsynchronous: request.preferences.respondAsync, ...(callback === null ? {} : { callback }) }, bytes), decisionAnswer);
  });
}

/** Whoever waits for the answer has it. */
function callbackOf({ exchange, preferences }: RestRequest): string | null {
  const address = exchange.header("ambit-callback");
  if (address !== null && !preferences.respondAsync) throw fault("VALIDATION_FAILED", "Who waits for the answer is not called back.", { where: "Ambit-Callback", fix: "Send Prefer: respond-async with it." });
  return address;
}

function decisionAnswer(result: Result): Answer {
  const { status, body, replayed, decision } = result;
  const headers: Record<string, string> = { "cache-control": NEVER_STORED, "content-type": status >= 400 ? "application/problem+json" : "application/json" };
  if (replayed) headers["idempotency-replayed"] = "true";
  if (decision !== undefined) {
    headers["ambit-run"] = decision.run;
    if (decision.source !== null) headers["ambit-source"] = decision.source;
    if (decision.reason !== null) headers["ambit-reason"] = decision.reason;
    if (decision.isUntrusted) headers["ambit-taint"] = "UNTRUSTED";
    if (status === 202) headers["location"] = `/runs/${decision.run}`;
    if (status === 202 && decision.state !== "AWAITING_APPROVAL") headers["preference-applied"] = "respond-async";
  }
  return { status, headers, body: textOf(body) };
}
