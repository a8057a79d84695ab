// Many writers at once: guarded increments, conditional writers, one unique value, one entry for each commit.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { create, failure, increment, openTables, update, type OpenTables } from "./testing/open-tables.ts";

const SDL = `
type Stock @table { id: ID! @primaryKey available: Int! @range(min: 0) sold: Long! @default(value: "0") worth: Decimal ratio: Float cents: Money @currency(code: "EUR") name: String @indexed(unique: true) }
`;

let app: OpenTables;
beforeEach(() => { app = openTables(SDL); });
afterEach(() => app.close());

const many = <Result>(count: number, start: (index: number) => Promise<Result>) => Promise.allSettled(Array.from({ length: count }, (_, index) => start(index)));
const codes = (results: PromiseSettledResult<unknown>[]) => results.map((result) => (result.status === "fulfilled" ? "ok" : (result.reason as { code: string }).code)).sort();

test("100 decrements of 10 units: exactly 10 succeed", async () => {
  await app.write(create("Stock", { id: "s", available: 10 }));
  const results = await many(100, () => app.write(increment("Stock", "s", "available", -1)));
  expect(codes(results).filter((code) => code === "ok")).toHaveLength(10);
  expect(new Set(codes(results))).toEqual(new Set(["ok", "VALIDATION_FAILED"]));
  expect(app.tables.get("Stock", "s")?.values["available"]).toBe(0);
  expect(results.flatMap((result) => (result.status === "fulfilled" ? [result.value.record!["available"]] : []))).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  expect(app.log()).toHaveLength(11);
});

test("increments are exact in every numeric type", async () => {
  await app.write(create("Stock", { id: "s", available: 2147483646, sold: "9223372036854775806", worth: "0.10" }));
  expect((await app.write(increment("Stock", "s", "sold", "1"))).record!["sold"]).toBe(9223372036854775807n);
  expect(await failure(app.write(increment("Stock", "s", "sold", 1)))).toMatchObject({ code: "VALIDATION_FAILED", where: "sold" });
  expect((await app.write(increment("Stock", "s", "worth", "0.20"))).record!["worth"]).toBe("0.30");
  expect((await app.write(increment("Stock", "s", "ratio", 0.5))).record!["ratio"]).toBe(0.5);
  expect((await app.write(increment("Stock", "s", "cents", -5))).record!["cents"]).toBe(-5);
  expect((await app.write(increment("Stock", "s", "available", 1))).record!["available"]).toBe(2147483647);
  expect(await failure(app.write(increment("Stock", "s", "available", 1)))).toMatchObject({ code: "VALIDATION_FAILED", where: "available" });
  expect(await failure(app.write(increment("Stock", "s", "available", 0.5)))).toMatchObject({ code: "VALIDATION_FAILED" });
  expect(await failure(app.write(increment("Stock", "s", "name", 1)))).toMatchObject({ code: "VALIDATION_FAILED", where: "name" });
  expect(await failure(app.write(increment("Stock", "s", "avaliable", 1)))).toMatchObject({ message: expect.stringContaining("did you mean available?") as string });
  expect(await failure(app.write(increment("Stock", "t", "available", 1)))).toMatchObject({ code: "NOT_FOUND" });
});

test("50 conditional writers: exactly one wins each round", async () => {
  await app.write(create("Stock", { id: "s", available: 0 }));
  for (let round = 0; round < 10; round++) {
    const { version } = app.tables.get("Stock", "s")!;
    const results = await many(50, (index) => app.write(update("Stock", "s", { available: round * 100 + index + 1 }, { precondition: { ifMatch: [version], ifNoneMatch: null } })));
    expect(codes(results)).toEqual([...Array.from({ length: 49 }, () => "PRECONDITION_FAILED"), "ok"]);
  }
  expect(app.log()).toHaveLength(11);
});

test("100 creates with one unique value: one succeeds; versions are positions", async () => {
  const results = await many(100, (index) => app.write(create("Stock", { id: `s${index}`, available: 1, name: "same" })));
  expect(codes(results).filter((code) => code === "ok")).toHaveLength(1);
  expect(new Set(codes(results))).toEqual(new Set(["ok", "UNIQUE_VIOLATION"]));
  await many(100, (index) => app.write(create("Stock", { id: `t${index}`, available: 1 })));
  const log = app.log();
  expect(log).toHaveLength(101);
  expect(log.every((entry) => entry.changes.length === 1 && app.tables.get("Stock", entry.changes[0]!.id)?.version === entry.position)).toBe(true);
});

test("images of a log replay to what is stored", async () => {
  await app.writeAll(Array.from({ length: 5 }, (_, index) => create("Stock", { id: `s${index}`, available: 5 })));
  await many(40, (index) => app.write(index % 4 === 3 ? { kind: "remove", table: "Stock", id: `s${index % 5}`, precondition: null } : increment("Stock", `s${index % 5}`, "available", (index % 3) - 1)));
  const state = new Map<unknown, unknown>();
  for (const entry of app.log()) {
    for (const change of entry.changes) {
      expect(state.get(change.id) ?? null).toEqual(change.old);
      if (change.new === null) state.delete(change.id);
      else state.set(change.id, change.new);
    }
  }
  for (let index = 0; index < 5; index++) expect(app.tables.get("Stock", `s${index}`)?.values ?? null).toEqual((state.get(`s${index}`) ?? null) as never);
});

test("listeners hear of every commit in order, before it is answered, and the cache has moved on", async () => {
  await app.write(create("Stock", { id: "s", available: 5 }));
  expect(app.tables.get("Stock", "s")?.values["available"]).toBe(5);
  const heard: [number, unknown][] = [];
  const stop = app.tables.onCommitted((entry) => heard.push([entry.position, app.tables.get("Stock", "s")?.values["available"]]));
  const done = await Promise.all([1, 2].map(() => app.tables.commit((session) => session.write(increment("Stock", "s", "available", 1), { dialect: "wire", authority: null, sent: null }), { actor: null, requestId: "r" })));
  stop();
  await app.write(increment("Stock", "s", "available", 1));
  expect(heard).toEqual([[2, 6], [3, 7]]);
  expect(done.map((committed) => committed.position)).toEqual([2, 3]);
  expect(app.tables.get("Stock", "s")?.values["available"]).toBe(8);
});

test("who holds the queue commits before those who wait", async () => {
  await app.write(create("Stock", { id: "s", available: 5 }));
  const hold = await app.tables.hold();
  const waiting = app.write(increment("Stock", "s", "available", 1));
  const { version } = app.tables.get("Stock", "s")!;
  const { value, position } = await hold.commit((session) => session.write(update("Stock", "s", { available: 1 }, { precondition: { ifMatch: [version], ifNoneMatch: null } }), { dialect: "code", authority: null, sent: null }), { actor: null, requestId: "r" });
  expect([value.status, position, (await waiting).record!["available"]]).toEqual(["updated", 2, 2]);
});
