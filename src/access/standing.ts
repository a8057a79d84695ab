// What an identity's rights rest on, besides its subject: roles, tenant and the claims that rules look at. Answers that are kept for
// somebody are given out again only while all of it still stands.
import { createHash } from "node:crypto";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { partsOf } from "../expression/inspect.ts";
import type { Expression } from "../expression/expression.ts";
import type { AllowRule, Catalog } from "../schema/catalog.ts";
import type { Identity } from "./identity.ts";

export interface Standing {
  readonly roles: readonly string[];
  /** Of tenant and claims; says nothing about their values. */
  readonly digest: string;
}

/** More roles never take a right away; any other difference may. */
export function covers(now: Standing, then: Standing): boolean {
  return now.digest === then.digest && then.roles.every((role) => now.roles.includes(role));
}

/** `claims`: those that count, as `claimsOfRules` says. */
export function standingOf({ roles, tenant, claims, only }: Identity, counting: ReadonlySet<string> | "all"): Standing {
  const chosen = Object.entries(claims).filter(([name]) => counting === "all" || counting.has(name)).sort(([left], [right]) => (left < right ? -1 : 1));
  return { roles, digest: createHash("sha256").update(JSON.stringify([tenant, chosen, ...(only === undefined ? [] : [only])])).digest("base64url") };
}

/** Names of claims that some rule of the app reads. */
export function claimsOfRules(catalog: Catalog, book: ExpressionBook): ReadonlySet<string> | "all" {
  const names = new Set<string>();
  let reach: "some" | "all" = "some";
  const visit = (expression: Expression): void => {
    if (expression.op === "variable" && expression.root === "auth" && expression.path[0] === "claims") {
      const name = expression.path[1];
      if (name === undefined) reach = "all";
      else names.add(name);
    }
    partsOf(expression).forEach(visit);
  };
  for (const { where } of rulesOf(catalog)) if (where !== null) visit(book.of(where));
  return (reach as "some" | "all") === "all" ? "all" : names;
}

function rulesOf(catalog: Catalog): readonly AllowRule[] {
  const tables = [...catalog.tables.values()];
  const callables = [...catalog.endpoints.values(), ...catalog.facts.values(), ...tables.flatMap((table) => [...table.actions.values()])];
  const channels = [...catalog.channels.values()].flatMap((channel) => channel.allow);
  return [...channels, ...tables.flatMap((table) => [...table.allow, ...[...table.fields.values()].flatMap((field) => field.allow)]), ...callables.flatMap((callable) => callable.allow)];
}
