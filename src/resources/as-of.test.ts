import { afterEach, expect, test } from "bun:test";
import { administrator, openApp, refusal, user, type OpenApp } from "./testing/open-app.ts";

const sdl = `
type Person @table(history: "P90D") @export @allow(to: ["public"], do: [READ]) @allow(to: ["staff"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey name: String! vip: Boolean! @default(value: false) orders: [Order!]! @relationship(to: "personId") }
type Order @table(history: "P90D") @export
  @allow(to: ["public"], do: [READ], where: "record.open")
  @allow(to: ["staff"], do: [READ, CREATE, UPDATE, DELETE])
  @allow(to: ["member"], do: [READ], on: "record")
{
  id: ID! @primaryKey
  number: Long! @indexed
  price: Decimal
  open: Boolean! @default(value: true)
  cost: Int @allow(to: ["staff"], do: [READ, CREATE, UPDATE])
  until: DateTime @expiresAt
  personId: ID
  person: Person @relationship(from: "personId", onDelete: SET_NULL)
  tags: [Tag!]! @relationship(through: "OrderTag")
  marks: [Mark!]! @relationship(to: "orderId")
}
type Tag @table(history: "P90D") @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey name: String! }
type OrderTag @table(history: "P90D") @export @allow(to: ["public"], do: [READ]) @indexed(fields: ["orderId", "tagId"], unique: true) { id: ID! @primaryKey orderId: ID! order: Order! @relationship(from: "orderId", onDelete: CASCADE) tagId: ID! tag: Tag! @relationship(from: "tagId", onDelete: CASCADE) }
type Mark @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey orderId: ID! order: Order! @relationship(from: "orderId", onDelete: CASCADE) }
type Member @table(history: "P90D") @grants(subject: "userId", role: "role", on: "orderId") @indexed(fields: ["userId", "orderId"], unique: true) { id: ID! @primaryKey userId: ID! orderId: ID! order: Order! @relationship(from: "orderId", onDelete: CASCADE) role: Part! }
enum Part { MEMBER }`;

let app: OpenApp;
afterEach(() => app.close());

const staff = user("s", "staff");
/** One second for each entry: the entry n stands at second n. */
const at = (second: number): string => new Date(Date.UTC(2026, 0, 1) + second * 1_000).toISOString();
const ids = (rows: unknown): unknown[] => (rows as { id: unknown }[]).map((row) => row.id);

async function opened(): Promise<OpenApp> {
  app = openApp(sdl);
  const boss = app.as(administrator);
  const step = async (work: () => Promise<unknown>): Promise<void> => { app.clock.advance(1_000); await work(); };
  await step(() => boss.create("Person", [{ id: "p", name: "Ann" }, { id: "q", name: "Bob" }]));
  await step(() => boss.create("Order", [{ id: "a", number: "9007199254740993", price: "1.50", personId: "p", cost: 5 }, { id: "b", number: "2", personId: "q" }]));
  await step(() => boss.create("Tag", [{ id: "x", name: "red" }]));
  await step(() => boss.create("OrderTag", { id: "ax", orderId: "a", tagId: "x" }));
  await step(() => boss.update("Order", "a", { number: "7", price: "10.00" }));
  await step(() => boss.update("Person", "p", { name: "Anna", vip: true }));
  await step(() => boss.remove("Tag", "x"));
  await step(() => boss.remove("Person", "q"));
  await step(() => boss.remove("Order", "b"));
  await step(() => boss.create("Order", { id: "b", number: "22" }));
  return app;
}

test("a list and a record are as they were at each second", async () => {
  await opened();
  const list = async (second: number): Promise<unknown> => (await app.as(staff).list("Order", `select=id,number,personId&order=id&asof=${at(second)}`)).body;
  const first = { id: "a", number: "9007199254740993", personId: "p" };
  expect(await list(1)).toEqual([]);
  expect(await list(2)).toEqual([first, { id: "b", number: "2", personId: "q" }]);
  expect(await list(4.999)).toEqual([first, { id: "b", number: "2", personId: "q" }]);
  expect(await list(5)).toEqual([{ ...first, number: "7" }, { id: "b", number: "2", personId: "q" }]);
  expect(await list(8)).toEqual([{ ...first, number: "7" }, { id: "b", number: "2", personId: null }]);
  expect(await list(9)).toEqual([{ ...first, number: "7" }]);
  expect(await list(10)).toEqual([{ ...first, number: "7" }, { id: "b", number: "22", personId: null }]);
  expect((await app.as(staff).get("Order", "b", `asof=${at(8)}&select=number`)).body).toEqual({ number: "2" });
  expect(await refusal(app.as(staff).get("Order", "b", `asof=${at(9)}`))).toMatchObject({ code: "NOT_FOUND" });
  expect(await refusal(app.as(staff).get("Order", "b", `asof=${at(1)}`))).toMatchObject({ code: "NOT_FOUND" });
});

test("filters, order, cursors, counts and aggregates are about that moment", async () => {
  await opened();
  const ask = async (query: string): Promise<unknown> => (await app.as(staff).list("Order", query)).body;
  expect(ids(await ask(`number=eq.9007199254740993&asof=${at(3)}`))).toEqual(["a"]);
  expect(await ask(`number=eq.9007199254740993&asof=${at(6)}`)).toEqual([]);
  expect(ids(await ask(`price=gt.9.99&asof=${at(6)}`))).toEqual(["a"]);
  expect(ids(await ask(`order=price.desc.nullslast&asof=${at(3)}`))).toEqual(["a", "b"]);
  expect(await ask(`select=count(),number.sum()&asof=${at(6)}`)).toEqual([{ count: 2, sum: "9" }]);
  const page = await app.as(staff).list("Order", `order=number&limit=1&asof=${at(6)}`);
  expect(ids(page.body)).toEqual(["b"]);
  expect(ids(await ask(`order=number&limit=1&asof=${at(6)}&after=${page.result.nextCursor!}`))).toEqual(["a"]);
  const counted = await app.as(staff).send({ kind: "query", plan: { ...app.as(staff).plan("Order", `limit=1&asof=${at(6)}`), count: "exact" }, explain: false });
  expect(counted.result.range).toEqual({ offset: 0, rows: 1, total: 2 });
});

test("embeds, relation filters and join tables are of the same moment", async () => {
  await opened();
  const ask = async (second: number, query: string, table = "Order"): Promise<unknown> => (await app.as(staff).list(table, `${query}&asof=${at(second)}`)).body;
  expect(await ask(5, "select=id,person(name),tags(name)&order=id")).toEqual([{ id: "a", person: { name: "Ann" }, tags: [{ name: "red" }] }, { id: "b", person: { name: "Bob" }, tags: [] }]);
  expect(await ask(8, "select=id,person(name),tags(name)&order=id")).toEqual([{ id: "a", person: { name: "Anna" }, tags: [] }, { id: "b", person: null, tags: [] }]);
  expect(await ask(4, "select=id,orders(number)&order=id", "Person")).toEqual([{ id: "p", orders: [{ number: "9007199254740993" }] }, { id: "q", orders: [{ number: "2" }] }]);
  expect(ids(await ask(5, "select=id,person!inner()&person.vip=eq.true"))).toEqual([]);
  expect(ids(await ask(6, "select=id,person!inner()&person.vip=eq.true"))).toEqual(["a"]);
  expect(ids(await ask(7, "select=id,tags!inner()"))).toEqual([]);
  expect(ids(await ask(6, "select=id,tags!inner()"))).toEqual(["a"]);
});

test("expired records are there until their instant, whenever they are swept", async () => {
  await opened();
  await app.as(staff).create("Order", { id: "e", number: "1", until: at(12) });
  app.clock.advance(10_000);
  const there = async (ms: number): Promise<boolean> => ids((await app.as(staff).list("Order", `asof=${new Date(Date.UTC(2026, 0, 1) + ms).toISOString()}`)).body).includes("e");
  expect([await there(10_000), await there(11_999), await there(12_000), await there(15_000)]).toEqual([true, true, false, false]);
  app.tables.start();
  await app.clock.advance(5_000);
  await Bun.sleep(20);
  expect([await there(10_000), await there(11_999), await there(12_000), await there(15_000)]).toEqual([true, true, false, false]);
});

test("today's rules on the records of then, with what is related as it is now", async () => {
  await opened();
  app.clock.advance(1_000);
  await app.as(administrator).update("Order", "a", { open: false });
  // 11: closed. At 10 it was open, and whoever sees open ones sees that.
  expect(ids((await app.as(user("x")).list("Order", `order=id&asof=${at(10)}`)).body)).toEqual(["a", "b"]);
  expect(ids((await app.as(user("x")).list("Order", `order=id&asof=${at(11)}`)).body)).toEqual(["b"]);
  expect(await refusal(() => app.as(user("x")).list("Order", `cost=eq.5&asof=${at(10)}`))).toMatchObject({ code: "UNKNOWN_FIELD" });
  // A membership of then is none now; one of now shows what was before it.
  app.clock.advance(1_000);
  await app.as(administrator).create("Member", { id: "m", userId: "x", orderId: "a", role: "MEMBER" });
  expect(ids((await app.as(user("x")).list("Order", `order=id&asof=${at(11)}`)).body)).toEqual(["a", "b"]);
  app.clock.advance(1_000);
  await app.as(administrator).remove("Member", "m");
  expect(ids((await app.as(user("x")).list("Order", `order=id&asof=${at(12)}`)).body)).toEqual(["b"]);
});

test("what is not known is refused: other tables, other times, full text, paths", async () => {
  await opened();
  const refused = (query: string, table = "Order") => refusal(() => app.as(staff).list(table, query));
  const later = at(10);
  expect(await refused(`select=id,marks(id)&asof=${later}`)).toMatchObject({ code: "NO_HISTORY", status: 400 });
  expect(await refused(`asof=${later}`, "Mark")).toMatchObject({ code: "NO_HISTORY" });
  expect(await refused(`asof=${at(11)}`)).toMatchObject({ code: "MALFORMED_QUERY", where: "asof" });
  expect(await refused(`asof=${new Date(Date.UTC(2025, 11, 31)).toISOString()}`)).toMatchObject({ code: "HISTORY_GONE", status: 410 });
  expect(await refused("asof=yesterday")).toMatchObject({ code: "MALFORMED_QUERY" });
  expect(await refused("asof=0123456789ab.0.3")).toMatchObject({ code: "HISTORY_GONE" });
  expect(await refused(`order=person(name)&select=id,person(name)&asof=${later}`)).toMatchObject({ code: "MALFORMED_QUERY" });
  app.clock.advance(90 * 86_400_000 + 1);
  expect(await refused(`asof=${later}`)).toMatchObject({ code: "HISTORY_GONE" });
});

test("embeds of records that changed often look at their own versions only", async () => {
  app = openApp(sdl, { limits: { answerRows: 5_000 } });
  const boss = app.as(administrator);
  await boss.create("Person", Array.from({ length: 20 }, (_, index) => ({ id: `p${index}`, name: "x" })));
  await boss.create("Order", Array.from({ length: 100 }, (_, index) => ({ id: `o${index}`, number: String(index), personId: `p${index % 20}` })));
  app.clock.advance(1_000);
  const then = new Date(app.clock.now()).toISOString();
  for (let round = 0; round < 10; round++) {
    app.clock.advance(1_000);
    await boss.updateMany("Order", "number=gte.0", { cost: round });
  }
  const { body } = await boss.list("Person", `select=id,orders(id)&asof=${then}`);
  expect((body as { orders: unknown[] }[]).map(({ orders }) => orders.length)).toEqual(Array.from({ length: 20 }, () => 5));
  const explained = await boss.send({ kind: "query", plan: boss.plan("Person", `select=id,orders(id)&asof=${then}`), explain: true });
  expect(JSON.stringify(explained.body)).toContain("Order$history$index(personId,$until)");
});
