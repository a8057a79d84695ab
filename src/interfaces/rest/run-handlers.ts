// /runs/{id}: how a run of a decision or of a job stands, how it goes on as events, and its end before its time. /runs/{id}/trace: all that happened in a
// decision's.
import { fault } from "../../base/error.ts";
import type { LiveSubscription } from "../../resources/live-frame.ts";
import type { RunSink } from "../../resources/run-watch.ts";
import type { Answer } from "../http/exchange.ts";
import { RUN_DONE } from "./event-stream.ts";
import { streamed } from "./live-handlers.ts";
import { NEVER_STORED, noContent, textOf } from "./rest-answer.ts";
import type { RestRequest } from "./rest-request.ts";

export async function answerRun(request: RestRequest, id: string): Promise<Answer> {
  const cancels = ["DELETE", "POST"].includes(request.exchange.method);
  const bytes = cancels ? await request.exchange.body() : null;
  const { status, body } = await request.dispatch({ kind: "run", ask: { do: cancels ? "cancel" : "find", id } }, bytes);
  return { status, headers: { "content-type": "application/json", "cache-control": "private, no-store" }, body: textOf(body) };
}

/** A browser comes again whenever a stream ends; 204 tells it that there is nothing more. */
export function answerRunEvents(request: RestRequest, id: string): Answer {
  const { exchange, parts } = request;
  if (exchange.header("last-event-id") === RUN_DONE) return noContent({ "cache-control": NEVER_STORED });
  return streamed(exchange, parts, (sink) => followRunExchange(request, id, sink));
}

/** Throws NOT_FOUND for a run that the caller may not see. */
export function followRunExchange({ parts: { runs }, rights, exchange: { identity } }: RestRequest, id: string, sink: RunSink): LiveSubscription {
  if (runs === undefined) throw fault("NOT_FOUND", "There is no run with this id.");
  return runs.follow(id, { identity, rights }, sink);
}

export async function answerTrace(request: RestRequest, id: string): Promise<Answer> {
  const { status, body } = await request.dispatch({ kind: "run", ask: { do: "trace", id } }, null);
  return { status, headers: { "content-type": "application/json", "cache-control": "private, no-store" }, body: textOf(body) };
}
