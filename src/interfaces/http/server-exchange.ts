// The Exchange over a request of Bun.serve. Reads headers and body only when asked: most answers need few of them.
import type { Server } from "bun";
import { anonymousIdentity } from "../../access/identities.ts";
import type { Identity } from "../../access/identity.ts";
import type { Clock } from "../../base/clock.ts";
import type { Limits } from "../../base/limits.ts";
import type { Exchange } from "./exchange.ts";
import { readBody } from "./read-body.ts";
import type { RequestTarget } from "./request-target.ts";
import type { ServedApp } from "./served-app.ts";

const NO_TARGET: RequestTarget = { path: "", segments: [], query: "" };

export class ServerExchange implements Exchange {
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
  private readonly request: Request;
  private readonly server: Server<undefined>;
  private readonly clock: Clock;

  constructor(request: Request, server: Server<undefined>, app: ServedApp, clock: Clock) {
    this.request = request;
    this.server = server;
    this.app = app;
    this.clock = clock;
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
    return this.request.headers.get(name);
  }

  headers(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.request.headers);
  }

  body(): Promise<Uint8Array> {
    return readBody(this.request, this.app.limits, this.clock);
  }

  unhurried(): void {
    this.server.timeout(this.request, 0);
  }

  /** The other end of the connection; empty when it is gone. */
  peer(): string {
    return this.server.requestIP(this.request)?.address ?? "";
  }
}
