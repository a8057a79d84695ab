// What is said of a rule before there is a message holds for every message: over all combinations of small rules, callers and messages.
import { expect, test } from "bun:test";
import { evaluate } from "../expression/evaluate.ts";
import { compileCatalogExpressions } from "../expression/compile-catalog.ts";
import { compileSchema } from "../schema/compile-schema.ts";
import type { Value } from "../base/value.ts";
import { environmentOf, topicVerdict, type TopicVerdict } from "./topic-verdict.ts";

const LEAVES = [
  "record.id == 'a'", "auth.subject == 'u'", "auth.claims.team == 'red'", "record.text == 'x'", "record.text == null", "record.by == auth.subject", "record.id in ['a', 'b']",
  "record.text > record.id", "record.by in ['u', record.id]",
];
const RULES = LEAVES.flatMap((left) => [
  left, `!(${left})`,
  ...LEAVES.flatMap((right) => [`${left} && ${right}`, `${left} || ${right}`, `!(${left} && !(${right}))`, `!(${left}) || !(${right})`, `(${left} || ${right}) && !(${right})`]),
  ...LEAVES.map((right) => `(${left}) ? ${right} : auth.subject == 'u'`),
]);
const CALLERS: readonly Value[] = [
  { subject: "u", roles: [], tenant: null, claims: { team: "red" } }, { subject: "v", roles: [], tenant: null, claims: {} }, { subject: null, roles: null, tenant: null, claims: null },
];
const KEYS = ["a", "b", "c"];
const MESSAGES = KEYS.flatMap((id) => [null, "x", "y"].flatMap((text) => [null, "u", "v"].map((by) => ({ id, text, by }))));

const { catalog } = compileSchema({ file: "schema.graphql", text: `type Topic @channel(key: "id") ${RULES.map((rule) => `@allow(do: [SUBSCRIBE], where: "${rule}")`).join(" ")} { id: ID! text: String by: ID }` });
const { book, diagnostics } = compileCatalogExpressions(catalog);
const now = "2026-01-01T00:00:00.000Z";

test("always and never are true of every message of the topic, and all that can be known is known", () => {
  expect(diagnostics.map(({ message }) => message)).toEqual([]);
  const seen = new Map<TopicVerdict, number>();
  for (const { where } of catalog.channels.get("Topic")!.allow) {
    const rule = book.of(where!);
    for (const auth of CALLERS) {
      for (const key of [...KEYS, null]) {
        const verdict = topicVerdict(rule, { auth, key: key === null ? null : { field: "id", value: key }, now, book });
        seen.set(verdict, (seen.get(verdict) ?? 0) + 1);
        const verdicts = MESSAGES.filter(({ id }) => key === null || id === key).map((message) => evaluate(rule, environmentOf(auth, message, now), book) === true);
        const name = `${where!.source} of ${key} by ${JSON.stringify(auth)}`;
        if (verdict === "always") expect([name, verdicts.every(Boolean)]).toEqual([name, true]);
        if (verdict === "never") expect([name, verdicts.some(Boolean)]).toEqual([name, false]);
        if (verdict === "some" && !/record\.(text|by)/.test(where!.source) && key !== null) expect(name).toBe("known");
      }
    }
  }
  expect([...seen.keys()].toSorted()).toEqual(["always", "never", "some"]);
});
