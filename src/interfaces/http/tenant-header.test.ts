// The administrator acts within the tenant that the header names; nobody else does.
import { expect, test } from "bun:test";
import { administratorIdentity, anonymousIdentity, subjectIdentity } from "../../access/identities.ts";
import { withinTenant } from "./tenant-header.ts";

const named = (text: string | null) => (name: string): string | null => (name === "x-ambit-tenant" ? text : null);

test("the administrator is confined to the tenant that is named, and to none without the header", () => {
  expect(withinTenant(administratorIdentity, named(null))).toBe(administratorIdentity);
  expect(withinTenant(administratorIdentity, named("t1"))).toMatchObject({ kind: "administrator", tenant: "t1" });
  expect(withinTenant(administratorIdentity, named("Z%C3%BCrich 50%25"))).toMatchObject({ tenant: "Zürich 50%" });
  const keys = [null, "t1", "t2"].map((text) => withinTenant(administratorIdentity, named(text)).key);
  expect(new Set(keys).size).toBe(3);
});

test.each(["", "  ", "%", "%ff", "a%00b"])("no tenant is named by %p", (text) => {
  expect(() => withinTenant(administratorIdentity, named(text))).toThrow(expect.objectContaining({ code: "MALFORMED_HEADER" }));
});

test("for others the header says nothing", () => {
  const member = subjectIdentity({ subject: "ann", roles: [], tenant: "t1" });
  for (const identity of [anonymousIdentity, member]) expect(withinTenant(identity, named("t2"))).toBe(identity);
});
