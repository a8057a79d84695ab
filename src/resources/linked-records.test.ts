// Relations through a join table whose rows are readable under a condition: only those rows lead somewhere, in every form of read.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { administrator, openApp, refusal, user, type OpenApp } from "./testing/open-app.ts";

const SDL = `
type Issue @table @export @allow(to: ["authenticated"], do: [READ]) {
  id: ID! @primaryKey
  labels: [Label!]! @relationship(through: "IssueLabel")
}
type Label @table @export @allow(to: ["authenticated"], do: [READ]) {
  id: ID! @primaryKey
  name: String! @indexed(unique: true)
  issues: [Issue!]! @relationship(through: "IssueLabel")
}
type IssueLabel @table @export @allow(to: ["reader"], do: [READ], where: "record.owner == auth.subject") {
  id: ID! @primaryKey
  owner: ID!
  issueId: ID!
  issue: Issue! @relationship(from: "issueId", onDelete: CASCADE)
  labelId: ID!
  label: Label! @relationship(from: "labelId", onDelete: CASCADE)
}
`;

let app: OpenApp;
beforeAll(async () => {
  app = openApp(SDL);
  const all = app.as(administrator);
  await all.create("Issue", [{ id: "i1" }, { id: "i2" }]);
  await all.create("Label", [{ id: "l1", name: "mine" }, { id: "l2", name: "hers" }]);
  await all.create("IssueLabel", [{ id: "a", owner: "me", issueId: "i1", labelId: "l1" }, { id: "b", owner: "her", issueId: "i1", labelId: "l2" }, { id: "c", owner: "her", issueId: "i2", labelId: "l1" }]);
});
afterAll(() => app.close());

const asMe = (query: string) => app.as(user("me", "reader")).list("Issue", query).then((answer) => answer.body);

test("embedded, spread, aliased, counted, from both sides", async () => {
  expect(await asMe("select=id,labels(name)&order=id")).toEqual([{ id: "i1", labels: [{ name: "mine" }] }, { id: "i2", labels: [] }]);
  expect(await asMe("select=id,tags:labels(name)&order=id&tags.order=name.desc&tags.limit=5")).toEqual([{ id: "i1", tags: [{ name: "mine" }] }, { id: "i2", tags: [] }]);
  expect(await asMe("select=id,labels(count())&order=id")).toEqual([{ id: "i1", labels: [{ count: 1 }] }, { id: "i2", labels: [{ count: 0 }] }]);
  expect((await app.as(user("me", "reader")).list("Label", "select=id,issues(id)&order=id")).body).toEqual([{ id: "l1", issues: [{ id: "i1" }] }, { id: "l2", issues: [] }]);
});

test("as a condition, looked up either way", async () => {
  expect(await asMe("select=id,labels!inner(id)&order=id")).toEqual([{ id: "i1", labels: [{ id: "l1" }] }]);
  expect(await asMe("select=id,labels!inner(id)&labels.name=eq.hers")).toEqual([]);
  expect(await asMe("select=id,labels!inner()&labels.id=eq.l1")).toEqual([{ id: "i1" }]);
  expect(await asMe("select=id&labels=is.null")).toEqual([{ id: "i2" }]);
});

test("the administrator follows every row; who may read none has no such relation", async () => {
  expect((await app.as(administrator).list("Issue", "select=id,labels(id)&order=id&labels.order=id")).body).toEqual([{ id: "i1", labels: [{ id: "l1" }, { id: "l2" }] }, { id: "i2", labels: [{ id: "l1" }] }]);
  expect(await refusal(() => app.as(user("you")).list("Issue", "select=id,labels(id)"))).toMatchObject({ code: "UNKNOWN_FIELD" });
});
