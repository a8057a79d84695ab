// API keys and the security record over HTTP: `/auth/keys` for whoever is signed in, `/admin/keys` and `/admin/security` for the
// administrator. Each request is an Operation.
import { fault } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import type { Answer, Exchange, HttpHandler } from "../interfaces/http/exchange.ts";
import { parseStrictJson } from "../interfaces/http/strict-json.ts";
import { JsonText, type KeyQuestion, type Operation, type OperationBody, type Result } from "../resources/operation.ts";
import { nameOf, type SecurityRecord } from "../resources/security-record.ts";
import type { RawInput } from "../tables/write.ts";
import type { AdministrationArea } from "./administration.ts";

type Dispatch = (operation: Operation) => Result | Promise<Result>;

const ROWS = 100;
const ROWS_MAX = 1_000;
const QUIET = { "content-type": "application/json", "cache-control": "private, no-store" } as const;

/** `GET /admin/keys?subject=&limit=&after=`, `POST` with what the key is to be, `DELETE /admin/keys/ID`. */
export function keysArea(dispatch: Dispatch): AdministrationArea {
  return {
    methods: (segments) => (segments.length === 2 ? ["GET", "HEAD", "POST"] : segments.length === 3 ? ["DELETE"] : []),
    route: (segments) => (segments.length === 2 ? "/admin/keys" : "/admin/keys/{id}"),
    async answer(exchange) {
      const { body, nextCursor } = await askKeys(exchange, dispatch);
      return exchange.method === "GET" || exchange.method === "HEAD" ? { keys: jsonOf(body), next: nextCursor } : jsonOf(body) as object ?? {};
    },
  };
}

/** `GET /admin/security?event=&subject=&limit=&after=`, newest first. */
export function securityArea(dispatch: Dispatch): AdministrationArea {
  return {
    methods: (segments) => (segments.length === 2 ? ["GET", "HEAD"] : []),
    route: () => "/admin/security",
    async answer(exchange) {
      const { event, subject, after, limit } = parameters(exchange, ["event", "subject", "limit", "after"]);
      if (after !== null && !/^[0-9]{1,15}$/.test(after)) throw fault("MALFORMED_QUERY", "after takes what next said.", { where: "after" });
      const { body, nextCursor } = await ask(exchange, dispatch, { kind: "security", ask: { event, subject, before: after === null ? null : Number(after), limit } });
      return { events: jsonOf(body), next: nextCursor };
    },
  };
}

/** What was asked for under `/admin`, whether it was permitted or not. */
export function noteAdministration(security: SecurityRecord, { identity, address, requestId, method, route }: Exchange): void {
  security.note({ event: identity.kind === "administrator" ? "administrator-acted" : "access-denied", subject: nameOf(identity), about: null, tenant: identity.tenant, address, requestId, details: { operation: `${method} ${route}` } });
}

/** `/auth/keys` and `/auth/keys/ID` in front of another handler: one's own keys. */
export function withOwnKeys(next: HttpHandler, dispatch: Dispatch): HttpHandler {
  const methodsOf = (segments: readonly string[]): readonly string[] | null => {
    if (segments[0] !== "auth" || segments[1] !== "keys" || segments.length > 3) return null;
    return segments.length === 2 ? ["GET", "HEAD", "POST", "OPTIONS"] : ["DELETE", "OPTIONS"];
  };
  return {
    methods: (segments) => methodsOf(segments) ?? next.methods(segments),
    handle(exchange) {
      const methods = methodsOf(exchange.segments);
      if (methods === null) return next.handle(exchange);
      if (!methods.includes(exchange.method)) throw fault("METHOD_NOT_ALLOWED", "The path does not answer to this method.", { headers: { allow: methods.join(", ") } });
      return answerOwn(exchange, dispatch);
    },
  };
}

async function answerOwn(exchange: Exchange, dispatch: Dispatch): Promise<Answer> {
  exchange.route = exchange.segments.length === 2 ? "/auth/keys" : "/auth/keys/{id}";
  const { status, body, nextCursor } = await askKeys(exchange, dispatch);
  if (exchange.method === "DELETE") return { status: 204, headers: { "cache-control": QUIET["cache-control"] }, body: null };
  const shown = exchange.method === "POST" ? jsonOf(body) : { keys: jsonOf(body), next: nextCursor };
  return { status, headers: { ...QUIET }, body: JSON.stringify(shown) };
}

async function askKeys(exchange: Exchange, dispatch: Dispatch): Promise<Result> {
  return ask(exchange, dispatch, { kind: "key", ask: await keyQuestion(exchange) });
}

async function keyQuestion(exchange: Exchange): Promise<KeyQuestion> {
  if (exchange.method === "DELETE") return { do: "revoke", id: exchange.segments[2]! };
  if (exchange.method === "POST") return { do: "create", input: inputOf(parseStrictJson(new TextDecoder().decode(await exchange.body()), exchange.limits.jsonDepth)) };
  const { subject, after, limit } = parameters(exchange, ["subject", "limit", "after"]);
  return { do: "list", subject, after, limit };
}

function inputOf(body: unknown): RawInput {
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw fault("VALIDATION_FAILED", "The body must be a JSON object.");
  return body as RawInput;
}

interface ListParameters { readonly event: string | null; readonly subject: string | null; readonly after: string | null; readonly limit: number }

function parameters({ query }: Exchange, known: readonly string[]): ListParameters {
  const given = new URLSearchParams(query);
  const unknown = [...given.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) throw fault("UNKNOWN_PARAMETER", `This list takes ${known.join(", ")}.`, { where: unknown, fix: "Remove it." });
  const limit = Number(given.get("limit") ?? ROWS);
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= ROWS_MAX)) throw fault("MALFORMED_QUERY", `A page has from 1 to ${ROWS_MAX} entries.`, { where: "limit" });
  return { event: given.get("event"), subject: given.get("subject"), after: given.get("after"), limit };
}

async function ask(exchange: Exchange, dispatch: Dispatch, body: OperationBody): Promise<Result> {
  const { identity, requestId, signal } = exchange;
  return dispatch({ body, identity, requestId, from: exchange, idempotency: null, request: null, signal });
}

function jsonOf(body: Result["body"]): Json {
  return body instanceof JsonText ? JSON.parse(body.text) as Json : body ?? null;
}
