// X-Ambit-Tenant: within which tenant the administrator acts. For everybody else their token or key says it, and the header nothing.
import { administratorOf } from "../../access/identities.ts";
import type { Identity } from "../../access/identity.ts";
import { fault } from "../../base/error.ts";
import { isWellFormedText } from "../../base/text.ts";

export const TENANT_HEADER = "x-ambit-tenant";

/** Percent-encoded where the name is more than ASCII. Throws MALFORMED_HEADER. */
export function withinTenant(identity: Identity, header: (name: string) => string | null): Identity {
  if (identity.kind !== "administrator") return identity;
  const text = header(TENANT_HEADER);
  return text === null ? identity : administratorOf(readTenant(text));
}

function readTenant(text: string): string {
  let tenant = "";
  try {
    tenant = decodeURIComponent(text.trim());
  } catch {
    // Answered below: no name.
  }
  if (tenant === "" || !isWellFormedText(tenant)) throw fault("MALFORMED_HEADER", "X-Ambit-Tenant must name a tenant.", { where: "X-Ambit-Tenant", fix: "Send the tenant's name, percent-encoded, or leave the header out." });
  return tenant;
}
