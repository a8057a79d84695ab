// What waits for people, negotiations and commitments: pages of them, and as they are followed, as events or over a WebSocket. They are told by the same frames
// as a list.
import { fault } from "../../base/error.ts";
import { readCount } from "../../query/rest-parameters.ts";
import { urlPairs } from "../../query/url-pairs.ts";
import type { RowsQuestion } from "../../resources/decision-port.ts";
import type { LiveSink, LiveSubscription, ResetReason } from "../../resources/live-frame.ts";
import type { Answer } from "../http/exchange.ts";
import { LiveExchange } from "./live-exchange.ts";
import { streamed } from "./live-handlers.ts";
import { RestRequest } from "./rest-request.ts";

export interface RowsTold { readonly sink: LiveSink; readonly since: string | null; /** Why the subscriber must begin anew; null: it need not. */ readonly reset: ResetReason | null }

const LIMIT = 20;
const LIMIT_MAX = 100;

/** Throws what a read of the same throws. */
export function followRows({ parts: { rows }, exchange: { identity } }: RestRequest, ask: RowsQuestion, told: RowsTold): LiveSubscription {
  if (rows === undefined) throw fault("NOT_LIVE", "Nothing of this is followed here.");
  return rows.follow(ask, { identity, ...told });
}

/** The first of a list, as many as a page has at most. */
export function followPage(request: RestRequest, of: "approvals" | "commitments", told: RowsTold): LiveSubscription {
  const { after, limit } = standingPage(request, LIMIT_MAX);
  if (after !== null) throw fault("NOT_LIVE", "What is followed is followed from its beginning.", { where: "after", fix: "Leave after= out." });
  return followRows(request, { of, limit }, told);
}

export function answerRowEvents({ exchange, parts }: RestRequest, follow: (request: RestRequest, told: RowsTold) => LiveSubscription): Answer {
  const own = new LiveExchange(exchange);
  return streamed(exchange, parts, (sink) => follow(new RestRequest(own, parts), { sink, since: own.since, reset: null }));
}

/** Of lists that no query has. `most`: without `limit`. */
export function standingPage({ exchange }: RestRequest, most = LIMIT): { readonly limit: number; readonly after: string | null } {
  const given = new Map(urlPairs(exchange.query));
  for (const name of given.keys()) if (name !== "limit" && name !== "after") throw fault("MALFORMED_QUERY", `There is no parameter ${name} here.`, { where: name, fix: "?limit=20&after=ID" });
  const limit = given.has("limit") ? readCount(given.get("limit")!, "limit") : most;
  return { limit: Math.min(limit, LIMIT_MAX), after: given.get("after") ?? null };
}
