// /approvals: what waits for people, and what they say of it.
import { whenReady } from "../../base/when-ready.ts";
import type { Result } from "../../resources/operation.ts";
import type { Answer } from "../http/exchange.ts";
import { standingPage } from "./followed-rows.ts";
import { readArguments } from "./read-input.ts";
import { NEVER_STORED, textOf } from "./rest-answer.ts";
import type { RestRequest } from "./rest-request.ts";

/** `id` null: all that wait. */
export function answerApproval(request: RestRequest, id: string | null): Answer | Promise<Answer> {
  if (id === null) return whenReady(request.dispatch({ kind: "approval", ask: { do: "list", ...standingPage(request) } }, null), (result) => told(result, request));
  if (request.exchange.method !== "POST") return whenReady(request.dispatch({ kind: "approval", ask: { do: "find", id } }, null), (result) => told(result, request));
  return whenReady(readArguments(request.exchange), ({ input, bytes }) => whenReady(request.dispatch({ kind: "approval", ask: { do: "decide", id, input } }, bytes), (result) => told(result, request)));
}

function told({ body, nextCursor, replayed }: Result, { exchange }: RestRequest): Answer {
  const headers: Record<string, string> = { "content-type": "application/json", "cache-control": NEVER_STORED, ...(replayed ? { "idempotency-replayed": "true" } : {}) };
  if (nextCursor !== null) Object.assign(headers, { "ambit-next-cursor": nextCursor, "link": `<${exchange.path}?after=${nextCursor}>; rel="next"` });
  return { status: 200, headers, body: textOf(body) };
}
