// A mutation with @transaction: its fields are one commit, in order, all or none; with code of the app in it or without, and repeated.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { startGraphqlApp, type GraphqlApp, type GraphqlResult } from "./graphql-app.ts";

let app: GraphqlApp;
beforeAll(async () => { app = await startGraphqlApp("graphqlOperations: 6"); });
afterAll(() => app?.stop());
beforeEach(async () => {
  await app.ask("mutation { removePartList(filter: { id: { is: NOT_NULL } }) { affected } removeItemList(filter: { sku: { is: NOT_NULL } }) { affected } }", {}, "staff");
  await app.ask("mutation { createItem(input: { id: \"a\", sku: \"A\", title: \"Anvil\", status: LIVE, price: 10, count: 1 }) { id } }", {}, "staff");
});

const staff = (query: string, variables: object = {}, headers: Record<string, string> = {}): Promise<GraphqlResult> => app.ask(query, variables, "staff", headers);
const positions = async (): Promise<number> => (await app.running.tables.commit((session) => session.head, { actor: "test", requestId: "head" })).value;
const stored = async (): Promise<unknown> => (await staff("{ itemList(order: [{ id: ASC }]) { rows { id title count } } partList(order: [{ id: ASC }]) { rows { id } } }")).data;

test("all fields are one commit, and each sees what those before it did", async () => {
  const before = await positions();
  const result = await staff(`mutation($title: String!) @transaction {
    __typename
    made: createItem(input: { id: "b", sku: "B", title: $title, status: LIVE, price: 5 }) { id parts { id } }
    createPart(input: { id: 1, name: "bolt", itemId: "b" }) { id item { title } }
    bulk: updateItemList(filter: { price: { lte: 10 } }, patch: { count: 7 }) { affected rows { id count } }
    removeItem(id: "a") { id title }
  }`, { title: "Brush" });
  expect(result).toEqual({
    data: {
      __typename: "Mutation", made: { id: "b", parts: [] }, createPart: { id: 1, item: { title: "Brush" } }, bulk: { affected: 2, rows: [{ id: "a", count: 7 }, { id: "b", count: 7 }] }, removeItem: { id: "a", title: "Anvil" },
    } as never,
  });
  expect(Object.keys(result.data!)).toEqual(["__typename", "made", "createPart", "bulk", "removeItem"]);
  expect(await stored()).toEqual({ itemList: { rows: [{ id: "b", title: "Brush", count: 7 }] }, partList: { rows: [{ id: 1 }] } });
  expect(await positions() - before).toBe(1);
});

const failing: readonly (readonly [name: string, fields: string, path: string, code: string])[] = [
  ["a record that is not there", "bumpItem(id: \"a\") { count } x: bumpItem(id: \"no\") { count }", "x", "NOT_FOUND"],
  ["a constraint", "createItem(input: { id: \"b\", sku: \"B\", title: \"x\", price: 1 }) { id } x: createItem(input: { sku: \"A\", title: \"x\", price: 1 }) { id }", "x", "UNIQUE_VIOLATION"],
  ["a check", "createItem(input: { id: \"b\", sku: \"B\", title: \"x\", price: 1 }) { id } x: updateItem(id: \"b\", patch: { cost: 5 }) { id }", "x", "CHECK_FAILED"],
  ["a value", "x: createItem(input: { sku: \"no spaces please\", title: \"x\", price: 1 }) { id } bumpItem(id: \"a\") { count }", "x", "VALIDATION_FAILED"],
  ["a key that cannot be", "bumpItem(id: \"a\") { count } x: removePart(id: 5) { id }", "x", "NOT_FOUND"],
  ["code that throws", "bumpItem(id: \"a\") { count } x: boomItem(id: \"a\")", "x", "INTERNAL"],
  ["code that refuses", "bumpItem(id: \"a\") { count } x: order(lines: [{ sku: \"NONE\", quantity: 1 }]) { total }", "x", "OUT_OF_STOCK"],
  ["a bulk write without a filter", "bumpItem(id: \"a\") { count } x: updateItemList(filter: {}, patch: { count: 9 }) { affected }", "x", "FILTER_REQUIRED"],
];
test.each(failing)("%s: nothing is done, and the error says where", async (_name, fields, path, code) => {
  const before = await stored();
  const { data, errors } = await staff(`mutation @transaction { ${fields} }`);
  expect({ data, errors: errors?.map((error) => [error.path, error.extensions.code]) }).toEqual({ data: null, errors: [[[path], code]] });
  expect(JSON.stringify(errors)).not.toContain("4711");
  expect(JSON.stringify(errors)).not.toContain("operations[");
  expect(await stored()).toEqual(before);
});

test("actions and endpoints take part; what they answer is read with its selection", async () => {
  const { data, errors } = await staff("mutation @transaction { createPart(input: { id: 3, name: \"nut\", itemId: \"a\" }) { id } bumpItem(id: \"a\", by: 4) { count parts { name } } renameItem(id: \"a\", title: \"New\") { title } order(lines: [{ sku: \"S\", quantity: 2 }]) { total } }");
  expect({ data, errors }).toEqual({ data: { createPart: { id: 3 }, bumpItem: { count: 5, parts: [{ name: "nut" }] }, renameItem: { title: "New" }, order: { total: 2 } } as never, errors: undefined });
});

test("rules hold for each field; a caller's schema has what they may do", async () => {
  expect((await app.ask("mutation @transaction { createDrop(input: { text: \"x\" }) { affected } }")).data).toEqual({ createDrop: { affected: 1 } } as never);
  expect((await app.ask("mutation @transaction { bumpItem(id: \"a\") { count } }")).errors?.[0]?.extensions.code).toBe("INVALID_DOCUMENT");
});

test("with an Idempotency-Key it is done once, and answered the same again", async () => {
  const key = { "idempotency-key": "a-key-of-some-length-4711" };
  const query = "mutation @transaction { bumpItem(id: \"a\", by: 2) { count } createPart(input: { id: 9, name: \"x\", itemId: \"a\" }) { id name } many: createItemList(inputs: [{ id: \"c\", sku: \"C\", title: \"C\", price: 3 }]) { affected rows { id } } }";
  const first = await staff(query, {}, key);
  expect(first.data).toEqual({ bumpItem: { count: 3 }, createPart: { id: 9, name: "x" }, many: { affected: 1, rows: [{ id: "c" }] } } as never);
  expect(await staff(query, {}, key)).toEqual(first);
  expect((await stored() as { itemList: { rows: { count: number }[] } }).itemList.rows[0]!.count).toBe(3);
});

test("bounds, and places where the directive does not belong", async () => {
  const many = Array.from({ length: 7 }, (_, index) => `a${index}: bumpItem(id: "a") { count }`).join(" ");
  expect((await staff(`mutation @transaction { ${many} }`)).errors?.[0]?.extensions.code).toBe("DOCUMENT_TOO_LARGE");
  for (const query of ["query @transaction { itemList { total } }", "mutation { bumpItem(id: \"a\") @transaction { count } }", "mutation @transaction @transaction { bumpItem(id: \"a\") { count } }", "mutation @transaction(a: 1) { bumpItem(id: \"a\") { count } }"]) {
    expect([query, (await staff(query)).errors?.[0]?.extensions.code]).toEqual([query, "INVALID_DOCUMENT"]);
  }
  expect((await staff("mutation @transaction { bumpItem(id: \"a\") @skip(if: true) { count } }")).data).toEqual({});
});

test("transactions at the same time: none is lost", async () => {
  const results = await Promise.all(Array.from({ length: 20 }, () => staff("mutation @transaction { x: bumpItem(id: \"a\") { count } y: bumpItem(id: \"a\") { count } }")));
  expect(results.flatMap(({ errors }) => errors ?? [])).toEqual([]);
  const { itemList: { rows } } = await stored() as { itemList: { rows: { count: number }[] } };
  expect(rows[0]!.count).toBe(41);
});
