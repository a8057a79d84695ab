// Former versions and the trash over GraphQL: the same as over REST.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { GraphqlResult } from "./graphql-app.ts";
import { keysFor, startTestApp, type StartedApp } from "./started-app.ts";

const schema = `
type Doc @table(history: "P30D", trash: "P30D") @export @allow(to: ["public"], do: [READ]) @allow(to: ["staff"], do: [CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  title: String!
  folderId: ID @indexed
  folder: Folder @relationship(from: "folderId", onDelete: SET_NULL)
  plainId: ID @indexed
  plain: Plain @relationship(from: "plainId")
}
type Folder @table(history: "P30D") @export @allow(to: ["public"], do: [READ]) @allow(to: ["staff"], do: [CREATE, UPDATE]) { id: ID! @primaryKey name: String! docs: [Doc!]! @relationship(to: "folderId") }
type Plain @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey }`;

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, config: keysFor("staff") }); });
afterAll(() => app?.stop());

async function ask(query: string, variables: object = {}): Promise<GraphqlResult> {
  const response = await fetch(`${app.url}/graphql`, { method: "POST", headers: { authorization: "Bearer key-staff", "content-type": "application/json" }, body: JSON.stringify({ query, variables }) });
  return await response.json() as GraphqlResult;
}

test("a record and its relations as they were, its history, and its return from the trash", async () => {
  expect((await ask("mutation { createFolder(input: { id: \"f\", name: \"old\" }) { id } createDoc(input: { id: \"d\", title: \"one\", folderId: \"f\" }) { id } }")).errors).toBeUndefined();
  const first = await ask("{ docHistory(id: \"d\") { next rows { position change changes n: __typename } } }") as unknown as { data: { docHistory: { rows: { position: string }[] } } };
  expect(first.data.docHistory as unknown).toMatchObject({ next: null, rows: [{ change: "created", n: "HistoryEntry" }] });
  const { position } = first.data.docHistory.rows[0]!;
  await ask("mutation { updateDoc(id: \"d\", patch: { title: \"two\" }) { id } updateFolder(id: \"f\", patch: { name: \"new\" }) { id } }");
  const then = "query($at: String) { doc(id: \"d\", asof: $at) { title folder { name docs { title } } } docList(asof: $at) { total rows { title } } docAggregate(asof: $at) { max { title } } found: docList(filter: { title: { eq: \"one\" }, folder: { name: { neq: \"new\" } } }, asof: $at) { rows { id } } }";
  expect((await ask(then, { at: position })).data as unknown).toEqual({ doc: { title: "one", folder: { name: "old", docs: [{ title: "one" }] } }, docList: { total: 1, rows: [{ title: "one" }] }, docAggregate: [{ max: { title: "one" } }], found: { rows: [{ id: "d" }] } });
  expect((await ask(then)).data as unknown).toMatchObject({ doc: { title: "two", folder: { name: "new", docs: [{ title: "two" }] } }, docList: { rows: [{ title: "two" }] }, found: { rows: [] } });
  const refused = await ask("query($at: String) { doc(id: \"d\", asof: $at) { plain { id } } docList(asof: \"soon\") { total } }", { at: position });
  expect(refused.errors?.map(({ extensions }) => extensions.code)).toEqual(["NO_HISTORY", "MALFORMED_QUERY"]);
  expect((await ask("mutation { removeDoc(id: \"d\") { id } }")).errors).toBeUndefined();
  expect((await ask("{ doc(id: \"d\") { id } docHistory(id: \"d\", limit: 1) { rows { change } } nothing: docHistory(id: \"nobody\") { next } }")).data as unknown).toEqual({ doc: null, docHistory: { rows: [{ change: "deleted" }] }, nothing: null });
  expect((await ask("mutation { restoreDoc(id: \"d\") { title folder { name } } again: restoreDoc(id: \"nobody\") { title } }")) as unknown).toMatchObject({ data: { restoreDoc: { title: "two", folder: { name: "new" } }, again: null }, errors: [{ extensions: { code: "NOT_FOUND" } }] });
  expect((await ask("{ plainHistory(id: \"x\") { next } }")).errors?.[0]?.extensions.code).toBe("INVALID_DOCUMENT");
});
