// Nearest in meaning and nearest in space.
import { expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import { planDatabase } from "./testing/plan-database.ts";

const ids = (rows: unknown): unknown[] => (rows as { id: unknown }[]).map(({ id }) => id);

for (const [metric, expected] of [["COSINE", ["c", "a", "b", "e"]], ["L2", ["a", "b", "c", "e"]], ["L1", ["a", "b", "c", "e"]]] as const) {
  test(`similar by ${metric}`, () => {
    const database = planDatabase(`type Doc @table @export { id: ID! @primaryKey vector: Vector @indexed(type: VECTOR, dimensions: 2, metric: ${metric}) open: Boolean }`);
    database.insert("Doc", { id: "a", vector: [1, 0.5], open: true }, { id: "b", vector: [0, 1], open: true }, { id: "c", vector: [3, 1], open: false }, { id: "d", vector: null }, { id: "e", vector: [-2, -1], open: true });
    expect(ids(database.get("Doc?similar=[1,0.3]&select=id"))).toEqual([...expected]);
    expect(ids(database.get("Doc?similar=[1,0.3]&select=id&limit=2&offset=1"))).toEqual(expected.slice(1, 3));
    expect(ids(database.get("Doc?similar=[1,0.3]&select=id&order=id.desc"))).toEqual(["e", "c", "b", "a"]);
    expect(ids(database.get("Doc?similar=[1,0.3]&select=id&open=is.true"))).toEqual(expected.filter((id) => id !== "c"));
    const open = { op: "compare", comparison: "eq", left: { op: "field", type: { kind: "bool" }, row: "record", table: "Doc", path: [], field: "open", within: [] }, right: { op: "literal", type: { kind: "bool" }, value: true } } as const;
    const plan = database.plan("Doc?similar=[1,0.3]&select=id");
    expect(ids(database.rows({ ...plan, similar: { ...plan.similar!, visibleWhen: open } }))).toEqual(expected.filter((id) => id !== "c"));
    expect(database.read({ ...plan, count: "exact", limit: 1 }).total).toBe(4);
  });
}

test("a vector of another length is refused before SQLite sees it", () => {
  const database = planDatabase("type Doc @table @export { id: ID! @primaryKey vector: Vector @indexed(type: VECTOR, dimensions: 2) }");
  const plan = database.plan("Doc?similar=[1,0]");
  expect(() => database.compile({ ...plan, similar: { ...plan.similar!, vector: [1, 2, 3] } })).toThrow(AmbitError);
});

test("a stored vector of zeros has no direction and comes last", () => {
  const database = planDatabase("type Doc @table @export { id: ID! @primaryKey vector: Vector @indexed(type: VECTOR, dimensions: 2) }");
  database.insert("Doc", { id: "a", vector: [0, 0] }, { id: "b", vector: [-1, 0] }, { id: "c", vector: [1, 0] });
  expect(ids(database.get("Doc?similar=[1,0]&select=id"))).toEqual(["c", "b", "a"]);
});

for (const [name, fields, place] of [
  ["one object", "place: Place @indexed(type: GEO)", (lat: number, lon: number) => ({ place: { lat, lon } })],
  ["two numbers", "lat: Float lon: Float", (lat: number, lon: number) => ({ lat, lon })],
] as const) {
  test(`near, by ${name}`, () => {
    const index = name === "two numbers" ? "@indexed(type: GEO, fields: [\"lat\", \"lon\"])" : "";
    const database = planDatabase(`type Place { lat: Float! lon: Float! } type Shop @table @export ${index} { id: ID! @primaryKey ${fields} }`);
    database.insert("Shop",
      { id: "here", ...place(52.52, 13.405) }, { id: "close", ...place(52.521, 13.405) }, { id: "far", ...place(48.1, 11.6) },
      { id: "west", ...place(0, -179.9999) }, { id: "east", ...place(0, 179.9999) }, { id: "pole", ...place(89.9999, 0) }, { id: "nowhere" });
    expect(ids(database.get("Shop?near=52.5201,13.405,1000&select=id"))).toEqual(["here", "close"]);
    expect(ids(database.get("Shop?near=52.5208,13.405,1000&select=id"))).toEqual(["close", "here"]);
    expect(ids(database.get("Shop?near=52.5201,13.405,1000&select=id&order=id"))).toEqual(["close", "here"]);
    expect(ids(database.get("Shop?near=0,180,100&select=id&order=id"))).toEqual(["east", "west"]);
    expect(ids(database.get("Shop?near=89.9999,180,100&select=id"))).toEqual(["pole"]);
    expect(ids(database.get("Shop?near=52.52,13.405,600000&select=id"))).toEqual(["here", "close", "far"]);
    expect(database.steps(database.plan("Shop?near=52.52,13.405,1000&select=id")).filter((step) => step.startsWith("SCAN t0"))).toEqual([]);
  });
}
