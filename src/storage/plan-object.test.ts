// Objects with masks, undeclared fields, and more members than SQLite takes arguments.
import { expect, test } from "bun:test";
import type { Expression } from "../expression/expression.ts";
import type { Plan } from "../query/plan.ts";
import { planDatabase, type PlanDatabase } from "./testing/plan-database.ts";

const schema = "type Item @table(open: true) @export { id: ID! @primaryKey title: String price: Int flag: Boolean data: JSON huge: Long parts: [Part!]! @relationship(to: \"itemId\") } type Part @table @export { id: ID! @primaryKey itemId: ID! @indexed note: String price: Int item: Item! @relationship(from: \"itemId\") }";

function priceOver(table: string, value: number): Expression {
  return { op: "compare", comparison: "gt", left: { op: "field", type: { kind: "int" }, row: "record", table, path: [], field: "price", within: [] }, right: { op: "literal", type: { kind: "int" }, value } };
}

/** Masks the fields of these names, at every depth. */
function masked(plan: Plan, names: readonly string[], over: number): Plan {
  return {
    ...plan,
    select: plan.select.map((item) => {
      if (item.kind === "embed") return { ...item, plan: masked(item.plan, names, over) };
      return item.kind === "value" && names.includes(item.field) ? { ...item, visibleWhen: priceOver(plan.table, over) } : item;
    }),
  };
}

function items(): PlanDatabase {
  const database = planDatabase(schema);
  database.insert("Item", { id: "a", title: "A", price: 10, flag: true, data: { x: 1 }, huge: 9007199254740993n }, { id: "b", title: "B", price: 1 }, { id: "c", title: "C", price: null });
  database.insert("Part", { id: "p1", itemId: "a", note: "n1", price: 20 }, { id: "p2", itemId: "a", note: "n2", price: 2 });
  return database;
}

test("a masked field is absent where its mask is not true, unknown included", () => {
  const database = items();
  const plan = masked(database.plan("Item?select=id,title,price"), ["title"], 5);
  expect(database.read(plan).json).toBe(`[{"id":"a","title":"A","price":10},{"id":"b","price":1},{"id":"c","price":null}]`);
});

test("the first, the last, all members masked", () => {
  const database = items();
  const plan = database.plan("Item?select=id,title,price");
  expect(database.read(masked(plan, ["id"], 5)).json).toBe(`[{"id":"a","title":"A","price":10},{"title":"B","price":1},{"title":"C","price":null}]`);
  expect(database.read(masked(plan, ["price"], 5)).json).toBe(`[{"id":"a","title":"A","price":10},{"id":"b","title":"B"},{"id":"c","title":"C"}]`);
  expect(database.read(masked(plan, ["id", "title", "price"], 100)).json).toBe("[{},{},{}]");
});

test("every form of value survives beside a mask", () => {
  const database = items();
  const plan = masked(database.plan("Item?select=title,flag,data,huge,price&id=eq.a"), ["title"], 5);
  expect(database.read(plan).json).toBe(`[{"title":"A","flag":true,"data":{"x":1},"huge":"9007199254740993","price":10}]`);
});

test("masks inside embeds and spreads", () => {
  const database = items();
  expect(database.rows(masked(database.plan("Item?select=id,parts(id,note)&id=eq.a"), ["note"], 5))).toEqual([{ id: "a", parts: [{ id: "p1", note: "n1" }, { id: "p2" }] }]);
  expect(database.rows(masked(database.plan("Item?select=id,...parts(note)&id=eq.a"), ["note"], 5))).toEqual([{ id: "a", note: ["n1", null] }]);
  expect(database.rows(masked(database.plan("Part?select=id,item(title,huge)"), ["title"], 50))).toEqual([{ id: "p1", item: { huge: "9007199254740993" } }, { id: "p2", item: { huge: "9007199254740993" } }]);
  expect(database.rows(masked(database.plan("Part?select=id,...item(title,huge)"), ["title"], 50))).toEqual([{ id: "p1", huge: "9007199254740993" }, { id: "p2", huge: "9007199254740993" }]);
});

test("undeclared fields come in after the declared ones; an alias wins over one of its name", () => {
  const database = planDatabase(schema);
  database.insert("Item", { id: "a", title: "A", extra: { deep: [null, 1] }, "odd \"name\"": "x", other: false }, { id: "b", title: "B" });
  const [a, b] = database.get("Item") as [Record<string, unknown>, Record<string, unknown>];
  expect(Object.keys(a)).toEqual(["id", "title", "price", "flag", "data", "huge", "extra", "odd \"name\"", "other"]);
  expect(a).toMatchObject({ extra: { deep: [null, 1] }, "odd \"name\"": "x", other: false });
  expect(Object.keys(b)).toEqual(["id", "title", "price", "flag", "data", "huge"]);
  expect(database.get("Item?select=*,extra:title&id=eq.a")).toEqual([{ ...a, extra: "A" }]);
});

test("open records inside embeds", () => {
  const database = planDatabase(schema);
  database.insert("Item", { id: "a", title: "A", extra: "e" });
  database.insert("Part", { id: "p", itemId: "a" });
  expect(database.get("Part?select=id,item(*)")).toEqual([{ id: "p", item: { id: "a", title: "A", price: null, flag: null, data: null, huge: null, extra: "e" } }]);
  expect(database.get("Part?select=id,...item(*)".replace("(*)", "(t:title)"))).toEqual([{ id: "p", t: "A" }]);
});

test("more members than SQLite takes arguments", () => {
  const count = 890;
  const names = Array.from({ length: count }, (_, index) => `f${index}`);
  const database = planDatabase(`type Wide @table @export { id: ID! @primaryKey ${names.map((name) => `${name}: Int`).join(" ")} }`);
  database.insert("Wide", { id: "a", ...Object.fromEntries(names.map((name, index) => [name, index])) });
  const [row] = database.rows({ ...database.plan("Wide?select=id"), select: wideItems(names) }) as [Record<string, unknown>];
  expect(Object.keys(row)).toHaveLength(count);
  expect(row["f0"]).toBe(0);
  expect(row["f889"]).toBe(889);
});

function wideItems(names: readonly string[]): Plan["select"] {
  return names.map((name) => ({
    kind: "value", alias: name, field: name, cast: null, visibleWhen: null,
    value: { op: "field", type: { kind: "int" }, row: "record", table: "Wide", path: [], field: name, within: [] },
  }));
}

const columns = (count: number): string[] => Array.from({ length: count }, (_, index) => `f${index}`);

test("more members than SQLite takes arguments, each once and in order", () => {
  const names = columns(600);
  const database = planDatabase(`type Wide @table @export { id: ID! @primaryKey ${names.map((name) => `${name}: Int`).join(" ")} }`);
  database.insert("Wide", { id: "w", f149: 149, f599: 599 });
  const row = `{"id":"w",${names.map((name) => `"${name}":${name === "f149" ? 149 : name === "f599" ? 599 : null}`).join(",")}}`;
  expect(database.read(database.plan("Wide")).json).toBe(`[${row}]`);
});

test("many masked members, a shorter object after a longer one", () => {
  const [many, fewer] = [columns(90), columns(50)];
  const fields = (names: readonly string[]): string => names.map((name) => `${name}: Int`).join(" ");
  const database = planDatabase(`
    type Big @table @export { id: ID! @primaryKey price: Int ${fields(many)} smalls: [Small!]! @relationship(to: "bigId") }
    type Small @table @export { id: ID! @primaryKey price: Int bigId: ID! @indexed big: Big @relationship(from: "bigId") ${fields(fewer)} }`);
  database.insert("Big", { id: "b", price: 9, f1: 1 });
  database.insert("Small", { id: "s", price: 9, bigId: "b", f2: 2 });
  const text = (names: readonly string[], set: string): string => names.map((name) => `"${name}":${name === set ? Number(name.slice(1)) : null}`).join(",");
  const big = database.plan(`Big?select=id,${many.join(",")},smalls(id,${fewer.join(",")})`);
  expect(database.read(masked(big, many, 5)).json).toBe(`[{"id":"b",${text(many, "f1")},"smalls":[{"id":"s",${text(fewer, "f2")}}]}]`);
  const small = database.plan(`Small?select=id,big(id,${many.join(",")}),${fewer.join(",")}`);
  expect(database.read(masked(small, many, 5)).json).toBe(`[{"id":"s","big":{"id":"b",${text(many, "f1")}},${text(fewer, "f2")}}]`);
});
