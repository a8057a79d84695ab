// /memory/TABLE/ID: what is known of a record, and facts that are posted about it, by predicate.
import { parseDateTime } from "../../base/date-time.ts";
import { fault } from "../../base/error.ts";
import { whenReady } from "../../base/when-ready.ts";
import { urlPairs } from "../../query/url-pairs.ts";
import type { Table } from "../../schema/catalog.ts";
import type { Answer } from "../http/exchange.ts";
import { readArguments } from "./read-input.ts";
import { NEVER_STORED, textOf } from "./rest-answer.ts";
import type { RestRequest } from "./rest-request.ts";

export function answerMemory(request: RestRequest, { table, id }: { readonly table: Table; readonly id: string }): Answer | Promise<Answer> {
  const about = `${table.name}:${id}`;
  const { exchange } = request;
  const headers = { "content-type": "application/json", "cache-control": NEVER_STORED };
  if (exchange.method !== "POST") {
    const { asOf } = timesIn(request, ["asOf"]);
    return whenReady(request.dispatch({ kind: "recall", ask: { about, asOf: asOf ?? null, mode: "caller" } }, null), ({ body }) => ({ status: 200, headers, body: textOf(body) }));
  }
  const { validFrom, validTo } = timesIn(request, ["validFrom", "validTo"], ["untrusted"]);
  const isUntrusted = new Map(urlPairs(exchange.query)).get("untrusted") === "true";
  return whenReady(readArguments(exchange), ({ input, bytes }) => whenReady(
    request.dispatch({ kind: "remember", ask: { about, facts: input, validFrom: validFrom ?? null, validTo: validTo ?? null, isUntrusted, mode: "caller" } }, bytes),
    ({ status, body }) => ({ status, headers, body: textOf(body) }),
  ));
}

/** Canonical. Throws MALFORMED_QUERY for what is none, and for parameters that mean nothing here. */
function timesIn({ exchange }: RestRequest, names: readonly string[], others: readonly string[] = []): { readonly [name: string]: string } {
  const found: Record<string, string> = {};
  for (const [name, text] of urlPairs(exchange.query)) {
    if (others.includes(name)) continue;
    const time = names.includes(name) ? parseDateTime(text) : null;
    if (time === null) throw fault("MALFORMED_QUERY", names.includes(name) ? `${name} is a time.` : "This means nothing here.", { where: name, fix: `Use ${names.join(", ")}, as 2026-01-31T12:00:00Z.` });
    found[name] = time;
  }
  return found;
}
