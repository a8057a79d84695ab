// The query of a request as plans, parsed once for each text and set of roles: what to read, what to write to, what to answer.
import { fault } from "../../base/error.ts";
import { dateTimeOf } from "../../base/date-time.ts";
import type { Value } from "../../base/value.ts";
import { keyPlan, type KeyQuery } from "../../query/key-plan.ts";
import type { Plan } from "../../query/plan.ts";
import type { QueryContext } from "../../query/resolution.ts";
import { OpenOperands, readOpenValues, type OpenValue } from "../../query/open-operand.ts";
import { openParameters, queryShape } from "../../query/query-shape.ts";
import { parseRestQuery, type Parameters, type RestQuery } from "../../query/rest-query.ts";
import { urlPairs } from "../../query/url-pairs.ts";
import type { Table } from "../../schema/catalog.ts";
import type { Exchange } from "../http/exchange.ts";
import { narrow, readRange } from "./item-range.ts";
import type { RestRequest } from "./rest-request.ts";

/** Of one query text, ready to be used again: the same plan objects each time, so that what is compiled from them is found again. */
export interface PreparedQuery {
  readonly query: RestQuery;
  /** What a GET reads: with count and page of the headers. */
  readonly plan: Plan;
  /** What a write answers: the items and their order, for records that are already known. */
  readonly shape: Plan;
  /** Names in the output, for the header of CSV. */
  readonly columns: readonly string[];
}

/** What a list is asked for, as this request says it: for writes, whose filters are also looked at one by one. */
export function prepareQuery(request: RestRequest, table: Table): PreparedQuery {
  const { query } = request.exchange;
  const found = request.parts.queries.get(cacheKey(request, table, query), () => prepared(request, table, urlPairs(query)));
  refuseMisplaced(request, found.query);
  return found;
}

/** One list as a text asks for it: the same object while the text is remembered. */
export interface AskedList { readonly prepared: PreparedQuery; readonly values: readonly Value[] | undefined }

/** The same for reading, with its values apart: queries that differ in values alone share plan and statement. */
export function prepareList(request: RestRequest, table: Table): AskedList {
  const asked = request.parts.lists.get(cacheKey(request, table, request.exchange.query), () => askedList(request, table));
  refuseMisplaced(request, asked.prepared.query);
  return asked;
}

function askedList(request: RestRequest, table: Table): AskedList {
  const { parts, exchange: { query } } = request;
  const shape = queryShape(query);
  if (shape === null) return { prepared: prepareQuery(request, table), values: undefined };
  const found = parts.openQueries.get(cacheKey(request, table, shape.text), () => {
    const operands = new OpenOperands(parts.catalog);
    const made = prepared(request, table, openParameters(query, operands));
    // Explained is the query as it stands.
    return { prepared: made, values: made.query.explain ? null : operands.values() };
  });
  if (found.values === null) return { prepared: prepareQuery(request, table), values: undefined };
  return { prepared: found.prepared, values: readOpenValues(found.values, shape.values, parts.catalog) };
}

/** `values` null: they cannot be left open after all. */
export interface OpenQuery { readonly prepared: PreparedQuery; readonly values: readonly OpenValue[] | null }

/** Preferences and Range count as they concern the plan. */
function cacheKey({ exchange, preferences, rights }: RestRequest, table: Table, text: string): string {
  const range = rangeOf(exchange);
  const page = range === null ? "" : `\n${range.items} ${range.unit ?? ""}`;
  return `${table.name}?${text}\n${preferences.count ?? ""}${preferences.refuseScan ? "!" : ""}${page}\n${rights.roleKey}`;
}

function prepared(request: RestRequest, table: Table, parameters: Parameters): PreparedQuery {
  const { exchange, preferences } = request;
  const query = parseRestQuery(parameters, contextOf(request, table));
  const range = rangeOf(exchange);
  const items = range === null ? null : readRange(range.items, range.unit);
  const page = items === null ? query.plan : { ...query.plan, ...narrow({ offset: query.plan.offset, limit: query.plan.limit }, items) };
  return {
    query,
    plan: { ...page, count: preferences.count, refuseScan: preferences.refuseScan },
    shape: shapeOf(query.plan),
    columns: columnsOf(query.plan),
  };
}

function rangeOf(exchange: Exchange): { readonly items: string; readonly unit: string | null } | null {
  if (exchange.method !== "GET" && exchange.method !== "HEAD") return null;
  const items = exchange.header("range");
  return items === null ? null : { items, unit: exchange.header("range-unit") };
}

/** The query of one record, whichever it is: its plan has no key. */
export function prepareKeyQuery(request: RestRequest, table: Table): KeyQuery {
  const { query } = request.exchange;
  const prepared = request.parts.keyQueries.get(`${request.rights.roleKey}\n${table.name}?${query}`, () => {
    const found = keyPlan(null, urlPairs(query), contextOf(request, table));
    return { ...found, plan: shapeOf(found.plan) };
  });
  refuseMisplaced(request, prepared);
  return prepared;
}

/** For EXPLAIN: with the key. */
export function explainedPlan(request: RestRequest, table: Table, id: Value): Plan {
  return keyPlan(id, urlPairs(request.exchange.query), contextOf(request, table)).plan;
}

/** Of a parsed query: what only some methods take. */
interface MethodParameters { readonly plan: Plan; readonly explain: boolean; readonly columns: readonly string[] | null; readonly onConflict?: readonly string[] | null }

/** What would have no effect is not ignored. */
export function refuseMisplaced(request: RestRequest, { plan, explain, columns, onConflict = null }: MethodParameters): void {
  if (!explain && columns === null && onConflict === null && plan.asof === undefined) return;
  const { method } = request.exchange;
  const reads = method === "GET" || method === "HEAD";
  const misplaced = explain && !reads ? "explain" : plan.asof !== undefined && !reads ? "asof" : columns !== null && (reads || method === "DELETE") ? "columns" : onConflict !== null && method !== "POST" ? "on_conflict" : null;
  if (misplaced !== null) throw fault("MALFORMED_QUERY", `${misplaced} does not belong on a ${method}.`, { where: misplaced, fix: "Remove it." });
}

/** A POST names nothing that is stored yet. */
export function requireNoFilter({ query }: PreparedQuery): void {
  refuseGroups(query);
  if (query.plan.filter !== null || query.plan.search !== null || query.plan.similar !== null) {
    throw fault("MALFORMED_QUERY", "A filter does not belong on a POST.", { fix: "Remove it, or send PATCH to change what the filter names." });
  }
}

/** A bulk write without a filter would be one to the whole table. */
export function requireFilter({ query }: PreparedQuery): void {
  refuseGroups(query);
  if (query.plan.filter === null && query.plan.search === null) throw fault("FILTER_REQUIRED", "The request names no records.");
}

function refuseGroups({ plan }: RestQuery): void {
  if (plan.grouped) throw fault("MALFORMED_QUERY", "A write answers the records that it wrote, not aggregates of them.", { where: "select" });
}

/** For PATCH and DELETE: no bound but the request's own. */
export function bulkPlan({ query, plan }: PreparedQuery): Plan {
  return { ...plan, limit: query.limit };
}

function contextOf(request: RestRequest, table: Table): QueryContext {
  return { table, scope: request.rights.scope, limits: request.parts.limits, now: dateTimeOf(request.parts.clock.now()) };
}

function shapeOf(plan: Plan): Plan {
  return { ...plan, filter: null, limit: null, offset: 0, after: null, count: null, search: null, similar: null, near: null };
}

function columnsOf(plan: Plan): string[] {
  return plan.select.flatMap((item) => {
    if (item.kind === "open") return [];
    if (item.kind !== "embed") return [item.alias];
    if (item.spread) return columnsOf(item.plan);
    return item.plan.select.length === 0 ? [] : [item.alias];
  });
}
