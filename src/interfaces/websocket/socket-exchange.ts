// A call or a subscription over a WebSocket as a request of its own, so that it means what it means over HTTP.
import type { Identity } from "../../access/identity.ts";
import type { Limits } from "../../base/limits.ts";
import type { Exchange } from "../http/exchange.ts";
import type { RequestTarget } from "../http/request-target.ts";

export interface SocketRequest {
  readonly method: string;
  readonly target: RequestTarget;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
  readonly requestId: string;
  readonly identity: Identity;
  readonly address: string;
  readonly limits: Limits;
  readonly signal: AbortSignal;
}

export class SocketExchange implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly segments: readonly string[];
  readonly query: string;
  readonly requestId: string;
  readonly identity: Identity;
  readonly address: string;
  readonly limits: Limits;
  readonly signal: AbortSignal;
  readonly isLocal = false;
  route = "/ws";
  dispatchMs = 0;
  scanned = false;
  readonly #headers: ReadonlyMap<string, string>;
  readonly #body: Uint8Array;

  constructor({ method, target, headers, body, requestId, identity, address, limits, signal }: SocketRequest) {
    this.method = method;
    this.path = target.path;
    this.segments = target.segments;
    this.query = target.query;
    this.requestId = requestId;
    this.identity = identity;
    this.address = address;
    this.limits = limits;
    this.signal = signal;
    this.#headers = headers;
    this.#body = body;
  }

  header(name: string): string | null {
    return this.#headers.get(name) ?? null;
  }

  headers(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#headers);
  }

  body(): Uint8Array {
    return this.#body;
  }

  unhurried(): void {
    // Nothing waits for the answer alone.
  }
}
