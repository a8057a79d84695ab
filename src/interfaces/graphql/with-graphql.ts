// /graphql in front of another handler. The rest of it is loaded with its first request: an app that is never asked so starts without it.
import type { Answer, Exchange, HttpHandler } from "../http/exchange.ts";
import { GRAPHQL_METHODS } from "./graphql-methods.ts";
import type { GraphqlOptions } from "./graphql-parts.ts";

type Handle = (exchange: Exchange) => Answer | Promise<Answer>;

/** Other paths stay what they are. */
export function withGraphql(next: HttpHandler, options: GraphqlOptions): HttpHandler {
  let ready: Handle | null = null;
  const load = async (exchange: Exchange): Promise<Answer> => {
    const { createGraphql } = await import("./graphql-handler.ts");
    // Another request may have been quicker; what is kept between requests is kept once.
    ready ??= createGraphql(options);
    return ready(exchange);
  };
  return {
    handle: (exchange) => (exchange.segments[0] !== "graphql" ? next.handle(exchange) : ready === null ? load(exchange) : ready(exchange)),
    methods: (segments) => (segments[0] !== "graphql" ? next.methods(segments) : segments.length === 1 ? GRAPHQL_METHODS : []),
  };
}
