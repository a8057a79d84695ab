import { expect, test } from "bun:test";
import { administratorIdentity, anonymousIdentity, subjectIdentity } from "../access/identities.ts";
import { renewIdentity } from "./renew-identity.ts";

const ann = subjectIdentity({ subject: "ann", roles: ["writer"], tenant: null, claims: { level: 2 } });

test("whoever has a static key has the roles that it gives by now", () => {
  const renewed = renewIdentity(ann, [{ token: "t", subject: "ann", roles: ["reader"] }, { token: "u", subject: "ann", roles: ["writer"], tenant: "acme" }]);
  expect([renewed.roles, renewed.claims, renewed.tenant]).toEqual([["reader"], { level: 2 }, null]);
  expect(renewed.key).not.toBe(ann.key);
});

test("tokens, the administrator and nobody stay who they are", () => {
  expect(renewIdentity(ann, [{ token: "t", subject: "bob", roles: ["reader"] }])).toBe(ann);
  expect(renewIdentity(administratorIdentity, [{ token: "t", subject: "ann", roles: [] }])).toBe(administratorIdentity);
  expect(renewIdentity(anonymousIdentity, [])).toBe(anonymousIdentity);
});
