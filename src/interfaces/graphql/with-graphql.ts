// /graphql in front of another handler, and what WebSockets need of it. The rest of it is loaded with its first request: an app that is never
// asked so starts without it.
import type { Answer, Exchange, HttpHandler } from "../http/exchange.ts";
import type { Graphql } from "./graphql-handler.ts";
import { GRAPHQL_METHODS } from "./graphql-methods.ts";
import type { GraphqlPort } from "./graphql-port.ts";
import type { GraphqlOptions } from "./graphql-parts.ts";

export interface GraphqlInFront {
  /** Other paths stay what they are. */
  readonly handler: HttpHandler;
  readonly port: GraphqlPort;
}

export function withGraphql(next: HttpHandler, options: GraphqlOptions): GraphqlInFront {
  let ready: Graphql | null = null;
  const load = async (): Promise<Graphql> => {
    const { createGraphql } = await import("./graphql-handler.ts");
    // Another request may have been quicker; what is kept between requests is kept once.
    return ready ??= createGraphql(options);
  };
  const answer = (exchange: Exchange): Answer | Promise<Answer> => (ready === null ? load().then((graphql) => graphql.handle(exchange)) : ready.handle(exchange));
  return {
    handler: {
      handle: (exchange) => (exchange.segments[0] === "graphql" ? answer(exchange) : next.handle(exchange)),
      methods: (segments) => (segments[0] !== "graphql" ? next.methods(segments) : segments.length === 1 ? GRAPHQL_METHODS : []),
    },
    port: { operate: (exchange, payload) => (ready === null ? load().then((graphql) => graphql.operate(exchange, payload)) : ready.operate(exchange, payload)) },
  };
}
