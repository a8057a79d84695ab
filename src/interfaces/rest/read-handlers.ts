// GET: one record by its id, or a list by a query. The hot path: a record from memory costs one lookup and one answer.
import { unreachable } from "../../base/assert.ts";
import { fault } from "../../base/error.ts";
import type { Value } from "../../base/value.ts";
import type { Plan } from "../../query/plan.ts";
import { JsonText, type OperationBody, type Result } from "../../resources/operation.ts";
import type { Served } from "../../resources/source-port.ts";
import type { Table } from "../../schema/catalog.ts";
import type { Answer } from "../http/exchange.ts";
import { bodyTag, keptTag, matchingTag, readTags, versionTag } from "./entity-tag.ts";
import { contentRange, rangeStatus } from "./item-range.ts";
import { nextLink } from "./next-link.ts";
import { explainedPlan, prepareKeyQuery, prepareList, type AskedList } from "./query-plans.ts";
import { chooseRepresentation, plainJson, representRecord, representRows, type Representation } from "./representation.ts";
import { addApplied, cacheControl, textOf } from "./rest-answer.ts";
import type { RestRequest } from "./rest-request.ts";

export function readRecord(request: RestRequest, table: Table, idText: string): Answer | Promise<Answer> {
  const representation = chooseRepresentation(request.exchange.header("accept"));
  request.rights.require(table.name, "READ");
  const id = request.idOf(table, idText);
  const result = request.dispatch(getBody(request, table, id), null);
  return result instanceof Promise ? result.then((ready) => recordAnswer(request, ready, representation)) : recordAnswer(request, result, representation);
}

export function readList(request: RestRequest, table: Table): Answer | Promise<Answer> {
  const representation = chooseRepresentation(request.exchange.header("accept"));
  request.rights.require(table.name, "READ");
  const asked = prepareList(request, table);
  const { plan, query: { explain } } = asked.prepared;
  const result = request.dispatch(asked.values === undefined ? { kind: "query", plan, explain } : { kind: "query", plan, explain, values: asked.values }, null);
  const answer = (ready: Result): Answer => (explain ? explainAnswer(ready) : listAnswer(request, ready, { asked, representation }));
  return result instanceof Promise ? result.then((ready) => answer(ready)) : answer(result);
}

function getBody(request: RestRequest, table: Table, id: Value): OperationBody {
  if (request.exchange.query === "") return new PlainGet(request, table, id);
  const { plan, plain, explain } = prepareKeyQuery(request, table);
  return explain ? { kind: "query", plan: explainedPlan(request, table, id), explain } : { kind: "get", table: table.name, id, plan, plain };
}

/** The plan is made only when the record is not in memory. */
class PlainGet {
  readonly kind = "get";
  readonly plain: boolean;
  readonly table: string;
  readonly id: Value;
  readonly #source: Table;
  readonly #request: RestRequest;

  constructor(request: RestRequest, table: Table, id: Value) {
    this.table = table.name;
    this.id = id;
    this.plain = !table.open;
    this.#source = table;
    this.#request = request;
  }

  get plan(): Plan {
    return prepareKeyQuery(this.#request, this.#source).plan;
  }
}

function recordAnswer(request: RestRequest, result: Result, representation: Representation): Answer {
  const body = representRecord(textOf(result.body), representation);
  const headers: Record<string, string> = {
    "content-type": representation.mediaType, "cache-control": cacheControl(result),
    etag: result.version === null ? bodyTag(body) : versionTag(result.version, representation.tagSuffix),
  };
  if (result.served !== undefined) addServed(headers, result.served);
  return withCondition(request, { status: 200, headers, body });
}

/** Age, and Cache-Status (RFC 9211): whether the record was kept or fetched, and why it is older than it should be. */
function addServed(headers: Record<string, string>, { how, ageMs, ttlMs }: Served): void {
  headers["age"] = String(Math.floor(ageMs / 1000));
  const ttl = `ttl=${Math.floor(ttlMs / 1000)}`;
  switch (how) {
    case "kept": headers["cache-status"] = `ambit; hit; ${ttl}`; break;
    case "fetched": headers["cache-status"] = `ambit; fwd=miss; stored; ${ttl}`; break;
    case "stale": headers["cache-status"] = `ambit; hit; ${ttl}; detail=stale-while-revalidate`; break;
    case "failed": headers["cache-status"] = `ambit; hit; ${ttl}; detail=stale-if-error`; break;
    default: unreachable(how);
  }
}

function explainAnswer(result: Result): Answer {
  return { status: 200, headers: { "content-type": "application/json" }, body: textOf(result.body) };
}

interface ListContext { readonly asked: AskedList; readonly representation: Representation }

/** As a kept answer was told to whoever asked for it in these words. */
interface ToldList { readonly asked: AskedList; readonly status: number; readonly headers: Readonly<Record<string, string>> }

const toldLists = new WeakMap<JsonText, ToldList>();

/** What comes from memory in plain JSON is told as it was told before: its headers are made once. */
function listAnswer(request: RestRequest, result: Result, context: ListContext): Answer {
  const { body } = result;
  if (result.cached !== "hit" || !(body instanceof JsonText) || context.representation !== plainJson || request.preferences.applied.length > 0) return freshList(request, result, context);
  let told = toldLists.get(body);
  if (told?.asked !== context.asked) {
    const { status, headers } = representedList(request, result, context);
    toldLists.set(body, told = { asked: context.asked, status, headers });
  }
  return withCondition(request, { status: told.status, headers: { ...told.headers }, body: body.text, alike: told });
}

function freshList(request: RestRequest, result: Result, context: ListContext): Answer {
  const answer = representedList(request, result, context);
  addApplied(request, answer.headers);
  return withCondition(request, answer);
}

function representedList(request: RestRequest, result: Result, { asked: { prepared }, representation }: ListContext): Answer {
  const { offset, rows, total } = result.range ?? { offset: 0, rows: 0, total: null };
  const status = rangeStatus(offset, rows, total);
  const body = representRows(textOf(result.body), representation, prepared.columns);
  const headers: Record<string, string> = {
    "content-type": representation.mediaType, "cache-control": cacheControl(result), etag: tagOf(result, body), "content-range": contentRange(offset, rows, total),
  };
  if (result.nextCursor !== null) {
    headers["ambit-next-cursor"] = result.nextCursor;
    headers["link"] = `<${nextLink(request.exchange, result.nextCursor, prepared)}>; rel="next"`;
  }
  return { status, headers, body };
}

function tagOf({ body: whole, cached }: Result, body: string): string {
  return cached === "hit" && whole instanceof JsonText && whole.text === body ? keptTag(whole) : bodyTag(body);
}

/** If-Match and If-None-Match of a read (RFC 9110, 13.2.2). */
export function withCondition(request: RestRequest, answer: Answer): Answer {
  const tag = answer.headers["etag"]!;
  const ifMatch = readTags(request.exchange.header("if-match"), "If-Match");
  // A weak tag never matches here.
  if (ifMatch !== null && (ifMatch !== "*" && (tag.startsWith("W/") || matchingTag(ifMatch.filter((one) => !one.startsWith("W/")), tag) === null))) {
    throw fault("PRECONDITION_FAILED", "The representation is not the one in If-Match.", { headers: { etag: tag } });
  }
  const ifNoneMatch = readTags(request.exchange.header("if-none-match"), "If-None-Match");
  if (ifNoneMatch === null) return answer;
  const known = matchingTag(ifNoneMatch, tag);
  if (known === null) return answer;
  const { "content-type": _type, ...headers } = answer.headers;
  return { status: 304, headers: { ...headers, etag: known }, body: null };
}
