// /graphql over HTTP: POST with JSON, GET for queries. Reads the request, validates the document against the caller's own schema, has
// graphql-js execute it; each root field becomes an Operation. Synchronous where its parts are.
import type { ExecutionResult, GraphQLSchema, OperationDefinitionNode } from "graphql";
import { execute } from "graphql/execution/execute";
import { getOperationAST } from "graphql/utilities/getOperationAST";
import type { Rights } from "../../access/rights.ts";
import { AmbitError, fault } from "../../base/error.ts";
import { whenReady } from "../../base/when-ready.ts";
import type { Operation, OperationBody, Result } from "../../resources/operation.ts";
import { PlanCache } from "../../resources/plan-cache.ts";
import type { Answer, Exchange } from "../http/exchange.ts";
import { bodyTag, matchingTag, readTags } from "../rest/entity-tag.ts";
import { readIdempotency } from "../rest/idempotency-key.ts";
import { RequestView } from "../rest/rest-request.ts";
import { buildGraphqlSchema, type CallerSchema } from "./build-schema.ts";
import { compileDocument, type CompiledDocument } from "./compile-document.ts";
import { DocumentCache } from "./document-cache.ts";
import { errorObject, refusalObject, type ErrorContext, type GraphqlErrorObject } from "./graphql-errors.ts";
import { GRAPHQL_METHODS } from "./graphql-methods.ts";
import { createNames } from "./graphql-names.ts";
import type { Caller, GraphqlOptions, GraphqlParts } from "./graphql-parts.ts";
import { introspectionKeys } from "./introspection-keys.ts";
import { objectText } from "./root-field.ts";
import { chooseMedia, readGraphqlRequest, type GraphqlMedia, type GraphqlRequest, type GraphqlRequests } from "./graphql-request.ts";

/** Sets of roles. A schema has some types for each table. */
const SCHEMAS_MAX = 30;
const DOCUMENTS_LENGTH_MAX = 131_072;

/** Answers the paths that begin with `graphql`. */
export function createGraphql(options: GraphqlOptions): (exchange: Exchange) => Answer | Promise<Answer> {
  const parts: GraphqlParts = {
    ...options, names: createNames(options.catalog),
    schemas: new PlanCache(SCHEMAS_MAX), documents: new DocumentCache(DOCUMENTS_LENGTH_MAX), plans: new PlanCache(options.limits.planCacheEntries),
  };
  return (exchange) => handle(exchange, parts);
}

function handle(exchange: Exchange, parts: GraphqlParts): Answer | Promise<Answer> {
  if (exchange.segments.length !== 1) throw fault("NOT_FOUND", "Nothing is at this path.");
  exchange.route = "/graphql";
  if (!GRAPHQL_METHODS.includes(exchange.method)) throw fault("METHOD_NOT_ALLOWED", "The path does not answer to this method.", { headers: { allow: GRAPHQL_METHODS.join(", ") }, fix: `Use one of ${GRAPHQL_METHODS.join(", ")}.` });
  const media = chooseMedia(exchange.header("accept"));
  return whenReady(readGraphqlRequest(exchange), (asked) => whenReady(answerAll(exchange, asked, parts), (answers) => answerOf(exchange, { asked, answers, media })));
}

interface Asking { readonly caller: Caller; readonly schemas: CallerSchema }

interface GraphqlAnswer {
  /** Values and ready text, by response key. */
  readonly data?: Data | null;
  readonly errors?: readonly GraphqlErrorObject[];
}

/** One after the other: a batch is no more at once than its parts. */
function answerAll(exchange: Exchange, { requests, bytes }: GraphqlRequests, parts: GraphqlParts): GraphqlAnswer[] | Promise<GraphqlAnswer[]> {
  const rights = parts.access.rights(exchange.identity);
  const schemas = schemasOf(parts, rights);
  const callers = callerOf(exchange, bytes, { parts, rights, schema: schemas.schema });
  const from = (index: number, answers: GraphqlAnswer[]): GraphqlAnswer[] | Promise<GraphqlAnswer[]> =>
    (index === requests.length ? answers : whenReady(answer(exchange, requests[index]!, { caller: callers(index), schemas }), (one) => from(index + 1, [...answers, one])));
  return from(0, []);
}

function answer(exchange: Exchange, request: GraphqlRequest, { caller, schemas }: Asking): GraphqlAnswer | Promise<GraphqlAnswer> {
  const context: ErrorContext = { requestId: exchange.requestId, log: caller.parts.log };
  try {
    const { document, errors } = documentOf(request.query, schemas.schema, caller);
    if (errors.length > 0) return { errors: errors.map((error) => errorObject(error, context)) };
    const operation = getOperationAST(document, request.operationName) ?? null;
    requireMethod(exchange, operation);
    const introspected = operation === null ? new Set<string>() : introspectionKeys(document, operation);
    const executed = (schema: GraphQLSchema): ExecutionResult | Promise<ExecutionResult> =>
      execute({ schema, document, contextValue: caller, variableValues: request.variables, operationName: request.operationName }) as ExecutionResult | Promise<ExecutionResult>;
    return whenReady(executed(schemas.executable), ({ data, errors: failed }) => ({
      ...(failed === undefined ? {} : { errors: failed.map((error) => errorObject(error, context)) }),
      ...(data === undefined ? {} : { data: data === null || introspected.size === 0 ? data : withIntrospection(data, introspected, executed(schemas.schema) as ExecutionResult) }),
    }));
  } catch (error) {
    // What concerns the request itself, such as its method, is answered as HTTP has it.
    if (!(error instanceof AmbitError) || error.code === "METHOD_NOT_ALLOWED") throw error;
    return { errors: [refusalObject(error, context)] };
  }
}

type Data = Readonly<Record<string, unknown>>;

/** `declared`: of the schema that is introspected, in which all other fields are null. */
function withIntrospection(data: Data, keys: ReadonlySet<string>, { data: declared }: ExecutionResult): Data {
  const answer = Object.create(null) as Record<string, unknown>;
  for (const key of Object.keys(data)) answer[key] = keys.has(key) ? declared?.[key] : data[key];
  return answer;
}

function schemasOf({ schemas, ...parts }: GraphqlParts, rights: Rights): CallerSchema {
  return schemas.get(rights.roleKey, () => buildGraphqlSchema(parts, rights));
}

function documentOf(text: string, schema: GraphQLSchema, { parts, rights }: Caller): CompiledDocument {
  return parts.documents.get(`${rights.roleKey}\n${text}`, () => compileDocument(text, schema, parts.limits));
}

/** A link must not change anything; and nothing here goes on after its answer. */
function requireMethod(exchange: Exchange, operation: OperationDefinitionNode | null): void {
  if (operation?.operation === "subscription") throw fault("INVALID_DOCUMENT", "This version has no subscriptions.", { fix: "Send a query." });
  if (exchange.method === "POST" || operation?.operation !== "mutation") return;
  throw fault("METHOD_NOT_ALLOWED", "A mutation is sent with POST.", { headers: { allow: "POST, OPTIONS" }, fix: "Use POST." });
}

/** Of the request at this place of a batch. What it may spend is that of all of them together. */
function callerOf(exchange: Exchange, bytes: Uint8Array | null, known: Pick<Caller, "parts" | "rights" | "schema">): (index: number) => Caller {
  const { parts } = known;
  const claim = bytes === null ? null : readIdempotency(exchange, bytes);
  const startedMs = parts.clock.now();
  const { answerBytes, queryMs } = parts.limits;
  let spentBytes = 0;
  return (index) => ({
    ...known,
    dispatch(body, place) {
      const isRead = body.kind === "get" || body.kind === "query" || body.kind === "history";
      if (isRead && parts.clock.now() - startedMs > queryMs) throw fault("QUERY_TIMEOUT", `The document took longer than ${queryMs} ms.`, { fix: "Ask for less, or in several requests." });
      const runsCode = body.kind === "action" || body.kind === "endpoint";
      if (runsCode) exchange.unhurried();
      return noted(exchange, performance.now(), parts.dispatcher.dispatch(operationOf(body, {
        idempotency: isRead || claim === null ? null : { ...claim, scope: `${claim.scope} ${index} ${place}` },
        request: isRead ? null : new RequestView(exchange), signal: runsCode ? exchange.signal : null,
      }, exchange)));
    },
    spend(more) {
      spentBytes += more;
      if (spentBytes > answerBytes) throw fault("TOO_MANY_ROWS", `The answer is larger than ${answerBytes} bytes.`, { fix: "Ask for fewer rows or fields." });
    },
  });
}

function operationOf(body: OperationBody, more: Pick<Operation, "idempotency" | "request" | "signal">, { identity, requestId }: Exchange): Operation {
  return { body, identity, requestId, ...more };
}

function noted(exchange: Exchange, startedMs: number, result: Result | Promise<Result>): Result | Promise<Result> {
  return whenReady(result, (ready) => {
    exchange.dispatchMs += performance.now() - startedMs;
    if (ready.scanned) exchange.scanned = true;
    return ready;
  });
}

function answerText({ data, errors }: GraphqlAnswer): string {
  const members: (readonly [string, unknown])[] = errors === undefined ? [] : [["errors", errors]];
  if (data !== undefined) members.push(["data", data === null ? null : objectText(Object.entries(data))]);
  return objectText(members).text;
}

interface Answering { readonly asked: GraphqlRequests; readonly answers: readonly GraphqlAnswer[]; readonly media: GraphqlMedia }

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
