// API keys that stand in the data: whose they are by now. A token is 256 random bits, so that a plain hash of it is as good as a slow one:
// there is nothing to guess. Looked up by the hash, whose order says nothing about the token. What was found is remembered until the key
// or the rights of its holder change, and whoever goes on with it is told then.
import type { Clock } from "../base/clock.ts";
import { readRate } from "../schema/build-usage.ts";
import { keyByDigest, keyById, type KeyRow } from "../storage/key-rows.ts";
import type { Connection } from "../storage/connection.ts";
import type { CredentialStore } from "./authenticate.ts";
import { EndableLease } from "./identity-lease.ts";
import { subjectIdentity } from "./identities.ts";
import type { Identity } from "./identity.ts";
import { invalidToken } from "./invalid-token.ts";

const TOKEN = /^ambit_[A-Za-z0-9_-]{43}$/;
const KIND = "key:";
/** Who is left out asks again, and is found again. */
const KNOWN_MAX = 100_000;

/** Who the holder of a key is by now, where their rights stand in the data too; undefined: nobody knows more than the key; null: they are no longer there. */
export type HolderOf = (subject: string) => Pick<Identity, "roles" | "tenant"> | null | undefined;

export interface StoredKeys extends CredentialStore {
  /** The identity of a key as of now; null: it has ended. */
  renew(credential: string): Identity | null;
  /** After the commit that took the key away. */
  ended(id: string): void;
  /** After the commit that changed what somebody may, or took their keys away. */
  changed(subject: string): void;
  /** Whoever goes on with one asks again. */
  end(): void;
  holderOf: HolderOf;
}

export interface StoredKeysParts { readonly reader: Connection; readonly clock: Clock; readonly holderOf?: HolderOf }

interface Known { readonly identity: Identity; readonly lease: EndableLease; readonly digest: string }

export function createStoredKeys({ reader, clock, holderOf = () => undefined }: StoredKeysParts): StoredKeys {
  const known = new Map<string, Known>();
  const idOf = new Map<string, string>();
  const bySubject = new Map<string, Set<string>>();

  const forget = (id: string): void => {
    const found = known.get(id);
    if (found === undefined) return;
    known.delete(id);
    idOf.delete(found.digest);
    const own = bySubject.get(found.identity.subject!);
    own?.delete(id);
    if (own?.size === 0) bySubject.delete(found.identity.subject!);
    found.lease.end();
  };
  const remember = ({ id, digest, subject }: KeyRow, identity: Identity, lease: EndableLease): Identity => {
    if (known.size >= KNOWN_MAX) forget(known.keys().next().value!);
    known.set(id, { identity, lease, digest });
    idOf.set(digest, id);
    const own = bySubject.get(subject);
    if (own === undefined) bySubject.set(subject, new Set([id]));
    else own.add(id);
    return identity;
  };
  const hasEnded = (expiresMs: number | null): boolean => expiresMs !== null && expiresMs <= clock.now();
  const identityOf = (row: KeyRow | null, lease?: EndableLease): Identity | null => {
    if (row === null || hasEnded(row.expiresMs)) return null;
    const holder = row.bound === "NONE" ? undefined : holderOf(row.subject);
    if (holder === null) return null;
    const rate = row.rate === null ? null : readRate(row.rate);
    return subjectIdentity({
      subject: row.subject, tenant: holder?.tenant ?? row.tenant,
      roles: holder === undefined || row.bound === "ACCOUNT" ? row.roles : row.roles.filter((role) => holder.roles.includes(role)),
      expiresAtMs: row.expiresMs, credential: credentialOfKey(row.id),
      ...(row.only === null ? {} : { only: row.only }), ...(rate === null ? {} : { rate }), ...(lease === undefined ? {} : { lease }),
    });
  };

  return {
    find(token, digest) {
      if (!TOKEN.test(token)) return null;
      const name = Buffer.from(digest).toString("base64url");
      const earlier = known.get(idOf.get(name) ?? "");
      if (earlier !== undefined && !hasEnded(earlier.identity.expiresAtMs)) return earlier.identity;
      const row = keyByDigest(reader, name);
      const lease = new EndableLease();
      const identity = identityOf(row, lease);
      if (row === null || identity === null) throw invalidToken("The key is not known, or has ended.");
      return remember(row, identity, lease);
    },
    renew: (credential) => (credential.startsWith(KIND) ? identityOf(keyById(reader, credential.slice(KIND.length))) : null),
    ended: forget,
    changed(subject) {
      for (const id of bySubject.get(subject) ?? []) forget(id);
    },
    end() {
      for (const id of known.keys()) forget(id);
    },
    holderOf,
  };
}

/** `bytes`: 32 random ones. */
export function tokenOf(bytes: Uint8Array): string {
  return `ambit_${Buffer.from(bytes).toString("base64url")}`;
}

/** What identities call the key. */
export function credentialOfKey(id: string): string {
  return KIND + id;
}

export function isOfStoredKey({ credential }: Identity): boolean {
  return credential?.startsWith(KIND) === true;
}
