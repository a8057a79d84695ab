// Who a decision is when it acts under its own name (`as: DECISION`): `decision:NAME`, within the caller's tenant, with what @allow gives that role.
import { decisionIdentity } from "../../access/identities.ts";
import type { Caller } from "../../resources/body.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import type { Question } from "../context/gather.ts";

export function ownCaller({ decision: { name }, caller }: Pick<Question, "decision" | "caller">, { access }: DispatchCore): Caller {
  const identity = decisionIdentity(name, caller.identity.tenant);
  const rights = access.rights(identity);
  // The administrator of all tenants is confined to none, and what is written in one commit is confined alike.
  return caller.identity.kind === "administrator" && caller.identity.tenant === null && rights.confinement !== null ? caller : { ...caller, identity, rights, system: access.system(identity) };
}
