// Makes identities: anonymous, administrator, system, and subjects with a key over everything that decides their rights.
import { createHash } from "node:crypto";
import type { Rate } from "../base/rate-meter.ts";
import { isWellFormedText } from "../base/text.ts";
import type { Json } from "../base/value.ts";
import type { Identity } from "./identity.ts";
import type { IdentityLease } from "./identity-lease.ts";

export interface SubjectFacts {
  readonly subject: string;
  readonly roles: readonly string[];
  readonly tenant: string | null;
  readonly claims?: { readonly [name: string]: Json };
  readonly expiresAtMs?: number | null;
  readonly isOfKey?: true;
  readonly isOfAccount?: true;
  readonly credential?: string;
  readonly rate?: Rate;
  readonly only?: readonly string[];
  /** Claims that do not tell one identity from another (volatile-claims.ts). */
  readonly volatileClaims?: readonly string[];
  readonly lease?: IdentityLease;
}

/** Nobody is signed in. */
export const anonymousIdentity: Identity = fixed("anonymous");
/** Nobody by now, for whom work of that tenant goes on. */
export function anonymousOf(tenant: string): Identity {
  return { ...anonymousIdentity, tenant, key: hash(["anonymous", tenant]) };
}

/** Passes every rule. Over the wire only with the administrator's token. */
export const administratorIdentity: Identity = fixed("administrator");
/** The administrator, within one tenant. */
export function administratorOf(tenant: string): Identity {
  return { ...administratorIdentity, tenant, key: hash(["administrator", tenant]) };
}

/** The runtime's own work, without a caller. */
export const systemIdentity: Identity = fixed("system");

/** A decision as itself: `decision:NAME`, which no credential gives. */
export function decisionIdentity(name: string, tenant: string | null): Identity {
  const role = `decision:${name}`;
  return { kind: "subject", subject: role, roles: Object.freeze([role]), tenant, claims: Object.freeze({}), key: hash(["decision", role, tenant]), expiresAtMs: null, isDecision: true };
}

export function subjectIdentity(facts: SubjectFacts): Identity {
  const roles = [...new Set(facts.roles)].filter(isGrantable).sort();
  // What no record could hold is nobody's name, or SQLite would take it for another.
  const tenant = facts.tenant !== null && facts.tenant !== "" && isWellFormedText(facts.tenant) ? facts.tenant : null;
  // App code sees them, and an identity serves many requests.
  const claims = frozen(structuredClone(facts.claims ?? {}));
  const { volatileClaims = [] } = facts;
  const lasting = Object.fromEntries(Object.entries(claims).filter(([name]) => !volatileClaims.includes(name)));
  return {
    kind: "subject", subject: facts.subject, roles: Object.freeze(roles), tenant, claims,
    key: hash(["subject", facts.subject, roles, tenant, ordered(lasting), ...(facts.only === undefined ? [] : [[...facts.only].sort()])]),
    expiresAtMs: facts.expiresAtMs ?? null, ...(facts.isOfKey === true ? { isOfKey: true } : {}), ...(facts.isOfAccount === true ? { isOfAccount: true } : {}), ...(facts.lease === undefined ? {} : { lease: facts.lease }),
    ...(facts.credential === undefined ? {} : { credential: facts.credential }), ...(facts.rate === undefined ? {} : { rate: facts.rate }), ...(facts.only === undefined ? {} : { only: Object.freeze([...facts.only]) }),
  };
}

/** Roles that are implied or belong to the runtime never come from a credential. */
function isGrantable(role: string): boolean {
  return role !== "" && role !== "public" && role !== "authenticated" && !role.startsWith("decision:");
}

function fixed(kind: "anonymous" | "administrator" | "system"): Identity {
  return { kind, subject: null, roles: Object.freeze([]), tenant: null, claims: Object.freeze({}), key: hash([kind]), expiresAtMs: null };
}

function hash(parts: Json[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

function frozen<Item>(value: Item): Item {
  if (typeof value === "object" && value !== null) for (const item of Object.values(Object.freeze(value))) frozen(item);
  return value;
}

/** The same value with object keys in order, so that equal claims have equal text. */
function ordered(value: unknown): Json {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== "object" || value === null) return value as Json;
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)).map(([key, item]) => [key, ordered(item)]));
}
