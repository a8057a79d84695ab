// @sequence: without gaps, never reused, also under concurrency and after failures.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { create, failure, openTables, remove, update, type OpenTables } from "./testing/open-tables.ts";

const SDL = `
type Project @table { id: ID! @primaryKey }
type Issue @table {
  id: ID! @primaryKey
  projectId: ID!
  project: Project! @relationship(from: "projectId")
  number: Int! @sequence(per: "projectId")
  ticket: Long! @sequence
  title: String! @length(max: 5) @indexed(unique: true)
}
`;

let app: OpenTables;
beforeEach(async () => {
  app = openTables(SDL);
  await app.writeAll([create("Project", { id: "p1" }), create("Project", { id: "p2" })]);
});
afterEach(() => app.close());

const numbers = (field: string, project?: string) => app.storage.reader.values(`SELECT "${field}" FROM "Issue" ${project === undefined ? "" : `WHERE "projectId" = '${project}'`} ORDER BY 1`).map((row) => row[0]);
const range = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

test("concurrent creates, half of which fail, leave no gap", async () => {
  const results = await Promise.allSettled(range(60).map((number) => app.write(create("Issue", { projectId: number % 3 === 0 ? "p2" : "p1", title: number % 2 === 0 ? "too long" : `t${number}` }))));
  expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(30);
  expect(numbers("number", "p1")).toEqual(range(20));
  expect(numbers("number", "p2")).toEqual(range(10));
  expect(numbers("ticket")).toEqual(range(30));
});

test("a constraint that fails at the end gives the number back", async () => {
  await app.write(create("Issue", { projectId: "p1", title: "a" }));
  expect(await failure(app.write(create("Issue", { projectId: "p1", title: "a" })))).toMatchObject({ code: "UNIQUE_VIOLATION" });
  expect(await failure(app.write(create("Issue", { projectId: "p9", title: "b" })))).toMatchObject({ code: "REFERENCE_VIOLATION" });
  expect((await app.write(create("Issue", { projectId: "p1", title: "c" }))).record).toMatchObject({ number: 2, ticket: 2n });
});

test("a deleted record's number is not used again, in one bulk numbers follow its order", async () => {
  const [, second] = await app.writeAll(["a", "b"].map((title) => create("Issue", { projectId: "p1", title })));
  expect(second!.record).toMatchObject({ number: 2, ticket: 2n });
  await app.write(remove("Issue", second!.id));
  expect((await app.write(create("Issue", { projectId: "p1", title: "c" }))).record).toMatchObject({ number: 3 });
});

test("nobody sets it, and it stays through updates", async () => {
  expect(await failure(app.write(create("Issue", { projectId: "p1", title: "a", number: 5 })))).toMatchObject({ code: "READ_ONLY_FIELD", status: 422, where: "number" });
  const { id } = await app.write(create("Issue", { projectId: "p1", title: "a", number: 1, ticket: null }));
  expect((await app.write(update("Issue", id, { title: "b", number: 1, projectId: "p2" }))).record).toMatchObject({ number: 1, projectId: "p2" });
});

test("a record that moves to another parent takes the next number there", async () => {
  await app.writeAll([create("Issue", { id: "a", projectId: "p1", title: "a" }), create("Issue", { id: "b", projectId: "p1", title: "b" }), create("Issue", { id: "c", projectId: "p2", title: "c" })]);
  expect((await app.write(update("Issue", "c", { projectId: "p1" }))).record).toMatchObject({ number: 3, ticket: 3n });
  expect((await app.write(create("Issue", { projectId: "p2", title: "d" }))).record).toMatchObject({ number: 2 });
  expect((await app.write(update("Issue", "c", { projectId: "p1", title: "cc" }))).record).toMatchObject({ number: 3 });
  expect(await failure(app.write(update("Issue", "b", { projectId: "p2", title: "a" })))).toMatchObject({ code: "UNIQUE_VIOLATION" });
  expect((await app.write(create("Issue", { projectId: "p2", title: "e" }))).record).toMatchObject({ number: 3 });
  expect(numbers("number", "p1")).toEqual([1, 2, 3]);
});
