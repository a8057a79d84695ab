// What attackers try at any API: other people's ids, fields that are not theirs, filters that are more than filters, forged tokens, headers,
// paths, bodies that grow, and connections that never end. Sign-in has its own in test/accounts.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHmac, generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { join } from "node:path";
import { exportJWK, SignJWT, UnsecuredJWT } from "jose";
import { within } from "../processes/app-process.ts";
import { adminToken, startTestApp, type StartedApp } from "../scenarios/started-app.ts";

const schema = `
type Note @table(tenant: "org") @export @allow(to: ["user"], do: [READ, CREATE, UPDATE, DELETE], where: "record.owner == auth.subject") {
  id: ID! @primaryKey
  org: ID!
  owner: ID! @createdBy
  text: String @indexed
  paid: Boolean! @default(value: false) @readOnly
  secret: String @internal
  rank: Int @allow(to: ["boss"], do: [READ, CREATE, UPDATE])
  more: JSON
  lines: [Line!]! @relationship(to: "noteId")
}
type Line @table(tenant: "org") @export @allow(to: ["user"], do: [READ, CREATE]) { id: ID! @primaryKey org: ID! noteId: ID! @indexed note: Note @relationship(from: "noteId") text: String }
type Endpoints { find(text: String!): [JSON!]! @http(method: POST) @allow(to: ["user"]) }
`;
const resources = `
import { endpoints } from "ambit";
export const Endpoints = endpoints({ async find(ctx, { text }) { return ctx.system.Note.find({ text }); } });
`;
const HS = "a secret of HS256 that is long enough for it";
const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const config = `
auth:
  keys: [{ token: key-ann, subject: ann, roles: [user], tenant: t1 }, { token: key-bob, subject: bob, roles: [user], tenant: t1 }, { token: key-eve, subject: eve, roles: [user], tenant: t2 }]
  jwt:
    - { issuer: rsa, jwks: jwks.json, algorithms: [RS256], roles: { claim: roles }, tenant: { claim: org } }
    - { issuer: shared, secret: "${HS}", algorithms: [HS256], roles: { claim: roles }, tenant: { claim: org } }
limits: { bodyBytes: 64KB, requestMs: 300, idleS: 1, wrongCredentialsPerMinute: 1000 }
`;

let app: StartedApp;
beforeAll(async () => {
  app = await startTestApp({ schema, resources, config });
  writeFileSync(join(app.directory, "jwks.json"), JSON.stringify({ keys: [{ ...await exportJWK(publicKey), alg: "RS256", kid: "k1" }] }));
  for (const [as, id] of [["key-ann", "a1"], ["key-bob", "b1"], ["key-eve", "e1"]] as const) expect((await ask("POST", "/Note", as, { id, text: `${id} private` })).status).toBe(201);
});
afterAll(() => app.stop());

interface Asked { readonly status: number; readonly text: string; readonly headers: Headers }

async function ask(method: string, path: string, as: string | null, body?: unknown, headers: Record<string, string> = {}): Promise<Asked> {
  const response = await fetch(app.url + path, { method, headers: { ...(as === null ? {} : { authorization: `Bearer ${as}` }), ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers }, ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }) });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

test("id guessing: another's record is not there, whatever is done to it", async () => {
  for (const id of ["b1", "e1"]) {
    for (const [method, path, body] of [["GET", `/Note/${id}`], ["PATCH", `/Note/${id}`, { text: "mine" }], ["DELETE", `/Note/${id}`], ["GET", `/Note/${id}?select=text`]] as const) {
      const { status, text } = await ask(method, path, "key-ann", body);
      expect([method, path, status, text.includes("private")]).toEqual([method, path, 404, false]);
    }
    const taken = await ask("PUT", `/Note/${id}`, "key-ann", { text: "mine" });
    expect([taken.status >= 400, taken.text.includes("private")]).toEqual([true, false]);
    for (const body of [{ query: `{ note(id: "${id}") { text } }` }, { query: `mutation { updateNote(id: "${id}", input: { text: "mine" }) { text } }` }]) expect((await ask("POST", "/graphql", "key-ann", body)).text).not.toContain("private");
    expect((await ask("POST", "/batch", "key-ann", { operations: [{ method: "DELETE", path: `/Note/${id}` }] })).status).toBe(404);
  }
  expect(JSON.parse((await ask("GET", "/Note?select=id", "key-ann")).text)).toEqual([{ id: "a1" }]);
  expect((await ask("GET", "/Note/b1", "key-bob")).text).toContain("b1 private");
});

test("mass assignment: fields of others, of code and of the runtime are not set by whoever sends them", async () => {
  for (const [field, value] of [["paid", true], ["owner", "bob"], ["org", "t2"], ["rank", 1], ["secret", "x"], ["constructor", 1], ["_rowid_", 1]] as const) {
    for (const [method, path] of [["PATCH", "/Note/a1"], ["POST", "/Note"], ["PATCH", "/Note?id=eq.a1"]] as const) {
      const { status } = await ask(method, path, "key-ann", { text: "new", [field]: value });
      expect([field, method, path, status >= 400 && status < 500]).toEqual([field, method, path, true]);
    }
  }
  expect((await ask("PATCH", "/Note/a1", "key-ann", `{"text": "x", "__proto__": {"paid": true}}`)).status).toBe(400);
  const { text } = await ask("GET", "/Note/a1", adminToken);
  expect(JSON.parse(text)).toMatchObject({ paid: false, owner: "ann", org: "t1", rank: null, text: "a1 private" });
});

test("filter injection: a value is a value, a name is a field, in queries, orders, bodies and code", async () => {
  const inputs = ["x' OR '1'='1", "x'; DROP TABLE Note; --", "x\" OR 1=1 --", "') OR 1=1 --", "*/ OR 1=1 /*", "x\\' OR 1=1", "\u2019 OR 1=1", "x%' OR '1' LIKE '%1"];
  for (const input of inputs) {
    const text = encodeURIComponent(input);
    const paths = [`/Note?text=eq.${text}`, `/Note?text=like.${text}`, `/Note?text=in.(${text})`, `/Note?or=(text.eq.${text})`, `/Note?more->>a=eq.${text}`, `/Note?${text}=eq.1`, `/Note?order=${text}`, `/Note?select=${text}`, `/Note?more->>${text}=eq.1`, `/Note/${text}`, `/Note?search=${text}`, `/Note?limit=${text}`, `/Note?after=${text}`];
    for (const path of paths) {
      const { status, text: answer } = await ask("GET", path, "key-ann");
      expect([path, status < 500, answer.includes("b1 private") || answer.includes("e1 private"), answer.includes("a1 private")]).toEqual([path, true, false, false]);
    }
    expect((await ask("POST", "/graphql", "key-ann", { query: "query($v: String) { noteList(filter: { text: { eq: $v } }) { rows { id } } }", variables: { v: input } })).text).not.toContain("a1");
    expect(JSON.parse((await ask("POST", "/find", "key-ann", { text: input })).text)).toEqual([]);
  }
  // An object can never stand for a value, so that it is never an operator.
  for (const text of [{ neq: "" }, { not: null }, ["a"], { like: "%" }]) expect((await ask("POST", "/find", "key-ann", { text })).status).toBe(400);
  expect((await ask("GET", "/Note/b1", "key-bob")).status).toBe(200);
});

const claims = { sub: "bob", roles: ["user"], org: "t1" };
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

test("tokens: unsigned, signed by anybody, or by a public key as if it were a secret", async () => {
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  const jwk = JSON.stringify(await exportJWK(publicKey));
  const own = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const hs = (secret: string, header: object, iss = "rsa"): string => {
    const signed = `${part(header)}.${part({ ...claims, iss })}`;
    return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
  };
  const forged: Record<string, string> = {
    none: new UnsecuredJWT({ ...claims, iss: "rsa" }).encode(), "none in capitals": `${part({ alg: "nOnE", typ: "JWT" })}.${part({ ...claims, iss: "rsa" })}.`,
    "of another's key": await new SignJWT({ ...claims, iss: "rsa" }).setProtectedHeader({ alg: "RS256", kid: "k1" }).sign(own.privateKey),
    "with its own key": await new SignJWT({ ...claims, iss: "rsa" }).setProtectedHeader({ alg: "RS256", jwk: await exportJWK(own.publicKey) }).sign(own.privateKey),
    "with an address of its key": await new SignJWT({ ...claims, iss: "rsa" }).setProtectedHeader({ alg: "RS256", jku: "http://127.0.0.1:1/jwks", kid: "../../../dev/null" }).sign(own.privateKey),
    "the public key as a secret, PEM": hs(pem, { alg: "HS256", kid: "k1" }), "the public key as a secret, JWK": hs(jwk, { alg: "HS256", kid: "k1" }), "an empty secret": hs("", { alg: "HS256" }, "shared"),
    "a right signature of an algorithm that is not listed": await new SignJWT({ ...claims, iss: "shared" }).setProtectedHeader({ alg: "HS512" }).sign(new TextEncoder().encode(HS.repeat(2))),
    "the private key for the other issuer": await new SignJWT({ ...claims, iss: "shared" }).setProtectedHeader({ alg: "RS256", kid: "k1" }).sign(privateKey),
    "a critical extension": await new SignJWT({ ...claims, iss: "rsa" }).setProtectedHeader({ alg: "RS256", kid: "k1", crit: ["x"], x: 1 }).sign(privateKey, { crit: { x: true } }),
  };
  const right = await new SignJWT({ ...claims, iss: "rsa" }).setProtectedHeader({ alg: "RS256", kid: "k1" }).sign(privateKey);
  forged["a changed payload"] = right.replace(/\.[^.]+\./, `.${part({ ...claims, iss: "rsa", sub: "ann" })}.`);
  expect((await ask("GET", "/Note", right)).text).toContain("b1 private");
  for (const [name, token] of Object.entries(forged)) expect([name, (await ask("GET", "/Note", token)).status]).toEqual([name, 401]);
});

test("headers: nothing that is sent becomes a header, or a line, of the answer", async () => {
  for (const sent of ["a b", "<script>", "x;y=1", "a".repeat(100), "%0d%0aSet-Cookie: a=b"]) {
    expect((await ask("GET", "/Note", "key-ann", undefined, { "x-request-id": sent })).headers.get("x-request-id")).not.toBe(sent);
  }
  const { status, headers } = await ask("POST", "/Note", "key-ann", { id: "a\r\nSet-Cookie: evil=1" });
  expect([status < 500, headers.getSetCookie(), /[\r\n]/.test(headers.get("location") ?? "")]).toEqual([true, [], false]);
  const raw = await exchange(["GET /Note HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\r\n Set-Cookie: evil=1\r\nConnection: close\r\n\r\n"], 5_000);
  expect(raw.toLowerCase()).not.toContain("set-cookie");
});

test("paths: nothing outside of what is there, however it is written", async () => {
  for (const path of ["/docs/errors/../../package.json", "/docs/errors/..%2f..%2fpackage", "/docs/errors/%2e%2e%2f%2e%2e%2fREADME", "/docs/errors/INTERNAL%00", "/docs/errors/constructor", "/docs/errors/..%5c..%5cREADME.md", "/files/..%2f..%2fdata.db", "/files/../data/data.db", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/Note/..%2f..%2fconfig.yaml", "/.ambit/data/data.db", "/config.yaml", "/schema.graphql"]) {
    const raw = await exchange([`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`], 5_000);
    expect([path, /^HTTP\/1\.1 (?:400|401|403|404) /.test(raw), /root:|SQLite format|"name": "ambit"|key-ann/.test(raw)]).toEqual([path, true, false]);
  }
  expect((await ask("GET", "/docs/errors/INTERNAL", null)).status).toBe(200);
});

test("decompression bombs: no more is unpacked than a body may have", async () => {
  const bomb = gzipSync(Buffer.from(JSON.stringify({ text: " ".repeat(30_000_000) })));
  expect(bomb.length).toBeLessThan(64_000);
  const send = async (path: string, coding: string): Promise<number> => (await fetch(app.url + path, { method: "POST", headers: { authorization: "Bearer key-ann", "content-type": "application/json", "content-encoding": coding }, body: bomb })).status;
  expect([await send("/Note", "gzip"), await send("/graphql", "gzip"), await send("/batch", "x-gzip"), await send("/find", "gzip")]).toEqual([413, 413, 413, 413]);
  expect([await send("/Note", "br"), await send("/Note", "gzip, gzip"), await send("/Note", "deflate")]).toEqual([415, 415, 415]);
});

test("slow requests: a body that trickles is given up, a head that does not come ends its connection", async () => {
  const head = "POST /Note HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key-ann\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n";
  const start = "GET /Note HTTP/1.1\r\nHost: x\r\nX-A: ";
  const told = await Promise.all([exchange([head, ...Array.from({ length: 60 }, () => " ")], 5_000), exchange([start], 30_000), exchange([start, ...Array.from({ length: 500 }, () => "a")], 30_000)]);
  expect(told.map((text) => text.slice(0, 13))).toEqual(["HTTP/1.1 408 ", "", ""]);
}, 120_000);

/** What comes back until the other side closes; parts are sent 50 ms apart. */
function exchange(parts: readonly string[], waitMs: number): Promise<string> {
  return within(waitMs, "the connection to end", new Promise((resolve, reject) => {
    let told = "";
    const socket = connect(app.port, "127.0.0.1", () => {
      const next = (index: number): void => {
        if (index >= parts.length || socket.destroyed) return;
        socket.write(parts[index]!);
        setTimeout(() => next(index + 1), 50);
      };
      next(0);
    });
    socket.on("data", (bytes) => { told += bytes.toString("latin1"); });
    socket.on("error", (error) => (told === "" ? reject(error) : resolve(told)));
    socket.on("close", () => resolve(told));
  }));
}
