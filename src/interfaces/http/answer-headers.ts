// The headers that every answer has, whichever interface made it.
import type { Answer } from "./exchange.ts";

export const VARY = "Accept, Accept-Encoding, Authorization, Cookie";
const HSTS = "max-age=31536000";

export interface HeaderFacts {
  readonly requestId: string;
  readonly secure: boolean;
  readonly draining: boolean;
  /** Milliseconds in the dispatcher; 0: it was not asked. */
  readonly dispatchMs: number;
  readonly scanned: boolean;
}

/** The same for all. Nothing we answer is a page: whatever a browser takes it for, it may load and run nothing. */
export function fixedHeaders(): Headers {
  return new Headers({
    "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "content-security-policy": "default-src 'none'; frame-ancestors 'none'", vary: VARY,
  });
}

/** Those that differ. */
export function addCommonHeaders(answer: Answer, facts: HeaderFacts): void {
  const { headers } = answer;
  headers["cache-control"] ??= "private, no-cache";
  headers["x-request-id"] = facts.requestId;
  if (facts.dispatchMs > 0) headers["server-timing"] = `db;dur=${Math.round(facts.dispatchMs * 100) / 100}${facts.scanned ? ", scan" : ""}`;
  if (facts.secure) headers["strict-transport-security"] = HSTS;
  if (facts.draining) headers["connection"] = "close";
}
