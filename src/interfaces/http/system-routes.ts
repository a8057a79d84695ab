// The paths that every app has: health, readiness, metrics, the OpenAPI document, error pages. Not application data.
import { errorRegistry } from "../../base/error-registry.ts";
import { fault } from "../../base/error.ts";
import type { Answer, Exchange } from "./exchange.ts";
import type { HttpMetrics } from "./http-metrics.ts";
import { metricsText, statsText } from "./prometheus-text.ts";
import type { Tickets } from "../../access/tickets.ts";
import type { ServedApp, ServeOptions } from "./served-app.ts";

export interface SystemRoutes {
  /** Null: not one of these paths. */
  find(segments: readonly string[]): SystemRoute | null;
}

export interface SystemRoute {
  readonly name: string;
  /** Whether the caller's credential is looked at. */
  readonly authenticated: boolean;
  readonly methods: readonly string[];
  answer(exchange: Exchange, app: ServedApp): Answer | Promise<Answer>;
}

export interface SystemParts extends Pick<ServeOptions, "readiness" | "stats" | "labelled" | "errorPage"> {
  readonly metrics: HttpMetrics;
  readonly tickets: Tickets;
  readonly draining: () => boolean;
}

const READ: readonly string[] = ["GET", "HEAD", "OPTIONS"];
const NEVER_STORED = { "cache-control": "private, no-store" } as const;

export function createSystemRoutes(parts: SystemParts): SystemRoutes {
  const routes: Readonly<Record<string, SystemRoute>> = {
    health: { name: "/health", authenticated: false, methods: READ, answer: () => json(200, { status: "ok" }) },
    ready: { name: "/ready", authenticated: false, methods: READ, answer: () => readiness(parts) },
    metrics: { name: "/metrics", authenticated: true, methods: READ, answer: (exchange, app) => metrics(exchange, app, parts) },
    "openapi.json": { name: "/openapi.json", authenticated: true, methods: READ, answer: openApi },
  };
  const page: SystemRoute = { name: "/docs/errors/{code}", authenticated: false, methods: READ, answer: (exchange) => errorPage(exchange, parts) };
  const ticket: SystemRoute = { name: "/auth/ticket", authenticated: true, methods: ["POST", "OPTIONS"], answer: ({ identity }, { limits }) => json(200, { ticket: parts.tickets.issue(identity, limits), expiresIn: Math.floor(limits.ticketMs / 1_000) }) };
  return {
    find(segments) {
      const first = segments[0]!;
      if (segments.length === 1) return Object.hasOwn(routes, first) ? routes[first]! : null;
      if (segments.length === 2 && first === "auth" && segments[1] === "ticket") return ticket;
      return segments.length === 3 && first === "docs" && segments[1] === "errors" ? page : null;
    },
  };
}

function readiness(parts: SystemParts): Answer {
  const { ready, reasons } = parts.readiness();
  if (parts.draining()) return json(503, { status: "unavailable", reasons: ["draining", ...reasons] });
  if (!ready) return json(503, { status: "unavailable", reasons });
  return json(200, reasons.length === 0 ? { status: "ready" } : { status: "degraded", reasons });
}

/**
 * The numbers tell about other people's requests, so they are for the administrator and for collectors on this machine;
 * development mode shows them to all.
 */
function metrics(exchange: Exchange, app: ServedApp, parts: SystemParts): Answer {
  if (!app.development && !exchange.isLocal && exchange.identity.kind !== "administrator") {
    const message = "The metrics are for the administrator.";
    throw exchange.identity.kind === "anonymous" ? fault("UNAUTHENTICATED", message) : fault("FORBIDDEN", message);
  }
  const memory = process.memoryUsage();
  const text = parts.metrics.render()
    + statsText("ambit_", parts.stats())
    + metricsText("ambit_", parts.labelled?.() ?? [])
    + statsText("process_", { resident_memory_bytes: memory.rss, heap_used_bytes: memory.heapUsed, uptime_seconds: process.uptime() });
  return { status: 200, headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8", ...NEVER_STORED }, body: text };
}

function openApi(exchange: Exchange, app: ServedApp): Answer {
  return { status: 200, headers: { "content-type": "application/json", "cache-control": "private, no-cache" }, body: app.openApi(exchange.identity) };
}

async function errorPage(exchange: Exchange, parts: SystemParts): Promise<Answer> {
  const code = exchange.segments[2]!.replace(/\.md$/, "");
  const text = Object.hasOwn(errorRegistry, code) ? await parts.errorPage(code) : null;
  if (text === null) throw fault("NOT_FOUND", "There is no page for this code.");
  return { status: 200, headers: { "content-type": "text/markdown; charset=utf-8", "cache-control": "public, max-age=300" }, body: text };
}

function json(status: number, body: unknown): Answer {
  return { status, headers: { "content-type": "application/json", ...NEVER_STORED }, body: JSON.stringify(body) };
}
