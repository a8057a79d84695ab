// One HTTP request to /graphql as what it asks: documents with their variables, one or a batch of them, and the form of the answer.
import { fault } from "../../base/error.ts";
import { whenReady } from "../../base/when-ready.ts";
import { urlPairs } from "../../query/url-pairs.ts";
import { readAccept } from "../http/accept.ts";
import type { Exchange } from "../http/exchange.ts";
import { decodeUtf8, parseStrictJson } from "../http/strict-json.ts";
import { readFormat } from "../rest/media-type.ts";
import { tooLarge } from "./document-size.ts";

export interface GraphqlRequest {
  readonly query: string;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
}

export interface GraphqlRequests {
  readonly requests: readonly GraphqlRequest[];
  /** The answers are a list. */
  readonly batch: boolean;
  /** Null for GET. */
  readonly bytes: Uint8Array | null;
}

export const EVENTS = "text/event-stream";
export type GraphqlMedia = "application/graphql-response+json" | "application/json" | typeof EVENTS;

/** Who says nothing else gets plain JSON, with status 200 also for documents that are refused. Throws NOT_ACCEPTABLE. */
export function chooseMedia(accept: string | null, streams: boolean): GraphqlMedia {
  if (accept === null || accept === "") return "application/json";
  for (const { type, quality } of readAccept(accept)) {
    if (quality === 0) continue;
    if (type === "application/graphql-response+json" || (type === EVENTS && streams)) return type;
    if (type === "application/json" || type === "application/*" || type === "*/*") return "application/json";
  }
  throw fault("NOT_ACCEPTABLE", "None of the media types in Accept can be answered.", { where: "Accept", fix: "Accept application/graphql-response+json, application/json or text/event-stream." });
}

/** Throws MALFORMED_BODY, MALFORMED_JSON, UNKNOWN_PARAMETER, UNSUPPORTED_MEDIA_TYPE, DOCUMENT_TOO_LARGE. */
export function readGraphqlRequest(exchange: Exchange): GraphqlRequests | Promise<GraphqlRequests> {
  if (exchange.method !== "POST") return { requests: [requestOfQuery(exchange)], batch: false, bytes: null };
  const [first] = urlPairs(exchange.query);
  if (first !== undefined) throw fault("UNKNOWN_PARAMETER", "A POST takes its document from the body.", { where: first[0], fix: "Send { \"query\": ..., \"variables\": ... }." });
  const contentType = exchange.header("content-type");
  // What a page of another origin may send without asking has none, or another.
  if (contentType === null || contentType.trim() === "") throw fault("UNSUPPORTED_MEDIA_TYPE", "The request has no Content-Type.", { fix: "Send application/json.", headers: { accept: "application/json" } });
  readFormat(contentType, ["json"]);
  return whenReady(exchange.body(), (bytes) => {
    const body = parseStrictJson(decodeUtf8(bytes), exchange.limits.jsonDepth);
    if (!Array.isArray(body)) return { requests: [requestOf(body)], batch: false, bytes };
    const { graphqlBatch } = exchange.limits;
    if (body.length === 0) throw malformed("The batch is empty.");
    if (body.length > graphqlBatch) throw tooLarge(`${body.length} requests in one batch, of which at most ${graphqlBatch} may be`, "Send fewer at once.");
    return { requests: body.map(requestOf), batch: true, bytes };
  });
}

function requestOfQuery({ query, limits }: Exchange): GraphqlRequest {
  const given = Object.create(null) as Record<string, unknown>;
  for (const [name, text] of urlPairs(query)) {
    if (!["query", "operationName", "variables", "extensions"].includes(name)) throw fault("UNKNOWN_PARAMETER", `There is no parameter ${name}.`, { where: name, fix: "Send query, operationName and variables." });
    if (Object.hasOwn(given, name)) throw malformed(`${name} stands twice in the query.`);
    given[name] = (name === "variables" || name === "extensions") && text !== "" ? parseStrictJson(text, limits.jsonDepth) : text === "" ? null : text;
  }
  return requestOf(given);
}

const MEMBERS = ["query", "operationName", "variables", "extensions"];

/** Throws MALFORMED_BODY. */
export function requestOf(given: unknown): GraphqlRequest {
  if (!isObject(given)) throw malformed("A request is a JSON object.");
  const unknown = Object.keys(given).find((name) => !MEMBERS.includes(name));
  if (unknown !== undefined) throw malformed("The request has a member that GraphQL does not know.");
  const { query, operationName = null, variables = null, extensions = null } = given;
  if (typeof query !== "string") throw malformed("The request has no document: query is a text.");
  if (operationName !== null && typeof operationName !== "string") throw malformed("operationName is a text.");
  if (variables !== null && !isObject(variables)) throw malformed("variables are an object.");
  if (extensions !== null && !isObject(extensions)) throw malformed("extensions are an object.");
  return { query, operationName, variables: variables ?? {} };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(message: string): Error {
  return fault("MALFORMED_BODY", message, { fix: "Send { \"query\": \"{ ... }\", \"variables\": { ... } }." });
}
