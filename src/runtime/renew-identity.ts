// The rights of somebody who asked for work earlier, as of now: whoever came with a static key has the roles that it gives today, whoever was signed in those of their account.
import type { StaticKey } from "../access/authenticate.ts";
import { anonymousIdentity, anonymousOf, subjectIdentity } from "../access/identities.ts";
import { isOfStoredKey, type StoredKeys } from "../access/stored-keys.ts";
import type { Identity } from "../access/identity.ts";

/** Roles of a token stay as they were signed; nobody could ask for them again. Whose key is gone is nobody, but the work is still its tenant's. */
export function renewIdentity(identity: Identity, keys: readonly StaticKey[], ofAccount: (subject: string) => Pick<Identity, "roles" | "tenant"> | null = () => null, stored?: Pick<StoredKeys, "renew">): Identity {
  if (isOfStoredKey(identity)) return stored?.renew(identity.credential!) ?? nobodyOf(identity);
  if (identity.isOfAccount === true) return ofItsAccount(identity, ofAccount(identity.subject!));
  if (identity.isOfKey !== true) return identity;
  const { subject, tenant, claims } = identity;
  const own = keys.filter((key) => key.token !== "" && key.subject === subject && (key.tenant ?? null) === tenant);
  if (own.length === 0) return nobodyOf(identity);
  return subjectIdentity({ subject: subject!, tenant, claims, roles: rolesOf(identity, own), isOfKey: true });
}

/** Roles that came from a provider are told by it at the next sign-in only. */
function ofItsAccount({ subject, tenant, claims }: Identity, account: Pick<Identity, "roles" | "tenant"> | null): Identity {
  if (account === null) return nobodyOf({ tenant });
  return subjectIdentity({ subject: subject!, roles: account.roles, tenant: account.tenant ?? tenant, claims, isOfAccount: true });
}

function nobodyOf({ tenant }: Pick<Identity, "tenant">): Identity {
  return tenant === null ? anonymousIdentity : anonymousOf(tenant);
}

/** Of several keys with one subject nobody knows which it was: no role is gained that it did not have. */
function rolesOf({ roles }: Identity, own: readonly StaticKey[]): readonly string[] {
  const given = own.flatMap((key) => key.roles);
  return own.length === 1 ? given : roles.filter((role) => given.includes(role));
}
