// What one request of sign-in carries past better-auth, which knows nothing of it.
import { AsyncLocalStorage } from "node:async_hooks";
import type { AccountStore } from "./account-store.ts";

/** What better-auth cannot carry, for one request. */
export interface AccountScope {
  readonly store: AccountStore;
  /** Fields of the person that signs up, besides those that better-auth knows. */
  fields: { readonly [field: string]: unknown };
  /** Of the invitation that is taken up. */
  invitation: string | null;
  /** What a provider said about who signs in. */
  provider: { readonly roles: readonly string[]; readonly tenant: string | null } | null;
  /** Why something was refused, where better-auth tells it in words of its own. */
  refusal: unknown;
  /** A session may be named by its id, to be ended by its owner. */
  namesSessions: boolean;
  /** Whether a transaction is open. */
  isInTransaction: boolean;
  /** Of the passwords that this request keeps. */
  readonly hashes: Map<string, string>;
  /** The session that the request came with. */
  own: { readonly id: string; readonly token: string } | null;
}

export const accountScope = new AsyncLocalStorage<AccountScope>();

export function scopeOf(): AccountScope {
  const scope = accountScope.getStore();
  if (scope === undefined) throw new Error("sign-in runs within a request");
  return scope;
}
