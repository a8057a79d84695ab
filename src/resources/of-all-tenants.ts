// The reach of a webhook, of the jobs that it asks for and of the answers to what it sends. Only what a signature has been verified for may come here.
import { systemIdentity } from "../access/identities.ts";
import type { Caller } from "./body.ts";
import type { DispatchCore } from "./dispatch-parts.ts";

/**
 * Who signs is of no tenant, and what it tells may concern any: `ctx.system` of the body reaches all of them, as the runtime's own work
 * does. Its `ctx.db` stays that of whoever is not signed in.
 */
export function ofAllTenants(core: DispatchCore, caller: Caller): Caller {
  const { rights, identity } = caller;
  if (identity.kind !== "anonymous") return caller;
  const authority = rights.authority === null ? null : { ...rights.authority, confinement: null };
  return {
    ...caller, identity: { ...identity, isOfWebhook: true }, rights: { ...rights, authority, confinement: null }, system: core.access.system(systemIdentity),
  };
}

/** For work of which somebody asked earlier. */
export function asAsked(core: DispatchCore, caller: Caller): Caller {
  return caller.identity.isOfWebhook === true ? ofAllTenants(core, caller) : caller;
}
