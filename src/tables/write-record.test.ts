// Creates, replacements, updates, deletions: what they leave in SQLite and in the log.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { defaultLimits } from "../base/limits.ts";
import { create, failure, openTables, remove, replace, update, type OpenTables } from "./testing/open-tables.ts";

const SDL = `
type Product @table @allow(do: [READ]) {
  id: ID! @primaryKey
  sku: String! @indexed(unique: true)
  title: String! @default(value: "untitled") @length(max: 20)
  price: Money @currency(code: "EUR")
  big: Long
  weight: Decimal
  tags: [String!]
  data: JSON
  size: Size
  createdAt: DateTime! @createdTime
  updatedAt: DateTime! @updatedTime
}
type Size { width: Int height: Long }
type Counter @table { id: Int! @primaryKey name: String }
type Note @table(open: true) { id: ID! @primaryKey text: String }
`;

let app: OpenTables;
beforeEach(() => { app = openTables(SDL); });
afterEach(() => app.close());

test("a create fills what is missing and is one log entry", async () => {
  const outcome = await app.write(create("Product", { sku: "A", big: "9007199254740993", weight: "1.50", tags: ["x"], data: { a: [1] }, size: { height: "5" } }));
  expect(outcome.status).toBe("created");
  expect(outcome.record).toMatchObject({ sku: "A", title: "untitled", price: null, big: 9007199254740993n, weight: "1.50", createdAt: "2026-01-01T00:00:00.000Z", updatedAt: "2026-01-01T00:00:00.000Z" });
  expect(String(outcome.id)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  const stored = app.tables.get("Product", outcome.id);
  expect(stored?.version).toBe(1);
  expect(stored?.values).toEqual(outcome.record!);
  const log = app.log();
  expect(log).toHaveLength(1);
  expect(log[0]!.changes).toEqual([{ table: "Product", id: outcome.id, old: null, new: { ...outcome.record! }, cause: "write" }]);
});

test("integer keys come from a sequence after all given ones, and are not used again", async () => {
  expect((await app.write(create("Counter", { name: "a" }))).id).toBe(1);
  expect((await app.write(create("Counter", { id: 7 }))).id).toBe(7);
  expect((await app.write(create("Counter", {}))).id).toBe(8);
  await app.write(remove("Counter", 8));
  expect((await app.write(create("Counter", {}))).id).toBe(9);
});

test("an update sets what it names, moves version and updatedAt, and nothing when nothing changes", async () => {
  const { id } = await app.write(create("Product", { sku: "A", price: 5 }));
  app.clock.advance(1000);
  const changed = await app.write(update("Product", id, { price: 6 }));
  expect(changed.status).toBe("updated");
  expect(changed.record).toMatchObject({ sku: "A", price: 6, createdAt: "2026-01-01T00:00:00.000Z", updatedAt: "2026-01-01T00:00:01.000Z" });
  expect(app.tables.get("Product", id)?.version).toBe(2);
  app.clock.advance(1000);
  const same = await app.write(update("Product", id, { price: 6, updatedAt: "2026-01-01T00:00:01Z" }));
  expect(same.status).toBe("unchanged");
  expect(app.tables.get("Product", id)).toEqual({ values: changed.record!, version: 2, expires: null } as never);
  expect(app.log()).toHaveLength(2);
});

test("merge goes inside JSON and nested objects, plain updates replace them", async () => {
  const { id } = await app.write(create("Product", { sku: "A", data: { a: 1, b: { c: 2, d: 3 } }, size: { width: 1, height: "2" } }));
  const merged = await app.write(update("Product", id, { data: { b: { c: null, e: 4 } }, size: { width: 9 } }, { merge: true }));
  expect(merged.record).toMatchObject({ data: { a: 1, b: { d: 3, e: 4 } }, size: { width: 9, height: 2n } });
  const plain = await app.write(update("Product", id, { data: { b: 1 }, size: { width: 8 } }));
  expect(plain.record).toMatchObject({ data: { b: 1 }, size: { width: 8, height: null } });
});

test("a replacement gives what it leaves out its default or null, and creates what is not there", async () => {
  const created = await app.write(replace("Product", "p1", { sku: "A", price: 5, title: "t" }));
  expect(created).toMatchObject({ status: "created", id: "p1" });
  app.clock.advance(5);
  const replaced = await app.write(replace("Product", "p1", { id: "p1", sku: "A" }));
  expect(replaced).toMatchObject({ status: "updated", record: { sku: "A", price: null, title: "untitled", createdAt: "2026-01-01T00:00:00.000Z", updatedAt: "2026-01-01T00:00:00.005Z" } });
  expect(await failure(app.write(replace("Product", "p1", { id: "p2", sku: "A" })))).toMatchObject({ code: "READ_ONLY_FIELD", where: "id" });
  expect(await failure(app.write(replace("Product", "p9", { id: "p2", sku: "B" })))).toMatchObject({ code: "READ_ONLY_FIELD", where: "id" });
});

test("a deletion leaves nothing; a second one finds nothing", async () => {
  const { id } = await app.write(create("Product", { sku: "A" }));
  expect((await app.write(remove("Product", id))).status).toBe("deleted");
  expect(app.tables.get("Product", id)).toBeNull();
  expect(await failure(app.write(remove("Product", id)))).toMatchObject({ code: "NOT_FOUND", status: 404 });
  expect(app.log().map((entry) => entry.changes[0]!.new === null)).toEqual([false, true]);
});

test("all issues are listed with their places", async () => {
  const problem = await failure(app.write(create("Product", { titel: "x", title: "a".repeat(21), price: "5", size: { width: 1, depth: 2 }, __proto__x: 1 })));
  expect(problem).toMatchObject({ code: "VALIDATION_FAILED", where: "titel" });
  expect((problem.details as { path: string; code: string }[]).map(({ path, code }) => `${path} ${code}`)).toEqual(["titel UNKNOWN_FIELD", "title TOO_LONG", "price WRONG_TYPE", "size.depth UNKNOWN_FIELD", "__proto__x UNKNOWN_FIELD"]);
  expect((problem.details as { message: string }[])[0]!.message).toContain("did you mean title?");
  expect(await failure(app.write(create("Product", {})))).toMatchObject({ code: "VALIDATION_FAILED", where: "sku", details: [{ path: "sku", code: "REQUIRED" }] });
  expect(await failure(app.write(create("Product", JSON.parse(`{"sku": "A", "__proto__": {"x": 1}, "constructor": 2}`) as Record<string, unknown>)))).toMatchObject({ code: "VALIDATION_FAILED" });
});

test("issues and the names in them are bounded", async () => {
  const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`field${index}`, 1]));
  expect((await failure(app.write(create("Product", many)))).details).toHaveLength(defaultLimits.validationIssues);
  const long = await failure(app.write(create("Product", { ["x".repeat(500_000)]: 1 })));
  expect(JSON.stringify(long).length).toBeLessThan(1_000);
});

test("a key is one that a path can name", async () => {
  for (const id of ["", ".", ".."]) expect(await failure(app.write(create("Product", { id, sku: "A" })))).toMatchObject({ code: "VALIDATION_FAILED", where: "id" });
  for (const id of ["...", " ", "a/..", "%2e"]) expect((await app.write(create("Note", { id }))).status).toBe("created");
});

test("an open table keeps what it does not declare", async () => {
  const { id } = await app.write(create("Note", { text: "t", color: "red", deep: { a: null } }));
  expect(app.tables.get("Note", id)?.values).toEqual({ id, text: "t", color: "red", deep: { a: null } });
  await app.write(update("Note", id, { color: null, size: 3 }));
  expect({ ...app.tables.get("Note", id)?.values }).toEqual({ id, text: "t", deep: { a: null }, size: 3 });
  await app.write(replace("Note", id, { shape: "round" }));
  expect({ ...app.tables.get("Note", id)?.values }).toEqual({ id, text: null, shape: "round" });
  expect(await failure(app.write(create("Note", JSON.parse(`{"__proto__": {"polluted": true}}`) as Record<string, unknown>)))).toMatchObject({ code: "VALIDATION_FAILED", where: "__proto__" });
});

test("the key of a taken record or value is refused with its constraint", async () => {
  await app.write(create("Product", { id: "p1", sku: "A" }));
  expect(await failure(app.write(create("Product", { id: "p1", sku: "B" })))).toMatchObject({ code: "UNIQUE_VIOLATION", status: 409, where: "id", details: { constraint: "Product(id)", fields: ["id"], table: "Product" } });
  expect(await failure(app.write(create("Product", { sku: "A" })))).toMatchObject({ code: "UNIQUE_VIOLATION", where: "sku", details: { constraint: "Product(sku)", fields: ["sku"], table: "Product" } });
  expect(app.log()).toHaveLength(1);
});

test("preconditions are looked at in the commit", async () => {
  const { id } = await app.write(create("Product", { id: "p1", sku: "A" }));
  const only = (ifMatch: readonly number[] | "*" | null, ifNoneMatch: "*" | null = null) => ({ precondition: { ifMatch, ifNoneMatch } });
  expect(await failure(app.write(update("Product", id, { price: 1 }, only([9]))))).toMatchObject({ code: "PRECONDITION_FAILED", status: 412 });
  expect((await app.write(update("Product", id, { price: 1 }, only([1])))).status).toBe("updated");
  expect(await failure(app.write(replace("Product", id, { sku: "A" }, only(null, "*"))))).toMatchObject({ code: "PRECONDITION_FAILED" });
  expect(await failure(app.write(replace("Product", "p2", { sku: "B" }, only("*"))))).toMatchObject({ code: "PRECONDITION_FAILED" });
  expect((await app.write(replace("Product", "p2", { sku: "B" }, only(null, "*")))).status).toBe("created");
  expect(await failure(app.write(remove("Product", id, only([1]))))).toMatchObject({ code: "PRECONDITION_FAILED" });
  expect(await failure(app.write(remove("Product", "p3", only("*"))))).toMatchObject({ code: "NOT_FOUND" });
  expect((await app.write(remove("Product", id, only([2])))).status).toBe("deleted");
});
