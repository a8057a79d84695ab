// The index against looking at each footprint: the same owners are found, whatever comes and goes, in one place or many; and few are looked at.
import { describe, expect, test } from "bun:test";
import { defaultLimits } from "../base/limits.ts";
import { seededRandom } from "../base/random.ts";
import type { RecordValues, Value } from "../base/value.ts";
import { compileCatalogExpressions } from "../expression/compile-catalog.ts";
import type { Environment, Expression } from "../expression/expression.ts";
import { compileSchema } from "../schema/compile-schema.ts";
import { FootprintIndex } from "./footprint-index.ts";
import { prefixEnd } from "./footprint-narrowing.ts";
import { footprintsOf } from "./footprint-plan.ts";
import { touches, type Footprint, type TouchingChange } from "./footprint.ts";
import { parseRestQuery } from "./rest-query.ts";

const { catalog } = compileSchema({
  file: "schema.graphql",
  text: `type Item @table {
  id: ID! @primaryKey owner: String other: String name: String count: Int many: Long cents: Money @currency(code: "EUR") ratio: Float amount: Decimal
  at: DateTime day: Date takes: Duration open: Boolean kind: Kind
}
enum Kind { A B C }`,
});
const { book } = compileCatalogExpressions(catalog);
const table = catalog.tables.get("Item")!;
const now = "2026-06-01T00:00:00.000Z";
const scope = { catalog, fields: () => table.fields, readable: () => true };
const random = seededRandom(Number(process.env["AMBIT_TEST_SEED"] ?? 11));
const below = (count: number): number => Math.floor(random.next() * count);
const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)]!;

const text = (): string => pick(["a", "ab", "b", "B", "\u{1F600}", "\uE000x", "é", "abc", "", "z"]);
const samples: Readonly<Record<string, () => Value>> = {
  owner: () => `u${below(6)}`, other: () => `u${below(6)}`, name: text, count: () => below(40) - 20, many: () => BigInt(below(30)) * 1_000_000_000_000n, cents: () => below(50),
  ratio: () => below(100) / 8, amount: () => `${below(9)}.${below(100)}`, at: () => new Date(below(50) * 60_000).toISOString(), day: () => `2026-01-${10 + below(20)}`,
  takes: () => `PT${1 + below(59)}M`, open: () => below(2) === 0, kind: () => pick(["A", "B", "C"]),
};
const names = Object.keys(samples);

function record(): RecordValues {
  return { id: `i${below(20)}`, ...Object.fromEntries(names.map((name) => [name, below(6) === 0 ? null : samples[name]!()])) };
}

function condition(name: string): string {
  const value = (): string => encodeURIComponent(String(samples[name]!()));
  if (name === "open") return `open=is.${pick(["true", "false", "null", "not_null"])}`;
  const choice = below(10);
  if (choice === 0) return `${name}=in.(${value()},${value()},${value()})`;
  if (choice === 1 && name !== "kind") return `${name}=gte.${value()}&${name}=lt.${value()}`;
  if (choice === 2) return `${name}=not.${pick(["eq", "lt", "gte", "isdistinct"])}.${value()}`;
  if (choice === 3 && name === "name") return `name=like.${value()}*`;
  if (choice === 4) return `${name}=isdistinct.${value()}`;
  if (choice === 5 && name === "name") return `name=like.${value()}_*`;
  return `${name}=${pick(name === "kind" ? ["eq", "neq"] : ["eq", "lt", "lte", "gt", "gte", "neq"])}.${value()}`;
}

function query(): string {
  const own = Array.from({ length: below(4) }, () => condition(pick(names)));
  if (below(4) === 0) own.push(`or=(owner.eq.${String(samples["owner"]!())},and(other.eq.${String(samples["other"]!())},count.lt.${below(40) - 20}),cents.gt.${below(50)})`);
  return [...own, `select=${pick(["id", "id,name", "*", "count,open"])}`].join("&");
}

function read(of: string, change: (filter: Expression | null) => Expression | null = (filter) => filter, variables: Environment["variables"] = {}): readonly Footprint[] {
  const { plan } = parseRestQuery([...new URLSearchParams(of)], { table, scope, limits: defaultLimits, now });
  return footprintsOf({ ...plan, filter: change(plan.filter) }, { environment: { rows: {}, variables, now, source: null }, rows: 1, lastKeys: null }, { book }).footprints;
}

const changes: readonly (() => TouchingChange)[] = [
  () => ({ table: "Item", old: null, new: record() }),
  () => ({ table: "Item", old: record(), new: null }),
  () => ({ table: "Item", old: record(), new: record() }),
  () => {
    const old = record();
    const field = pick(names);
    return { table: "Item", old, new: { ...old, [field]: samples[field]!() } };
  },
  () => ({ table: "Other", old: null, new: record() }),
];

function check(index: FootprintIndex<number>, owners: ReadonlyMap<number, readonly Footprint[]>): number {
  const made = Array.from({ length: 1 + below(3) }, () => pick(changes)());
  const naive = [...owners].filter(([, footprints]) => made.some((change) => footprints.some((footprint) => touches(change, footprint, book)))).map(([owner]) => owner);
  expect([...index.touched(made)].toSorted((left, right) => left - right)).toEqual(naive.toSorted((left, right) => left - right));
  return naive.length;
}

const SIZE = process.env["AMBIT_TEST_SIZE"] === "long" ? 5_000 : 1_000;

test("what is touched is what looking at each finds, while owners come and go", () => {
  const index = new FootprintIndex<number>(book);
  const owners = new Map<number, readonly Footprint[]>();
  let found = 0;
  for (let owner = 0; owner < SIZE; owner++) {
    const footprints = Array.from({ length: below(8) === 0 ? 2 : 1 }, () => read(query())).flat();
    index.add(owner, footprints);
    owners.set(owner, footprints);
    if (below(3) === 0) {
      const gone = below(owner + 1);
      index.remove(gone);
      owners.delete(gone);
    }
    if (owner % 10 === 0) found += check(index, owners);
  }
  expect(index.size).toBe(owners.size);
  expect(found).toBeGreaterThan(SIZE / 4);
  for (const owner of owners.keys()) {
    index.remove(owner);
    owners.delete(owner);
    if (owner % 50 === 0) check(index, owners);
  }
  expect(index.size).toBe(0);
  // Nothing is left behind.
  expect(Bun.inspect(index, { depth: 3 })).not.toContain("Branch");
}, 120_000);

describe("what is looked at", () => {
  /** Those of `queries` that are held against a change of a record. */
  function looked(queries: readonly (readonly Footprint[])[], old: RecordValues, after: RecordValues): { readonly looked: number; readonly found: number } {
    let count = 0;
    const index = new FootprintIndex<number>(book);
    for (const [owner, footprints] of queries.entries()) {
      index.add(owner, footprints.map((footprint) => Object.defineProperty({ ...footprint }, "table", { get: () => { count++; return "Item"; } })));
    }
    count = 0;
    const { size } = index.touched([{ table: "Item", old, new: after }]);
    return { looked: count, found: size };
  }
  const stored: RecordValues = { id: "i1", owner: "u7", other: "u8", name: "needle", count: 777, many: 5n, cents: 500, ratio: 0.5, amount: "7.77", at: "2026-03-01T10:00:00.000Z", day: "2026-03-01", takes: "PT7M", open: true, kind: "A" };
  const many = (make: (number: number) => string, count = 2_000): (readonly Footprint[])[] => Array.from({ length: count }, (_, number) => read(`${make(number)}&select=id,open`));
  const minute = (number: number): string => new Date(Date.UTC(2026, 2, 1, 10, number - 1_000)).toISOString();

  const cases: readonly (readonly [name: string, queries: (readonly Footprint[])[], found: number])[] = [
    ["an interval", many((number) => `count=gte.${number}&count=lt.${number + 2}`), 2],
    ["an interval of decimals", many((number) => `amount=gte.${number / 100}&amount=lt.${(number + 1) / 100}`), 1],
    ["an interval of instants", many((number) => `at=gte.${minute(number)}&at=lt.${minute(number + 1)}`), 1],
    ["a lower end alone, which few reach", many((number) => `count=gt.${number * 10 + 700}`), 8],
    ["an upper end alone", many((number) => `many=lt.${number < 3 ? 100 : 1}`), 3],
    ["a prefix", many((number) => `name=like.${number === 4 ? "nee" : `x${number}`}*`), 1],
    ["lists", many((number) => `owner=in.(u${number},v${number},w)`), 1],
    ["one field that all have in common, another that tells them apart", many((number) => `kind=eq.A&owner=eq.u${number}`), 1],
    ["the same the other way round", many((number) => `owner=eq.u${number}&kind=eq.A`), 1],
    ["equality in common, intervals apart", many((number) => `kind=eq.A&owner=eq.u7&cents=gte.${number}&cents=lte.${number}`), 1],
    ["one of two fields", many((number) => `or=(owner.eq.u${number},other.eq.u${number})`), 2],
  ];
  for (const [name, queries, found] of cases) {
    test(name, () => {
      const result = looked(queries, stored, { ...stored, open: false });
      expect(result.found).toBe(found);
      expect(result.looked).toBeLessThan(20 + 2 * found);
    });
  }

  test("a change of what none of a plan looks at passes all of it over", () => {
    const queries = many(() => "count=gt.1");
    const result = looked([...queries, ...many(() => "name=ilike.n*")], stored, { ...stored, ratio: 9 });
    expect(result).toEqual({ looked: 0, found: 0 });
  });

  test("rules: the caller's own, unless the caller is one who may see all", () => {
    const field = (name: string): Expression => ({ op: "field", type: { kind: "string" }, row: "record", table: "Item", path: [], field: name, within: [] });
    const variable = (name: string): Expression => ({ op: "variable", type: { kind: "string" }, root: "auth", path: [name] });
    const rule: Expression = { op: "or", operands: [
      { op: "compare", comparison: "eq", left: variable("role"), right: { op: "literal", type: { kind: "string" }, value: "staff" } },
      { op: "compare", comparison: "eq", left: field("owner"), right: variable("subject") }, { op: "compare", comparison: "eq", left: variable("subject"), right: field("other") },
    ] };
    const queries = Array.from({ length: 2_000 }, (_, number) => read("select=id,open", () => rule, { auth: { subject: `u${number}`, role: number === 100 ? "staff" : "user" } }));
    expect(looked(queries, stored, { ...stored, open: false })).toEqual({ looked: 3, found: 3 });
    // Nobody signed in: nothing is equal to null.
    expect(looked([read("select=id", () => rule, { auth: { subject: null } })], stored, { ...stored, owner: null })).toEqual({ looked: 0, found: 0 });
  });
});

test("the end of a prefix is after all that begin with it", () => {
  expect(["a", "az", "a\u{10FFFF}", "\u{10FFFF}", "\u{D7FF}", "\u{FFFF}"].map(prefixEnd)).toEqual(["b", "a{", "b", null, "\u{E000}", "\u{10000}"]);
});
