// /runs/{id}/receipt and /.well-known/ambit-audit: proofs of the audit log, as JSON.
import { fault } from "../../base/error.ts";
import { whenReady } from "../../base/when-ready.ts";
import { urlPairs } from "../../query/url-pairs.ts";
import type { ProofQuestion } from "../../resources/decision-port.ts";
import type { Answer } from "../http/exchange.ts";
import { NEVER_STORED, textOf } from "./rest-answer.ts";
import type { RestRequest } from "./rest-request.ts";

export function answerProof(request: RestRequest, ask: ProofQuestion): Answer | Promise<Answer> {
  return whenReady(request.dispatch({ kind: "proof", ask }, null), ({ body }) => ({ status: 200, headers: { "content-type": "application/json", "cache-control": NEVER_STORED }, body: textOf(body) }));
}

/** `?from=SIZE&to=SIZE`. */
export function consistencyQuestion({ exchange }: RestRequest): ProofQuestion {
  const given = new Map(urlPairs(exchange.query));
  const size = (name: string): number => {
    const text = given.get(name) ?? "";
    if (!/^[0-9]{1,15}$/.test(text)) throw fault("MALFORMED_QUERY", `${name} is a number of records.`, { where: name, fix: "?from=100&to=200" });
    return Number(text);
  };
  return { of: "consistency", from: size("from"), to: size("to") };
}
