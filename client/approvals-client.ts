// What waits for people: pages of it, the queue as it goes on, and the words that are said of it. Makes requests; who sends them is not its business.
import { AmbitError } from "./ambit-error.ts";
import type { HttpSender } from "./http-sender.ts";
import { FollowedQuery, type LiveHandlers, type LiveQuery } from "./live-query.ts";
import { LiveRows, type Row } from "./live-rows.ts";
import type { LiveSocket } from "./live-socket.ts";
import type { Page } from "./query-types.ts";
import { bodyText } from "./request-body.ts";
import type { Mutations, MutationOptions, ReadOptions } from "./table-client.ts";

export interface Approval {
  readonly id: string;
  readonly run: string;
  readonly decision: string;
  readonly state: "WAITING" | "APPROVED" | "EDITED" | "REJECTED" | "VOID" | "EXPIRED";
  /** Roles. */
  readonly by: readonly string[];
  readonly openedAt: string;
  readonly dueAt: string;
  readonly closedAt: string | null;
  /** Of what follows, which is there while it waits. */
  readonly hash?: string;
  readonly output?: unknown;
  readonly effects?: readonly ProposedEffect[];
  readonly input?: { readonly [name: string]: unknown };
  readonly contexts?: { readonly [name: string]: unknown };
  /** Why people are asked, besides what is declared: `bound:NAME`, `taint:TOOL`. */
  readonly escalated?: readonly string[];
  readonly taint?: "UNTRUSTED" | null;
}

export interface ProposedEffect { readonly operation: string; readonly args: { readonly [name: string]: unknown } }

/** What came of a word. */
export interface Decided { readonly id: string; readonly state: Approval["state"]; readonly run: { readonly id: string; readonly state: string; readonly output: unknown } }

/** As it was shown. */
export type Shown = Pick<Approval, "id" | "hash">;

export interface PageOptions extends ReadOptions { readonly limit?: number; /** `next` of the page before. */ readonly after?: string }

export interface StandingParts { readonly sender: HttpSender; readonly mutations: Mutations; readonly socket: LiveSocket }

const PATH = "/approvals";

export class ApprovalsClient {
  readonly #parts: StandingParts;

  constructor(parts: StandingParts) {
    this.#parts = parts;
  }

  /** The oldest first. */
  page(options?: PageOptions): Promise<Page<Approval>> {
    return pageOf<Approval>(PATH, this.#parts, options);
  }

  /** Null: there is none, or none to be seen. */
  get(id: string, options?: ReadOptions): Promise<Approval | null> {
    return oneOf<Approval>(`${PATH}/${encodeURIComponent(id)}`, this.#parts, options);
  }

  /** What waits, as it goes on; of more than `limit` (100) the oldest. */
  live({ limit }: { readonly limit?: number } = {}, handlers: LiveHandlers<Approval> = {}): LiveQuery<Approval> {
    return followed<Approval>(PATH + limited(limit), this.#parts, handlers);
  }

  /** Exactly what was shown. */
  approve({ id, hash }: Shown, options?: MutationOptions): Promise<Decided> {
    return this.#say(id, { verdict: "APPROVE", hash }, options);
  }

  reject({ id }: Pick<Approval, "id">, reason: string | null = null, options?: MutationOptions): Promise<Decided> {
    return this.#say(id, { verdict: "REJECT", reason }, options);
  }

  /** Something else instead, inside the bounds. */
  edit({ id, hash }: Shown, instead: { readonly output?: unknown; readonly effects?: readonly ProposedEffect[] }, options?: MutationOptions): Promise<Decided> {
    return this.#say(id, { verdict: "EDIT", hash, ...instead }, options);
  }

  #say(id: string, word: object, options?: MutationOptions): Promise<Decided> {
    return posted<Decided>(`${PATH}/${encodeURIComponent(id)}`, word, this.#parts, options);
  }
}

export function limited(limit: number | undefined): string {
  return limit === undefined ? "" : `?limit=${limit}`;
}

export async function pageOf<Value>(path: string, { sender }: StandingParts, { limit, after, signal }: PageOptions = {}): Promise<Page<Value>> {
  const given = [...(limit === undefined ? [] : [`limit=${limit}`]), ...(after === undefined ? [] : [`after=${encodeURIComponent(after)}`])];
  const answer = await sender.send({ method: "GET", path: `${path}${given.length === 0 ? "" : `?${given.join("&")}`}`, headers: {}, body: null }, signal);
  return { rows: answer.body as readonly Value[], next: answer.header("ambit-next-cursor") };
}

export async function oneOf<Value>(path: string, { sender }: StandingParts, { signal }: ReadOptions = {}): Promise<Value | null> {
  try {
    return (await sender.send({ method: "GET", path, headers: {}, body: null }, signal)).body as Value;
  } catch (error) {
    if (error instanceof AmbitError && error.code === "NOT_FOUND") return null;
    throw error;
  }
}

export async function posted<Value>(path: string, body: object, { mutations }: StandingParts, options?: MutationOptions): Promise<Value> {
  return (await mutations.mutate({ method: "POST", path, headers: {}, body: bodyText(body) }, options)).body as Value;
}

/** `compare` null: in the order in which they were told. */
export function followed<Value>(path: string, { socket }: StandingParts, handlers: LiveHandlers<Value>, compare: ((left: Row, right: Row) => number) | null = null): LiveQuery<Value> {
  return new FollowedQuery(socket, { path, shown: (rows) => rows }, new LiveRows("id", compare), handlers as unknown as LiveHandlers<Row>) as unknown as LiveQuery<Value>;
}
