// The span of a request: its method, declared route and status, under the trace context that came with it. Never its path, query or headers.
import { whenReady } from "../../base/when-ready.ts";
import type { Tracer } from "../../base/tracer.ts";
import type { Exchange } from "./exchange.ts";

type Traced = Pick<Exchange, "method" | "route" | "requestId" | "header">;

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** It ends when the answer begins: what is followed has no end. */
export function tracedAnswer(tracer: Tracer, exchange: Traced, answer: () => Response | Promise<Response>): Response | Promise<Response> {
  const method = METHODS.has(exchange.method) ? exchange.method : "_OTHER";
  return tracer.span(method, { kind: "server", traceparent: exchange.header("traceparent"), attributes: { "http.request.method": method } }, (span) => whenReady(answer(), (response) => {
    const { route } = exchange;
    if (route !== "unknown") span.rename(`${method} ${route}`);
    span.set({ "http.route": route === "unknown" ? null : route, "http.response.status_code": response.status, "ambit.request.id": exchange.requestId });
    if (response.status >= 500) span.failed(String(response.status));
    return response;
  }));
}
