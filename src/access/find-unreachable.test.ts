// What nobody may reach is told once, and only what is meant to be reached.
import { expect, test } from "bun:test";
import { compileSchema } from "../schema/compile-schema.ts";
import { findUnreachable } from "./find-unreachable.ts";

function told(text: string): string[] {
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text });
  expect(diagnostics).toEqual([]);
  return findUnreachable(catalog).map(({ code, severity, message, position }) => `${position.line} ${code} ${severity} ${message}`);
}

test("an exported table and callables without @allow", () => {
  expect(told(`type Open @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey go: Int @action }
type Forgotten @table @export { id: ID! @primaryKey secret: Int }
type Internal @table { id: ID! @primaryKey go: Int @action }
type ByAction @table @export { id: ID! @primaryKey go: Int @action @allow(to: ["staff"]) }
type Silent @channel(key: "id") @export { id: ID! }
type Heard @channel(key: "id") @export @allow(to: ["public"], do: [SUBSCRIBE]) { id: ID! }
type Endpoints { lost: Int @http inside: Int found: Int @http @allow(to: ["public"]) }`)).toEqual([
    "2 NOBODY_ALLOWED warning Forgotten is exported, but no @allow lets anybody reach it.",
    "5 NOBODY_ALLOWED warning Silent is exported, but no @allow lets anybody subscribe or publish.",
    "1 NOBODY_ALLOWED warning go has no @allow, so nobody may call it.",
    "7 NOBODY_ALLOWED warning lost has no @allow, so nobody may call it.",
  ]);
});

test("a webhook that only who is signed in may call", () => {
  expect(told(`type Endpoints {
lost(id: ID!): Int @http @webhook(secret: "pay")
signed(id: ID!): Int @http @webhook(secret: "pay") @allow(to: ["authenticated"])
heard(id: ID!): Int @http @webhook(secret: "pay") @allow(to: ["public"])
}`)).toEqual([
    "2 NOBODY_ALLOWED warning lost is a webhook, which nobody signed in calls, and no @allow is for public.",
    "3 NOBODY_ALLOWED warning signed is a webhook, which nobody signed in calls, and no @allow is for public.",
  ]);
});

const joined = (allow: string): string[] => told(`type Post @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey tags: [Tag!]! @relationship(through: "PostTag") }
type Tag @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey }
type PostTag @table ${allow} { id: ID! @primaryKey open: Boolean! postId: ID! post: Post! @relationship(from: "postId") tagId: ID! tag: Tag! @relationship(from: "tagId") }`);

test("a relation through a join table of which nobody may read a row", () => {
  const hidden = ["1 NOBODY_ALLOWED warning Post.tags leads through PostTag, of which nobody may read a row, so the relation exists for nobody."];
  expect(joined("")).toEqual(hidden);
  expect(joined('@allow(to: ["public"], do: [CREATE])')).toEqual(hidden);
  expect(joined('@allow(to: ["public"], do: [READ], where: "record.open")')).toEqual([]);
  expect(joined('@allow(to: ["public"], do: [READ])')).toEqual([]);
});
