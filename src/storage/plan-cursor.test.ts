// Paging by cursor meets every row exactly once, in any mix of directions, nulls and ties; and indexes serve it.
import { expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import type { Plan } from "../query/plan.ts";
import { planDatabase, type PlanDatabase } from "./testing/plan-database.ts";

const schema = `type Row @table @export @indexed(fields: ["kind", "rank"]) {
  id: ID! @primaryKey rank: Int @indexed name: String! @indexed exact: Decimal @indexed span: Duration huge: Long @indexed real: Float flag: Boolean kind: String
  at: DateTime! data: JSON parentId: ID @indexed parent: Row @relationship(from: "parentId") double: Int @computed(rule: "record.rank * 2") }`;

function rows(): PlanDatabase {
  const database = planDatabase(schema);
  const records = Array.from({ length: 24 }, (_, index) => ({
    id: `k${String(index * 7 % 24).padStart(2, "0")}`,
    rank: index % 4 === 0 ? null : index % 3, name: `n${index % 5}`, exact: index % 5 === 0 ? null : ["1.5", "1.50", "-2", "10"][index % 4]!, span: index % 6 === 0 ? null : ["PT1H", "PT5M", "P1D"][index % 3]!,
    huge: index % 7 === 0 ? null : 9007199254740992n + BigInt(index % 3), real: index % 8 === 0 ? null : [0.1, 0.30000000000000004, -1e21][index % 3]!, flag: [null, true, false][index % 3]!,
    kind: index % 2 === 0 ? "x" : "y", at: `2026-01-0${index % 3 + 1}T00:00:00.000Z`, data: [null, 1, "a", [1], { a: 1 }][index % 5]!, parentId: index % 9 === 0 ? null : "k07",
  }));
  database.insert("Row", ...records);
  return database;
}

function pages(database: PlanDatabase, plan: Plan, limit: number): Json[] {
  const found: Json[] = [];
  let after: Json[] | null = null;
  for (let page = 0; page < 30; page++) {
    const read = database.read({ ...plan, limit, after });
    found.push(...(JSON.parse(read.json) as Json[]));
    after = read.lastKeys;
    if (after === null) break;
  }
  return found;
}

const directions = ["asc.nullsfirst", "asc.nullslast", "desc.nullsfirst", "desc.nullslast"];

for (const field of ["rank", "name", "exact", "span", "huge", "real", "flag", "at", "data", "double", "parent(rank)", "data->a"]) {
  test(`by ${field}`, () => {
    const database = rows();
    for (const direction of directions) {
      for (const select of ["id", `id,v:${field.includes("(") ? "parentId" : field}`, "*"]) {
        const plan = database.plan(`Row?select=${select}&order=${field}.${direction}`);
        for (const limit of [1, 3, 7, 24]) expect(pages(database, plan, limit)).toEqual(database.rows(plan) as Json[]);
      }
    }
  });
}

test("by two fields in every mix of directions and nulls, filtered and not", () => {
  const database = rows();
  for (const first of directions) {
    for (const second of directions) {
      for (const filter of ["", "&kind=eq.x", "&rank=not.is.null"]) {
        const plan = database.plan(`Row?select=id&order=rank.${first},exact.${second}${filter}`);
        expect(pages(database, plan, 2)).toEqual(database.rows(plan) as Json[]);
      }
    }
  }
});

test("a page that is not full has no cursor; neither have groups, rankings, or what has no limit", () => {
  const database = rows();
  const plan = database.plan("Row?select=id&limit=24");
  expect(database.read({ ...plan, limit: 24 }).lastKeys).toEqual(["k23"]);
  expect(database.read({ ...plan, limit: 25 }).lastKeys).toBeNull();
  expect(database.read({ ...plan, limit: 0 }).lastKeys).toBeNull();
  expect(database.read({ ...plan, limit: null }).lastKeys).toBeNull();
  expect(database.read(database.plan("Row?select=count()&limit=1")).lastKeys).toBeNull();
});

test("the cursor holds wire forms, of fields that are selected and of others", () => {
  const database = rows();
  const keys = (query: string): Json[] | null => database.read(database.plan(query)).lastKeys;
  expect(keys("Row?select=id&order=huge.desc.nullslast,flag&limit=1")).toEqual(["9007199254740994", false, expect.any(String)]);
  expect(keys("Row?select=*&order=huge.desc.nullslast,flag&limit=1")).toEqual(["9007199254740994", false, expect.any(String)]);
  expect(keys("Row?select=id,huge:rank&order=huge.desc.nullslast&limit=1")).toEqual(["9007199254740994", expect.any(String)]);
  expect(keys("Row?select=id,huge::text&order=huge.desc.nullslast&limit=1")).toEqual(["9007199254740994", expect.any(String)]);
});

const malformed: readonly (readonly [string, Json[]])[] = [
  ["rank", ["1", "k01"]], ["rank", [1.5, "k01"]], ["rank", [1]], ["rank", [1, "k01", 2]], ["rank", [1, null]], ["rank", [1, 5]], ["huge", [5, "k01"]], ["huge", ["99999999999999999999", "k01"]], ["huge", ["x", "k01"]],
  ["exact", ["one", "k01"]], ["exact", ["1e3", "k01"]], ["span", ["1 hour", "k01"]], ["flag", [1, "k01"]], ["real", ["1", "k01"]], ["name", [null, "k01"]], ["name", ["\ud800", "k01"]], ["name", [{ a: 1 }, "k01"]], ["at", [[], "k01"]],
];

for (const [field, after] of malformed) {
  test(`a cursor that is not of this order is refused: ${field} ${JSON.stringify(after)}`, () => {
    const database = planDatabase(schema);
    const plan = { ...database.plan(`Row?order=${field}`), after };
    expect(() => database.read(plan)).toThrow(AmbitError);
    try { database.read(plan); } catch (error) { expect((error as AmbitError).code).toBe("MALFORMED_CURSOR"); }
  });
}

const walks: readonly (readonly [string, Json[], RegExp])[] = [
  ["Row?limit=5", ["k03"], /^SEARCH t0 USING INDEX sqlite_autoindex_Row_1 \(id>\?\)$/],
  ["Row?order=name&limit=5", ["n1", "k03"], /^SEARCH t0 USING INDEX \S+ \(\(name,id\)>\(\?,\?\)\)$/],
  ["Row?order=name.desc&limit=5", ["n1", "k03"], /^SEARCH t0 USING INDEX \S+ \(\(name,id\)<\(\?,\?\)\)$/],
  ["Row?order=rank.desc&limit=5", [1, "k03"], /^SEARCH t0 USING INDEX \S+ \(\(rank,id\)<\(\?,\?\)\)$/],
  ["Row?kind=eq.x&order=rank.desc&limit=5", [1, "k03"], /^SEARCH t0 USING INDEX \S+ \(kind=\? AND \(rank,id\)<\(\?,\?\)\)$/],
  ["Row?order=rank&limit=5", [1, "k03"], /^SEARCH t1 USING COVERING INDEX \S+ \(\(rank,id\)>\(\?,\?\)\)$/],
  ["Row?order=rank.desc&limit=5", [null, "k03"], /^SEARCH t1 USING COVERING INDEX \S+ \(rank=\? AND id<\?\)$/],
  ["Row?order=rank&limit=5", [null, "k03"], /^SEARCH t0 USING INDEX \S+ \(rank=\? AND id>\?\)$/],
  ["Row?order=exact.desc&limit=5", ["1.5", "k03"], /^SEARCH t0 USING INDEX \S+ \(\(exact\$key,id\)<\(\?,\?\)\)$/],
];

for (const [query, after, expected] of walks) {
  test(`the index leads to the page: ${query} after ${JSON.stringify(after)}`, () => {
    const database = planDatabase(schema);
    const steps = database.steps({ ...database.plan(query), after });
    expect(steps.some((step) => expected.test(step))).toBe(true);
    expect(steps.filter((step) => step.startsWith("SCAN t0"))).toEqual([]);
  });
}
