import { expect, test } from "bun:test";
import { seededRandom } from "../base/random.ts";
import type { RecordValues, Value } from "../base/value.ts";
import { type App, appOf, openedStorage } from "../storage/testing/storage-fixture.ts";
import type { Change } from "./change.ts";
import { appendEntry, logHead, logTail, readEntries, reservePosition, trimLog } from "./log.ts";

const app = appOf(`
  enum Kind { A B }
  type Inner { long: Long text: String }
  type Item @table(open: true) { id: ID! @primaryKey text: String long: Long longs: [Long!] float: Float yes: Boolean kind: Kind inner: Inner inners: [Inner!] json: JSON exact: Decimal }
  type Row @table { number: Long! @primaryKey name: String }`);

const time = "2026-01-31T12:00:00.000Z";

function opened(of: App = app) {
  const { storage } = openedStorage();
  storage.prepareCatalog(of.catalog, of.book);
  const append = (changes: readonly Change[], at = time): Promise<number> =>
    storage.commit((connection) => appendEntry(connection, { time: at, actor: "someone", requestId: "r-1", changes }));
  const read = (since = 0, limit = 100) => readEntries(storage.reader, since, limit, of.catalog);
  return { storage, append, read };
}

const write = (before: RecordValues | null, after: RecordValues | null, table = "Item", key = "id"): Change =>
  ({ table, id: (after ?? before)![key]!, old: before, new: after, cause: "write" });

test("an entry comes back as it went in: full images, exact integers, order and cause", async () => {
  const { append, read } = opened();
  const first: RecordValues = {
    id: "a", text: "Ä \u{1f600} \"quoted\"\n", long: 9223372036854775807n, longs: [9007199254740993n, -1n], float: 0.1, yes: false, kind: "A",
    inner: { long: 9007199254740993n, text: null }, inners: [{ long: null, text: "x" }], json: { big: 1e21, list: [null, true] }, exact: "1.50",
  };
  const second: RecordValues = { ...first, text: null, long: -5n, inner: { long: 1n, text: "y" } };
  const changes: Change[] = [
    write(null, first), write(first, second), { ...write(second, null), cause: "cascade" },
    { ...write(null, { number: 9007199254740993n, name: "n" }, "Row", "number"), cause: "expiry" },
  ];
  expect(await append(changes)).toBe(1);
  expect(await append([write(null, first)])).toBe(2);
  const [entry] = read(0, 1);
  expect(entry).toEqual({ position: 1, time, actor: "someone", requestId: "r-1", changes });
  expect(read(1).map((one) => one.position)).toEqual([2]);
  expect(read(2)).toEqual([]);
});

test("undeclared fields of an open table come and go in an update", async () => {
  const { append, read } = opened();
  const base: RecordValues = { id: "a", text: "t", long: null, longs: null, float: null, yes: null, kind: null, inner: null, inners: null, json: null, exact: null };
  const loose: RecordValues = { ...base, extra: { deep: [1] } };
  const other: RecordValues = { ...base, more: "m" };
  await append([write(base, loose), write(loose, other), write(other, base)]);
  expect(read()[0]!.changes.map((change) => [change.old, change.new])).toEqual([[base, loose], [loose, other], [other, base]]);
});

test("any pair of images comes back exactly", async () => {
  const { append, read } = opened();
  const seed = 11;
  const random = seededRandom(seed);
  const pick = (...values: Value[]): Value => values[Math.floor(random.next() * values.length)]!;
  const image = (): RecordValues => ({
    id: "a", text: pick(null, "", "x"), long: pick(null, 0n, 9007199254740993n), longs: pick(null, [], [1n]), float: pick(null, -1.5, 1e300), yes: pick(null, true, false),
    kind: pick(null, "A"), inner: pick(null, { long: 5n, text: null }), inners: pick(null, []), json: pick(null, 0, "s", [1], { a: null }), exact: pick(null, "0.10"),
  });
  const changes = Array.from({ length: 300 }, () => write(random.next() < 0.2 ? null : image(), image()));
  await append(changes);
  expect(read()[0]!.changes, `seed ${seed}`).toEqual(changes);
});

test("an update keeps only what differed, so that a log of small updates stays small", async () => {
  const { append, storage } = opened();
  const before: RecordValues = { id: "a", text: "x".repeat(1_000), yes: false };
  await append([write(before, { ...before, yes: true })]);
  const text = storage.reader.values(`SELECT "entry" FROM "$log"`)[0]![0] as string;
  expect(JSON.parse(text)).toEqual({ actor: "someone", requestId: "r-1", changes: [{ table: "Item", id: "a", cause: "write", new: { ...before, yes: true }, old: { yes: false } }] });
});

test("a position is reserved for the versions and used by the entry; a request that fails gives it back", async () => {
  const { storage } = opened();
  const entry = { time, actor: null, requestId: "r", changes: [] };
  const good = storage.commit((connection) => {
    const position = reservePosition(connection);
    expect(appendEntry(connection, { ...entry, position })).toBe(position);
    return position;
  });
  const bad = storage.commit((connection) => {
    appendEntry(connection, entry);
    connection.run("INSERT INTO Row VALUES (NULL, 'x', NULL)");
  });
  const last = storage.commit((connection) => appendEntry(connection, entry));
  expect(await good).toBe(1);
  await expect(bad).rejects.toThrow("NOT NULL");
  expect(await last).toBe(2);
  expect(logHead(storage.reader)).toBe(2);
});

test("trimming takes the oldest that are old enough, bounded, and never the newest: positions are not used again", async () => {
  const { storage, append } = opened();
  expect([logHead(storage.reader), logTail(storage.reader)]).toEqual([0, null]);
  for (let day = 1; day <= 6; day++) await append([], `2026-01-0${day}T00:00:00.000Z`);
  const trim = (before: string, limit?: number): Promise<number> => storage.commit((connection) => trimLog(connection, before, limit));
  expect(await trim("2026-01-01T00:00:00.000Z")).toBe(0);
  expect(await trim("2026-01-04T00:00:00.000Z", 2)).toBe(2);
  expect(logTail(storage.reader)).toBe(3);
  expect(await trim("2027-01-01T00:00:00.000Z")).toBe(3);
  expect(await trim("2027-01-01T00:00:00.000Z")).toBe(0);
  expect([logTail(storage.reader), logHead(storage.reader)]).toEqual([6, 6]);
  expect(await append([])).toBe(7);
});

test("entries of tables and fields that are gone or have another type by now can still be read", async () => {
  const { append, storage } = opened();
  await append([write(null, { number: 7n, name: "seven" }, "Row", "number"), write(null, { id: "a", text: "not a number", long: 5n })]);
  const later = appOf("type Item @table { id: ID! @primaryKey text: Long }");
  expect(readEntries(storage.reader, 0, 10, later.catalog)[0]!.changes).toEqual([
    { table: "Row", id: "7", cause: "write", old: null, new: { number: "7", name: "seven" } },
    { table: "Item", id: "a", cause: "write", old: null, new: { id: "a", text: "not a number", long: "5" } },
  ]);
});
