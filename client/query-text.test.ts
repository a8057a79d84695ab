// What a typed query looks like on the wire. test/client/query-grammar.test.ts shows that it means the same as in code.
import { expect, test } from "bun:test";
import { queryText } from "./query-text.ts";

const facts = { tables: { Item: { key: "id", relations: { shelf: "Shelf" } }, Shelf: { key: "id", relations: { items: "Item" } } } };
const text = (query: object): string => decodeURIComponent(queryText("Item", query, facts).path);

test("conditions, order, page, selection", () => {
  expect(text({})).toBe("/Item");
  expect(text({ price: { gt: 3, lte: 9 }, title: null, open: true })).toBe('/Item?and=(price.gt."3",price.lte."9")&title=is.null&open=eq.true');
  expect(text({ or: [{ title: { like: "a,b%" } }, { not: { id: { in: ['"', "c"] } } }] })).toBe('/Item?or=(title.like."a,b%",not.and(id.in.("\\"","c")))');
  expect(text({ order: [{ price: "desc.nullslast" }, { shelf: { name: "asc" } }], limit: 2, offset: 1, after: "x" })).toBe("/Item?order=price.desc.nullslast,shelf(name).asc&limit=2&offset=1&after=x");
  expect(text({ select: ["id", { shelf: { select: ["name"], room: 2, limit: 1 } }] })).toBe("/Item?shelf.room=eq.2&shelf.limit=1&select=id,shelf(name)");
  expect(text({ near: { field: "place", latitude: 1, longitude: -2.5, metres: 10 }, similar: { vector: [1, 0] }, search: "a b", asof: new Date(0) })).toBe("/Item?search=a b&asof=1970-01-01T00:00:00.000Z&near=place:1,-2.5,10&similar=[1,0]");
});

test("conditions over relations are embeds that show nothing", () => {
  expect(text({ shelf: { name: "x" } })).toBe("/Item?$1.name=eq.x&$1=not.is.null&select=*,$1:shelf()");
  expect(text({ select: ["id"], or: [{ shelf: null }, { price: 1 }] })).toBe('/Item?or=($1.is.null,price.eq."1")&select=id,$1:shelf()');
  const nested = queryText("Item", { shelf: { items: { price: 1 } } }, facts);
  expect(decodeURIComponent(nested.path)).toBe("/Item?$1.$2.price=eq.1&$1.$2=not.is.null&$1=not.is.null&select=*,$1:shelf($2:items())");
  expect(nested.shown([{ id: "a", $1: { $2: [] }, shelf: [{ $3: 1, n: 2 }] }] as object[])).toEqual([{ id: "a", shelf: [{ n: 2 }] }]);
});

test("names that mean something elsewhere", () => {
  expect(text({ and: [{ order: 1 }, { "a b": 2 }], toString: "x", constructor: null, place: { lat: 1 } })).toBe('/Item?and=("order".eq."1","a b".eq."2")&toString=eq.x&constructor=is.null&place->lat=eq.1');
});
