import { afterEach, expect, test } from "bun:test";
import type { Value } from "../base/value.ts";
import { create, failure, openTables, remove, update, wire, type OpenTables } from "./testing/open-tables.ts";

const sdl = `
type Project @table(trash: "P30D") { id: ID! @primaryKey name: String! @indexed(unique: true) updatedAt: DateTime! @updatedTime }
type Issue @table(trash: "P30D", history: "P90D") {
  id: ID! @primaryKey
  title: String!
  projectId: ID!
  project: Project! @relationship(from: "projectId", onDelete: CASCADE)
  until: DateTime @expiresAt
}
type Note @table(trash: "P30D") { id: ID! @primaryKey issueId: ID! issue: Issue! @relationship(from: "issueId", onDelete: CASCADE) }
type Mark @table { id: ID! @primaryKey issueId: ID! issue: Issue! @relationship(from: "issueId", onDelete: CASCADE) }
type Room @table { id: ID! @primaryKey seats: Int! }
type Booking @table(trash: "P30D", history: "P9D") @check(rule: "record.room.seats >= record.guests") { id: ID! @primaryKey guests: Int! roomId: ID! room: Room! @relationship(from: "roomId") }`;

let open: OpenTables;
afterEach(() => open.close());

const restore = (table: string, id: Value) => open.tables.commit((session) => session.restore(table, id, null), { actor: null, requestId: "test" });
const has = (table: string, id: Value): boolean => open.tables.get(table, id) !== null;
const kept = (table: string): number => open.storage.reader.values(`SELECT count(*) FROM "${table}$history"`)[0]![0] as number;

test("what a deletion took along comes back with it, once; what has no trash does not", async () => {
  open = openTables(sdl);
  await open.writeAll([create("Project", { id: "p", name: "P" }), create("Issue", { id: "i", title: "I", projectId: "p" }), create("Note", { id: "n", issueId: "i" }), create("Mark", { id: "m", issueId: "i" })]);
  const before = open.tables.get("Project", "p")!;
  open.clock.advance(1_000);
  await open.write(remove("Project", "p"));
  expect([has("Project", "p"), has("Issue", "i"), has("Note", "n"), has("Mark", "m")]).toEqual([false, false, false, false]);
  const { position } = await restore("Project", "p");
  expect([has("Project", "p"), has("Issue", "i"), has("Note", "n"), has("Mark", "m")]).toEqual([true, true, true, false]);
  const after = open.tables.get("Project", "p")!;
  expect(after.version).toBe(position!);
  expect(after.values).toEqual({ ...before.values, updatedAt: "2026-01-01T00:00:01.000Z" });
  expect(open.log().at(-1)!.changes.map(({ table, cause, old }) => [table, cause, old])).toEqual([["Project", "write", null], ["Issue", "write", null], ["Note", "write", null]]);
  expect(kept("Project")).toBe(0);
  expect(await failure(restore("Project", "p"))).toMatchObject({ code: "NOT_FOUND" });
});

test("children that went before, by themselves or with another parent, stay away", async () => {
  open = openTables(sdl);
  await open.writeAll([create("Project", { id: "p", name: "P" }), create("Project", { id: "q", name: "Q" }),
    ...["a", "b", "c"].map((id) => create("Issue", { id, title: id, projectId: id === "c" ? "q" : "p" }))]);
  await open.write(remove("Issue", "a"));
  await open.writeAll([remove("Project", "p"), remove("Project", "q")]);
  await restore("Project", "p");
  expect(["a", "b", "c"].filter((id) => has("Issue", id))).toEqual(["b"]);
  // A child alone needs its parent.
  expect(await failure(restore("Issue", "c"))).toMatchObject({ code: "REFERENCE_VIOLATION" });
  await restore("Issue", "a");
  expect(has("Issue", "a")).toBe(true);
});

test("a child that lived again elsewhere and went again does not come with its first parent", async () => {
  open = openTables(sdl);
  await open.writeAll([create("Project", { id: "p", name: "P" }), create("Project", { id: "q", name: "Q" }), create("Issue", { id: "i", title: "I", projectId: "p" })]);
  await open.write(remove("Project", "p"));
  await open.write(create("Issue", { id: "i", title: "other", projectId: "q" }));
  await open.write(remove("Issue", "i"));
  await restore("Project", "p");
  expect([has("Project", "p"), has("Issue", "i")]).toEqual([true, false]);
  await restore("Issue", "i");
  expect(open.tables.get("Issue", "i")!.values).toMatchObject({ title: "other", projectId: "q" });
});

test("constraints and checks must hold again, else nothing comes back", async () => {
  open = openTables(sdl);
  await open.writeAll([create("Project", { id: "p", name: "P" }), create("Issue", { id: "i", title: "I", projectId: "p" })]);
  await open.write(remove("Project", "p"));
  await open.write(create("Project", { id: "q", name: "P" }));
  expect(await failure(restore("Project", "p"))).toMatchObject({ code: "UNIQUE_VIOLATION" });
  expect([has("Project", "p"), has("Issue", "i"), kept("Project")]).toEqual([false, false, 1]);
  await open.write(remove("Project", "q"));
  await restore("Project", "p");
  expect(has("Issue", "i")).toBe(true);
});

test("a check that does not hold any more keeps it away", async () => {
  open = openTables(sdl);
  await open.write(create("Room", { id: "r", seats: 4 }));
  await open.write(create("Booking", { id: "b", guests: 4, roomId: "r" }));
  await open.write(remove("Booking", "b"));
  await open.write(update("Room", "r", { seats: 3 }));
  expect(await failure(restore("Booking", "b"))).toMatchObject({ code: "CHECK_FAILED" });
  // What was tried in vain leaves no trace in the entry.
  await open.tables.commit((session) => {
    expect(() => session.restore("Booking", "b", null)).toThrow("Booking");
    session.write(create("Booking", { id: "b", guests: 1, roomId: "r" }), wire(null));
  }, { actor: null, requestId: "test" });
  expect(open.storage.reader.values(`SELECT "causes" FROM "$moment" ORDER BY "position" DESC LIMIT 1`)).toEqual([[null]]);
  await open.writeAll([remove("Booking", "b")]);
  await open.write(update("Room", "r", { seats: 5 }));
  await restore("Booking", "b");
  expect(has("Booking", "b")).toBe(true);
});

test("a new record under the key ends what could be restored", async () => {
  open = openTables(sdl);
  await open.write(create("Project", { id: "p", name: "first" }));
  await open.write(remove("Project", "p"));
  await open.write(create("Project", { id: "p", name: "second" }));
  expect(await failure(restore("Project", "p"))).toMatchObject({ code: "NOT_FOUND" });
  await open.write(remove("Project", "p"));
  await restore("Project", "p");
  expect(open.tables.get("Project", "p")!.values["name"]).toBe("second");
});

test("neither what expired comes back, nor what has been in the trash for too long, nor what never was", async () => {
  open = openTables(sdl);
  await open.write(create("Project", { id: "p", name: "P" }));
  await open.writeAll([create("Issue", { id: "expired", title: "x", projectId: "p", until: "2026-01-01T00:00:10.000Z" }), create("Issue", { id: "deleted", title: "x", projectId: "p", until: "2026-01-01T00:00:10.000Z" }), create("Issue", { id: "old", title: "x", projectId: "p" })]);
  await open.writeAll([remove("Issue", "deleted"), remove("Issue", "old")]);
  open.clock.advance(20_000);
  await open.write(update("Project", "p", { name: "Q" }));
  for (const id of ["expired", "deleted", "nobody"]) expect(await failure(restore("Issue", id))).toMatchObject({ code: "NOT_FOUND" });
  open.clock.advance(30 * 86_400_000);
  expect(await failure(restore("Issue", "old"))).toMatchObject({ code: "NOT_FOUND" });
});

test("each version is kept with when and how it ended, one for each entry whatever happened inside", async () => {
  open = openTables(sdl);
  await open.writeAll([create("Project", { id: "p", name: "P" }), create("Issue", { id: "i", title: "1", projectId: "p" })]);
  await open.writeAll([update("Issue", "i", { title: "2" })]);
  await open.tables.commit((session) => {
    for (const title of ["3", "4"]) session.write(update("Issue", "i", { title }), { dialect: "wire", authority: null, sent: null });
  }, { actor: "ann", requestId: "r" });
  await open.write(update("Issue", "i", { title: "4" }));
  await open.write(remove("Project", "p"));
  const rows = open.storage.reader.values(`SELECT "title", "$version", "$until", "$ending" FROM "Issue$history" ORDER BY "$until"`);
  expect(rows).toEqual([["1", 1, 2, "update"], ["2", 2, 3, "update"], ["4", 3, 4, "cascade"]]);
  expect(open.storage.reader.values(`SELECT "position", "actor", "causes" FROM "$moment" ORDER BY "position"`)).toEqual([[1, null, null], [2, null, null], [3, "ann", null], [4, null, null]]);
  await restore("Project", "p");
  expect(open.storage.reader.values(`SELECT "causes" FROM "$moment" WHERE "position" = 5`)).toEqual([[`{"Issue":{"i":"restored"}}`]]);
});
