// One table: reads, mutations, calls of actions, followed queries. Makes requests of them; who sends them is not its business.
import { AmbitError, malformed } from "./ambit-error.ts";
import { tableFacts, type AppFacts, type TableTypes } from "./app-types.ts";
import { FollowedQuery, type LiveHandlers, type LiveQuery } from "./live-query.ts";
import { fieldsOfOrder, LiveRows, rowOrder, type Row } from "./live-rows.ts";
import type { LiveSocket } from "./live-socket.ts";
import type { HttpSender, WireAnswer, WireRequest } from "./http-sender.ts";
import type { OwnRow, Page, Query, Selected, SelectItem } from "./query-types.ts";
import { queryText } from "./query-text.ts";
import { bodyText } from "./request-body.ts";

export interface ReadOptions { readonly signal?: AbortSignal }

export interface MutationOptions {
  /** `version` of `getVersioned`: somebody else's change since then refuses this one, PRECONDITION_FAILED. */
  readonly ifVersion?: string;
  /** One that is new is made without it. The same key is never carried out twice. */
  readonly idempotencyKey?: string;
  /** Takes it back as long as it has not been sent. */
  readonly signal?: AbortSignal;
}

export interface Versioned<Value> { readonly record: Value; readonly version: string }

/** Sends what changes something. */
export interface Mutations {
  mutate(request: WireRequest, options?: MutationOptions): Promise<WireAnswer>;
}

export interface TableParts {
  readonly name: string;
  readonly facts: AppFacts;
  readonly sender: HttpSender;
  readonly mutations: Mutations;
  readonly socket: LiveSocket;
}

type Id<Table extends TableTypes> = Table["id"];
type Own<Table extends TableTypes> = OwnRow<Table["record"]>;
type Items<Table extends TableTypes> = readonly SelectItem<Table["record"]>[];
type Where<Table extends TableTypes> = Table["where"];

const NO_HEADERS: Readonly<Record<string, string>> = {};
export const ONE_RECORD = { accept: "application/vnd.pgrst.object+json, application/json;q=0.9", prefer: "return=representation" } as const;

export class TableClient<Table extends TableTypes> {
  readonly #parts: TableParts;
  readonly #path: string;

  constructor(parts: TableParts) {
    this.#parts = parts;
    this.#path = `/${encodeURIComponent(parts.name)}`;
  }

  /** Null: there is none, or none to be seen. */
  async get(id: Id<Table>, options: ReadOptions = {}): Promise<Own<Table> | null> {
    return (await this.getVersioned(id, options))?.record ?? null;
  }

  /** With what `ifVersion` takes. */
  async getVersioned(id: Id<Table>, { signal }: ReadOptions = {}): Promise<Versioned<Own<Table>> | null> {
    try {
      const answer = await this.#parts.sender.send(read(this.#record(id)), signal);
      return { record: answer.body as Own<Table>, version: answer.header("etag") ?? "" };
    } catch (error) {
      if (error instanceof AmbitError && error.code === "NOT_FOUND") return null;
      throw error;
    }
  }

  /** All rows; TOO_MANY_ROWS where the server has more than it gives at once: then use `limit` or `page`. */
  async find<const Select extends Items<Table> = Items<Table>>(query?: Query<Table, Select>, options: ReadOptions = {}): Promise<Selected<Table["record"], Select>[]> {
    const { rows, next } = await this.page(query, options);
    const limit = (query as { readonly limit?: number } | undefined)?.limit;
    if (next !== null && limit === undefined) throw new AmbitError({ status: 422, code: "TOO_MANY_ROWS", message: `There are more than ${rows.length} rows.`, fix: "Give a limit, or read page by page with `page`." });
    return [...rows];
  }

  async first<const Select extends Items<Table> = Items<Table>>(query?: Query<Table, Select>, options: ReadOptions = {}): Promise<Selected<Table["record"], Select> | null> {
    const { rows } = await this.page({ ...query, limit: 1 } as unknown as Query<Table, Select>, options);
    return rows[0] ?? null;
  }

  /** A page: its rows, and the cursor for `after` where there are more. */
  async page<const Select extends Items<Table> = Items<Table>>(query?: Query<Table, Select>, { signal }: ReadOptions = {}): Promise<Page<Selected<Table["record"], Select>>> {
    const { path, shown } = queryText(this.#parts.name, query, this.#parts.facts);
    const answer = await this.#parts.sender.send(read(path), signal);
    return { rows: shown(answer.body as Selected<Table["record"], Select>[]), next: answer.header("ambit-next-cursor") };
  }

  async count(where?: Where<Table>, { signal }: ReadOptions = {}): Promise<number> {
    const request = { method: "HEAD", path: queryText(this.#parts.name, { ...where, limit: 0 }, this.#parts.facts).path, headers: { prefer: "count=exact" }, body: null };
    const answer = await this.#parts.sender.send(request, signal);
    return Number(/\/(\d+)$/.exec(answer.header("content-range") ?? "")?.[1]);
  }

  create(input: Table["input"], options?: MutationOptions): Promise<Own<Table>> {
    return this.#one({ method: "POST", path: this.#path, body: input }, options);
  }

  /** Sets the fields given. */
  update(id: Id<Table>, patch: Table["patch"], options?: MutationOptions): Promise<Own<Table>> {
    return this.#one({ method: "PATCH", path: this.#record(id), body: patch }, options);
  }

  /** The whole record: fields left out get their default or null. Creates it where there is none. */
  replace(id: Id<Table>, input: Table["input"], options?: MutationOptions): Promise<Own<Table>> {
    return this.#one({ method: "PUT", path: this.#record(id), body: input }, options);
  }

  /** Creates, or sets the fields given where the primary key, or `onConflict`, is there already. */
  upsert(input: Table["input"], { onConflict, ...options }: MutationOptions & { readonly onConflict?: readonly (keyof Table["record"] & string)[] } = {}): Promise<Own<Table>> {
    const path = `${this.#path}${onConflict === undefined ? "" : `?on_conflict=${encodeURIComponent(onConflict.join(","))}`}`;
    return this.#one({ method: "POST", path, body: input, prefer: "resolution=merge-duplicates, return=representation" }, options);
  }

  async remove(id: Id<Table>, options?: MutationOptions): Promise<void> {
    await this.#parts.mutations.mutate({ method: "DELETE", path: this.#record(id), headers: conditional(options), body: null }, options);
  }

  /** All that `where` names, which must say something. Answers them as they are then. */
  async updateAll(where: Where<Table>, patch: Table["patch"], options?: MutationOptions): Promise<Own<Table>[]> {
    return await this.#many("PATCH", where, patch, options);
  }

  /** Answers what they were. */
  async removeAll(where: Where<Table>, options?: MutationOptions): Promise<Own<Table>[]> {
    return await this.#many("DELETE", where, undefined, options);
  }

  /** An action on a record. */
  async act<Name extends keyof Table["actions"] & string>(id: Id<Table>, action: Name, ...[given, options]: ActionArguments<Table["actions"][Name]["arguments"]>): Promise<Table["actions"][Name]["result"]> {
    const answer = await this.#parts.mutations.mutate({ method: "POST", path: `${this.#record(id)}/${encodeURIComponent(action)}`, headers: conditional(options), body: bodyText(given ?? {}) }, options);
    return answer.body as Table["actions"][Name]["result"];
  }

  /** An action on the table. */
  async call<Name extends keyof Table["calls"] & string>(action: Name, ...[given, options]: ActionArguments<Table["calls"][Name]["arguments"]>): Promise<Table["calls"][Name]["result"]> {
    const answer = await this.#parts.mutations.mutate({ method: "POST", path: `${this.#path}/${encodeURIComponent(action)}`, headers: NO_HEADERS, body: bodyText(given ?? {}) }, options);
    return answer.body as Table["calls"][Name]["result"];
  }

  /** Follows a query: a copy of its rows that is kept up to date until `close`. */
  live<const Select extends Items<Table> = Items<Table>>(query?: Query<Table, Select>, handlers: LiveHandlers<Selected<Table["record"], Select>> = {}): LiveQuery<Selected<Table["record"], Select>> {
    const { name, facts, socket } = this.#parts;
    const asked = (query ?? {}) as Row;
    if (asked["asof"] !== undefined && asked["asof"] !== null) throw malformed("The past does not change.", "asof", "Read it with find.");
    const own = tableFacts(facts, name);
    const rows = new LiveRows(own.key, rowOrder(asked, own));
    const followed = new FollowedQuery(socket, queryText(name, withOrderFields(asked), facts), rows, handlers as unknown as LiveHandlers<Row>);
    return followed as unknown as LiveQuery<Selected<Table["record"], Select>>;
  }

  #record(id: Id<Table>): string {
    return `${this.#path}/${encodeURIComponent(String(id))}`;
  }

  async #one({ method, path, body, prefer = ONE_RECORD.prefer }: { readonly method: string; readonly path: string; readonly body: object; readonly prefer?: string }, options?: MutationOptions): Promise<Own<Table>> {
    const answer = await this.#parts.mutations.mutate({ method, path, headers: { ...conditional(options), accept: ONE_RECORD.accept, prefer }, body: bodyText(body) }, options);
    return answer.body as Own<Table>;
  }

  async #many(method: string, where: Where<Table>, patch: object | undefined, options?: MutationOptions): Promise<Own<Table>[]> {
    const { path, shown } = queryText(this.#parts.name, where, this.#parts.facts);
    const answer = await this.#parts.mutations.mutate({ method, path, headers: { prefer: ONE_RECORD.prefer }, body: patch === undefined ? null : bodyText(patch) }, options);
    return [...shown(answer.body as Own<Table>[])];
  }
}

/** Arguments may be left out where none is needed. */
export type ActionArguments<Arguments> = object extends Arguments ? [given?: Arguments, options?: MutationOptions] : [given: Arguments, options?: MutationOptions];

function read(path: string): WireRequest {
  return { method: "GET", path, headers: NO_HEADERS, body: null };
}

function conditional(options: MutationOptions | undefined): Readonly<Record<string, string>> {
  return options?.ifVersion === undefined ? NO_HEADERS : { "if-match": options.ifVersion };
}

/** What puts rows in order must be in them. */
function withOrderFields(query: Row): Row {
  const { select } = query;
  if (!Array.isArray(select) || select.includes("*")) return query;
  const missing = fieldsOfOrder(query).filter((field) => !select.includes(field));
  return missing.length === 0 ? query : { ...query, select: [...(select as readonly unknown[]), ...missing] };
}
