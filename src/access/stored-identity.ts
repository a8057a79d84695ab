// Whoever enqueued a run, as its row keeps them: enough to act for them later, and nothing that would let anybody else do so.
import { administratorIdentity, administratorOf, anonymousIdentity, anonymousOf, subjectIdentity, systemIdentity } from "./identities.ts";
import type { Identity } from "./identity.ts";
import { unreachable } from "../base/assert.ts";

type Kept = Pick<Identity, "kind" | "subject" | "roles" | "tenant" | "claims" | "isOfKey" | "isOfWebhook">;

export function storedIdentity({ kind, subject, roles, tenant, claims, isOfKey, isOfWebhook }: Identity): string {
  const kept: Kept = { kind, subject, roles, tenant, claims, ...(isOfKey === true ? { isOfKey } : {}), ...(isOfWebhook === true ? { isOfWebhook } : {}) };
  return JSON.stringify(kept);
}

/** The credential's own end does not end what was begun with it. */
export function readIdentity(stored: string): Identity {
  const { kind, subject, roles, tenant, claims, isOfKey, isOfWebhook } = JSON.parse(stored) as Kept;
  switch (kind) {
    case "anonymous": {
      const nobody = tenant === null ? anonymousIdentity : anonymousOf(tenant);
      return isOfWebhook === true ? { ...nobody, isOfWebhook } : nobody;
    }
    case "system": return systemIdentity;
    case "administrator": return tenant === null ? administratorIdentity : administratorOf(tenant);
    case "subject": return subjectIdentity({ subject: subject ?? "", roles, tenant, claims, ...(isOfKey === true ? { isOfKey } : {}) });
    default: return unreachable(kind);
  }
}
