// Random query strings, from bytes and from the grammar's own pieces: a plan or an error of the client's, soon, and never another.
import { expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import { seededRandom } from "../base/random.ts";
import { processorTimer } from "../base/testing/processor-time.ts";
import { parseCodeQuery } from "./code-query.ts";
import { keyPlan } from "./key-plan.ts";
import { parseRestQuery } from "./rest-query.ts";
import { names, operators, randomQueries } from "./testing/random-queries.ts";
import { fixtureContext } from "./testing/query-fixture.ts";
import { urlPairs } from "./url-pairs.ts";

/** Of processor time: a tenth of a second at most, and what grew with the third power of the length would take hours. */
const SLOWEST_MS = 20_000;

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
  const make = randomQueries(seededRandom(seed));
  const seen = new Map<string, number>();
  const tables = ["Product", "Maker", "Review", "Loose"];
  let slowest = 0;
  for (let round = 0; round < 4_000; round++) {
    const query = round % 4 === 3 ? make.bytes() : make.grammar(make.pick([4, 12, 40]));
    const table = make.below(5) === 0 ? make.pick(tables) : "Product";
    const tookMs = processorTimer();
    try {
      const code = outcome(() => parseRestQuery(urlPairs(query), fixtureContext(table)));
      outcome(() => keyPlan("x", urlPairs(query), fixtureContext(table)));
      seen.set(code, (seen.get(code) ?? 0) + 1);
    } catch (error) {
      throw new Error(`seed ${seed}, round ${round}, ${table}?${query}`, { cause: error });
    }
    slowest = Math.max(slowest, tookMs());
  }
  expect(slowest).toBeLessThan(SLOWEST_MS);
  // Else the generator no longer reaches what it is for.
  for (const code of ["plan", "MALFORMED_QUERY", "UNKNOWN_FIELD", "UNKNOWN_OPERATOR", "BAD_FILTER_VALUE", "OPERATOR_TYPE", "MALFORMED_URL"]) expect(seen.get(code) ?? 0).toBeGreaterThan(10);
}, 120_000);

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
      const tookMs = processorTimer();
      outcome(() => parseRestQuery([[name, value]], fixtureContext()));
      expect({ name: name.slice(0, 10), value: value.slice(0, 12), fast: tookMs() < SLOWEST_MS }).toMatchObject({ fast: true });
    }
  }
}, 120_000);

test("1,000 random query objects", () => {
  const seed = 815;
  const random = seededRandom(seed);
  const { below, pick } = randomQueries(random);
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
