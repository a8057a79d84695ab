// The request of an event stream as that of a list: without `since`, which says where the stream goes on, and without a page by Range.
import type { Identity } from "../../access/identity.ts";
import type { Limits } from "../../base/limits.ts";
import { urlPairs } from "../../query/url-pairs.ts";
import type { Exchange } from "../http/exchange.ts";

export class LiveExchange implements Exchange {
  readonly query: string;
  /** Null: from now on. */
  readonly since: string | null;
  readonly #whole: Exchange;

  constructor(whole: Exchange) {
    this.#whole = whole;
    const parts = whole.query === "" ? [] : whole.query.split("&");
    const isSince = (part: string): boolean => urlPairs(part)[0]?.[0] === "since";
    this.query = parts.filter((part) => !isSince(part)).join("&");
    const given = parts.find(isSince);
    // A client that connects again knows better than the address that it began with.
    this.since = whole.header("last-event-id") ?? (given === undefined ? null : urlPairs(given)[0]![1]);
  }

  get method(): string { return this.#whole.method; }
  get path(): string { return this.#whole.path; }
  get segments(): readonly string[] { return this.#whole.segments; }
  get requestId(): string { return this.#whole.requestId; }
  get identity(): Identity { return this.#whole.identity; }
  get address(): string { return this.#whole.address; }
  get isCounted(): boolean { return this.#whole.isCounted === true; }
  get limits(): Limits { return this.#whole.limits; }
  get signal(): AbortSignal { return this.#whole.signal; }
  get isLocal(): boolean { return this.#whole.isLocal; }
  get route(): string { return this.#whole.route; }
  set route(route: string) { this.#whole.route = route; }
  get dispatchMs(): number { return this.#whole.dispatchMs; }
  set dispatchMs(elapsedMs: number) { this.#whole.dispatchMs = elapsedMs; }
  get scanned(): boolean { return this.#whole.scanned; }
  set scanned(scanned: boolean) { this.#whole.scanned = scanned; }

  header(name: string): string | null {
    return name === "range" ? null : this.#whole.header(name);
  }

  headers(): Readonly<Record<string, string>> {
    return this.#whole.headers();
  }

  body(): Uint8Array | Promise<Uint8Array> {
    return this.#whole.body();
  }

  unhurried(): void {
    this.#whole.unhurried();
  }
}
