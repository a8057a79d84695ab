// Cross-origin rules for browsers. Closed unless config.yaml names origins; credentials travel in Authorization, never as cookies.
import { VARY } from "./answer-headers.ts";

const EXPOSED = [
  "Age", "Ambit-Next-Cursor", "Cache-Status", "Content-Disposition", "Content-Range", "ETag", "Idempotency-Replayed", "Link", "Location", "Preference-Applied", "Retry-After", "Server-Timing", "X-Request-Id",
].join(", ");
const REQUEST_HEADERS = "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, If-Range, Prefer, Range, Range-Unit, X-Request-Id";
const PREFLIGHT_S = 600;

export interface Cors {
  /** Adds what a browser needs, when the origin is one of ours. */
  annotate(origin: string | null, headers: Record<string, string>): void;
  /** The same for OPTIONS; `methods` are those of the path. */
  annotatePreflight(request: PreflightRequest, headers: Record<string, string>): void;
}

export interface PreflightRequest {
  readonly origin: string | null;
  /** Access-Control-Request-Headers. */
  readonly requestedHeaders: string | null;
  readonly methods: readonly string[];
}

export function createCors(origins: readonly string[]): Cors {
  const open = new Set(origins);
  const permits = (origin: string | null): origin is string => origin !== null && (open.has("*") || open.has(origin));
  const annotate = (origin: string | null, headers: Record<string, string>): void => {
    if (open.size === 0) return;
    headers["vary"] = `${headers["vary"] ?? VARY}, Origin`;
    if (!permits(origin)) return;
    headers["access-control-allow-origin"] = open.has("*") ? "*" : origin;
    headers["access-control-expose-headers"] = EXPOSED;
  };
  return {
    annotate,
    annotatePreflight({ origin, requestedHeaders, methods }, headers) {
      annotate(origin, headers);
      if (!permits(origin)) return;
      headers["access-control-allow-methods"] = methods.join(", ");
      headers["access-control-allow-headers"] = requestedHeaders !== null && /^[A-Za-z0-9 ,-]{1,1000}$/.test(requestedHeaders) ? requestedHeaders : REQUEST_HEADERS;
      headers["access-control-max-age"] = String(PREFLIGHT_S);
    },
  };
}
