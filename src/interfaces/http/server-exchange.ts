// The Exchange over a request of Bun.serve. Reads headers and body only when asked: most answers need few of them.
import type { Server } from "bun";
import { anonymousIdentity } from "../../access/identities.ts";
import type { Identity } from "../../access/identity.ts";
import type { Clock } from "../../base/clock.ts";
import type { Limits } from "../../base/limits.ts";
import type { BodyBudget } from "./body-budget.ts";
import type { ProxyTrust } from "./client-address.ts";
import type { Exchange } from "./exchange.ts";
import { readBody } from "./read-body.ts";
import type { LoggedRequest } from "./request-log.ts";
import type { RequestTarget } from "./request-target.ts";
import type { ServedApp, SocketState } from "./served-app.ts";

const NO_TARGET: RequestTarget = { path: "", segments: [], query: "" };

/** The same for all requests of a listener. */
export interface ExchangeParts { readonly clock: Clock; readonly proxies: ProxyTrust; readonly bodies: BodyBudget }

export class ServerExchange implements Exchange, LoggedRequest {
  readonly method: string;
  readonly app: ServedApp;
  readonly startedMs: number;
  /** Set once the URL is known to be readable. */
  target: RequestTarget = NO_TARGET;
  identity: Identity = anonymousIdentity;
  authenticated = false;
  requestId = "";
  route = "unknown";
  dispatchMs = 0;
  scanned = false;
  cached?: "hit" | "miss";
  /** What is left of what the caller may ask, as headers; null: it is not limited. */
  rate: Readonly<Record<string, string>> | null = null;
  readonly streams = true;
  readonly isCounted = true;
  bodyBytesMax?: number;
  bodyBytes?: number;
  private whole: Promise<Uint8Array> | null = null;
  private heldBytes = 0;
  private known: string | null = null;
  private over = false;
  private readonly request: Request;
  /** Asked of the request once: each time costs as much as a header. */
  private readonly head: Headers;
  private readonly server: Server<SocketState>;
  private readonly parts: ExchangeParts;

  constructor(request: Request, server: Server<SocketState>, app: ServedApp, parts: ExchangeParts) {
    this.request = request;
    this.head = request.headers;
    this.server = server;
    this.app = app;
    this.parts = parts;
    this.method = request.method;
    this.startedMs = performance.now();
  }

  get path(): string { return this.target.path; }
  get segments(): readonly string[] { return this.target.segments; }
  get query(): string { return this.target.query; }
  get limits(): Limits { return this.app.limits; }
  get signal(): AbortSignal { return this.request.signal; }
  get url(): string { return this.request.url; }

  header(name: string): string | null {
    return this.head.get(name);
  }

  headers(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.head);
  }

  /** Read once, however often it is asked for. */
  body(): Promise<Uint8Array> {
    const { bodyBytesMax = this.app.limits.bodyBytes } = this;
    return this.whole ??= readBody(this.request, { limits: { bodyBytes: bodyBytesMax, requestMs: this.app.limits.requestMs }, clock: this.parts.clock, hold: (bytes) => this.hold(bytes) }).then((bytes) => {
      this.bodyBytes = bytes.length;
      return bytes;
    });
  }

  incoming(): ReadableStream<Uint8Array> | null {
    return this.request.body;
  }

  private hold(bytes: number): void {
    if (this.over) return;
    this.parts.bodies.take(bytes, this.app.limits.bodiesBytes);
    this.heldBytes += bytes;
  }

  /** The answer is made: what was held of the body is given back. */
  end(): void {
    this.over = true;
    if (this.heldBytes > 0) this.parts.bodies.give(this.heldBytes);
    this.heldBytes = 0;
  }

  unhurried(): void {
    this.server.timeout(this.request, 0);
  }

  get caller(): Identity | null {
    return this.authenticated ? this.identity : null;
  }

  /** Sent by a program on this machine itself, by no proxy that would say so. */
  get isLocal(): boolean {
    if (["x-forwarded-for", "forwarded", "via", "x-real-ip"].some((name) => this.request.headers.has(name))) return false;
    const address = this.server.requestIP(this.request)?.address ?? "";
    return address === "::1" || address.startsWith("127.") || address.startsWith("::ffff:127.");
  }

  /** Empty when the connection is gone. */
  get address(): string {
    return this.known ??= this.parts.proxies.clientAddress(this.server.requestIP(this.request)?.address ?? "", this.header("x-forwarded-for"));
  }
}
