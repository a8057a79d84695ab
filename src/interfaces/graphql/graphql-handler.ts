// /graphql over HTTP: POST with JSON, GET for queries; answers as JSON, or as events where the client would rather have them (GraphQL over SSE,
// distinct connections), which subscriptions need.
import { whenReady } from "../../base/when-ready.ts";
import { AmbitError, fault } from "../../base/error.ts";
import { PlanCache } from "../../resources/plan-cache.ts";
import type { Answer, Exchange } from "../http/exchange.ts";
import { bodyTag, matchingTag, readTags } from "../rest/entity-tag.ts";
import { EventStream } from "../rest/event-stream.ts";
import { answerEditor } from "./editor-page.ts";
import { documentCache, textCache } from "./kept-by-length.ts";
import { callerOf } from "./document-caller.ts";
import { operate, schemasOf, type Asking } from "./graphql-execution.ts";
import { GRAPHQL_METHODS } from "./graphql-methods.ts";
import { createNames } from "./graphql-names.ts";
import { answerText, asTexts, type GraphqlAnswer } from "./graphql-operating.ts";
import type { GraphqlFollowing, GraphqlPort } from "./graphql-port.ts";
import type { GraphqlOptions, GraphqlParts } from "./graphql-parts.ts";
import { refusalObject } from "./graphql-errors.ts";
import { chooseMedia, EVENTS, readGraphqlRequest, requestOf, type GraphqlMedia, type GraphqlRequest, type GraphqlRequests } from "./graphql-request.ts";

/** Sets of roles. A schema has some types for each table. */
const SCHEMAS_MAX = 30;
const DOCUMENTS_LENGTH_MAX = 131_072;
const INTROSPECTIONS_LENGTH_MAX = 16_777_216;

export interface Graphql extends GraphqlPort {
  /** Answers the paths that begin with `graphql`. */
  handle(exchange: Exchange): Answer | Promise<Answer>;
}

export function createGraphql(options: GraphqlOptions): Graphql {
  const parts: GraphqlParts = {
    ...options, names: createNames(options.catalog),
    schemas: new PlanCache(SCHEMAS_MAX), documents: documentCache(DOCUMENTS_LENGTH_MAX), plans: new PlanCache(options.limits.planCacheEntries),
    introspections: textCache(INTROSPECTIONS_LENGTH_MAX),
  };
  return {
    handle: (exchange) => handle(exchange, parts),
    operate: (exchange, payload) => whenReady(operate(exchange, requestOf(payload), askingOf(exchange, { parts, bytes: null, follows: true })(0)), asTexts),
  };
}

function handle(exchange: Exchange, parts: GraphqlParts): Answer | Promise<Answer> {
  const edited = parts.editor === undefined ? null : answerEditor(exchange, parts.editor);
  if (edited !== null) return edited;
  if (exchange.segments.length !== 1) throw fault("NOT_FOUND", "Nothing is at this path.");
  exchange.route = "/graphql";
  if (!GRAPHQL_METHODS.includes(exchange.method)) throw fault("METHOD_NOT_ALLOWED", "The path does not answer to this method.", { headers: { allow: GRAPHQL_METHODS.join(", ") }, fix: `Use one of ${GRAPHQL_METHODS.join(", ")}.` });
  const media = chooseMedia(exchange.header("accept"), exchange.streams === true);
  return whenReady(readGraphqlRequest(exchange), (asked) => {
    if (media === EVENTS) return answerEvents(exchange, asked, parts);
    return whenReady(answerAll(exchange, asked, parts), (answers) => answerOf(exchange, { asked, answers, media }));
  });
}

interface Asked { readonly parts: GraphqlParts; readonly bytes: Uint8Array | null; readonly follows: boolean }

function askingOf(exchange: Exchange, { parts, bytes, follows }: Asked): (index: number) => Asking {
  const rights = parts.access.rights(exchange.identity);
  const schemas = schemasOf(parts, rights);
  const callers = callerOf(exchange, bytes, { parts, rights, schema: schemas.schema });
  return (index) => ({ caller: callers(index), schemas, follows });
}

/** One after the other: a batch is no more at once than its parts. */
function answerAll(exchange: Exchange, { requests, bytes }: GraphqlRequests, parts: GraphqlParts): GraphqlAnswer[] | Promise<GraphqlAnswer[]> {
  const asking = askingOf(exchange, { parts, bytes, follows: false });
  const from = (index: number, answers: GraphqlAnswer[]): GraphqlAnswer[] | Promise<GraphqlAnswer[]> =>
    (index === requests.length ? answers : whenReady(answerOne(exchange, requests[index]!, asking(index)), (one) => from(index + 1, [...answers, one])));
  return from(0, []);
}

function answerOne(exchange: Exchange, request: GraphqlRequest, asking: Asking): GraphqlAnswer | Promise<GraphqlAnswer> {
  return whenReady(operate(exchange, request, asking), (operating) => {
    if (operating.kind === "live") throw fault("NOT_ACCEPTABLE", "A subscription is answered as it goes on.");
    return operating.answer;
  });
}

const EVENT_HEADERS = { "content-type": `${EVENTS}; charset=utf-8`, "cache-control": "private, no-store", "x-accel-buffering": "no" };
const COMPLETE = "event: complete\ndata: \n\n";
const encoder = new TextEncoder();

function answerEvents(exchange: Exchange, { requests, batch, bytes }: GraphqlRequests, parts: GraphqlParts): Answer | Promise<Answer> {
  if (batch) throw fault("NOT_ACCEPTABLE", "A batch is not answered as events.", { where: "Accept", fix: "Accept application/json." });
  return whenReady(operate(exchange, requests[0]!, askingOf(exchange, { parts, bytes, follows: true })(0)), (operating) => {
    if (operating.kind === "answer") return { status: 200, headers: { ...EVENT_HEADERS }, body: next(answerText(operating.answer)) + COMPLETE };
    return followed(exchange, operating.live, parts);
  });
}

function followed(exchange: Exchange, live: GraphqlFollowing, { clock, streams }: GraphqlParts): Answer {
  const { limits, requestId, signal, identity } = exchange;
  const headers = { ...EVENT_HEADERS };
  const refusal = (error: AmbitError): string => next(answerText({ errors: [refusalObject(error, { requestId })] })) + COMPLETE;
  const stream = new EventStream({ limits, clock, requestId, signal, identity, form: { frame: (frame) => encoder.encode(next(live.text(frame))), failure: refusal }, ...(streams === undefined ? {} : { tally: streams }) });
  try {
    stream.follow((sink) => live.follow(sink, null));
  } catch (error) {
    if (!(error instanceof AmbitError)) throw error;
    return { status: 200, headers, body: refusal(error) };
  }
  exchange.unhurried();
  return { status: 200, headers, body: null, stream: stream.readable() };
}

function next(text: string): string {
  return `event: next\ndata: ${text}\n\n`;
}

interface Answering { readonly asked: GraphqlRequests; readonly answers: readonly GraphqlAnswer[]; readonly media: Exclude<GraphqlMedia, typeof EVENTS> }

function answerOf(exchange: Exchange, { asked, answers, media }: Answering): Answer {
  const [first] = answers;
  const texts = answers.map(answerText);
  const body = asked.batch ? `[${texts.join(",")}]` : texts[0]!;
  const isRefused = !asked.batch && first !== undefined && first.data === undefined;
  const status = isRefused && media !== "application/json" ? Math.max(400, first.errors?.[0]?.extensions.status ?? 400) : 200;
  const headers: Record<string, string> = { "content-type": `${media}; charset=utf-8`, "cache-control": "private, no-store" };
  if (asked.bytes !== null || status !== 200) return { status, headers, body };
  headers["cache-control"] = "private, no-cache";
  headers["etag"] = bodyTag(body);
  const known = readTags(exchange.header("if-none-match"), "If-None-Match");
  return known !== null && matchingTag(known, headers["etag"]) !== null ? { status: 304, headers, body: null } : { status, headers, body };
}
