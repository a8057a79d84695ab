// Drafts: writes gathered step by step without replaying them, on a state that others go on changing.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { create, openTables, remove, update, wire, type OpenTables } from "./testing/open-tables.ts";

const SDL = `
type Team @table { id: ID! @primaryKey name: String @indexed(unique: true) size: Int number: Int! @sequence }
type Member @table { id: ID! @primaryKey teamId: ID! team: Team! @relationship(from: "teamId", onDelete: CASCADE) nick: String @indexed(unique: true, fold: true) }
`;
const WHO = { actor: "ann", requestId: "r" };

let app: OpenTables;
beforeEach(async () => {
  app = openTables(SDL);
  await app.write(create("Team", { id: "t1", name: "red", size: 1 }));
});
afterEach(() => app.close());

test("each step sees what the ones before staged; nothing is ever committed", () => {
  const draft = app.tables.draft(WHO, { note() {} }, app.clock.now());
  draft.step((session) => session.write(create("Team", { id: "t2", name: "blue" }), wire(null)));
  draft.step((session) => session.write(create("Member", { id: "m1", teamId: "t2", nick: "Z" }), wire(null)));
  expect(draft.step((session) => session.get("Member", "m1")?.values["teamId"])).toBe("t2");
  const count = () => draft.step((session) => {
    session.flush();
    return session.connection.values(`SELECT count(*) FROM "Team"`)[0]![0];
  });
  expect([count(), count()]).toEqual([2, 2]);
  draft.step((session) => session.write(remove("Team", "t2"), wire(null)));
  expect(draft.step((session) => [session.get("Member", "m1"), session.changes])).toEqual([null, []]);
  expect([count(), app.tables.get("Team", "t2"), app.log().length]).toEqual([1, null, 1]);
});

test("a step that throws leaves nothing, also when it had flushed", () => {
  const draft = app.tables.draft(WHO, { note() {} }, app.clock.now());
  draft.step((session) => session.write(create("Team", { id: "t2" }), wire(null)));
  expect(() => draft.step((session) => {
    session.write(update("Team", "t1", { name: "green" }), wire(null));
    session.write(create("Member", { id: "m1", teamId: "t9" }), wire(null));
    session.flush();
  })).toThrow("does not exist");
  expect(draft.step((session) => [session.get("Team", "t1")?.values["name"], session.get("Member", "m1"), session.get("Team", "t2") !== null])).toEqual(["red", null, true]);
  expect(draft.step((session) => session.write(create("Team", {}), wire(null)).record!["number"])).toBe(3);
});

test("a write that was refused is not looked at again by the next one", async () => {
  await app.write(create("Member", { id: "m1", teamId: "t1", nick: "a" }));
  const draft = app.tables.draft(WHO, { note() {} }, app.clock.now());
  const step = (write: Parameters<Parameters<Parameters<typeof draft.step>[0]>[0]["write"]>[0]) => draft.step((session) => {
    session.write(write, wire(null));
    session.verify();
  });
  step(create("Team", { id: "t2", name: "blue" }));
  step(create("Member", { id: "m2", teamId: "t2", nick: "b" }));
  expect(() => step(update("Member", "m1", { teamId: "t9" }))).toThrow("does not exist");
  step(update("Member", "m1", { teamId: "t2" }));
  expect(draft.step((session) => session.changes.length)).toBe(3);
});

test("verify finds what a commit would refuse, without SQLite", () => {
  const draft = app.tables.draft(WHO, { note() {} }, app.clock.now());
  const step = (...writes: Parameters<Parameters<Parameters<typeof draft.step>[0]>[0]["write"]>[0][]) => draft.step((session) => {
    for (const write of writes) session.write(write, wire(null));
    session.verify();
  });
  expect(() => step(create("Team", { name: "red" }))).toThrow("has this name");
  step(update("Team", "t1", { name: "pink" }));
  step(create("Team", { id: "t2", name: "red" }));
  expect(() => step(create("Team", { name: "pink" }))).toThrow("has this name");
  expect(() => step(create("Member", { teamId: "t7" }))).toThrow("does not exist");
  step(create("Member", { id: "m1", teamId: "t2", nick: "Bo" }));
  expect(() => step(create("Member", { teamId: "t2", nick: "BO" }))).toThrow("has this nick");
  step(remove("Member", "m1"), create("Member", { teamId: "t2", nick: "BO" }));
});

test("what others commit meanwhile is seen by the next step", async () => {
  const draft = app.tables.draft(WHO, { note() {} }, app.clock.now());
  expect(draft.step((session) => session.get("Team", "t1")?.values["size"])).toBe(1);
  await app.write(update("Team", "t1", { size: 2 }));
  expect(draft.step((session) => session.get("Team", "t1")?.values["size"])).toBe(2);
});

test("a record that an earlier step only met does not stand in the way of a later one", () => {
  const draft = app.tables.draft(WHO, { note() {} }, app.clock.now());
  const verified = (...writes: Parameters<Parameters<Parameters<typeof draft.step>[0]>[0]["write"]>[0][]) => draft.step((session) => {
    session.get("Team", "t1");
    for (const write of writes) session.write(write, wire(null));
    session.verify();
  });
  verified(create("Team", { id: "t2", name: "blue" }));
  verified(create("Team", { id: "t3", name: "grey" }));
  verified(update("Team", "t1", { name: "new" }));
  verified(update("Team", "t2", { name: "red" }));
  expect(() => verified(update("Team", "t3", { name: "red" }))).toThrow("has this name");
});

test("a thousand steps take about as long as a thousand writes", () => {
  const draft = app.tables.draft(WHO, { note() {} }, app.clock.now());
  for (let index = 0; index < 1_000; index++) {
    draft.step((session) => {
      session.write(create("Member", { id: `m${index}`, teamId: "t1", nick: `n${index}` }), wire(null));
      session.verify();
    });
  }
  expect(draft.step((session) => session.changes.length)).toBe(1_000);
});

test("unique values that a record gave up, another took and it wants back are taken", () => {
  const draft = app.tables.draft(WHO, { note() {} }, app.clock.now());
  const step = (write: Parameters<Parameters<Parameters<typeof draft.step>[0]>[0]["write"]>[0]) => draft.step((session) => {
    session.write(write, wire(null));
    session.verify();
  });
  step(create("Team", { id: "t2", name: "blue" }));
  step(update("Team", "t1", { name: null }));
  step(update("Team", "t2", { name: "red" }));
  expect(() => step(update("Team", "t1", { name: "red" }))).toThrow("Another record of Team has this name.");
  step(remove("Team", "t1"));
  expect(() => step(create("Team", { id: "t1", name: "red" }))).toThrow("Another record of Team has this name.");
  step(create("Team", { id: "t1", name: "blue" }));
});
