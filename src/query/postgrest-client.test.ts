// What @supabase/postgrest-js writes into URLs is read as it was meant.
import { PostgrestClient } from "@supabase/postgrest-js";
import { describe, expect, test } from "bun:test";
import { parseRestQuery, type RestQuery } from "./rest-query.ts";
import { planText } from "./testing/plan-text.ts";
import { fixtureContext } from "./testing/query-fixture.ts";
import { urlPairs } from "./url-pairs.ts";

let asked = "";
const remember = (input: string | Request | URL): Promise<Response> => {
  asked = input instanceof Request ? input.url : input.toString();
  return Promise.resolve(new Response("[]", { headers: { "content-type": "application/json" } }));
};
const client = new PostgrestClient("http://127.0.0.1:1", { fetch: Object.assign(remember, { preconnect: () => undefined }) });

async function parsed(request: PromiseLike<unknown>): Promise<RestQuery> {
  asked = "";
  await request;
  return parseRestQuery(urlPairs(new URL(asked).search.slice(1)), fixtureContext());
}

const products = (columns = "id"): ReturnType<ReturnType<typeof client.from>["select"]> => client.from("Product").select(columns);

describe("reads", () => {
  const cases: [string, () => PromiseLike<unknown>, string][] = [
    ["comparisons", () => products().eq("title", "a b&c").neq("count1", 1).gt("price", 1).gte("price", 2).lt("price", 9).lte("price", 8), 'id where (title eq "a b&c" and count1 ne 1 and price gt 1 and price ge 2 and price lt 9 and price le 8)'],
    ["patterns", () => products().like("title", "%a%").ilike("title", "b_").likeAnyOf("title", ["%a", "b%"]).ilikeAllOf("title", ["%c%"]), "id where (title like %a% and title ilike b_ and (title like %a or title like b%) and title ilike %c%)"],
    ["regular expressions", () => products().regexMatch("title", "^a").regexIMatch("title", "b$"), "id where (title match ^a and title imatch b$)"],
    ["is", () => products().is("count1", null).is("active", true), "id where (count1 is null and not(active distinct true))"],
    ["isDistinct", () => products().isDistinct("count1", 5), "id where count1 distinct 5"],
    ["in", () => products().in("title", ["a", "b,c", "d(e)"]).in("count1", [1, 2]), 'id where (title in ["a","b,c","d(e)"] and count1 in [1,2])'],
    ["in nothing", () => products().in("count1", []), "id where false"],
    ["notIn", () => products().notIn("count1", [1]), "id where not(count1 in [1])"],
    ["contains", () => products().contains("tags", ["a", "b"]).containedBy("scores", [1, 2]).overlaps("tags", ["c"]), 'id where (tags contains ["a","b"] and scores contained [1,2] and tags overlaps ["c"])'],
    ["contains of JSON", () => products().contains("meta", { a: { b: [1] } }), 'id where meta contains {"a":{"b":[1]}}'],
    ["text search", () => products().textSearch("title", "'red' & 'blue'", { config: "english" }).textSearch("body", "red blue", { type: "plain" }).textSearch("body", "a b", { type: "phrase" }).textSearch("body", "a or b", { type: "websearch" }), "id where (fts(title: 'red' & 'blue') and plain(body: red blue) and phrase(body: a b) and web(body: a or b))"],
    ["match", () => products().match({ status: "LIVE", active: true }), 'id where (status eq "LIVE" and active eq true)'],
    ["not", () => products().not("count1", "in", "(1,2)").not("title", "is", null), "id where (not(count1 in [1,2]) and not(title is null))"],
    ["or", () => products().or("count1.eq.1,and(price.gt.2,title.not.is.null)"), "id where (count1 eq 1 or (price gt 2 and not(title is null)))"],
    ["filter", () => products().filter("title", "in", '("a","b")'), 'id where title in ["a","b"]'],
    ["JSON paths", () => products("id, a:meta->a, meta->>b").eq("meta->>a", "x").order("meta->a"), 'id, a:meta->a, b:meta->>b where meta->>a eq "x" order meta->a asc last'],
    ["order", () => products().order("price", { ascending: false, nullsFirst: false }).order("id"), "id order price desc last, id asc last"],
    ["page", () => products().limit(5).order("id"), "id order id asc last limit 5"],
    ["range", () => products().range(10, 19), "id limit 10 offset 10"],
    ["embeds", () => products("id, maker:makers!makerId ( name ), reviews!inner ( id, stars )").eq("reviews.stars", 5).order("stars", { referencedTable: "reviews" }).limit(2, { referencedTable: "reviews" }), "id, maker{name}, reviews!{id, stars where stars eq 5 order stars asc last limit 2}"],
    ["or in an embed", () => products("id,reviews(id)").or("stars.eq.1,text.is.null", { referencedTable: "reviews" }), "id, reviews{id where (stars eq 1 or text is null)}"],
    ["order by a relation", () => products("id,maker(name)").order("maker(name)", { ascending: false }), "id, maker{name} order maker.name desc first"],
    ["spread", () => products("id,...maker(makerName:name)"), "id, ...maker{makerName:name}"],
    ["counts", () => products("id,reviews(count)"), "id, reviews{count() grouped}"],
    ["aggregates", () => products("status,price.sum(),n:count()"), "status, sum(price), n:count() grouped"],
    ["head", () => client.from("Product").select("id", { count: "exact", head: true }), "id"],
  ];
  test.each(cases)("%s", async (_name, request, expected) => expect(planText((await parsed(request())).plan)).toBe(expected));
});

test("writes", async () => {
  expect((await parsed(client.from("Product").insert([{ id: "a", sku: "b" }, { id: "c", title: "d" }]).select("id"))).columns).toEqual(["id", "sku", "title"]);
  expect((await parsed(client.from("Product").upsert({ sku: "b" }, { onConflict: "sku" }))).onConflict).toEqual(["sku"]);
  expect(planText((await parsed(client.from("Product").update({ title: "x" }).eq("id", "a").select("id"))).plan)).toBe('id where id eq "a"');
  expect(planText((await parsed(client.from("Product").delete().in("id", ["a"]).select("id"))).plan)).toBe('id where id in ["a"]');
});
