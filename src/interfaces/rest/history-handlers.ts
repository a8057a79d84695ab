// GET /T/id/history and POST /T/id/restore.
import { fault } from "../../base/error.ts";
import { readCount } from "../../query/rest-parameters.ts";
import { urlPairs } from "../../query/url-pairs.ts";
import type { Result } from "../../resources/operation.ts";
import type { Table } from "../../schema/catalog.ts";
import type { Answer } from "../http/exchange.ts";
import { bodyTag } from "./entity-tag.ts";
import { contentRange } from "./item-range.ts";
import { prepareKeyQuery } from "./query-plans.ts";
import { chooseRepresentation, representRecord, representRows, type Representation } from "./representation.ts";
import { cacheControl, noContent, textOf, writeHeaders } from "./rest-answer.ts";
import type { RestRequest } from "./rest-request.ts";
import { withCondition } from "./read-handlers.ts";

const COLUMNS = ["position", "time", "actor", "cause", "change", "changes"];

export function readHistory(request: RestRequest, table: Table, idText: string): Answer | Promise<Answer> {
  const representation = chooseRepresentation(request.exchange.header("accept"));
  request.rights.require(table.name, "READ");
  const id = request.idOf(table, idText);
  const result = request.dispatch({ kind: "history", table: table.name, id, ...pageOf(request) }, null);
  return result instanceof Promise ? result.then((ready) => historyAnswer(request, ready, representation)) : historyAnswer(request, result, representation);
}

export async function restoreRecord(request: RestRequest, table: Table, idText: string): Promise<Answer> {
  const representation = chooseRepresentation(request.exchange.header("accept"));
  request.rights.require(table.name, "DELETE");
  const id = request.idOf(table, idText);
  const minimal = request.preferences.return === "minimal" || request.preferences.return === "headers-only" || request.rights.permission(table.name, "READ") === false;
  const { plan } = prepareKeyQuery(request, table);
  const bytes = await request.exchange.body();
  const result = await request.dispatch({ kind: "restore", table: table.name, id, returning: minimal ? null : plan }, bytes);
  const headers = writeHeaders(request, result);
  const text = textOf(result.body);
  if (text === "") return noContent(headers);
  return { status: 200, headers: { ...headers, "content-type": representation.mediaType }, body: representRecord(text, representation) };
}

/** Only `limit` and `after`. */
function pageOf(request: RestRequest): { readonly limit: number; readonly after: string | null } {
  const { pageRows } = request.parts.limits;
  let [limit, after]: [number, string | null] = [pageRows, null];
  const seen = new Set<string>();
  for (const [name, value] of urlPairs(request.exchange.query)) {
    if (seen.has(name)) throw fault("MALFORMED_QUERY", `${name} is given twice.`, { where: name });
    seen.add(name);
    if (name === "limit") limit = readCount(value, "limit");
    else if (name === "after") after = value;
    else throw fault("UNKNOWN_PARAMETER", "A history takes limit and after.", { where: name, fix: "Remove it." });
  }
  if (limit < 1 || limit > pageRows) throw fault("MALFORMED_QUERY", `A page has from 1 to ${pageRows} rows.`, { where: "limit", fix: "Ask for fewer and go on with after=." });
  return { limit, after };
}

function historyAnswer(request: RestRequest, result: Result, representation: Representation): Answer {
  const text = textOf(result.body);
  const body = representRows(text, representation, COLUMNS);
  const { rows } = result.range!;
  const headers: Record<string, string> = { "content-type": representation.mediaType, "cache-control": cacheControl(result), etag: bodyTag(body), "content-range": contentRange(0, rows, null) };
  if (result.nextCursor !== null) {
    headers["ambit-next-cursor"] = result.nextCursor;
    const kept = request.exchange.query.split("&").filter((pair) => pair.startsWith("limit="));
    headers["link"] = `<${request.exchange.path}?${[...kept, `after=${result.nextCursor}`].join("&")}>; rel="next"`;
  }
  return withCondition(request, { status: 200, headers, body });
}
