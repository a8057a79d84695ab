// Negotiations, offers and what was agreed: begun, followed, countered, accepted. Makes requests; who sends them is not its business.
import { followed, limited, oneOf, pageOf, posted, type PageOptions, type StandingParts } from "./approvals-client.ts";
import type { LiveHandlers, LiveQuery } from "./live-query.ts";
import { compareText, type Row } from "./live-rows.ts";
import type { Page } from "./query-types.ts";
import type { MutationOptions, ReadOptions } from "./table-client.ts";

export interface Offer<Terms = unknown> {
  readonly id: string;
  readonly negotiation: string;
  readonly round: number;
  readonly state: "OPEN" | "ACCEPTED" | "COUNTERED" | "DECLINED" | "EXPIRED";
  readonly terms: Terms;
  readonly hash: string;
  readonly validUntil: string;
}

export interface Negotiation<Terms = unknown> {
  readonly id: string;
  readonly decision: string;
  readonly state: "OPEN" | "AGREED" | "DECLINED" | "EXPIRED";
  readonly round: number;
  readonly rounds: number | null;
  /** A round is under way. */
  readonly isDeciding: boolean;
  /** The last one. */
  readonly offer: Offer<Terms> | null;
}

export interface Commitment<Terms = unknown> {
  readonly id: string;
  readonly offer: string;
  readonly negotiation: string;
  readonly decision: string;
  readonly state: "ACTIVE" | "KEPT" | "BREACHED" | "REMEDIED" | "RELEASED";
  readonly terms: Terms;
  readonly dueAt: string;
  readonly isLate: boolean;
  readonly closedAt: string | null;
}

export class NegotiationsClient {
  readonly #parts: StandingParts;

  constructor(parts: StandingParts) {
    this.#parts = parts;
  }

  /** With a decision that negotiates: the first round. */
  begin<Terms = unknown>(decision: string, input: object = {}, options?: MutationOptions): Promise<Negotiation<Terms>> {
    return posted("/negotiations", { decision, input }, this.#parts, options);
  }

  /** Null: there is none, or none to be seen. */
  get<Terms = unknown>(id: string, options?: ReadOptions): Promise<Negotiation<Terms> | null> {
    return oneOf(`/negotiations/${encodeURIComponent(id)}`, this.#parts, options);
  }

  /** A list of one, as it goes on. */
  live<Terms = unknown>(id: string, handlers: LiveHandlers<Negotiation<Terms>> = {}): LiveQuery<Negotiation<Terms>> {
    return followed(`/negotiations/${encodeURIComponent(id)}`, this.#parts, handlers);
  }

  /** The next round. */
  counter<Terms = unknown>(id: string, wanted: { readonly terms?: unknown; readonly message?: string }, options?: MutationOptions): Promise<Negotiation<Terms>> {
    return posted(`/negotiations/${encodeURIComponent(id)}/counter`, wanted, this.#parts, options);
  }

  accept<Terms = unknown>({ id, hash }: Pick<Offer, "id" | "hash">, options?: MutationOptions): Promise<Offer<Terms> & { readonly commitment: Commitment<Terms> | null }> {
    return posted(`/offers/${encodeURIComponent(id)}/accept`, { hash }, this.#parts, options);
  }

  decline<Terms = unknown>({ id }: Pick<Offer, "id">, options?: MutationOptions): Promise<Offer<Terms>> {
    return posted(`/offers/${encodeURIComponent(id)}/decline`, {}, this.#parts, options);
  }

  /** What is owed, the newest first. */
  commitments<Terms = unknown>(options?: PageOptions): Promise<Page<Commitment<Terms>>> {
    return pageOf("/commitments", this.#parts, options);
  }

  /** The same as it goes on; of more than `limit` (100) the newest. */
  liveCommitments<Terms = unknown>({ limit }: { readonly limit?: number } = {}, handlers: LiveHandlers<Commitment<Terms>> = {}): LiveQuery<Commitment<Terms>> {
    return followed(`/commitments${limited(limit)}`, this.#parts, handlers, newestFirst);
  }

  commitment<Terms = unknown>(id: string, options?: ReadOptions): Promise<Commitment<Terms> | null> {
    return oneOf(`/commitments/${encodeURIComponent(id)}`, this.#parts, options);
  }

  /** To do without. */
  release<Terms = unknown>({ id }: Pick<Commitment, "id">, options?: MutationOptions): Promise<Commitment<Terms>> {
    return posted(`/commitments/${encodeURIComponent(id)}/release`, {}, this.#parts, options);
  }
}

/** Ids are in the order in which they were given. */
function newestFirst(left: Row, right: Row): number {
  return compareText(String(right["id"]), String(left["id"]));
}
