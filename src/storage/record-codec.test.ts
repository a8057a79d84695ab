import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { seededRandom, type Random } from "../base/random.ts";
import type { RecordValues, SqlValue, Value } from "../base/value.ts";
import { type Connection, connect } from "./connection.ts";
import { tableDdl } from "./ddl.ts";
import { type RecordCodec, recordCodec } from "./record-codec.ts";
import { type App, appOf, tableOf } from "./testing/storage-fixture.ts";

const EVERYTHING = `
  enum Kind { A B }
  type Inner { long: Long longs: [Long!] text: String inner: Inner }
  type Thing @table {
    id: ID! @primaryKey
    text: String @indexed(fold: true) int: Int long: Long float: Float yes: Boolean at: DateTime day: Date wait: Duration
    price: Money @currency(code: "EUR") exact: Decimal json: JSON bytes: Bytes kind: Kind vector: Vector
    inner: Inner inners: [Inner!] texts: [String] longs: [Long!] kinds: [Kind!] decimals: [Decimal!]
  }`;

function prepared(text: string, name: string): { connection: Connection; codec: RecordCodec; app: App } {
  const app = appOf(text);
  const table = tableOf(app, name);
  const connection = connect(new Database(":memory:"), 100);
  for (const sql of tableDdl(table, app.catalog)) connection.execute(sql);
  return { connection, app, codec: recordCodec(table, app.catalog) };
}

function stored({ connection, codec }: { connection: Connection; codec: RecordCodec }, id: Value) {
  const row = connection.values(codec.selectSql, codec.key(id))[0];
  return row === undefined ? null : codec.decode(row);
}

/** Values of every kind, with those at the edges. */
function anyOf(random: Random): RecordValues {
  const pick = <Item>(...items: Item[]): Item => items[Math.floor(random.next() * items.length)]!;
  const text = (): string => pick("", "x", "ÄÖ ß \u{1f600} 'quoted\" \n", "9007199254740993", "null", "a".repeat(300));
  const long = (): bigint => pick(0n, -1n, 9007199254740993n, 9223372036854775807n, -9223372036854775808n);
  const decimal = (): string => pick("0", "1.50", "-0.001", "99999999999999999999999999.123");
  const inner = (depth: number): Value => ({ long: pick(null, long()), longs: pick(null, [long(), long()]), text: pick(null, text()), inner: depth > 0 ? inner(depth - 1) : null });
  const maybe = (make: () => Value): Value => (random.next() < 0.2 ? null : make());
  return {
    text: maybe(text), int: maybe(() => pick(0, -5, 2147483647, -2147483648)), long: maybe(long), float: maybe(() => pick(0.1, -1e300, 5e-324, 3, 1e15)),
    yes: maybe(() => pick(true, false)), at: maybe(() => "2026-01-31T12:00:00.000Z"), day: maybe(() => "2026-01-31"), wait: maybe(() => pick("PT0.5S", "P1DT2H", "-PT3M")),
    price: maybe(() => pick(0, 9007199254740991, -9007199254740991)), exact: maybe(decimal), json: maybe(() => pick<Value>({ a: [1, null, "x"], b: { c: true } }, [], "text", 5, false)),
    bytes: maybe(() => "AAEC/w=="), kind: maybe(() => pick("A", "B")), vector: maybe(() => [0.5, -1, 0.1]), inner: maybe(() => inner(2)), inners: maybe(() => [inner(0), inner(1)]),
    texts: maybe(() => [text(), null, text()]), longs: maybe(() => [long()]), kinds: maybe(() => ["A", "B"]), decimals: maybe(() => [decimal()]),
  };
}

test("every value comes back exactly as it was", () => {
  const database = prepared(EVERYTHING, "Thing");
  const seed = 42;
  const random = seededRandom(seed);
  for (let index = 0; index < 300; index++) {
    const values = { id: `id-${index}`, ...anyOf(random) };
    database.connection.run(database.codec.insertSql, ...database.codec.encode(values, index, null));
    expect(stored(database, values.id), `seed ${seed}, record ${index}`).toEqual({ values, version: index, expires: null });
  }
});

test("any update of some fields leaves the record as the whole update would", () => {
  const partial = prepared(EVERYTHING, "Thing");
  const whole = prepared(EVERYTHING, "Thing");
  const seed = 7;
  const random = seededRandom(seed);
  let current: RecordValues = { id: "x", ...anyOf(random) };
  for (const one of [partial, whole]) one.connection.run(one.codec.insertSql, ...one.codec.encode(current, 0, null));
  for (let version = 1; version < 200; version++) {
    const other = anyOf(random);
    const fields = Object.keys(other).filter(() => random.next() < 0.3);
    current = { ...current, ...Object.fromEntries(fields.map((name) => [name, other[name]!])) };
    const update = partial.codec.update(fields);
    expect(partial.connection.run(update.sql, ...update.encode(current, version, null))).toBe(1);
    expect(whole.connection.run(whole.codec.updateSql, ...whole.codec.encode(current, version, null), "x")).toBe(1);
    const all = ({ connection }: { connection: Connection }): SqlValue[][] => connection.values("SELECT * FROM Thing");
    expect(all(partial), `seed ${seed}, version ${version}`).toEqual(all(whole));
    expect(stored(partial, "x")).toEqual({ values: current, version, expires: null });
  }
});

test("what is absent is stored as null", () => {
  const database = prepared(EVERYTHING, "Thing");
  database.connection.run(database.codec.insertSql, ...database.codec.encode({ id: "a" }, 1, null));
  expect(Object.values(stored(database, "a")!.values).filter((value) => value !== null)).toEqual(["a"]);
});

test("companions hold what SQLite compares", () => {
  const { connection, codec } = prepared(EVERYTHING, "Thing");
  const add = (id: string, values: RecordValues): void => { connection.run(codec.insertSql, ...codec.encode({ id, ...values }, 1, null)); };
  add("a", { exact: "10", wait: "PT90S", vector: [1, -2], text: "Straße" });
  add("b", { exact: "9.5", wait: "PT1M", vector: null, text: "STRASSE" });
  add("c", { exact: "-3", wait: "-P1D", text: null });
  const by = (column: string): unknown[] => connection.values(`SELECT id FROM Thing ORDER BY "${column}"`).map((row) => row[0]);
  expect(by("exact$key")).toEqual(["c", "b", "a"]);
  expect(by("wait$key")).toEqual(["c", "b", "a"]);
  expect(connection.values(`SELECT hex("vector$key"), "wait$key" FROM Thing WHERE id = 'a'`)).toEqual([["0000803F000000C0", 90_000]]);
  expect(connection.values(`SELECT count(DISTINCT "text$fold") FROM Thing`)).toEqual([[1]]);
});

test("a Long as primary key is found exactly", () => {
  const database = prepared("type Row @table { id: Long! @primaryKey name: String }", "Row");
  for (const id of [9007199254740993n, 9007199254740992n, -9223372036854775808n]) database.connection.run(database.codec.insertSql, ...database.codec.encode({ id, name: String(id) }, 1, null));
  expect(stored(database, 9007199254740993n)!.values).toEqual({ id: 9007199254740993n, name: "9007199254740993" });
  expect(stored(database, -9223372036854775808n)!.values["id"]).toBe(-9223372036854775808n);
  expect(stored(database, 9007199254740994n)).toBeNull();
  const update = database.codec.update(["name"]);
  database.connection.run(update.sql, ...update.encode({ id: 9007199254740993n, name: "changed" }, 2, null));
  expect(database.connection.values("SELECT count(*) FROM Row WHERE name = 'changed'")).toEqual([[1]]);
  expect(database.connection.run(database.codec.deleteSql, database.codec.key(9007199254740993n))).toBe(1);
  expect(stored(database, 9007199254740992n)!.values["name"]).toBe("9007199254740992");
});

test("undeclared fields of an open table come back, without a prototype; an expiring one has its time", () => {
  const database = prepared(`type Loose @table(open: true, expiration: "P1D") { id: ID! @primaryKey name: String }`, "Loose");
  const values = Object.assign(Object.create(null) as Record<string, Value>, { id: "a", name: "n", extra: { deep: [1] }, nothing: null, ...JSON.parse(`{"__proto__":{"x":1}}`) as object });
  Object.defineProperty(values, "__proto__", { value: { x: 1 }, enumerable: true });
  database.connection.run(database.codec.insertSql, ...database.codec.encode(values, 1, "2027-01-01T00:00:00.000Z"));
  const row = stored(database, "a")!;
  expect(row.expires).toBe("2027-01-01T00:00:00.000Z");
  expect(JSON.stringify(row.values)).toBe(`{"extra":{"deep":[1]},"__proto__":{"x":1},"id":"a","name":"n"}`);
  expect(Object.getPrototypeOf(row.values)).toBeNull();
  const update = database.codec.update(["name"]);
  database.connection.run(update.sql, ...update.encode({ id: "a", name: "m" }, 2, null));
  expect(stored(database, "a")).toEqual({ values: { id: "a", name: "m" }, version: 2, expires: null });
});
