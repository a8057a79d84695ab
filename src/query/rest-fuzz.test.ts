// Random query strings, from bytes and from the grammar's own pieces: a plan or an error of the client's, soon, and never another.
import { expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import { seededRandom, type Random } from "../base/random.ts";
import { parseCodeQuery } from "./code-query.ts";
import { keyPlan } from "./key-plan.ts";
import { parseRestQuery } from "./rest-query.ts";
import { fixtureContext } from "./testing/query-fixture.ts";
import { urlPairs } from "./url-pairs.ts";

const SLOWEST_MS = 2_000;

const names = ["id", "title", "price", "meta", "home", "tags", "scores", "maker", "reviews", "labels", "boss", "order", "name", "stars", "count1", "madeAt", "active", "embedding", "fee", "nope", "secret", "\"title\"", "\"a b\"", "__proto__"];
const operators = ["eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike", "match", "imatch", "in", "is", "isdistinct", "fts", "plfts", "phfts", "wfts", "cs", "cd", "ov", "foo", "not", "like(any)", "eq(all)", "fts(english)", "eq(x)"];
const values = ["5", "", "null", "true", "x*", "(1,2)", "()", "(\"a,b\",c)", "{a,b}", "{}", "{\"a\":[1]}", "[1,2]", "2026-01-01", "PT1S", "a & !b", "(a", "\"", "\\", "\\*", "'", "😀", "é", "9".repeat(30), "not.eq.1", "-1", "1e5", "%", "a.b"];
const pieces = ["(", ")", ",", ".", ":", "::", "!", "->", "->>", "*", "...", "..", "{", "}", "[", "]", "\"", "\\", "&", "=", "+", "-", " ", "\t", "and", "or", "not", "sum()", "count()", "text", "int", "inner", "left", "asc", "desc", "nullslast", "limit", "offset", "after", "select", "order"];
const keys = ["select", "order", "limit", "offset", "and", "or", "not.and", "not.or", "after", "near", "search", "similar", "explain", "columns", "on_conflict", "maker.order", "reviews.limit", "reviews.or", "asof"];

/** Of table Product; noise is added to them. */
const soundConditions: readonly (readonly [string, string, string])[] = [
  ["id", "eq", "p1"], ["price", "gt", "5"], ["price", "in", "(1,2,3)"], ["title", "like", "a*"], ["title", "fts", "a"], ["title", "like(any)", "{a,b}"], ["title", "match", "^a"],
  ["meta->a", "eq", "5"], ["meta->>a", "ilike", "*x*"], ["home->zip", "lt", "9"], ["tags", "cs", "{a,b}"], ["scores", "ov", "{1}"], ["maker", "is", "null"], ["reviews", "not.is", "null"],
  ["active", "is", "true"], ["count1", "not.eq", "5"], ["madeAt", "gte", "2026-01-01T00:00:00Z"], ["fee", "isdistinct", "7"],
];
const soundItems = ["id", "title", "x:price", "meta->a", "meta->>b", "home->city->>name", "price::text", "*", "maker(name)", "reviews(id,stars)", "...maker(n:name)", "labels!inner(name)", "m:maker!makerId(id,boss(id))", "count()", "price.sum()", "y:meta->a::float.avg()"];
const soundOrders = ["price.desc", "id", "title.asc.nullsfirst", "meta->a", "maker(name)"];

function chooser(random: Random) {
  const below = (count: number): number => Math.floor(random.next() * count);
  const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)]!;
  const many = (most: number, make: () => string, separator = ""): string => Array.from({ length: below(most) + 1 }, make).join(separator);
  const token = (): string => pick([pick(names), pick(operators), pick(values), pick(pieces)]);
  /** `noise`: one choice in so many is arbitrary. */
  const grammar = (noise: number) => {
    const or = (sound: string): string => (below(noise) === 0 ? pick([token(), token() + sound, sound + token(), many(6, token)]) : sound);
    const condition = (depth: number): string => {
      if (depth > 0 && below(4) === 0) return `${pick(["and", "or", "not.and", "not.or"])}(${many(3, () => condition(depth - 1), ",")})`;
      return pick(soundConditions).map(or).join(".");
    };
    const order = (): string => many(3, () => or(pick(soundOrders)), ",");
    const pair = (): readonly [string, string] => {
      const [field, operator, value] = pick(soundConditions);
      return pick<() => readonly [string, string]>([
        () => ["select", many(4, () => or(pick(soundItems)), ",")],
        () => ["order", order()],
        () => [pick(["and", "or", "not.and", "not.or"]), `(${many(4, () => condition(4), ",")})`],
        () => [or(field), `${or(operator)}.${or(value)}`],
        () => [or(field), `${or(operator)}.${or(value)}`],
        () => [pick(["limit", "offset"]), or(String(below(20)))],
        () => [pick([pick(keys), `${pick(names)}.${pick(names)}`, token()]), or(pick(values))],
      ])();
    };
    const encode = (text: string): string => (below(200) === 0 ? text : encodeURIComponent(text));
    return Array.from({ length: below(4) + 1 }, pair).map(([key, value]) => `${encode(key)}=${encode(value)}`).join("&");
  };
  const bytes = (): string => Array.from(random.bytes(below(80)), (byte) => pick([String.fromCharCode(byte % 128), `%${byte.toString(16).padStart(2, "0")}`, token()])).join("");
  return { below, bytes, grammar, pick };
}

function outcome(run: () => unknown): string {
  try {
    run();
    return "plan";
  } catch (error) {
    if (!(error instanceof AmbitError)) throw error;
    if (error.status < 400 || error.status > 499) throw new Error(`status ${error.status}`, { cause: error });
    return error.code;
  }
}

test("3,000 random query strings and 1,000 of bytes", () => {
  const seed = 4711;
  const make = chooser(seededRandom(seed));
  const seen = new Map<string, number>();
  const tables = ["Product", "Maker", "Review", "Loose"];
  let slowest = 0;
  for (let round = 0; round < 4_000; round++) {
    const query = round % 4 === 3 ? make.bytes() : make.grammar(make.pick([4, 12, 40]));
    const table = make.below(5) === 0 ? make.pick(tables) : "Product";
    const start = performance.now();
    try {
      const code = outcome(() => parseRestQuery(urlPairs(query), fixtureContext(table)));
      outcome(() => keyPlan("x", urlPairs(query), fixtureContext(table)));
      seen.set(code, (seen.get(code) ?? 0) + 1);
    } catch (error) {
      throw new Error(`seed ${seed}, round ${round}, ${table}?${query}`, { cause: error });
    }
    slowest = Math.max(slowest, performance.now() - start);
  }
  expect(slowest).toBeLessThan(SLOWEST_MS);
  // Else the generator no longer reaches what it is for.
  for (const code of ["plan", "MALFORMED_QUERY", "UNKNOWN_FIELD", "UNKNOWN_OPERATOR", "BAD_FILTER_VALUE", "OPERATOR_TYPE", "MALFORMED_URL"]) expect(seen.get(code) ?? 0).toBeGreaterThan(10);
}, 30_000);

test("hostile repetition stays fast", () => {
  const size = 16_000;
  const texts = ["(", "{", "[", "\"", "\\", "a.eq.{,", "a.eq.\",", "and(", "not.and(", "a(", "a:", "->", "->>a", "...", "*,", "id,", "!", "!a", ".", ",", "-", "a-", "'", "!(", "a&", "%", "_", "é", "::", "\\*", "a.in.(", "\",\"", "{\"a\":"];
  for (const text of texts) {
    const long = text.repeat(Math.floor(size / text.length));
    const pairs: [string, string][] = [
      ["select", long], ["order", long], ["or", `(${long}`], ["or", `(${long})`], ["title", `in.(${long}`], ["title", `like.${long}`], ["title", `match.${long}`], ["title", `fts.${long}`],
      ["title", `wfts.${long}`], ["tags", `cs.{${long}`], ["tags", `cs.{${long}}`], ["meta", `cs.${long}`], ["near", long], ["similar", long], ["search", long], ["after", long], ["columns", long], [long, "eq.1"], [`a.${long}`, "eq.1"],
    ];
    for (const [name, value] of pairs) {
      const start = performance.now();
      outcome(() => parseRestQuery([[name, value]], fixtureContext()));
      expect({ name: name.slice(0, 10), value: value.slice(0, 12), fast: performance.now() - start < SLOWEST_MS }).toMatchObject({ fast: true });
    }
  }
}, 60_000);

test("1,000 random query objects", () => {
  const seed = 815;
  const random = seededRandom(seed);
  const { below, pick } = chooser(random);
  const leaf = (): unknown => pick([1, "x", null, undefined, true, 5n, Number.NaN, new Date(0), [], ["id", "title"], {}, "asc", "\ud800", Symbol("s"), () => 1, new Map(), Object.create(null)]);
  const build = (depth: number): unknown => {
    if (depth === 0 || below(3) === 0) return leaf();
    if (below(4) === 0) return Array.from({ length: below(3) }, () => build(depth - 1));
    return Object.fromEntries(Array.from({ length: below(4) }, () => [pick([pick(names), pick(operators), "and", "or", "not", "select", "order", "limit", "near", "similar", "search", "any"]), build(depth - 1)]));
  };
  for (let round = 0; round < 1_000; round++) {
    const query = build(5);
    try {
      outcome(() => parseCodeQuery(query, fixtureContext(pick(["Product", "Review"]))));
    } catch (error) {
      throw new Error(`seed ${seed}, round ${round}: ${Bun.inspect(query)}`, { cause: error });
    }
  }
});
