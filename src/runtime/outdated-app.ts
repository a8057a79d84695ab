// Requests that a change of the schema overtook: what they have not committed is done again by the app that is served by then.
import type { HttpHandler } from "../interfaces/http/exchange.ts";
import type { SocketApp } from "../interfaces/http/served-app.ts";
import { isCatalogChanged } from "../storage/catalog-changed.ts";

/** `current`: the handler that is served by then. */
export function renewing(handler: HttpHandler, current: () => HttpHandler): HttpHandler {
  const again = (exchange: Parameters<HttpHandler["handle"]>[0], error: unknown): ReturnType<HttpHandler["handle"]> => {
    const next = current();
    // To read again does no harm, whatever the old plans met in the new tables.
    const isRepeatable = exchange.method === "GET" || exchange.method === "HEAD" || isCatalogChanged(error);
    if (next === renewed || !isRepeatable) throw error;
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

type Publish = SocketApp["publish"];

/** The same for what is published over sockets: only where something is stored with it can a change of the schema come between. */
export function renewingPublish(publish: Publish, current: () => Publish): Publish {
  const again = async (done: Promise<void>, request: Parameters<Publish>[0]): Promise<void> => {
    try {
      await done;
    } catch (error) {
      const next = current();
      if (next === renewed || !isCatalogChanged(error)) throw error;
      await next(request);
    }
  };
  const renewed: Publish = (request) => {
    const done = publish(request);
    return done instanceof Promise ? again(done, request) : done;
  };
  return renewed;
}
