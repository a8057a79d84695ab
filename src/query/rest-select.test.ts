// select, order, page and the other reserved parameters of the REST grammar.
import { describe, expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import { cursorFingerprint, encodeCursor } from "./cursor.ts";
import { orderKeys } from "./order-keys.ts";
import type { Plan } from "./plan.ts";
import { parseRestQuery, type RestQuery } from "./rest-query.ts";
import { planText } from "./testing/plan-text.ts";
import { fixtureContext, fixtureTable } from "./testing/query-fixture.ts";
import { urlPairs } from "./url-pairs.ts";

interface Options { table?: string; limits?: Partial<Limits>; hidden?: readonly string[] }

function parse(query: string, { table = "Product", ...options }: Options = {}): RestQuery {
  return parseRestQuery(urlPairs(query), fixtureContext(table, options));
}

function text(query: string, options: Options = {}): string {
  return planText(parse(query, options).plan);
}

function problemOf(query: string, options: Options = {}): AmbitError {
  try {
    parse(query, options);
  } catch (error) {
    if (error instanceof AmbitError) return error;
    throw error;
  }
  throw new Error(`no error for ${query}`);
}

describe("fields", () => {
  const cases: [string, string][] = [
    ["select=id,title", "id, title"],
    ["select= id , title ", "id, title"],
    ["select=name:title", "name:title"],
    ['select="my name":title', "my name:title"],
    ["select=name:title,x:count1::text", "name:title, x:count1::text"],
    ["select=price::numeric,count1::int8,active::bool,meta::jsonb,title::varchar", "price::float, count1::int, active::boolean, meta::json, title::text"],
    ["select=weight::double precision", "weight::float"],
    ["select=meta->a->>b", "b:meta->a->>b"],
    ["select=meta->a->0", "a:meta->a->0"],
    ["select=meta->0", "meta:meta->0"],
    ["select=x:meta->a::text", "x:meta->a::text"],
    ["select=home->city->>name,home->zip", "name:home/city/name, zip:home/zip"],
    ["select=tags->0", "tags:tags/0"],
    ["select=id,id,*,id", "id, sku, region, title, body, note, status, count1, stockTotal, weight, price, fee, feeCurrency, ratio, active, madeAt, madeOn, lasts, meta, photo, tags, scores, home, place, embedding, order, makerId, backupId"],
    ["select=\"order\",\"id\"", "order, id"],
    ["select=order", "order"],
    ["select=", ""],
  ];
  test.each(cases)("%s", (query, expected) => expect(text(query)).toBe(expected));

  test("everything: values that may be read, never relations or internal fields", () => {
    const all = parse("", { hidden: ["Product.title", "Product.maker"] }).plan.select.map((item) => (item.kind === "value" ? item.alias : item.kind));
    expect(all).toContain("price");
    expect(all).not.toContain("title");
    expect(all).not.toContain("secret");
    expect(all).not.toContain("maker");
    expect(text("select=*", { table: "Loose" })).toBe("id, name, open");
  });

  const wrong: [string, string][] = [
    ["select=nope", "UNKNOWN_FIELD"],
    ["select=titel", "UNKNOWN_FIELD"],
    ["select=secret", "UNKNOWN_FIELD"],
    ["select=maker", "MALFORMED_QUERY"],
    ["select=id,", "MALFORMED_QUERY"],
    ["select=,id", "MALFORMED_QUERY"],
    ["select=id title;", "MALFORMED_QUERY"],
    ["select=id)", "MALFORMED_QUERY"],
    ["select=id::date", "MALFORMED_QUERY"],
    ["select=id::", "MALFORMED_QUERY"],
    ["select=id::constructor", "MALFORMED_QUERY"],
    ["select=a:id,a:title", "MALFORMED_QUERY"],
    ["select=id,id:title", "MALFORMED_QUERY"],
    ["select=meta->>a,a:title", "MALFORMED_QUERY"],
    ["select=__proto__:id", "MALFORMED_QUERY"],
    ["select=meta->__proto__", "MALFORMED_QUERY"],
    ["select=a:b:id", "MALFORMED_QUERY"],
    ["select=\"id", "MALFORMED_QUERY"],
    ["select=*::text", "MALFORMED_QUERY"],
    ["select=id&select=title", "MALFORMED_QUERY"],
    ["select=id!inner", "MALFORMED_QUERY"],
  ];
  test.each(wrong)("%s", (query, code) => expect(problemOf(query)).toMatchObject({ code, status: 400 }));

  test("did you mean, among visible names only", () => {
    expect(problemOf("select=titel").message).toContain("Did you mean title?");
    expect(problemOf("select=titel", { hidden: ["Product.title"] }).message).not.toContain("title?");
    expect(problemOf("secrt=eq.1").message).not.toContain("secret");
  });

  test("a hidden field answers as one that does not exist, everywhere it can be named", () => {
    const queries = ["select=NAME", "NAME=eq.1", "order=NAME", "select=NAME.sum()", "select=NAME->a", "or=(NAME.is.null)", "on_conflict=NAME", "select=id,reviews(*)&reviews.NAME=is.null", "select=product:reviews(NAME)"];
    for (const query of queries) {
      const hidden = problemOf(query.replaceAll("NAME", "stars"), { hidden: ["Review.stars", "Product.stars"] });
      const unknown = problemOf(query.replaceAll("NAME", "xxxxx"));
      expect([hidden.code, hidden.message.replaceAll("stars", "xxxxx")]).toEqual([unknown.code, unknown.message]);
    }
  });
});

describe("embeds", () => {
  const cases: [string, string][] = [
    ["select=id,maker(name)", "id, maker{name}"],
    ["select=id,maker(*)", "id, maker{id, name, vip, data, bossId}"],
    ["select=id,who:maker(name)", "id, who:maker{name}"],
    ["select=id,maker!inner(name)", "id, maker!{name}"],
    ["select=id,maker!left(name)", "id, maker{name}"],
    ["select=id,maker!makerId(name)", "id, maker{name}"],
    ["select=id,maker!makerId!inner(name)", "id, maker!{name}"],
    ["select=id,maker!inner!makerId(name)", "id, maker!{name}"],
    ["select=id,makers!backupId(name)", "id, makers:backup{name}"],
    ["select=id,x:Maker!backup(name)", "id, x:backup{name}"],
    ["select=id,makerId(name)", "id, makerId:maker{name}"],
    ["select=id,Review(stars)", "id, Review:reviews{stars}"],
    ["select=id,labels!ProductLabel(name)", "id, labels{name}"],
    ["select=id,Label!productId(name)", "id, Label:labels{name}"],
    ["select=id,reviews()", "id, reviews{}"],
    ["select=id,maker(name,boss(name,boss(id)))", "id, maker{name, boss{name, boss{id}}}"],
    ["select=id,...maker(makerName:name)", "id, ...maker{makerName:name}"],
    ["select=id,..maker(makerName:name)", "id, ...maker{makerName:name}"],
    ["select=id,...reviews(stars)", "id, ...reviews{stars}"],
    ["select=id,maker(...boss(boss:name),name)", "id, maker{...boss{boss:name}, name}"],
    ["select=id,a:reviews(id),b:reviews(id)&a.stars=eq.5&b.limit=1", "id, a:reviews{id where stars eq 5}, b:reviews{id limit 1}"],
    ["select=id,reviews(id)&reviews.order=stars.desc,id&reviews.limit=3&reviews.offset=2", "id, reviews{id order stars desc first, id asc last limit 3 offset 2}"],
    ["select=id,maker(id,products(id))&maker.products.order=title&maker.products.limit=1", "id, maker{id, products{id order title asc last limit 1}}"],
    ["select=id,rs:reviews(id)&reviews.limit=2", "id, rs:reviews{id limit 2}"],
    ["select=id,maker(name)&maker.order=name&maker.limit=1", "id, maker{name}"],
    ["select=id,\"maker\"(\"name\")", "id, maker{name}"],
    ['select=id,reviews(id)&reviews."order"=eq.1', "UNKNOWN_FIELD"],
  ];
  test.each(cases)("%s", (query, expected) => {
    if (expected === "UNKNOWN_FIELD") expect(problemOf(query).code).toBe(expected);
    else expect(text(query)).toBe(expected);
  });

  test("an embedded list has a bound, an embedded record none", () => {
    const { select } = parse("select=maker(id),reviews(id)", { limits: { embedRows: 7 } }).plan;
    expect(select.map((item) => (item.kind === "embed" ? item.plan.limit : null))).toEqual([null, 7]);
  });

  const wrong: [string, string][] = [
    ["select=id,nope(id)", "UNKNOWN_FIELD"],
    ["select=id,title(id)", "UNKNOWN_FIELD"],
    ["select=id,Hidden(id)", "UNKNOWN_FIELD"],
    ["select=id,makers(name)", "MALFORMED_QUERY"],
    ["select=id,maker!productId(name)", "MALFORMED_QUERY"],
    ["select=id,Review!starz(id)", "MALFORMED_QUERY"],
    ["select=id,maker!a!b(name)", "MALFORMED_QUERY"],
    ["select=id,maker!inner!left(name)", "MALFORMED_QUERY"],
    ["select=id,maker(name", "MALFORMED_QUERY"],
    ["select=id,maker(name,)", "MALFORMED_QUERY"],
    ["select=id,maker(name)x", "MALFORMED_QUERY"],
    ["select=id,a:...maker(name)", "MALFORMED_QUERY"],
    ["select=id,maker(id),maker(name)", "MALFORMED_QUERY"],
    ["select=id,...maker(id)", "MALFORMED_QUERY"],
    ["select=id,reviews(id)&reviews.limit=x", "MALFORMED_QUERY"],
    ["select=id,reviews(id)&reviews.limit=10001", "MALFORMED_QUERY"],
    ["select=id,reviews(id)&reviews.select=id", "UNKNOWN_PARAMETER"],
    ["select=id,reviews(id)&reviews.after=x", "UNKNOWN_PARAMETER"],
    ["select=id,maker(id)&maker.limit=0", "MALFORMED_QUERY"],
    ["select=id,maker(id)&maker.offset=1", "MALFORMED_QUERY"],
    ["select=id&reviews.limit=1", "MALFORMED_QUERY"],
    ["select=maker(boss(boss(boss(boss(boss(id))))))", "MALFORMED_QUERY"],
    [`select=${"maker(".repeat(60)}id${")".repeat(60)}`, "MALFORMED_QUERY"],
  ];
  test.each(wrong)("%s", (query, code) => expect(problemOf(query)).toMatchObject({ code, status: 400 }));

  test("what may not be read cannot be embedded or reached", () => {
    const hidden = ["Maker"];
    for (const query of ["select=id,maker(name)", "select=id,makers!makerId(name)", "order=maker(name)", "maker=is.null"]) expect(problemOf(query, { hidden })).toMatchObject({ code: "UNKNOWN_FIELD", status: 400 });
  });

  test("depth and number of items are bounded", () => {
    expect(text("select=maker(boss(id))", { limits: { embedDepth: 2 } })).toBe("maker{boss{id}}");
    expect(problemOf("select=maker(boss(id))", { limits: { embedDepth: 1 } }).message).toContain("at most 1 deep");
    expect(problemOf("select=id,title,maker(id,name)", { limits: { selectItems: 4 } }).message).toContain("at most 4 items");
  });
});

describe("aggregates", () => {
  const cases: [string, string][] = [
    ["select=count()", "count() grouped"],
    ["select=total:count()", "total:count() grouped"],
    ["select=status,count()", "status, count() grouped"],
    ["select=price.sum()", "sum(price) grouped"],
    ["select=total:price.sum()::text", "total:sum(price)::text grouped"],
    ["select=price.sum(),price.avg(),price.min(),price.max(),price.count()", "sum(price), avg(price), min(price), max(price), count(price) grouped"],
    ["select=a:madeAt.max(),b:title.min(),c:lasts.max(),d:ratio.sum(),e:status.min()", "a:max(madeAt), b:min(title), c:max(lasts), d:sum(ratio), e:min(status) grouped"],
    ["select=meta->a::float.sum()", "sum(double(meta->a)) grouped"],
    ["select=meta->>a::int.max()::text", "max(int(meta->>a))::text grouped"],
    ["select=home->zip.sum()", "sum(home/zip) grouped"],
    ["select=meta.count()", "count(meta) grouped"],
    ["select=status::text,count()", "status::text, count() grouped"],
    ["select=meta->>kind,count()", "kind:meta->>kind, count() grouped"],
    ["select=id,reviews(count)", "id, reviews{count() grouped}"],
    ["select=id,reviews(n:count())", "id, reviews{n:count() grouped}"],
    ["select=id,reviews(stars,count())&reviews.order=count.desc", "id, reviews{stars, count() order [count] desc first grouped}"],
    ["select=id,...reviews(count())", "id, ...reviews{count() grouped}"],
    ["select=count(),...maker(name)", "count(), name:maker.name grouped"],
    ["select=status,...maker(data->x::float.sum(),vip)", "status, sum(double(maker.data->x)), vip:maker.vip grouped"],
    ["select=count(),...maker(name,...boss(boss:name))", "count(), name:maker.name, boss:maker.boss.name grouped"],
    ["select=count(),...maker!inner(name)&maker.vip=is.true", "count(), name:maker.name where exists(Maker r1: (r1.id eq makerId and not(r1.vip distinct true))) grouped"],
    ["select=count(),reviews!inner()&reviews.stars=eq.5", "count() where exists(Review r1: (r1.productId eq id and r1.stars eq 5)) grouped"],
    ["select=count(),reviews()&reviews.stars=eq.5&reviews=is.null", "count() where not(exists(Review r1: (r1.productId eq id and r1.stars eq 5))) grouped"],
    ["select=fee.sum(),feeCurrency", "sum(fee), feeCurrency grouped"],
    ["select=fee.sum(),cur:feeCurrency", "sum(fee), cur:feeCurrency grouped"],
    ["select=fee.max()", "max(fee) grouped"],
    ["select=status,count()&order=count.desc,status", "status, count() order [count] desc first, [status] asc last grouped"],
    ["select=st:status,count()&order=status", "st:status, count() order [st] asc last grouped"],
    ["select=count(),...maker(who:name)&order=maker(name).desc", "count(), who:maker.name order [who] desc first grouped"],
    ["select=status,count()&limit=5&offset=2&price=gt.5", "status, count() where price gt 5 limit 5 offset 2 grouped"],
  ];
  test.each(cases)("%s", (query, expected) => expect(text(query)).toBe(expected));
  test("two of one name need an alias", () => expect(problemOf("select=madeAt.max(),lasts.max()").message).toContain("called max"));

  const wrong: [string, string, number][] = [
    ["select=sum()", "MALFORMED_QUERY", 400],
    ["select=price.median()", "MALFORMED_QUERY", 400],
    ["select=price.sum", "MALFORMED_QUERY", 400],
    ["select=price.sum(1)", "MALFORMED_QUERY", 400],
    ["select=nope.sum()", "UNKNOWN_FIELD", 400],
    ["select=title.sum()", "OPERATOR_TYPE", 400],
    ["select=meta.sum()", "OPERATOR_TYPE", 400],
    ["select=meta->a.sum()", "OPERATOR_TYPE", 400],
    ["select=active.max()", "OPERATOR_TYPE", 400],
    ["select=tags.max()", "OPERATOR_TYPE", 400],
    ["select=lasts.sum()", "OPERATOR_TYPE", 400],
    ["select=active::int.sum()", "OPERATOR_TYPE", 400],
    ["select=price::json.sum()", "OPERATOR_TYPE", 400],
    ["select=fee.sum()", "MIXED_CURRENCY", 422],
    ["select=fee.avg(),status", "MIXED_CURRENCY", 422],
    ["select=fee.sum(),feeCurrency::text", "MIXED_CURRENCY", 422],
    ["select=id,reviews(paid.sum())", "MIXED_CURRENCY", 422],
    ["select=count(),maker(name)", "MALFORMED_QUERY", 400],
    ["select=count(),reviews(id)", "MALFORMED_QUERY", 400],
    ["select=count(),...reviews(stars)", "MALFORMED_QUERY", 400],
    ["select=count(),...maker(name)&maker.vip=is.true", "MALFORMED_QUERY", 400],
    ["select=count(),...maker(count())", "MALFORMED_QUERY", 400],
    ["select=status,count()&order=price", "MALFORMED_QUERY", 400],
    ["select=tags,count()&order=tags", "OPERATOR_TYPE", 400],
    ["select=count()&after=abc", "MALFORMED_QUERY", 400],
  ];
  test.each(wrong)("%s", (query, code, status) => expect(problemOf(query)).toMatchObject({ code, status }));

  test("fixes", () => {
    expect(problemOf("select=meta->a.sum()").extras.fix).toBe("Cast it: meta->a::float.sum().");
    expect(problemOf("select=fee.sum()").extras.fix).toBe("Select feeCurrency too, so that it is grouped by.");
    expect(problemOf("select=fee.sum()", { hidden: ["Product.feeCurrency"] }).extras.fix).toBeUndefined();
    expect(problemOf("select=count(),maker(name)").extras.fix).toBe("Spread it: ...maker(FIELD).");
  });
  test("money through a relation is grouped by the currency beside it", () => {
    expect(text("select=stars.max(),...product(fee.sum(),feeCurrency)", { table: "Review" })).toBe("max(stars), sum(product.fee), feeCurrency:product.feeCurrency grouped");
    expect(problemOf("select=currency,...product(fee.sum())", { table: "Review" }).code).toBe("MIXED_CURRENCY");
  });
  test("* beside an aggregate groups by every field, but not on an open table", () => {
    expect(text("select=*,count()", { table: "Label" })).toBe("id, name, count() grouped");
    expect(problemOf("select=*,count()", { table: "Loose" }).code).toBe("MALFORMED_QUERY");
  });
  test("count is a field where there is one", () => {
    expect(problemOf("select=count1.count(),count").code).toBe("MALFORMED_QUERY");
    expect(text("select=id,count()", { table: "Label" })).toBe("id, count() grouped");
  });
});

describe("order", () => {
  const cases: [string, string][] = [
    ["order=price", "price asc last"],
    ["order=price.asc,title.desc", "price asc last, title desc first"],
    ["order=price.desc.nullslast,title.nullsfirst", "price desc last, title asc first"],
    ["order=price.asc.nullsfirst", "price asc first"],
    ["order=meta->a.desc", "meta->a desc first"],
    ["order=meta->a->>b", "meta->a->>b asc last"],
    ["order=home->zip", "home/zip asc last"],
    ["order=maker(name).desc", "maker.name desc first"],
    ["order=maker(data->>x),id", "maker.data->>x asc last, id asc last"],
    ["order= price.desc , id ", "price desc first, id asc last"],
    ["order=\"order\"", "order asc last"],
  ];
  test.each(cases)("%s", (query, expected) => expect(text(`select=id&${query}`)).toBe(`id order ${expected}`));
  test("by an embed's alias", () => expect(text("select=id,m:maker()&order=m(name)")).toBe("id, m:maker{} order maker.name asc last"));

  const wrong: [string, string][] = [
    ["order=", "MALFORMED_QUERY"],
    ["order=nope", "UNKNOWN_FIELD"],
    ["order=maker", "MALFORMED_QUERY"],
    ["order=maker(nope)", "UNKNOWN_FIELD"],
    ["order=nope(name)", "UNKNOWN_FIELD"],
    ["order=reviews(stars)", "MALFORMED_QUERY"],
    ["order=price.down", "MALFORMED_QUERY"],
    ["order=price.desc.asc", "MALFORMED_QUERY"],
    ["order=price.nullslast.desc", "MALFORMED_QUERY"],
    ["order=price.descending", "MALFORMED_QUERY"],
    ["order=price,", "MALFORMED_QUERY"],
    ["order=tags", "OPERATOR_TYPE"],
    ["order=home", "OPERATOR_TYPE"],
    ["order=photo", "OPERATOR_TYPE"],
    ["order=embedding", "OPERATOR_TYPE"],
    ["order=price&order=id", "MALFORMED_QUERY"],
    ["order=count()", "MALFORMED_QUERY"],
  ];
  test.each(wrong)("%s", (query, code) => expect(problemOf(query)).toMatchObject({ code, status: 400 }));
});

describe("page", () => {
  test("limit and offset", () => {
    expect(text("select=id&limit=5&offset=10")).toBe("id limit 5 offset 10");
    expect(parse("limit=0")).toMatchObject({ plan: { limit: 0 }, limit: 0 });
    expect(parse("", { limits: { pageRows: 7 } })).toMatchObject({ plan: { limit: 7, offset: 0 }, limit: null });
    expect(parse("limit=7", { limits: { pageRows: 7 } }).plan.limit).toBe(7);
    expect(problemOf("limit=8", { limits: { pageRows: 7 } })).toMatchObject({ code: "MALFORMED_QUERY", extras: { where: "limit" } });
  });
  test.each(["limit=-1", "limit=x", "limit=", "limit=1.5", "limit=1e3", "limit=9999999999999999", "offset=-1", "offset=x", "limit=1&limit=2"])("%s", (query) => {
    expect(problemOf(query)).toMatchObject({ code: "MALFORMED_QUERY", status: 400 });
  });

  const cursorOf = (plan: Plan, values: readonly (string | number | null)[]): string => {
    const table = fixtureTable(plan.table);
    return encodeCursor(values, cursorFingerprint(plan.table, orderKeys(plan, table, { kind: "string" })));
  };
  test("a cursor of the same order is taken", () => {
    const cursor = cursorOf(parse("order=price.desc").plan, [5, "p1"]);
    expect(parse(`order=price.desc&after=${cursor}`).plan.after).toEqual([5, "p1"]);
    expect(parse(`select=id&price=gt.1&limit=2&order=price.desc&after=${cursor}`).plan.after).toEqual([5, "p1"]);
    const byKey = cursorOf(parse("").plan, ["p1"]);
    expect(parse(`after=${byKey}`).plan.after).toEqual(["p1"]);
    const explicitKey = cursorOf(parse("order=id.desc,price").plan, ["p1", 5]);
    expect(parse(`order=id.desc,price&after=${explicitKey}`).plan.after).toEqual(["p1", 5]);
  });
  test("another order, another table, and anything else is refused", () => {
    const cursor = cursorOf(parse("order=price.desc").plan, [5, "p1"]);
    const queries = ["order=price", "order=price.desc.nullslast", "order=title.desc", "", "order=price.desc,title"].map((query) => `${query}&after=${cursor}`);
    const forged = cursorOf(parse("order=price.desc").plan, [5]);
    for (const query of [...queries, "after=", "after=x", "after=%25%25", "after=W10", "after=e30", "after=bnVsbA", `order=price.desc&after=${forged}`, `order=price.desc&after=${cursor}x`]) {
      expect(problemOf(query)).toMatchObject({ code: "MALFORMED_CURSOR", status: 400, extras: { where: "after" } });
    }
    expect(problemOf(`order=id&after=${cursor}`, { table: "Label" }).code).toBe("MALFORMED_CURSOR");
    expect(problemOf(`order=price.desc&after=${cursor}&after=${cursor}`).code).toBe("MALFORMED_QUERY");
  });
  test("a ranking has no cursor", () => {
    expect(problemOf("search=x&after=abc").code).toBe("MALFORMED_QUERY");
    const cursor = cursorOf(parse("order=price").plan, [5, "p1"]);
    expect(parse(`search=x&order=price&after=${cursor}`).plan.after).toEqual([5, "p1"]);
  });
});

describe("rankings", () => {
  test("near", () => {
    const { plan } = parse("near=52.5,13.4,1000&select=id&price=gt.1");
    expect(plan.near).toEqual({ fields: ["place"], latitude: 52.5, longitude: 13.4, metres: 1000 });
    expect(planText(plan)).toBe("id where (price gt 1 and near(place: 52.5,13.4,1000))");
    expect(parse("near=place:-52.5, +13.4 ,1e3").plan.near).toMatchObject({ latitude: -52.5, longitude: 13.4, metres: 1000 });
  });
  test("search", () => {
    expect(parse("search=red shoes").plan.search).toEqual({ words: "red shoes", paths: [
      { path: ["title"], weight: 3, visibleWhen: null }, { path: ["body"], weight: 1, visibleWhen: null }, { path: ["reviews", "text"], weight: 0.5, visibleWhen: null },
    ] });
    expect(parse("search=a", { hidden: ["Review.text", "Product.body"] }).plan.search?.paths.map(({ path }) => path)).toEqual([["title"]]);
    expect(parse("search=a", { hidden: ["Review"] }).plan.search?.paths.length).toBe(2);
    expect(parse("search=a", { table: "Review" }).plan.search?.paths).toEqual([{ path: ["text"], weight: 1, visibleWhen: null }]);
  });
  test("similar", () => {
    expect(parse("similar=[1,0.5,-2]").plan.similar).toEqual({ field: "embedding", vector: [1, 0.5, -2], visibleWhen: null });
    expect(parse("similar=embedding:[1,0,0]").plan.similar?.field).toBe("embedding");
  });
  const wrong: [string, string, string][] = [
    ["near=1,2", "Product", "MALFORMED_QUERY"],
    ["near=1,2,3,4", "Product", "MALFORMED_QUERY"],
    ["near=a,b,c", "Product", "MALFORMED_QUERY"],
    ["near=NaN,1,1", "Product", "MALFORMED_QUERY"],
    ["near=0x1,1,1", "Product", "MALFORMED_QUERY"],
    ["near=91,0,1", "Product", "BAD_FILTER_VALUE"],
    ["near=0,181,1", "Product", "BAD_FILTER_VALUE"],
    ["near=0,0,-1", "Product", "BAD_FILTER_VALUE"],
    ["near=0,0,1e300", "Product", "BAD_FILTER_VALUE"],
    ["near=nope:0,0,1", "Product", "UNKNOWN_FIELD"],
    ["near=title:0,0,1", "Product", "MALFORMED_QUERY"],
    ["near=0,0,1", "Label", "MALFORMED_QUERY"],
    ["search=x", "Label", "MALFORMED_QUERY"],
    ["search=-x", "Product", "BAD_FILTER_VALUE"],
    ["similar=red shoes", "Product", "MALFORMED_QUERY"],
    ["similar=[1,2]", "Product", "BAD_FILTER_VALUE"],
    ["similar=[0,0,0]", "Product", "BAD_FILTER_VALUE"],
    ["similar=[1,2,x]", "Product", "BAD_FILTER_VALUE"],
    ["similar=[1,2,1e39]", "Product", "BAD_FILTER_VALUE"],
    ["similar=nope:[1,2,3]", "Product", "UNKNOWN_FIELD"],
    ["similar=[1,2,3]", "Label", "MALFORMED_QUERY"],
  ];
  test.each(wrong)("%s of %s", (query, table, code) => expect(problemOf(query, { table }).code).toBe(code));
});

describe("other parameters", () => {
  test("explain, columns, on_conflict", () => {
    expect(parse("explain=true").explain).toBe(true);
    expect(parse("explain=false").explain).toBe(false);
    expect(parse("").explain).toBe(false);
    expect(parse('columns="id","a b", c').columns).toEqual(["id", "a b", "c"]);
    expect(parse("on_conflict=sku").onConflict).toEqual(["sku"]);
    expect(parse("on_conflict=region,sku").onConflict).toEqual(["region", "sku"]);
    expect(parse("on_conflict=id").onConflict).toEqual(["id"]);
  });
  const wrong: [string, string][] = [
    ["explain=1", "MALFORMED_QUERY"],
    ["columns=", "MALFORMED_QUERY"],
    ["columns=a,,b", "MALFORMED_QUERY"],
    ["on_conflict=title", "MALFORMED_QUERY"],
    ["on_conflict=region", "MALFORMED_QUERY"],
    ["on_conflict=nope", "UNKNOWN_FIELD"],
    ["on_conflict=maker", "UNKNOWN_FIELD"],
    ["asof=2026-01-01T00:00:00Z", "NO_HISTORY"],
    ["since=x", "MALFORMED_QUERY"],
    ["limt=5", "UNKNOWN_PARAMETER"],
    ["ofset=5", "UNKNOWN_PARAMETER"],
    ["selct=id", "UNKNOWN_PARAMETER"],
    ["foo=bar", "UNKNOWN_FIELD"],
  ];
  test.each(wrong)("%s", (query, code) => expect(problemOf(query).code).toBe(code));
  test("text that cannot be stored is refused before it is read", () => {
    for (const pair of [["meta", "\0"], ["\ud800", "1"], ["title", "eq.\udc00"]] as const) {
      expect(() => parseRestQuery([pair], fixtureContext())).toThrow("character that text must not have");
    }
  });
});
