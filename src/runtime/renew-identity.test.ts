import { expect, test } from "bun:test";
import { administratorIdentity, anonymousIdentity, subjectIdentity } from "../access/identities.ts";
import { readIdentity, storedIdentity } from "../access/stored-identity.ts";
import { renewIdentity } from "./renew-identity.ts";

const ann = subjectIdentity({ subject: "ann", roles: ["writer"], tenant: null, claims: { level: 2 }, isOfKey: true });

test("whoever has a static key has the roles that it gives by now", () => {
  const renewed = renewIdentity(readIdentity(storedIdentity(ann)), [{ token: "t", subject: "ann", roles: ["reader"] }, { token: "u", subject: "ann", roles: ["writer"], tenant: "acme" }]);
  expect([renewed.roles, renewed.claims, renewed.tenant]).toEqual([["reader"], { level: 2 }, null]);
  expect(renewed.key).not.toBe(ann.key);
});

test("whose key is gone, or empty, has no rights any more", () => {
  expect(renewIdentity(ann, [])).toBe(anonymousIdentity);
  expect(renewIdentity(ann, [{ token: "t", subject: "bob", roles: ["writer"] }, { token: "", subject: "ann", roles: ["writer"] }])).toBe(anonymousIdentity);
});

test("what somebody of a tenant began stays within it when the key is gone", () => {
  const renewed = renewIdentity({ ...ann, tenant: "acme" }, []);
  const { kind, subject, roles, claims, tenant, key } = renewed;
  expect({ kind, subject, roles, claims, tenant }).toEqual({ kind: "anonymous", subject: null, roles: [], claims: {}, tenant: "acme" });
  expect(key).not.toBe(anonymousIdentity.key);
  expect(renewIdentity(readIdentity(storedIdentity(renewed)), [])).toEqual(renewed);
});

test("of two keys of one subject the lesser does not gain what the other may", () => {
  const keys = [{ token: "t", subject: "ann", roles: ["writer"] }, { token: "u", subject: "ann", roles: ["writer", "owner"] }];
  expect(renewIdentity(ann, keys).roles).toEqual(["writer"]);
  expect(renewIdentity(subjectIdentity({ subject: "ann", roles: ["owner", "writer", "former"], tenant: null, isOfKey: true }), keys).roles).toEqual(["owner", "writer"]);
});

test("tokens, the administrator and nobody stay who they are, also where a key has the same subject", () => {
  const token = subjectIdentity({ subject: "ann", roles: ["writer"], tenant: null, claims: { sub: "ann" } });
  expect(renewIdentity(readIdentity(storedIdentity(token)), [{ token: "t", subject: "ann", roles: ["owner"] }])).toEqual(token);
  expect(renewIdentity(administratorIdentity, [{ token: "t", subject: "ann", roles: [] }])).toBe(administratorIdentity);
  expect(renewIdentity(anonymousIdentity, [])).toBe(anonymousIdentity);
});
