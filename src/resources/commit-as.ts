// Under whose name something is committed for a caller, and within which tenant.
import type { CommitOptions } from "../tables/engine.ts";
import type { Caller } from "./body.ts";

export function commitAs({ identity, rights, requestId, depth }: Caller): CommitOptions {
  return { actor: identity.subject, requestId, confinement: rights.confinement, ...(depth === undefined ? {} : { depth }) };
}
