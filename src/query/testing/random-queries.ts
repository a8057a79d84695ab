// Random query strings over the tables of query-fixture.ts: sound ones, with as much noise as wanted. For tests only.
import type { Random } from "../../base/random.ts";

export const names = ["id", "title", "price", "meta", "home", "tags", "scores", "maker", "reviews", "labels", "boss", "order", "name", "stars", "count1", "madeAt", "active", "embedding", "fee", "nope", "secret", "\"title\"", "\"a b\"", "__proto__"];
export const operators = ["eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike", "match", "imatch", "in", "is", "isdistinct", "fts", "plfts", "phfts", "wfts", "cs", "cd", "ov", "foo", "not", "like(any)", "eq(all)", "fts(english)", "eq(x)"];
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

export function randomQueries(random: Random) {
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
