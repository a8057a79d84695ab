// The store's promises 1, 2, 3, 4, 6 and 11, over HTTP alone, against a process and a payment service of its own.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { countAnswers, type HttpAnswer } from "../processes/http-caller.ts";
import { addCart, addProduct, availableOf, eventually, expectStatus, filledCart, type Order, placeOrder, startStore, statusOf, type Store } from "./store-process.ts";

let store: Store;
beforeAll(async () => { store = await startStore(); });
afterAll(() => store.stop());

/** The paths of the input that a refusal names. */
function pathsOf(answer: HttpAnswer): string[] {
  const { details, where } = answer.json<{ details: { path: string } | { path: string }[]; where: string | null }>();
  return [...new Set([...(Array.isArray(details) ? details : [details]).map((one) => one.path), ...(where === null ? [] : [where])])];
}

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index));

test("1: totals are the server's, through filling, adding and removing lines", async () => {
  const { customer } = store;
  const [first, second] = [await addProduct(store, { price: 250 }), await addProduct(store, { price: 399 })];
  const cart = await filledCart(customer, { sku: first.sku, quantity: 3 });
  const line = expectStatus(await customer.post("/CartLine", { cartId: cart, sku: second.sku, quantity: 2 }, { prefer: "return=representation" }), 201).json<{ id: string; total: number }[]>()[0]!;
  expect(line.total).toBe(798);
  const whole = (await customer.get(`/Cart/${cart}?select=total,lineCount,lines(sku,quantity,price,total)&lines.order=sku`)).json();
  expect(whole).toEqual({
    total: 1_548, lineCount: 2,
    lines: [{ sku: first.sku, quantity: 3, price: 250, total: 750 }, { sku: second.sku, quantity: 2, price: 399, total: 798 }],
  });
  expectStatus(await customer.delete(`/CartLine/${line.id}`), 204);
  expect((await customer.get(`/Cart/${cart}?select=total,lineCount`)).json()).toEqual({ total: 750, lineCount: 1 });
});

test("1: lines added and removed in parallel leave the right total", async () => {
  const { customer } = store;
  const products = await Promise.all(times(12, (index) => addProduct(store, { price: 100 + index })));
  const cart = await addCart(customer);
  const added = await Promise.all(products.map(({ sku }) => customer.post("/CartLine", { cartId: cart, sku, quantity: 2 }, { prefer: "return=representation" })));
  expect(countAnswers(added)).toEqual({ 201: 12 });
  await Promise.all(added.slice(0, 6).map((answer) => customer.delete(`/CartLine/${answer.json<{ id: string }[]>()[0]!.id}`)));
  const left = products.slice(6).reduce((sum, { price }) => sum + price * 2, 0);
  expect((await customer.get(`/Cart/${cart}?select=total,lineCount`)).json()).toEqual({ total: left, lineCount: 6 });
});

test("1: a client's totals and prices are refused", async () => {
  const { customer } = store;
  const product = await addProduct(store);
  const cart = await filledCart(customer, { sku: product.sku, quantity: 1 });
  const refusals: [HttpAnswer, number, string, string][] = [
    [await customer.post("/Cart", { total: 1 }), 422, "READ_ONLY_FIELD", "total"],
    [await customer.post("/Cart", { lineCount: 1 }), 422, "READ_ONLY_FIELD", "lineCount"],
    [await customer.post("/CartLine", { cartId: cart, sku: product.sku, quantity: 1, price: 1 }), 422, "READ_ONLY_FIELD", "price"],
    [await customer.post("/CartLine", { cartId: cart, sku: product.sku, quantity: 1, total: 1 }), 422, "READ_ONLY_FIELD", "total"],
    [await customer.post(`/Cart/${cart}/fill`, { lines: [{ sku: product.sku, quantity: 1, price: 1 }] }), 400, "VALIDATION_FAILED", "lines[0].price"],
    [await customer.post(`/Cart/${cart}/fill`, { lines: [{ sku: product.sku, quantity: 1 }], total: 1 }), 400, "VALIDATION_FAILED", "total"],
    [await customer.post(`/Cart/${cart}/checkout`, { total: 1 }), 400, "VALIDATION_FAILED", "total"],
  ];
  for (const [answer, status, code, where] of refusals) {
    expect({ status: answer.status, code: answer.code, where: answer.json<{ where: string }>().where }).toEqual({ status, code, where });
  }
  expect((await customer.patch(`/Cart/${cart}`, { total: 1 })).status).toBe(403);
  expect((await customer.get(`/Cart/${cart}?select=total,lineCount`)).json()).toEqual({ total: 1_000, lineCount: 1 });
});

test("2: bad lines are refused with the path of the field, and leave the cart as it was", async () => {
  const { customer } = store;
  const [good, dollars] = [await addProduct(store), await addProduct(store, { currency: "USD" })];
  const cart = await filledCart(customer, { sku: good.sku, quantity: 1 });
  const line = { sku: good.sku, quantity: 1 };
  const refusals: [string, unknown[], string, string][] = [
    ["quantity 0", [line, { sku: good.sku, quantity: 0 }], "VALIDATION_FAILED", "lines[1].quantity"],
    ["quantity below 0", [{ sku: good.sku, quantity: -3 }], "VALIDATION_FAILED", "lines[0].quantity"],
    ["half a unit", [{ sku: good.sku, quantity: 0.5 }], "VALIDATION_FAILED", "lines[0].quantity"],
    ["a quantity that is text", [{ sku: good.sku, quantity: "1" }], "VALIDATION_FAILED", "lines[0].quantity"],
    ["no sku", [line, { quantity: 1 }], "VALIDATION_FAILED", "lines[1].sku"],
    ["unknown sku", [line, { sku: "NONE-1", quantity: 1 }], "UNKNOWN_SKU", "lines[1].sku"],
    ["mixed currency", [line, { sku: dollars.sku, quantity: 1 }], "OTHER_CURRENCY", "lines[1].sku"],
    ["twice the same", [line, line], "DUPLICATE_SKU", "lines[1].sku"],
    ["51 lines", times(51, () => line), "VALIDATION_FAILED", "lines"],
    ["no line", [], "VALIDATION_FAILED", "lines"],
  ];
  for (const [name, lines, code, path] of refusals) {
    const answer = await customer.post(`/Cart/${cart}/fill`, { lines });
    expect({ name, status: answer.status, code: answer.code, paths: pathsOf(answer) }).toEqual({ name, status: 400, code, paths: [path] });
  }
  expect((await customer.get(`/Cart/${cart}?select=total,lines(sku)`)).json()).toEqual({ total: 1_000, lines: [{ sku: good.sku }] });
});

test("2: single lines are held to the same, and the 51st finds no place", async () => {
  const { customer } = store;
  const [good, dollars] = [await addProduct(store), await addProduct(store, { currency: "USD" })];
  const catalogue = (await customer.get("/Product?select=sku&currency=EUR&sku=neq.NONE&limit=50&order=sku")).json<{ sku: string }[]>();
  const cart = await filledCart(customer, ...catalogue.map(({ sku }) => ({ sku, quantity: 1 })));
  const full = await customer.post("/CartLine", { cartId: cart, sku: good.sku, quantity: 1 });
  expect([full.status, full.code, pathsOf(full)]).toEqual([400, "CART_FULL", ["lines"]]);
  const other = await addCart(customer);
  const refusals: [unknown, string, string][] = [
    [{ cartId: other, sku: good.sku, quantity: 0 }, "VALIDATION_FAILED", "quantity"],
    [{ cartId: other, sku: "NONE-1", quantity: 1 }, "UNKNOWN_SKU", "sku"],
    [{ cartId: other, sku: dollars.sku, quantity: 1 }, "OTHER_CURRENCY", "sku"],
    [{ cartId: "none", sku: good.sku, quantity: 1 }, "UNKNOWN_CART", "cartId"],
  ];
  for (const [line, code, path] of refusals) {
    const answer = await customer.post("/CartLine", line);
    expect([answer.status, answer.code, pathsOf(answer)]).toEqual([400, code, [path]]);
  }
});

test("3: 50 parallel checkouts for the last 10 units: 10 succeed, 40 are out of stock, none is left", async () => {
  const product = await addProduct(store, { available: 10 });
  const carts = await Promise.all(times(50, async (index) => {
    const who = index % 2 === 0 ? store.customer : store.other;
    return { who, cart: await filledCart(who, { sku: product.sku, quantity: 1 }) };
  }));
  const answers = await Promise.all(carts.map(({ who, cart }) => who.post(`/Cart/${cart}/checkout`, {})));
  expect(countAnswers(answers)).toEqual({ "200": 10, "409 OUT_OF_STOCK": 40 });
  expect(await availableOf(store, product)).toBe(0);
  const orders = answers.filter(({ status }) => status === 200).map((answer) => answer.json<Order>());
  expect(new Set(orders.map(({ number }) => number)).size).toBe(10);
  const lines = (await store.support.get(`/OrderLine?productId=${product.id}&select=orderId`)).json<{ orderId: string }[]>();
  expect(lines.map(({ orderId }) => orderId).sort()).toEqual(orders.map(({ id }) => id).sort());
  const kept = await Promise.all(carts.map(({ who, cart }) => who.get(`/Cart/${cart}?select=lineCount`)));
  expect(kept.filter((answer) => answer.json<{ lineCount: number }>().lineCount === 1).length).toBe(40);
});

test("3: parallel checkouts of several products never oversell, and take all of an order or nothing", async () => {
  const products = await Promise.all([7, 5, 9].map((available) => addProduct(store, { available })));
  const carts = await Promise.all(times(30, (index) => filledCart(store.customer, { sku: products[index % 3]!.sku, quantity: 1 }, { sku: products[(index + 1) % 3]!.sku, quantity: 1 })));
  const answers = await Promise.all(carts.map((cart) => store.customer.post(`/Cart/${cart}/checkout`, {})));
  const counts = countAnswers(answers);
  const placed = counts["200"] ?? 0;
  expect(counts).toEqual({ "200": placed, "409 OUT_OF_STOCK": 30 - placed });
  const left = await Promise.all(products.map((product) => availableOf(store, product)));
  expect(left.every((one) => one >= 0)).toBe(true);
  expect(21 - left.reduce((sum, one) => sum + one, 0)).toBe(placed * 2);
  // Two products must be exhausted before every pair is refused.
  expect(left.filter((one) => one === 0).length).toBeGreaterThanOrEqual(2);
});

test("4: the same key on checkout, one after the other and at once: one order, the same body; another body 422", async () => {
  const { customer } = store;
  const product = await addProduct(store, { available: 20 });
  const cart = await filledCart(customer, { sku: product.sku, quantity: 2 });
  const headers = { "idempotency-key": `checkout-${cart}` };
  const answers = await Promise.all(times(8, () => customer.post(`/Cart/${cart}/checkout`, { note: "please" }, headers)));
  answers.push(await customer.post(`/Cart/${cart}/checkout`, { note: "please" }, headers));
  expect(countAnswers(answers)).toEqual({ 200: 9 });
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  expect(answers.filter((answer) => answer.headers.get("idempotency-replayed") === "true").length).toBe(8);
  const other = await customer.post(`/Cart/${cart}/checkout`, { note: "another" }, headers);
  expect([other.status, other.code]).toEqual([422, "IDEMPOTENCY_MISMATCH"]);
  const orders = (await customer.get("/Order?note=eq.please&select=id")).json<unknown[]>();
  expect(orders.length).toBe(1);
  expect(await availableOf(store, product)).toBe(18);
});

test("4: a key belongs to its customer: the other one's same key is another request", async () => {
  const product = await addProduct(store, { available: 20 });
  const carts = [await filledCart(store.customer, { sku: product.sku, quantity: 1 }), await filledCart(store.other, { sku: product.sku, quantity: 1 })] as const;
  const headers = { "idempotency-key": "the-same-words" };
  const [mine, theirs] = [await store.customer.post(`/Cart/${carts[0]}/checkout`, {}, headers), await store.other.post(`/Cart/${carts[1]}/checkout`, {}, headers)];
  expect([mine.json<Order>().customerId, theirs.json<Order>().customerId]).toEqual(["c1", "c2"]);
  expect(theirs.headers.get("idempotency-replayed")).toBeNull();
});

test("4: the same key on pay, also while the payment service is slow: one charge, the same body; another body 422", async () => {
  const { customer, payment } = store;
  const order = await placeOrder(customer, await addProduct(store));
  const headers = { "idempotency-key": `pay-${order.id}` };
  const answers = await Promise.all(times(5, () => customer.post(`/Order/${order.id}/pay`, { card: "tok_slow" }, headers)));
  answers.push(await customer.post(`/Order/${order.id}/pay`, { card: "tok_slow" }, headers));
  expect(countAnswers(answers)).toEqual({ 200: 6 });
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  const [charge, ...more] = payment.chargesOf(order.id);
  expect(more).toEqual([]);
  expect({ amount: charge!.amount, currency: charge!.currency }).toEqual({ amount: order.total, currency: "EUR" });
  expect(answers[0]!.json<Order>()).toMatchObject({ status: "PAID", paymentId: charge!.id });
  const other = await customer.post(`/Order/${order.id}/pay`, { card: "tok_ok" }, headers);
  expect([other.status, other.code]).toEqual([422, "IDEMPOTENCY_MISMATCH"]);
});

test("4: paying twice at once without a key charges once", async () => {
  const { customer, payment } = store;
  const order = await placeOrder(customer, await addProduct(store));
  const answers = await Promise.all(times(4, () => customer.post(`/Order/${order.id}/pay`, { card: "tok_slow" })));
  expect(countAnswers(answers)).toEqual({ "200": 1, "409 ILLEGAL_STEP": 3 });
  expect(payment.chargesOf(order.id).map(({ refunded }) => refunded)).toEqual([false]);
  expect(await statusOf(store, order)).toBe("PAID");
});

test("4: a declined card charges nothing; another card pays; a silent payment service is not a sale", async () => {
  const { customer, payment } = store;
  const order = await placeOrder(customer, await addProduct(store));
  const pay = (card: string, key: string): Promise<HttpAnswer> => customer.post(`/Order/${order.id}/pay`, { card }, { "idempotency-key": key });
  const declined = [await pay("tok_declined", "first"), await pay("tok_declined", "first")];
  expect(countAnswers(declined)).toEqual({ "402 PAYMENT_DECLINED": 2 });
  expect(declined[1]!.headers.get("idempotency-replayed")).toBe("true");
  expect((await pay("tok_broken", "second")).code).toBe("PAYMENT_UNAVAILABLE");
  expect([payment.chargesOf(order.id), await statusOf(store, order)]).toEqual([[], "PENDING"]);
  expect((await pay("tok_ok", "third")).json<Order>().status).toBe("PAID");
  expect(payment.chargesOf(order.id).length).toBe(1);
});

test("4: an order that is cancelled while the payment service works is refunded, not sold", async () => {
  const { customer, payment } = store;
  const product = await addProduct(store, { available: 5 });
  const order = await placeOrder(customer, product);
  const paying = customer.post(`/Order/${order.id}/pay`, { card: "tok_held" });
  await payment.held();
  expectStatus(await customer.post(`/Order/${order.id}/cancel`, {}), 200);
  payment.release();
  expect((await paying).code).toBe("ILLEGAL_STEP");
  await eventually(async () => payment.chargesOf(order.id).map(({ refunded }) => refunded), [true]);
  expect([await statusOf(store, order), await availableOf(store, product)]).toEqual(["CANCELLED", 5]);
});

test("6: pending, paid, allocated, shipped, delivered; every other step is a 409", async () => {
  const { customer, merchant } = store;
  const product = await addProduct(store);
  const steps = ["pay", "allocate", "ship", "deliver"] as const;
  const states = ["PENDING", "PAID", "ALLOCATED", "SHIPPED", "DELIVERED"] as const;
  const take = (order: Order, step: (typeof steps)[number]): Promise<HttpAnswer> =>
    step === "pay" ? customer.post(`/Order/${order.id}/pay`, { card: "tok_ok" }) : merchant.post(`/Order/${order.id}/${step}`, {});
  const order = await placeOrder(customer, product);
  for (const [index, state] of states.entries()) {
    expect(await statusOf(store, order)).toBe(state);
    for (const step of steps.filter((_, other) => other !== index)) {
      const refused = await take(order, step);
      expect({ state, step, answer: [refused.status, refused.code] }).toEqual({ state, step, answer: [409, "ILLEGAL_STEP"] });
    }
    if (index < steps.length) expect((await take(order, steps[index]!)).json<Order>().status).toBe(states[index + 1]!);
  }
});

test("6: an order can be cancelled until it is shipped, gives its stock back once, and stays cancelled", async () => {
  const { customer, support, merchant } = store;
  const steps = ["pay", "allocate", "ship", "deliver"] as const;
  for (let done = 0; done <= steps.length; done++) {
    const product = await addProduct(store, { available: 4 });
    const order = await placeOrder(customer, product);
    for (const step of steps.slice(0, done)) {
      expectStatus(await (step === "pay" ? customer.post(`/Order/${order.id}/pay`, { card: "tok_ok" }) : merchant.post(`/Order/${order.id}/${step}`, {})), 200);
    }
    const cancel = await (done % 2 === 0 ? customer : support).post(`/Order/${order.id}/cancel`, { reason: "changed my mind" });
    const isPossible = done < 3;
    expect([done, cancel.status, cancel.code]).toEqual([done, isPossible ? 200 : 409, isPossible ? null : "ILLEGAL_STEP"]);
    expect(await availableOf(store, product)).toBe(isPossible ? 4 : 3);
    if (!isPossible) continue;
    for (const step of ["cancel", "allocate", "ship", "deliver"]) expect((await store.administrator.post(`/Order/${order.id}/${step}`, {})).code).toBe("ILLEGAL_STEP");
    expect(await statusOf(store, order)).toBe("CANCELLED");
  }
});

test("6: of parallel cancels one wins, and the stock comes back once", async () => {
  for (let round = 0; round < 10; round++) {
    const product = await addProduct(store, { available: 3 });
    const order = await placeOrder(store.customer, product);
    const answers = await Promise.all(times(2 + round, (index) => (index % 2 === 0 ? store.customer : store.support).post(`/Order/${order.id}/cancel`, {})));
    expect(countAnswers(answers)).toEqual({ "200": 1, "409 ILLEGAL_STEP": 1 + round });
    expect(await availableOf(store, product)).toBe(3);
  }
});

test("6: of a cancel and the next step at once exactly one comes first", async () => {
  for (let round = 0; round < 10; round++) {
    const order = await placeOrder(store.customer, await addProduct(store));
    expectStatus(await store.customer.post(`/Order/${order.id}/pay`, { card: "tok_ok" }), 200);
    expectStatus(await store.merchant.post(`/Order/${order.id}/allocate`, {}), 200);
    const [shipped, cancelled] = await Promise.all([store.merchant.post(`/Order/${order.id}/ship`, {}), store.customer.post(`/Order/${order.id}/cancel`, {})]);
    expect([shipped.status, cancelled.status].sort()).toEqual([200, 409]);
    expect(await statusOf(store, order)).toBe(shipped.status === 200 ? "SHIPPED" : "CANCELLED");
  }
});

test("11: a customer cannot see, pay or cancel another's order or cart", async () => {
  const { customer, other } = store;
  const product = await addProduct(store);
  const order = await placeOrder(customer, product);
  const cart = await filledCart(customer, { sku: product.sku, quantity: 1 });
  const [line] = (await customer.get(`/CartLine?cartId=${cart}&select=id`)).json<{ id: string }[]>();
  const refused = await Promise.all([
    other.get(`/Order/${order.id}`), other.post(`/Order/${order.id}/pay`, { card: "tok_ok" }), other.post(`/Order/${order.id}/cancel`, {}),
    other.get(`/Cart/${cart}`), other.delete(`/Cart/${cart}`), other.post(`/Cart/${cart}/checkout`, {}),
    other.post(`/Cart/${cart}/fill`, { lines: [{ sku: product.sku, quantity: 1 }] }), other.delete(`/CartLine/${line!.id}`),
  ]);
  expect(countAnswers(refused)).toEqual({ "404 NOT_FOUND": 8 });
  expect((await other.post("/CartLine", { cartId: cart, sku: product.sku, quantity: 1 })).code).toBe("UNKNOWN_CART");
  const lists = await Promise.all([
    other.get(`/Order?id=${order.id}`), other.get(`/OrderLine?orderId=${order.id}`), other.get(`/Order?number=${order.number}`), other.get("/OrderLine?select=id,order!inner(id)&order.customerId=eq.c1"),
    other.get(`/Cart?id=${cart}`), other.get(`/CartLine?cartId=${cart}`), other.get("/Order?customerId=c1"), other.get("/Order?or=(customerId.eq.c1,id.not.is.null)&customerId=neq.c2"),
  ]);
  expect(lists.map((answer) => answer.text)).toEqual(lists.map(() => "[]"));
  expect((await other.get("/Order?select=customerId,count()")).json<{ customerId: string }[]>().map(({ customerId }) => customerId)).toEqual(["c2"]);
  expect([store.payment.chargesOf(order.id), await statusOf(store, order)]).toEqual([[], "PENDING"]);
});

test("11: nobody sets status, total, warehouse or anything else of an order from outside", async () => {
  const order = await placeOrder(store.customer, await addProduct(store));
  const before = (await store.support.get(`/Order/${order.id}`)).text;
  const fields = {
    status: "PAID", total: 1, warehouseId: "w5", currency: "USD", customerId: "c2", paymentId: "ch_x", note: "x", cancelReason: "x",
    reservedUntil: "2099-01-01T00:00:00Z", placedAt: "2020-01-01T00:00:00Z", day: "2020-01-01", number: "1", updatedAt: "2020-01-01T00:00:00Z", id: "other",
  };
  for (const [field, value] of Object.entries(fields)) {
    for (const who of ["customer", "merchant"] as const) expect([who, field, (await store[who].patch(`/Order/${order.id}`, { [field]: value })).status]).toEqual([who, field, 403]);
    for (const who of ["support", "administrator"] as const) {
      const answers = [await store[who].patch(`/Order/${order.id}`, { [field]: value }), await store[who].patch(`/Order?id=eq.${order.id}`, { [field]: value })];
      expect([who, field, countAnswers(answers)]).toEqual([who, field, { "422 READ_ONLY_FIELD": 2 }]);
    }
  }
  for (const who of ["customer", "support", "merchant"] as const) {
    expect((await store[who].post("/Order", { ...fields })).status).toBe(403);
    expect((await store[who].post("/OrderLine", { orderId: order.id, productId: "p1", quantity: 1, price: 1, currency: "EUR" })).status).toBe(403);
    expect((await store[who].delete(`/Order/${order.id}`)).status).toBe(403);
  }
  for (const step of ["allocate", "ship", "deliver"]) for (const who of ["customer", "support"] as const) expect((await store[who].post(`/Order/${order.id}/${step}`, {})).status).toBe(403);
  expect((await store.support.get(`/Order/${order.id}`)).text).toBe(before);
});

test("11: support reads every order and edits its own note alone; the customer does not see that note", async () => {
  const { support, customer } = store;
  const orders = [await placeOrder(store.customer, await addProduct(store)), await placeOrder(store.other, await addProduct(store))];
  for (const order of orders) {
    const patched = await support.patch(`/Order/${order.id}`, { supportNote: "rang twice" }, { prefer: "return=representation" });
    expect(patched.json()).toMatchObject({ id: order.id, supportNote: "rang twice", status: "PENDING", total: order.total });
    // PUT is refused nothing that it repeats, and changes nothing that it may not.
    const whole = (await support.get(`/Order/${order.id}`)).json<Record<string, unknown>>();
    expectStatus(await support.put(`/Order/${order.id}`, { ...whole, supportNote: "sent a mail" }), 204);
    expect((await support.put(`/Order/${order.id}`, { ...whole, status: "PAID" })).code).toBe("READ_ONLY_FIELD");
    expect((await support.get(`/Order/${order.id}`)).json()).toMatchObject({ ...whole, supportNote: "sent a mail", updatedAt: expect.any(String) });
  }
  const own = (await customer.get(`/Order/${orders[0]!.id}`)).json<object>();
  expect(Object.keys(own)).not.toContain("supportNote");
  for (const query of ["select=supportNote", "supportNote=not.is.null", "order=supportNote", "select=supportNote,count()"]) expect((await customer.get(`/Order?${query}`)).code).toBe("UNKNOWN_FIELD");
  expect((await customer.patch(`/Order/${orders[0]!.id}`, { supportNote: "x" })).status).toBe(403);
  expect((await support.patch(`/Order/${orders[0]!.id}`, { supportNote: "x".repeat(2_001) })).status).toBe(400);
});
