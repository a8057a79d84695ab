// Hot records: the text in each shape, its size in the cache, and that it never outlives the record's version or time.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { compileCatalogExpressions } from "../expression/compile-catalog.ts";
import { recordShape, type RecordShape } from "./record-text.ts";
import { create, openTables, remove, update, type OpenTables } from "./testing/open-tables.ts";

const SDL = `
type Thing @table(open: true) {
  id: ID! @primaryKey
  name: String
  big: Long
  parts: [Long!]
  data: JSON
  on: Boolean
  ratio: Float
  double: Int @computed(rule: "size(record.name) * 2")
  parentId: ID
  parent: Thing @relationship(from: "parentId")
  above: String @computed(rule: "record.parent.name")
  until: DateTime @expiresAt
}
`;

let app: OpenTables;
beforeEach(() => { app = openTables(SDL, { recordCacheBytes: 20_000 }); });
afterEach(() => app.close());

function shape(fields: readonly string[], open = false): RecordShape | null {
  const { book } = compileCatalogExpressions(app.catalog);
  return recordShape({ table: app.catalog.tables.get("Thing")!, fields, open, catalog: app.catalog, book });
}

test("a shape writes its fields in order, in wire form", async () => {
  await app.write(create("Thing", { id: "t", name: "a\"\u2028", big: "9007199254740993", parts: ["1"], data: { a: [null] }, on: true, ratio: 0.5, extra: 1, more: "x" }));
  const all = shape(["on", "id", "name", "big", "parts", "data", "ratio", "double", "until"], true)!;
  expect(JSON.parse(app.tables.text("Thing", "t", all)!.text!)).toEqual({ on: true, id: "t", name: "a\"\u2028", big: "9007199254740993", parts: ["1"], data: { a: [null] }, ratio: 0.5, double: 6, until: null, extra: 1, more: "x" });
  expect(app.tables.text("Thing", "t", shape(["name"])!)?.text).toBe(JSON.stringify({ name: "a\"\u2028" }));
  expect(app.tables.text("Thing", "t", shape([], true)!)?.text).toBe('{"extra":1,"more":"x"}');
  expect(app.tables.text("Thing", "none", all)).toBeNull();
  expect(shape(["above"])).toBeNull();
  expect(shape(["nothing"])).toBeNull();
});

test("it changes with the record, is gone with it, and when its time has come", async () => {
  const name = shape(["name"])!;
  const read = () => app.tables.text("Thing", "t", name);
  await app.write(create("Thing", { id: "t", name: "a" }));
  expect(read()).toMatchObject({ text: '{"name":"a"}', version: 1 });
  const pending = app.write(update("Thing", "t", { name: "b" }));
  expect(read()).toMatchObject({ text: '{"name":"a"}', version: 1 });
  await pending;
  expect(read()).toMatchObject({ text: '{"name":"b"}', version: 2 });
  await app.write(update("Thing", "t", { until: "2026-01-01T00:00:10Z" }));
  expect(read()?.version).toBe(3);
  app.clock.advance(10_000);
  expect(read()).toBeNull();
  await app.write(create("Thing", { id: "u", name: "c" }));
  expect(app.tables.text("Thing", "u", name)?.text).toBe('{"name":"c"}');
  await app.write(remove("Thing", "u"));
  expect(app.tables.text("Thing", "u", name)).toBeNull();
});

test("a write that is undone leaves the cache alone", async () => {
  await app.write(create("Thing", { id: "t", name: "a" }));
  app.tables.get("Thing", "t");
  await app.tables.commit((session) => {
    session.write(update("Thing", "t", { name: "b" }), { dialect: "wire", authority: null, sent: null });
    throw new TypeError("no");
  }, { actor: null, requestId: "r" }).catch(() => null);
  expect(app.tables.get("Thing", "t")).toMatchObject({ values: { name: "a" }, version: 1 });
});

test("the cache keeps within its bytes, and what was used lately", async () => {
  const name = shape(["name"])!;
  await app.writeAll(Array.from({ length: 100 }, (_, index) => create("Thing", { id: `t${index}`, name: "x".repeat(100) })));
  for (let index = 0; index < 100; index++) {
    app.tables.text("Thing", `t${index}`, name);
    app.tables.text("Thing", "t0", name);
    expect(app.tables.stats().cachedBytes).toBeLessThanOrEqual(20_000);
  }
  expect(app.tables.stats().cachedRecords).toBeGreaterThan(10);
  await app.write(create("Thing", { id: "huge", name: "x".repeat(20_000) }));
  expect(app.tables.text("Thing", "huge", name)?.text).toHaveLength(20_011);
  expect(app.tables.stats().cachedBytes).toBeLessThanOrEqual(20_000);
});
