// Calls of the app's own code: actions of tables and endpoints, with arguments from path, query and body.
import { fault } from "../../base/error.ts";
import { whenReady } from "../../base/when-ready.ts";
import { urlPairs } from "../../query/url-pairs.ts";
import type { OperationBody, Result } from "../../resources/operation.ts";
import type { Callable, Table } from "../../schema/catalog.ts";
import { inputsOf } from "../../schema/page-arguments.ts";
import type { Precondition, RawInput } from "../../tables/write.ts";
import type { Answer } from "../http/exchange.ts";
import { readPrecondition } from "./entity-tag.ts";
import { formKind, readForm } from "./form-input.ts";
import { argumentsIn, readArguments } from "./read-input.ts";
import { chooseRepresentation, plainJson, representRecord, representRows, type Representation } from "./representation.ts";
import { cacheControl, noContent, textOf, writeHeaders } from "./rest-answer.ts";
import type { RestRequest } from "./rest-request.ts";
import { rawFromText } from "./text-input.ts";

export interface ActionTarget { readonly table: Table; readonly id: string | null; readonly action: Callable }

export function callAction(request: RestRequest, { table, id, action }: ActionTarget): Answer | Promise<Answer> {
  const representation = chooseRepresentation(request.exchange.header("accept"));
  request.rights.requireCall(action);
  const form = formKind(request.exchange, action);
  if (form !== "file") refuseQuery(request);
  const key = id === null ? null : request.idOf(table, id);
  const precondition = preconditionOf(request, id !== null && action.transaction === "SERIALIZABLE");
  return whenReady(form === null ? readArguments(request.exchange) : readForm(request.exchange, action, form), ({ input, bytes }) => {
    request.exchange.unhurried();
    const result = request.dispatch({ kind: "action", table: table.name, id: key, name: action.name, input, precondition, single: representation.kind === "object" }, bytes);
    return whenReady(result, (done) => callAnswer(request, done, representation));
  });
}

/** What nobody would check is refused. */
function preconditionOf({ exchange }: RestRequest, checked: boolean): Precondition | null {
  const precondition = readPrecondition(exchange.header("if-match"), exchange.header("if-none-match"));
  if (precondition === null || checked) return precondition;
  throw fault("MALFORMED_HEADER", "A precondition stands on one record, and is checked in a transaction.", { fix: "Call an action of the record that has transaction: SERIALIZABLE, or leave out If-Match and If-None-Match." });
}

export interface EndpointTarget { readonly endpoint: Callable; readonly path: Readonly<Record<string, string>>; readonly alias: boolean }

export function callEndpoint(request: RestRequest, { endpoint, path, alias }: EndpointTarget): Answer | Promise<Answer> {
  const { exchange } = request;
  const representation = chooseRepresentation(exchange.header("accept"));
  request.rights.requireCall(endpoint);
  if (exchange.method !== "GET" && exchange.method !== "HEAD") preconditionOf(request, false);
  if (endpoint.webhook !== undefined) return callWebhook(request, { endpoint, path, representation });
  return whenReady(sentArguments(request, endpoint, alias), ({ input, bytes }) => {
    const body: OperationBody = { kind: "endpoint", name: endpoint.name, input: withPath(input, path, endpoint, request), single: representation.kind === "object" };
    exchange.unhurried();
    return whenReady(request.dispatch(body, bytes), (result) => callAnswer(request, result, representation));
  });
}

interface WebhookCall { readonly endpoint: Callable; readonly path: Readonly<Record<string, string>>; readonly representation: Representation }

/** Its body goes on as it came: the signature is over these bytes. Its id stands for an Idempotency-Key. */
function callWebhook(request: RestRequest, { endpoint, path, representation }: WebhookCall): Answer | Promise<Answer> {
  const { exchange } = request;
  refuseQuery(request);
  return whenReady(exchange.body(), (bytes) => {
    exchange.unhurried();
    const result = request.dispatch({
      kind: "webhook", name: endpoint.name, message: { header: (name) => exchange.header(name), bytes },
      read: () => withPath(argumentsIn(bytes, exchange), path, endpoint, request),
    }, null);
    return whenReady(result, (done) => callAnswer(request, done, representation));
  });
}

/** `bytes` null: a call that is safe. */
interface SentArguments { readonly input: RawInput; readonly bytes: Uint8Array | null }

function sentArguments(request: RestRequest, endpoint: Callable, alias: boolean): SentArguments | Promise<SentArguments> {
  const { exchange } = request;
  const isSafe = exchange.method === "GET" || exchange.method === "HEAD";
  if (isSafe || (exchange.method === "DELETE" && !alias)) {
    const input = argumentsFromQuery(request, endpoint);
    return isSafe ? { input, bytes: null } : whenReady(exchange.body(), (bytes) => ({ input, bytes }));
  }
  const form = formKind(exchange, endpoint);
  if (form !== null) return readForm(exchange, endpoint, form);
  refuseQuery(request);
  return readArguments(exchange);
}

/** What the declaration does not know goes on as it is: validation refuses it by name. */
function argumentsFromQuery(request: RestRequest, endpoint: Callable): RawInput {
  const input = Object.create(null) as { [name: string]: unknown };
  const { jsonDepth } = request.exchange.limits;
  const inputs = inputsOf(endpoint);
  for (const [name, text] of urlPairs(request.exchange.query)) {
    const type = inputs.get(name)?.type;
    const isList = type?.list === true;
    const value = type === undefined ? text : rawFromText(text, isList && !/^[[{]/.test(text) ? { ...type, list: false } : type, jsonDepth);
    if (Object.hasOwn(input, name)) {
      if (!isList) throw fault("MALFORMED_QUERY", `${name} stands twice in the query.`, { where: name });
      (input[name] as unknown[]).push(value);
    } else input[name] = isList && !Array.isArray(value) ? [value] : value;
  }
  return input;
}

function withPath(sent: RawInput, path: Readonly<Record<string, string>>, endpoint: Callable, request: RestRequest): RawInput {
  const input = Object.assign(Object.create(null), sent) as { [name: string]: unknown };
  for (const [name, text] of Object.entries(path)) {
    if (Object.hasOwn(input, name)) throw fault("VALIDATION_FAILED", `${name} stands in the path already.`, { where: name });
    input[name] = rawFromText(text, endpoint.arguments.get(name)!.type, request.exchange.limits.jsonDepth);
  }
  return input;
}

function refuseQuery(request: RestRequest): void {
  const first = urlPairs(request.exchange.query)[0];
  if (first !== undefined) throw fault("UNKNOWN_PARAMETER", "A call takes its arguments from the body.", { where: first[0], fix: "Send the arguments as a JSON object." });
}

function callAnswer(request: RestRequest, result: Result, representation: Representation): Answer {
  const { method } = request.exchange;
  const headers = writeHeaders(request, result);
  if (method === "GET" || method === "HEAD") headers["cache-control"] = cacheControl(result);
  // Of @page: what `after` takes for the page behind this one.
  if (result.nextCursor !== null) headers["ambit-next-cursor"] = result.nextCursor;
  const text = textOf(result.body);
  if (text === "") return noContent(headers);
  const isList = text.startsWith("[");
  const shown = isList || representation.kind === "object" || text.startsWith("{") ? representation : plainJson;
  headers["content-type"] = shown.mediaType;
  return { status: result.status, headers, body: isList ? representRows(text, shown, []) : representRecord(text, shown) };
}
