// /negotiations, /offers and /commitments: what is offered in rounds, what is accepted, and what comes of it.
import { fault } from "../../base/error.ts";
import { whenReady } from "../../base/when-ready.ts";
import { readCount } from "../../query/rest-parameters.ts";
import { urlPairs } from "../../query/url-pairs.ts";
import type { NegotiationQuestion } from "../../resources/decision-port.ts";
import type { LiveSubscription } from "../../resources/live-frame.ts";
import type { Result } from "../../resources/operation.ts";
import type { Answer } from "../http/exchange.ts";
import { followRows, type RowsTold } from "./followed-rows.ts";
import { negotiationQuestion, type NegotiationTarget } from "./negotiation-ask.ts";
import { readArguments } from "./read-input.ts";
import { NEVER_STORED, textOf } from "./rest-answer.ts";
import type { RestRequest } from "./rest-request.ts";

const LIMIT = 20;
const LIMIT_MAX = 100;

export function answerNegotiation(request: RestRequest, { do: asks, id }: NegotiationTarget): Answer | Promise<Answer> {
  const { exchange } = request;
  if (exchange.method !== "POST") return whenReady(request.dispatch({ kind: "negotiation", ask: negotiationQuestion(asks, id ?? "", {}, pageOf(request, asks)) }, null), (result) => told(result, request));
  return whenReady(readArguments(exchange), ({ input, bytes }) => {
    const ask = negotiationQuestion(asks, id ?? "", input, { limit: LIMIT, after: null });
    if (ask.do === "start") requireExported(ask.decision, request);
    request.exchange.unhurried();
    return whenReady(request.dispatch({ kind: "negotiation", ask }, bytes), (result) => told(result, request));
  });
}

/** Where it may not be asked, nobody begins to negotiate with it. */
function requireExported(name: string, { parts: { catalog, over = "REST" } }: RestRequest): void {
  if (catalog.decisions.get(name)?.callable.exportOver?.includes(over) !== true) throw fault("NOT_FOUND", `There is no decision ${name} that negotiates.`);
}

/** One negotiation, with what is offered in it. */
export function followNegotiation(request: RestRequest, { id }: NegotiationTarget, told: RowsTold): LiveSubscription {
  pageOf(request, "find");
  return followRows(request, { of: "negotiation", id: id! }, told);
}

function told({ body, status, nextCursor, replayed }: Result, { exchange }: RestRequest): Answer {
  const headers: Record<string, string> = { "content-type": "application/json", "cache-control": NEVER_STORED, ...(replayed ? { "idempotency-replayed": "true" } : {}) };
  if (nextCursor !== null) Object.assign(headers, { "ambit-next-cursor": nextCursor, "link": `<${exchange.path}?after=${nextCursor}>; rel="next"` });
  return { status: status ?? 200, headers, body: textOf(body) };
}

function pageOf({ exchange }: RestRequest, asks: NegotiationQuestion["do"]): { readonly limit: number; readonly after: string | null } {
  const given = new Map(urlPairs(exchange.query));
  for (const name of given.keys()) if (asks !== "commitments" || (name !== "limit" && name !== "after")) throw fault("MALFORMED_QUERY", `There is no parameter ${name} here.`, { where: name });
  const limit = given.has("limit") ? readCount(given.get("limit")!, "limit") : LIMIT;
  return { limit: Math.min(limit, LIMIT_MAX), after: given.get("after") ?? null };
}
