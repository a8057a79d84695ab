// What a document may do on behalf of its request: dispatch Operations, each bounded by what all documents of the request may spend together.
import { fault } from "../../base/error.ts";
import { whenReady } from "../../base/when-ready.ts";
import type { Operation, OperationBody, Result } from "../../resources/operation.ts";
import type { Exchange } from "../http/exchange.ts";
import { readIdempotency } from "../rest/idempotency-key.ts";
import { RequestView } from "../rest/rest-request.ts";
import type { Caller } from "./graphql-parts.ts";

/** Of the request at this place of a batch. What it may spend is that of all of them together. */
export function callerOf(exchange: Exchange, bytes: Uint8Array | null, known: Pick<Caller, "parts" | "rights" | "schema">): (index: number) => Caller {
  const { parts } = known;
  const claim = bytes === null ? null : readIdempotency(exchange, bytes);
  const startedMs = parts.clock.now();
  const { answerBytes, queryMs } = parts.limits;
  let spentBytes = 0;
  const { identity, address, isCounted = false } = exchange;
  return (index) => ({
    ...known, sender: { identity, address, isCounted },
    dispatch(body, place) {
      const isRead = body.kind === "get" || body.kind === "query" || body.kind === "history";
      if (isRead && parts.clock.now() - startedMs > queryMs) throw fault("QUERY_TIMEOUT", `The document took longer than ${queryMs} ms.`, { fix: "Ask for less, or in several requests." });
      const runsCode = body.kind === "action" || body.kind === "endpoint" || body.kind === "batch";
      if (runsCode || body.kind === "decide" || body.kind === "negotiation") exchange.unhurried();
      return noted(exchange, performance.now(), parts.dispatcher.dispatch(operationOf(body, {
        idempotency: isRead || claim === null ? null : { ...claim, scope: `${claim.scope} ${index} ${place}` },
        request: isRead ? null : new RequestView(exchange), signal: runsCode ? exchange.signal : null,
      }, exchange)));
    },
    operation: (body) => operationOf(body, { idempotency: null, request: new RequestView(exchange), signal: exchange.signal }, exchange),
    spend(more) {
      spentBytes += more;
      if (spentBytes > answerBytes) throw fault("TOO_MANY_ROWS", `The answer is larger than ${answerBytes} bytes.`, { fix: "Ask for fewer rows or fields." });
    },
  });
}

/** The document is one body of many operations: what each brings is measured by itself. */
function operationOf(body: OperationBody, more: Pick<Operation, "idempotency" | "request" | "signal">, { identity, requestId, address, isCounted = false }: Exchange): Operation {
  return { body, identity, requestId, from: { identity, address, isCounted }, ...more };
}

function noted(exchange: Exchange, startedMs: number, result: Result | Promise<Result>): Result | Promise<Result> {
  return whenReady(result, (ready) => {
    exchange.dispatchMs += performance.now() - startedMs;
    if (ready.scanned) exchange.scanned = true;
    return ready;
  });
}
