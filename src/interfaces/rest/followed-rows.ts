// What waits for people, and a negotiation, as they are followed: as events, or over a WebSocket. They are told by the same frames as a list.
import { fault } from "../../base/error.ts";
import type { RowsQuestion } from "../../resources/decision-port.ts";
import type { LiveSink, LiveSubscription, ResetReason } from "../../resources/live-frame.ts";
import type { Answer } from "../http/exchange.ts";
import { LiveExchange } from "./live-exchange.ts";
import { streamed } from "./live-handlers.ts";
import { RestRequest } from "./rest-request.ts";

export interface RowsTold { readonly sink: LiveSink; /** Why the subscriber must begin anew; null: it need not. */ readonly reset: ResetReason | null }

/** Throws what a read of the same throws. */
export function followRows({ parts: { rows }, exchange: { identity } }: RestRequest, ask: RowsQuestion, told: RowsTold): LiveSubscription {
  if (rows === undefined) throw fault("NOT_LIVE", "Nothing of this is followed here.");
  return rows.follow(ask, { identity }, told);
}

/** Every stream begins with all rows: `since` and Last-Event-ID say nothing of them. */
export function answerRowEvents({ exchange, parts }: RestRequest, follow: (request: RestRequest, told: RowsTold) => LiveSubscription): Answer {
  const own = new RestRequest(new LiveExchange(exchange), parts);
  return streamed(exchange, parts, (sink) => follow(own, { sink, reset: null }));
}
