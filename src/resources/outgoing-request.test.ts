// What ctx.send is given, at random and on purpose: read, or refused with a reason, never anything else.
import { expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import { defaultLimits } from "../base/limits.ts";
import { seededRandom } from "../base/random.ts";
import { compileSchema } from "../schema/compile-schema.ts";
import { readOutgoing, type RequestContext } from "./outgoing-request.ts";

const { catalog } = compileSchema({ file: "schema.graphql", text: "type Endpoints { told(answer: JSON!): Boolean other: Boolean @http }" });
const context: RequestContext = { catalog, limits: { ...defaultLimits, outboxBodyBytes: 1_000, headerBytes: 200 }, secrets: { key: "whsec_c2VjcmV0", empty: "" }, guard: { check() { /* Everybody. */ } } };
const read = (given: unknown): ReturnType<typeof readOutgoing> => readOutgoing(given, context);
const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString());

test("what is left out has its default", () => {
  expect(read({ url: "https://a.example/x#y" })).toEqual({
    request: { url: "https://a.example/x", method: "POST", headers: {}, sign: null, bearer: null, attempts: null, giveUpOn: [410], then: null },
    body: null, host: "a.example", key: null, orderKey: null, mail: null,
  });
});

test("bodies: text and bytes as they are, everything else as JSON, a bigint as a decimal string", () => {
  const bodies: [unknown, string, string][] = [
    ["é", "é", "text/plain; charset=utf-8"], [new Uint8Array([65]), "A", "application/octet-stream"], [{ a: 12345678901234567890n }, `{"a":"12345678901234567890"}`, "application/json"],
    [null, "null", "application/json"], [[1], "[1]", "application/json"], [new Date(0), `"1970-01-01T00:00:00.000Z"`, "application/json"], [false, "false", "application/json"],
  ];
  for (const [body, sent, type] of bodies) {
    const { body: bytes, request } = read({ url: "https://a.example", body });
    expect([text(bytes), request.headers["content-type"]]).toEqual([sent, type]);
  }
  expect(read({ url: "https://a.example", body: "<a/>", headers: { "Content-Type": "text/xml" } }).request.headers).toEqual({ "content-type": "text/xml" });
  const bytes = new Uint8Array([1]);
  const { body } = read({ url: "https://a.example", body: bytes });
  bytes[0] = 2;
  expect(body).toEqual(new Uint8Array([1]));
});

test("mails", () => {
  const mail = { to: "a@b.example", subject: "s", text: "t", cc: ["c"] };
  expect(read({ mail, key: "m1" })).toMatchObject({ request: { url: null, method: "POST", headers: { "content-type": "application/json" } }, host: "mail", key: "m1", mail });
  for (const wrong of [{ mail: { to: "a" } }, { mail: { ...mail, text: "" } }, { mail: "text" }, { mail, url: "https://a.example" }, { mail, sign: "key" }]) expect(() => read(wrong)).toThrow(TypeError);
});

test("what is wrong says what", () => {
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  const wrong: unknown[] = [
    null, undefined, "https://a.example", [], { url: 7 }, { url: "https://a.example", method: "TRACE" }, { url: "https://a.example", method: "post" }, { url: "https://a.example", headers: [] },
    { url: "https://a.example", headers: { "a b": "c" } }, { url: "https://a.example", headers: { a: "b\nc" } }, { url: "https://a.example", headers: { a: 7 } }, { url: "https://a.example", headers: { a: "\u20ac" } },
    { url: "https://a.example", headers: { "Content-Length": "1" } }, { url: "https://a.example", headers: { "webhook-id": "x" } }, { url: "https://a.example", headers: { "Idempotency-Key": "x" } },
    { url: "https://a.example", headers: { big: "x".repeat(300) } }, { url: "https://a.example", body: () => {} }, { url: "https://a.example", body: cyclic }, { url: "https://a.example", bearer: "empty" },
    { url: "https://a.example", sign: "toString" }, { url: "https://a.example", key: "" }, { url: "https://a.example", key: "a b" }, { url: "https://a.example", key: "x".repeat(256) }, { url: "https://a.example", orderKey: 7 },
    { url: "https://a.example", giveUpOn: 400 }, { url: "https://a.example", giveUpOn: [200] }, { url: "https://a.example", attempts: 0 }, { url: "https://a.example", attempts: 1.5 },
    { url: "https://a.example", then: "told" }, { url: "https://a.example", then: { call: "other" } }, { url: "https://a.example", then: { call: "none" } }, { url: "https://a.example", then: { call: "told", input: 7 } },
  ];
  for (const [index, given] of wrong.entries()) expect(() => { if (read(given) !== null) throw new Error(`number ${index} is read`); }).toThrow(TypeError);
  for (const url of ["", "a.example", "/path", "http://", `https://a.example/${"x".repeat(20_000)}`]) expect(() => read({ url })).toThrow(AmbitError);
  expect(() => read({ url: "https://a.example", body: "x".repeat(1_001) })).toThrow("larger than 1000 bytes");
});

test("at random: read, or refused", () => {
  const random = seededRandom(Number(process.env["AMBIT_TEST_SEED"] ?? 5));
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random.next() * from.length)]!;
  const values: readonly unknown[] = [
    undefined, null, 0, -1, 410, Infinity, "", "key", "told", "https://a.example", "http://[::1]/", "POST", "GET", {}, [], [410], { call: "told" }, { call: "told", input: { a: 1n } }, { a: "b" }, { __proto__: null, x: "y" },
    new Date(Number.NaN), Symbol("s"), () => 1, new Map(), new Uint8Array(3), 5n, true, { toJSON() { throw new RangeError("no"); } },
  ];
  const members = ["url", "method", "headers", "body", "key", "orderKey", "sign", "bearer", "attempts", "giveUpOn", "then", "mail", "other"];
  let accepted = 0;
  for (let round = 0; round < 2_000; round++) {
    const given: { [name: string]: unknown } = random.next() < 0.7 ? { url: "https://a.example" } : {};
    for (let member = 0; member < 1 + random.next(); member++) given[pick(members)] = pick(values);
    try {
      read(given);
      accepted++;
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof AmbitError || (error instanceof RangeError && error.message === "no"))) throw error;
    }
  }
  expect(accepted).toBeGreaterThan(20);
});
