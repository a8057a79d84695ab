// From a Result to the Answer on the wire: status, body in the representation asked for, and the headers that belong to it.
import { JsonText, type Result } from "../../resources/operation.ts";
import type { Table } from "../../schema/catalog.ts";
import { toWireValue } from "../../schema/wire-value.ts";
import type { Answer } from "../http/exchange.ts";
import type { RestRequest } from "./rest-request.ts";

export const NEVER_STORED = "private, no-store";

/** Empty when there is no body. */
export function textOf(body: Result["body"]): string {
  if (body === undefined) return "";
  return body instanceof JsonText ? body.text : JSON.stringify(body);
}

/** `public`: shared caches may keep it, but ask each time. */
export function cacheControl(result: Result): string {
  return result.public ? "public, no-cache" : "private, no-cache";
}

/** Headers of an answer to an unsafe request. */
export function writeHeaders(request: RestRequest, result: Result): Record<string, string> {
  const headers: Record<string, string> = { "cache-control": NEVER_STORED };
  if (result.replayed) headers["idempotency-replayed"] = "true";
  addApplied(request, headers);
  return headers;
}

export function addApplied(request: RestRequest, headers: Record<string, string>): void {
  const { applied } = request.preferences;
  if (applied.length > 0) headers["preference-applied"] = applied.join(", ");
}

/** Relative, so that it holds behind any proxy. */
export function locationOf(table: Table, id: Result["createdId"], request: RestRequest): string {
  const key = toWireValue(id, table.fields.get(table.primaryKey)!.type, request.parts.catalog);
  return `/${encodeURIComponent(table.exportName!)}/${encodeURIComponent(String(key))}`;
}

export function noContent(headers: Record<string, string>): Answer {
  return { status: 204, headers, body: null };
}
