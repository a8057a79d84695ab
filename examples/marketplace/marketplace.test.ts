/// <reference path="./.ambit/types.d.ts" />
// Run by `npx ambit test examples/marketplace`: each test has a database of its own.
import { expect, test, type TestApp } from "ambit/test";

async function sold(app: TestApp) {
  const sam = app.as("sam", "seller");
  await sam.post("/Seller", { id: "sam", name: "Sam" });
  await sam.post("/Listing", { id: "bike", title: "Red bike", category: "BIKES", price: 20_000, published: true });
  return app.as("bob", "buyer").post("/Listing/bike/buy");
}

test("a small settlement is applied, with its trail", async (app) => {
  app.model({ proposeSettlement: [{ answer: { outcome: "REFUND", refund: 4_000, reason: "A scratch." } }] });
  const { body: order } = await sold(app);
  const bob = app.as("bob", "buyer");
  await bob.post(`/Order/${order.id}/dispute`, { reason: "It has a scratch." });
  await app.runJobs();
  expect((await bob.get(`/Order/${order.id}?select=status,refunded`)).body).toMatchObject({ status: "SETTLED", refunded: 4_000 });
  expect((await bob.get("/Settlement?select=refund,by,reason")).body).toEqual([{ refund: 4_000, by: "MODEL", reason: "A scratch." }]);
});

test("without a model staff decide", async (app) => {
  const { body: order } = await sold(app);
  const bob = app.as("bob", "buyer");
  const { body: dispute } = await bob.post(`/Order/${order.id}/dispute`, { reason: "It never came." });
  await app.runJobs();
  const stan = app.as("stan", "staff");
  expect((await stan.get(`/Dispute/${dispute.id}?select=status`)).body).toEqual({ status: "WITH_STAFF" });
  await stan.post(`/Dispute/${dispute.id}/override`, { refund: 20_000, reason: "The parcel was lost." });
  expect((await bob.get(`/Order/${order.id}?select=refunded`)).body).toEqual({ refunded: 20_000 });
});
