// Writes and calls over GraphQL: what each answers, that each is atomic, repeated and raced as over REST, and how much SQL a query runs.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { startGraphqlApp, type GraphqlApp, type GraphqlResult } from "./graphql-app.ts";

let app: GraphqlApp;
beforeAll(async () => { app = await startGraphqlApp("pageRows: 1000, bulkRows: 5000"); });
afterAll(() => app?.stop());

const codesOf = ({ errors }: GraphqlResult): string[] => (errors ?? []).map(({ extensions }) => extensions.code);

async function dataOf(query: string, variables: object = {}, role: string | null = "staff"): Promise<never> {
  const result = await app.ask(query, variables, role);
  expect(result.errors ?? []).toEqual([]);
  return result.data as never;
}

beforeEach(async () => {
  await dataOf("mutation { removeItemList(filter: { id: { is: NOT_NULL } }) { affected } }");
  await dataOf("mutation { createItemList(inputs: [{ id: \"a\", sku: \"A\", title: \"Anvil\", price: 5, status: LIVE, more: { x: 1, y: 2 } }, { id: \"b\", sku: \"B\", title: \"Brush\", price: 6 }]) { affected } }");
});

describe("writes", () => {
  test("one record: created, changed, merged, replaced, removed, and read with any selection", async () => {
    expect(await dataOf("mutation { createItem(input: { id: \"n\", sku: \"N\", title: \"New\", price: 9007199254740991, serial: 9223372036854775807, exact: \"0.10\", more: { deep: [1, { a: null }] } }) { id price serial exact more parts { id } } }"))
      .toEqual({ createItem: { id: "n", price: 9007199254740991, serial: "9223372036854775807", exact: "0.10", more: { deep: [1, { a: null }] }, parts: [] } } as never);
    expect(await dataOf("mutation { a: updateItem(id: \"n\", patch: { title: \"Newer\", more: { b: 1 } }) { title more } b: updateItem(id: \"n\", patch: { more: { c: 2 } }, merge: true) { more } }"))
      .toEqual({ a: { title: "Newer", more: { b: 1 } }, b: { more: { b: 1, c: 2 } } } as never);
    expect(await dataOf("mutation { replaceItem(id: \"n\", input: { sku: \"N\", title: \"Again\", price: 1 }) { title more status } }")).toEqual({ replaceItem: { title: "Again", more: null, status: "DRAFT" } } as never);
    expect(await dataOf("mutation { removeItem(id: \"n\") { title partsAggregate { count } } }")).toEqual({ removeItem: { title: "Again", partsAggregate: [{ count: 0 }] } } as never);
    expect(await dataOf("{ item(id: \"n\") { id } }")).toEqual({ item: null } as never);
  });

  test("a null and what is not sent are two things", async () => {
    const patch = "mutation($more: JSON, $count: Int) { updateItem(id: \"a\", patch: { more: $more, count: $count }) { more count } }";
    expect(await dataOf(patch, { count: 7 })).toEqual({ updateItem: { more: { x: 1, y: 2 }, count: 7 } } as never);
    expect(await dataOf(patch, { more: null })).toEqual({ updateItem: { more: null, count: 7 } } as never);
  });

  test("many: all or none, within max, upserted", async () => {
    const inputs = [{ sku: "C", title: "C", price: 1 }, { sku: "A", title: "taken", price: 1 }];
    const create = "mutation($i: [ItemInput!]!) { createItemList(inputs: $i) { affected rows { sku } } }";
    expect(codesOf(await app.ask(create, { i: inputs }, "staff"))).toEqual(["UNIQUE_VIOLATION"]);
    const upsert = "mutation($i: [ItemInput!]!, $ignore: Boolean) { upsertItem(inputs: $i, by: sku, ignore: $ignore) { affected rows { sku title } } }";
    expect(await dataOf(upsert, { i: inputs, ignore: true })).toEqual({ upsertItem: { affected: 1, rows: [{ sku: "C", title: "C" }] } } as never);
    expect(await dataOf(upsert, { i: inputs })).toEqual({ upsertItem: { affected: 2, rows: [{ sku: "C", title: "C" }, { sku: "A", title: "taken" }] } } as never);
    const update = "mutation($max: Int) { updateItemList(filter: { price: { lte: 5 } }, patch: { count: 9 }, order: [{ sku: ASC }], max: $max) { affected rows { sku count } } }";
    expect(codesOf(await app.ask(update, { max: 1 }, "staff"))).toEqual(["TOO_MANY_ROWS"]);
    expect(await dataOf(update, { max: 2 })).toEqual({ updateItemList: { affected: 2, rows: [{ sku: "A", count: 9 }, { sku: "C", count: 9 }] } } as never);
    expect(await dataOf("mutation { removeItemList(filter: { count: { eq: 9 } }, limit: 1, order: [{ sku: DESC }]) { affected rows { title } } }")).toEqual({ removeItemList: { affected: 1, rows: [{ title: "C" }] } } as never);
  });

  test("fields of a mutation run in turn, and one that fails leaves the others", async () => {
    const result = await app.ask("mutation { a: bumpItem(id: \"a\") { count } b: bumpItem(id: \"zz\") { count } c: bumpItem(id: \"a\", by: 5) { count } }", {}, "staff");
    expect(result.data).toEqual({ a: { count: 1 }, b: null, c: { count: 6 } } as never);
    expect(result.errors).toMatchObject([{ path: ["b"], extensions: { code: "NOT_FOUND", status: 404 } }]);
  });

  test("the record of a write is read under the caller's rights", async () => {
    expect(await dataOf("mutation { createNote(input: { id: \"n\", text: \"x\" }) { id ownerId } }", {}, "owner")).toEqual({ createNote: { id: "n", ownerId: "owner" } } as never);
    expect(codesOf(await app.ask("mutation { updateNote(id: \"n\", patch: { text: \"y\" }) { id } }", {}, "other"))).toEqual(["INVALID_DOCUMENT"]);
    await dataOf("mutation { removeNote(id: \"n\") { id } }", {}, "owner");
  });

  test("an Idempotency-Key holds for each field of the mutation", async () => {
    const headers = { "idempotency-key": `a key of ${Math.floor(performance.now() * 1e6)}`.replaceAll(" ", "-") };
    const twice = "mutation { a: bumpItem(id: \"a\") { count title } b: bumpItem(id: \"a\") { count parts { id } } }";
    const first = await app.ask(twice, {}, "staff", headers);
    expect(first.data).toEqual({ a: { count: 1, title: "Anvil" }, b: { count: 2, parts: [] } } as never);
    expect(await app.ask(twice, {}, "staff", headers)).toEqual(first);
    expect(codesOf(await app.ask("mutation { a: bumpItem(id: \"b\") { count } }", {}, "staff", headers))).toEqual(["IDEMPOTENCY_MISMATCH"]);
  });
});

describe("calls", () => {
  test("records in answers are read again with the selection", async () => {
    await dataOf("mutation { createPart(input: { id: 1, name: \"bolt\", itemId: \"a\" }) { id } }");
    expect(await dataOf("mutation { renameItem(id: \"a\", title: \"Amboss\") { t: title parts { name item { title } } } }")).toEqual({ renameItem: { t: "Amboss", parts: [{ name: "bolt", item: { title: "Amboss" } }] } } as never);
    expect(await dataOf("mutation { cheapestItem(limit: 5) { id x: title parts { id } } }")).toEqual({ cheapestItem: [{ id: "a", x: "Amboss", parts: [{ id: 1 }] }, { id: "b", x: "Brush", parts: [] }] } as never);
    expect(await dataOf("mutation { cheapestItem(limit: 5) { id parts { id } } }", {}, null)).toEqual({ cheapestItem: [{ id: "a", parts: [{ id: 1 }] }] } as never);
    expect(await dataOf("mutation { dropItem(id: \"b\") { id title } }")).toEqual({ dropItem: { id: "b", title: "Brush" } } as never);
    expect(await dataOf("mutation { dropItem(id: \"a\") { id parts { id } maker { id } } }")).toEqual({ dropItem: { id: "a", parts: [], maker: null } } as never);
  });

  test("endpoints: the safe one is a query, pages have a cursor", async () => {
    expect(await dataOf("{ sum(of: [1, 2]) { t: total count } }", {}, null)).toEqual({ sum: { t: 3, count: 2 } } as never);
    expect(await dataOf("mutation($l: [Line!]!) { order(lines: $l) { total } }", { l: [{ sku: "A", quantity: 2 }] }, null)).toEqual({ order: { total: 2 } } as never);
    const first = await dataOf("{ liveItems(limit: 1) { next rows { id title parts { id } } } }") as { liveItems: { next: string } };
    expect(first as unknown).toEqual({ liveItems: { next: expect.any(String), rows: [{ id: "a", title: "Anvil", parts: [] }] } });
    expect(await dataOf("query($a: String) { liveItems(limit: 1, after: $a) { rows { id } } }", { a: first.liveItems.next })).toEqual({ liveItems: { rows: [{ id: "b" }] } } as never);
  });
});

describe("races", () => {
  test("of many who create with one unique value one wins, over GraphQL and REST together", async () => {
    const body = { sku: "RACE", title: "R", price: 1 };
    const graphql = Array.from({ length: 15 }, async () => codesOf(await app.ask("mutation($i: ItemInput!) { createItem(input: $i) { id } }", { i: body }, "staff"))[0] ?? "won");
    const rest = Array.from({ length: 15 }, async () => (await app.rest("POST", "/items", body, "staff")).code ?? "won");
    const outcomes = await Promise.all([...graphql, ...rest]);
    expect(outcomes.filter((outcome) => outcome === "won")).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === "UNIQUE_VIOLATION")).toHaveLength(29);
  });

  test("no bump of a counter is lost", async () => {
    const results = await Promise.all(Array.from({ length: 20 }, () => app.ask("mutation { a: bumpItem(id: \"a\") { count } b: bumpItem(id: \"a\") { count } }", {}, "staff")));
    expect(results.flatMap(codesOf)).toEqual([]);
    expect(await dataOf("{ item(id: \"a\") { count } }")).toEqual({ item: { count: 40 } } as never);
  });
});

test("a query over three relations of 1,000 rows runs as many statements as over ten", async () => {
  const count = async (query: string): Promise<{ statements: number; screws: number }> => {
    const { reader } = app.running.storage;
    const plain = reader.query.bind(reader);
    const texts: string[] = [];
    Object.assign(reader, { query: (sql: string) => { texts.push(sql); return plain(sql); } });
    try {
      const { itemList } = await dataOf(query) as { itemList: { rows: { parts: { screws: unknown[] }[] }[] } };
      return { statements: texts.length, screws: itemList.rows.flatMap(({ parts }) => parts.flatMap(({ screws }) => screws)).length };
    } finally {
      Object.assign(reader, { query: plain });
    }
  };
  const query = "{ itemList(filter: { sku: { like: \"BIG-*\" } }) { rows { id maker { name } parts { name screws { id part { item { title } } } } labels { id } } } }";
  const fill = async (from: number, to: number): Promise<void> => {
    const numbers = Array.from({ length: to - from }, (_, index) => from + index);
    await dataOf("mutation($i: [ItemInput!]!, $p: [PartInput!]!, $s: [ScrewInput!]!) { createItemList(inputs: $i) { affected } createPartList(inputs: $p) { affected } createScrewList(inputs: $s) { affected } }", {
      i: numbers.map((n) => ({ id: `big${n}`, sku: `BIG-${n}`, title: "B", price: 1 })), p: numbers.map((n) => ({ id: 1_000 + n, name: "p", itemId: `big${n}` })), s: numbers.map((n) => ({ id: 1_000 + n, partId: 1_000 + n })),
    });
  };
  await fill(0, 10);
  await dataOf(query);
  const few = await count(query);
  await fill(10, 1_000);
  await dataOf(query);
  const many = await count(query);
  expect([few.screws, many.screws]).toEqual([10, 1_000]);
  expect(few.statements).toBeLessThanOrEqual(3);
  expect(many.statements).toBeLessThanOrEqual(few.statements);
}, 120_000);
