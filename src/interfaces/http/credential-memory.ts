// Remembers for a moment whose credential it was: a client that asks often is not verified anew each time.
// The authenticator compares in constant time; this table need not: it finds by the hash of the whole text, and compares texts only
// where the hashes are equal. So its time tells nothing about how much of a guess is right, which is what guessing step by step needs.
import type { Identity } from "../../access/identity.ts";
import type { Clock } from "../../base/clock.ts";
import type { ServedApp } from "./served-app.ts";

export interface CredentialMemory {
  /** As the authenticator of this app says. Throws what it throws; refusals are not remembered. */
  identify(app: ServedApp, credential: string | null, from?: { readonly address: string }): Identity | Promise<Identity>;
}

/** So long may a withdrawn credential still be taken. */
const REMEMBERED_MS = 1_000;
const REMEMBERED_MAX = 1_000;

interface Remembered { readonly identity: Identity; readonly untilMs: number }

export function createCredentialMemory(clock: Clock): CredentialMemory {
  // What one authenticator said: a reload begins anew.
  const memory = new Map<string, Remembered>();
  let source: ServedApp["authenticator"] | null = null;
  return {
    identify({ authenticator }, credential, from) {
      if (credential === null) return authenticator.authenticate(null);
      if (authenticator !== source) {
        memory.clear();
        source = authenticator;
      }
      const now = clock.now();
      const known = memory.get(credential);
      if (known !== undefined && now < known.untilMs && known.identity.lease?.isOver !== true) return known.identity;
      const found = authenticator.authenticate(credential, from?.address);
      if (found instanceof Promise) return found;
      if (memory.size >= REMEMBERED_MAX) memory.clear();
      memory.set(credential, { identity: found, untilMs: Math.min(now + REMEMBERED_MS, found.expiresAtMs ?? Infinity) });
      return found;
    },
  };
}
