// Certification: what was read against what was committed since; how much is remembered; what happens beyond it.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { equalityFootprint, keyFootprint, noColumns } from "../query/footprint.ts";
import type { Table } from "../schema/catalog.ts";
import { RecentEntries, ReadSet } from "./certification.ts";
import type { Write } from "./write.ts";
import { create, openTables, remove, update, wire, type OpenTables } from "./testing/open-tables.ts";

const SDL = `type Item @table { id: ID! @primaryKey group: Int @indexed name: String note: String }`;
const LIMITS = { certificationEntries: 100, certificationChanges: 100, transactionFootprints: 100 };

let app: OpenTables;
let table: Table;
beforeEach(async () => {
  app = openTables(SDL);
  table = app.catalog.tables.get("Item")!;
  await app.writeAll([create("Item", { id: "a", group: 1, name: "A" }), create("Item", { id: "b", group: 1, name: "B" })]);
});
afterEach(() => app.close());

/** What was read, then what was written: whether, and by what, the one is touched. */
async function after(read: (reads: ReadSet) => void, ...writes: readonly Write[]): Promise<unknown> {
  const reads = app.tables.readSet();
  expect(reads.extend()).toBeNull();
  read(reads);
  await app.writeAll(writes);
  const touch = reads.extend();
  reads.end();
  return touch === null ? null : touch.records.map(({ id }) => id);
}

test("a record by its key, there or not, whole or some of it", async () => {
  const key = (id: string, columns: readonly string[] | null = null) => (reads: ReadSet): void => reads.note(keyFootprint(table, id, columns === null ? null : new Set(columns)));
  expect(await after(key("a"), update("Item", "a", { note: "x" }))).toEqual(["a"]);
  expect(await after(key("a"), update("Item", "b", { note: "x" }))).toBeNull();
  expect(await after(key("a", ["name"]), update("Item", "a", { note: "y" }))).toBeNull();
  expect(await after(key("a", ["name"]), update("Item", "a", { name: "y" }))).toEqual(["a"]);
  expect(await after(key("c"), create("Item", { id: "c" }))).toEqual(["c"]);
  expect(await after(key("c", []), update("Item", "c", { note: "y" }))).toBeNull();
  expect(await after(key("c", []), remove("Item", "c"))).toEqual(["c"]);
});

test("while nothing is committed nothing is looked at; what is not touched moves the position on", async () => {
  const reads = app.tables.readSet();
  reads.extend();
  reads.note(keyFootprint(table, "a"));
  for (let count = 0; count < 3; count++) {
    await app.write(update("Item", "b", { note: `n${count}` }));
    expect(reads.extend()).toBeNull();
  }
  await app.writeAll([update("Item", "a", { note: "x" }), update("Item", "b", { note: "x" })]);
  expect(reads.extend()).toEqual({ records: [{ table: "Item", id: "a" }], lane: "Item id * a" });
  // It stays so.
  expect(reads.extend()).not.toBeNull();
  reads.end();
});

test("an entry of the same batch counts before its COMMIT; one that was rolled back does not", async () => {
  const reads = app.tables.readSet();
  reads.extend();
  reads.note(equalityFootprint(table, { group: 7 }, noColumns));
  const heads: unknown[] = [];
  const options = { actor: null, requestId: "r" };
  const results = await Promise.allSettled([
    app.tables.commit((session) => { heads.push(reads.certify(session.head)); session.write(create("Item", { id: "x", group: 7 }), wire(null)); throw new Error("voids the batch"); }, options),
    app.tables.commit((session) => { heads.push(reads.certify(session.head)); session.write(create("Item", { id: "y", group: 8 }), wire(null)); }, options),
    app.tables.commit((session) => { heads.push(reads.certify(session.head)); session.write(create("Item", { id: "z", group: 7 }), wire(null)); }, options),
    app.tables.commit((session) => { heads.push(reads.certify(session.head)?.records[0]?.id); }, options),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled", "fulfilled"]);
  expect(heads.at(-1)).toBe("z");
  expect(heads.slice(0, -1).every((touch) => touch === null)).toBe(true);
  reads.end();
});

test("many footprints are looked up by an index, with the same verdict", async () => {
  for (const count of [5, 60]) {
    const many = (reads: ReadSet): void => { for (let index = 0; index < count; index++) reads.note(keyFootprint(table, `k${index}`)); };
    expect(await after(many, update("Item", "a", { note: `n${count}` }))).toBeNull();
    expect(await after(many, create("Item", { id: "k3" }))).toEqual(["k3"]);
    await app.write(remove("Item", "k3"));
  }
});

test("who reads more than is told apart depends on whole tables", async () => {
  const recent = new RecentEntries(LIMITS);
  const reads = new ReadSet({ storage: app.storage, recent, book: app.book, limits: { transactionFootprints: 3 }, certifies: true });
  reads.extend();
  for (let index = 0; index < 4; index++) reads.note(keyFootprint(table, `k${index}`));
  recent.record(2, [{ table: "Item", id: "else", old: null, new: { id: "else" }, cause: "write" }], app.book);
  expect(reads.certify(2)?.records).toEqual([{ table: "Item", id: "else" }]);
});

test("hundreds of reads by conditions that name no values depend on the whole table, so that a change costs no more than that", async () => {
  const recent = new RecentEntries(LIMITS);
  const reads = new ReadSet({ storage: app.storage, recent, book: app.book, limits: { transactionFootprints: 10_000 }, certifies: true });
  reads.extend();
  const some = { table: "Item", key: null, predicate: { op: "literal", type: { kind: "bool" }, value: false } as const, variables: {}, now: "", narrowing: [], columns: null, referenced: false };
  const change = [{ table: "Item", id: "z", old: null, new: { id: "z" }, cause: "write" as const }];
  recent.record(2, change, app.book);
  for (let index = 0; index < 500; index++) reads.note({ ...some });
  expect(reads.certify(2)).toBeNull();
  reads.note({ ...some });
  expect(reads.certify(2)?.records).toEqual([{ table: "Item", id: "z" }]);
});

test("entries are kept while somebody reads, within limits; one that is not kept is a conflict, as is one by other types", () => {
  const recent = new RecentEntries({ certificationEntries: 3, certificationChanges: 5 });
  const reads = new ReadSet({ storage: app.storage, recent, book: app.book, limits: LIMITS, certifies: true });
  const changes = (count: number) => Array.from({ length: count }, (_, index) => ({ table: "Other", id: index, old: null, new: {}, cause: "write" as const }));
  recent.record(1, changes(1), app.book);
  expect(recent.size).toBe(0);
  reads.extend();
  reads.note(keyFootprint(table, "a"));
  const head = 2;
  for (let position = head; position < head + 6; position++) recent.record(position, changes(1), app.book);
  expect(recent.size).toBe(3);
  expect(reads.certify(head + 5)).toEqual({ records: [], lane: "" });
  recent.record(head + 6, changes(9), app.book);
  expect(recent.size).toBe(0);
  const fresh = new ReadSet({ storage: app.storage, recent, book: app.book, limits: LIMITS, certifies: true });
  fresh.extend();
  fresh.note(keyFootprint(table, "a"));
  recent.record(2, changes(1), app.book);
  expect(fresh.certify(2)).toBeNull();
  recent.record(2, changes(1), { ...app.book });
  expect(fresh.certify(2)).toEqual({ records: [], lane: "" });
  fresh.end();
  reads.end();
  expect(recent.size).toBe(0);
});
