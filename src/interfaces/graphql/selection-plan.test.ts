// Plans of selections: what has one signature is one plan, values apart; and the plans are those that REST makes.
import { describe, expect, test } from "bun:test";
import { parse } from "graphql/language/parser";
import { execute } from "graphql/execution/execute";
import { administratorIdentity } from "../../access/identities.ts";
import { seededRandom } from "../../base/random.ts";
import { parseRestQuery } from "../../query/rest-query.ts";
import type { Plan } from "../../query/plan.ts";
import { urlPairs } from "../../query/url-pairs.ts";
import { JsonText, type Result } from "../../resources/operation.ts";
import type { PlanCache } from "../../resources/plan-cache.ts";
import type { SelectionPlan } from "./selection-plan.ts";
import { schemaFixture } from "./testing/schema-fixture.ts";

const text = `
enum Colour { RED GREEN }
type Spot { lat: Float! lon: Float! }
type Item @table @export @allow(to: ["public"], do: [READ]) @search(fields: ["title"]) {
  id: ID! @primaryKey title: String price: Int total: Long exact: Decimal at: DateTime colour: Colour on: Boolean spot: Spot tags: [String!] more: JSON
  makerId: ID maker: Maker @relationship(from: "makerId") parts: [Part!]! @relationship(to: "itemId")
}
type Maker @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey name: String items: [Item!]! @relationship(to: "makerId") }
type Part @table @export @allow(to: ["public"], do: [READ]) { id: Int! @primaryKey name: String itemId: ID! item: Item! @relationship(from: "itemId") }`;

const empty: Result = { status: 200, body: new JsonText("[]"), version: null, range: null, affected: 0, createdId: null, nextCursor: null, scanned: false, replayed: false, public: false };
const fixture = schemaFixture(text, administratorIdentity, () => empty);

interface Asked { readonly signature: string; readonly plan: Plan; readonly values: readonly unknown[] | undefined }

/** What the only root field of the document dispatches. */
function ask(document: string, variables: object = {}): Asked {
  let signature = "";
  let made: SelectionPlan | null = null;
  // Never from the cache: each plan is made anew, to be compared.
  const plans = { get(key: string, build: () => SelectionPlan) { signature = key; return made = build(); } } as unknown as PlanCache<SelectionPlan>;
  fixture.operations.length = 0;
  const caller = { ...fixture.caller, parts: { ...fixture.parts, plans } };
  const result = execute({ schema: fixture.schemas.executable, document: parse(document), contextValue: caller, variableValues: variables as Record<string, unknown> }) as { errors?: readonly Error[] };
  if (result.errors !== undefined) throw result.errors[0]!;
  const [body] = fixture.operations;
  if (body?.kind !== "query" || made === null) throw new Error("the document reads one list");
  return { signature, plan: (made as SelectionPlan).plan, values: body.values };
}

const plain = (plan: Plan): string => JSON.stringify(plan, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));

const SEED = 20_261_121;
const size = process.env["AMBIT_TEST_SIZE"] === "long" ? 60_000 : 1_500;

test(`queries of one signature have one plan (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random.next() * items.length)]!;
  const some = (most: number, make: () => string): string => Array.from({ length: Math.floor(random.next() * (most + 1)) }, make).join(" ");
  const value = (): string => pick(["price: { eq: 1 }", "price: { eq: 2 }", "price: { neq: 1 }", "price: { in: [1] }", "price: { in: [1, 2] }", "price: null", "price: { eq: null }", "total: { gt: 9007199254740993 }", "total: { gt: \"5\" }",
    "title: { like: \"a*\" }", "title: { like: \"b*\" }", "title: { likeAny: [\"a\"] }", "title: { eq: \"a\" }", "title: { gt: \"a\", lt: \"b\" }", "colour: { eq: RED }", "on: { is: TRUE }", "on: { is: FALSE }", "spot: { lat: { eq: 1 } }", "spot: { lon: { eq: 1 } }",
    "at: { lt: \"2026-01-01T00:00:00Z\" }", "exact: { eq: \"1.5\" }", "more: { eq: { any: [1] } }", "more: { cs: [1] }", "title: { not: { eq: \"a\" } }", "title: { isdistinct: \"a\" }"]);
  const filter = (depth: number): string => {
    const group = (): string => `[${some(2, () => filter(depth - 1))}]`;
    const member = depth === 0 ? value() : pick([value, value, () => `and: ${group()}`, () => `or: ${group()}`, () => `not: ${filter(depth - 1)}`, () => "maker: null", () => "parts: {}", () => `parts: { item: ${filter(depth - 1)} }`])();
    return random.next() < 0.3 ? "{}" : `{ ${member} }`;
  };
  const order = (): string => pick(["", "order: [{ price: ASC }]", "order: [{ price: DESC }]", "order: [{ price: ASC_NULLS_FIRST }]", "order: [{ title: ASC }, { price: ASC }]", "order: [{ price: ASC }, { title: ASC }]"]);
  const list = (): string => `(filter: ${filter(2)} ${order()} ${pick(["", "limit: 1", "limit: 2", "offset: 1"])})`;
  const fields = (depth: number): string => {
    const one = pick(["id", "title", "x: title", "x: price", "price", "__typename"]);
    const related = depth === 0 ? "" : pick(["", "maker { name }", "maker { id }", `parts${pick(["", "(filter: { id: { eq: 1 } })", "(filter: { id: { eq: 2 } })", "(filter: { id: { gt: 1 } })", "(filter: { name: { like: \"a*\" } })", "(limit: 1)"])} { id }`, "parts { name }", `parts { item { ${fields(depth - 1)} } }`, "partsAggregate { count }", "partsAggregate { max { id } }"]);
    return `${one} ${related}`;
  };
  const seen = new Map<string, { plan: string; document: string }>();
  let made = 0;
  let shared = 0;
  for (let round = 0; round < size; round++) {
    const document = random.next() < 0.85 ? `{ itemList${list()} { ${pick(["", "total"])} rows { ${fields(2)} } } }` : `{ itemAggregate${list()} { count ${pick(["", "by { title }", "by { price }", "sum { price }"])} } }`;
    let asked: Asked;
    try {
      asked = ask(document);
    } catch (error) {
      // Some of them are no documents, or are refused.
      if (!(error instanceof Error)) throw error;
      continue;
    }
    made++;
    const plan = plain(asked.plan);
    const earlier = seen.get(asked.signature);
    if (earlier === undefined) seen.set(asked.signature, { plan, document });
    else {
      shared++;
      expect({ plan, document: document === earlier.document ? "" : document }).toEqual({ plan: earlier.plan, document: document === earlier.document ? "" : document });
    }
  }
  expect(made).toBeGreaterThan(size / 3);
  expect(shared).toBeGreaterThan(made / 100);
}, 300_000);

describe("values outside of the plan", () => {
  const filterOf = (filter: string, variables: object = {}, head = ""): Asked => ask(`${head}{ itemList(filter: ${filter}) { rows { id } } }`, variables);

  test("comparisons of one field share a plan, whatever they compare with and wherever that stands", () => {
    const first = filterOf("{ price: { gte: 5 }, colour: { eq: RED } }");
    const second = filterOf("{ price: { gte: $p }, colour: { eq: $c } }", { p: 7, c: "GREEN" }, "query($p: Int, $c: Colour)");
    expect([first.signature === second.signature, first.values, second.values]).toEqual([true, [5, "RED"], [7, "GREEN"]]);
    expect(filterOf("{ total: { eq: $v } }", { v: "9007199254740993" }, "query($v: Long)").values).toEqual([9_007_199_254_740_993n]);
  });

  test("a null, another operator and what is no comparison are another plan", () => {
    const signatures = ["{ price: { eq: 5 } }", "{ price: { eq: null } }", "{ price: { neq: 5 } }", "{ price: { in: [5] } }", "{ not: { price: { eq: 5 } } }", "{ price: { not: { eq: 5 } } }", "{ maker: { items: { price: { eq: 5 } } } }", "{}"].map((filter) => filterOf(filter).signature);
    expect(new Set(signatures).size).toBe(signatures.length);
  });

  test("where a brace closes counts", () => {
    expect(filterOf("{ not: { price: { eq: 1 } }, title: { eq: \"a\" } }").signature).not.toBe(filterOf("{ not: { price: { eq: 1 }, title: { eq: \"a\" } } }").signature);
    expect(filterOf("{ or: [{ price: { eq: 1 }, title: { eq: \"a\" } }] }").signature).not.toBe(filterOf("{ or: [{ price: { eq: 1 } }, { title: { eq: \"a\" } }] }").signature);
  });
});

test.each([
  ["{ itemList(filter: { title: { like: \"a*\" } }, order: [{ price: DESC }, { maker: { name: ASC } }], limit: 3, offset: 1) { total rows { id title } } }", "title=like.a*&order=price.desc,maker(name)&limit=3&offset=1&select=id,title"],
  ["{ itemList(search: \"lamp\") { rows { x: title maker { name } parts(filter: { name: { ilike: \"b*\" } }, limit: 2) { id } } } }", "search=lamp&select=x:title,maker:maker(name:name),parts:parts(id:id)&parts.name=ilike.b*&parts.limit=2"],
  ["{ itemList(filter: { or: [{ price: { in: [1, 2] } }, { tags: { cs: [\"x\"] } }] }) { rows { id } } }", "or=(price.in.(1,2),tags.cs.{x})&select=id"],
])("%s is REST's plan", (document, query) => {
  const { plan } = ask(document);
  const table = fixture.parts.catalog.tables.get("Item")!;
  const rest = parseRestQuery(urlPairs(query), { table, scope: fixture.caller.rights.scope, limits: fixture.parts.limits, now: "2026-01-01T00:00:00.000Z" }).plan;
  expect({ ...plan, count: null }).toEqual({ ...rest, count: null });
});
