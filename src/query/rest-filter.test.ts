// Filters of the REST grammar: each operator, quoting, groups, relations, and each way to be wrong.
import { describe, expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import { processorTimer } from "../base/testing/processor-time.ts";
import { readConditions } from "./filter-syntax.ts";
import { parseRestQuery } from "./rest-query.ts";
import { expressionText, planText } from "./testing/plan-text.ts";
import { fixtureContext } from "./testing/query-fixture.ts";
import { urlPairs } from "./url-pairs.ts";

function filterOf(query: string, table = "Product"): string {
  const { plan } = parseRestQuery(urlPairs(query), fixtureContext(table));
  return plan.filter === null ? "" : expressionText(plan.filter);
}

function problemOf(query: string, table = "Product", limits: Partial<Limits> = {}): AmbitError {
  try {
    parseRestQuery(urlPairs(query), fixtureContext(table, { limits }));
  } catch (error) {
    if (error instanceof AmbitError) return error;
    throw error;
  }
  throw new Error(`no error for ${query}`);
}

describe("operators", () => {
  const cases: [string, string][] = [
    ["count1=eq.5", "count1 eq 5"],
    ["count1=neq.5", "count1 ne 5"],
    ["count1=gt.-5", "count1 gt -5"],
    ["count1=gte.5", "count1 ge 5"],
    ["count1=lt.5", "count1 lt 5"],
    ["count1=lte.5", "count1 le 5"],
    ["stockTotal=eq.9223372036854775807", 'stockTotal eq "9223372036854775807n"'],
    ["weight=gt.1.5e3", "weight gt 1500"],
    ["price=eq.100", "price eq 100"],
    ["ratio=lt.0.10", 'ratio lt "0.10"'],
    ["active=eq.true", "active eq true"],
    ["madeAt=gte.2026-01-31T12:00:00%2B01:00", 'madeAt ge "2026-01-31T11:00:00.000Z"'],
    ["madeOn=eq.2026-01-31", 'madeOn eq "2026-01-31"'],
    ["lasts=gt.PT90S", 'lasts gt "PT1M30S"'],
    ["status=eq.LIVE", 'status eq "LIVE"'],
    ["photo=eq.AAEC", 'photo eq "AAEC"'],
    ['meta=eq.{"a":[1]}', 'meta eq {"a":[1]}'],
    ["tags=eq.{a,b}", 'tags eq ["a","b"]'],
    ['home=eq.{"street":"x"}', 'home eq {"street":"x","city":null,"zip":null,"since":null,"extra":null,"lines":null}'],
    ["title=like.a*b", "title like a%b"],
    ["title=like.a%25_b", "title like a%_b"],
    ["title=like.10\\%25*", "title like 10\\%%"],
    ["title=like.\\**", "title like *%"],
    ["title=ilike.*X*", "title ilike %X%"],
    ["title=match.^a.c$", "title match ^a.c$"],
    ["title=imatch.(a|b)", "title imatch (a|b)"],
    ["count1=in.(1,2,3)", "count1 in [1,2,3]"],
    ["count1=in.(1, 2, 3)", "count1 in [1,2,3]"],
    ["title=in.(a,b c, d)", 'title in ["a","b c"," d"]'],
    ['title=in.("a,b","say \\"hi\\"","back\\\\slash",c)', 'title in ["a,b","say \\"hi\\"","back\\\\slash","c"]'],
    ['title=in.("a"b,c)', 'title in ["\\"a\\"b","c"]'],
    ["title=in.(,)", 'title in ["",""]'],
    ["count1=in.()", "false"],
    ["count1=not.in.()", "true"],
    ["count1=is.null", "count1 is null"],
    ["count1=is.NULL", "count1 is null"],
    ["count1=is.not_null", "not(count1 is null)"],
    ["count1=not.is.null", "not(count1 is null)"],
    ["active=is.true", "not(active distinct true)"],
    ["active=is.false", "not(active distinct false)"],
    ["active=is.unknown", "active is null"],
    ["active=not.is.true", "not(not(active distinct true))"],
    ["count1=isdistinct.5", "count1 distinct 5"],
    ["count1=not.isdistinct.5", "not(count1 distinct 5)"],
    ["title=fts.red%26!blue", "fts(title: red&!blue)"],
    ["title=fts(english).red", "fts(title: red)"],
    ["title=plfts.red blue", "plain(title: red blue)"],
    ["body=phfts(german).red blue", "phrase(body: red blue)"],
    ['title=wfts."red blue" or green', 'web(title: "red blue" or green)'],
    ["title=not.plfts.red", "not(plain(title: red))"],
    ["tags=cs.{a,b}", 'tags contains ["a","b"]'],
    ['tags=cs.{"a,b",c}', 'tags contains ["a,b","c"]'],
    ['tags=cs.["a"]', 'tags contains ["a"]'],
    ["tags=cs.{}", "tags contains []"],
    ["scores=cd.{1,2}", "scores contained [1,2]"],
    ["scores=ov.{ 1 , 2 }", "scores overlaps [1,2]"],
    ['meta=cs.{"a":{"b":1}}', 'meta contains {"a":{"b":1}}'],
    ["meta=cd.[1,2]", "meta contained [1,2]"],
    ["count1=not.eq.5", "not(count1 eq 5)"],
    ["count1=eq(any).{1,2}", "(count1 eq 1 or count1 eq 2)"],
    ["count1=gt(all).{1,2}", "(count1 gt 1 and count1 gt 2)"],
    ["title=like(any).{a*,*b}", "(title like a% or title like %b)"],
    ["title=not.ilike(all).{a*}", "not(title ilike a%)"],
    ["title=match(any).{^a,b$}", "(title match ^a or title match b$)"],
    ["count1=eq(any).{}", "false"],
    ["count1=eq(all).{}", "true"],
    ["count1=not.eq(all).{}", "false"],
  ];
  test.each(cases)("%s", (query, expected) => expect(filterOf(query)).toBe(expected));

  test("no text index, but a path of @search of its own, is searched too", () => {
    expect(filterOf("body=fts.a")).toBe("fts(body: a)");
    expect(problemOf("note=fts.a")).toMatchObject({ code: "OPERATOR_TYPE", extras: { where: "note" } });
  });
});

describe("what is equality and what an operator", () => {
  const cases: [string, string][] = [
    ["status=LIVE", 'status eq "LIVE"'],
    ["title=", 'title eq ""'],
    ["title", 'title eq ""'],
    ["title=eq", 'title eq "eq"'],
    ["title=eq.", 'title eq ""'],
    ["title=eq.null", 'title eq "null"'],
    ["title=eq.eq.5", 'title eq "eq.5"'],
    ['title=eq."a"', 'title eq "\\"a\\""'],
    ["weight=10.5", "weight eq 10.5"],
    ["title=Foo.bar", 'title eq "Foo.bar"'],
    ["title=foo bar.baz", 'title eq "foo bar.baz"'],
    ["title=.x", 'title eq ".x"'],
    ["title=a1.x", 'title eq "a1.x"'],
    ["title=Foo(bar)", 'title eq "Foo(bar)"'],
    ["title=a+b%2Bc", 'title eq "a b+c"'],
    ["madeAt=2026-01-31T12:00:00.5Z", 'madeAt eq "2026-01-31T12:00:00.500Z"'],
    ['"order"=eq.5', "order eq 5"],
    ['"order"=5', "order eq 5"],
    ["and=(order.eq.5)", "order eq 5"],
  ];
  test.each(cases)("%s", (query, expected) => expect(filterOf(query)).toBe(expected));

  const wrong: [string, string][] = [
    ["title=foo.bar", "Write title=eq.foo.bar for equality."],
    ["title=foo(bar)", "Write title=eq.foo(bar) for equality."],
    ["title=www.example.com", "Write title=eq.www.example.com for equality."],
    ["title=not.foo.x", "Write title=eq.not.foo.x for equality."],
    ["title=not.not.eq.x", "Write title=eq.not.not.eq.x for equality."],
    ["title=eq(5)", "Write title=eq.eq(5) for equality."],
    ["title=sl.(1,2)", "Write title=eq.sl.(1,2) for equality."],
  ];
  test.each(wrong)("%s", (query, fix) => expect(problemOf(query)).toMatchObject({ code: "UNKNOWN_OPERATOR", status: 400, extras: { where: "title", fix } }));
  test("names the operator that was meant", () => {
    expect(problemOf("title=lik.a").message).toContain("Did you mean like?");
    expect(problemOf("or=(title.ilik.a)").message).toContain("Did you mean ilike?");
  });
});

describe("paths into JSON, lists and nested objects", () => {
  const cases: [string, string][] = [
    ["meta->>a=eq.5", 'meta->>a eq "5"'],
    ["meta->a=eq.5", "meta->a eq 5"],
    ['meta->a=eq."x"', 'meta->a eq "x"'],
    ["meta->a->0->>b c=like.x*", "meta->a->0->>b c like x%"],
    ["meta->-1->>a-b=eq.x", 'meta->-1->>a-b eq "x"'],
    ['meta->"a.b"->>c=eq.x', 'meta->a.b->>c eq "x"'],
    ["meta->a=in.(1,2)", "meta->a in [1,2]"],
    ["meta->a=is.null", "meta->a is null"],
    ["meta->a=cs.[1]", "meta->a contains [1]"],
    ["home->zip=gt.5", "home/zip gt 5"],
    ["home->>zip=eq.5", 'string(home/zip) eq "5"'],
    ["home->city->>name=ilike.b*", "home/city/name ilike b%"],
    ["home->since=lt.2026-01-01T00:00:00Z", 'home/since lt "2026-01-01T00:00:00.000Z"'],
    ["home->extra->a->>0=eq.x", 'home/extra->a->>0 eq "x"'],
    ["home->>extra=like.*a*", "string(home/extra) like %a%"],
    ["home->>city=like.*a*", "string(home/city) like %a%"],
    ["home->lines->0=eq.x", 'home/lines/0 eq "x"'],
    ["tags->0=eq.a", 'tags/0 eq "a"'],
    ["scores->>0=eq.1", 'string(scores/0) eq "1"'],
    ["or=(meta->>a.eq.5,home->zip.eq.6)", '(meta->>a eq "5" or home/zip eq 6)'],
  ];
  test.each(cases)("%s", (query, expected) => expect(filterOf(query)).toBe(expected));

  const wrong: [string, string, string][] = [
    ["home->nam=eq.x", "UNKNOWN_FIELD", "home has no field nam."],
    ["home->city->nam=eq.x", "UNKNOWN_FIELD", "home->city has no field nam. Did you mean name?"],
    ["home->zip->x=eq.1", "MALFORMED_QUERY", "home->zip has no parts."],
    ["title->x=eq.1", "MALFORMED_QUERY", "title has no parts."],
    ["tags->a=eq.1", "MALFORMED_QUERY", "tags is a list"],
    ["meta->>a->b=eq.1", "MALFORMED_QUERY", "Nothing may follow ->>"],
    ["meta->=eq.1", "MALFORMED_QUERY", "Expected a name"],
    [`meta${"->a".repeat(65)}=eq.1`, "MALFORMED_QUERY", "at most 64 steps"],
    ["meta->a=eq.x", "BAD_FILTER_VALUE", "JSON"],
    ["meta->a=eq.null", "BAD_FILTER_VALUE", "null is no value"],
    ["maker->name=eq.x", "OPERATOR_TYPE", "is a relation"],
  ];
  test.each(wrong)("%s", (query, code, message) => {
    const problem = problemOf(query);
    expect(problem).toMatchObject({ code, status: 400 });
    expect(problem.message).toContain(message);
  });
});

describe("groups", () => {
  const cases: [string, string][] = [
    ["or=(count1.eq.1,title.is.null)", "(count1 eq 1 or title is null)"],
    ["and=(count1.gt.1,count1.lt.9)", "(count1 gt 1 and count1 lt 9)"],
    ["not.or=(count1.eq.1,count1.eq.2)", "not((count1 eq 1 or count1 eq 2))"],
    ["not.and=(count1.eq.1)", "not(count1 eq 1)"],
    ["or=(count1.eq.1)&or=(count1.eq.2,count1.eq.3)", "(count1 eq 1 and (count1 eq 2 or count1 eq 3))"],
    ["or=(count1.not.eq.1,and(title.eq.a,not.or(active.is.true,count1.in.(1,2))))", '(not(count1 eq 1) or (title eq "a" and not((not(active distinct true) or count1 in [1,2]))))'],
    ["or=( count1.eq.1 , title.eq.b )", '(count1 eq 1 or title eq "b ")'],
    ['or=(title.eq."a,b)",body.eq.c)', '(title eq "a,b)" or body eq "c")'],
    ['or=(title.eq."a"b,body.eq.c)', '(title eq "\\"a\\"b" or body eq "c")'],
    ["or=(tags.cs.{a,b},count1.eq.1)", '(tags contains ["a","b"] or count1 eq 1)'],
    ['and=(meta.cs.{"a":{"b":"}"}},meta.cs.[1,2])', '(meta contains {"a":{"b":"}"}} and meta contains [1,2])'],
    ["or=(title.match.[abc],title.match.{x)", '(title match [abc] or title match {x)'],
    ["or=(title.like(any).{a*,b*},count1.eq.1)", "((title like a% or title like b%) or count1 eq 1)"],
    ["or=(title.fts(english).red,title.wfts.blue)", "(fts(title: red) or web(title: blue))"],
    ["or=(title.eq.,body.eq.x)", '(title eq "" or body eq "x")'],
    ["or=(title.eq.a.b,body.eq.x)", '(title eq "a.b" or body eq "x")'],
    ['or=("order".eq.1,order.eq.2)', "(order eq 1 or order eq 2)"],
    ["count1=gt.1&count1=lt.9&or=(title.eq.a,title.eq.b)", '(count1 gt 1 and count1 lt 9 and (title eq "a" or title eq "b"))'],
  ];
  test.each(cases)("%s", (query, expected) => {
    expect(filterOf(query)).toBe(expected);
  });

  const wrong: [string, string, string][] = [
    ["or=", "MALFORMED_QUERY", "Expected ("],
    ["or=()", "MALFORMED_QUERY", "Expected a name"],
    ["or=(count1.eq.1", "MALFORMED_QUERY", "Expected )"],
    ["or=(count1.eq.1))", "MALFORMED_QUERY", "Expected the end"],
    ["or=(count1.eq.1,)", "MALFORMED_QUERY", "Expected a name"],
    ["or=(count1)", "MALFORMED_QUERY", "Expected ."],
    ["or=(count1.5)", "UNKNOWN_OPERATOR", "no operator"],
    ["count1=unlike.5", "UNKNOWN_OPERATOR", "no operator unlike"],
    ["or=(count1.foo.5)", "UNKNOWN_OPERATOR", "no operator foo"],
    ["or=(count1.not.foo.5)", "UNKNOWN_OPERATOR", "no operator foo"],
    ["or=(xor(count1.eq.1))", "MALFORMED_QUERY", "Expected ."],
    ["or=(nope.eq.1)", "UNKNOWN_FIELD", "no field nope"],
    ["or=(count1.in.1,2)", "MALFORMED_QUERY", "Expected ("],
    [`or=${"(and".repeat(120)}(count1.eq.1)${")".repeat(120)}`, "MALFORMED_QUERY", "at most 100 deep"],
  ];
  test.each(wrong)("%s", (query, code, message) => {
    const problem = problemOf(query);
    expect(problem).toMatchObject({ code, status: 400 });
    expect(problem.message).toContain(message);
  });
});

describe("wrong values and misfits", () => {
  const cases: [string, string][] = [
    ["count1=eq.x", "BAD_FILTER_VALUE"],
    ["count1=eq.", "BAD_FILTER_VALUE"],
    ["count1=eq.null", "BAD_FILTER_VALUE"],
    ["count1=eq.1.5", "BAD_FILTER_VALUE"],
    ["count1=eq.2147483648", "BAD_FILTER_VALUE"],
    ["count1=in.(1,x)", "BAD_FILTER_VALUE"],
    ["count1=in.(1,null)", "BAD_FILTER_VALUE"],
    ["stockTotal=eq.9223372036854775808", "BAD_FILTER_VALUE"],
    ["price=eq.1e400", "BAD_FILTER_VALUE"],
    ["weight=eq.NaN", "BAD_FILTER_VALUE"],
    ["weight=eq.1e999", "BAD_FILTER_VALUE"],
    ["ratio=eq.1/2", "BAD_FILTER_VALUE"],
    ["active=eq.yes", "BAD_FILTER_VALUE"],
    ["madeAt=gt.yesterday", "BAD_FILTER_VALUE"],
    ["madeOn=gt.2026-02-30", "BAD_FILTER_VALUE"],
    ["lasts=gt.P1M", "BAD_FILTER_VALUE"],
    ["status=eq.live", "BAD_FILTER_VALUE"],
    ["status=lIVE", "BAD_FILTER_VALUE"],
    ["photo=eq.%25", "BAD_FILTER_VALUE"],
    ["meta=cs.{a", "BAD_FILTER_VALUE"],
    ["tags=cs.{a,null}", "BAD_FILTER_VALUE"],
    ["scores=cs.{a}", "BAD_FILTER_VALUE"],
    ["count1=is.maybe", "BAD_FILTER_VALUE"],
    ["title=like.a\\", "BAD_FILTER_VALUE"],
    ["title=like." + "_".repeat(70), "BAD_FILTER_VALUE"],
    ["title=match.(a", "BAD_FILTER_VALUE"],
    ["title=match.a(?=b)", "BAD_FILTER_VALUE"],
    ["title=match.(a?){100}a{100}", "BAD_FILTER_VALUE"],
    ["title=fts.a b", "BAD_FILTER_VALUE"],
    ["title=fts.!a", "BAD_FILTER_VALUE"],
    ["title=wfts.-a", "BAD_FILTER_VALUE"],
    ["count1=like.1*", "OPERATOR_TYPE"],
    ["count1=fts.1", "OPERATOR_TYPE"],
    ["count1=cs.{1}", "OPERATOR_TYPE"],
    ["count1=is.true", "OPERATOR_TYPE"],
    ["active=gt.true", "OPERATOR_TYPE"],
    ["active=like.t*", "OPERATOR_TYPE"],
    ["tags=gt.{a}", "OPERATOR_TYPE"],
    ["tags=in.(a)", "OPERATOR_TYPE"],
    ["home=gt.x", "OPERATOR_TYPE"],
    ["photo=gt.AAEC", "OPERATOR_TYPE"],
    ["embedding=eq.[1]", "OPERATOR_TYPE"],
    ["meta=like.x", "OPERATOR_TYPE"],
    ["makerId=not.like(foo).x", "MALFORMED_QUERY"],
    ["title=fts(klingon).x", "MALFORMED_QUERY"],
    ["title=is(any).{null}", "MALFORMED_QUERY"],
    ["title=in(any).(a)", "MALFORMED_QUERY"],
    ["title=like(any).a", "MALFORMED_QUERY"],
    ["title=like(any).{a", "MALFORMED_QUERY"],
    ["title=like(any).{a}b", "MALFORMED_QUERY"],
    ["title=like(any).{a,,b}", "MALFORMED_QUERY"],
    ["title=like(any).{{a}}", "MALFORMED_QUERY"],
    ["title=in.a,b", "MALFORMED_QUERY"],
    ["title=in.(a,b", "MALFORMED_QUERY"],
    ["title=in.(a,b)c", "MALFORMED_QUERY"],
    ["nope=eq.1", "UNKNOWN_FIELD"],
    ["secret=eq.1", "UNKNOWN_FIELD"],
    ["__proto__=eq.1", "UNKNOWN_FIELD"],
    ["constructor=eq.1", "UNKNOWN_FIELD"],
    ["=eq.1", "MALFORMED_QUERY"],
    ["a..b=eq.1", "MALFORMED_QUERY"],
    ["title.=eq.1", "MALFORMED_QUERY"],
    ["title)=eq.1", "MALFORMED_QUERY"],
    ['"title=eq.1', "MALFORMED_QUERY"],
  ];
  test.each(cases)("%s", (query, code) => expect(problemOf(query)).toMatchObject({ code, status: 400 }));

  test("the parameter is named, and the fix for null", () => {
    expect(problemOf("count1=eq.null").extras).toMatchObject({ where: "count1", fix: "Write count1=is.null." });
    expect(problemOf("home=gt.x").extras.fix).toBe("Filter one of its fields: home->FIELD.");
  });
});

describe("relations", () => {
  const cases: [string, string][] = [
    ["maker=is.null", "not(exists(Maker r1: r1.id eq makerId))"],
    ["maker=not.is.null", "exists(Maker r1: r1.id eq makerId)"],
    ["maker=is.not_null", "exists(Maker r1: r1.id eq makerId)"],
    ["reviews=not.is.null", "exists(Review r1: r1.productId eq id)"],
    ["labels=is.null", "not(exists(ProductLabel r2: (r2.productId eq id and exists(Label r1: r1.id eq r2.labelId))))"],
    ["or=(maker.is.null,reviews.not.is.null)", "(not(exists(Maker r1: r1.id eq makerId)) or exists(Review r2: r2.productId eq id))"],
    ["select=id,reviews()&reviews.stars=gt.3&reviews=not.is.null", "exists(Review r1: (r1.productId eq id and r1.stars gt 3))"],
    ["select=id,good:reviews(id)&good.stars=gt.3&good=is.null", "not(exists(Review r1: (r1.productId eq id and r1.stars gt 3)))"],
    ["select=id,maker(boss!inner(id))&maker.boss.vip=is.true&maker=not.is.null", "exists(Maker r1: (r1.id eq makerId and exists(Maker r2: (r2.id eq r1.bossId and not(r2.vip distinct true)))))"],
  ];
  test.each(cases)("%s", (query, expected) => expect(filterOf(query)).toBe(expected));

  const wrong: [string, string][] = [
    ["maker=eq.5", "OPERATOR_TYPE"],
    ["maker=is.true", "OPERATOR_TYPE"],
    ["maker=5", "OPERATOR_TYPE"],
    ["reviews=in.(1)", "OPERATOR_TYPE"],
    ["maker.name=eq.x", "MALFORMED_QUERY"],
    ["select=id,maker(*)&reviews.stars=eq.5", "MALFORMED_QUERY"],
    ["select=id,a:maker(*),b:maker(*)&maker.name=eq.x", "MALFORMED_QUERY"],
    ["select=id,maker(*)&maker.nope=eq.x", "UNKNOWN_FIELD"],
    ["select=id,maker(*)&maker.boss.name=eq.x", "MALFORMED_QUERY"],
  ];
  test.each(wrong)("%s", (query, code) => expect(problemOf(query)).toMatchObject({ code, status: 400 }));

  test("a filter on an embed stands in its plan", () => {
    const { plan } = parseRestQuery(urlPairs("select=id,reviews(id,product(id))&reviews.stars=gt.3&reviews.or=(text.is.null,stars.eq.5)&reviews.not.and=(stars.eq.1)&reviews.product.title=eq.x"), fixtureContext());
    expect(planText(plan)).toBe('id, reviews{id, product{id where title eq "x"} where (stars gt 3 and (text is null or stars eq 5) and not(stars eq 1))}');
  });
});

describe("bounds", () => {
  test("conditions, groups and order terms", () => {
    const conditions = (count: number): string => Array.from({ length: count }, () => "count1=eq.1").join("&");
    expect(filterOf(conditions(200))).toContain("count1 eq 1");
    expect(problemOf(conditions(201))).toMatchObject({ code: "MALFORMED_QUERY" });
    expect(problemOf("order=id&or=(id.eq.1,id.eq.2)", "Product", { filterTerms: 3 }).code).toBe("MALFORMED_QUERY");
    expect(problemOf("id=like(any).{a,b,c}", "Product", { filterTerms: 3 }).code).toBe("MALFORMED_QUERY");
  });
  test("asking again for an embed's matches counts its conditions again, so that nothing grows by powers", () => {
    const filters = (path: string, count: number): string => Array.from({ length: count }, () => `${path}=not.is.null`).join("&");
    const levels = (each: number): string => `select=maker(boss(boss(boss(id))))&${filters("maker", each)}&${filters("maker.boss", each)}&${filters("maker.boss.boss", each)}&${filters("maker.boss.boss.boss", each)}`;
    expect(filterOf(levels(2))).toContain("exists");
    expect(problemOf(levels(20))).toMatchObject({ code: "MALFORMED_QUERY" });
  });
  test("values of a list", () => {
    expect(problemOf("count1=in.(1,2,3)", "Product", { listValues: 2 }).message).toContain("at most 2 values");
    expect(problemOf("scores=cs.{1,2,3}", "Product", { listValues: 2 }).message).toContain("at most 2 values");
    expect(problemOf("count1=eq(any).{1,2,3}", "Product", { listValues: 2 }).message).toContain("at most 2 values");
  });
});

test("where nothing is near, what there is is named", () => {
  expect(problemOf("count1=contains.5").extras.hint).toStartWith("Operators are eq, neq, ");
  expect(problemOf("zzzzzzzz=eq.1").extras.fix).toMatch(/^Name one of id, .*\.$/);
});

test("braces without an end cost no more than the length of the text", () => {
  const ms = processorTimer();
  // With the square of the length it would be hours.
  expect(() => readConditions(`(${"a.eq.{,".repeat(500_000)}b.eq.1`, "or")).toThrow("found the end");
  expect(ms()).toBeLessThan(30_000);
  expect(readConditions(`(${"a.eq.{,".repeat(30)}b.in.(1,2),c.eq.x)`, "or")).toHaveLength(32);
});
