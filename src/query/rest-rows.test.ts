// What queries answer, on real SQLite: the grammar, its plan and the rows together.
import { describe, expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import { seededRandom } from "../base/random.ts";
import type { Json } from "../base/value.ts";
import { planDatabase } from "../storage/testing/plan-database.ts";
import { parseCodeQuery } from "./code-query.ts";
import type { Plan } from "./plan.ts";
import { parseRestQuery } from "./rest-query.ts";
import { randomQueries } from "./testing/random-queries.ts";
import { fixtureContext, schemaText } from "./testing/query-fixture.ts";
import { urlPairs } from "./url-pairs.ts";

const database = planDatabase(schemaText);
const home = { street: "High", city: { name: "Berlin", country: null }, zip: 5, since: null, extra: { a: ["x"] }, lines: ["one", "two"] };
database.insert("Maker", { id: "m1", name: "Ann", vip: true, data: { x: 1 } }, { id: "m2", name: "Bob", vip: false, bossId: "m1" });
database.insert("Product",
  { id: "p1", sku: "A1", title: "Red Apple", body: "a warm pie", price: 100, makerId: "m1", tags: ["a", "b"], scores: [1, 2], meta: { a: 5, b: "x", list: [1, 2] }, home, count1: 1, fee: 5, feeCurrency: "EUR", status: "LIVE", stockTotal: 9007199254740993n, active: true, ratio: "1.10", madeAt: "2026-01-01T00:00:00.000Z", lasts: "PT1H", place: { lat: 52.5, lon: 13.4 }, embedding: [1, 0, 0], order: 5 },
  { id: "p2", sku: "A2", title: "50% \\off*", price: 250, makerId: "m2", count1: 2, fee: 6, feeCurrency: "USD", status: "LIVE", active: false, ratio: "1.1", tags: ["c,d", "say \"hi\""], meta: { a: "5" }, madeAt: "2026-02-01T00:00:00.000Z", lasts: "PT61M", embedding: [0, 1, 0] },
  { id: "p3", sku: "A3", title: "Ünïcode", price: 7, backupId: "m2", ratio: "-2", meta: [1, 2], tags: [] });
database.insert("Review", { id: 1, productId: "p1", text: "good red", stars: 5, paid: 1, currency: "EUR" }, { id: 2, productId: "p1", text: "bad", stars: 1 }, { id: 3, productId: "p2", text: null, stars: 3 });
database.insert("Label", { id: "l1", name: "new" }, { id: "l2", name: "old" });
database.insert("ProductLabel", { id: "x1", productId: "p1", labelId: "l1" }, { id: "x2", productId: "p1", labelId: "l2" }, { id: "x3", productId: "p2", labelId: "l2" });

function planOf(query: string): Plan {
  return parseRestQuery(urlPairs(query), fixtureContext()).plan;
}

function rows(query: string): Json {
  return database.rows(planOf(query));
}

function ids(query: string): string {
  return (rows(`select=id&order=id&${query}`) as { id: string }[]).map(({ id }) => id).join(" ");
}

describe("filters", () => {
  const cases: [string, string][] = [
    ["price=gt.7&price=lt.250", "p1"],
    ["price=neq.7", "p1 p2"],
    ["count1=neq.1", "p2"],
    ["count1=not.eq.1", "p2"],
    ["count1=isdistinct.1", "p2 p3"],
    ["count1=is.null", "p3"],
    ["count1=in.(1,9)", "p1"],
    ["count1=not.in.(1,9)", "p2"],
    ["count1=in.()", ""],
    ["count1=not.in.()", "p1 p2 p3"],
    ["active=is.true", "p1"],
    ["active=not.is.true", "p2 p3"],
    ["active=is.unknown", "p3"],
    ["stockTotal=eq.9007199254740993", "p1"],
    ["stockTotal=eq.9007199254740992", ""],
    ["ratio=eq.1.100", "p1 p2"],
    ["ratio=lt.0", "p3"],
    ["lasts=gt.PT60M", "p2"],
    ["lasts=eq.PT60M", "p1"],
    ["madeAt=gte.2026-02-01T01:00:00%2B01:00", "p2"],
    ["title=like.*Apple", "p1"],
    ["title=like.*apple", ""],
    ["title=ilike.*apple", "p1"],
    ["title=ilike.üNÏ*", "p3"],
    ["title=like.50\\%25*", "p2"],
    ["title=like.*\\*", "p2"],
    ["title=like.*\\\\off*", "p2"],
    ["title=like(any).{Red*,50*}", "p1 p2"],
    ["title=match.^R.d", "p1"],
    ["title=imatch.^r.d", "p1"],
    ["title=fts.apple%26!pear", "p1"],
    ["title=fts.unic:*", "p3"],
    ["title=plfts.apple red", "p1"],
    ["title=phfts.apple red", ""],
    ["title=wfts.unicode or apple", "p1 p3"],
    ["tags=cs.{a}", "p1"],
    ['tags=cs.{"c,d","say \\"hi\\""}', "p2"],
    ["tags=cd.{a,b,c}", "p1 p3"],
    ["tags=ov.{b,zzz}", "p1"],
    ["tags=eq.{a,b}", "p1"],
    ["tags=eq.{}", "p3"],
    ["scores=cs.{2}", "p1"],
    ['meta=cs.{"list":[2]}', "p1"],
    ["meta=cs.[2]", "p3"],
    ['meta=eq.{"a":"5"}', "p2"],
    ["meta->a=eq.5", "p1"],
    ['meta->a=eq."5"', "p2"],
    ["meta->>a=eq.5", "p1 p2"],
    ["meta->a=gt.4", "p1"],
    ["meta->list->0=eq.1", "p1"],
    ["meta->-1=eq.2", "p3"],
    ["home->zip=eq.5", "p1"],
    ["home->>zip=like.5*", "p1"],
    ["home->city->>name=ilike.ber*", "p1"],
    ["home->extra->a->>0=eq.x", "p1"],
    ["home->lines->1=eq.two", "p1"],
    ["tags->0=eq.a", "p1"],
    ["or=(price.lt.10,and(active.is.true,not.or(count1.eq.2,count1.is.null)))", "p1 p3"],
    ["not.or=(price.lt.10,price.gt.200)", "p1"],
    ['"order"=eq.5', "p1"],
    ["maker=is.null", "p3"],
    ["or=(maker.is.null,reviews.is.null)", "p3"],
    ["labels=not.is.null", "p1 p2"],
    ["near=52.5,13.4,10", "p1"],
  ];
  test.each(cases)("%s", (query, expected) => expect(ids(query)).toBe(expected));
});

describe("shapes", () => {
  const cases: [string, Json][] = [
    ["select=id,maker(name),reviews(id,stars)&reviews.order=stars&id=neq.p3&order=id", [{ id: "p1", maker: { name: "Ann" }, reviews: [{ id: 2, stars: 1 }, { id: 1, stars: 5 }] }, { id: "p2", maker: { name: "Bob" }, reviews: [{ id: 3, stars: 3 }] }]],
    ["select=id,reviews!inner(id)&reviews.stars=gt.3", [{ id: "p1", reviews: [{ id: 1 }] }]],
    ["select=id,reviews()&reviews.stars=gt.3&reviews=is.null&order=id", [{ id: "p2" }, { id: "p3" }]],
    ["select=id,maker(boss!inner(name))&maker=not.is.null", [{ id: "p2", maker: { boss: { name: "Ann" } } }]],
    ["select=id,labels(name)&labels.order=name.desc&id=eq.p1", [{ id: "p1", labels: [{ name: "old" }, { name: "new" }] }]],
    ["select=id,...maker(maker:name),...labels(label:name)&labels.order=name&order=id", [{ id: "p1", maker: "Ann", label: ["new", "old"] }, { id: "p2", maker: "Bob", label: ["old"] }, { id: "p3", maker: null, label: [] }]],
    ["select=id,a:reviews(stars),b:reviews(stars)&a.stars=gt.4&b.limit=1&b.order=stars&id=eq.p1", [{ id: "p1", a: [{ stars: 5 }], b: [{ stars: 1 }] }]],
    ["select=t:title,p:price::text,meta->a,n:home->city->>name&id=eq.p1", [{ t: "Red Apple", p: "100", a: 5, n: "Berlin" }]],
    ["select=status,count(),price.sum(),avg:price.avg()&order=count.desc", [{ status: "LIVE", count: 2, sum: 350, avg: 175 }, { status: null, count: 1, sum: 7, avg: 7 }]],
    ["select=count(),...maker(name)&order=name.nullsfirst", [{ count: 1, name: null }, { count: 1, name: "Ann" }, { count: 1, name: "Bob" }]],
    ["select=fee.sum(),feeCurrency&fee=not.is.null&order=feeCurrency", [{ sum: 5, feeCurrency: "EUR" }, { sum: 6, feeCurrency: "USD" }]],
    ["select=stockTotal.sum(),ratio:ratio.sum(),a:meta->a::float.sum()", [{ sum: "9007199254740993", ratio: "0.20", a: 10 }]],
    ["select=id,reviews(count)&order=id", [{ id: "p1", reviews: [{ count: 2 }] }, { id: "p2", reviews: [{ count: 1 }] }, { id: "p3", reviews: [{ count: 0 }] }]],
    ["select=id&order=maker(name).desc.nullslast", [{ id: "p2" }, { id: "p1" }, { id: "p3" }]],
    ["search=red&select=id", [{ id: "p1" }]],
    ["similar=[0,1,0.1]&select=id", [{ id: "p2" }, { id: "p1" }]],
    ["select=&limit=1", [{}]],
  ];
  test.each(cases)("%s", (query, expected) => expect(rows(query)).toEqual(expected));
});

test("code asks for the same rows", () => {
  const found = (query: unknown): string => (database.rows(parseCodeQuery(query, fixtureContext())) as { id: string }[]).map(({ id }) => id).join(" ");
  expect(found({ maker: { vip: true } })).toBe("p1");
  expect(found({ reviews: { stars: { gte: 3 } }, order: { price: "desc" } })).toBe("p2 p1");
  expect(found({ or: [{ home: { city: { name: "Berlin" } } }, { tags: { cs: ["c,d"] } }], order: { id: "asc" } })).toBe("p1 p2");
  expect(found({ labels: null })).toBe("p3");
  expect(found({ not: { labels: { name: "old" } } })).toBe("p3");
  expect(found({ meta: { cs: { a: 5 } } })).toBe("p1");
});

test("every random plan runs", () => {
  const seed = 20260712;
  const make = randomQueries(seededRandom(seed));
  let answered = 0;
  for (let round = 0; round < 1_500; round++) {
    const query = make.grammar(make.pick([20, 100]));
    try {
      answered += Array.isArray(rows(query)) ? 1 : 0;
    } catch (error) {
      if (!(error instanceof AmbitError) || error.status >= 500) throw new Error(`seed ${seed}, round ${round}: ${query}`, { cause: error });
    }
  }
  expect(answered).toBeGreaterThan(500);
}, 120_000);
