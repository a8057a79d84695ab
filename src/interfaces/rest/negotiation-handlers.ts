// /negotiations, /offers and /commitments: what is offered in rounds, what is accepted, and what comes of it.
import { fault } from "../../base/error.ts";
import { whenReady } from "../../base/when-ready.ts";
import { readCount } from "../../query/rest-parameters.ts";
import { urlPairs } from "../../query/url-pairs.ts";
import type { NegotiationQuestion } from "../../resources/decision-port.ts";
import type { LiveSubscription } from "../../resources/live-frame.ts";
import type { Result } from "../../resources/operation.ts";
import type { RawInput } from "../../tables/write.ts";
import type { Answer } from "../http/exchange.ts";
import { followRows, type RowsTold } from "./followed-rows.ts";
import { readArguments } from "./read-input.ts";
import { NEVER_STORED, textOf } from "./rest-answer.ts";
import type { RestRequest } from "./rest-request.ts";

const LIMIT = 20;
const LIMIT_MAX = 100;

/** By what is asked; `id` null: of all. */
export interface NegotiationTarget { readonly kind: "negotiation"; readonly do: NegotiationQuestion["do"]; readonly id: string | null }

/** Null: there is no such path. */
export function findNegotiation(method: string, [first, id, verb, ...more]: readonly string[]): { readonly target: NegotiationTarget; readonly name: string } | null {
  const found = ROUTES.find((route) => route.method === method && route.first === first && route.verb === (verb ?? null) && route.hasId === (id !== undefined));
  if (found === undefined || id === "" || more.length > 0) return null;
  return { target: { kind: "negotiation", do: found.do, id: id ?? null }, name: `/${found.first}${found.hasId ? "/{id}" : ""}${found.verb === null ? "" : `/${found.verb}`}` };
}

const route = (method: string, first: string, verb: string | null, asks: NegotiationQuestion["do"], hasId = true): { readonly method: string; readonly first: string; readonly verb: string | null; readonly do: NegotiationQuestion["do"]; readonly hasId: boolean } => ({ method, first, verb, do: asks, hasId });
const ROUTES = [
  route("POST", "negotiations", null, "start", false), route("GET", "negotiations", null, "find"), route("POST", "negotiations", "counter", "counter"),
  route("GET", "offers", null, "offer"), route("POST", "offers", "accept", "accept"), route("POST", "offers", "decline", "decline"),
  route("GET", "commitments", null, "commitments", false), route("GET", "commitments", null, "commitment"), route("POST", "commitments", "release", "release"),
];

export function answerNegotiation(request: RestRequest, { do: asks, id }: NegotiationTarget): Answer | Promise<Answer> {
  const { exchange } = request;
  if (exchange.method !== "POST") return whenReady(request.dispatch({ kind: "negotiation", ask: asked(asks, id ?? "", {}, pageOf(request, asks)) }, null), (result) => told(result, request));
  return whenReady(readArguments(exchange), ({ input, bytes }) => {
    const ask = asked(asks, id ?? "", input, { limit: LIMIT, after: null });
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

function asked(asks: NegotiationQuestion["do"], id: string, input: RawInput, page: { readonly limit: number; readonly after: string | null }): NegotiationQuestion {
  const given = input as { readonly [name: string]: unknown };
  switch (asks) {
    case "start": {
      const { decision, input: wanted = {} } = only(given, ["decision", "input"]);
      if (typeof decision !== "string" || typeof wanted !== "object" || wanted === null) throw fault("VALIDATION_FAILED", "A negotiation is begun with a decision and its input.", { where: "decision", fix: "Send {\"decision\": \"NAME\", \"input\": {...}}." });
      return { do: asks, decision, input: wanted as RawInput };
    }
    case "counter": {
      const { terms, message } = only(given, ["terms", "message"]);
      return { do: asks, id, terms, message };
    }
    case "accept": {
      const { hash } = only(given, ["hash"]);
      if (typeof hash !== "string") throw fault("VALIDATION_FAILED", "What is accepted is what was shown: it needs its hash.", { where: "hash", fix: "Send the hash of the offer." });
      return { do: asks, id, hash };
    }
    case "commitments": return { do: asks, ...page };
    default: return { do: asks, id };
  }
}

function only(given: { readonly [name: string]: unknown }, names: readonly string[]): { readonly [name: string]: unknown } {
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) throw fault("VALIDATION_FAILED", `There is no ${unknown} here.`, { where: unknown, fix: `Send ${names.join(", ")}.` });
  return given;
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
