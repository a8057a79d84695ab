// The table of what is not available: every entry exists in the language, is said in full, and occurs once.
import { expect, test } from "bun:test";
import { unavailable, unavailableByName, unavailableContextMembers } from "./availability.ts";
import { directiveLanguage, directivesSource } from "./directives-source.ts";
import { placesOf } from "./directive-places.ts";
import { reservedTypeKinds } from "./read-declarations.ts";
import { isScalarName } from "./scalar-names.ts";

test("each entry names something of directives.graphql", () => {
  const { directives } = directiveLanguage();
  for (const { kind, name } of unavailable) {
    const [, directive, argument, value] = /^@(\w+)(?:\((\w+)(?:: "?([\w:]+)"?)?\))?$/.exec(name) ?? [];
    if (kind === "directive") expect(directives.has(directive ?? "")).toBe(true);
    if (kind === "argument" || kind === "value") expect(directives.get(directive ?? "")?.args.map((arg) => arg.name)).toContain(argument ?? "");
    if (kind === "value" && directive === "export") expect(directivesSource()).toContain(value ?? "");
    if (kind === "type") expect(reservedTypeKinds.has(name.slice("type ".length))).toBe(true);
    if (kind === "scalar") expect(isScalarName(name.slice("scalar ".length))).toBe(true);
    if (kind === "member") expect(name).toMatch(/^ctx\.[a-z]+$/);
  }
});

test("each entry occurs once and is said in full", () => {
  expect(unavailableByName.size).toBe(unavailable.length);
  for (const { does, reason } of unavailable) for (const text of [does, reason]) expect(text).toMatch(/^[A-Z].*\.$/);
  expect([...unavailableContextMembers.keys()].toSorted()).toEqual(["call"]);
});

test("every directive of the language has its places", () => {
  expect([...placesOf.keys()].toSorted()).toEqual([...directiveLanguage().directives.keys()].toSorted());
});
