// Requests that a change of the schema overtook: what they have not committed is done again by the app that is served by then.
import { AmbitError } from "../base/error.ts";
import type { HttpHandler } from "../interfaces/http/exchange.ts";
import { CatalogChanged } from "../storage/catalog-changed.ts";

/** `current`: the handler that is served by then. */
export function renewing(handler: HttpHandler, current: () => HttpHandler): HttpHandler {
  const again = (exchange: Parameters<HttpHandler["handle"]>[0], error: unknown): ReturnType<HttpHandler["handle"]> => {
    const next = current();
    if (next === renewed || !isOvertaken(error)) throw error;
    return next.handle(exchange);
  };
  const renewed: HttpHandler = {
    handle(exchange) {
      try {
        const answer = handler.handle(exchange);
        return answer instanceof Promise ? answer.catch((error: unknown) => again(exchange, error)) : answer;
      } catch (error) {
        return again(exchange, error);
      }
    },
    methods: (segments) => handler.methods(segments),
  };
  return renewed;
}

function isOvertaken(error: unknown): boolean {
  return error instanceof AmbitError && error.extras.cause instanceof CatalogChanged;
}
