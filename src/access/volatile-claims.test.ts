// A renewed token is the same identity, unless a rule can tell the two apart.
import { expect, test } from "bun:test";
import { compileCatalogExpressions } from "../expression/compile-catalog.ts";
import { compileSchema } from "../schema/compile-schema.ts";
import { subjectIdentity } from "./identities.ts";
import { volatileClaims } from "./volatile-claims.ts";

function of(rule: string): readonly string[] {
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text: `type Item @table @allow(to: ["authenticated"], do: [READ], where: "${rule}") { id: ID! @primaryKey text: String attributes: JSON }`, values: {} });
  const compiled = compileCatalogExpressions(catalog);
  expect([...diagnostics, ...compiled.diagnostics].filter(({ severity }) => severity === "error").map(({ message }) => message)).toEqual([]);
  return volatileClaims(compiled.book);
}

test("what rules name counts, all else of a token's own does not", () => {
  expect(of("record.text == auth.claims.team")).toEqual(["exp", "iat", "jti", "nbf"]);
  expect(of("record.text == auth.claims.jti")).toEqual(["exp", "iat", "nbf"]);
  expect(of("record.text == 'a' || (record.text != null && auth.claims['exp'] == record.text)")).toEqual(["iat", "jti", "nbf"]);
  expect(of("record.attributes == auth.claims")).toEqual([]);
});

test("the key is of what is left", () => {
  const keyOf = (claims: Record<string, number | string>, volatile: readonly string[]): string => subjectIdentity({ subject: "ann", roles: [], tenant: null, claims, volatileClaims: volatile }).key;
  expect(keyOf({ team: "a", iat: 1 }, ["iat"])).toBe(keyOf({ team: "a", iat: 2 }, ["iat"]));
  expect(keyOf({ team: "a", iat: 1 }, ["iat"])).not.toBe(keyOf({ team: "b", iat: 1 }, ["iat"]));
  expect(keyOf({ team: "a", iat: 1 }, [])).not.toBe(keyOf({ team: "a", iat: 2 }, []));
  expect(subjectIdentity({ subject: "ann", roles: [], tenant: null, claims: { iat: 1 }, volatileClaims: ["iat"] }).claims).toEqual({ iat: 1 });
});
