// REST: routes a request to what it means. The only place that knows all handlers.
import { unreachable } from "../../base/assert.ts";
import { AmbitError, fault } from "../../base/error.ts";
import { PlanCache } from "../../resources/plan-cache.ts";
import type { Table, UsageLimit } from "../../schema/catalog.ts";
import { smallestBody } from "../../resources/usage-limits.ts";
import type { ChannelSubscription } from "../../resources/channel-frame.ts";
import type { LiveSubscription } from "../../resources/live-frame.ts";
import type { Answer, Exchange, HttpHandler } from "../http/exchange.ts";
import { answerNegotiation, followedNegotiation } from "./negotiation-handlers.ts";
import { answerApproval } from "./approval-handlers.ts";
import { answerBatch, type BatchParts } from "./batch.ts";
import { callAction, callEndpoint } from "./call-handlers.ts";
import { answerFile, answerLink, answerUpload } from "./file-handlers.ts";
import { readHistory, restoreRecord } from "./history-handlers.ts";
import { answerTopic, followTopic, publishMessage, publishTopic, type PublishRequest } from "./channel-handlers.ts";
import { answerProof, consistencyQuestion } from "./audit-handlers.ts";
import { decide, listDecisions } from "./decide-handlers.ts";
import { answerRowEvents, followPage, type RowsTold } from "./followed-rows.ts";
import { createRecords, removeRecords, updateRecords } from "./list-writes.ts";
import { answerEvents, followExchange, wantsEvents, type FollowOptions } from "./live-handlers.ts";
import { answerMemory } from "./memory-handlers.ts";
import { readList, readRecord } from "./read-handlers.ts";
import { removeRecord, replaceRecord, updateRecord } from "./record-writes.ts";
import { answerRun, answerRunEvents, answerTrace, followRunExchange } from "./run-handlers.ts";
import type { RestOptions, RestParts } from "./rest-parts.ts";
import { RestRequest } from "./rest-request.ts";
import { createRestRouter, type RestRoute, type RestRouter, type RestTarget } from "./rest-router.ts";

/** With what a WebSocket needs besides. */
export interface RestHandler extends HttpHandler {
  /** Follows the list, record or topic that a GET would answer. Throws what that throws, and what subscribing does. */
  follow(exchange: Exchange, options: FollowOptions): LiveSubscription | ChannelSubscription;
  /** `topic` as text. Throws, or rejects with, what a POST there answers. */
  publish(request: PublishRequest): void | Promise<void>;
}

export function createRest(options: RestOptions): RestHandler {
  const router = createRestRouter(options.catalog, options.over);
  const { planCacheEntries } = options.limits;
  const parts: RestParts = {
    ...options, queries: new PlanCache(planCacheEntries), lists: new PlanCache(planCacheEntries), openQueries: new PlanCache(planCacheEntries), keyQueries: new PlanCache(planCacheEntries),
  };
  const refused = (segments: readonly string[]): never => refuse(segments, router, options.development === true);
  const answer = (request: RestRequest, { target }: RestRoute): Answer | Promise<Answer> => {
    if (!isExported(target, request.exchange, options.over)) throw fault("NOT_ACCEPTABLE", "This table is read as a stream of events.", { where: "Accept", fix: "Accept text/event-stream." });
    switch (target.kind) {
      case "list": return wantsEvents(request.exchange) ? answerEvents(request, { table: target.table, id: null }) : handleList(request, target.table);
      case "record": return wantsEvents(request.exchange) ? answerEvents(request, target) : handleRecord(request, target.table, target.id);
      case "history": return readHistory(request, target.table, target.id);
      case "restore": return restoreRecord(request, target.table, target.id);
      case "action": return callAction(request, target);
      case "endpoint": return callEndpoint(request, target);
      case "channel": return request.exchange.method === "POST" ? publishMessage(request, target) : answerTopic(request, target);
      case "decide": return target.decision === null ? listDecisions(request) : decide(request, target.decision);
      case "negotiation": case "approval": return answerStanding(request, target);
      case "receipt": return answerProof(request, { of: "receipt", run: target.run });
      case "trace": return answerTrace(request, target.run);
      case "proof": return answerProof(request, target.of === "consistency" ? consistencyQuestion(request) : { of: target.of });
      case "memory": return answerMemory(request, target);
      case "run": return wantsEvents(request.exchange) ? answerRunEvents(request, target.id) : answerRun(request, target.id);
      case "file": return answerFile(request, target.id);
      case "file-link": return answerLink(request, target.id);
      case "upload": return answerUpload(request, target);
      case "batch": return answerBatch(request, batch);
      default: return unreachable(target);
    }
  };
  const batch: BatchParts = { rest: parts, router, answer, refuse: refused };
  return {
    handle(exchange) {
      const route = router.find(exchange.method, exchange.segments);
      if (route === null) return refused(exchange.segments);
      exchange.route = route.name;
      limitBody(exchange, route.target);
      return answer(new RestRequest(exchange, parts), route);
    },
    methods: (segments) => router.methods(segments),
    publish: (request) => publishTopic(request, parts),
    follow(exchange, following) {
      const target = router.find("GET", exchange.segments)?.target;
      if (target?.kind === "channel") return followTopic(new RestRequest(exchange, parts), target, following);
      const followRowsOf = target?.kind === "approval" || target?.kind === "negotiation" ? followedRows(target) : null;
      if (followRowsOf !== null) return followRowsOf(new RestRequest(exchange, parts), following);
      if (target?.kind === "run") return followRunExchange(new RestRequest(exchange, parts), target.id, following.sink);
      if (target?.kind !== "list" && target?.kind !== "record") throw fault("NOT_FOUND", "Nothing that can be followed is at this path.");
      return followExchange(new RestRequest(exchange, parts), { table: target.table, id: target.kind === "list" ? null : target.id }, following);
    },
  };
}

type StandingTarget = Extract<RestTarget, { kind: "negotiation" | "approval" }>;

function answerStanding(request: RestRequest, target: StandingTarget): Answer | Promise<Answer> {
  const follow = wantsEvents(request.exchange) ? followedRows(target) : null;
  if (follow !== null) return answerRowEvents(request, follow);
  return target.kind === "approval" ? answerApproval(request, target.id) : answerNegotiation(request, target);
}

/** Null: it is not followed. */
function followedRows(target: StandingTarget): ((request: RestRequest, told: RowsTold) => LiveSubscription) | null {
  if (target.kind === "negotiation") return followedNegotiation(target);
  return target.id === null ? (request, told) => followPage(request, "approvals", told) : null;
}

/** What @limit(body) says of where the request goes. What is read already is held against it where it is carried out. */
function limitBody(exchange: Exchange, target: RestTarget): void {
  const most = smallestBody(limitsOf(target));
  if (most !== null) exchange.bodyBytesMax = most;
}

function limitsOf(target: RestTarget): readonly UsageLimit[] {
  switch (target.kind) {
    case "list": case "record": return target.table.usage ?? [];
    case "action": return [...target.table.usage ?? [], ...target.action.usage ?? []];
    case "endpoint": return target.endpoint.usage ?? [];
    case "decide": return target.decision?.callable.usage ?? [];
    case "channel": return target.channel.usage ?? [];
    default: return [];
  }
}

/** Tables with events alone answer nothing else. */
function isExported(target: RestTarget, exchange: Exchange, over: RestOptions["over"] = "REST"): boolean {
  return (target.kind !== "list" && target.kind !== "record") || target.table.exportOver.includes(over) || wantsEvents(exchange);
}

function handleList(request: RestRequest, table: Table): Answer | Promise<Answer> {
  switch (request.exchange.method) {
    case "POST": return createRecords(request, table);
    case "PATCH": return updateRecords(request, table);
    case "DELETE": return removeRecords(request, table);
    default: return readList(request, table);
  }
}

function handleRecord(request: RestRequest, table: Table, id: string): Answer | Promise<Answer> {
  switch (request.exchange.method) {
    case "PUT": return replaceRecord(request, table, id);
    case "PATCH": return updateRecord(request, table, id);
    case "DELETE": return removeRecord(request, table, id);
    default: return readRecord(request, table, id);
  }
}

function refuse(segments: readonly string[], router: RestRouter, development: boolean): never {
  const methods = router.methods(segments);
  if (methods.length > 0) throw fault("METHOD_NOT_ALLOWED", "The path does not answer to this method.", { headers: { allow: methods.join(", ") }, fix: `Use one of ${methods.join(", ")}.` });
  const first = segments[0]!;
  if ((first === "ws" || first === "mqtt") && segments.length === 1) throw fault("NOT_FOUND", `/${first} answers to WebSockets alone.`, { fix: "Connect with a WebSocket." });
  if (router.isReserved(first)) throw new AmbitError(404, "NOT_AVAILABLE", `/${first} is not available in this version.`, { fix: "README lists what is available." });
  // Tables that exist are nobody's business; whoever develops knows them.
  const near = development ? router.nearest(segments) : null;
  throw fault("NOT_FOUND", "Nothing is at this path.", near === null ? {} : { fix: `Did you mean ${near}?` });
}
