// One operation of a batch as a request of its own: what the batch says of it, for the rest that of the whole.
import type { Identity } from "../../access/identity.ts";
import type { Limits } from "../../base/limits.ts";
import type { Exchange } from "../http/exchange.ts";
import type { RequestTarget } from "../http/request-target.ts";

export interface BatchedRequest {
  readonly method: string;
  readonly target: RequestTarget;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

/** Of the whole request; an operation has its own or none. */
const OWN = new Set([
  "accept", "accept-encoding", "content-encoding", "content-length", "content-type", "idempotency-key", "if-match", "if-none-match", "prefer", "range",
  "range-unit", "transfer-encoding",
]);

export class BatchExchange implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly segments: readonly string[];
  readonly query: string;
  route = "/batch";
  dispatchMs = 0;
  readonly #whole: Exchange;
  readonly #own: BatchedRequest;
  #scanned = false;

  constructor(whole: Exchange, own: BatchedRequest) {
    this.#whole = whole;
    this.#own = own;
    this.method = own.method;
    this.path = own.target.path;
    this.segments = own.target.segments;
    this.query = own.target.query;
  }

  get requestId(): string { return this.#whole.requestId; }
  get identity(): Identity { return this.#whole.identity; }
  get address(): string { return this.#whole.address; }
  get isCounted(): boolean { return true; }
  get bodyBytes(): number { return this.#own.body.length; }
  get limits(): Limits { return this.#whole.limits; }
  get signal(): AbortSignal { return this.#whole.signal; }
  get isLocal(): boolean { return this.#whole.isLocal; }
  get scanned(): boolean { return this.#scanned; }

  /** Of one, and so of the whole. */
  set scanned(scanned: boolean) {
    this.#scanned = scanned;
    if (scanned) this.#whole.scanned = true;
  }

  header(name: string): string | null {
    return this.#own.headers.get(name) ?? (OWN.has(name) ? null : this.#whole.header(name));
  }

  headers(): Readonly<Record<string, string>> {
    const common = Object.entries(this.#whole.headers()).filter(([name]) => !OWN.has(name));
    return Object.fromEntries([...common, ...this.#own.headers]);
  }

  body(): Uint8Array {
    return this.#own.body;
  }

  unhurried(): void {
    this.#whole.unhurried();
  }
}
