// Embeds of every kind and depth, spreads, inner joins; expired records are nowhere.
import { expect, test } from "bun:test";
import type { Json } from "../base/value.ts";
import { planDatabase, type PlanDatabase } from "./testing/plan-database.ts";

function library(): PlanDatabase {
  const database = planDatabase(`
    type Author @table(expiration: "P1D") @export { id: ID! @primaryKey name: String! books: [Book!]! @relationship(to: "authorId") }
    type Book @table(expiration: "P1D") @export {
      id: Int! @primaryKey title: String! price: Int authorId: ID @indexed author: Author @relationship(from: "authorId")
      tags: [Tag!]! @relationship(through: "BookTag") reviews: [Review!]! @relationship(to: "bookId")
    }
    type Tag @table(expiration: "P1D") @export { id: ID! @primaryKey label: String! books: [Book!]! @relationship(through: "BookTag") }
    type BookTag @table(expiration: "P1D") @export {
      id: ID! @primaryKey bookId: Int! @indexed tagId: ID! @indexed book: Book! @relationship(from: "bookId") tag: Tag! @relationship(from: "tagId")
    }
    type Review @table @export { id: ID! @primaryKey bookId: Int! @indexed stars: Int body: String book: Book! @relationship(from: "bookId") }`);
  database.insert("Author", { id: "ann", name: "Ann" }, { id: "bob", name: "Bob" }, { id: "gone", name: "Gone", $expires: "2020-01-01T00:00:00.000Z" });
  database.insert("Book",
    { id: 1, title: "One", price: 10, authorId: "ann" }, { id: 2, title: "Two", price: 20, authorId: "ann" }, { id: 3, title: "Three", price: null, authorId: "bob" },
    { id: 4, title: "Four", price: 5, authorId: null }, { id: 5, title: "Five", price: 7, authorId: "gone" },
    { id: 6, title: "Expired", price: 1, authorId: "ann", $expires: "2026-06-01T00:00:00.000Z" });
  database.insert("Tag", { id: "t1", label: "hot" }, { id: "t2", label: "cold" }, { id: "t3", label: "old", $expires: "2020-01-01T00:00:00.000Z" });
  database.insert("BookTag", { id: "l1", bookId: 1, tagId: "t1" }, { id: "l2", bookId: 1, tagId: "t2" }, { id: "l3", bookId: 2, tagId: "t1" }, { id: "l4", bookId: 1, tagId: "t3" },
    { id: "l5", bookId: 2, tagId: "t2", $expires: "2020-01-01T00:00:00.000Z" }, { id: "l6", bookId: 1, tagId: "t1" });
  database.insert("Review", { id: "r1", bookId: 1, stars: 5, body: "good" }, { id: "r2", bookId: 1, stars: 2, body: null }, { id: "r3", bookId: 2, stars: 4, body: "\"fine\"" });
  return database;
}

const cases: readonly (readonly [string, Json])[] = [
  ["Book?select=id&order=id", [{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4 }, { id: 5 }]],
  ["Book?select=id,author(name)", [
    { id: 1, author: { name: "Ann" } }, { id: 2, author: { name: "Ann" } }, { id: 3, author: { name: "Bob" } }, { id: 4, author: null }, { id: 5, author: null },
  ]],
  ["Author?select=name,books(id,title)", [{ name: "Ann", books: [{ id: 1, title: "One" }, { id: 2, title: "Two" }] }, { name: "Bob", books: [{ id: 3, title: "Three" }] }]],
  ["Author?select=name,books(id)&books.order=price.desc&books.limit=1", [{ name: "Ann", books: [{ id: 2 }] }, { name: "Bob", books: [{ id: 3 }] }]],
  ["Author?select=name,books(id)&books.offset=1", [{ name: "Ann", books: [{ id: 2 }] }, { name: "Bob", books: [] }]],
  ["Author?select=name,books(id)&books.price=gt.10", [{ name: "Ann", books: [{ id: 2 }] }, { name: "Bob", books: [] }]],
  ["Author?select=name,books!inner(id)&books.price=gt.10", [{ name: "Ann", books: [{ id: 2 }] }]],
  ["Author?select=name,books!inner()&books.price=gt.10", [{ name: "Ann" }]],
  ["Author?select=name,books!inner(id)&books.limit=0", [{ name: "Ann", books: [] }, { name: "Bob", books: [] }]],
  ["Book?select=id,author!inner(name)&author.name=eq.Bob", [{ id: 3, author: { name: "Bob" } }]],
  ["Book?select=id,author!inner(name)", [{ id: 1, author: { name: "Ann" } }, { id: 2, author: { name: "Ann" } }, { id: 3, author: { name: "Bob" } }]],
  ["Book?select=id,author(name)&author.name=eq.Bob&id=lt.4", [{ id: 1, author: null }, { id: 2, author: null }, { id: 3, author: { name: "Bob" } }]],
  ["Book?select=id,tags(label)&id=lt.3", [{ id: 1, tags: [{ label: "hot" }, { label: "cold" }] }, { id: 2, tags: [{ label: "hot" }] }]],
  ["Book?select=id,tags!inner(label)&tags.label=eq.cold", [{ id: 1, tags: [{ label: "cold" }] }]],
  ["Tag?select=label,books(id)&order=label", [{ label: "cold", books: [{ id: 1 }] }, { label: "hot", books: [{ id: 1 }, { id: 2 }] }]],
  ["Tag?select=id,books(id,reviews(stars),author(name,books(id)))&id=eq.t2", [
    { id: "t2", books: [{ id: 1, reviews: [{ stars: 5 }, { stars: 2 }], author: { name: "Ann", books: [{ id: 1 }, { id: 2 }] } }] },
  ]],
  ["Author?select=name,books!inner(id,reviews!inner(stars))&books.reviews.stars=eq.4", [{ name: "Ann", books: [{ id: 2, reviews: [{ stars: 4 }] }] }]],
  ["Book?select=id,first:reviews(stars),second:reviews(body)&first.stars=gt.4&second.order=id.desc&second.limit=1&id=eq.1", [{ id: 1, first: [{ stars: 5 }], second: [{ body: null }] }]],
  ["Review?select=stars,...book(title,...author(name))&order=id", [{ stars: 5, title: "One", name: "Ann" }, { stars: 2, title: "One", name: "Ann" }, { stars: 4, title: "Two", name: "Ann" }]],
  ["Book?select=id,...author(name)&id=gte.3", [{ id: 3, name: "Bob" }, { id: 4, name: null }, { id: 5, name: null }]],
  ["Book?select=id,...reviews(stars,body)&id=lt.4", [{ id: 1, stars: [5, 2], body: ["good", null] }, { id: 2, stars: [4], body: ["\"fine\""] }, { id: 3, stars: [], body: [] }]],
  ["Book?select=id,...reviews(stars)&reviews.order=stars&reviews.limit=1&id=eq.1", [{ id: 1, stars: [2] }]],
  ["Author?select=id,...books(...reviews(stars))&id=eq.ann", [{ id: "ann", stars: [[5, 2], [4]] }]],
  ["Author?select=id,...books(titles:title,reviews(stars))&id=eq.ann", [{ id: "ann", titles: ["One", "Two"], reviews: [[{ stars: 5 }, { stars: 2 }], [{ stars: 4 }]] }]],
  ["Book?select=id&order=author(name).desc.nullslast,id", [{ id: 3 }, { id: 1 }, { id: 2 }, { id: 4 }, { id: 5 }]],
  ["Book?select=id&author=is.null", [{ id: 4 }, { id: 5 }]],
  ["Book?select=id&tags=not.is.null", [{ id: 1 }, { id: 2 }]],
  ["Author?select=name,books(price.sum(),count())", [{ name: "Ann", books: [{ sum: 30, count: 2 }] }, { name: "Bob", books: [{ sum: null, count: 1 }] }]],
  ["Book?select=id,author(count())&id=in.(1,4)", [{ id: 1, author: { count: 1 } }, { id: 4, author: { count: 0 } }]],
];

for (const [query, expected] of cases) {
  test(query, () => expect(library().get(query)).toEqual(expected));
}

test("an embed with a mask is absent where it does not hold, and inner finds nothing there", () => {
  const database = library();
  const plan = database.plan("Book?select=id,reviews!inner(id)&id=lt.3");
  const first = { op: "compare", comparison: "eq", left: { op: "field", type: { kind: "int" }, row: "record", table: "Book", path: [], field: "id", within: [] }, right: { op: "literal", type: { kind: "int" }, value: 1 } } as const;
  const masked = { ...plan, select: plan.select.map((item) => (item.kind === "embed" ? { ...item, visibleWhen: first } : item)) };
  expect(database.rows(masked)).toEqual([{ id: 1, reviews: [{ id: "r1" }, { id: "r2" }] }]);
  const outer = { ...masked, select: masked.select.map((item) => (item.kind === "embed" ? { ...item, inner: false } : item)) };
  expect(database.rows(outer)).toEqual([{ id: 1, reviews: [{ id: "r1" }, { id: "r2" }] }, { id: 2 }]);
});

test("an embedded list is whole, cut where it was asked, or refused", () => {
  const database = planDatabase("type A @table @export { id: ID! @primaryKey items: [B!]! @relationship(to: \"aId\") } type B @table @export { id: Int! @primaryKey aId: ID! @indexed a: A! @relationship(from: \"aId\") }", { embedRows: 3 });
  database.insert("A", { id: "a" });
  const add = (id: number): void => database.insert("B", { id, aId: "a" });
  [0, 1, 2].forEach(add);
  expect(database.get("A?select=items(id)")).toEqual([{ items: [{ id: 0 }, { id: 1 }, { id: 2 }] }]);
  add(3);
  for (const select of ["items(id)", "...items(id)", "items(id,a(items(id)))"]) expect(() => database.get(`A?select=${select}`)).toThrow("limits.embedRows (3)");
  expect(database.get("A?select=items(id)&items.limit=2")).toEqual([{ items: [{ id: 0 }, { id: 1 }] }]);
  expect(database.get("A?select=items(id)&items.id=gt.0")).toEqual([{ items: [{ id: 1 }, { id: 2 }, { id: 3 }] }]);
  expect(database.get("A?select=...items(count())")).toEqual([{ count: [4] }]);
});
