// Where text that nobody answers for is: in marked text that holds something, however deep, and in nothing else.
import { expect, test } from "bun:test";
import type { RecordValues } from "../../base/value.ts";
import { compileSchema } from "../../schema/compile-schema.ts";
import { untrustedIn } from "./taint.ts";

const { catalog } = compileSchema({ file: "s", text: `
type Note { text: String @untrusted kind: String n: Int @untrusted }
type Mail @table { id: ID! @primaryKey subject: String body: String @untrusted tags: [String!] @untrusted any: JSON @untrusted note: Note notes: [Note!] }` });
const { fields } = catalog.tables.get("Mail")!;
const isUntrusted = (values: RecordValues): boolean => untrustedIn(values, fields, { catalog });

test.each([
  [{ body: "x" }], [{ tags: ["x"] }], [{ any: { a: 1 } }], [{ note: { text: "x", kind: null, n: null } }], [{ notes: [{ text: null, kind: null, n: null }, { text: "x", kind: null, n: null }] }],
])("%j is", (values) => {
  expect(isUntrusted(values)).toBe(true);
});

test.each([
  [{}], [{ subject: "x" }], [{ body: null }], [{ body: "" }], [{ tags: [] }], [{ note: { text: null, kind: "x", n: 1 } }], [{ notes: [] }], [{ id: "x" }],
])("%j is not", (values) => {
  expect(isUntrusted(values)).toBe(false);
});
