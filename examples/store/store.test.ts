/// <reference path="./.ambit/types.d.ts" />
// Run by `npx ambit test examples/store`: each test has a database of its own.
import { expect, test, type TestApp } from "ambit/test";

/** A shop with one product, of which `available` are in Berlin. */
async function open({ administrator }: TestApp, available: number): Promise<void> {
  await administrator.post("/Warehouse", { id: "berlin", name: "Berlin", place: { lat: 52.52, lon: 13.4 } });
  await administrator.post("/Product", { id: "lamp", sku: "LAMP-1", title: "Lamp", category: "KITCHEN", price: 1_500, cost: 900, published: true });
  await administrator.post("/Stock", { productId: "lamp", warehouseId: "berlin", available });
}

async function order({ as }: TestApp, quantity: number) {
  const customer = as("ann", "customer");
  const cart = (await customer.post("/Cart", {}, { prefer: "return=representation" })).body[0].id;
  await customer.post(`/Cart/${cart}/fill`, { lines: [{ sku: "LAMP-1", quantity }] });
  return customer.post(`/Cart/${cart}/checkout`, {});
}

test("an order takes its stock and empties the cart", async (app) => {
  await open(app, 3);
  const { status, body } = await order(app, 2);
  expect(status).toBe(200);
  expect(body).toMatchObject({ status: "PENDING", total: 3_000, customerId: "ann", warehouseId: "berlin", number: "1" });
  expect((await app.anonymous.get("/availability/LAMP-1")).body).toEqual({ sku: "LAMP-1", available: 1 });
  expect((await app.as("ann", "customer").get("/Cart?select=total,lineCount,lines(sku)")).body).toEqual([{ total: 0, lineCount: 0, lines: [] }]);
});

test("what is not there cannot be ordered", async (app) => {
  await open(app, 1);
  expect((await order(app, 2)).body.code).toBe("OUT_OF_STOCK");
  expect((await app.anonymous.get("/availability/LAMP-1")).body.available).toBe(1);
});

test("a cancelled order gives its stock back, once", async (app) => {
  await open(app, 5);
  const { id } = (await order(app, 5)).body;
  const customer = app.as("ann", "customer");
  expect((await customer.post(`/Order/${id}/cancel`, { reason: "too bright" })).body).toMatchObject({ status: "CANCELLED", cancelReason: "too bright" });
  expect((await customer.post(`/Order/${id}/cancel`, {})).body.code).toBe("ILLEGAL_STEP");
  expect((await app.anonymous.get("/availability/LAMP-1")).body.available).toBe(5);
});

test("an order that is not paid in time gives its stock back", async (app) => {
  await open(app, 5);
  const { id } = (await order(app, 5)).body;
  app.clock.advance("PT15M");
  await app.runJobs();
  const customer = app.as("ann", "customer");
  expect((await customer.get(`/Order/${id}`)).body.status).toBe("PAYMENT_FAILED");
  expect((await customer.post(`/Order/${id}/cancel`, {})).body.status).toBe("CANCELLED");
  expect((await app.anonymous.get("/availability/LAMP-1")).body.available).toBe(5);
});

test("a cart is gone after thirty days without a change", async (app) => {
  const customer = app.as("ann", "customer");
  await customer.post("/Cart", {});
  app.clock.advance("P29D");
  expect((await customer.get("/Cart?select=id")).body).toHaveLength(1);
  app.clock.advance("P1D");
  expect((await customer.get("/Cart?select=id")).body).toEqual([]);
});

test("nobody sells below cost", async (app) => {
  const merchant = app.as("mia", "merchant");
  const { status, body } = await merchant.post("/Product", { sku: "LOSS-1", title: "Loss", category: "TOYS", price: 1, cost: 2 });
  expect([status, body.code, body.message]).toEqual([422, "CHECK_FAILED", "We do not sell below cost."]);
});

test("the same order over GraphQL, with what belongs to it in one answer", async (app) => {
  await open(app, 3);
  const ask = async (query: string, variables: object = {}) => (await app.as("ann", "customer").post("/graphql", { query, variables })).body;
  const cart = (await ask("mutation { createCart(input: {}) { id } }")).data.createCart.id;
  const { data } = await ask(`mutation($cart: ID!, $lines: [LineInput!]!) {
    fillCart(id: $cart, lines: $lines) { total lines { sku quantity } }
    checkoutCart(id: $cart) { number status total lines { quantity product { title } } warehouse { name } }
  }`, { cart, lines: [{ sku: "LAMP-1", quantity: 2 }] });
  expect(data).toEqual({
    fillCart: { total: 3_000, lines: [{ sku: "LAMP-1", quantity: 2 }] },
    checkoutCart: { number: "1", status: "PENDING", total: 3_000, lines: [{ quantity: 2, product: { title: "Lamp" } }], warehouse: { name: "Berlin" } },
  });
  expect((await ask("mutation($cart: ID!) { checkoutCart(id: $cart) { id } }", { cart })).errors[0].extensions).toMatchObject({ code: "CART_EMPTY", status: 409 });
  expect((await ask("{ productList { rows { cost } } }")).errors[0].extensions.code).toBe("INVALID_DOCUMENT");
});
