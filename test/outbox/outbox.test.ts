// ctx.send from a whole app to real servers: sent if and only if committed, with one key, in order, signed, repeated, given up, replayed.
import { afterEach, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { fakeClock } from "../../src/base/clock.ts";
import { adminToken, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { recordingServer, type Answering, type RecordingServer } from "./recording-server.ts";
import { until } from "../processes/waits.ts";

const schema = `
type Counter @table @export @allow(to: ["public"], do: [READ, CREATE]) { id: ID! @primaryKey value: Int! bump(url: String!): Counter! @action @allow(to: ["public"]) }
type Note @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey text: String! @indexed(unique: true) status: Int }

type Endpoints {
  send(request: JSON!, text: String, fail: Boolean): String! @http @allow(to: ["public"])
  sendNested(request: JSON!): String! @http @allow(to: ["public"])
  sendDirect(request: JSON!): String! @http(transaction: NONE) @allow(to: ["public"])
  fetchIt(url: String!): String! @http(transaction: NONE) @allow(to: ["public"])
  answered(text: String!, fail: Int, answer: JSON!): Boolean
  next(url: String!): Int! @http @allow(to: ["public"])
}`;
const resources = `
import { endpoints, Table } from "ambit";
let failures = 0;
export class Counter extends Table("Counter") {
  async bump({ url }) {
    await this.ctx.send({ url, body: String(this.value) });
    return this.update({ value: this.value + 1 });
  }
  static async create(ctx, input) {
    await ctx.send({ url: input.id, body: "created" });
    return super.create(ctx, { ...input, id: "c" });
  }
}
export const Endpoints = endpoints({
  async next(ctx, { url }) {
    const value = await ctx.system.Note.count();
    await ctx.system.Note.create({ text: "n" + value });
    await ctx.send({ url, body: "n" + value });
    return value;
  },
  async send(ctx, { request, text, fail }) {
    const key = await ctx.send(request);
    if (text !== null) await ctx.system.Note.create({ text });
    if (fail) throw ctx.error(409, "NO", "No.");
    return key;
  },
  async sendNested(ctx, { request }) {
    try {
      await ctx.transaction(async (ctx) => { await ctx.send({ ...request, body: "undone" }); throw new Error("undone"); });
    } catch {}
    return ctx.send({ ...request, body: "kept" });
  },
  async sendDirect(ctx, { request }) { return ctx.send(request); },
  async fetchIt(ctx, { url }) { return (await ctx.fetch(url)).text(); },
  async answered(ctx, { text, fail, answer }) {
    await ctx.system.Note.create({ text, status: answer.status });
    if (failures++ < (fail ?? 0)) throw ctx.error(409, "NOT_YET", "Not yet.");
    return true;
  },
});`;
const SECRET = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD_SECRET = "b2xkIHNlY3JldCBvbGQgc2VjcmV0";
const config = (limits: string, more = ""): string => `
secrets: { hooks: "whsec_${SECRET} whsec_${OLD_SECRET}", token: "bearer-of-tests", odd: "whsec_*" }
outbound: { allowPrivate: ["127.0.0.1", localhost] }
limits: { ${limits.includes("outboxDelayMs") ? "" : "outboxDelayMs: 20, outboxDelayMaxMs: 200,"} ${limits} }
${more}`;

let app: StartedApp | null = null;
const servers: RecordingServer[] = [];
afterEach(async () => {
  await app?.stop();
  app = null;
  for (const server of servers.splice(0)) await server.stop();
});

async function start(limits = "", more = "", development = false): Promise<void> {
  app = await startTestApp({ schema, resources, config: config(limits, more) }, { development });
}

function serve(answer?: Answering): RecordingServer {
  const server = recordingServer(answer);
  servers.push(server);
  return server;
}

async function call(name: string, body: object, headers: Record<string, string> = {}): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(`${app!.url}/${name}`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
  return { status: answer.status, body: await answer.json() as unknown };
}

interface Listed { readonly order: string | null; readonly number: number; readonly key: string; readonly state: string; readonly attempts: number; readonly problem: string | null; readonly answer: { status: number; body: string; truncated: boolean } | null }

async function administer(path: string, method = "GET"): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(`${app!.url}/admin/outbox${path}`, { method, headers: { authorization: `Bearer ${adminToken}` } });
  return { status: answer.status, body: await answer.json() as unknown };
}

async function listed(query = ""): Promise<Listed[]> {
  return ((await administer(query)).body as { deliveries: Listed[] }).deliveries;
}

const send = (request: object, more: object = {}): Promise<{ status: number; body: unknown }> => call("send", { request, ...more });
const stateBecomes = (state: string): Promise<void> => until(async () => (await listed())[0]?.state === state, () => `the newest delivery is ${state}`);

test("what is committed is sent, with its key; what is not is not", async () => {
  const server = serve();
  await start();
  const { status, body: key } = await send({ url: `${server.url}/hook?a=1`, body: { long: 1, text: "é" }, headers: { "X-Own": "yes" } }, { text: "n1" });
  expect([status, typeof key]).toEqual([200, "string"]);
  expect((await send({ url: server.url }, { fail: true })).status).toBe(409);
  expect((await send({ url: server.url }, { text: "n1" })).status).toBe(409);
  const [request] = await server.received(1);
  expect([request!.method, request!.path, request!.body, request!.headers["content-type"]]).toEqual(["POST", "/hook?a=1", `{"long":1,"text":"é"}`, "application/json"]);
  expect([request!.headers["idempotency-key"], request!.headers["x-own"], request!.headers["host"], request!.headers["webhook-id"]]).toEqual([String(key), "yes", server.host, undefined]);
  await stateBecomes("delivered");
  await Bun.sleep(50);
  expect(server.requests.length).toBe(1);
  expect((await listed()).map(({ key: kept, state, attempts, answer }) => [kept, state, attempts, answer?.status, answer?.body])).toEqual([[String(key), "delivered", 1, 200, "ok"]]);
  const metrics = await (await fetch(`${app!.url}/metrics`)).text();
  expect(metrics).toMatch(/^ambit_outbox_delivered 1$/m);
  expect(metrics).toMatch(/^ambit_outbox_unfinished 0$/m);
});

test("a nested part that fails sends nothing; outside of transactions it is sent at once; a replay of an Idempotency-Key sends nothing", async () => {
  const server = serve();
  await start();
  await call("sendNested", { request: { url: server.url } });
  await call("sendDirect", { request: { url: server.url, body: "direct" } });
  const idempotent = { "idempotency-key": "0123456789abcdefghijklmnopqrst" };
  const first = await call("send", { request: { url: server.url, body: "keyed" } }, idempotent);
  expect(await call("send", { request: { url: server.url, body: "keyed" } }, idempotent)).toEqual(first);
  await server.received(3);
  await Bun.sleep(50);
  expect(server.requests.map(({ body }) => body).sort()).toEqual(["direct", "kept", "keyed"]);
});

test("a body that runs again sends once; overrides, actions and batches send", async () => {
  const server = serve();
  await start();
  const answers = await Promise.all(Array.from({ length: 12 }, () => call("next", { url: server.url })));
  const values = answers.filter(({ status }) => status === 200).map(({ body }) => `n${String(body)}`).sort();
  expect(values.length).toBeGreaterThan(1);
  expect((await call("batch", { operations: [
    { id: "made", method: "POST", path: "/Counter", headers: { prefer: "return=representation" }, body: { id: server.url, value: 1 } },
    { id: "bumped", method: "POST", path: "/Counter/c/bump", body: { url: server.url } },
  ] })).status).toBe(200);
  expect((await call("batch", { operations: [{ id: "bumped", method: "POST", path: "/Counter/c/bump", body: { url: server.url } }, { id: "wrong", method: "POST", path: "/Note", body: {} }] })).status).toBeGreaterThan(399);
  await server.received(values.length + 2);
  await Bun.sleep(50);
  expect(server.requests.map(({ body }) => body).sort()).toEqual(["1", "created", ...values].sort());
});

test("a key of its own is one effect, however often it is sent", async () => {
  const server = serve();
  await start();
  for (let time = 0; time < 3; time++) expect((await send({ url: server.url, key: "invoice-7" })).body).toBe("invoice-7");
  await server.received(1);
  await Bun.sleep(50);
  expect(server.requests.map(({ headers }) => headers["idempotency-key"])).toEqual(["invoice-7"]);
});

test("signed as Standard Webhooks say, by the new secret and the old one; a bearer is no part of what is stored", async () => {
  const server = serve();
  await start();
  await send({ url: server.url, sign: "hooks", bearer: "token", key: "k1", body: "text" });
  const [{ headers, body }] = await server.received(1) as [RecordingServer["requests"][number]];
  const signature = (secret: string): string => `v1,${createHmac("sha256", Buffer.from(secret, "base64")).update(`k1.${headers["webhook-timestamp"]}.${body}`).digest("base64")}`;
  expect([headers["webhook-id"], headers["webhook-signature"], headers["authorization"]]).toEqual(["k1", `${signature(SECRET)} ${signature(OLD_SECRET)}`, "Bearer bearer-of-tests"]);
  expect(Math.abs(Number(headers["webhook-timestamp"]) - Date.now() / 1_000)).toBeLessThan(60);
  expect(JSON.stringify((await administer("/1")).body)).not.toContain("bearer-of-tests");
});

test("repeated until it is delivered, with the same key, and its answer kept", async () => {
  const server = serve((_, earlier) => (earlier === 0 ? new Response("no", { status: 500 }) : earlier === 1 ? new Response("no", { status: 429 }) : earlier === 2 ? new Response(null, { status: 404 }) : new Response("at last", { headers: { "x-answer": "1", "set-cookie": "a=b" } })));
  await start();
  await send({ url: server.url, body: "x" });
  await stateBecomes("delivered");
  expect(server.requests.length).toBe(4);
  expect(new Set(server.requests.map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
  const { answer, attempts } = (await listed())[0] as Listed & { answer: { headers: Record<string, string> } };
  expect([attempts, answer.body, answer.headers["x-answer"], answer.headers["set-cookie"]]).toEqual([4, "at last", "1", undefined]);
});

test("given up after its attempts, or where it is told so, and sent again by the administrator", async () => {
  const server = serve(() => new Response("gone", { status: 410 }));
  await start("outboxAttempts: 3");
  await send({ url: server.url });
  await stateBecomes("dead");
  expect(server.requests.length).toBe(1);
  server.answer = () => new Response(null, { status: 400 });
  await send({ url: server.url });
  await stateBecomes("dead");
  expect((await listed())[0]).toMatchObject({ number: 2, attempts: 3, problem: "it answered 400" });
  await send({ url: server.url, giveUpOn: [400] });
  await stateBecomes("dead");
  await send({ url: server.url, attempts: 2 });
  await until(async () => (await listed())[0]?.number === 4 && (await listed())[0]?.state === "dead");
  expect((await listed("?state=dead")).map(({ number, attempts }) => [number, attempts])).toEqual([[4, 2], [3, 1], [2, 3], [1, 1]]);
  server.answer = () => new Response("ok");
  expect(await administer("/4/replay", "POST")).toEqual({ status: 200, body: { number: 4, replayed: true } });
  await stateBecomes("delivered");
  expect((await administer("/4/replay", "POST")).status).toBe(409);
  expect((await administer("/99")).status).toBe(404);
  expect((await fetch(`${app!.url}/admin/outbox`)).status).toBe(401);
});

test("slow, huge and redirecting receivers are bounded", async () => {
  const closing = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data(socket) { socket.end(); } } });
  const server = serve(async ({ path }) => {
    if (path === "/slow") return new Promise<never>(() => {});
    if (path === "/away") return Response.redirect(`${server.url}/target`, 307);
    if (path === "/huge") return new Response(new ReadableStream({ pull(controller) { controller.enqueue(new Uint8Array(65_536).fill(97)); } }));
    return new Response("ok");
  });
  await start("outboxMs: 3000, outboxAttempts: 1, outboxAnswerBytes: 1000");
  await send({ url: `http://127.0.0.1:${closing.port}/` });
  for (const path of ["slow", "away", "huge"]) await send({ url: `${server.url}/${path}` });
  await until(async () => (await listed()).every(({ state }) => state === "delivered" || state === "dead"));
  closing.stop(true);
  const [huge, away, slow, closed] = await listed() as [Listed, Listed, Listed, Listed];
  expect([closed.state, closed.answer?.status, closed.problem]).toEqual(["dead", null, expect.stringMatching(/closed|ECONNRESET/i)]);
  expect([slow.state, slow.problem, slow.answer?.status]).toEqual(["dead", "Error: no answer within 3000 ms", null]);
  expect([away.state, away.problem]).toEqual(["dead", "it answered 307; redirects are not followed"]);
  expect([huge.state, huge.answer?.body.length, huge.answer?.truncated]).toEqual(["delivered", 1_000, true]);
  expect(server.requests.some(({ path }) => path === "/target")).toBe(false);
});

test("one after the other where they have an order, and side by side where they have not", async () => {
  let fails = 3;
  const underWay = new Map<string, number>();
  let most = 0;
  const server = serve(async ({ path, body }) => {
    const now = (underWay.get(path) ?? 0) + 1;
    underWay.set(path, now);
    if (path === "/ordered") expect(now).toBe(1);
    else most = Math.max(most, now);
    await Bun.sleep(10);
    underWay.set(path, underWay.get(path)! - 1);
    return body === "3" && fails-- > 0 ? new Response(null, { status: 503 }) : new Response("ok");
  });
  await start("outboxPerHost: 4");
  for (let number = 0; number < 8; number++) {
    await send({ url: `${server.url}/ordered`, orderKey: "o", body: String(number) });
    await send({ url: `${server.url}/free`, body: "x" });
  }
  await until(async () => (await listed()).every(({ state }) => state === "delivered"));
  expect(new Set((await listed()).map(({ order }) => order))).toEqual(new Set(["o", null]));
  expect(server.requests.filter(({ path }) => path === "/ordered").map(({ body }) => body)).toEqual(["0", "1", "2", "3", "3", "3", "3", "4", "5", "6", "7"]);
  expect(most).toBeLessThanOrEqual(4);
});

test("a host that fails is left alone for a while, and then tried with one request", async () => {
  const [broken, good] = [serve(() => new Response(null, { status: 503 })), serve()];
  await start("outboxBreakerFailures: 3, outboxBreakerMs: 600000, outboxPerHost: 2");
  for (let number = 0; number < 10; number++) await send({ url: broken.url, body: String(number) });
  await broken.received(3);
  await Bun.sleep(150);
  const before = broken.requests.length;
  // One more may have been under way.
  expect(before).toBeLessThanOrEqual(4);
  await send({ url: good.url });
  await good.received(1);
  expect(broken.requests.length).toBe(before);
  broken.answer = () => new Response("ok");
  app!.clock.advance(600_000);
  await until(async () => (await listed()).every(({ state }) => state === "delivered"), "all is sent", { meanwhile: () => app!.clock.advance(1_000) });
  expect(new Set(broken.requests.map(({ headers }) => headers["idempotency-key"])).size).toBe(10);
});

test("the answer is told to the endpoint that asked for it, once, with what it writes", async () => {
  const server = serve(({ body }) => new Response(`got ${body}`, { status: body === "bad" ? 402 : 201 }));
  await start();
  await send({ url: server.url, body: "good", then: { call: "answered", input: { text: "paid", fail: 2 } } });
  await send({ url: server.url, body: "bad", giveUpOn: [402], then: { call: "answered", input: { text: "unpaid" } } });
  await until(async () => (await listed()).every(({ state }) => state === "delivered" || state === "dead"));
  expect(await (await fetch(`${app!.url}/Note?select=text,status&order=text`)).json()).toEqual([{ text: "paid", status: 201 }, { text: "unpaid", status: 402 }]);
  expect((await listed()).map(({ state }) => state)).toEqual(["dead", "delivered"]);
  expect(server.requests.length).toBe(2);
});

test("an answer of bytes that no field could hold is told; what is logged of a failure has no part of a URL but the host", async () => {
  const broken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data(socket) { socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 5\r\n\r\na"); } } });
  const server = serve(() => new Response(Uint8Array.from([97, 0, 0xff, 98])));
  await start("outboxAttempts: 1");
  await send({ url: server.url, then: { call: "answered", input: { text: "paid", fail: 0 } } });
  await send({ url: `http://127.0.0.1:${broken.port}/services/part-of-a-secret` });
  await until(async () => (await listed()).every(({ state }) => state === "delivered" || state === "dead"));
  broken.stop(true);
  const [failed, told] = await listed() as [Listed, Listed];
  expect([told.state, told.answer?.body, (await (await fetch(`${app!.url}/Note?select=text`)).json())]).toEqual(["delivered", "a\ufffd\ufffdb", [{ text: "paid" }]]);
  expect([failed.state, failed.problem]).toEqual(["dead", expect.stringContaining("its URL")]);
  expect(app!.log.join("\n")).not.toContain("part-of-a-secret");
});

test("whom the app may not call: refused where it shows, never called where it does not", async () => {
  const server = serve();
  await start("outboxAttempts: 1");
  for (const url of ["http://169.254.169.254/latest", "http://10.0.0.1/", "http://[::ffff:10.0.0.1]/", "http://0x0a000001/", "ftp://127.0.0.1/", "http://u:p@127.0.0.1/", "not a url"]) {
    const { status, body } = await send({ url });
    expect([url, status, (body as { code: string }).code]).toEqual([url, 422, "OUTBOUND_REFUSED"]);
  }
  expect((await send({ url: "https://example.com/" })).status).toBe(200);
  await stateBecomes("dead");
  expect((await listed())[0]!.problem).toContain("tests may not call example.com");
  expect((await call("fetchIt", { url: server.url })).body).toBe("ok");
  expect((await call("fetchIt", { url: "http://169.254.169.254/" })).body).toMatchObject({ code: "OUTBOUND_REFUSED" });
  server.answer = ({ path }) => (path === "/" ? Response.redirect("http://169.254.169.254/", 302) : new Response("there"));
  expect((await call("fetchIt", { url: server.url })).body).toMatchObject({ code: "OUTBOUND_REFUSED" });
  server.answer = ({ path }) => (path === "/" ? Response.redirect("/there", 302) : new Response("there"));
  expect((await call("fetchIt", { url: server.url.replace("127.0.0.1", "localhost") })).body).toBe("there");
});

test("what was sent is kept for a time", async () => {
  const server = serve(({ body }) => new Response(null, { status: body === "bad" ? 410 : 200 }));
  const clock = fakeClock(Date.UTC(2026, 5, 1));
  app = await startTestApp({ schema, resources, config: config("outboxKeptMs: 3600000") }, { clock });
  await send({ url: server.url, body: "good" });
  await send({ url: server.url, body: "bad" });
  await until(async () => (await listed()).every(({ state }) => state === "delivered" || state === "dead"));
  clock.advance(3_000_000);
  await Bun.sleep(20);
  expect((await listed()).length).toBe(2);
  for (let round = 0; round < 3; round++) clock.advance(600_000);
  await until(async () => (await listed()).length === 0);
});

test("the administrator pages through it", async () => {
  const server = serve(({ body }) => new Response(null, { status: body === "3" ? 410 : 200 }));
  await start();
  for (let number = 1; number <= 5; number++) await send({ url: server.url, body: String(number) });
  await until(async () => (await listed()).every(({ state }) => state !== "waiting"));
  const numbers = async (query: string): Promise<unknown> => {
    const { deliveries, next } = (await administer(query)).body as { deliveries: Listed[]; next: number | null };
    return [deliveries.map(({ number }) => number), next];
  };
  expect(await numbers("?limit=2")).toEqual([[5, 4], 4]);
  expect(await numbers("?limit=2&before=4&state=delivered")).toEqual([[2, 1], 1]);
  expect(await numbers("?state=dead")).toEqual([[3], null]);
  expect((await administer("/3")).body).toMatchObject({ body: "3", state: "dead", request: { url: `${server.url}/` } });
  for (const query of ["?state=none", "?limit=0", "?limit=1001", "?before=x", "?colour=red"]) expect([query, (await administer(query)).status]).toEqual([query, 400]);
  expect([(await administer("/x")).status, (await administer("/1/other", "POST")).status, (await administer("/1", "POST")).status]).toEqual([404, 404, 405]);
  const tenant = await fetch(`${app!.url}/admin/outbox`, { headers: { authorization: `Bearer ${adminToken}`, "x-ambit-tenant": "t1" } });
  expect(tenant.status).toBe(403);
});

test("a mistake of the code is an incident that says what", async () => {
  await start("outboxBodyBytes: 100", "", true);
  const wrong: [object, RegExp][] = [
    [{}, /needs a url/], [{ url: "http://127.0.0.1", colour: 1 }, /knows no colour/], [{ url: "http://127.0.0.1", headers: { Host: "x" } }, /sets the header host itself/],
    [{ url: "http://127.0.0.1", sign: "none" }, /needs for sign a name under secrets/], [{ url: "http://127.0.0.1", sign: "odd" }, /not base64 behind whsec_/], [{ url: "http://127.0.0.1", key: "a.b" }, /without a full stop/],
    [{ url: "http://127.0.0.1", method: "GET", body: "x" }, /GET cannot carry/], [{ url: "http://127.0.0.1", then: { call: "send" } }, /an argument answer: JSON!/],
    [{ url: "http://127.0.0.1", headers: { "x-a": "1\r\nx-b: 2" } }, /cannot send the header/], [{ url: "http://127.0.0.1", attempts: 1_000 }, /attempts from 1 to 24/],
  ];
  for (const [request, reason] of wrong) expect(((await send(request)).body as { hint: string }).hint).toMatch(reason);
  expect((await send({ url: "http://127.0.0.1", body: "x".repeat(101) })).body).toMatchObject({ code: "BODY_TOO_LARGE" });
});

test("no more waits than limits say", async () => {
  const server = serve(() => new Response(null, { status: 500 }));
  await start("outboxWaiting: 2, outboxDelayMs: 60000, outboxDelayMaxMs: 60000");
  for (const status of [200, 200, 503]) expect((await send({ url: server.url })).status).toBe(status);
  expect(await administer("/1/cancel", "POST")).toEqual({ status: 200, body: { number: 1, cancelled: true } });
  expect((await send({ url: server.url })).status).toBe(200);
});

test("a mail goes as JSON to mail.url; without it, development says so and start refuses it", async () => {
  const server = serve();
  const mail = { to: "ada@example.com", subject: "Hello", text: "It works.", html: "<p>It works.</p>" };
  await start("", `mail: { url: "http://user:key@localhost:${new URL(server.url).port}/send" }`);
  await send({ mail });
  const [{ path, body, headers }] = await server.received(1) as [RecordingServer["requests"][number]];
  expect([path, JSON.parse(body), headers["authorization"]]).toEqual(["/send", mail, `Basic ${Buffer.from("user:key").toString("base64")}`]);
  await app!.stop();
  await start("", "", true);
  expect((await send({ mail })).status).toBe(200);
  expect(app!.log.some((line) => line.includes("mail-not-sent") && line.includes("Hello"))).toBe(true);
  await app!.stop();
  await start();
  expect((await send({ mail })).body).toMatchObject({ code: "MAIL_MISSING" });
});

test("a reload changes neither what is under way nor what waits", async () => {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => { open = resolve; });
  const server = serve(async ({ body }) => {
    if (body === "held") await opened;
    return new Response("ok");
  });
  await start();
  await send({ url: server.url, body: "held", then: { call: "answered", input: { text: "held" } } });
  await server.received(1);
  expect((await app!.running.reload({ typeCheck: false })).length).toBe(0);
  await send({ url: server.url, body: "after" });
  await server.received(2);
  open();
  await until(async () => (await listed()).every(({ state }) => state === "delivered"));
  expect(await (await fetch(`${app!.url}/Note?select=text`)).json()).toEqual([{ text: "held" }]);
  expect(server.requests.length).toBe(2);
});
