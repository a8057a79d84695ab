// Rows for code: bigints where the schema says Long, everything else as it came.
import { expect, test } from "bun:test";
import { decodeRows } from "./decode-rows.ts";
import { planDatabase } from "./testing/plan-database.ts";

const schema = `
type Spot { size: Long name: String inner: [Long!] }
type Box @table(open: true) @export { id: Long! @primaryKey huge: Long list: [Long] spot: Spot real: Float flag: Boolean data: JSON exact: Decimal things: [Thing!]! @relationship(to: "boxId") }
type Thing @table @export { id: Int! @primaryKey boxId: Long! @indexed box: Box! @relationship(from: "boxId") weight: Long note: String }`;

const big = 9007199254740993n;

function decoded(query: string): unknown[] {
  const database = planDatabase(schema);
  database.insert("Box", { id: big, huge: -big, list: [1n, null], spot: { size: big, name: "s", inner: [big] }, real: 1.5, flag: true, data: { huge: "5", n: 1 }, exact: "1.50", extra: "e" }, { id: 2n });
  database.insert("Thing", { id: 1, boxId: big, weight: 3n, note: "x" }, { id: 2, boxId: big, weight: null });
  const plan = database.plan(query);
  const rows = decodeRows(plan, database.read(plan).json, database.catalog);
  for (const row of rows) expect(Object.getPrototypeOf(row)).toBeNull();
  return rows.map((row) => ({ ...row }));
}

test("fields of every kind", () => {
  expect(decoded("Box?order=id.desc")).toEqual([
    { id: big, huge: -big, list: [1n, null], spot: { size: big, name: "s", inner: [big] }, real: 1.5, flag: true, data: { huge: "5", n: 1 }, exact: "1.50", extra: "e" },
    { id: 2n, huge: null, list: null, spot: null, real: null, flag: null, data: null, exact: null },
  ]);
});

test("aliases, paths into nested objects, casts", () => {
  expect(decoded(`Box?select=h:huge,spot->size,n:spot->name,first:list->0,t:huge::text,j:data->huge&id=eq.${big}`)).toEqual([{ h: -big, size: big, n: "s", first: 1n, t: `-${big}`, j: "5" }]);
});

test("embeds and spreads", () => {
  expect(decoded(`Box?select=id,things(id,weight,box(id))&id=eq.${big}`)).toEqual([{ id: big, things: [{ id: 1, weight: 3n, box: { id: big } }, { id: 2, weight: null, box: { id: big } }] }]);
  expect(decoded(`Box?select=id,...things(weight,note)&id=eq.${big}`)).toEqual([{ id: big, weight: [3n, null], note: ["x", null] }]);
  expect(decoded("Thing?select=id,...box(huge,list),box(huge)&id=eq.1")).toEqual([{ id: 1, huge: -big, list: [1n, null], box: { huge: -big } }]);
  expect(decoded("Box?select=id,things(weight)&id=eq.2")).toEqual([{ id: 2n, things: [] }]);
});

test("aggregates", () => {
  expect(decoded("Box?select=count(),huge.sum(),low:huge.min(),mean:huge.avg(),n:huge.count(),t:huge.max()::text,exact.max()")).toEqual([
    { count: 2, sum: -big, low: -big, mean: -Number(big), n: 1, t: `-${big}`, max: "1.50" },
  ]);
});
