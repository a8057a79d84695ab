// The administrator's own paths, `/admin/...`, in front of another handler. So far: the description of the app.
import { fault } from "../base/error.ts";
import type { Answer, Exchange, HttpHandler } from "../interfaces/http/exchange.ts";
import { isSection, SECTIONS, type Section } from "./describe-app.ts";

/** Makes the answer of `GET /admin/describe`, or of one section of it, `?section=NAME`. */
export type Describe = (section: Section | null) => Promise<object>;

export function withAdministration(next: HttpHandler, describe: Describe): HttpHandler {
  return {
    handle(exchange) {
      return exchange.segments[0] === "admin" ? administer(exchange, describe) : next.handle(exchange);
    },
    methods: (segments) => (isDescribe(segments) ? ["GET", "HEAD", "OPTIONS"] : next.methods(segments)),
  };
}

const isDescribe = (segments: readonly string[]): boolean => segments.length === 2 && segments[0] === "admin" && segments[1] === "describe";

async function administer(exchange: Exchange, describe: Describe): Promise<Answer> {
  if (exchange.identity.kind !== "administrator") {
    const message = "This path is the administrator's.";
    throw exchange.identity.kind === "anonymous" ? fault("UNAUTHENTICATED", message) : fault("FORBIDDEN", message);
  }
  if (!isDescribe(exchange.segments)) throw fault("NOT_FOUND", "Nothing is at this path.");
  if (exchange.method !== "GET" && exchange.method !== "HEAD") throw fault("METHOD_NOT_ALLOWED", "The path does not answer to this method.", { headers: { allow: "GET, HEAD, OPTIONS" } });
  exchange.route = "/admin/describe";
  return { status: 200, headers: { "content-type": "application/json", "cache-control": "private, no-store" }, body: JSON.stringify(await describe(sectionOf(exchange))) };
}

function sectionOf({ query }: Exchange): Section | null {
  const name = new URLSearchParams(query).get("section");
  if (name === null || isSection(name)) return name;
  throw fault("MALFORMED_QUERY", "There is no such section.", { where: "section", fix: `Use one of: ${SECTIONS.join(", ")}.` });
}
