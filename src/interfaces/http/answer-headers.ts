// The headers that every answer has, whichever interface made it.
import type { Answer, Exchange } from "./exchange.ts";

export const VARY = "Accept, Accept-Encoding, Authorization, Cookie";
const HSTS = "max-age=31536000";

/** The same for all. Nothing we answer is a page: whatever a browser takes it for, it may load and run nothing. */
const FIXED = {
  "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "content-security-policy": "default-src 'none'; frame-ancestors 'none'", vary: VARY,
};
const TEMPLATES_MAX = 100;

/** Headers as the listener writes them. Copying ready ones is cheaper than setting each: what seldom differs is kept. */
export class HeaderTemplates {
  readonly #templates = new Map<string, Headers>();

  of(answer: Answer): Headers {
    const { "content-type": type = "", "cache-control": caching = "" } = answer.headers;
    const key = `${type}\n${caching}`;
    const headers = new Headers(this.#templates.get(key) ?? this.#create(key, type, caching));
    for (const name in answer.headers) if (name !== "content-type" && name !== "cache-control") headers.set(name, answer.headers[name]!);
    return headers;
  }

  #create(key: string, type: string, caching: string): Headers {
    const headers = new Headers(FIXED);
    if (type !== "") headers.set("content-type", type);
    if (caching !== "") headers.set("cache-control", caching);
    if (this.#templates.size < TEMPLATES_MAX) this.#templates.set(key, headers);
    return headers;
  }
}

/** Those that differ. `secure`: over TLS. */
export function addCommonHeaders(answer: Answer, exchange: Exchange, secure: boolean): void {
  const { headers } = answer;
  headers["cache-control"] ??= "private, no-cache";
  headers["x-request-id"] = exchange.requestId;
  if (exchange.dispatchMs > 0) headers["server-timing"] = `db;dur=${Math.round(exchange.dispatchMs * 100) / 100}${exchange.scanned ? ", scan" : ""}`;
  if (secure) headers["strict-transport-security"] = HSTS;
}
