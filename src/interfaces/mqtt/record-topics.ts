// Tables as topics: a record's topic is written by a retained message, followed by whoever may read it, under the rules of every other way.
import type { Access, Rights } from "../../access/rights.ts";
import type { Identity } from "../../access/identity.ts";
import type { Clock } from "../../base/clock.ts";
import { dateTimeOf } from "../../base/date-time.ts";
import { AmbitError, fault } from "../../base/error.ts";
import type { Limits } from "../../base/limits.ts";
import type { Value } from "../../base/value.ts";
import { defaultPlan } from "../../query/key-plan.ts";
import type { Plan } from "../../query/plan.ts";
import type { LiveSink, LiveSubscription } from "../../resources/live-frame.ts";
import type { LiveQueries } from "../../resources/live-queries.ts";
import type { Operation, OperationBody, Result } from "../../resources/operation.ts";
import { PlanCache } from "../../resources/plan-cache.ts";
import type { Catalog, Table } from "../../schema/catalog.ts";
import { coerceText } from "../../schema/coerce-text.ts";
import type { RawInput } from "../../tables/write.ts";
import { decodeUtf8, parseStrictJson } from "../http/strict-json.ts";
import { readPrecondition } from "../rest/entity-tag.ts";
import { readIdempotency } from "../rest/idempotency-key.ts";
import { userProperty } from "./packet-types.ts";
import type { Publication, RecordSource } from "./topic-source.ts";
import type { TopicFilter, TopicName } from "./topics.ts";

export interface RecordTopicsOptions {
  readonly catalog: Catalog;
  readonly limits: Limits;
  readonly access: Access;
  readonly clock: Clock;
  readonly dispatcher: { dispatch(operation: Operation): Result | Promise<Result>; readonly live: LiveQueries };
}

export class RecordTopics {
  readonly #options: RecordTopicsOptions;
  readonly #tables = new Map<string, Table>();
  readonly #plans: PlanCache<Plan>;

  constructor(options: RecordTopicsOptions) {
    this.#options = options;
    this.#plans = new PlanCache(options.limits.planCacheEntries);
    for (const table of options.catalog.tables.values()) {
      if (table.exportName !== null && table.exportOver.includes("MQTT")) this.#tables.set(table.exportName, table);
    }
  }

  has(name: string): boolean {
    return this.#tables.has(name);
  }

  /** Some of its records, at least. */
  isReadable(name: string, identity: Identity): boolean {
    return this.#options.access.rights(identity).permission(this.#tables.get(name)!.name, "READ") !== false;
  }

  /** What matches; of everything only what the caller may read. Throws what a read of a named table would. */
  sources({ name, key }: TopicFilter, identity: Identity): RecordSource[] {
    const rights = this.#options.access.rights(identity);
    if (name !== null) {
      const table = this.#tables.get(name);
      if (table === undefined) return [];
      rights.require(table.name, "READ");
      return this.#sourceOf(table, key, rights);
    }
    return [...this.#tables.values()].filter((table) => rights.permission(table.name, "READ") !== false).flatMap((table) => this.#sourceOf(table, key, rights));
  }

  /** Writes the record, or removes it. Resolves when that is durable. */
  async publish({ name, key }: TopicName, publication: Publication): Promise<void> {
    const table = this.#tables.get(name)!;
    if (!publication.retain) {
      throw fault("METHOD_NOT_ALLOWED", "A record is written by a retained message.", { fix: "Set the message's retain flag: its payload is the record, an empty one removes it." });
    }
    const id = this.#idOf(table, key);
    const isRemoval = publication.payload.length === 0;
    const { limits } = this.#options;
    const header = (wanted: string): string | null => userProperty(publication.properties?.userProperties, wanted);
    const precondition = readPrecondition(header("if-match"), header("if-none-match"));
    const body: OperationBody = isRemoval
      ? { kind: "remove", table: table.name, id, precondition, returning: null }
      : { kind: "replace", table: table.name, id, input: inputOf(publication.payload, limits), precondition, returning: null };
    const method = isRemoval ? "DELETE" : "PUT";
    const path = `/${encodeURIComponent(name)}/${encodeURIComponent(key)}`;
    const { identity, from, requestId, effect } = publication;
    const idempotency = readIdempotency({ header, limits, identity, method, path, query: "" }, publication.payload);
    try {
      await this.#options.dispatcher.dispatch({ body, identity, ...(from === undefined ? {} : { from }), requestId, idempotency, request: { method, path, headers: {} }, signal: null, effect });
    } catch (error) {
      // Sent again after a lost acknowledgement: it is not there, as was asked for.
      if (!(isRemoval && precondition === null && error instanceof AmbitError && error.code === "NOT_FOUND")) throw error;
    }
  }

  #sourceOf(table: Table, key: string | null, rights: Rights): RecordSource[] {
    const name = table.exportName!;
    let id: Value = null;
    if (key !== null) {
      try {
        id = this.#idOf(table, key);
      } catch (error) {
        if (error instanceof AmbitError) return [];
        throw error;
      }
    }
    const { live } = this.#options.dispatcher;
    return [{
      kind: "records", name: key === null ? name : `${name}/${key}`, topics: name, primaryKey: table.primaryKey,
      follow: (since: string | null, sink: LiveSink): LiveSubscription => live.subscribe({ plan: this.#planOf(table, rights, key === null ? "all" : "one"), limit: null, since, ...(key === null ? {} : { id }) }, rights, sink),
    }];
  }

  /** What is prepared for a plan is for one record or for all: two objects. */
  #planOf(table: Table, rights: Rights, of: "one" | "all"): Plan {
    const { limits, clock } = this.#options;
    return this.#plans.get(`${rights.roleKey}\n${table.name} ${of}`, () => defaultPlan({ table, scope: rights.scope, limits, now: dateTimeOf(clock.now()) }));
  }

  #idOf(table: Table, text: string): Value {
    try {
      return coerceText(text, table.fields.get(table.primaryKey)!.type, this.#options.catalog);
    } catch (error) {
      if (error instanceof AmbitError) throw fault("NOT_FOUND", `There is no ${table.name} with this id.`);
      throw error;
    }
  }
}

/** An object without a prototype, so that no field name finds what it does not hold. */
export function inputOf(payload: Uint8Array, { jsonDepth, bodyBytes }: Limits): RawInput {
  if (payload.length > bodyBytes) throw fault("BODY_TOO_LARGE", `The payload has more than ${bodyBytes} bytes.`);
  const value = parseStrictJson(decodeUtf8(payload), jsonDepth);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw fault("VALIDATION_FAILED", "The payload must be a JSON object.");
  return Object.assign(Object.create(null), value) as RawInput;
}
