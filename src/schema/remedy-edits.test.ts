// Remedies as edits: each changes what it is about and nothing else; where there is nothing of the kind, there is no edit.
import { expect, test } from "bun:test";
import { applyEdits } from "./apply-edits.ts";
import type { Remedy } from "./remedy.ts";
import { remedyEdits } from "./remedy-edits.ts";

const text = `enum Kind { A
  B }
type Task @table @check(rule: "record.n > 0", message: "no") @indexed(fields: ["n", "kind"], unique: true) {
  id: ID! @primaryKey
  n: [Int!]! @indexed(unique: true) @check(rule: "record.n < 9")
  kind: Kind
  parentId: ID
  parent: Task @relationship(from: "parentId")
}
`;

const cases: readonly (readonly [remedy: Remedy, from: string, to: string])[] = [
  [{ make: "nullable", field: "n" }, "n: [Int!]!", "n: [Int!]"],
  [{ make: "typed", field: "kind", type: "String!" }, "kind: Kind", "kind: String!"],
  [{ make: "present", field: "gone", type: "Date" }, "  id: ID!", "  gone: Date\n  id: ID!"],
  [{ make: "renamed", field: "kind", from: "sort" }, "kind: Kind", `kind: Kind @renamed(from: "sort")`],
  [{ make: "renamed-type", to: "Task", from: "Item" }, "unique: true) {", `unique: true) @renamed(from: "Item") {`],
  [{ make: "values", field: "kind", values: ["A", "C", "D"] }, "  B }", "  B C D }"],
  [{ make: "not-unique", fields: ["n"] }, "@indexed(unique: true) @check", "@indexed @check"],
  [{ make: "not-unique", fields: ["n", "kind"] }, `["n", "kind"], unique: true`, `["n", "kind"]`],
  [{ make: "unchecked", rule: "record.n < 9" }, ` @check(rule: "record.n < 9")`, ""],
  [{ make: "unchecked", rule: "record.n > 0" }, ` @check(rule: "record.n > 0", message: "no")`, ""],
  [{ make: "unrelated", keys: ["parentId"] }, `  parent: Task @relationship(from: "parentId")\n`, ""],
];

for (const [remedy, from, to] of cases) {
  test(JSON.stringify(remedy), () => {
    expect(text).toContain(from);
    expect(applyEdits(text, remedyEdits("schema.graphql", text, "Task", remedy))).toBe(text.replace(from, to));
  });
}

test("nothing where there is nothing of the kind", () => {
  const nothing: readonly Remedy[] = [
    { make: "nullable", field: "kind" }, { make: "nullable", field: "none" }, { make: "typed", field: "none", type: "Int" }, { make: "renamed", field: "none", from: "x" }, { make: "renamed-type", to: "None", from: "x" },
    { make: "values", field: "kind", values: ["A"] }, { make: "values", field: "n", values: ["A"] }, { make: "not-unique", fields: ["kind"] }, { make: "unchecked", rule: "x" }, { make: "unrelated", keys: ["n"] },
  ];
  expect(nothing.flatMap((remedy) => remedyEdits("schema.graphql", text, "Task", remedy))).toEqual([]);
  expect(remedyEdits("schema.graphql", text, "None", { make: "nullable", field: "n" })).toEqual([]);
});
