// References, referential actions, unique values; and that the order inside a bulk never decides.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { seededRandom } from "../base/random.ts";
import type { Write } from "./write.ts";
import { create, failure, openTables, remove, update, wire, type OpenTables } from "./testing/open-tables.ts";

const SDL = `
type Team @table { id: ID! @primaryKey name: String @indexed(unique: true) members: [Member!]! @relationship(to: "teamId") }
type Member @table {
  id: ID! @primaryKey
  teamId: ID!
  team: Team! @relationship(from: "teamId", onDelete: CASCADE)
  mentorId: ID
  mentor: Member @relationship(from: "mentorId", onDelete: SET_NULL)
  updatedAt: DateTime! @updatedTime
}
type Badge @table { id: ID! @primaryKey memberId: ID! member: Member! @relationship(from: "memberId") }
type Slot @table @indexed(fields: ["place", "rank"], unique: true) {
  id: Int! @primaryKey
  place: String!
  rank: Int!
  code: String @indexed(unique: true, fold: true)
  amount: Decimal @indexed(unique: true)
}
type Node @table { id: ID! @primaryKey parentId: ID parent: Node @relationship(from: "parentId", onDelete: CASCADE) label: String! @indexed(unique: true) }
type Pair @table { id: ID! @primaryKey aId: ID! @indexed(unique: true) a: Team! @relationship(from: "aId") }
`;

let app: OpenTables;
beforeEach(() => { app = openTables(SDL, { cascadeRows: 50 }); });
afterEach(() => app.close());

const get = (table: string, id: string | number) => app.tables.get(table, id)?.values ?? null;

test("a missing reference names the constraint and the field", async () => {
  expect(await failure(app.write(create("Member", { teamId: "t9" })))).toMatchObject({
    code: "REFERENCE_VIOLATION", status: 409, where: "teamId", details: { constraint: "Member.teamId", fields: ["teamId"], table: "Member" },
  });
  await app.write(create("Team", { id: "t1" }));
  await app.write(create("Member", { id: "m1", teamId: "t1", mentorId: "m1" }));
  expect(await failure(app.write(update("Member", "m1", { mentorId: "m2" })))).toMatchObject({ code: "REFERENCE_VIOLATION", where: "mentorId" });
});

test("actions go child first in the same entry, RESTRICT refuses", async () => {
  await app.writeAll([create("Team", { id: "t1" }), create("Team", { id: "t2" }), create("Member", { id: "m1", teamId: "t1" }), create("Member", { id: "m2", teamId: "t2", mentorId: "m1" }), create("Badge", { id: "b1", memberId: "m1" })]);
  expect(await failure(app.write(remove("Team", "t1")))).toMatchObject({ code: "REFERENCE_VIOLATION", details: { constraint: "Badge.memberId", table: "Badge" } });
  await app.write(remove("Badge", "b1"));
  app.clock.advance(1000);
  await app.write(remove("Team", "t1"));
  expect(get("Member", "m1")).toBeNull();
  expect(get("Member", "m2")).toMatchObject({ teamId: "t2", mentorId: null, updatedAt: "2026-01-01T00:00:01.000Z" });
  const entry = app.log().at(-1)!;
  expect(entry.changes.map(({ table, id, cause, new: image }) => `${table} ${String(id)} ${cause} ${image === null ? "gone" : "kept"}`).sort()).toEqual(["Member m1 cascade gone", "Member m2 cascade kept", "Team t1 write gone"]);
  const place = (id: string) => entry.changes.findIndex((change) => change.id === id);
  expect(place("m1")).toBeLessThan(place("t1"));
  expect(app.tables.get("Member", "m2")?.version).toBe(entry.position);
});

test("what RESTRICT would keep may go in the same request", async () => {
  await app.writeAll([create("Team", { id: "t1" }), create("Member", { id: "m1", teamId: "t1" }), create("Badge", { id: "b1", memberId: "m1" })]);
  await app.writeAll([remove("Team", "t1"), remove("Badge", "b1")]);
  expect([get("Team", "t1"), get("Member", "m1"), get("Badge", "b1")]).toEqual([null, null, null]);
});

test("a cascade is bounded", async () => {
  await app.write(create("Team", { id: "t1" }));
  await app.writeAll(Array.from({ length: 51 }, (_, index) => create("Member", { id: `m${index}`, teamId: "t1" })));
  expect(await failure(app.write(remove("Team", "t1")))).toMatchObject({ code: "TOO_MANY_ROWS" });
  await app.write(remove("Member", "m0"));
  await app.write(remove("Team", "t1"));
  expect(app.log().at(-1)!.changes).toHaveLength(51);
});

test("children before parents, chains and deletions in any order", async () => {
  const chain = Array.from({ length: 40 }, (_, index) => create("Node", { id: `n${index}`, parentId: index === 0 ? null : `n${index - 1}`, label: `l${index}` }));
  for (const seed of [1, 2, 3]) {
    const writes = shuffled(chain, seed);
    expect((await app.writeAll(writes)).map((outcome) => outcome.id)).toEqual(writes.map((write) => (write.kind === "create" ? write.input["id"] : null) as string));
    await app.writeAll(shuffled(Array.from({ length: 40 }, (_, index) => remove("Node", `n${index}`)), seed));
    expect(get("Node", "n0")).toBeNull();
  }
  await app.writeAll([...chain].reverse());
  await app.write(remove("Node", "n10"));
  expect([get("Node", "n9") === null, get("Node", "n10"), get("Node", "n39")]).toEqual([false, null, null]);
});

test("unique values may be swapped, shifted and handed over", async () => {
  await app.writeAll([1, 2, 3, 4].map((id) => create("Slot", { id, place: "p", rank: id, code: `c${id}`, amount: `${id}.0` })));
  await app.writeAll([update("Slot", 1, { rank: 2, code: "C2", amount: "2" }), update("Slot", 2, { rank: 1, code: "C1", amount: "1" })]);
  expect([get("Slot", 1), get("Slot", 2)]).toMatchObject([{ rank: 2, code: "C2", amount: "2" }, { rank: 1, code: "C1", amount: "1" }]);
  await app.writeAll([1, 2, 3, 4].map((id) => update("Slot", id, { rank: get("Slot", id)!["rank"] as number + 1 })));
  await app.writeAll([create("Slot", { id: 9, place: "p", rank: 4, code: "c3", amount: "3.00" }), remove("Slot", 3)]);
  expect(get("Slot", 9)).toMatchObject({ rank: 4, code: "c3", amount: "3.00" });
  expect(app.storage.reader.values(`SELECT count(*) FROM "Slot" WHERE "code$fold" IS NULL OR "amount$key" IS NULL`)[0]![0]).toBe(0);
  expect(await failure(app.writeAll([update("Slot", 1, { code: "x" }), update("Slot", 2, { code: "X" })]))).toMatchObject({ code: "UNIQUE_VIOLATION", where: "code", details: { fields: ["code"] } });
  expect(get("Slot", 1)).toMatchObject({ code: "C2" });
});

test("a unique reference that may not be null can be swapped by way of its key alone", async () => {
  await app.writeAll([create("Team", { id: "t1" }), create("Team", { id: "t2" }), create("Team", { id: "t3" }), create("Pair", { id: "p1", aId: "t1" }), create("Pair", { id: "p2", aId: "t2" })]);
  await app.writeAll([update("Pair", "p1", { aId: "t2" }), update("Pair", "p2", { aId: "t3" })]);
  expect([get("Pair", "p1"), get("Pair", "p2")]).toMatchObject([{ aId: "t2" }, { aId: "t3" }]);
  await app.writeAll([update("Pair", "p1", { aId: "t3" }), update("Pair", "p2", { aId: "t2" })]);
  expect([get("Pair", "p1"), get("Pair", "p2")]).toMatchObject([{ aId: "t3" }, { aId: "t2" }]);
});

test("a parent is replaced under its children, its unique name included", async () => {
  await app.writeAll([create("Team", { id: "t1", name: "red" }), create("Member", { id: "m1", teamId: "t1" })]);
  const writes: Write[] = [remove("Team", "t1"), create("Team", { id: "t2", name: "red" }), update("Member", "m1", { teamId: "t2" })];
  await app.writeAll(writes);
  expect([get("Team", "t1"), get("Team", "t2"), get("Member", "m1")]).toMatchObject([null, { name: "red" }, { teamId: "t2" }] as never);
});

test("whatever the order of a bulk, its outcome is the same", async () => {
  const setUp = [create("Team", { id: "t1", name: "a" }), create("Team", { id: "t2", name: "b" }), create("Member", { id: "m1", teamId: "t1" }), create("Member", { id: "m2", teamId: "t2", mentorId: "m1" })];
  const writes = [
    update("Team", "t2", { name: "a" }), update("Team", "t1", { name: "b" }), create("Team", { id: "t3", name: "c" }), update("Member", "m1", { teamId: "t3", mentorId: "m3" }),
    create("Member", { id: "m3", teamId: "t3", mentorId: "m4" }), create("Member", { id: "m4", teamId: "t1" }), remove("Member", "m2"), create("Badge", { id: "b1", memberId: "m3" }),
  ];
  const seen = new Set<string>();
  for (let seed = 1; seed <= 12; seed++) {
    await app.close();
    app = openTables(SDL);
    await app.writeAll(setUp);
    await app.writeAll(shuffled(writes, seed));
    seen.add(JSON.stringify(["Team", "Member", "Badge"].map((table) => app.storage.reader.all(`SELECT * FROM "${table}" ORDER BY "id"`).map((row) => ({ ...row, $row: null })))));
  }
  expect(seen.size).toBe(1);
});

test("a session goes on after a write that failed, without a trace of it", async () => {
  const { value } = await app.tables.commit((session) => {
    session.write(create("Member", { id: "m1", teamId: "t1" }), wire(null));
    expect(() => session.write(create("Member", { id: "m1", teamId: "t2" }), wire(null))).toThrow("has this id");
    expect(() => session.writeAll([create("Team", { id: "t5" }), create("Team", { id: 5.5 })], wire(null))).toThrow("id must be");
    expect(session.get("Team", "t5")).toBeNull();
    session.write(create("Team", { id: "t1" }), wire(null));
    return session.changes.map((change) => change.id);
  }, { actor: "u", requestId: "r" });
  expect(value).toEqual(["m1", "t1"]);
  expect(app.log()).toMatchObject([{ actor: "u", requestId: "r", changes: [{ id: "t1" }, { id: "m1" }] }]);
});

test("constraints are looked at when the session ends, and undo all of it", async () => {
  expect(await failure(app.tables.commit((session) => {
    session.write(create("Team", { id: "t1" }), wire(null));
    session.write(create("Member", { id: "m1", teamId: "t2" }), wire(null));
  }, { actor: null, requestId: "r" }))).toMatchObject({ code: "REFERENCE_VIOLATION" });
  expect([get("Team", "t1"), app.log().length]).toEqual([null, 0]);
});

test("a rehearsal sees its writes after a flush, refuses what a commit would, and leaves nothing", async () => {
  const count = app.tables.rehearse((session) => {
    session.write(create("Team", { id: "t1" }), wire(null));
    session.flush();
    session.write(create("Team", { id: "t2" }), wire(null));
    session.flush();
    return session.connection.values(`SELECT count(*) FROM "Team"`)[0]![0];
  });
  expect([count, get("Team", "t1")]).toEqual([2, null]);
  expect(() => app.tables.rehearse((session) => session.write(create("Member", { teamId: "t1" }), wire(null)))).toThrow("does not exist");
});

test("deletions of parents and children mix with a bulk of two items for one record", async () => {
  const upsert = (id: string, name: string): Write => create("Team", { id, name }, { fields: null, resolution: "merge" });
  expect(await failure(app.writeAll([upsert("t1", "a"), upsert("t1", "b")]))).toMatchObject({ code: "CONFLICT", where: "[1]" });
  expect(await failure(app.writeAll([create("Team", { id: "t1" }), create("Team", { id: "t2", name: 5 })]))).toMatchObject({ code: "VALIDATION_FAILED", where: "[1].name", details: [{ path: "[1].name" }] });
  expect(await failure(app.writeAll([create("Team", { id: "t1" }), create("Team", { id: "t1" })]))).toMatchObject({ code: "UNIQUE_VIOLATION", where: "[1].id" });
});

function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  const random = seededRandom(seed);
  const result = [...items];
  for (let index = result.length - 1; index > 0; index--) {
    const other = Math.floor(random.next() * (index + 1));
    [result[index], result[other]] = [result[other]!, result[index]!];
  }
  return result;
}

const CIRCLES = `
type Cat @table { id: ID! @primaryKey parentId: ID parent: Cat @relationship(from: "parentId", onDelete: CASCADE) label: String @indexed(unique: true) }
type Ring @table { id: ID! @primaryKey nextId: ID! next: Ring! @relationship(from: "nextId", onDelete: CASCADE) }
type Left @table { id: ID! @primaryKey rightId: ID right: Right @relationship(from: "rightId") }
type Right @table { id: ID! @primaryKey leftId: ID! left: Left! @relationship(from: "leftId", onDelete: CASCADE) }
`;

test("circles of references come and go in one request", async () => {
  app.close();
  app = openTables(CIRCLES);
  await app.writeAll([create("Cat", { id: "x", parentId: "y", label: "l" }), create("Cat", { id: "y", parentId: "z" }), create("Cat", { id: "z", parentId: "x" }), create("Cat", { id: "leaf", parentId: "z" })]);
  expect(get("Cat", "x")).toMatchObject({ parentId: "y", label: "l" });
  expect(app.log().at(-1)!.changes.map(({ id, new: image }) => `${String(id)}>${String(image?.["parentId"])}`).sort()).toEqual(["leaf>z", "x>y", "y>z", "z>x"]);
  await app.write(remove("Cat", "y"));
  expect(["x", "y", "z", "leaf"].map((id) => get("Cat", id))).toEqual([null, null, null, null]);
  await app.writeAll([create("Ring", { id: "a", nextId: "b" }), create("Ring", { id: "b", nextId: "a" })]);
  expect(get("Ring", "a")).toMatchObject({ nextId: "b" });
  await app.write(remove("Ring", "a"));
  expect([get("Ring", "a"), get("Ring", "b")]).toEqual([null, null]);
  await app.writeAll([create("Left", { id: "l", rightId: "r" }), create("Right", { id: "r", leftId: "l" })]);
  expect(await failure(app.write(remove("Right", "r")))).toMatchObject({ code: "REFERENCE_VIOLATION" });
  await app.writeAll([remove("Left", "l"), remove("Right", "r")]);
  expect([get("Left", "l"), get("Right", "r")]).toEqual([null, null]);
  expect(await failure(app.writeAll([create("Cat", { id: "x", parentId: "y" }), create("Cat", { id: "y", parentId: "nobody" })]))).toMatchObject({ code: "REFERENCE_VIOLATION" });
});

test("of two different items to be ignored if there is one, neither decides; the same twice is one", async () => {
  const ignored = (name: string): Write => create("Team", { id: "t1", name }, { fields: null, resolution: "ignore" });
  for (const names of [["a", "b"], ["b", "a"]]) expect(await failure(app.writeAll(names.map(ignored)))).toMatchObject({ code: "CONFLICT", where: "[1]" });
  expect((await app.writeAll([ignored("a"), ignored("a")])).map(({ status }) => status)).toEqual(["created", "ignored"]);
  expect((await app.writeAll([ignored("b"), ignored("c")])).map(({ status }) => status)).toEqual(["ignored", "ignored"]);
  expect(get("Team", "t1")).toMatchObject({ name: "a" });
});
