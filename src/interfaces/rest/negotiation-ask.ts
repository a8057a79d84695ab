// What a path and a body ask of negotiations, offers and commitments: for whichever interface has both.
import { fault } from "../../base/error.ts";
import type { NegotiationQuestion } from "../../resources/decision-port.ts";
import type { RawInput } from "../../tables/write.ts";

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

/** Throws VALIDATION_FAILED. */
export function negotiationQuestion(asks: NegotiationQuestion["do"], id: string, input: RawInput, page: { readonly limit: number; readonly after: string | null }): NegotiationQuestion {
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
