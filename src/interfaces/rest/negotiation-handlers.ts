// /negotiations, /offers and /commitments: what is offered in rounds, what is accepted, and what comes of it.
import { fault } from "../../base/error.ts";
import { whenReady } from "../../base/when-ready.ts";
import { urlPairs } from "../../query/url-pairs.ts";
import type { NegotiationQuestion, RowsQuestion } from "../../resources/decision-port.ts";
import type { LiveSubscription } from "../../resources/live-frame.ts";
import type { Result } from "../../resources/operation.ts";
import type { Answer } from "../http/exchange.ts";
import { followPage, followRows, standingPage, type RowsTold } from "./followed-rows.ts";
import { negotiationQuestion, type NegotiationTarget } from "./negotiation-ask.ts";
import { readArguments } from "./read-input.ts";
import { NEVER_STORED, textOf } from "./rest-answer.ts";
import type { RestRequest } from "./rest-request.ts";

const FIRST_PAGE = { limit: 20, after: null };

export function answerNegotiation(request: RestRequest, { do: asks, id }: NegotiationTarget): Answer | Promise<Answer> {
  const { exchange } = request;
  if (exchange.method !== "POST") return whenReady(request.dispatch({ kind: "negotiation", ask: negotiationQuestion(asks, id ?? "", {}, pageOf(request, asks)) }, null), (result) => told(result, request));
  return whenReady(readArguments(exchange), ({ input, bytes }) => {
    const ask = negotiationQuestion(asks, id ?? "", input, FIRST_PAGE);
    if (ask.do === "start") requireExported(ask.decision, request);
    request.exchange.unhurried();
    return whenReady(request.dispatch({ kind: "negotiation", ask }, bytes), (result) => told(result, request));
  });
}

/** Where it may not be asked, nobody begins to negotiate with it. */
function requireExported(name: string, { parts: { catalog, over = "REST" } }: RestRequest): void {
  if (catalog.decisions.get(name)?.callable.exportOver?.includes(over) !== true) throw fault("NOT_FOUND", `There is no decision ${name} that negotiates.`);
}

/** What is followed of these; null: of such a path nothing is. */
export function followedNegotiation({ do: asks, id }: NegotiationTarget): ((request: RestRequest, told: RowsTold) => LiveSubscription) | null {
  switch (asks) {
    case "find": return (request, told) => followOne(request, { of: "negotiation", id: id! }, told);
    case "commitment": return (request, told) => followOne(request, { of: "commitment", id: id! }, told);
    case "commitments": return (request, told) => followPage(request, "commitments", told);
    default: return null;
  }
}

function followOne(request: RestRequest, ask: RowsQuestion, told: RowsTold): LiveSubscription {
  pageOf(request, "find");
  return followRows(request, ask, told);
}

function told({ body, status, nextCursor, replayed }: Result, { exchange }: RestRequest): Answer {
  const headers: Record<string, string> = { "content-type": "application/json", "cache-control": NEVER_STORED, ...(replayed ? { "idempotency-replayed": "true" } : {}) };
  if (nextCursor !== null) Object.assign(headers, { "ambit-next-cursor": nextCursor, "link": `<${exchange.path}?after=${nextCursor}>; rel="next"` });
  return { status: status ?? 200, headers, body: textOf(body) };
}

/** Nothing but a list has pages. */
function pageOf(request: RestRequest, asks: NegotiationQuestion["do"]): { readonly limit: number; readonly after: string | null } {
  if (asks === "commitments") return standingPage(request);
  for (const [name] of urlPairs(request.exchange.query)) throw fault("MALFORMED_QUERY", `There is no parameter ${name} here.`, { where: name });
  return FIRST_PAGE;
}
