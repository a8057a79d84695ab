// Whoever enqueued a run, as its row keeps them: enough to act for them later, and nothing that would let anybody else do so.
import { administratorIdentity, administratorOf, anonymousIdentity, anonymousOf, decisionIdentity, subjectIdentity, systemIdentity } from "./identities.ts";
import type { Identity } from "./identity.ts";
import { unreachable } from "../base/assert.ts";

type Kept = Pick<Identity, "kind" | "subject" | "roles" | "tenant" | "claims" | "isOfKey" | "isOfAccount" | "isOfWebhook" | "isDecision" | "credential" | "only">;

export function storedIdentity({ kind, subject, roles, tenant, claims, isOfKey, isOfAccount, isOfWebhook, isDecision, credential, only }: Identity): string {
  const kept: Kept = { kind, subject, roles, tenant, claims, ...(isOfKey === true ? { isOfKey } : {}), ...(isOfAccount === true ? { isOfAccount } : {}), ...(isOfWebhook === true ? { isOfWebhook } : {}), ...(isDecision === true ? { isDecision } : {}), ...(credential === undefined ? {} : { credential }), ...(only === undefined ? {} : { only }) };
  return JSON.stringify(kept);
}

/** The credential's own end does not end what was begun with it. */
export function readIdentity(stored: string): Identity {
  const { kind, subject, roles, tenant, claims, isOfKey, isOfAccount, isOfWebhook, isDecision, credential, only } = JSON.parse(stored) as Kept;
  if (isDecision === true) return decisionIdentity(roles[0]!.slice("decision:".length), tenant);
  switch (kind) {
    case "anonymous": {
      const nobody = tenant === null ? anonymousIdentity : anonymousOf(tenant);
      return isOfWebhook === true ? { ...nobody, isOfWebhook } : nobody;
    }
    case "system": return systemIdentity;
    case "administrator": return tenant === null ? administratorIdentity : administratorOf(tenant);
    case "subject": return subjectIdentity({ subject: subject ?? "", roles, tenant, claims, ...(isOfKey === true ? { isOfKey } : {}), ...(isOfAccount === true ? { isOfAccount } : {}), ...(credential === undefined ? {} : { credential }), ...(only === undefined ? {} : { only }) });
    default: return unreachable(kind);
  }
}
