// Footprints by example: what touches a read, and what does not. That none is ever missed is shown by test/fuzz/footprint-property.test.ts.
import { describe, expect, test } from "bun:test";
import { defaultLimits } from "../base/limits.ts";
import type { Json, RecordValues } from "../base/value.ts";
import { compileCatalogExpressions } from "../expression/compile-catalog.ts";
import type { Environment, Expression } from "../expression/expression.ts";
import { compileSchema } from "../schema/compile-schema.ts";
import { FootprintIndex } from "./footprint-index.ts";
import { footprintsOf, type AnswerRow } from "./footprint-plan.ts";
import { equalityFootprint, keyFootprint, keyText, touches, type Footprint, type ReadDependencies } from "./footprint.ts";
import type { Plan } from "./plan.ts";
import { parseRestQuery } from "./rest-query.ts";

const SDL = `
type Author @table { id: ID! @primaryKey name: String @indexed(fold: true, unique: true) vip: Boolean books: [Book!]! @relationship(to: "authorId") born: DateTime @indexed }
type Book @table @search(fields: ["title", "reviews.text"]) {
  id: ID! @primaryKey
  authorId: ID
  author: Author @relationship(from: "authorId", onDelete: SET_NULL)
  title: String
  price: Decimal
  pages: Int
  blurb: String @indexed(type: TEXT)
  total: Int @computed(rule: "record.pages * 2")
  place: Place @indexed(type: GEO)
  vector: Vector @indexed(type: VECTOR, dimensions: 2)
  reviews: [Review!]! @relationship(to: "bookId")
  tags: [Tag!]! @relationship(through: "Tagging")
}
type Place { lat: Float! lon: Float! }
type Review @table { id: ID! @primaryKey bookId: ID! book: Book! @relationship(from: "bookId", onDelete: CASCADE) text: String @indexed(type: TEXT) stars: Int }
type Tag @table { id: ID! @primaryKey label: String books: [Book!]! @relationship(through: "Tagging") }
type Tagging @table { id: ID! @primaryKey bookId: ID! book: Book! @relationship(from: "bookId", onDelete: CASCADE) tagId: ID! tag: Tag! @relationship(from: "tagId", onDelete: CASCADE) }
type Ticket @table(expiration: "PT1H") { id: ID! @primaryKey until: DateTime @indexed label: String }
type Loose @table(open: true) { id: ID! @primaryKey kind: String }
`;
const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text: SDL });
const { book, diagnostics: broken } = compileCatalogExpressions(catalog);
const now = "2026-06-01T00:00:00.000Z";
const environment: Environment = { rows: {}, variables: { auth: { subject: "u1" } }, now, source: null };
const table = (name: string): NonNullable<ReturnType<typeof catalog.tables.get>> => catalog.tables.get(name)!;

test("the schema compiles", () => expect([...diagnostics, ...broken]).toEqual([]));

interface Read { readonly rows?: number; readonly lastKeys?: Json[]; readonly answer?: AnswerRow[]; readonly change?: (plan: Plan) => Plan; readonly at?: Partial<Environment> }

function planOf(query: string): Plan {
  const [name, parameters] = query.split("?") as [string, string?];
  const scope = { catalog, fields: (one: ReturnType<typeof table>) => one.fields, readable: () => true };
  return parseRestQuery([...new URLSearchParams(parameters ?? "")], { table: table(name), scope, limits: defaultLimits, now }).plan;
}

function read(query: string, { rows = 1, lastKeys, answer, change = (plan) => plan, at = {} }: Read = {}): ReadDependencies {
  return footprintsOf(change(planOf(query)), { environment: { ...environment, ...at }, rows, lastKeys: lastKeys ?? null, answer: answer ?? null }, { book });
}

type Row = RecordValues | null;

/** Both ways: what comes can go. */
function isTouched(footprints: readonly Footprint[], name: string, left: Row, right: Row): boolean {
  const index = new FootprintIndex<string>(book);
  index.add("reader", footprints);
  const found = [[left, right], [right, left]].map(([old, after]) => {
    const change = { table: name, old: old!, new: after! };
    const one = footprints.some((footprint) => touches(change, footprint, book));
    expect(index.touched([change]).size === 1).toBe(one);
    return one;
  });
  expect(found[0]).toBe(found[1]!);
  return found[0]!;
}

const review = (values: RecordValues): RecordValues => ({ id: "r1", bookId: "b1", text: "fine", stars: 3, ...values });
const written = (values: RecordValues): RecordValues => ({ id: "b1", authorId: "a1", title: "t", price: "1.50", pages: 10, place: null, vector: null, ...values });

describe("one level", () => {
  const cases: readonly (readonly [query: string, table: string, left: Row, right: Row, touched: boolean])[] = [
    ["Review?id=eq.r1", "Review", review({}), review({ stars: 4 }), true],
    ["Review?id=eq.r1", "Review", review({ id: "r2" }), null, false],
    ["Review?id=eq.r1", "Review", review({}), null, true],
    ["Review?id=eq.r1&select=text", "Review", review({}), review({ stars: 4 }), false],
    ["Review?id=in.(r1,r2)&select=text", "Review", review({ id: "r2" }), review({ id: "r2", text: "x" }), true],
    ["Review?stars=gt.3&select=id", "Review", review({}), review({ stars: 4 }), true],
    ["Review?stars=gt.3&select=id", "Review", review({ stars: 4 }), review({ stars: 5 }), true],
    ["Review?stars=gt.3&select=id", "Review", review({ stars: 4 }), review({ stars: 4, text: "x" }), false],
    ["Review?stars=gt.3&select=id", "Review", review({ stars: null }), review({ stars: 1 }), false],
    ["Review?not.and=(stars.gt.3,text.eq.a)&select=id", "Review", review({ stars: 4, text: "a" }), null, false],
    ["Review?not.and=(stars.gt.3,text.eq.a)&select=id", "Review", review({ stars: 1, text: "a" }), null, true],
    ["Review?select=id&order=stars", "Review", review({}), review({ stars: 4 }), true],
    ["Review?select=count()&stars=gt.3", "Review", review({ stars: 9 }), review({ stars: 9, text: "x" }), false],
    ["Review?select=stars.sum()", "Review", review({}), review({ stars: 4 }), true],
    ["Review?select=stars.sum()", "Review", review({}), review({ text: "x" }), false],
    ["Review?select=text,count()", "Review", review({}), review({ text: "x" }), true],
    ["Book?select=total", "Book", written({}), written({ pages: 11 }), true],
    ["Book?total=gt.30&select=id", "Book", written({}), written({ pages: 16 }), true],
    ["Book?total=gt.30&select=id", "Book", written({}), null, false],
    ["Book?total=gt.30&select=id", "Book", written({ pages: 16 }), null, true],
    ["Book?price=eq.1.5&select=id", "Book", written({}), null, true],
    ["Book?price=eq.1.4&select=id", "Book", written({}), null, false],
    ["Loose?select=id", "Loose", { id: "x", kind: null }, { id: "x", kind: null, extra: 1 }, false],
    ["Loose?select=*", "Loose", { id: "x", kind: null }, { id: "x", kind: null, extra: 1 }, true],
  ];
  for (const [query, name, left, right, touched] of cases) {
    test(`${query} beside ${JSON.stringify(left)} and ${JSON.stringify(right)}`, () => expect(isTouched(read(query).footprints, name, left, right)).toBe(touched));
  }
});

describe("windows", () => {
  const page = (query: string, lastKeys: Json[], change?: (plan: Plan) => Plan): readonly Footprint[] => read(query, { rows: 2, lastKeys, ...(change === undefined ? {} : { change }) }).footprints;
  const cases: readonly (readonly [name: string, footprints: readonly Footprint[], stars: number | null, id: string, inside: boolean])[] = [
    ["before the last row", page("Review?order=stars&limit=2&select=id", [5, "m"]), 4, "z", true],
    ["the same, by the primary key before", page("Review?order=stars&limit=2&select=id", [5, "m"]), 5, "a", true],
    ["the last row itself", page("Review?order=stars&limit=2&select=id", [5, "m"]), 5, "m", true],
    ["the same, by the primary key after", page("Review?order=stars&limit=2&select=id", [5, "m"]), 5, "n", false],
    ["after the last row", page("Review?order=stars&limit=2&select=id", [5, "m"]), 6, "a", false],
    ["nulls are last", page("Review?order=stars&limit=2&select=id", [5, "m"]), null, "a", false],
    ["nulls are first", page("Review?order=stars.nullsfirst&limit=2&select=id", [5, "m"]), null, "z", true],
    ["within the nulls, before", page("Review?order=stars.nullsfirst&limit=2&select=id", [null, "m"]), null, "a", true],
    ["within the nulls, after", page("Review?order=stars.nullsfirst&limit=2&select=id", [null, "m"]), null, "n", false],
    ["behind the nulls", page("Review?order=stars.nullsfirst&limit=2&select=id", [null, "m"]), 1, "a", false],
    ["down to the nulls", page("Review?order=stars.desc.nullslast&limit=2&select=id", [null, "m"]), 1, "z", true],
    ["descending, before", page("Review?order=stars.desc&limit=2&select=id", [5, "m"]), 6, "a", true],
    ["descending, after", page("Review?order=stars.desc&limit=2&select=id", [5, "m"]), 4, "z", false],
    ["descending, the key too", page("Review?order=stars.desc&limit=2&select=id", [5, "m"]), 5, "n", true],
    ["an offset does not lower it", page("Review?order=stars&limit=2&offset=4&select=id", [5, "m"]), 1, "a", true],
    ["of the next page: before it", page("Review?order=stars&limit=2&select=id", [9, "m"], (plan) => ({ ...plan, after: [5, "m"] })), 5, "m", false],
    ["of the next page: in it", page("Review?order=stars&limit=2&select=id", [9, "m"], (plan) => ({ ...plan, after: [5, "m"] })), 5, "n", true],
    ["of the last page", page("Review?order=stars&limit=2&select=id", null as never, (plan) => ({ ...plan, after: [5, "m"] })), null, "a", true],
    ["a count counts all", page("Review?order=stars&limit=2&select=id", [5, "m"], (plan) => ({ ...plan, count: "exact" })), 6, "z", true],
  ];
  for (const [name, footprints, stars, id, inside] of cases) {
    test(name, () => expect(isTouched(footprints, "Review", null, review({ stars, id }))).toBe(inside));
  }

  test("an order by a related record has no end", () => {
    expect(isTouched(page("Review?order=book(pages)&limit=2&select=id", [5, "m"]), "Review", null, review({ id: "z" }))).toBe(true);
  });

  test("a window orders exactly: large numbers and decimals", () => {
    const footprints = page("Book?order=price.desc&limit=2&select=id", ["1.5", "m"]);
    expect(isTouched(footprints, "Book", null, written({ price: "1.50", id: "n" }))).toBe(true);
    expect(isTouched(footprints, "Book", null, written({ price: "1.50", id: "a" }))).toBe(false);
    expect(isTouched(footprints, "Book", null, written({ price: "1.49", id: "n" }))).toBe(false);
  });
});

describe("other tables", () => {
  const answer = [{ id: "b1", reviews: [{ id: "r1" }] }, { id: "b2", reviews: [] }];
  const listed = read("Book?select=id,reviews(id)", { answer }).footprints;

  test("an embedded list: the records of the rows at hand", () => {
    expect(isTouched(listed, "Review", null, review({ bookId: "b2" }))).toBe(true);
    expect(isTouched(listed, "Review", null, review({ bookId: "b9" }))).toBe(false);
    expect(isTouched(listed, "Review", review({ bookId: "b1" }), review({ bookId: "b2" }))).toBe(true);
    expect(isTouched(listed, "Review", review({}), review({ stars: 1 }))).toBe(false);
    expect(isTouched(read("Book?select=title,reviews(id)", { answer: [{ title: "x", reviews: [] }] }).footprints, "Review", null, review({ bookId: "b9" }))).toBe(true);
    expect(isTouched(read("Book?select=id,reviews(id)", { rows: 0 }).footprints, "Review", null, review({}))).toBe(false);
    expect(isTouched(read("Book?select=id,reviews(id)").footprints, "Review", null, review({}))).toBe(true);
  });

  test("lists within lists", () => {
    const nested = read("Author?select=id,books(id,reviews(stars))", { answer: [{ id: "a1", books: [{ id: "b1", reviews: [] }] }] }).footprints;
    expect(isTouched(nested, "Review", null, review({ bookId: "b1" }))).toBe(true);
    expect(isTouched(nested, "Review", null, review({ bookId: "b2" }))).toBe(false);
    expect(isTouched(nested, "Book", null, written({ id: "b2", authorId: "a1" }))).toBe(true);
    expect(isTouched(nested, "Book", null, written({ id: "b2", authorId: "a2" }))).toBe(false);
  });

  test("an inner list chooses the rows, so every record that passes its filter counts", () => {
    const inner = read("Book?select=id,reviews!inner(id)&reviews.stars=gt.3", { answer }).footprints;
    expect(isTouched(inner, "Review", null, review({ bookId: "b9", stars: 4 }))).toBe(true);
    expect(isTouched(inner, "Review", null, review({ bookId: "b1", stars: 3 }))).toBe(false);
  });

  test("over a thousand parents the filter alone", () => {
    const many = Array.from({ length: 1_001 }, (_, index) => ({ id: `b${index}`, reviews: [] }));
    expect(isTouched(read("Book?select=id,reviews(id)", { answer: many }).footprints, "Review", null, review({ bookId: "b9999" }))).toBe(true);
    expect(isTouched(read("Book?select=id,reviews(id)", { answer: many.slice(0, 1_000) }).footprints, "Review", null, review({ bookId: "b9999" }))).toBe(false);
  });

  test("a record that is referred to: what changes in it, not that it is there", () => {
    const footprints = read("Book?select=id,author(name)").footprints;
    expect(isTouched(footprints, "Author", { id: "a1", name: "x" }, { id: "a1", name: "y" })).toBe(true);
    expect(isTouched(footprints, "Author", { id: "a1", name: "x", vip: true }, { id: "a1", name: "x", vip: false })).toBe(false);
    expect(isTouched(footprints, "Author", null, { id: "a2", name: "y" })).toBe(false);
    expect(isTouched(footprints, "Book", written({}), written({ authorId: "a2" }))).toBe(true);
    const known = read("Book?select=id,authorId,author(name)", { answer: [{ id: "b1", authorId: "a1", author: null }] }).footprints;
    expect(isTouched(known, "Author", { id: "a2", name: "x" }, { id: "a2", name: "y" })).toBe(false);
  });

  test("through a join table: its rows, and what the records are", () => {
    const footprints = read("Book?select=id,tags(label)", { answer: [{ id: "b1", tags: [] }] }).footprints;
    const link = { id: "l", bookId: "b1", tagId: "t1" };
    expect(isTouched(footprints, "Tagging", null, link)).toBe(true);
    expect(isTouched(footprints, "Tagging", link, { ...link, tagId: "t2" })).toBe(true);
    expect(isTouched(footprints, "Tagging", null, { ...link, bookId: "b2" })).toBe(false);
    expect(isTouched(footprints, "Tag", { id: "t1", label: "x" }, { id: "t1", label: "y" })).toBe(true);
    expect(isTouched(footprints, "Tag", null, { id: "t1", label: "x" })).toBe(false);
  });

  test("relation filters and paths in the order", () => {
    const filtered = read("Book?author=not.is.null&select=id").footprints;
    expect(isTouched(filtered, "Book", written({}), written({ authorId: null }))).toBe(true);
    const ordered = read("Book?order=author(name)&select=id").footprints;
    expect(isTouched(ordered, "Author", { id: "a1", name: "x" }, { id: "a1", name: "y" })).toBe(true);
    expect(isTouched(ordered, "Book", written({}), written({ authorId: null }))).toBe(true);
  });

  test("a rule over other records: their own condition, found by key where there is one", () => {
    const field = (row: string, name: string, of: string): Expression => ({ op: "field", type: { kind: "string" }, row, table: of, path: [], field: name, within: [] });
    const same = (left: Expression, right: Expression): Expression => ({ op: "compare", comparison: "eq", left, right });
    const mine = same(field("x", "text", "Review"), { op: "variable", type: { kind: "string" }, root: "auth", path: ["subject"] });
    const rule: Expression = { op: "exists", table: "Review", row: "x", where: { op: "and", operands: [same(field("x", "bookId", "Review"), field("record", "id", "Book")), mine] } };
    const footprints = read("Book?select=id", { change: (plan) => ({ ...plan, filter: { op: "not", operand: rule } }) }).footprints;
    expect(footprints.find((footprint) => footprint.table === "Review")?.key).toMatchObject({ field: "text", values: new Set(["u1"]) });
    expect(isTouched(footprints, "Review", null, review({ text: "u1", bookId: "b7" }))).toBe(true);
    expect(isTouched(footprints, "Review", null, review({ text: "u2" }))).toBe(false);
    expect(isTouched(footprints, "Review", review({ text: "u1", bookId: "b7" }), review({ text: "u1", bookId: "b8" }))).toBe(true);
  });

  test("a ranked search depends on all texts, an ordered one on those that match", () => {
    const ranked = read("Book?search=apple&select=id&pages=gt.5").footprints;
    expect(isTouched(ranked, "Book", null, written({ pages: 1 }))).toBe(true);
    expect(isTouched(ranked, "Book", written({ pages: 1 }), written({ pages: 1, title: "other" }))).toBe(true);
    expect(isTouched(ranked, "Book", written({}), written({ price: "3" }))).toBe(false);
    // The length of all of a record's texts weighs.
    expect(isTouched(ranked, "Book", written({}), written({ blurb: "long" }))).toBe(true);
    expect(isTouched(ranked, "Review", review({}), review({ text: "apple" }))).toBe(true);
    const ordered = read("Book?search=apple&select=id&pages=gt.5&order=pages").footprints;
    expect(isTouched(ordered, "Book", null, written({ pages: 1 }))).toBe(false);
    expect(isTouched(ordered, "Book", written({}), written({ title: "other" }))).toBe(true);
  });

  const has = (of: string, field: string): Expression => ({ op: "not", operand: { op: "is-null", operand: { op: "field", type: { kind: "string" }, row: "record", table: of, path: [], field, within: [] } } });

  test("masks", () => {
    const masked = (plan: Plan): Plan => ({
      ...plan, search: plan.search === null ? null : { ...plan.search, paths: plan.search.paths.map((path) => ({ ...path, visibleWhen: path.path.length > 1 ? has("Review", "id") : has("Book", "price") })) },
      select: plan.select.map((item) => (item.kind === "embed" ? { ...item, visibleWhen: has("Book", "blurb"), linkFilter: has("Tagging", "id") } : item.kind === "value" ? { ...item, visibleWhen: has("Book", "pages") } : item)),
    });
    const footprints = read("Book?select=id,tags(label)", { change: masked }).footprints;
    expect(isTouched(footprints, "Book", written({}), written({ blurb: "x" }))).toBe(true);
    expect(isTouched(footprints, "Book", written({}), written({ pages: 3 }))).toBe(true);
    expect(isTouched(footprints, "Book", written({}), written({ price: "3" }))).toBe(false);
    expect(footprints.find((footprint) => footprint.table === "Tagging")?.columns).toEqual(new Set(["bookId", "tagId", "id"]));
    expect(isTouched(read("Book?select=id&search=x&order=id", { change: masked }).footprints, "Book", written({}), written({ price: "3" }))).toBe(true);
  });

  test("conditions of which only a part is about the row", () => {
    const path: Expression = { op: "is-null", operand: { op: "field", type: { kind: "string" }, row: "record", table: "Book", path: ["author"], field: "name", within: [] } };
    const either: Expression = { op: "or", operands: [has("Book", "blurb"), path] };
    const touched = (filter: Expression, book_: RecordValues): boolean => isTouched(read("Book?select=id", { change: (plan) => ({ ...plan, filter }) }).footprints, "Book", null, book_);
    expect(touched(either, written({}))).toBe(true);
    expect(touched({ op: "and", operands: [has("Book", "blurb"), path] }, written({}))).toBe(false);
    expect(touched({ op: "not", operand: either }, written({}))).toBe(true);
    expect(touched({ op: "not", operand: either }, written({ blurb: "x" }))).toBe(false);
    expect(touched({ op: "not", operand: { op: "and", operands: [has("Book", "blurb"), path] } }, written({ blurb: "x" }))).toBe(true);
    // oxlint-disable-next-line unicorn/no-thenable -- an expression is never awaited
    const chosen: Expression = { op: "conditional", type: { kind: "bool" }, condition: has("Book", "blurb"), then: path, otherwise: has("Book", "title") };
    expect([touched(chosen, written({ title: null })), touched(chosen, written({ title: null, blurb: "x" })), touched(chosen, written({}))]).toEqual([false, true, true]);
    // oxlint-disable-next-line unicorn/no-thenable -- an expression is never awaited
    const unsure: Expression = { op: "conditional", type: { kind: "bool" }, condition: path, then: has("Book", "blurb"), otherwise: has("Book", "title") };
    expect([touched(unsure, written({ title: null })), touched(unsure, written({ title: null, blurb: "x" })), touched(unsure, written({}))]).toEqual([false, true, true]);
    expect(touched({ ...unsure, then: path }, written({ title: null }))).toBe(true);
  });

  test("nearness and likeness", () => {
    const near = read("Book?near=52,13,1000&select=id").footprints;
    expect(isTouched(near, "Book", written({}), written({ place: { lat: 52, lon: 13 } }))).toBe(true);
    expect(isTouched(near, "Book", written({}), written({ place: { lat: 10, lon: 13 } }))).toBe(false);
    const similar = read("Book?similar=[1,0]&select=id").footprints;
    expect(isTouched(similar, "Book", written({}), written({ vector: [1, 1] }))).toBe(true);
    expect(isTouched(similar, "Book", written({}), written({ pages: 3 }))).toBe(false);
  });
});

describe("probes", () => {
  test("by key, found or not", () => {
    const footprint = keyFootprint(table("Book"), "b1", new Set(["title"]));
    expect(isTouched([footprint], "Book", null, written({}))).toBe(true);
    expect(isTouched([footprint], "Book", written({}), written({ title: "x" }))).toBe(true);
    expect(isTouched([footprint], "Book", written({}), written({ pages: 1 }))).toBe(false);
    expect(isTouched([footprint], "Book", null, written({ id: "b2" }))).toBe(false);
  });

  test("by several fields", () => {
    const footprint = equalityFootprint(table("Tagging"), { bookId: "b1", tagId: "t1" });
    const link = { id: "l", bookId: "b1", tagId: "t1" };
    expect(isTouched([footprint], "Tagging", null, link)).toBe(true);
    expect(isTouched([footprint], "Tagging", { ...link, tagId: "t2" }, link)).toBe(true);
    expect(isTouched([footprint], "Tagging", null, { ...link, tagId: "t2" })).toBe(false);
  });

  test("case-folded", () => {
    const footprint = equalityFootprint(table("Author"), { name: "Stra%e_\\" }, undefined, true);
    expect(isTouched([footprint], "Author", null, { id: "a", name: "STRA%E_\\" })).toBe(true);
    expect(isTouched([footprint], "Author", null, { id: "a", name: "Straxe_\\" })).toBe(false);
  });

  test("texts of values are equal where the values are", () => {
    expect(keyText("1.50", { kind: "decimal" })).toBe(keyText("1.5", { kind: "decimal" }));
    expect(keyText("PT60S", { kind: "duration" })).toBe(keyText("PT1M", { kind: "duration" }));
    expect(keyText(2 ** 60, { kind: "int" })).toBe(keyText(2n ** 60n, { kind: "int" }));
    expect(keyText(-0, { kind: "double" })).toBe("0");
    expect([keyText(null, { kind: "int" }), keyText([1], { kind: "json" })]).toEqual([null, null]);
  });
});

describe("time", () => {
  const later = (milliseconds: number): string => new Date(Date.parse(now) + milliseconds).toISOString();
  const timed = (instants: Readonly<Record<string, string>>, rule: Expression | null): string | null =>
    footprintsOf({ ...planOf("Ticket?select=id"), filter: rule }, {
      environment, rows: 1, lastKeys: null, nextInstant: (_table, field, from) => { const found = instants[field ?? "expiry"]; return found !== undefined && found >= from ? found : null; },
    }, { book }).validUntil;
  const until: Expression = { op: "field", type: { kind: "timestamp" }, row: "record", table: "Ticket", path: [], field: "until", within: [] };
  const nowTerm: Expression = { op: "now", type: { kind: "timestamp" } };
  const inAnHour: Expression = { op: "arithmetic", type: { kind: "timestamp" }, operator: "+", left: nowTerm, right: { op: "literal", type: { kind: "duration" }, value: "PT1H" } };

  test("until the next record expires", () => {
    expect(timed({}, null)).toBeNull();
    expect(timed({ expiry: later(5_000) }, null)).toBe(later(5_000));
    expect(timed({ expiry: now }, null)).toBeNull();
  });

  test("until a comparison with now() turns", () => {
    const open: Expression = { op: "compare", comparison: "gt", left: until, right: nowTerm };
    expect(timed({ until: later(7_000) }, open)).toBe(later(7_000));
    expect(timed({ until: later(7_000), expiry: later(3_000) }, open)).toBe(later(3_000));
    expect(timed({ until: later(3_607_000) }, { op: "compare", comparison: "lt", left: until, right: inAnHour })).toBe(later(7_000));
    // Just now: a millisecond later it is another verdict.
    expect(timed({ until: now }, open)).toBe(now);
  });

  test("no time is valid where nothing is known", () => {
    expect(read("Ticket?select=id").validUntil).toBe(now);
    expect(read("Book?select=id").validUntil).toBeNull();
    expect(timed({}, { op: "not", operand: { op: "is-null", operand: nowTerm } })).toBe(now);
  });

  test("a verdict of the time is wide: what is no match now may be one later", () => {
    const rule: Expression = { op: "compare", comparison: "lt", left: until, right: nowTerm };
    const { footprints } = footprintsOf({ ...planOf("Ticket?select=id"), filter: rule }, { environment, rows: 1, lastKeys: null }, { book });
    expect(isTouched(footprints, "Ticket", null, { id: "x", until: later(1_000), label: null })).toBe(true);
  });
});

test("an index gives up what is removed, and finds each owner once", () => {
  const index = new FootprintIndex<string>(book);
  for (const id of ["b1", "b2"]) index.add(id, [keyFootprint(table("Book"), id), keyFootprint(table("Author"), id)]);
  index.add("all", read("Book?select=id").footprints);
  expect(index.size).toBe(3);
  expect([...index.touched([{ table: "Book", old: null, new: written({}) }, { table: "Author", old: null, new: { id: "b1" } }])].sort()).toEqual(["all", "b1"]);
  index.remove("b1");
  index.remove("never");
  expect([...index.touched([{ table: "Book", old: null, new: written({}) }])]).toEqual(["all"]);
  index.clear();
  expect(index.touched([{ table: "Book", old: null, new: written({}) }]).size + index.size).toBe(0);
});
