// A decision about one subject: a model reads rows of this subject alone, whatever its arguments and however it gets there, and of tables that have
// nothing to do with it what the caller may.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { answers, startBoundsApp, type BoundsApp } from "./bounds-app.ts";

const schema = `type Verdict { ok: Boolean! }
type Customer @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey name: String! orders: [Order!]! @relationship(to: "customerId") }
type Order @table @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey customerId: ID! @indexed customer: Customer! @relationship(from: "customerId") total: Int! lines: [Line!]! @relationship(to: "orderId") }
type Line @table @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey orderId: ID! @indexed order: Order! @relationship(from: "orderId") sku: ID! @indexed product: Product @relationship(from: "sku") }
type Product @table @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey lines: [Line!]! @relationship(to: "sku") }
type Decisions {
  """Judge."""
  judge(customerId: ID!): Verdict! @decision(mode: ENFORCE, subject: "'Customer:' + input.customerId") @export @allow(to: ["support"])
    @mayRead(name: "orders", query: "Order?total=gte.{?atLeast: Int}&order=id&select=id")
    @mayRead(name: "order", query: "Order/{?id: ID}?select=id")
    @mayRead(name: "customers", query: "Customer?name=eq.{?name: String}&select=id")
    @mayRead(name: "lines", query: "Line?sku=eq.{?sku: ID}&order=id&select=id,order(id,customer(name))")
    @mayRead(name: "products", query: "Product?id=eq.{?id: ID}&select=id,lines(id)")
    @mayRead(name: "total", query: "Order?total=gte.{?atLeast: Int}&select=sum:total.sum()")
    @fallback(value: { ok: false })
}`;

let bounds: BoundsApp;
beforeAll(async () => {
  bounds = await startBoundsApp(schema);
  await bounds.write("Product", "p", {});
  for (const [customer, name] of [["a", "Ada"], ["b", "Bob"]] as const) {
    await bounds.write("Customer", customer, { name });
    await bounds.write("Order", `o${customer}`, { customerId: customer, total: 10 });
    await bounds.write("Line", `l${customer}`, { orderId: `o${customer}`, sku: "p" });
  }
});
afterAll(async () => { await bounds?.stop(); });

test.each([
  ["orders", { atLeast: 0 }, [{ id: "oa" }]],
  ["order", { id: "oa" }, { id: "oa" }],
  ["order", { id: "ob" }, null],
  ["customers", { name: "Ada" }, [{ id: "a" }]],
  ["customers", { name: "Bob" }, []],
  ["lines", { sku: "p" }, [{ id: "la", order: { id: "oa", customer: { name: "Ada" } } }]],
  ["products", { id: "p" }, [{ id: "p", lines: [{ id: "la" }] }]],
  ["total", { atLeast: 0 }, [{ sum: 10 }]],
])("%s %j", async (name, args, expected) => {
  bounds.model.requests.length = 0;
  bounds.model.script = (_request, count) => (count === 1 ? [{ name, arguments: args }] : [answers({ ok: true })]);
  expect(await bounds.decide("judge", { customerId: "a" })).toMatchObject({ source: "model" });
  expect(JSON.parse(bounds.model.requests[1]!.messages.at(-1)!.content as string)).toEqual(expected);
});
