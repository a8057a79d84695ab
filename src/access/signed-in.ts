// Who a session or a token of the app's own stands for, by the records as they are now: the session, its account, its revocation. What was found is
// remembered until one of these records changes, and whoever goes on with it is told then.
import { createHash } from "node:crypto";
import { millisecondsOf } from "../base/date-time.ts";
import type { RecordValues, Value } from "../base/value.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import type { Change } from "../changes/change.ts";
import { EndableLease } from "./identity-lease.ts";
import { subjectIdentity, type SubjectFacts } from "./identities.ts";
import type { Identity } from "./identity.ts";
import type { OwnTokens, TokenFacts } from "./own-tokens.ts";

export const SESSION_TABLE = "_ambit_session";

/** How this reads what is stored. */
export interface SignedInRecords {
  get(table: string, id: Value): RecordValues | null;
  /** The id of the session whose token has this hash. */
  session(hash: string): string | null;
  /** Null: tokens of the subject stand. */
  revokedAt(subject: string): number | null;
}

export interface SignedInOptions {
  readonly catalog: Catalog;
  readonly records: SignedInRecords;
  readonly tokens: OwnTokens;
  now(): number;
}

interface Known { readonly identity: Identity; readonly lease: EndableLease; readonly session: string | null }

const KNOWN_MAX = 100_000;

export function tokenHash(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}

/** Of the account's key, as `auth.subject` and sessions have it. */
export function accountKey(subject: string, table: Table): Value {
  const type = table.fields.get(table.primaryKey)!.type.name;
  if (type === "Int") return /^-?\d{1,10}$/.test(subject) ? Number(subject) : null;
  return type === "Long" ? (/^-?\d{1,19}$/.test(subject) ? BigInt(subject) : null) : subject;
}

export class SignedIn {
  readonly #options: SignedInOptions;
  /** By hash of the token. */
  readonly #known = new Map<string, Known>();
  readonly #bySubject = new Map<string, Set<string>>();
  /** Null: the app has none. */
  readonly #accounts: Table | null;

  constructor(options: SignedInOptions) {
    this.#options = options;
    const { account, tables } = options.catalog;
    this.#accounts = account === undefined ? null : tables.get(account.table)!;
  }

  /** Null: it is no session or token of ours, or one that has ended. */
  find(token: string): Identity | null {
    const hash = tokenHash(token);
    const found = this.#known.get(hash);
    if (found !== undefined) {
      if (this.#options.now() < found.identity.expiresAtMs!) return found.identity;
      this.#forget(hash);
      return null;
    }
    const facts = this.#options.tokens.read(token);
    return facts === null ? this.#ofSession(hash) : this.#ofToken(hash, facts);
  }

  /** The rights that an account has by now, for work that it asked for; null: it is gone. */
  ofAccount(subject: string): Pick<Identity, "roles" | "tenant"> | null {
    const accounts = this.#accounts;
    const key = accounts === null ? null : accountKey(subject, accounts);
    const record = accounts === null || key === null ? null : this.#options.records.get(accounts.name, key);
    if (accounts === null || record === null) return null;
    return { roles: textsIn(record["roles"]), tenant: accounts.tenant === null ? null : textIn(record[accounts.tenant]) };
  }

  /** Told of each committed entry. */
  changed(changes: readonly Change[]): void {
    const accounts = this.#accounts;
    if (this.#known.size === 0 || accounts === null) return;
    for (const { table, id, old } of changes) {
      if (table !== accounts.name && table !== SESSION_TABLE) continue;
      const subject = String(table === accounts.name ? id : old?.["userId"]);
      for (const hash of this.#bySubject.get(subject) ?? []) {
        const { session } = this.#known.get(hash)!;
        if (table === accounts.name ? session !== null : session === id) this.#forget(hash);
      }
    }
  }

  /** Committed: what was signed for the subject counts no more. */
  revoked(subject: string): void {
    for (const hash of this.#bySubject.get(subject) ?? []) this.#forget(hash);
  }

  /** Another one takes its place: whoever goes on with an identity asks again. */
  end(): void {
    for (const hash of this.#known.keys()) this.#forget(hash);
  }

  #ofSession(hash: string): Identity | null {
    const { records, now } = this.#options;
    const id = this.#accounts === null ? null : records.session(hash);
    const session = id === null ? null : records.get(SESSION_TABLE, id);
    if (session === null) return null;
    const subject = String(session["userId"]);
    const rights = this.ofAccount(subject);
    const expiresAtMs = millisecondsOf(session["expiresAt"] as string);
    if (rights === null || now() >= expiresAtMs) return null;
    const roles = [...rights.roles, ...textsIn(session["roles"])];
    return this.#remember(hash, { subject, roles, tenant: rights.tenant ?? textIn(session["tenant"]), expiresAtMs, isOfAccount: true }, id);
  }

  #ofToken(hash: string, { subject, roles, tenant, claims, issuedMs, expiresMs }: TokenFacts): Identity | null {
    const revoked = this.#options.records.revokedAt(subject);
    if (this.#options.now() >= expiresMs || (revoked !== null && issuedMs <= revoked)) return null;
    return this.#remember(hash, { subject, roles, tenant, claims, expiresAtMs: expiresMs }, null);
  }

  #remember(hash: string, facts: SubjectFacts, session: string | null): Identity {
    // Who is left out asks again, and is found again.
    if (this.#known.size >= KNOWN_MAX) this.#forget(this.#known.keys().next().value!);
    const lease = new EndableLease();
    const identity = subjectIdentity({ ...facts, lease });
    this.#known.set(hash, { identity, lease, session });
    const own = this.#bySubject.get(facts.subject);
    if (own === undefined) this.#bySubject.set(facts.subject, new Set([hash]));
    else own.add(hash);
    return identity;
  }

  #forget(hash: string): void {
    const found = this.#known.get(hash);
    if (found === undefined) return;
    this.#known.delete(hash);
    const subject = found.identity.subject!;
    const own = this.#bySubject.get(subject);
    own?.delete(hash);
    if (own?.size === 0) this.#bySubject.delete(subject);
    found.lease.end();
  }
}

function textIn(value: Value | undefined): string | null {
  return typeof value === "string" ? value : typeof value === "number" || typeof value === "bigint" ? String(value) : null;
}

function textsIn(value: Value | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
