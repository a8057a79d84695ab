// The statement as a whole: exact JSON of every type, text without values, one text for one shape.
import { expect, test } from "bun:test";
import { planDatabase } from "./testing/plan-database.ts";

const schema = `
enum Color { RED GREEN }
type Place { lat: Float! lon: Float! size: Long tags: [String!] }
type Thing @table @export {
  id: ID! @primaryKey
  text: String
  whole: Int
  huge: Long
  real: Float
  flag: Boolean
  at: DateTime
  day: Date
  span: Duration
  cents: Money @currency(code: "EUR")
  exact: Decimal
  data: JSON
  bytes: Bytes
  color: Color
  colors: [Color!]
  hugeList: [Long]
  flags: [Boolean!]
  place: Place
  double: Int @computed(rule: "record.whole * 2")
}`;

const full = {
  id: "a", text: "say \"\u{1f600}\"\n\\", whole: -3, huge: 9223372036854775807n, real: 0.1, flag: false, at: "2026-01-31T12:00:00.000Z", day: "2026-01-31",
  span: "P1DT2H", cents: 1999, exact: "-0.0100", data: { b: [1, null, { c: true }], a: "x" }, bytes: "AQID", color: "RED", colors: ["RED", "GREEN"],
  hugeList: [9007199254740993n, null], flags: [true, false], place: { lat: 1.5, lon: -2, size: 9007199254740993n, tags: ["x"] },
};

test("every type has its wire form, byte for byte where it is not a double", () => {
  const database = planDatabase(schema);
  database.insert("Thing", full);
  expect(database.read(database.plan("Thing")).json).toBe(
    `[{"id":"a","text":"say \\"\u{1f600}\\"\\n\\\\","whole":-3,"huge":"9223372036854775807","real":0.1,"flag":false,"at":"2026-01-31T12:00:00.000Z","day":"2026-01-31",`
    + `"span":"P1DT2H","cents":1999,"exact":"-0.0100","data":{"b":[1,null,{"c":true}],"a":"x"},"bytes":"AQID","color":"RED","colors":["RED","GREEN"],`
    + `"hugeList":["9007199254740993",null],"flags":[true,false],"place":{"lat":1.5,"lon":-2,"size":"9007199254740993","tags":["x"]},"double":-6}]`);
});

test("nulls are null, whatever the type", () => {
  const database = planDatabase(schema);
  database.insert("Thing", { id: "n" });
  const [row] = database.get("Thing") as [Record<string, unknown>];
  expect(Object.keys(row)).toEqual([...database.table("Thing").fields.keys()]);
  expect(Object.entries(row).filter(([, value]) => value !== null)).toEqual([["id", "n"]]);
});

test("doubles come back as the same doubles", () => {
  const database = planDatabase("type N @table @export { id: Int! @primaryKey real: Float! }");
  const values = [0, 1, -1, 0.1, 1 / 3, 1e21, 1e-7, 5e-324, Number.MAX_VALUE, 123456789.12345679, 2 ** 53, 1e100];
  database.insert("N", ...values.map((real, id) => ({ id, real })));
  expect((database.get("N?select=real&order=id") as { real: number }[]).map((row) => row.real)).toEqual(values);
});

test("keys stand in the order selected, under their aliases", () => {
  const database = planDatabase(schema);
  database.insert("Thing", full);
  expect(database.read(database.plan("Thing?select=whole,id,w:whole,\"a, \\\"b\\\" 'c'\":text,data->b->2->c,data->>b,place->size,huge")).json).toBe(
    `[{"whole":-3,"id":"a","w":-3,"a, \\"b\\" 'c'":"say \\"\u{1f600}\\"\\n\\\\","c":true,"b":"[1,null,{\\"c\\":true}]","size":"9007199254740993","huge":"9223372036854775807"}]`);
});

test("casts", () => {
  const database = planDatabase(schema);
  database.insert("Thing", full, { id: "b", text: "12", real: 2.9, flag: true, exact: "7.5", data: "9", whole: 0 }, { id: "c" });
  const select = "a:whole::text,b:flag::text,c:real::int,d:text::int,e:exact::float,f:flag::int,g:whole::boolean,h:data::int,i:huge::text,j:colors::text,k:real::text,l:data::json,m:flag::float";
  expect(database.get(`Thing?select=${select}&order=id`)).toEqual([
    { a: "-3", b: "false", c: 0, d: null, e: -0.01, f: 0, g: true, h: null, i: "9223372036854775807", j: "[\"RED\",\"GREEN\"]", k: "0.1", l: full.data, m: null },
    { a: "0", b: "true", c: 2, d: 12, e: 7.5, f: 1, g: false, h: 9, i: null, j: null, k: "2.9", l: "9", m: null },
    { a: null, b: null, c: null, d: null, e: null, f: null, g: null, h: null, i: null, j: null, k: null, l: null, m: null },
  ]);
});

test("no value stands in the text, and plans of one shape have one text", () => {
  const database = planDatabase(schema);
  const sql = (query: string): string => database.compile(database.plan(query)).rows.sql;
  const one = sql("Thing?select=id,zebra:text&text=eq.secret&whole=gt.77777&limit=20&offset=5&order=whole");
  expect(one).not.toContain("secret");
  expect(one).not.toContain("zebra");
  expect(one).not.toContain("77777");
  expect(sql("Thing?select=id,lion:text&text=eq.other&whole=gt.1&limit=7&offset=9&order=whole")).toBe(one);
  expect(sql("Thing?text=eq.secret")).toBe(sql("Thing?text=eq.'; DROP TABLE Thing; --"));
});

test("an alias is data: it cannot leave its place", () => {
  const database = planDatabase(schema);
  database.insert("Thing", { id: "a" });
  const plan = database.plan("Thing?select=id");
  const alias = `x' , (SELECT sql FROM sqlite_schema) , "${"\u0001?1"}`;
  const aliased = { ...plan, select: plan.select.map((item) => ({ ...item, alias })) };
  expect(database.rows(aliased)).toEqual([{ [alias]: "a" }]);
});

test("numbers of the plan are bound, also when there is no limit", () => {
  const database = planDatabase(schema);
  database.insert("Thing", ...["a", "b", "c", "d"].map((id) => ({ id })));
  const plan = database.plan("Thing?select=id");
  expect(database.rows({ ...plan, limit: null })).toEqual([{ id: "a" }, { id: "b" }, { id: "c" }, { id: "d" }]);
  expect(database.rows({ ...plan, limit: null, offset: 3 })).toEqual([{ id: "d" }]);
  expect(database.rows({ ...plan, limit: 0 })).toEqual([]);
  expect(database.rows({ ...plan, limit: 2, offset: 1 })).toEqual([{ id: "b" }, { id: "c" }]);
});

test("names that are SQL words or look like ours are names", () => {
  const database = planDatabase(`type Select @table(name: "order") @export {
    id: ID! @primaryKey group: ID @indexed order: Int @indexed json: JSON rowid: Int rank: String @indexed(type: TEXT) t0: Int from: [Select!]! @relationship(to: "group") where: Select @relationship(from: "group") }`);
  database.insert("Select", { id: "a", group: "a", order: 1, json: [1], rowid: 9, rank: "first", t0: 5 });
  expect(database.get("Select?select=*,from(id,order),where(t0)&\"order\"=eq.1&group=eq.a&rank=fts.first&order=group,order.desc")).toEqual([
    { id: "a", group: "a", order: 1, json: [1], rowid: 9, rank: "first", t0: 5, from: [{ id: "a", order: 1 }], where: { t0: 5 } },
  ]);
});

test("variables of the caller and now are worked out for each run of one statement", () => {
  const database = planDatabase("type T @table(expiration: \"P1D\") @export { id: ID! @primaryKey owner: String }");
  database.insert("T", { id: "a", owner: "u1" }, { id: "b", owner: "u2" }, { id: "c", owner: "u1", $expires: "2026-05-31T23:59:59.999Z" });
  const plan = database.plan("T?select=id");
  const owner = { op: "field", type: { kind: "string" }, row: "record", table: "T", path: [], field: "owner", within: [] } as const;
  const subject = { op: "variable", type: { kind: "string" }, root: "auth", path: ["subject"] } as const;
  const mine = { ...plan, filter: { op: "compare", comparison: "eq", left: owner, right: subject } as const };
  expect(database.rows(mine, { auth: { subject: "u1" } })).toEqual([{ id: "a" }]);
  expect(database.rows(mine, { auth: { subject: "u2" } })).toEqual([{ id: "b" }]);
  expect(database.rows(mine, { auth: { subject: null } })).toEqual([]);
});
