// A record that points again to what went in the same request: refused like any missing reference, whatever SQLite still holds.
import { afterEach, beforeEach, expect, test } from "bun:test";
import type { Write } from "./write.ts";
import { create, openTables, remove, update, wire, type OpenTables } from "./testing/open-tables.ts";

const SDL = `
type Team @table { id: ID! @primaryKey name: String }
type Member @table { id: ID! @primaryKey nick: String teamId: ID! team: Team! @relationship(from: "teamId", onDelete: CASCADE) homeId: ID home: Team @relationship(from: "homeId", onDelete: SET_NULL) }
type Badge @table { id: ID! @primaryKey teamId: ID! team: Team! @relationship(from: "teamId") }
`;

let app: OpenTables;
beforeEach(async () => {
  app = openTables(SDL);
  await app.writeAll([create("Team", { id: "t1" }), create("Team", { id: "t2" }), create("Team", { id: "t3" }), create("Member", { id: "m1", teamId: "t1", homeId: "t2" }), create("Badge", { id: "b1", teamId: "t3" })]);
});
afterEach(() => app.close());

const MISSING = { code: "REFERENCE_VIOLATION" };

/** What the last of the writes meets, each of them a call of one body; and the same writes in one commit. */
async function last(...writes: Write[]): Promise<unknown[]> {
  const draft = app.tables.draft({ actor: null, requestId: "r" }, { note() {} }, app.clock.now());
  const outcomes = writes.map((write) => {
    try {
      return draft.step((session) => { session.write(write, wire(null)); session.verify(); return "done"; });
    } catch (error) {
      return error;
    }
  });
  const committed = await app.tables.commit((session) => { for (const write of writes) { session.write(write, wire(null)); session.verify(); } }, { actor: null, requestId: "r" }).then(() => "done", (error: unknown) => error);
  return [...outcomes.slice(0, -1).filter((outcome) => outcome !== "done"), outcomes.at(-1), committed];
}

test("one that the removal took along comes back", async () => {
  expect(await last(remove("Team", "t1"), create("Member", { id: "m1", teamId: "t1" }))).toMatchObject([MISSING, MISSING]);
  expect(await last(remove("Team", "t1"), create("Member", { id: "m1", teamId: "t2" }))).toEqual(["done", "done"]);
});

test("one whose reference the removal emptied points there again", async () => {
  expect(await last(remove("Team", "t2"), update("Member", "m1", { homeId: "t2" }))).toMatchObject([MISSING, MISSING]);
  expect(await last(remove("Team", "t2"), update("Member", "m1", { nick: "Z" }))).toEqual(["done", "done"]);
});

test("one that had to go before the removal comes back", async () => {
  expect(await last(remove("Badge", "b1"), remove("Team", "t3"), create("Badge", { id: "b1", teamId: "t3" }))).toMatchObject([MISSING, MISSING]);
});

test("one that pointed elsewhere in between points there again", async () => {
  expect(await last(update("Badge", "b1", { teamId: "t1" }), remove("Team", "t3"), update("Badge", "b1", { teamId: "t3" }))).toMatchObject([MISSING, MISSING]);
});

test("where what went is there again, so may be the reference", async () => {
  expect(await last(remove("Team", "t1"), create("Team", { id: "t1", name: "new" }), create("Member", { id: "m1", teamId: "t1" }))).toEqual(["done", "done"]);
});
