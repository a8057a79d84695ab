// Which rows on a way are of the caller's tenant for sure, since one end is and references never leave a tenant.
import { expect, test } from "bun:test";
import { compileSchema } from "../schema/compile-schema.ts";
import { keptTenants, type WayStep } from "./kept-tenants.ts";

const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text: `
  type Shelf @table { id: ID! @primaryKey books: [Book!]! @relationship(to: "shelfId") }
  type Book @table(tenant: "org") {
    id: ID! @primaryKey org: ID! shelfId: ID shelf: Shelf @relationship(from: "shelfId")
    pages: [Page!]! @relationship(to: "bookId") loose: [Page!]! @relationship(to: "looseId") topics: [Topic!]! @relationship(through: "BookTopic")
  }
  type Page @table(tenant: "org") { id: ID! @primaryKey org: ID! bookId: ID! book: Book! @relationship(from: "bookId") looseId: ID lines: [Line!]! @relationship(to: "pageId") }
  type Line @table(tenant: "org") { id: ID! @primaryKey org: ID! pageId: ID! page: Page! @relationship(from: "pageId") }
  type Topic @table { id: ID! @primaryKey words: [Word!]! @relationship(to: "topicId") }
  type Word @table { id: ID! @primaryKey topicId: ID! topic: Topic! @relationship(from: "topicId") }
  type BookTopic @table(tenant: "org") {
    id: ID! @primaryKey org: ID! bookId: ID! book: Book! @relationship(from: "bookId") topicId: ID! topic: Topic! @relationship(from: "topicId")
  }` });

function kept(table: string, ...names: string[]): ReturnType<typeof keptTenants> {
  const steps: WayStep[] = [];
  let from = catalog.tables.get(table)!;
  for (const name of names) {
    const relation = from.fields.get(name)!.relation!;
    const to = catalog.tables.get(relation.table)!;
    steps.push({ from, relation, to });
    from = to;
  }
  return keptTenants(steps, catalog);
}

test("the schema of this test is sound", () => expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]));

test("rows between two that are the tenant's", () => {
  expect(kept("Book", "pages", "lines").rows).toEqual([true, false]);
  expect(kept("Shelf", "books", "pages", "lines").rows).toEqual([true, true, false]);
});

test("not where nothing holds the key, as no write of it was looked at", () => {
  expect(kept("Shelf", "books", "loose").rows).toEqual([false, false]);
  expect(kept("Book", "loose", "lines").rows).toEqual([true, false]);
  expect(kept("Shelf", "books", "topics", "words").rows).toEqual([false, false, false]);
});

test("rows of a join table, by the side that is the tenant's", () => {
  expect(kept("Book", "topics").links).toEqual([true]);
  expect(kept("Book", "topics", "words")).toEqual({ rows: [false, false], links: [true, false] });
  expect(kept("Shelf", "books", "topics").links).toEqual([false, false]);
});
