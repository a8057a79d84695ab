// The rights of somebody who asked for work earlier, as of now: whoever has a static key has the roles that it gives today.
import { subjectIdentity } from "../access/identities.ts";
import type { Identity } from "../access/identity.ts";
import type { StaticKey } from "../access/authenticate.ts";

/** Roles of a token stay as they were signed; nobody could ask for them again. */
export function renewIdentity(identity: Identity, keys: readonly StaticKey[]): Identity {
  if (identity.kind !== "subject") return identity;
  const { subject, tenant, claims } = identity;
  const own = keys.filter((key) => key.subject === subject && (key.tenant ?? null) === tenant);
  return own.length === 0 ? identity : subjectIdentity({ subject: subject!, tenant, claims, roles: own.flatMap(({ roles }) => roles) });
}
