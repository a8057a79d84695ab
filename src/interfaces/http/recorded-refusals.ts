// What is refused on the way through a handler, before or in the Operation, is told to the security record.
import type { SecurityRecord } from "../../resources/security-record.ts";
import type { Exchange, HttpHandler } from "./exchange.ts";

export function recordingRefusals(handler: HttpHandler, security: SecurityRecord): HttpHandler {
  return {
    handle(exchange) {
      try {
        const answer = handler.handle(exchange);
        return answer instanceof Promise ? answer.catch((error: unknown) => told(error, exchange, security)) : answer;
      } catch (error) {
        return told(error, exchange, security);
      }
    },
    methods: (segments) => handler.methods(segments),
  };
}

function told(error: unknown, exchange: Exchange, security: SecurityRecord): never {
  security.refused(error, exchange, `${exchange.method} ${exchange.route}`);
  throw error;
}
