// Calls reach the address that was judged, under the name that was meant; redirects of a guarded fetch are judged one by one.
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { AmbitError } from "../base/error.ts";
import { createOutboundGuard, type OutboundGuard } from "../resources/outbound-guard.ts";
import { guardedFetch, outboundCall } from "./outbound-http.ts";

const servers: { stop(force: boolean): unknown }[] = [];
afterAll(async () => { for (const server of servers) await server.stop(true); });

function serve(fetch: (request: Request) => Response): string {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch });
  servers.push(server);
  return String(server.port);
}

function guardOf(names: Readonly<Record<string, readonly string[]>>): OutboundGuard & { readonly lookups: string[] } {
  const lookups: string[] = [];
  const guard = createOutboundGuard({
    allowPrivate: ["127.0.0.0/8", "::1"], loopbackOnly: false,
    async lookup(host) {
      lookups.push(host);
      return names[host] ?? [];
    },
  });
  return { ...guard, lookups };
}

const call = { method: "POST", headers: {}, body: Buffer.from("body"), answerBytes: 100 };
const never = new AbortController().signal;

test("a name is looked up once, and the call goes to that address under that name", async () => {
  const port = serve((request) => new Response(`${request.headers.get("host")} ${request.headers.get("accept-encoding")}`));
  const guard = guardOf({ "hooks.example": ["127.0.0.1"] });
  const { status, body } = await outboundCall(guard)({ ...call, url: new URL(`http://hooks.example:${port}/x`) }, never);
  expect([status, Buffer.from(body).toString(), guard.lookups]).toEqual([200, `hooks.example:${port} identity`, ["hooks.example"]]);
});

test("an answer that unfolds is taken as it came", async () => {
  const folded = Bun.gzipSync(Buffer.alloc(1_000_000));
  const port = serve(() => new Response(folded, { headers: { "content-encoding": "gzip" } }));
  const { body, truncated } = await outboundCall(guardOf({}))({ ...call, url: new URL(`http://127.0.0.1:${port}/`), answerBytes: 10_000 }, never);
  expect([Buffer.from(body).equals(folded), truncated]).toEqual([true, false]);
});

test("where nobody listens at the first address, the next one is called", async () => {
  const port = serve(() => new Response("there"));
  const guard = guardOf({ "hooks.example": ["127.0.0.2", "::1", "127.0.0.1"] });
  expect(Buffer.from((await outboundCall(guard)({ ...call, url: new URL(`http://hooks.example:${port}/`) }, never)).body).toString()).toBe("there");
});

test("a kept connection that is closed meanwhile is no failure", async () => {
  let requests = 0;
  const seen = new WeakSet<object>();
  const server = Bun.listen({
    hostname: "127.0.0.1", port: 0,
    socket: {
      data(socket) {
        requests++;
        if (seen.has(socket)) return void socket.terminate();
        seen.add(socket);
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      },
    },
  });
  servers.push(server);
  const out = outboundCall(guardOf({ "hooks.example": ["127.0.0.1"] }));
  for (let time = 0; time < 3; time++) expect((await out({ ...call, body: null, url: new URL(`http://hooks.example:${server.port}/`) }, never)).status).toBe(200);
  expect(requests).toBeGreaterThan(3);
});

test("a lookup that never ends is not waited for", async () => {
  const guard = createOutboundGuard({ allowPrivate: [], loopbackOnly: false, lookup: () => new Promise(() => {}) });
  const controller = new AbortController();
  const calling = outboundCall(guard)({ ...call, url: new URL("http://slow.example/") }, controller.signal);
  controller.abort(new Error("no answer within 1 ms"));
  await expect(calling).rejects.toThrow("no answer within 1 ms");
});

test("over TLS the certificate is that of the name, not of the address", async () => {
  const run = Bun.spawn([process.execPath, join(import.meta.dir, "testing", "call-over-tls.ts")], {
    env: { PATH: process.env["PATH"] ?? "", NODE_EXTRA_CA_CERTS: join(import.meta.dir, "testing", "hooks-example.pem") }, stdout: "pipe", stderr: "pipe",
  });
  const [out, err] = await Promise.all([new Response(run.stdout).text(), new Response(run.stderr).text()]);
  expect([out.trim().split("\n"), err]).toEqual([["hooks.example 200", "other.example ERR_TLS_CERT_ALTNAME_INVALID", "hooks.example 200", "other.example ERR_TLS_CERT_ALTNAME_INVALID"], ""]);
});

test("a guarded fetch follows redirects as browsers do, and none to where it may not go", async () => {
  const seen: string[] = [];
  const port = serve((request) => {
    const { pathname } = new URL(request.url);
    seen.push(`${request.method} ${request.headers.get("host")}${pathname} ${request.headers.get("authorization")}`);
    const to: Record<string, [string, number]> = {
      "/303": ["/end", 303], "/302": ["/end", 302], "/307": [`http://two.example:${port}/end`, 307], "/loop": ["/loop", 302], "/out": ["http://metadata.example/", 302], "/file": ["file:///etc/passwd", 302],
    };
    const next = to[pathname];
    return next === undefined ? new Response("end") : new Response(null, { status: next[1], headers: { location: next[0] } });
  });
  const fetchIt = guardedFetch(guardOf({ "one.example": ["127.0.0.1"], "two.example": ["127.0.0.1"], "metadata.example": ["169.254.169.254"] }));
  const at = (path: string): string => `http://one.example:${port}${path}`;
  const init = { method: "POST", body: "text", headers: { authorization: "Bearer x" } };
  for (const path of ["/303", "/302", "/307"]) expect(await (await fetchIt(at(path), init)).text()).toBe("end");
  expect(seen).toEqual([
    `POST one.example:${port}/303 Bearer x`, `GET one.example:${port}/end Bearer x`, `POST one.example:${port}/302 Bearer x`, `GET one.example:${port}/end Bearer x`,
    `POST one.example:${port}/307 Bearer x`, `POST two.example:${port}/end null`,
  ]);
  expect((await fetchIt(at("/302"))).url).toBe(at("/end"));
  expect((await fetchIt(at("/302"), { redirect: "manual" })).status).toBe(302);
  await expect(fetchIt(at("/302"), { redirect: "error" })).rejects.toThrow("redirects");
  await expect(fetchIt(at("/loop"))).rejects.toThrow("too often");
  for (const path of ["/out", "/file"]) {
    const error = await fetchIt(at(path)).catch((caught: unknown) => caught);
    expect(error instanceof AmbitError && error.code).toBe("OUTBOUND_REFUSED");
  }
});
