// `ticket=` of an event stream: the credential of who can send no headers. Taken out of the query, so that nothing behind sees it.
import { fault } from "../../base/error.ts";
import { urlPairs } from "../../query/url-pairs.ts";
import type { ServerExchange } from "./server-exchange.ts";

const NAME = "ticket";
const EVENTS = "text/event-stream";

/** Null: there is none, or the request is no event stream, for which the word means nothing. */
export function takeTicket(exchange: ServerExchange): string | null {
  const { target, method } = exchange;
  if (method !== "GET" || !target.query.includes(NAME) || exchange.header("accept")?.includes(EVENTS) !== true) return null;
  const parts = target.query.split("&");
  const isTicket = (part: string): boolean => urlPairs(part)[0]?.[0] === NAME;
  const tickets = parts.filter(isTicket);
  if (tickets.length === 0) return null;
  if (tickets.length > 1 || exchange.header("authorization") !== null) throw fault("MALFORMED_QUERY", "A request has one credential.", { where: NAME, fix: 'Send a ticket or the Authorization header. A field of that name is written "ticket"=eq.VALUE.' });
  exchange.target = { ...target, query: parts.filter((part) => !isTicket(part)).join("&") };
  return urlPairs(tickets[0]!)[0]![1];
}
