// From a request of Bun.serve to its Response: names it, reads its URL, authenticates, asks the handler, adds what all answers have.
// Stays synchronous where its parts do: an answer from memory costs no promise.
import type { Server } from "bun";
import type { Identity } from "../../access/identity.ts";
import { fault } from "../../base/error.ts";
import { createTickets, type Tickets } from "../../access/tickets.ts";
import { addCommonHeaders, HeaderTemplates } from "./answer-headers.ts";
import { createBodyBudget } from "./body-budget.ts";
import { createProxyTrust } from "./client-address.ts";
import { compress } from "./compress.ts";
import { createCors, type Cors } from "./cors.ts";
import { cookieCredential, requireOwnPage } from "./cookie-credential.ts";
import { createCredentialMemory, type CredentialMemory } from "./credential-memory.ts";
import type { Answer } from "./exchange.ts";
import { LARGE_ANSWER_BYTES, largeAnswer } from "./large-answer.ts";
import { createHttpMetrics, type HttpMetrics } from "./http-metrics.ts";
import { problemAnswer } from "./problem-answer.ts";
import { createRequestIds, type RequestIds } from "./request-id.ts";
import { createRequestLog, type RequestLog } from "./request-log.ts";
import { readTarget } from "./request-target.ts";
import { takeTicket } from "./ticket-parameter.ts";
import { ServerExchange, type ExchangeParts } from "./server-exchange.ts";
import type { ServedApp, ServeOptions, SocketState } from "./served-app.ts";
import { withinTenant } from "./tenant-header.ts";
import { tracedAnswer } from "./traced-answer.ts";
import { rateHeaders } from "../../resources/usage-meter.ts";
import { createSystemRoutes, type SystemRoute, type SystemRoutes } from "./system-routes.ts";

export interface Answering {
  respond(request: Request, server: Server<SocketState>): Response | Promise<Response>;
}

export interface AnsweringOptions extends ServeOptions {
  readonly draining: () => boolean;
}

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** Bun bounds the whole head (server.ts), URL included. Whoever wants less than usual for the headers alone has them counted. */
const USUAL_HEADER_BYTES = 16_384;

export function createAnswering(options: AnsweringOptions): Answering {
  return new RequestAnswering(options);
}

class RequestAnswering implements Answering {
  private readonly options: AnsweringOptions;
  private readonly metrics: HttpMetrics = createHttpMetrics();
  private readonly cors: Cors;
  private readonly corsOpen: boolean;
  private readonly secure: boolean;
  private readonly templates = new HeaderTemplates();
  private readonly credentials: CredentialMemory;
  private readonly tickets: Tickets;
  private readonly requestIds: RequestIds;
  private readonly requestLog: RequestLog;
  private readonly parts: ExchangeParts;
  private readonly answers = createBodyBudget("The answers on their way");
  private readonly system: SystemRoutes;
  private served: ServedApp | null = null;
  /** Requests that are not answered yet. */
  private underWay = 0;

  constructor(options: AnsweringOptions) {
    this.options = options;
    this.cors = createCors(options.cors.origins);
    this.secure = options.tls !== null;
    this.corsOpen = options.cors.origins.length > 0;
    this.credentials = createCredentialMemory(options.clock);
    this.tickets = createTickets(options.clock, options.random);
    this.requestIds = createRequestIds(options.random);
    this.requestLog = createRequestLog(options.log);
    this.parts = { clock: options.clock, proxies: createProxyTrust(options.trustProxy), bodies: createBodyBudget("The bodies of all requests under way") };
    this.system = createSystemRoutes({ readiness: options.readiness, stats: options.stats, ...(options.labelled === undefined ? {} : { labelled: options.labelled }), errorPage: options.errorPage, metrics: this.metrics, tickets: this.tickets, draining: options.draining });
  }

  respond(request: Request, server: Server<SocketState>): Response | Promise<Response> {
    const response = this.begin(request, server);
    if (!(response instanceof Promise)) return response;
    this.underWay++;
    return response.finally(() => { this.underWay--; });
  }

  private begin(request: Request, server: Server<SocketState>): Response | Promise<Response> {
    const exchange = new ServerExchange(request, server, this.options.current(), this.parts);
    exchange.requestId = this.requestIds.of(exchange.header("x-request-id"));
    const tracer = this.options.tracer ?? null;
    return tracer === null ? this.respondTo(exchange) : tracedAnswer(tracer, exchange, () => this.respondTo(exchange));
  }

  private respondTo(exchange: ServerExchange): Response | Promise<Response> {
    try {
      const answer = this.answer(exchange);
      if (!(answer instanceof Promise)) return this.finish(exchange, answer);
      return answer.then((ready) => this.finish(exchange, ready)).catch((error: unknown) => this.fail(exchange, error));
    } catch (error) {
      return this.fail(exchange, error);
    }
  }

  private answer(exchange: ServerExchange): Answer | Promise<Answer> {
    exchange.target = readTarget(exchange.url, exchange.app.limits.urlBytes);
    if (exchange.app.limits.headerBytes < USUAL_HEADER_BYTES) checkHeaders(exchange);
    const system = this.system.find(exchange.segments);
    if (exchange.method === "OPTIONS" || !METHODS.has(exchange.method)) {
      const methods = system === null ? exchange.app.handler.methods(exchange.segments) : system.methods;
      return exchange.method === "OPTIONS" ? this.describe(exchange, methods) : refuseMethod(methods);
    }
    if (system !== null) {
      exchange.route = system.name;
      if (!system.methods.includes(exchange.method)) return refuseMethod(system.methods);
      if (!system.authenticated) return system.answer(exchange, exchange.app);
    }
    if (this.underWay >= exchange.app.limits.requests) throw fault("OVERLOADED", "Too many requests are under way.", { retryAfterS: 1 });
    this.serve(exchange.app);
    const ticket = takeTicket(exchange);
    const identity = ticket === null ? this.credentials.identify(exchange.app, credentialOf(exchange), exchange) : this.tickets.redeem(ticket);
    return identity instanceof Promise ? identity.then((known) => proceed(exchange, known, system)) : proceed(exchange, identity, system);
  }

  /** Tickets stand for callers as the app knows them that gave them out. */
  private serve(app: ServedApp): void {
    if (app === this.served) return;
    if (this.served !== null) this.tickets.forgetAll();
    this.served = app;
  }

  private describe(exchange: ServerExchange, methods: readonly string[]): Answer {
    if (methods.length === 0) throw fault("NOT_FOUND", "Nothing is at this path.");
    const headers: Record<string, string> = { allow: methods.join(", "), "cache-control": "private, no-store" };
    this.cors.annotatePreflight({ origin: exchange.header("origin"), requestedHeaders: exchange.header("access-control-request-headers"), methods }, headers);
    return { status: 204, headers, body: null };
  }

  private fail(exchange: ServerExchange, error: unknown): Response | Promise<Response> {
    return this.finish(exchange, problemAnswer(error, { requestId: exchange.requestId, log: this.options.log }));
  }

  private finish(exchange: ServerExchange, answer: Answer): Response | Promise<Response> {
    addCommonHeaders(answer, exchange, { secure: this.secure, rate: exchange.rate });
    if (this.options.draining()) answer.headers["connection"] = "close";
    if (this.corsOpen && exchange.method !== "OPTIONS") this.cors.annotate(exchange.header("origin"), answer.headers);
    if (answer.body === null || answer.body.length < 1_024) return this.write(exchange, answer);
    const smaller = compress(answer, exchange.header("accept-encoding"));
    return smaller instanceof Promise ? smaller.then((ready) => this.write(exchange, ready)).catch((error: unknown) => this.fail(exchange, error)) : this.write(exchange, smaller);
  }

  private write(exchange: ServerExchange, answer: Answer): Response {
    const body = answer.stream ?? this.bodyOf(exchange, answer);
    exchange.end();
    const durationMs = performance.now() - exchange.startedMs;
    this.metrics.observe(exchange.method, exchange.route, answer.status, durationMs);
    this.requestLog.write(exchange, answer.status, durationMs);
    return new Response(body, { status: answer.status, headers: withCookies(this.templates.of(answer), answer.cookies) });
  }

  private bodyOf({ method, limits }: ServerExchange, { body }: Answer): Answer["body"] | ReadableStream<Uint8Array> {
    if (body === null || body.length < LARGE_ANSWER_BYTES || method === "HEAD") return body;
    // What a write has done is answered in any case.
    return largeAnswer(body, this.answers, method === "GET" ? limits.answersBytes : Infinity);
  }
}

/** A request of a page that is none of ours signs nobody in or out, whether it has a session or not. */
function credentialOf(exchange: ServerExchange): string | null {
  const { cookies } = exchange.app;
  const sent = exchange.header("authorization");
  if (cookies === undefined || sent !== null) return sent;
  const isUnsafe = exchange.method !== "GET" && exchange.method !== "HEAD";
  if (exchange.segments[0] === "auth") {
    if (isUnsafe && (exchange.header("origin") ?? exchange.header("sec-fetch-site") ?? exchange.header("cookie")) !== null) requireOwnPage(exchange, cookies);
    // What a session means there is looked at by sign-in itself: one that has ended may still be signed out of.
    return ["ticket", "invite", "keys"].includes(exchange.segments[1] ?? "") ? cookieCredential(exchange, cookies) : null;
  }
  return exchange.header("cookie") === null ? null : cookieCredential(exchange, cookies);
}

function checkHeaders(exchange: ServerExchange): void {
  let bytes = 0;
  for (const [name, value] of Object.entries(exchange.headers())) bytes += name.length + value.length + 4;
  const { headerBytes } = exchange.limits;
  if (bytes > headerBytes) throw fault("HEADERS_TOO_LARGE", `The headers are larger than ${headerBytes} bytes.`, { headers: { connection: "close" } });
}

function withCookies(headers: Headers, cookies: readonly string[] = []): Headers {
  if (cookies.length === 0) return headers;
  const own = new Headers(headers);
  for (const cookie of cookies) own.append("set-cookie", cookie);
  return own;
}

function proceed(exchange: ServerExchange, identity: Identity, system: SystemRoute | null): Answer | Promise<Answer> {
  exchange.identity = identity.kind === "administrator" ? withinTenant(identity, (name) => exchange.header(name)) : identity;
  exchange.authenticated = true;
  const left = exchange.app.usage?.admit(exchange) ?? null;
  if (left !== null) exchange.rate = rateHeaders(left);
  return system === null ? exchange.app.handler.handle(exchange) : system.answer(exchange, exchange.app);
}

function refuseMethod(methods: readonly string[]): never {
  if (methods.length === 0) throw fault("NOT_FOUND", "Nothing is at this path.");
  throw fault("METHOD_NOT_ALLOWED", "The path does not answer to this method.", { headers: { allow: methods.join(", ") }, fix: `Use one of ${methods.join(", ")}.` });
}
