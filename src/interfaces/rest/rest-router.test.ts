import { expect, test } from "bun:test";
import { compileSchema } from "../../schema/compile-schema.ts";
import { createRestRouter } from "./rest-router.ts";

const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text: `
type Product @table @export(name: "products") @allow(to: ["public"], do: [READ]) {
  id: ID! @primaryKey
  cancel(reason: String): Boolean @action @allow(to: ["public"])
  reprice(by: Int!): Boolean @action(on: TABLE) @allow(to: ["public"])
}
type Kept @table(history: "P9D", trash: "P9D") @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey }
type Local @table @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey }
type Graph @table @export(over: [GRAPHQL]) @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey }
type Endpoints {
  quote(sku: String!): Int @http(method: GET, path: "/quote/{sku}") @allow(to: ["public"])
  best: Int @http(method: GET, path: "/quote/best") @allow(to: ["public"])
  order(id: String!): Int @http(path: "/shop/{id}/order") @allow(to: ["public"])
  inside: Int @allow(to: ["public"])
}` });
const router = createRestRouter(catalog);

test("the schema has no problem but an interface of later", () => expect(diagnostics.filter((one) => one.code !== "NOT_AVAILABLE").map((one) => `${one.code} ${one.message}`)).toEqual([]));

const rows: readonly (readonly [string, string, string | null])[] = [
  ["GET", "products", "/products"], ["HEAD", "products", "/products"], ["POST", "products", "/products"], ["PATCH", "products", "/products"], ["DELETE", "products", "/products"], ["PUT", "products", null],
  ["GET", "products/1", "/products/{id}"], ["PUT", "products/1", "/products/{id}"], ["POST", "products/1", null],
  ["POST", "products/1/cancel", "/products/{id}/cancel"], ["GET", "products/1/cancel", null], ["POST", "products/1/reprice", null],
  ["POST", "products/reprice", "/products/reprice"], ["GET", "products/reprice", "/products/{id}"], ["POST", "products/cancel", null],
  ["GET", "Kept/1/history", "/Kept/{id}/history"], ["HEAD", "Kept/1/history", "/Kept/{id}/history"], ["POST", "Kept/1/history", null], ["POST", "Kept/1/restore", "/Kept/{id}/restore"], ["GET", "Kept/1/restore", null],
  ["GET", "products/1/history", null], ["POST", "products/1/restore", null], ["GET", "Kept/history", "/Kept/{id}"], ["POST", "Kept/1/restore/2", null],
  ["GET", "products/", null], ["GET", "products/1/", null], ["GET", "products/1/2/3", null], ["GET", "Product", null], ["GET", "Local", null], ["GET", "Graph", null],
  ["GET", "quote/x", "/quote/{sku}"], ["GET", "quote/best", "/quote/best"], ["HEAD", "quote/x", "/quote/{sku}"], ["POST", "quote/x", null], ["GET", "quote/", null], ["POST", "shop/7/order", "/shop/{id}/order"],
  ["GET", "rpc/quote", "/rpc/quote"], ["POST", "rpc/quote", "/rpc/quote"], ["POST", "rpc/order", "/rpc/order"], ["GET", "rpc/order", null], ["POST", "rpc/inside", null], ["POST", "rpc/__proto__", null], ["POST", "rpc", null],
  ["GET", "", null], ["GET", "__proto__", null], ["GET", "constructor/1", null],
];
for (const [method, path, name] of rows) test(`${method} /${path}`, () => expect(router.find(method, path.split("/"))?.name ?? null).toBe(name));

test("methods of a path", () => {
  expect(router.methods(["products"])).toEqual(["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"]);
  expect(router.methods(["products", "1"])).toEqual(["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]);
  expect(router.methods(["products", "1", "cancel"])).toEqual(["POST", "OPTIONS"]);
  expect(router.methods(["products", "reprice"])).toEqual(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
  expect(router.methods(["nothing"])).toEqual([]);
});

test("the nearest path", () => {
  const nearest = (path: string): string | null => router.nearest(path.split("/"));
  expect(["Product", "product/1", "products/1/cancle", "qoute/x", "rpc/qoute"].map(nearest)).toEqual(["/products", "/products/1", "/products/1/cancel", "/quote/x", "/rpc/quote"]);
  expect(["unlike", "products/1/unlike", "products/1", "rpc/unlike", "rpc", ""].map(nearest)).toEqual([null, null, null, null, null, null]);
});

test("what the path holds", () => {
  expect(router.find("GET", ["quote", "a/b"])?.target).toMatchObject({ kind: "endpoint", path: { sku: "a/b" }, alias: false });
  expect(router.find("GET", ["products", "a/b"])?.target).toMatchObject({ kind: "record", id: "a/b" });
});
