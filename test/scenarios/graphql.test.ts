// GraphQL over a whole app: values, selections, filters, pages, groups, writes, calls; and the same rows, errors and denials as over REST.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { startGraphqlApp, type GraphqlApp, type GraphqlResult } from "./graphql-app.ts";

let app: GraphqlApp;
beforeAll(async () => { app = await startGraphqlApp("pageRows: 100, bulkRows: 50, listValues: 40"); });
afterAll(() => app?.stop());

const anvil = {
  id: "a", sku: "A-1", title: "Anvil", status: "LIVE", price: 500, cost: 100, count: 3, serial: "9007199254740993", exact: "1.50", ratio: 0.5, at: "2026-01-31T12:00:00.000Z", day: "2026-01-31", span: "PT30S",
  spot: { lat: 1.5, lon: 2, inner: { note: "n", big: "5" } }, tags: ["x", "y"], more: { n: 1.25, deep: [1, null] }, raw: "AAEC", makerId: "m",
};
const items = [anvil, { id: "b", sku: "B-1", title: "Brush", price: 5, cost: 1 }, { id: "c/d?e", sku: "C-1", title: "Zange, \"groß\" 😀", status: "LIVE", price: 50, cost: 1, makerId: "m" }];

beforeEach(async () => {
  await app.running.tables.commit((session) => {
    for (const table of ["Screw", "Labelling", "Label", "Part", "Item", "Maker", "Note", "Drop", "OnlyGraphql"]) {
      const ids = session.connection.query(`SELECT id FROM "${table}"`).all().map((row) => row["id"]);
      for (const id of ids) session.write({ kind: "remove", table, id: id as string, precondition: null }, { dialect: "wire", authority: null, sent: null });
    }
    const create = (table: string, input: object): unknown => session.write({ kind: "create", table, input: input as never, onConflict: null }, { dialect: "wire", authority: null, sent: null });
    create("Maker", { id: "m", name: "Meier" });
    for (const item of items) create("Item", item);
    create("Part", { id: 1, name: "bolt", itemId: "a" });
    create("Part", { id: 2, name: "nut", itemId: "a" });
    create("Part", { id: 3, name: "hair", itemId: "b" });
    create("Screw", { id: 1, partId: 1 });
    create("Label", { id: "new" });
    create("Labelling", { id: "l", itemId: "a", labelId: "new" });
    create("Note", { id: "n1", ownerId: "owner", text: "mine" });
    create("Note", { id: "n2", ownerId: "other", text: "theirs" });
  }, { actor: "test", requestId: "seed" });
});

const codesOf = ({ errors }: GraphqlResult): string[] => (errors ?? []).map(({ extensions }) => extensions.code);

async function dataOf(query: string, variables: object = {}, role: string | null = null): Promise<unknown> {
  const result = await app.ask(query, variables, role);
  expect(codesOf(result)).toEqual([]);
  return result.data;
}

describe("what comes out", () => {
  test("every type of value, whole and in parts", async () => {
    const all = "id sku title status price cost count serial exact ratio at day span spot { lat lon inner { note big } } tags more raw place { lat } makerId";
    expect(await dataOf(`{ item(id: "a") { ${all} } }`, {}, "staff")).toEqual({ item: { ...anvil, place: null } });
    expect(await dataOf(`{ itemList(filter: { id: { eq: "a" } }) { rows { ${all} } } }`, {}, "staff")).toEqual({ itemList: { rows: [{ ...anvil, place: null }] } });
    expect(await dataOf("{ item(id: \"a\") { s: spot { x: lat i: inner { b: big } } } }")).toEqual({ item: { s: { x: 1.5, i: { b: "5" } } } });
  });

  test("filters of the relations of one record, of a list and of what was written", async () => {
    const parts = "parts(filter: { name: { eq: \"nut\" } }) { id }";
    expect(await dataOf(`{ item(id: "a") { ${parts} } }`)).toEqual({ item: { parts: [{ id: 2 }] } });
    expect(await dataOf(`{ itemList(filter: { id: { eq: "a" } }) { rows { ${parts} } } }`)).toEqual({ itemList: { rows: [{ parts: [{ id: 2 }] }] } });
    expect(await dataOf(`mutation { updateItem(id: "a", patch: { title: "Anvil" }) { ${parts} } }`, {}, "staff")).toEqual({ updateItem: { parts: [{ id: 2 }] } });
  });

  test("fragments, directives, aliases, __typename", async () => {
    const query = `query($no: Boolean!, $yes: Boolean = true) {
      one: item(id: "a") { ...names  ... on Item @include(if: $yes) { price } cost: price @skip(if: $yes) kind: __typename parts { ...part } parts { id } }
      two: item(id: "a") { __typename }
      list: itemList(order: [{ id: ASC }]) { __typename rows { __typename } }
      skipped: item(id: "a") @include(if: $no) { id }
    }
    fragment names on Item { id name: title parts { name } }
    fragment part on Part { id item { id } }`;
    expect(await dataOf(query, { no: false })).toEqual({
      one: { id: "a", name: "Anvil", price: 500, kind: "Item", parts: [{ id: 1, name: "bolt", item: { id: "a" } }, { id: 2, name: "nut", item: { id: "a" } }] },
      two: { __typename: "Item" }, list: { __typename: "ItemPage", rows: [{ __typename: "Item" }, { __typename: "Item" }] },
    });
  });

  test("an alias that is another field's, another relation's or JavaScript's name is only an alias", async () => {
    expect(await dataOf(`{ itemList(filter: { maker: { name: { eq: "Meier" } }, parts: {} }, order: [{ maker: { name: ASC } }]) { rows { maker: parts { id } parts: maker { name } labels: partsAggregate { count } id: title constructor: id } } }`))
      .toEqual({ itemList: { rows: [{ maker: [{ id: 1 }, { id: 2 }], parts: { name: "Meier" }, labels: [{ count: 2 }], id: "Anvil", constructor: "a" }] } });
    const { data } = await app.ask("{ item(id: \"a\") { __proto__: sku toString: id maker { __proto__: name } } }");
    expect(JSON.stringify(data)).toBe('{"item":{"__proto__":"A-1","toString":"a","maker":{"__proto__":"Meier"}}}');
  });

  test("relations of every kind, nested, with their own filter, order and page", async () => {
    const query = `{ makerList { rows { items(filter: { status: { eq: LIVE } }, order: [{ price: DESC }], limit: 1, offset: 1) { id maker { id } labels { id } } all: items { parts(filter: { name: { like: "b*" } }) { screws { id part { item { id } } } } } } } }`;
    expect(await dataOf(query)).toEqual({
      makerList: { rows: [{ items: [{ id: "c/d?e", maker: { id: "m" }, labels: [] }], all: [{ parts: [{ screws: [{ id: 1, part: { item: { id: "a" } } }] }] }, { parts: [] }] }] },
    });
  });

  test("pages: total, cursor, several selections of one list", async () => {
    const page = "query($after: String) { itemList(order: [{ price: DESC }], limit: 1, after: $after) { total next rows { id } again: rows { title } } }";
    const first = await dataOf(page, {}) as { itemList: { total: number; next: string; rows: object[]; again: object[] } };
    expect(first.itemList).toMatchObject({ total: 2, rows: [{ id: "a" }], again: [{ title: "Anvil" }] });
    const second = await dataOf(page, { after: first.itemList.next }) as typeof first;
    expect(second.itemList.rows).toEqual([{ id: "c/d?e" }]);
    expect(await dataOf("{ itemList { total } }", {}, "staff")).toEqual({ itemList: { total: 3 } });
    expect(await dataOf("{ itemList(limit: 1) { next } }", {}, "staff")).toEqual({ itemList: { next: expect.any(String) as string } });
    expect(codesOf(await app.ask("{ itemList(after: \"nonsense\") { total rows { id } } }"))).toEqual(["MALFORMED_CURSOR"]);
  });

  test("groups, alone and in relations", async () => {
    expect(await dataOf("{ itemAggregate(order: [{ status: DESC }]) { n: count key: by { s: status } sum { price serial exact count } avg { price } min { title at } max { price } } }", {}, "staff")).toEqual({
      itemAggregate: [
        { n: 2, key: { s: "LIVE" }, sum: { price: 550, serial: "9007199254740993", exact: "1.50", count: 3 }, avg: { price: 275 }, min: { title: "Anvil", at: "2026-01-31T12:00:00.000Z" }, max: { price: 500 } },
        { n: 1, key: { s: "DRAFT" }, sum: { price: 5, serial: null, exact: null, count: 0 }, avg: { price: 5 }, min: { title: "Brush", at: null }, max: { price: 5 } },
      ],
    });
    expect(await dataOf("{ itemAggregate { __typename by { __typename } } makerList { rows { itemsAggregate(filter: { price: { gt: 100 } }) { count max { price } } } } }"))
      .toEqual({ itemAggregate: [{ __typename: "ItemAggregate", by: { __typename: "ItemGroup" } }], makerList: { rows: [{ itemsAggregate: [{ count: 1, max: { price: 500 } }] }] } });
  });

  test("a table with fields named like arguments and groups, exported over GraphQL alone", async () => {
    expect(await dataOf("mutation { createOnlyGraphqlList(inputs: [{ id: \"x\", order: 2, and: true }, { id: \"y\", order: 1 }]) { affected } }")).toEqual({ createOnlyGraphqlList: { affected: 2 } });
    expect(await dataOf("{ onlyGraphqlList(filter: { and_: [{ order: { gt: 0 } }, { and: { is: TRUE } }] }, order: [{ order: ASC }]) { rows { order and } } }")).toEqual({ onlyGraphqlList: { rows: [{ order: 2, and: true }] } });
    expect(await app.rest("GET", "/OnlyGraphql")).toMatchObject({ status: 404 });
    for (const query of ["{ onlyRestList { total } }", "{ hiddenList { total } }", "{ onlyHttp }"]) expect(codesOf(await app.ask(query, {}, "administrator"))).toEqual(["INVALID_DOCUMENT"]);
  });
});

/** A filter over REST and over GraphQL: the same rows or the same code. `variables` where the document has some. */
const filters: readonly (readonly [rest: string, filter: string, variables?: readonly [type: string, value: unknown]])[] = [
  ["price=eq.500", "{ price: { eq: 500 } }"], ["price=neq.500", "{ price: { neq: 500 } }"], ["price=gt.5&price=lt.500", "{ price: { gt: 5, lt: 500 } }"],
  ["serial=eq.9007199254740993", "{ serial: { eq: 9007199254740993 } }"], ["serial=eq.9007199254740993", "{ serial: { eq: $v } }", ["Long", "9007199254740993"]], ["serial=eq.9007199254740992", "{ serial: { eq: $v } }", ["Long", "9007199254740992"]],
  ["exact=gte.1.5", "{ exact: { gte: \"1.5\" } }"], ["exact=eq.abc", "{ exact: { eq: \"abc\" } }"], ["at=lt.2026-02-01T00:00:00%2B01:00", "{ at: { lt: \"2026-02-01T00:00:00+01:00\" } }"], ["at=gt.yesterday", "{ at: { gt: \"yesterday\" } }"],
  ["day=in.(2026-01-31,2026-02-01)", "{ day: { in: $v } }", ["[Date!]", ["2026-01-31", "2026-02-01"]]], ["span=gt.PT5S", "{ span: { gt: \"PT5S\" } }"], ["title=like.A*", "{ title: { like: \"A*\" } }"], ["title=ilike(any).{a*,b*}", "{ title: { ilikeAny: [\"a*\", \"b*\"] } }"],
  ["title=match.^Z", "{ title: { match: \"^Z\" } }"], ["title=match.(", "{ title: { match: \"(\" } }"], ["title=fts.anvil", "{ title: { fts: \"anvil\" } }"], ["sku=fts.a", "{ sku: { fts: \"a\" } }"],
  ["status=eq.LIVE", "{ status: { eq: LIVE } }"], ["status=in.(LIVE,GONE)", "{ status: { in: [LIVE, GONE] } }"], ["count=is.null", "{ count: null }"], ["at=is.null", "{ at: { is: NULL } }"], ["at=not.is.null", "{ at: { is: NOT_NULL } }"], ["at=is.null", "{ at: { eq: null } }"],
  ["price=isdistinct.5", "{ price: { isdistinct: 5 } }"], ["title=is.true", "{ title: { is: TRUE } }"], ["tags=cs.{x}", "{ tags: { cs: [\"x\"] } }"], ["tags=ov.{q,y}", "{ tags: { ov: [\"q\", \"y\"] } }"], ["tags=eq.{x,y}", "{ tags: { eq: [\"x\", \"y\"] } }"],
  ["more=cs.{\"n\":1.25}", "{ more: { cs: { n: 1.25 } } }"], ["more=eq.{\"any\":[1]}", "{ more: { eq: { any: [1] } } }"], ["more=eq.{\"any\":[1]}", "{ more: { eq: $v } }", ["JSON", { any: [1] }]], ["more->n=gt.1", "{ more: { at: { path: [\"n\"], value: { gt: 1 } } } }"], ["more->>n=eq.1.25", "{ more: { at: { path: [\"n\"], text: { eq: \"1.25\" } } } }"], ["more->deep->0=eq.1", "{ more: { at: { path: [\"deep\", \"0\"], value: { eq: 1 } } } }"],
  ["more->deep->1=is.null", "{ more: { at: { path: [\"deep\"], value: { at: { path: [\"1\"], value: null } } } } }"], ["more->nosuch=not.is.null", "{ more: { not: { at: { path: [\"nosuch\"], value: null } } } }"], ["spot->lat=gt.1", "{ spot: { lat: { gt: 1 } } }"], ["spot->inner->>note=eq.n", "{ spot: { inner: { note: { eq: \"n\" } } } }"],
  ["or=(price.eq.5,title.eq.Anvil)", "{ or: [{ price: { eq: 5 } }, { title: { eq: \"Anvil\" } }] }"], ["not.and=(price.gt.5,price.lt.100)", "{ not: { price: { gt: 5, lt: 100 } } }"], ["price=not.gt.5", "{ price: { not: { gt: 5 } } }"],
  ["select=*,parts!inner()&parts.name=eq.nut", "{ parts: { name: { eq: \"nut\" } } }"], ["parts=is.null", "{ parts: null }"], ["maker=not.is.null", "{ maker: {} }"], ["labels=not.is.null", "{ labels: { id: { eq: \"new\" } } }"], ["cost=gt.50", "{ cost: { gt: 50 } }"],
  ["id=in.(a,b,c)", "{ id: { in: $v } }", ["[ID!]", Array.from({ length: 3 }, (_, index) => "abc"[index])]], [`price=in.(${Array.from({ length: 41 }, (_, index) => index).join(",")})`, "{ price: { in: $v } }", ["[Money!]", Array.from({ length: 41 }, (_, index) => index)]],
];

describe("the same as REST", () => {
  test.each(filters.map(([rest, filter, variables = null]) => [rest, filter, variables] as const))("%s", async (rest, filter, variables) => {
    for (const role of [null, "staff"]) {
      const expected = await app.rest("GET", `/items?${rest}&order=id&limit=50`, undefined, role);
      const head = variables === null ? "" : `query($v: ${variables[0]})`;
      const result = await app.ask(`${head}{ itemList(filter: ${filter}, order: [{ id: ASC }], limit: 50) { rows { id price } } }`, variables === null ? {} : { v: variables[1] }, role);
      const code = codesOf(result)[0] ?? null;
      // A name that is not there is not valid GraphQL in the first place.
      expect(code === "INVALID_DOCUMENT" ? "UNKNOWN_FIELD" : code).toBe(expected.code);
      if (code === null) expect((result.data as unknown as { itemList: { rows: { id: string }[] } }).itemList.rows.map(({ id }) => id)).toEqual((expected.json as { id: string }[]).map(({ id }) => id));
    }
  });

  const reads: readonly (readonly [rest: string, field: string, code: string])[] = [
    ["/items?limit=101", "itemList(limit: 101) { rows { id } }", "MALFORMED_QUERY"], ["/items?limit=-1", "itemList(limit: -1) { rows { id } }", "MALFORMED_QUERY"],
    ["/items?search=%22", "itemList(search: \"\\\"\") { rows { id } }", ""], ["/items?order=spot", "itemList(order: [{ spot: ASC }]) { rows { id } }", "INVALID_DOCUMENT"],
    ["/items?select=price.sum(),count()", "itemAggregate { sum { price } count }", ""],
  ];
  test.each(reads)("%s", async (path, field, code) => {
    const rest = await app.rest("GET", path);
    const result = await app.ask(`{ ${field} }`);
    expect(codesOf(result)[0] ?? "").toBe(code);
    if (code !== "INVALID_DOCUMENT") expect(rest.code ?? "").toBe(code);
  });

  const writes: readonly (readonly [name: string, rest: readonly [method: string, path: string, body?: unknown], mutation: string, role: string | null, code: string])[] = [
    ["a value out of range", ["POST", "/items", { sku: "N", title: "N", price: -1 }], "createItem(input: { sku: \"N\", title: \"N\", price: -1 }) { id }", "staff", "VALIDATION_FAILED"],
    ["a pattern", ["POST", "/items", { sku: "n n", title: "N", price: 1 }], "createItem(input: { sku: \"n n\", title: \"N\", price: 1 }) { id }", "staff", "VALIDATION_FAILED"],
    ["a time that is none", ["POST", "/items", { sku: "N", title: "N", price: 1, at: "soon" }], "createItem(input: { sku: \"N\", title: \"N\", price: 1, at: \"soon\" }) { id }", "staff", "VALIDATION_FAILED"],
    ["a check", ["POST", "/items", { sku: "N", title: "N", price: 1, cost: 2 }], "createItem(input: { sku: \"N\", title: \"N\", price: 1, cost: 2 }) { id }", "staff", "CHECK_FAILED"],
    ["a taken value", ["POST", "/items", { sku: "A-1", title: "N", price: 1 }], "createItem(input: { sku: \"A-1\", title: \"N\", price: 1 }) { id }", "staff", "UNIQUE_VIOLATION"],
    ["a missing reference", ["POST", "/Part", { id: 9, name: "n", itemId: "zz" }], "createPart(input: { id: 9, name: \"n\", itemId: \"zz\" }) { id }", "staff", "REFERENCE_VIOLATION"],
    ["what is still used", ["DELETE", "/Maker/zz"], "removeMaker(id: \"zz\") { id }", "staff", "NOT_FOUND"],
    ["nobody's record", ["PATCH", "/items/zz", { title: "N" }], "updateItem(id: \"zz\", patch: { title: \"N\" }) { id }", "staff", "NOT_FOUND"],
    ["another's note", ["PATCH", "/Note/n2", { text: "x" }], "updateNote(id: \"n2\", patch: { text: \"x\" }) { id }", "owner", "NOT_FOUND"],
    ["a text too long", ["PATCH", "/Note/n1", { text: "12345678901" }], "updateNote(id: \"n1\", patch: { text: \"12345678901\" }) { id }", "owner", "VALIDATION_FAILED"],
    ["another's name on it", ["DELETE", "/Note/n2"], "removeNote(id: \"n2\") { id }", "owner", "NOT_FOUND"],
    ["bulk without a filter", ["DELETE", "/Note"], "removeNoteList(filter: {}) { affected }", "owner", "FILTER_REQUIRED"],
    ["too many at once", ["POST", "/items", Array.from({ length: 51 }, (_, index) => ({ sku: `M-${index}`, title: "M", price: 1 }))], `createItemList(inputs: [${Array.from({ length: 51 }, (_, index) => `{ sku: "M-${index}", title: "M", price: 1 }`).join(" ")}]) { affected }`, "staff", "TOO_MANY_ROWS"],
    ["an action on nothing", ["POST", "/items/zz/rename", { title: "N" }], "renameItem(id: \"zz\", title: \"N\") { id }", "staff", "NOT_FOUND"],
    ["a fault of a body", ["POST", "/items/a/boom", {}], "boomItem(id: \"a\")", null, "INTERNAL"],
    ["what a body refuses", ["POST", "/order", { lines: [{ sku: "NONE", quantity: 1 }] }], "order(lines: [{ sku: \"NONE\", quantity: 1 }]) { total }", null, "OUT_OF_STOCK"],
    ["arguments out of range", ["POST", "/order", { lines: [{ sku: "A", quantity: 0 }] }], "order(lines: [{ sku: \"A\", quantity: 0 }]) { total }", null, "VALIDATION_FAILED"],
    ["too many arguments", ["POST", "/order", { lines: Array.from({ length: 4 }, () => ({ sku: "A", quantity: 1 })) }], `order(lines: [${"{ sku: \"A\", quantity: 1 }, ".repeat(4)}]) { total }`, null, "VALIDATION_FAILED"],
  ];
  test.each(writes)("%s", async (_name, [method, path, body], mutation, role, code) => {
    const rest = await app.rest(method, path, body, role);
    const result = await app.ask(`mutation { it: ${mutation} }`, {}, role);
    expect(rest.code).toBe(code);
    expect(result.data).toEqual({ it: null } as never);
    const problem = rest.json as { message: string; status: number; fix: string; details: unknown; where: unknown };
    const { message, extensions } = result.errors![0]!;
    const plain = (text: string): string => text.replace(/Incident \S+/, "Incident");
    expect({ message: plain(message), status: extensions.status, fix: extensions.fix, where: extensions.where, code: extensions.code }).toEqual({ message: plain(problem.message), status: problem.status, fix: problem.fix, where: problem.where as string, code });
    if (code !== "INTERNAL") expect(extensions.details).toEqual(problem.details);
    expect(JSON.stringify(result)).not.toContain("4711");
    expect(await dataOf("{ itemList { total } noteList { total } }", {}, "administrator")).toEqual({ itemList: { total: 3 }, noteList: { total: 2 } });
  });

  test("what nobody may do is not there", async () => {
    for (const mutation of ["createItem(input: {}) { id }", "removeItem(id: \"a\") { id }", "createNote(input: {}) { id }", "renameItem(id: \"a\", title: \"x\") { id }", "updateDrop(id: \"x\", patch: {}) { affected }"]) {
      expect(codesOf(await app.ask(`mutation { ${mutation} }`))).toContain("INVALID_DOCUMENT");
    }
    expect(await dataOf("mutation { createDrop(input: { text: \"in\" }) { affected } }")).toEqual({ createDrop: { affected: 1 } });
  });
});
