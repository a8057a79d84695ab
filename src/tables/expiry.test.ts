// Expired records are invisible from their instant on and deleted soon after; writes that collide with them go through.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { create, failure, openTables, remove, replace, update, type OpenTables } from "./testing/open-tables.ts";

const SDL = `
type Session @table(expiration: "PT1H") {
  id: ID! @primaryKey
  token: String @indexed(unique: true)
  until: DateTime @expiresAt
  carts: [Cart!]! @relationship(to: "sessionId")
}
type Cart @table { id: ID! @primaryKey sessionId: ID! session: Session! @relationship(from: "sessionId", onDelete: CASCADE) }
type Lock @table { id: ID! @primaryKey sessionId: ID! session: Session! @relationship(from: "sessionId") until: DateTime @expiresAt }
`;
const HOUR = 3_600_000;

let app: OpenTables;
beforeEach(() => { app = openTables(SDL); });
afterEach(() => app.close());

const rows = (table: string) => app.storage.reader.values(`SELECT count(*) FROM "${table}"`)[0]![0];
/** Lets commits that are under way end. */
const settle = async () => { for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve)); };
const at = (ms: number) => new Date(app.clock.now() + ms).toISOString();

test("the last write counts, and @expiresAt if it is earlier", async () => {
  await app.writeAll([create("Session", { id: "a" }), create("Session", { id: "b", until: at(1000) }), create("Session", { id: "c", until: at(9 * HOUR) })]);
  app.clock.advance(999);
  expect(app.tables.get("Session", "b")).not.toBeNull();
  app.clock.advance(1);
  expect(app.tables.get("Session", "b")).toBeNull();
  app.clock.advance(HOUR / 2);
  await app.write(update("Session", "a", { token: "t" }));
  app.clock.advance(HOUR / 2);
  expect([app.tables.get("Session", "a") === null, app.tables.get("Session", "c")]).toEqual([false, null]);
  expect(await failure(app.write(update("Session", "c", { token: "x" })))).toMatchObject({ code: "NOT_FOUND" });
  expect(await failure(app.write(create("Cart", { sessionId: "c" })))).toMatchObject({ code: "REFERENCE_VIOLATION", where: "sessionId" });
  expect(rows("Session")).toBe(3);
});

test("a write that says the same again prolongs a record's life", async () => {
  await app.writeAll([create("Session", { id: "a", token: "t" }), create("Session", { id: "b", token: "u" })]);
  app.clock.advance(HOUR / 2);
  await app.write(update("Session", "a", { token: "t" }));
  await app.write(replace("Session", "b", { token: "u" }));
  app.clock.advance(HOUR / 2);
  expect([app.tables.get("Session", "a")?.values["token"], app.tables.get("Session", "b")?.values["token"]]).toEqual(["t", "u"]);
});

test("the sweeper deletes in one entry, with cascades, within its lag", async () => {
  app.tables.start();
  await app.writeAll([create("Session", { id: "a", until: at(1000) }), create("Session", { id: "b", until: at(1200) }), create("Session", { id: "c" }), create("Cart", { id: "k", sessionId: "a" })]);
  app.clock.advance(999);
  await settle();
  expect(rows("Session")).toBe(3);
  app.clock.advance(1001);
  await settle();
  app.clock.advance(200);
  await settle();
  expect([rows("Session"), rows("Cart")]).toEqual([1, 0]);
  const changes = app.log().slice(1).flatMap((entry) => entry.changes.map(({ table, id, cause, new: image }) => [table, id, cause, image]));
  expect(changes.sort()).toEqual([["Cart", "k", "cascade", null], ["Session", "a", "expiry", null], ["Session", "b", "expiry", null]]);
  app.clock.advance(HOUR);
  await settle();
  expect(rows("Session")).toBe(0);
});

test("after a restart, what fell due meanwhile goes at once, page by page", async () => {
  await app.writeAll(Array.from({ length: 1_200 }, (_, index) => create("Session", { id: `s${index}` })));
  app.clock.advance(2 * HOUR);
  app.tables.start();
  app.clock.advance(0);
  await settle();
  expect(rows("Session")).toBe(0);
  expect(app.log().length).toBeLessThan(6);
});

test("a RESTRICT child keeps it: invisible, counted, deleted once nothing refers to it", async () => {
  app.tables.start();
  await app.writeAll([create("Session", { id: "a", until: at(10) }), create("Session", { id: "b", until: at(10) }), create("Lock", { id: "l", sessionId: "a" })]);
  app.clock.advance(10);
  await settle();
  expect([rows("Session"), app.tables.get("Session", "a"), app.tables.stats().expiryBlocked]).toEqual([1, null, 1]);
  await app.write(remove("Lock", "l"));
  app.clock.advance(60_000);
  await settle();
  expect([rows("Session"), app.tables.stats().expiryBlocked]).toEqual([0, 0]);
});

test("what was kept and then made room for a new record is counted no more", async () => {
  app.tables.start();
  await app.writeAll([create("Session", { id: "a", until: at(10) }), create("Lock", { id: "l", sessionId: "a" })]);
  app.clock.advance(10);
  await settle();
  expect(app.tables.stats().expiryBlocked).toBe(1);
  await app.write(remove("Lock", "l"));
  await app.write(create("Session", { id: "a" }));
  app.clock.advance(60_000);
  await settle();
  expect([rows("Session"), app.tables.stats().expiryBlocked]).toEqual([1, 0]);
});

test("a write that collides deletes it first, in the same entry", async () => {
  await app.writeAll([create("Session", { id: "a", token: "t" }), create("Cart", { id: "k", sessionId: "a" })]);
  app.clock.advance(HOUR);
  expect((await app.write(create("Session", { id: "a", token: "t" }))).status).toBe("created");
  expect(app.log().at(-1)!.changes.map(({ table, id, cause, old, new: image }) => [table, id, cause, old !== null, image !== null]).sort()).toEqual([
    ["Cart", "k", "cascade", true, false], ["Session", "a", "expiry", true, false], ["Session", "a", "write", false, true],
  ]);
  app.clock.advance(HOUR);
  expect((await app.write(create("Session", { id: "b", token: "t" }))).status).toBe("created");
  expect(app.log().at(-1)!.changes.map(({ id, cause }) => [id, cause])).toEqual([["a", "expiry"], ["b", "write"]]);
  app.clock.advance(HOUR);
  expect((await app.write(replace("Session", "b", { token: "t" }))).status).toBe("created");
  expect((await app.write(create("Session", { token: "t" }, { fields: ["token"], resolution: "merge" }))).status).toBe("updated");
});

test("one that collides by the key that a default gave it does so too", async () => {
  const one = openTables(`type One @table(expiration: "PT1H") { id: ID! @primaryKey @default(value: "only") }`);
  expect((await one.write(create("One", {}))).id).toBe("only");
  expect(await failure(one.write(create("One", {})))).toMatchObject({ code: "UNIQUE_VIOLATION" });
  one.clock.advance(HOUR);
  expect((await one.write(create("One", {}))).status).toBe("created");
  expect(one.log().at(-1)!.changes.map(({ cause }) => cause)).toEqual(["expiry", "write"]);
  await one.close();
});

test("what RESTRICT keeps cannot be collided with", async () => {
  await app.writeAll([create("Session", { id: "a", token: "t" }), create("Lock", { id: "l", sessionId: "a" })]);
  app.clock.advance(HOUR);
  expect(await failure(app.write(create("Session", { id: "a" })))).toMatchObject({ code: "REFERENCE_VIOLATION" });
  expect(await failure(app.write(create("Session", { id: "b", token: "t" })))).toMatchObject({ code: "REFERENCE_VIOLATION" });
});

test("an expired child does not hold its parent", async () => {
  await app.writeAll([create("Session", { id: "a" }), create("Lock", { id: "l", sessionId: "a", until: at(10) })]);
  expect(await failure(app.write(remove("Session", "a")))).toMatchObject({ code: "REFERENCE_VIOLATION" });
  app.clock.advance(10);
  await app.write(remove("Session", "a"));
  expect(app.log().at(-1)!.changes.map(({ table, cause }) => [table, cause])).toEqual([["Lock", "expiry"], ["Session", "write"]]);
});
