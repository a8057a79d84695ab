// Tickets: for a moment and for one request they stand for whoever asked for them, where no header can be sent. Kept in memory alone, by
// their hash, so that neither a look at it nor the time of a look-up tells one. Bounded; what one caller holds costs nobody else a place.
import { createHash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { fault } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import type { Random } from "../base/random.ts";
import type { Identity } from "./identity.ts";
import { isLapsed } from "./identity-lease.ts";
import { invalidToken } from "./invalid-token.ts";

export interface Tickets {
  /** Throws UNAUTHENTICATED for nobody, OVERLOADED where too many are out. */
  issue(identity: Identity, limits: TicketLimits): string;
  /** Whose it is. Once: the same ticket is unknown from then on. Throws INVALID_TOKEN. */
  redeem(ticket: string): Identity;
  /** Another app serves: it may know other callers, or know them otherwise. */
  forgetAll(): void;
}

export type TicketLimits = Pick<Limits, "tickets" | "callerTickets" | "ticketMs">;

interface Issued { readonly identity: Identity; readonly untilMs: number }

const TICKET_BYTES = 32;
const TICKET = /^[A-Za-z0-9_-]{43}$/;

export function createTickets(clock: Clock, random: Random): Tickets {
  /** In order of issue. */
  const issued = new Map<string, Issued>();
  /** Hashes by the caller's key, oldest first. */
  const byCaller = new Map<string, Set<string>>();

  const forget = (hash: string, { identity: { key } }: Issued): void => {
    issued.delete(hash);
    const own = byCaller.get(key);
    own?.delete(hash);
    if (own?.size === 0) byCaller.delete(key);
  };
  const forgetOld = (now: number): void => {
    for (const [hash, ticket] of issued) {
      if (now < ticket.untilMs) return;
      forget(hash, ticket);
    }
  };

  return {
    issue(identity, limits) {
      if (identity.kind === "anonymous") throw fault("UNAUTHENTICATED", "A ticket stands for somebody who is signed in.");
      const now = clock.now();
      forgetOld(now);
      const own = byCaller.get(identity.key) ?? new Set<string>();
      for (const oldest of own) {
        if (own.size < limits.callerTickets) break;
        forget(oldest, issued.get(oldest)!);
      }
      if (issued.size >= limits.tickets) throw fault("OVERLOADED", "Too many tickets are out.", { retryAfterS: Math.ceil(limits.ticketMs / 1_000) });
      const ticket = Buffer.from(random.bytes(TICKET_BYTES)).toString("base64url");
      const hash = hashOf(ticket);
      issued.set(hash, { identity, untilMs: now + limits.ticketMs });
      byCaller.set(identity.key, own.add(hash));
      return ticket;
    },
    redeem(ticket) {
      const hash = TICKET.test(ticket) ? hashOf(ticket) : "";
      const found = issued.get(hash);
      if (found !== undefined) forget(hash, found);
      const now = clock.now();
      if (found === undefined || now >= found.untilMs || isLapsed(found.identity, now)) throw invalidToken("The ticket is not known, or was used, or is too old.");
      return found.identity;
    },
    forgetAll() {
      issued.clear();
      byCaller.clear();
    },
  };
}

function hashOf(ticket: string): string {
  return createHash("sha256").update(ticket).digest("base64url");
}
