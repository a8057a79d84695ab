// What all REST handlers need of a request: the caller's rights, its preferences, and the Operation around a body.
import type { Rights } from "../../access/rights.ts";
import type { Value } from "../../base/value.ts";
import { AmbitError, fault } from "../../base/error.ts";
import type { Operation, OperationBody, Result } from "../../resources/operation.ts";
import { coerceText } from "../../schema/coerce-text.ts";
import type { Table } from "../../schema/catalog.ts";
import type { Exchange } from "../http/exchange.ts";
import { readIdempotency } from "./idempotency-key.ts";
import { readPreferences, type Preferences } from "./preferences.ts";
import type { RestParts } from "./rest-parts.ts";

/** Never handed to app code: they would let it act as the caller elsewhere. */
const CREDENTIALS = new Set(["authorization", "cookie", "proxy-authorization"]);

export class RestRequest {
  readonly exchange: Exchange;
  readonly parts: RestParts;
  readonly rights: Rights;
  readonly preferences: Preferences;

  constructor(exchange: Exchange, parts: RestParts) {
    this.exchange = exchange;
    this.parts = parts;
    this.rights = parts.access.rights(exchange.identity);
    this.preferences = readPreferences(exchange.header("prefer"));
  }

  /** Dispatches and keeps the time, except of whole records, which mostly come from memory. `bytes`: the request's body, for unsafe methods. */
  dispatch(body: OperationBody, bytes: Uint8Array | null): Result | Promise<Result> {
    const { exchange } = this;
    const isRead = body.kind === "get" || body.kind === "query";
    const operation: Operation = {
      body, identity: exchange.identity, requestId: exchange.requestId, idempotency: bytes === null ? null : readIdempotency(exchange, bytes),
      from: exchange, request: isRead ? null : new RequestView(exchange), signal: body.kind === "action" || body.kind === "endpoint" ? exchange.signal : null,
    };
    if (body.kind === "get" && body.plain) return this.parts.dispatcher.dispatch(operation);
    const startedMs = performance.now();
    const result = this.parts.dispatcher.dispatch(operation);
    if (!(result instanceof Promise)) return this.note(result, startedMs);
    return result.then((ready) => this.note(ready, startedMs));
  }

  private note(result: Result, startedMs: number): Result {
    this.exchange.dispatchMs = performance.now() - startedMs;
    this.exchange.scanned = result.scanned;
    if (result.cached !== undefined) this.exchange.cached = result.cached;
    return result;
  }

  /** The id in a path. What no id of the table can look like is not found. */
  idOf(table: Table, text: string): Value {
    const type = table.fields.get(table.primaryKey)!.type;
    try {
      return coerceText(text, type, this.parts.catalog);
    } catch (error) {
      if (error instanceof AmbitError) throw fault("NOT_FOUND", `There is no ${table.name} with this id.`);
      throw error;
    }
  }
}

/** Headers are collected only when a body asks for them. */
export class RequestView {
  readonly method: string;
  readonly path: string;
  /** Out of reach for app code. */
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.method = exchange.method;
    this.path = exchange.path;
    this.#exchange = exchange;
  }

  get headers(): Readonly<Record<string, string>> {
    return Object.fromEntries(Object.entries(this.#exchange.headers()).filter(([name]) => !CREDENTIALS.has(name)));
  }
}
