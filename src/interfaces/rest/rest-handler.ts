// REST: routes a request to what it means. The only place that knows all handlers.
import { unreachable } from "../../base/assert.ts";
import { AmbitError, fault } from "../../base/error.ts";
import { PlanCache } from "../../resources/plan-cache.ts";
import type { Table } from "../../schema/catalog.ts";
import type { Answer, HttpHandler } from "../http/exchange.ts";
import { answerBatch, type BatchParts } from "./batch.ts";
import { callAction, callEndpoint } from "./call-handlers.ts";
import { readHistory, restoreRecord } from "./history-handlers.ts";
import { createRecords, removeRecords, updateRecords } from "./list-writes.ts";
import { readList, readRecord } from "./read-handlers.ts";
import { removeRecord, replaceRecord, updateRecord } from "./record-writes.ts";
import type { RestOptions, RestParts } from "./rest-parts.ts";
import { RestRequest } from "./rest-request.ts";
import { createRestRouter, type RestRoute, type RestRouter } from "./rest-router.ts";

export function createRest(options: RestOptions): HttpHandler {
  const router = createRestRouter(options.catalog);
  const { planCacheEntries } = options.limits;
  const parts: RestParts = { ...options, queries: new PlanCache(planCacheEntries), openQueries: new PlanCache(planCacheEntries), keyQueries: new PlanCache(planCacheEntries) };
  const refused = (segments: readonly string[]): never => refuse(segments, router, options.development === true);
  const answer = (request: RestRequest, { target }: RestRoute): Answer | Promise<Answer> => {
    switch (target.kind) {
      case "list": return handleList(request, target.table);
      case "record": return handleRecord(request, target.table, target.id);
      case "history": return readHistory(request, target.table, target.id);
      case "restore": return restoreRecord(request, target.table, target.id);
      case "action": return callAction(request, target);
      case "endpoint": return callEndpoint(request, target);
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
      return answer(new RestRequest(exchange, parts), route);
    },
    methods: (segments) => router.methods(segments),
  };
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
  if (router.isReserved(first)) throw new AmbitError(404, "NOT_AVAILABLE", `/${first} is not available in this version.`, { fix: "README lists what is available." });
  // Tables that exist are nobody's business; whoever develops knows them.
  const near = development ? router.nearest(segments) : null;
  throw fault("NOT_FOUND", "Nothing is at this path.", near === null ? {} : { fix: `Did you mean ${near}?` });
}
