// The headers that every answer has, whichever interface made it.
import type { Answer, Exchange } from "./exchange.ts";

export const VARY = "Accept, Accept-Encoding, Authorization, Cookie";
const HSTS = "max-age=31536000";

/** The same for all. Nothing we answer is a page: whatever a browser takes it for, it may load and run nothing. */
export function fixedHeaders(): Headers {
  return new Headers({
    "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "content-security-policy": "default-src 'none'; frame-ancestors 'none'", vary: VARY,
  });
}

/** Those that differ. `secure`: over TLS. */
export function addCommonHeaders(answer: Answer, exchange: Exchange, secure: boolean): void {
  const { headers } = answer;
  headers["cache-control"] ??= "private, no-cache";
  headers["x-request-id"] = exchange.requestId;
  if (exchange.dispatchMs > 0) headers["server-timing"] = `db;dur=${Math.round(exchange.dispatchMs * 100) / 100}${exchange.scanned ? ", scan" : ""}`;
  if (secure) headers["strict-transport-security"] = HSTS;
}
