// /approvals: what waits for people, what they say of it, and both as they go on.
import { fault } from "../../base/error.ts";
import { whenReady } from "../../base/when-ready.ts";
import { readCount } from "../../query/rest-parameters.ts";
import { urlPairs } from "../../query/url-pairs.ts";
import type { LiveSubscription } from "../../resources/live-frame.ts";
import type { Result } from "../../resources/operation.ts";
import type { Answer } from "../http/exchange.ts";
import { followRows, type RowsTold } from "./followed-rows.ts";
import { readArguments } from "./read-input.ts";
import { NEVER_STORED, textOf } from "./rest-answer.ts";
import type { RestRequest } from "./rest-request.ts";

const LIMIT = 20;
const LIMIT_MAX = 100;

/** `id` null: all that wait. */
export function answerApproval(request: RestRequest, id: string | null): Answer | Promise<Answer> {
  if (id === null) return whenReady(request.dispatch({ kind: "approval", ask: { do: "list", ...pageOf(request) } }, null), (result) => told(result, request));
  if (request.exchange.method !== "POST") return whenReady(request.dispatch({ kind: "approval", ask: { do: "find", id } }, null), (result) => told(result, request));
  return whenReady(readArguments(request.exchange), ({ input, bytes }) => whenReady(request.dispatch({ kind: "approval", ask: { do: "decide", id, input } }, bytes), (result) => told(result, request)));
}

/** The first that wait, so many of them, and what comes and goes. */
export function followApprovals(request: RestRequest, { sink, reset }: RowsTold): LiveSubscription {
  const { after, limit } = pageOf(request, LIMIT_MAX);
  if (after !== null) throw fault("NOT_LIVE", "What waits is followed from its beginning.", { where: "after", fix: "Leave after= out." });
  return followRows(request, { of: "approvals", limit }, { sink, reset });
}

function told({ body, nextCursor, replayed }: Result, { exchange }: RestRequest): Answer {
  const headers: Record<string, string> = { "content-type": "application/json", "cache-control": NEVER_STORED, ...(replayed ? { "idempotency-replayed": "true" } : {}) };
  if (nextCursor !== null) Object.assign(headers, { "ambit-next-cursor": nextCursor, "link": `<${exchange.path}?after=${nextCursor}>; rel="next"` });
  return { status: 200, headers, body: textOf(body) };
}

function pageOf({ exchange }: RestRequest, most = LIMIT): { readonly limit: number; readonly after: string | null } {
  const given = new Map(urlPairs(exchange.query));
  for (const name of given.keys()) if (name !== "limit" && name !== "after") throw fault("MALFORMED_QUERY", `There is no parameter ${name} here.`, { where: name, fix: "?limit=20&after=ID" });
  const limit = given.has("limit") ? readCount(given.get("limit")!, "limit") : most;
  return { limit: Math.min(limit, LIMIT_MAX), after: given.get("after") ?? null };
}
