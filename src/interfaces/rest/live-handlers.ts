// GET with Accept: text/event-stream, and the queries that a WebSocket follows: the same list or record, told on as it changes.
import { fault } from "../../base/error.ts";
import type { Table } from "../../schema/catalog.ts";
import type { LiveSubscription, ResetReason } from "../../resources/live-frame.ts";
import type { LiveQueries, LiveRequest } from "../../resources/live-queries.ts";
import { readAccept } from "../http/accept.ts";
import type { Answer, Exchange } from "../http/exchange.ts";
import { EventStream, type EventSink } from "./event-stream.ts";
import { LiveExchange } from "./live-exchange.ts";
import { prepareKeyQuery, prepareList } from "./query-plans.ts";
import type { RestParts } from "./rest-parts.ts";
import { RestRequest } from "./rest-request.ts";

const MEDIA_TYPE = "text/event-stream";

/** The client would rather have events than anything else. */
export function wantsEvents(exchange: Exchange): boolean {
  const accept = exchange.header("accept");
  if (accept === null || exchange.method !== "GET" || exchange.streams !== true || !accept.includes(MEDIA_TYPE)) return false;
  return readAccept(accept)[0]?.type === MEDIA_TYPE;
}

/** `id`: of a record, as in the path; null: the list. */
export interface LiveTarget { readonly table: Table; readonly id: string | null }

export function answerEvents(request: RestRequest, target: LiveTarget): Answer {
  const { live } = request.parts;
  if (!target.table.exportOver.includes("SSE") || live === undefined) {
    throw fault("NOT_ACCEPTABLE", "Changes of this table are not told as events.", { where: "Accept", fix: "Accept application/json; or declare @export(over: [REST, SSE])." });
  }
  const exchange = new LiveExchange(request.exchange);
  const own = new RestRequest(exchange, request.parts);
  const asked = liveRequest(own, target, exchange.since);
  return streamed(exchange, request.parts, (sink) => live.subscribe(asked, own.rights, sink));
}

/** The answer that goes on. Throws what `subscribe` does. */
export function streamed(exchange: Exchange, { clock, streams }: Pick<RestParts, "clock" | "streams">, subscribe: (sink: EventSink) => LiveSubscription): Answer {
  const stream = new EventStream({ limits: exchange.limits, clock, requestId: exchange.requestId, signal: exchange.signal, identity: exchange.identity, ...(streams === undefined ? {} : { tally: streams }) });
  stream.follow(subscribe);
  exchange.unhurried();
  return { status: 200, headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "private, no-store", "x-accel-buffering": "no" }, body: null, stream: stream.readable() };
}

/** For a WebSocket: `exchange` is a GET of what is followed. */
export function followExchange(request: RestRequest, target: LiveTarget, { since, sink, reset }: FollowOptions): LiveSubscription {
  const live = request.parts.live as LiveQueries;
  return live.subscribe(liveRequest(request, target, since), request.rights, sink, reset);
}

export interface FollowOptions {
  readonly since: string | null;
  readonly sink: EventSink;
  /** Whose presence on topics it is. */
  readonly connection: object;
  /** Why the subscriber must begin anew; null: it need not. */
  readonly reset: ResetReason | null;
}

function liveRequest(request: RestRequest, { table, id }: LiveTarget, since: string | null): LiveRequest {
  request.rights.require(table.name, "READ");
  if (id !== null) {
    const key = request.idOf(table, id);
    const { plan, explain } = prepareKeyQuery(request, table);
    if (explain) throw explained();
    return { plan, limit: null, id: key, since, from: request.exchange };
  }
  const { prepared, values } = prepareList(request, table);
  if (prepared.query.explain) throw explained();
  return { plan: prepared.plan, limit: prepared.query.limit, since, from: request.exchange, ...(values === undefined ? {} : { values }) };
}

function explained(): Error {
  return fault("NOT_LIVE", "An explanation is not followed.", { where: "explain", fix: "Ask for it by a plain GET." });
}
