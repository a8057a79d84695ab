// A stranger walks through everything that the store declares and much that could be guessed: nothing that is not public comes
// back in any body or header, no request fails in an unexpected way, and nothing is changed.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rawExchange } from "../scenarios/raw-connection.ts";
import type { HttpAnswer, HttpCaller } from "../processes/http-caller.ts";
import { addProduct, expectStatus, filledCart, keys, type Order, placeOrder, startStore, storeFolder, type Store } from "./store-process.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
const WORDS = {
  note: "note-of-the-customer-7f3a", supportNote: "note-of-support-91bc", reason: "reason-to-cancel-5d2e", title: "Unpublished thing 44d1",
} as const;
const COST = 123_457;

const GUESSES = `
/ /index.html /robots.txt /favicon.ico /.env /.git/config /.git/HEAD /.ambit /.ambit/data/data.db /.ambit/data/control.json /.ambit/types.d.ts /data.db /data/data.db /lock.db /control.json
/config.yaml /config.yml /schema.graphql /resources.ts /seed.ts /package.json /config.schema.json /directives.graphql /node_modules/ /src/index.ts /AGENTS.md
/admin /admin/ /admin/describe /admin/decisions /admin/users /admin/keys /admin/logs /admin/sql /admin/backup /administrator /debug /debug/vars /status /info /env /heapdump /actuator/env /server-status
/metrics /health /ready /healthz /docs /docs/INDEX.md /docs/errors/INTERNAL /openapi.json /openapi.yaml /swagger.json /api /api/v1/Order /v1/Order /graphql /graphiql /ws /mqtt /mcp /studio
/auth /auth/login /auth/ticket /login /token /users /User /Users /accounts /Account /keys /Key /sessions /Session /me /whoami /batch /jobs /Jobs /runs /decide/routeOrder /runs/x/trace /runs/x/receipt /decisions /memory /files /offers /approvals
/rpc /rpc/availability /rpc/pay /rpc/checkout /rpc/cancel /sse /Orders /order /orders /ORDER /Order/ /Order. /Order.json /Order.csv /Orders/1 /OrderLine /Customer /Payment /Payments /Refund /Invoice
/$log /$meta /$idempotency /$sequence /%24log /sqlite_schema /sqlite_master /Product$text /Warehouse$geo$place /__proto__ /constructor /prototype /toString /hasOwnProperty /Product/__proto__ /Order/constructor
/history /trash /Order/history /Product/restore /.well-known/security.txt /.well-known/openid-configuration /null /undefined /NaN /0 /-1 /* /%00 /%2e%2e /%2e%2e%2fconfig.yaml /..%2fdata.db /%2Fetc%2Fpasswd
`.trim().split(/\s+/);

let store: Store;
let forbidden: readonly string[];
/** What `{id}` in a path becomes: records that exist, by table. */
let ids: Readonly<Record<string, string>>;
beforeAll(async () => {
  store = await startStore();
  const { customer, support, merchant } = store;
  const product = await addProduct(store, { available: 654_321 });
  const hidden = expectStatus(await merchant.post("/Product", { sku: "HIDDEN-1", title: WORDS.title, category: "TOYS", price: COST * 2, cost: COST }, { prefer: "return=representation" }), 201).json<{ id: string }[]>()[0]!;
  const cart = await filledCart(customer, { sku: product.sku, quantity: 1 });
  const order = expectStatus(await customer.post(`/Cart/${cart}/checkout`, { note: WORDS.note }), 200).json<Order>();
  expectStatus(await support.patch(`/Order/${order.id}`, { supportNote: WORDS.supportNote }), 204);
  expectStatus(await customer.post(`/Order/${(await placeOrder(customer, product)).id}/cancel`, { reason: WORDS.reason }), 200);
  const full = await filledCart(customer, { sku: product.sku, quantity: 2 });
  const [line] = (await customer.get(`/CartLine?cartId=${full}`)).json<{ id: string }[]>();
  const [orderLine] = (await support.get(`/OrderLine?orderId=${order.id}`)).json<{ id: string }[]>();
  const [stock] = (await merchant.get(`/Stock?productId=${product.id}`)).json<{ id: string }[]>();
  ids = { Product: hidden.id, Warehouse: "w1", Stock: stock!.id, Cart: full, CartLine: line!.id, Order: order.id, OrderLine: orderLine!.id };
  forbidden = [
    ...Object.values(WORDS), ...Object.values(keys), String(COST), "654321", "HIDDEN-1", "key-of-", ...Object.entries(ids).filter(([table]) => table !== "Warehouse").map(([, id]) => id), order.id, cart,
    store.scratch.path, storeFolder, store.payment.url, "sqlite", "SELECT", "supportNote", "customerId", "paymentId", ".ts:",
  ];
});
afterAll(() => store.stop());

interface Step { readonly method: string; readonly path: string; readonly answer: HttpAnswer }

/** What of a step nobody may see. The path that was asked for may come back. */
function leaksOf({ path, answer }: Step): string[] {
  const heads = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  const seen = `${answer.text}\n${heads}`.replaceAll(path, "").replaceAll(decodeURIComponent(path), "");
  return forbidden.filter((word) => seen.includes(word) && !path.includes(word));
}

async function walk(caller: HttpCaller, requests: readonly (readonly [string, string, unknown?])[]): Promise<Step[]> {
  const steps: Step[] = [];
  for (let from = 0; from < requests.length; from += 20) {
    steps.push(...await Promise.all(requests.slice(from, from + 20).map(async ([method, path, body]) => ({ method, path, answer: await caller.send(method, path, body) }))));
  }
  return steps;
}

/** Names the steps that went wrong. */
const judged = (steps: readonly Step[], isWrong: (step: Step) => boolean): string[] => steps.filter(isWrong).map(({ method, path, answer }) => `${method} ${path}: ${answer.status} ${answer.text.slice(0, 200)}`);

async function countRecords(): Promise<unknown> {
  return (await store.administrator.get("/admin/describe")).json<{ tables: { name: string; records: number }[] }>().tables.map(({ name, records }) => [name, records]);
}

const bodyOf = (method: string): unknown => (["POST", "PUT", "PATCH"].includes(method) ? {} : undefined);

test("every declared path, with each method", async () => {
  const before = await countRecords();
  const document = (await store.administrator.get("/openapi.json")).json<{ paths: Record<string, Record<string, unknown>> }>();
  const paths = Object.keys(document.paths).flatMap((path) => {
    const table = path.split("/")[1]!;
    return [path.replace("{sku}", "TEST-1").replace(/\{\w+\}/, ids[table] ?? "x")];
  });
  expect(paths.length).toBeGreaterThan(18);
  const steps = await walk(store.anonymous, paths.flatMap((path) => METHODS.map((method) => [method, path, bodyOf(method)] as const)));
  expect(judged(steps, (step) => leaksOf(step).length > 0)).toEqual([]);
  expect(judged(steps, ({ answer }) => answer.status >= 500)).toEqual([]);
  // Of decisions nobody in particular may ask any.
  expect((await store.anonymous.get("/decide")).text).toBe("[]");
  const isPublic = (path: string): boolean => /^\/(Product|Warehouse|availability|openapi\.json|health|ready)(\/|$)/.test(path) || path === "/decide";
  expect(judged(steps, ({ method, path, answer }) => method !== "OPTIONS" && answer.status < 300 && !(isPublic(path) && ["GET", "HEAD"].includes(method)))).toEqual([]);
  expect(judged(steps, ({ path, method, answer }) => /^\/(Order|OrderLine|Refund|Cart|CartLine|Stock)(\/|$)/.test(path) && ["GET", "POST"].includes(method) && ![401, 405].includes(answer.status))).toEqual([]);
  expect(await countRecords()).toEqual(before);
});

test("paths that could be guessed, with each method", async () => {
  const before = await countRecords();
  const steps = await walk(store.anonymous, GUESSES.flatMap((path) => METHODS.map((method) => [method, path, bodyOf(method)] as const)));
  expect(judged(steps, (step) => leaksOf(step).length > 0)).toEqual([]);
  expect(judged(steps, ({ answer }) => answer.status >= 500)).toEqual([]);
  // The metrics are open to programs on the machine itself alone.
  expect((await store.anonymous.get("/metrics", { "x-forwarded-for": "203.0.113.9" })).status).toBe(401);
  const open = new Set(["/openapi.json", "/health", "/ready", "/metrics", "/docs/errors/INTERNAL"]);
  expect(judged(steps, ({ method, path, answer }) => method !== "OPTIONS" && answer.status < 300 && !open.has(path))).toEqual([]);
  expect(await countRecords()).toEqual(before);
});

test("paths that a client would tidy up arrive as they are, and lead nowhere", async () => {
  for (const path of ["/../config.yaml", "/..\\config.yaml", "/Product/../Order", "/Product/%2e%2e/Order", "//Order", "/Product/..;/Order", "/./Order", "http://localhost/Order", "/Order#x", "/%c0%ae%c0%ae/config.yaml"]) {
    const { text } = await rawExchange(store.process.port, [`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`], { until: /\r\n\r\n[\s\S]*\}/ });
    expect({ path, refused: /^HTTP\/1\.1 (400|401|404)/.test(text), leaks: forbidden.filter((word) => text.includes(word)) }).toEqual({ path, refused: true, leaks: [] });
  }
});

test("queries on what is public say nothing of what is not", async () => {
  const product = "/Product";
  const queries = [
    "select=*", "select=*,stock(*)", "select=*,stock(available)", "select=cost", "select=margin:cost", "select=cost.sum()", "select=price.sum(),cost.max()", "order=cost", "order=cost.desc&limit=1", "cost=gt.1", "cost=not.is.null",
    "or=(cost.gt.1,title.eq.x)", "and=(published.is.false)", "published=is.false", "published=eq.false", "not.and=(published.is.true)", "id=in.(ID)", "id=eq.ID", "sku=like.HID*", "sku=eq.HIDDEN-1", "search=unpublished", "search=thing",
    "title=fts.unpublished", "title=ilike.*unpublished*", "select=count()&published=is.false", "select=published,count()", "select=*&explain=true", "explain=true", "select=*,stock!inner(id)", "stock.available=gt.1&select=id",
    "select=id,stock(warehouse(stock(*)))", "select=$version", "select=%22$version%22", "%22$expires%22=is.null", "select=id,rowid", "select=id::text", "on_conflict=sku", "columns=cost", "limit=100000", "offset=-1", "after=x", "asof=2020-01-01",
  ].map((query) => `${product}?${query.replaceAll("ID", ids["Product"]!)}`);
  const more = [`/Product/${ids["Product"]}`, `/Product/${ids["Product"]}?select=cost`, "/Warehouse?select=*,stock(*)", "/Warehouse?select=*,stock(product(*))", "/Warehouse?select=id,stock(count())", "/availability/HIDDEN-1", "/rpc/availability?sku=HIDDEN-1"];
  const steps = await walk(store.anonymous, [...queries, ...more].flatMap((path) => [["GET", path], ["HEAD", path]] as const));
  expect(judged(steps, (step) => leaksOf(step).length > 0)).toEqual([]);
  expect(judged(steps, ({ answer }) => answer.status >= 500)).toEqual([]);
  for (const name of ["accept", "prefer", "range"] as const) {
    const value = { accept: "text/csv", prefer: "count=exact", range: "0-100000" }[name];
    const answer = await store.anonymous.get("/Product?limit=10000", { [name]: value });
    expect(leaksOf({ method: "GET", path: product, answer })).toEqual([]);
  }
  const counted = await store.anonymous.get("/Product?select=id&limit=1", { prefer: "count=exact" });
  const published = (await store.merchant.get("/Product?select=id&published=is.true")).json<unknown[]>().length;
  expect(counted.headers.get("content-range")).toBe(`0-0/${published}`);
});

test("the words that are looked for are there for those who may see them", async () => {
  const answers = [await store.support.get("/Order?order=placedAt.desc&limit=5"), await store.merchant.get("/Product?sku=eq.HIDDEN-1"), await store.merchant.get("/Stock?available=eq.654320")];
  const found = new Set(answers.flatMap((answer) => leaksOf({ method: "GET", path: "/", answer })));
  for (const word of [...Object.values(WORDS), String(COST), ids["Order"]!, "customerId"].filter((one) => one !== WORDS.reason)) expect([word, found.has(word)]).toEqual([word, true]);
});

test("wrong credentials are nobody", async () => {
  const credentials = ["Bearer", "Bearer ", "Bearer x", `Bearer ${keys.merchant}x`, `Bearer ${keys.merchant.toUpperCase()}`, "Basic YWRtaW46YWRtaW4=", `bearer  ${keys.merchant} x`, `Bearer ${keys.administrator.slice(0, -1)}`, "null", `{"kind":"administrator"}`];
  for (const authorization of credentials) {
    const answer = await store.anonymous.get("/Order", { authorization });
    expect([authorization, answer.status, leaksOf({ method: "GET", path: "/Order", answer })]).toEqual([authorization, 401, []]);
  }
});
