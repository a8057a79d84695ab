// Typed query objects: the same plans as REST, and values that never become operators.
import { describe, expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import { parseCodeQuery } from "./code-query.ts";
import { cursorFingerprint, encodeCursor } from "./cursor.ts";
import { orderKeys } from "./order-keys.ts";
import { expressionText, planText } from "./testing/plan-text.ts";
import { fixtureContext, fixtureTable } from "./testing/query-fixture.ts";

function filterOf(query: unknown): string {
  const { filter } = parseCodeQuery(query, fixtureContext());
  return filter === null ? "" : expressionText(filter);
}

function problemOf(query: unknown, hidden: readonly string[] = []): AmbitError {
  try {
    parseCodeQuery(query, fixtureContext("Product", { hidden }));
  } catch (error) {
    if (error instanceof AmbitError) return error;
    throw error;
  }
  throw new Error("no error");
}

/** What a parser of outside data makes: no prototype. */
function outside(values: Record<string, unknown>): unknown {
  return Object.assign(Object.create(null) as object, values);
}

describe("conditions", () => {
  const cases: [unknown, string][] = [
    [undefined, ""],
    [{}, ""],
    [{ status: "LIVE" }, 'status eq "LIVE"'],
    [{ status: "LIVE", active: true }, '(status eq "LIVE" and active eq true)'],
    [{ title: null }, "title is null"],
    [{ title: "eq.5" }, 'title eq "eq.5"'],
    [{ count1: { gt: 1, lte: 9 } }, "(count1 gt 1 and count1 le 9)"],
    [{ count1: { neq: 1 } }, "count1 ne 1"],
    [{ stockTotal: 5n }, 'stockTotal eq "5n"'],
    [{ stockTotal: 5 }, 'stockTotal eq "5n"'],
    [{ madeAt: { lt: new Date(0) } }, 'madeAt lt "1970-01-01T00:00:00.000Z"'],
    [{ count1: { in: [1, 2] } }, "count1 in [1,2]"],
    [{ count1: { in: [] } }, "false"],
    [{ count1: { not: { in: [] } } }, "not(false)"],
    [{ title: { like: "a*" } }, "title like a%"],
    [{ title: { ilike: { any: ["a*", "b*"] } } }, "(title ilike a% or title ilike b%)"],
    [{ count1: { gt: { all: [1, 2] } } }, "(count1 gt 1 and count1 gt 2)"],
    [{ title: { match: "^a" } }, "title match ^a"],
    [{ title: { imatch: "^a" } }, "title imatch ^a"],
    [{ title: { fts: "a & b" } }, "fts(title: a & b)"],
    [{ title: { plfts: "a b" } }, "plain(title: a b)"],
    [{ count1: { is: "not_null" } }, "not(count1 is null)"],
    [{ count1: { is: null } }, "count1 is null"],
    [{ active: { is: true } }, "not(active distinct true)"],
    [{ count1: { isdistinct: 5 } }, "count1 distinct 5"],
    [{ count1: { isdistinct: null } }, "not(count1 is null)"],
    [{ count1: { eq: null } }, "count1 is null"],
    [{ count1: { neq: null } }, "not(count1 is null)"],
    [{ count1: { not: null } }, "not(count1 is null)"],
    [{ count1: { not: 5 } }, "not(count1 eq 5)"],
    [{ count1: { not: { gt: 5 } } }, "not(count1 gt 5)"],
    [{ tags: ["a", "b"] }, 'tags eq ["a","b"]'],
    [{ tags: { cs: ["a"] } }, 'tags contains ["a"]'],
    [{ scores: { ov: [1] } }, "scores overlaps [1]"],
    [{ meta: [1, 2] }, "meta eq [1,2]"],
    [{ meta: { eq: { a: 1 } } }, 'meta eq {"a":1}'],
    [{ meta: { cs: { a: 1 } } }, 'meta contains {"a":1}'],
    [{ home: { zip: 5, city: { name: { like: "b*" } } } }, "(home/zip eq 5 and home/city/name like b%)"],
    [{ home: { not: { zip: 5 } } }, "not(home/zip eq 5)"],
    [{ home: null }, "home is null"],
    [{ maker: { vip: true } }, "exists(Maker r1: (r1.id eq makerId and r1.vip eq true))"],
    [{ maker: { boss: { name: "x" } } }, 'exists(Maker r1: (r1.id eq makerId and exists(Maker r2: (r2.id eq r1.bossId and r2.name eq "x"))))'],
    [{ maker: null }, "not(exists(Maker r1: r1.id eq makerId))"],
    [{ maker: {} }, "exists(Maker r1: r1.id eq makerId)"],
    [{ reviews: { stars: { gte: 4 }, or: [{ text: null }, { text: "x" }] } }, 'exists(Review r1: (r1.productId eq id and r1.stars ge 4 and (r1.text is null or r1.text eq "x")))'],
    [{ labels: { name: "new" } }, 'exists(ProductLabel r2: (r2.productId eq id and exists(Label r1: (r1.id eq r2.labelId and r1.name eq "new"))))'],
    [{ reviews: { text: { fts: "good" } } }, "exists(Review r1: (r1.productId eq id and fts(text: good)))"],
    [{ or: [{ count1: 1 }, { count1: 2, active: true }] }, "(count1 eq 1 or (count1 eq 2 and active eq true))"],
    [{ or: [] }, "false"],
    [{ and: [] }, "true"],
    [{ not: { count1: 1, active: true } }, "not((count1 eq 1 and active eq true))"],
    [{ and: [{ order: 5 }] }, "order eq 5"],
    [{ count1: 1, limit: undefined, order: undefined, after: undefined, select: null, search: null }, "count1 eq 1"],
  ];
  test.each(cases)("%#", (query, expected) => expect(filterOf(query)).toBe(expected));
});

describe("a value never becomes an operator", () => {
  test("an object without prototype is a value, and does not fit a scalar", () => {
    for (const operator of ["neq", "gt", "like", "not", "in", "any"]) expect(problemOf({ title: outside({ [operator]: "" }) })).toMatchObject({ code: "BAD_FILTER_VALUE" });
    expect(problemOf({ title: { eq: outside({ any: ["a"] }) } })).toMatchObject({ code: "BAD_FILTER_VALUE" });
    expect(problemOf({ maker: outside({ vip: true }) })).toMatchObject({ code: "MALFORMED_QUERY" });
    expect(problemOf({ or: [outside({ vip: true })] })).toMatchObject({ code: "MALFORMED_QUERY" });
    expect(problemOf(outside({ title: "x" }))).toMatchObject({ code: "MALFORMED_QUERY" });
  });
  test("as the value of JSON and nested objects it is compared as a whole", () => {
    expect(filterOf({ meta: outside({ neq: 1 }) })).toBe('meta eq {"neq":1}');
    expect(filterOf({ meta: { cs: outside({ gt: 1 }) } })).toBe('meta contains {"gt":1}');
    expect(filterOf({ home: outside({ zip: 5 }) })).toContain('home eq {"street":null');
  });
  test("instances of classes are values", () => {
    expect(problemOf({ title: new Map([["neq", ""]]) }).code).toBe("BAD_FILTER_VALUE");
    expect(problemOf({ title: new Date(0) }).code).toBe("BAD_FILTER_VALUE");
  });
});

describe("shape", () => {
  const cases: [unknown, string][] = [
    [{ select: ["id", "title"] }, "id, title"],
    [{ select: [] }, ""],
    [{ select: ["id", { maker: ["name"] }] }, "id, maker{name}"],
    [{ select: ["id", { maker: ["*"] }] }, "id, maker{id, name, vip, data, bossId}"],
    [{ select: ["id", { maker: ["name", { boss: ["id"] }], reviews: ["id"] }] }, "id, maker{name, boss{id}}, reviews{id}"],
    [{ select: ["id", { reviews: { stars: { gt: 3 }, order: { stars: "desc" }, limit: 2, offset: 1, select: ["id"] } }] }, "id, reviews{id where stars gt 3 order stars desc first limit 2 offset 1}"],
    [{ select: ["id", { maker: { select: ["id", { products: { title: "x", select: ["id"] } }] } }] }, 'id, maker{id, products{id where title eq "x"}}'],
    [{ select: ["id"], order: { price: "desc", id: "asc" } }, "id order price desc first, id asc last"],
    [{ select: ["id"], order: [{ price: "desc.nullslast" }, { maker: { name: "asc.nullsfirst" } }] }, "id order price desc last, maker.name asc first"],
    [{ select: ["id"], limit: 5, offset: 2 }, "id limit 5 offset 2"],
    [{ select: ["id"], limit: 0 }, "id limit 0"],
    [{ select: ["id"], near: { latitude: 1, longitude: 2, metres: 3 } }, "id where near(place: 1,2,3)"],
  ];
  test.each(cases)("%#", (query, expected) => expect(planText(parseCodeQuery(query, fixtureContext()))).toBe(expected));

  test("rankings and cursor", () => {
    expect(parseCodeQuery({ search: "red" }, fixtureContext()).search?.words).toBe("red");
    expect(parseCodeQuery({ similar: [1, 2, 3] }, fixtureContext()).similar).toEqual({ field: "embedding", vector: [1, 2, 3], visibleWhen: null });
    expect(parseCodeQuery({ similar: { field: "embedding", vector: new Float32Array([1, 2, 3]) } }, fixtureContext()).similar?.vector).toEqual([1, 2, 3]);
    expect(parseCodeQuery({ near: { field: "place", latitude: 1, longitude: 2, metres: 3 } }, fixtureContext()).near?.fields).toEqual(["place"]);
    const plan = parseCodeQuery({ order: { price: "desc" } }, fixtureContext());
    const after = encodeCursor([5, "p1"], cursorFingerprint("Product", orderKeys(plan, fixtureTable("Product"), { kind: "string" })));
    expect(parseCodeQuery({ order: { price: "desc" }, after }, fixtureContext()).after).toEqual([5, "p1"]);
    expect(problemOf({ after }).code).toBe("MALFORMED_CURSOR");
    expect(parseCodeQuery({}, fixtureContext()).limit).toBe(10_000);
  });
});

describe("wrong queries", () => {
  const cyclic: Record<string, unknown> = {};
  cyclic["not"] = cyclic;
  const cyclicSelect: Record<string, unknown> = {};
  cyclicSelect["select"] = [{ maker: { select: [{ products: cyclicSelect }] } }];
  const cases: [unknown, string][] = [
    ["title=eq.x", "MALFORMED_QUERY"],
    [5, "MALFORMED_QUERY"],
    [[], "MALFORMED_QUERY"],
    [{ nope: 1 }, "UNKNOWN_FIELD"],
    [{ secret: "x" }, "UNKNOWN_FIELD"],
    [{ constructor: 1 }, "UNKNOWN_FIELD"],
    [{ title: undefined }, "MALFORMED_QUERY"],
    [{ title: { eq: undefined } }, "MALFORMED_QUERY"],
    [{ home: { zip: undefined } }, "MALFORMED_QUERY"],
    [{ title: {} }, "MALFORMED_QUERY"],
    [{ title: { foo: 1 } }, "UNKNOWN_OPERATOR"],
    [{ meta: { a: 1 } }, "UNKNOWN_OPERATOR"],
    [{ home: { zp: 1 } }, "UNKNOWN_OPERATOR"],
    [{ count1: "5" }, "BAD_FILTER_VALUE"],
    [{ count1: { in: 5 } }, "BAD_FILTER_VALUE"],
    [{ count1: { in: [null] } }, "BAD_FILTER_VALUE"],
    [{ count1: { gt: null } }, "BAD_FILTER_VALUE"],
    [{ count1: { is: "maybe" } }, "BAD_FILTER_VALUE"],
    [{ count1: { is: 1 } }, "BAD_FILTER_VALUE"],
    [{ title: { like: 5 } }, "BAD_FILTER_VALUE"],
    [{ title: "a\0b" }, "BAD_FILTER_VALUE"],
    [{ title: { like: "\ud800" } }, "BAD_FILTER_VALUE"],
    [{ scores: [1, null] }, "BAD_FILTER_VALUE"],
    [{ stockTotal: 1.5 }, "BAD_FILTER_VALUE"],
    [{ weight: Number.NaN }, "BAD_FILTER_VALUE"],
    [{ count1: { like: "a" } }, "OPERATOR_TYPE"],
    [{ maker: 5 }, "MALFORMED_QUERY"],
    [{ maker: { nope: 1 } }, "UNKNOWN_FIELD"],
    [{ or: { count1: 1 } }, "MALFORMED_QUERY"],
    [{ or: [5] }, "MALFORMED_QUERY"],
    [{ not: [] }, "MALFORMED_QUERY"],
    [{ limit: -1 }, "MALFORMED_QUERY"],
    [{ limit: "5" }, "MALFORMED_QUERY"],
    [{ limit: 10_001 }, "MALFORMED_QUERY"],
    [{ order: "title" }, "MALFORMED_QUERY"],
    [{ order: { title: { desc: true } } }, "MALFORMED_QUERY"],
    [{ order: { titel: { desc: true } } }, "UNKNOWN_FIELD"],
    [{ order: { title: "down" } }, "MALFORMED_QUERY"],
    [{ order: { nope: "asc" } }, "UNKNOWN_FIELD"],
    [{ order: { reviews: { stars: "asc" } } }, "MALFORMED_QUERY"],
    [{ order: { maker: { nope: "asc" } } }, "UNKNOWN_FIELD"],
    [{ order: { title: { name: "asc" } } }, "MALFORMED_QUERY"],
    [{ select: "id" }, "MALFORMED_QUERY"],
    [{ select: ["nope"] }, "UNKNOWN_FIELD"],
    [{ select: ["count"] }, "UNKNOWN_FIELD"],
    [{ select: ["id,title"] }, "UNKNOWN_FIELD"],
    [{ select: ["maker"] }, "MALFORMED_QUERY"],
    [{ select: [{ makers: ["id"] }] }, "UNKNOWN_FIELD"],
    [{ select: [{ maker: "id" }] }, "MALFORMED_QUERY"],
    [{ select: [{ maker: ["id"] }, { maker: ["name"] }] }, "MALFORMED_QUERY"],
    [{ select: [{ reviews: { after: "x" } }] }, "UNKNOWN_FIELD"],
    [{ select: [5] }, "MALFORMED_QUERY"],
    [{ after: 5 }, "MALFORMED_QUERY"],
    [{ search: 5 }, "MALFORMED_QUERY"],
    [{ near: { latitude: "1", longitude: 2, metres: 3 } }, "MALFORMED_QUERY"],
    [{ near: { latitude: 1, longitude: 2, metres: 3, radius: 4 } }, "MALFORMED_QUERY"],
    [{ near: { latitude: 100, longitude: 2, metres: 3 } }, "BAD_FILTER_VALUE"],
    [{ similar: "red" }, "MALFORMED_QUERY"],
    [{ similar: { text: "red", vector: [1, 2, 3] } }, "MALFORMED_QUERY"],
    [{ similar: {} }, "MALFORMED_QUERY"],
    [{ similar: { vector: [1, 2, 3], x: 1 } }, "MALFORMED_QUERY"],
    [cyclic, "MALFORMED_QUERY"],
    [cyclicSelect, "MALFORMED_QUERY"],
  ];
  test.each(cases)("%#", (query, code) => expect(problemOf(query).code).toBe(code));

  test("did you mean, and where", () => {
    expect(problemOf({ titel: 1 }).message).toContain("Did you mean title?");
    expect(problemOf({ maker: { nam: 1 } })).toMatchObject({ extras: { where: "maker.nam" } });
    expect(problemOf({ count1: { gtt: 1 } }).message).toContain("Did you mean gt?");
    expect(problemOf({ maker: { vip: true } }, ["Maker"]).code).toBe("UNKNOWN_FIELD");
  });
});
