// Who is asking. Made from a credential by authenticate.ts; read by rules, the typed context and the log.
import type { Rate } from "../base/rate-meter.ts";
import type { Json } from "../base/value.ts";
import type { IdentityLease } from "./identity-lease.ts";

export interface Identity {
  /** system: code without a caller (migrations, expiry). administrator: passes every rule. */
  readonly kind: "anonymous" | "subject" | "administrator" | "system";
  readonly subject: string | null;
  readonly roles: readonly string[];
  readonly tenant: string | null;
  readonly claims: { readonly [name: string]: Json };
  /** Hash of all that decides its rights; part of every cache key. */
  readonly key: string;
  /** From a static key of config.yaml: what it may do is what is written there by then. */
  readonly isOfKey?: true;
  /** From a session: its roles are those of its account by then. */
  readonly isOfAccount?: true;
  /** The stored key or session that it came with, `key:ID`: what it may do is what stands there by then. */
  readonly credential?: string;
  /** Of that key: how often, and what it is good for (key-scope.ts); absent: all that its roles may. */
  readonly rate?: Rate;
  readonly only?: readonly string[];
  /** Nobody, for whom a verified webhook spoke: `ctx.system`, also of the jobs it asks for and of answers to what it sends, reaches all tenants. */
  readonly isOfWebhook?: true;
  /** A decision under its own name; a subject who happens to have such a name is none. */
  readonly isDecision?: true;
  /** When the credential ends, milliseconds since the epoch; null: never. */
  readonly expiresAtMs: number | null;
  /** Absent: its credential stands until then. */
  readonly lease?: IdentityLease;
}
