import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, brotliDecompressSync, gzipSync } from "node:zlib";
import { until, WAIT_MS } from "../../../test/processes/waits.ts";
import { chunk, rawExchange, statusOf } from "../../../test/scenarios/raw-connection.ts";
import { administratorIdentity, anonymousIdentity, subjectIdentity } from "../../access/identities.ts";
import { fakeClock, systemClock } from "../../base/clock.ts";
import { fault } from "../../base/error.ts";
import { defaultLimits, type Limits } from "../../base/limits.ts";
import { createLog } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import type { Answer, Exchange } from "./exchange.ts";
import type { HttpServer, ServedApp, ServeOptions } from "./served-app.ts";
import { serveHttp } from "./server.ts";
import { decodeUtf8 } from "./strict-json.ts";

const LARGE = JSON.stringify({ text: "lorem ipsum ".repeat(400) });

/** More than the buffers of a socket take. */
const VAST_BYTES = 16_000_000;

/** Paths of a scripted interface. */
const script: Record<string, (exchange: Exchange) => Answer | Promise<Answer>> = {
  small: () => ({ status: 200, headers: { "content-type": "application/json", etag: '"v7"' }, body: '{"a":1}' }),
  large: () => ({ status: 200, headers: { "content-type": "application/json", etag: '"v7"' }, body: LARGE }),
  weak: () => ({ status: 200, headers: { "content-type": "application/json", etag: 'W/"x"' }, body: LARGE }),
  huge: () => ({ status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify("x".repeat(300_000)) }),
  vast: () => ({ status: 200, headers: { "content-type": "text/plain" }, body: "y".repeat(VAST_BYTES) }),
  async echo(exchange) {
    const text = decodeUtf8(await exchange.body());
    return { status: 200, headers: { "content-type": "text/plain" }, body: `${text.length}:${text.slice(0, 50)}` };
  },
  segments: (exchange) => ({ status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(exchange.segments) }),
  fault() { throw fault("CONFLICT", "No.", { retryAfterS: 1.2, details: { a: 1 } }); },
  denied() { throw fault("UNAUTHENTICATED", "Who?"); },
  bug() { throw new TypeError("the secret of 4711"); },
  async lateBug() { await Bun.sleep(1); throw new TypeError("the secret of 4711"); },
  async slow() { await Bun.sleep(150); return { status: 200, headers: {}, body: "slow" }; },
  timed(exchange) { exchange.dispatchMs = 1.234; exchange.scanned = true; return { status: 200, headers: {}, body: "t" }; },
  empty: () => ({ status: 204, headers: {}, body: null }),
};

const limits: Limits = { ...defaultLimits, bodyBytes: 2_000, urlBytes: 500, headerBytes: 4_000 };
const lines: string[] = [];

function app(overrides: Partial<ServedApp> = {}): ServedApp {
  return {
    limits, development: false,
    authenticator: {
      authenticate(credential) {
        if (credential === null) return anonymousIdentity;
        if (credential === "Bearer admin") return administratorIdentity;
        if (credential === "Bearer later") return Promise.resolve(subjectIdentity({ subject: "ada", roles: [], tenant: null }));
        throw fault("INVALID_TOKEN", "The token is not known.");
      },
    },
    handler: {
      handle(exchange) {
        const found = Object.hasOwn(script, exchange.segments[0]!) ? script[exchange.segments[0]!] : undefined;
        if (found === undefined) throw fault("NOT_FOUND", "Nothing is here.");
        exchange.route = `/${exchange.segments[0]}`;
        return found(exchange);
      },
      methods: (segments) => (Object.hasOwn(script, segments[0]!) ? ["GET", "HEAD", "POST", "OPTIONS"] : []),
    },
    openApi: (identity) => JSON.stringify({ openapi: "3.1.0", for: identity.kind }),
    ...overrides,
  };
}

/** A client that asks and then reads nothing. */
async function unread(port: number, path: string): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  await once(socket, "connect");
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  return socket;
}

let readiness: { ready: boolean; reasons: readonly string[] } = { ready: true, reasons: [] };

function serve(overrides: Partial<ServeOptions> = {}): HttpServer {
  const current = app();
  return serveHttp({
    host: "127.0.0.1", port: 0, current: () => current, cors: { origins: [] }, trustProxy: [], tls: null,
    log: createLog({ clock: systemClock(), sink: (line) => lines.push(line) }), clock: systemClock(), random: seededRandom(1),
    stats: () => ({ commits_total: 5 }), readiness: () => readiness,
    errorPage: (code) => Promise.resolve(code === "NOT_FOUND" ? "# NOT_FOUND" : null),
    ...overrides,
  });
}

let server: HttpServer;
beforeAll(() => { server = serve(); });
afterAll(() => server.stop(0));

const get = (path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> => fetch(`${server.url}${path}`, { method, headers });

describe("every answer", () => {
  test("has the security headers, a request id and says what it depends on", async () => {
    const response = await get("/small");
    expect(response.status).toBe(200);
    const expected: Record<string, string> = {
      "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "cache-control": "private, no-cache", vary: "Accept, Accept-Encoding, Authorization, Cookie", "content-type": "application/json",
    };
    for (const [name, value] of Object.entries(expected)) expect([name, response.headers.get(name)]).toEqual([name, value]);
    expect(response.headers.get("x-request-id")).toMatch(/^[0-9a-f]{12}-[0-9a-z]+$/);
    expect(response.headers.get("strict-transport-security")).toBeNull();
    expect(response.headers.get("server")).toBeNull();
  });

  test("has the client's request id when it is harmless", async () => {
    expect((await get("/small", { "x-request-id": "trace-1.a:b_c" })).headers.get("x-request-id")).toBe("trace-1.a:b_c");
    for (const bad of ["a b", "<x>", "x".repeat(65), "\"q\""]) {
      expect((await get("/small", { "x-request-id": bad })).headers.get("x-request-id")).not.toBe(bad);
    }
  });

  test("tells the database's time and scans", async () => {
    expect((await get("/timed")).headers.get("server-timing")).toBe("db;dur=1.23, scan");
    expect((await get("/small")).headers.get("server-timing")).toBeNull();
  });
});

describe("problems", () => {
  test("carry the object, its type and Retry-After", async () => {
    const response = await get("/fault", { "x-request-id": "r1" });
    expect(response.status).toBe(409);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(response.headers.get("retry-after")).toBe("2");
    expect(await response.json()).toEqual({
      type: "/docs/errors/CONFLICT", title: "Conflict with what is stored", status: 409, code: "CONFLICT", message: "No.", details: { a: 1 }, hint: null, where: null,
      fix: "Read the current state and decide again.", retry: true, requestId: "r1",
    });
  });

  test("401 says how to sign in", async () => {
    expect((await get("/denied")).headers.get("www-authenticate")).toBe('Bearer realm="ambit"');
    const response = await get("/small", { authorization: "Bearer wrong" });
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, 'Bearer realm="ambit", error="invalid_token"']);
  });

  for (const path of ["/bug", "/lateBug"]) {
    test(`an unexpected fault says an incident and nothing else (${path})`, async () => {
      const response = await get(path, { "x-request-id": "inc-1" });
      const text = await response.text();
      expect(response.status).toBe(500);
      expect(text).not.toContain("4711");
      expect(text).not.toContain("TypeError");
      expect(JSON.parse(text)).toMatchObject({ code: "INTERNAL", details: { incident: "inc-1" } });
      expect(lines.some((line) => line.includes("incident-occurred") && line.includes("inc-1") && line.includes("TypeError"))).toBe(true);
    });
  }
});

describe("methods and paths", () => {
  const rows: readonly (readonly [string, string, number, string | null])[] = [
    ["GET", "/nowhere", 404, null], ["POST", "/nowhere", 404, null], ["OPTIONS", "/nowhere", 404, null], ["OPTIONS", "/small", 204, "GET, HEAD, POST, OPTIONS"],
    ["OPTIONS", "/health", 204, "GET, HEAD, OPTIONS"], ["POST", "/health", 405, "GET, HEAD, OPTIONS"], ["DELETE", "/openapi.json", 405, "GET, HEAD, OPTIONS"],
    ["GET", "//", 404, null], ["GET", "/%zz", 400, null], ["GET", "/a%00", 400, null], ["GET", `/${"x".repeat(600)}`, 414, null], ["GET", "/__proto__", 404, null],
    ["GET", "/constructor", 404, null], ["GET", "/docs/errors/__proto__", 404, null], ["GET", "/docs/errors/..%2f..%2fsecret", 404, null], ["GET", "/docs/errors/INTERNAL", 404, null],
  ];
  for (const [method, path, status, allow] of rows) {
    test(`${method} ${path.slice(0, 40)} is ${status}`, async () => {
      const response = await get(path, {}, method);
      expect([response.status, response.headers.get("allow")]).toEqual([status, allow]);
      if (status >= 400) expect(response.headers.get("content-type")).toBe("application/problem+json");
    });
  }

  test("unknown methods are 405 where something is, else 404", async () => {
    expect(statusOf(await rawExchange(server.port, ["TRACE /small HTTP/1.1\r\nHost: x\r\n\r\n"]))).toBe(405);
    expect(statusOf(await rawExchange(server.port, ["PROPFIND /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"]))).toBe(404);
  });

  test("encoded slashes belong to the segment, dots and other hosts lead nowhere else", async () => {
    expect(await (await get("/segments/a%2Fb%2E%2E")).json()).toEqual(["segments", "a/b.."]);
    const outside = await rawExchange(server.port, ["GET /small/../segments/%2e%2e/segments HTTP/1.1\r\nHost: x\r\n\r\n"]);
    expect(outside.text).toEndWith('["segments"]');
    const strangeHost = await rawExchange(server.port, ["GET /segments HTTP/1.1\r\nHost: evil/small?\r\n\r\n"]);
    expect(strangeHost.text).toEndWith('["segments"]');
    expect(statusOf(await rawExchange(server.port, ["GET /segments#x HTTP/1.1\r\nHost: x\r\n\r\n"]))).toBe(400);
  });

  test("HEAD is GET without the body", async () => {
    const response = await rawExchange(server.port, ["HEAD /small HTTP/1.1\r\nHost: x\r\n\r\n"]);
    expect(response.text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(response.text).toMatch(/content-length: 7\r\n/i);
    expect(response.text).toEndWith("\r\n\r\n");
  });
});

describe("large answers", () => {
  test("arrive whole, compressed or not, and HEAD says how long they are", async () => {
    const whole = await fetch(`${server.url}/vast`, { headers: { "accept-encoding": "identity" } });
    expect(await whole.text()).toBe("y".repeat(VAST_BYTES));
    const head = await fetch(`${server.url}/vast`, { method: "HEAD", headers: { "accept-encoding": "identity" } });
    expect(head.headers.get("content-length")).toBe(String(VAST_BYTES));
  });

  test("that are not taken are bounded together, and given back", async () => {
    const narrow = app({ limits: { ...limits, answersBytes: VAST_BYTES * 2 } });
    const other = serve({ current: () => narrow });
    const call = async (method: string, path: string) => {
      const response = await fetch(`${other.url}${path}`, { method, headers: { "accept-encoding": "identity" } });
      return [response.status, (await response.text()).length];
    };
    const idle = [await unread(other.port, "/vast"), await unread(other.port, "/vast")];
    await until(async () => (await call("GET", "/vast"))[0] === 503, "both have their answers");
    expect(lines.at(-1)).toContain('"status":503');
    expect(await call("GET", "/small")).toEqual([200, 7]);
    expect(await call("POST", "/vast")).toEqual([200, VAST_BYTES]);
    idle[0]!.destroy();
    await until(async () => Bun.deepEquals(await call("GET", "/vast"), [200, VAST_BYTES]), "its room is given back");
    expect(await call("GET", "/vast")).toEqual([200, VAST_BYTES]);
    idle[1]!.destroy();
    await other.stop(0);
  });
});

describe("bodies", () => {
  const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}): Promise<Response> => fetch(`${server.url}/echo`, { method: "POST", body, headers });

  test("within the limit they arrive", async () => {
    expect(await (await post("a".repeat(2_000))).text()).toStartWith("2000:aaa");
    expect(await (await post("")).text()).toBe("0:");
  });

  test("beyond it they are refused, by their length or while they come", async () => {
    const response = await post("a".repeat(2_001));
    expect([response.status, (await response.json() as { code: string }).code]).toEqual([413, "BODY_TOO_LARGE"]);
    const chunked = await rawExchange(server.port, ["POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", chunk("a".repeat(1_500)), 20, chunk("b".repeat(1_500)), 20, chunk("c")]);
    expect([statusOf(chunked), chunked.closed, chunked.text.includes("BODY_TOO_LARGE")]).toEqual([413, true, true]);
    const announced = await rawExchange(server.port, ["POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"]);
    expect([statusOf(announced), announced.closed]).toEqual([413, true]);
  });

  test("an endless one costs no memory", async () => {
    const piece = chunk("x".repeat(50_000));
    const growths: number[] = [];
    for (let round = 0; round < 3; round++) {
      const before = process.memoryUsage().rss;
      const endless = await rawExchange(server.port, ["POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", ...Array.from({ length: 200 }, () => piece)]);
      growths.push(process.memoryUsage().rss - before);
      expect(endless.closed).toBe(true);
    }
    // What is kept is kept each time; what the process does besides is not.
    expect(Math.min(...growths)).toBeLessThan(100_000_000);
  });

  test("many together are bounded, and what was held is given back", async () => {
    const narrow = app({ limits: { ...limits, bodiesBytes: 3_000 } });
    const clock = fakeClock();
    const other = serve({ current: () => narrow, clock });
    for (const begun of ["Content-Length: 1000\r\n\r\nab", `Transfer-Encoding: chunked\r\n\r\n${chunk("a".repeat(999))}`]) {
      const open = Array.from({ length: 4 }, () => rawExchange(other.port, [`POST /echo HTTP/1.1\r\nHost: x\r\n${begun}`]));
      // One has no room; the others wait for the rest until their time is over.
      expect(statusOf(await Promise.race(open))).toBe(503);
      clock.advance(limits.requestMs);
      expect((await Promise.all(open)).map(statusOf).sort()).toEqual([408, 408, 408, 503]);
    }
    const { text } = await rawExchange(other.port, [`POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n${"a".repeat(2_000)}`], { until: /2000:aaa/ });
    expect(text).toStartWith("HTTP/1.1 200");
    expect((await fetch(`${other.url}/echo`, { method: "POST", body: new Uint8Array(gzipSync("x".repeat(1_900))), headers: { "content-encoding": "gzip" } })).status).toBe(200);
    await other.stop(0);
  });

  test("in chunks they arrive whole", async () => {
    const answer = await rawExchange(server.port, ["POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", chunk("ab"), 20, chunk("cd"), 20, "0\r\n\r\n"], { until: /abcd/ });
    expect(answer.text).toEndWith("4:abcd");
  });

  test("slow ones time out, and the connection is closed", async () => {
    const hasty = app({ limits: { ...limits, requestMs: 200 } });
    const other = serve({ current: () => hasty });
    for (const head of ["Content-Length: 10\r\n\r\nab", `Transfer-Encoding: chunked\r\n\r\n${chunk("ab")}`]) {
      const slow = await rawExchange(other.port, [`POST /echo HTTP/1.1\r\nHost: x\r\n${head}`]);
      expect([statusOf(slow), slow.closed, slow.text.includes("REQUEST_TIMEOUT")]).toEqual([408, true, true]);
    }
    await other.stop(0);
  });

  test("half a request does nothing to the next one", async () => {
    await rawExchange(server.port, ["POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab"], { until: /never/, waitMs: 30 });
    await rawExchange(server.port, ["POST /echo HTT"], { until: /never/, waitMs: 30 });
    expect((await get("/small")).status).toBe(200);
  });

  test("broken frames are refused by the listener", async () => {
    const rows: readonly string[] = [
      "Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n", "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Content-Length: -1\r\n\r\n",
    ];
    for (const head of rows) expect(statusOf(await rawExchange(server.port, [`POST /echo HTTP/1.1\r\nHost: x\r\n${head}`])) ?? 400).toBe(400);
  });

  test("gzip is taken within the same limit, other codings are not", async () => {
    expect(await (await post(new Uint8Array(gzipSync("hello")), { "content-encoding": "gzip" })).text()).toBe("5:hello");
    const bomb = await post(new Uint8Array(gzipSync("a".repeat(1_000_000))), { "content-encoding": "gzip" });
    expect(bomb.status).toBe(413);
    expect((await post("plain", { "content-encoding": "gzip" })).status).toBe(400);
    const other = await post("x", { "content-encoding": "br" });
    expect([other.status, (await other.json() as { code: string }).code]).toEqual([415, "UNSUPPORTED_MEDIA_TYPE"]);
  });

  test("what is not UTF-8 is refused", async () => {
    expect((await post(new Uint8Array([0x22, 0xff, 0x22]))).status).toBe(400);
  });
});

describe("heads", () => {
  test("too large ones are refused", async () => {
    expect(statusOf(await rawExchange(server.port, [`GET /small HTTP/1.1\r\nHost: x\r\nA: ${"x".repeat(5_000)}\r\n\r\n`]))).toBe(431);
    expect(statusOf(await rawExchange(server.port, [`GET /small HTTP/1.1\r\nHost: x\r\n${Array.from({ length: 400 }, (_, index) => `A${index}: 1\r\n`).join("")}\r\n`]))).toBe(431);
    expect(statusOf(await rawExchange(server.port, [`GET /small HTTP/1.1\r\nHost: x\r\nA: ${"x".repeat(3_500)}\r\n\r\n`]))).toBe(200);
  });

  test("a head beyond all bounds is refused while it comes", async () => {
    const attempt = (): ReturnType<typeof rawExchange> => rawExchange(server.port, ["GET /small HTTP/1.1\r\nHost: x\r\n", ...Array.from({ length: 100 }, (_, index) => `A${index}: ${"x".repeat(1_000)}\r\n`)]);
    let endless = await attempt();
    // TCP drops an answer where a connection is closed with bytes that nobody has read.
    for (let again = 0; endless.text === "" && endless.closed && again < 50; again++) endless = await attempt();
    expect([statusOf(endless), endless.closed]).toEqual([431, true]);
  });

  test("pipelined requests get their answers in order, or none behind an unfinished one", async () => {
    const two = await rawExchange(server.port, ["GET /empty HTTP/1.1\r\nHost: x\r\n\r\nGET /small HTTP/1.1\r\nHost: x\r\n\r\n"], { until: /\{"a":1\}/ });
    expect(two.text).toMatch(/^HTTP\/1\.1 204[^]*HTTP\/1\.1 200/);
    const behind = await rawExchange(server.port, ["GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET /small HTTP/1.1\r\nHost: x\r\n\r\n"], { until: /\{"a":1\}/ });
    expect([behind.text, behind.closed]).toEqual(["", true]);
  });
});

describe("compression", () => {
  const raw = async (path: string, coding: string): Promise<{ head: string; body: Buffer }> => {
    const { text } = await rawExchange(server.port, [`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept-Encoding: ${coding}\r\n\r\n`], { until: /never/ });
    const end = text.indexOf("\r\n\r\n");
    return { head: text.slice(0, end).toLowerCase(), body: Buffer.from(text.slice(end + 4), "latin1") };
  };

  test("gzip and br, with the strong tag marked", async () => {
    const gzip = await raw("/large", "gzip");
    expect(gzip.head).toContain('etag: "v7-gzip"');
    expect(gunzipSync(gzip.body).toString()).toBe(LARGE);
    const br = await raw("/large", "gzip, br");
    expect(br.head).toContain('etag: "v7-br"');
    expect(brotliDecompressSync(br.body).toString()).toBe(LARGE);
    const huge = await raw("/huge", "br");
    expect(brotliDecompressSync(huge.body).length).toBe(300_002);
  });

  test("a weak tag stays, small and unwanted ones are left alone", async () => {
    expect((await raw("/weak", "gzip")).head).toContain('etag: w/"x"');
    expect((await raw("/small", "gzip")).head).not.toContain("content-encoding");
    expect((await raw("/large", "gzip;q=0")).head).not.toContain("content-encoding");
  });
});

describe("cross-origin", () => {
  test("is closed by default", async () => {
    const response = await get("/small", { origin: "https://evil.example" });
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
    const preflight = await get("/small", { origin: "https://evil.example", "access-control-request-method": "POST" }, "OPTIONS");
    expect(preflight.headers.get("access-control-allow-methods")).toBeNull();
  });

  test("opens for the origins named", async () => {
    const open = serve({ cors: { origins: ["https://app.example"] } });
    const ask = (origin: string, method: string, more: Record<string, string> = {}): Promise<Response> => fetch(`${open.url}/small`, { method, headers: { origin, ...more } });
    const simple = await ask("https://app.example", "GET");
    expect(simple.headers.get("access-control-allow-origin")).toBe("https://app.example");
    expect(simple.headers.get("vary")).toContain("Origin");
    expect(simple.headers.get("access-control-expose-headers")).toContain("ETag");
    const preflight = await ask("https://app.example", "OPTIONS", { "access-control-request-headers": "prefer,content-type" });
    expect([preflight.status, preflight.headers.get("access-control-allow-headers"), preflight.headers.get("access-control-allow-methods")]).toEqual([204, "prefer,content-type", "GET, HEAD, POST, OPTIONS"]);
    const stranger = await ask("https://evil.example", "OPTIONS");
    expect(stranger.headers.get("access-control-allow-origin")).toBeNull();
    const refused = await fetch(`${open.url}/denied`, { headers: { origin: "https://app.example" } });
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([401, "https://app.example"]);
    await open.stop(0);
  });
});

describe("system routes", () => {
  test("health and readiness", async () => {
    expect(await (await get("/health")).json()).toEqual({ status: "ok" });
    expect(await (await get("/ready")).json()).toEqual({ status: "ready" });
    readiness = { ready: false, reasons: ["migration"] };
    const response = await get("/ready");
    expect([response.status, await response.json()]).toEqual([503, { status: "unavailable", reasons: ["migration"] }]);
    readiness = { ready: true, reasons: ["no_model"] };
    const degraded = await get("/ready");
    expect([degraded.status, await degraded.json()]).toEqual([200, { status: "degraded", reasons: ["no_model"] }]);
    readiness = { ready: true, reasons: [] };
  });

  test("a bad token does not keep health from answering", async () => {
    expect((await get("/health", { authorization: "Bearer wrong" })).status).toBe(200);
  });

  test("the metrics are for collectors on this machine and the administrator, not for whoever a proxy lets through", async () => {
    expect((await get("/metrics")).status).toBe(200);
    for (const header of ["x-forwarded-for", "forwarded", "via", "x-real-ip"]) {
      expect((await get("/metrics", { [header]: "127.0.0.1" })).status).toBe(401);
      expect((await get("/metrics", { [header]: "127.0.0.1", authorization: "Bearer later" })).status).toBe(403);
      expect((await get("/metrics", { [header]: "127.0.0.1", authorization: "Bearer admin" })).status).toBe(200);
    }
    await get("/small");
    await get("/nowhere/secret-id");
    const response = await get("/metrics", { authorization: "Bearer admin" });
    const text = await response.text();
    expect(response.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
    expect(text).toContain('ambit_http_requests_total{method="GET",route="/small",status="200"}');
    expect(text).toContain("ambit_commits_total 5");
    expect(text).toContain("process_resident_memory_bytes ");
    expect(text).not.toContain("secret-id");
  });

  test("in development mode they are open", async () => {
    const development = app({ development: true });
    const other = serve({ current: () => development });
    expect((await fetch(`${other.url}/metrics`)).status).toBe(200);
    await other.stop(0);
  });

  test("the OpenAPI document is the caller's", async () => {
    expect(await (await get("/openapi.json")).json()).toEqual({ openapi: "3.1.0", for: "anonymous" });
    expect(await (await get("/openapi.json", { authorization: "Bearer admin" })).json()).toEqual({ openapi: "3.1.0", for: "administrator" });
  });

  test("error pages are Markdown", async () => {
    const response = await get("/docs/errors/NOT_FOUND");
    expect([response.status, response.headers.get("content-type"), await response.text()]).toEqual([200, "text/markdown; charset=utf-8", "# NOT_FOUND"]);
  });
});

test("the log has one line for each answer, without paths, queries or subjects", async () => {
  lines.length = 0;
  await get("/segments/secret-id?email=ada@example.com", { authorization: "Bearer later", "x-request-id": "line-1" });
  const line = JSON.parse(lines.find((one) => one.includes("line-1"))!) as Record<string, unknown>;
  expect(line).toMatchObject({ level: "info", event: "request-answered", method: "GET", route: "/segments", status: 200 });
  expect(line["subject"]).toMatch(/^[0-9a-f]{16}$/);
  expect(lines.join("\n")).not.toMatch(/secret-id|ada|example\.com|Bearer/);
});

describe("life", () => {
  test("a socket file instead of a port", async () => {
    const path = join(tmpdir(), `ambit-http-${process.pid}.sock`);
    const other = serve({ unix: path });
    expect(await (await fetch("http://localhost/small", { unix: path })).text()).toBe('{"a":1}');
    await other.stop(0);
  });

  test("a reload takes effect between two requests, on the same connection", async () => {
    let current = app();
    const other = serve({ current: () => current });
    const first = await rawExchange(other.port, ["GET /small HTTP/1.1\r\nHost: x\r\n\r\n", 50, "GET /small HTTP/1.1\r\nHost: x\r\n\r\n"], { until: /\}[^]*\}/ });
    expect(first.text.match(/200 OK/g)?.length).toBe(2);
    current = app({ handler: { handle: () => ({ status: 200, headers: {}, body: "new" }), methods: () => ["GET"] } });
    expect(await (await fetch(`${other.url}/small`)).text()).toBe("new");
    await other.stop(0);
  });

  test("stopping finishes what is under way and takes nothing new", async () => {
    const [begun, end] = [Promise.withResolvers<void>(), Promise.withResolvers<Answer>()];
    script["held"] = () => { begun.resolve(); return end.promise; };
    const other = serve();
    const held = fetch(`${other.url}/held`);
    await begun.promise;
    const stopped = other.stop(WAIT_MS);
    expect(await fetch(`${other.url}/small`).then(() => "answered", () => "refused")).toBe("refused");
    end.resolve({ status: 200, headers: {}, body: "held" });
    expect(await (await held).text()).toBe("held");
    await stopped;
  });

  test("stopping does not wait longer than it was told", async () => {
    const begun = Promise.withResolvers<void>();
    script["stuck"] = () => { begun.resolve(); return new Promise<Answer>(() => {}); };
    const other = serve();
    const stuck = fetch(`${other.url}/stuck`).then(() => "answered", () => "cut");
    await begun.promise;
    // What it waits for never comes.
    await other.stop(50);
    expect(await stuck).toBe("cut");
  });
});
