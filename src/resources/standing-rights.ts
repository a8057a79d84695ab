// Who has anything to do with approvals and negotiations at all: for interfaces that show nobody what is never theirs.
import type { Rights } from "../access/rights.ts";
import type { Catalog } from "../schema/catalog.ts";

/** Some decision asks one of the caller's roles. */
export function mayApprove({ decisions }: Catalog, { administrator, standing }: Pick<Rights, "administrator" | "standing">): boolean {
  const asked = [...decisions.values()].flatMap(({ approvals }) => approvals.flatMap(({ by }) => by));
  return asked.length > 0 && (administrator || asked.some((role) => standing.roles.includes(role)));
}

/** Of some decision that negotiates the caller may be a party. */
export function mayNegotiate({ decisions }: Catalog, rights: Pick<Rights, "mayCall">): boolean {
  return [...decisions.values()].some(({ negotiates, callable }) => negotiates !== null && rights.mayCall(callable) !== false);
}
