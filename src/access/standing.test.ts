// What a kept answer is bound to: fewer roles, another tenant or other claims of rules end it; new times in a token do not.
import { expect, test } from "bun:test";
import type { Json } from "../base/value.ts";
import { compileCatalogExpressions } from "../expression/compile-catalog.ts";
import { compileSchema } from "../schema/compile-schema.ts";
import { anonymousIdentity, subjectIdentity } from "./identities.ts";
import { claimsOfRules, covers, standingOf, type Standing } from "./standing.ts";

function claims(rules: string, field = ""): ReadonlySet<string> | "all" {
  const text = `type Desk @table ${rules} { id: ID! @primaryKey name: String ${field} shut: Boolean @action @allow(where: "auth.claims.level == 'high'") }`;
  const { catalog } = compileSchema({ file: "schema.graphql", text });
  return claimsOfRules(catalog, compileCatalogExpressions(catalog).book);
}

test("claims are found in rules of types, fields and callables", () => {
  const found = claims("@allow(do: [READ], where: \"record.name == auth.claims.desk || auth.claims.org.name == 'x'\")", "@allow(do: [READ], where: \"has(auth.claims.vip)\")");
  expect(found === "all" ? found : [...found].sort()).toEqual(["desk", "level", "org", "vip"]);
  expect([...claims("@allow(do: [READ])")]).toEqual(["level"]);
});

const standing = (roles: readonly string[], tenant: string | null, has: { readonly [name: string]: Json }): Standing => standingOf(subjectIdentity({ subject: "ann", roles, tenant, claims: has }), new Set(["desk"]));

test("more roles and new times cover; fewer roles, another tenant and other claims do not", () => {
  const then = standing(["a", "b"], "t", { desk: "north", iat: 1 });
  expect(covers(standing(["a", "b", "c"], "t", { iat: 2, desk: "north" }), then)).toBe(true);
  expect(covers(standing(["a"], "t", { desk: "north" }), then)).toBe(false);
  expect(covers(standing(["a", "b"], "u", { desk: "north" }), then)).toBe(false);
  expect(covers(standing(["a", "b"], "t", { desk: "south" }), then)).toBe(false);
  expect(covers(standing(["a", "b"], "t", {}), then)).toBe(false);
  expect(covers(standingOf(anonymousIdentity, "all"), standingOf(anonymousIdentity, "all"))).toBe(true);
  expect(JSON.stringify(then)).not.toContain("north");
});
