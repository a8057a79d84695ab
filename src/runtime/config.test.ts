import { expect, test } from "bun:test";
import { loadConfig } from "./config.ts";

const load = (text: string | null, environment: Record<string, string> = {}) => loadConfig("config.yaml", text, environment);

test("defaults without a file", () => {
  const { config, diagnostics } = load(null);
  expect(diagnostics).toEqual([]);
  expect(config.http).toEqual({ host: "127.0.0.1", port: 9926, corsOrigins: [], tls: null, trustProxy: [] });
  expect(config.zone).toBe("UTC");
  expect(config.logRetentionMs).toBe(7 * 86_400_000);
});

test("an empty file is the defaults", () => {
  expect(load("").diagnostics).toEqual([]);
  expect(load("# nothing\n").config.http.port).toBe(9926);
});

test("values are merged over defaults, sizes and durations are read", () => {
  const { config, diagnostics } = load("http: { port: 8080 }\nlimits: { bodyBytes: 2MB, queryMs: PT2S, pageRows: 50 }\nlog: { retention: P1D }\n");
  expect(diagnostics).toEqual([]);
  expect(config.http.port).toBe(8080);
  expect(config.limits.bodyBytes).toBe(2_000_000);
  expect(config.limits.queryMs).toBe(2_000);
  expect(config.limits.pageRows).toBe(50);
  expect(config.logRetentionMs).toBe(86_400_000);
});

test("environment references: set, defaulted, missing, typed", () => {
  const text = 'http: { port: "${PORT:-9000}" }\nsecrets: { a: "${A}", b: "${B:-}" }\nvalues: { url: "http://${HOST:-localhost}:1" }\nauth: { keys: [{ token: "${TOKEN}", subject: s }] }\n';
  const { config, diagnostics } = load(text, { PORT: "9001", A: "x", TOKEN: "12345" });
  expect(diagnostics).toEqual([]);
  expect(config.http.port).toBe(9001);
  expect(config.secrets).toEqual({ a: "x", b: "" });
  expect(config.values).toEqual({ url: "http://localhost:1" });
  expect(config.auth.keys[0]).toEqual({ token: "12345", subject: "s", roles: [], tenant: null });
  const missing = load(text, {}).diagnostics;
  expect(missing.map((problem) => [problem.code, problem.position.line])).toEqual([["ENVIRONMENT", 2], ["ENVIRONMENT", 4]]);
});

test("a key whose token is empty is no key", () => {
  expect(load('auth: { keys: [{ token: "${NONE:-}", subject: s }] }').config.auth.keys).toEqual([]);
});

test("two keys with one token are refused, without telling it; several empty ones are no keys", () => {
  const text = 'auth:\n  keys:\n    - { token: "${A:-same}", subject: a }\n    - { token: other, subject: b }\n    - { token: "${B:-same}", subject: c }\n';
  const { diagnostics } = load(text);
  expect(diagnostics.map(({ code, message, position }) => [code, message, position.line])).toEqual([["CONFIG", "auth.keys.2 has the same token as auth.keys.0.", 5]]);
  expect(JSON.stringify(diagnostics)).not.toContain('"same"');
  expect(load(text.replaceAll(":-same", ":-")).diagnostics).toEqual([]);
});

test("unknown settings are refused with did-you-mean and an edit", () => {
  const { diagnostics } = load("http:\n  prot: 80\nlimts: {}\n");
  expect(diagnostics.map((problem) => [problem.code, problem.position.line, problem.position.column, problem.fix])).toEqual([
    ["CONFIG", 2, 3, "Did you mean port?"],
    ["CONFIG", 3, 1, "Did you mean limits?"],
  ]);
  expect(diagnostics[0]!.edits).toEqual([{ file: "config.yaml", start: { line: 2, column: 3 }, end: { line: 2, column: 7 }, text: "port" }]);
});

test("settings of later releases are NOT_AVAILABLE", () => {
  expect(load("cluster: { nodes: 2 }\nlimits: { requestsPerMinute: 9 }\n").diagnostics.map((problem) => problem.code)).toEqual(["NOT_AVAILABLE"]);
});

test("wrong types and values, all at once, with positions", () => {
  const { diagnostics } = load("http: { port: many }\nzone: 5\nlimits: { queryMs: P1M }\n");
  expect(diagnostics.map((problem) => [problem.code, problem.position.line])).toEqual([["CONFIG", 1], ["CONFIG", 2], ["CONFIG", 3]]);
});

test("broken YAML and duplicate keys say where", () => {
  expect(load("http: [").diagnostics[0]).toMatchObject({ code: "SYNTAX" });
  expect(load("zone: UTC\nzone: UTC\n").diagnostics[0]).toMatchObject({ code: "SYNTAX", position: { line: 2 } });
});

test("a JWT issuer has exactly one of jwks and secret", () => {
  expect(load("auth: { jwt: [{ issuer: i }] }").diagnostics.length).toBeGreaterThan(0);
  expect(load("auth: { jwt: [{ issuer: i, secret: 0123456789abcdef0123456789abcdef }] }").config.auth.jwt[0]).toMatchObject({ algorithms: ["HS256"], roles: { claim: "roles" } });
});

test("what could never take effect is refused at its place", () => {
  const messages = (text: string): unknown => load(text).diagnostics.map(({ code, message, position }) => [code, message, position.column]);
  expect(messages("limits: { bodyBytes: .inf }")).toEqual([["CONFIG", "limits.bodyBytes must be integer, or must be string.", 22]]);
  expect(messages("limits: { urlBytes: 99999999999999999999GB }")).toEqual([["CONFIG", "limits.urlBytes is no bound.", 21]]);
  expect(messages('http: { cors: { origins: [https://a.example, "*", https://a.example/, nonsense] } }')).toEqual([
    ["CONFIG", "http.cors.origins.2 is no origin.", 51], ["CONFIG", "http.cors.origins.3 is no origin.", 71],
  ]);
  expect(messages('http: { trustProxy: [127.0.0.1, "::1/128", 10.0.0.0/8, 10.0.0.0/33, proxy] }')).toEqual([
    ["CONFIG", "http.trustProxy.3 is no address or network.", 56], ["CONFIG", "http.trustProxy.4 is no address or network.", 69],
  ]);
  expect(messages("auth: { jwt: [{ issuer: i, jwks: k, algorithms: [RS256, HS256] }, { issuer: i, secret: 0123456789abcdef, algorithms: [HS512, EdDSA] }] }")).toEqual([
    ["CONFIG", "auth.jwt.0 cannot verify HS256 with a key set.", 57], ["CONFIG", "auth.jwt.1 cannot verify EdDSA with a secret.", 126],
  ]);
});

test("a reference that is not complete is no text", () => {
  expect(load("http: { port: ${PORT:-1}, host: ${HOST} }", {}).diagnostics.map(({ code, fix, edits }) => [code, fix, edits.map(({ text }) => text)])).toEqual([
    ["SYNTAX", 'Write "${PORT:-1}".', ['"${PORT:-1}"']], ["SYNTAX", 'Write "${HOST}".', ['"${HOST}"']],
  ]);
  expect(load('auth: { oidc: [{ name: acme, issuer: "${ISSUER}", clientId: "${ID}" }] }', {}).diagnostics.map(({ code, message }) => [code, /variable (\w+)/.exec(message)?.[1]])).toEqual([["ENVIRONMENT", "ISSUER"], ["ENVIRONMENT", "ID"]]);
  for (const text of ["${A", "${}", "${1}", "x ${A:-${B}}"]) expect(load(`values: { a: "${text}" }`, { A: "1", B: "2" }).diagnostics.map(({ code }) => code)).toEqual(["ENVIRONMENT"]);
  for (const text of ["$A", "{A}", "${A:-}}", "$${A}"]) expect(load(`values: { a: "${text}" }`, { A: "1" }).diagnostics).toEqual([]);
});

test("hostile YAML is a diagnostic", () => {
  const bomb = ["a", "b", "c", "d", "e", "f", "g"].map((name, index, all) => `${name}: &${name} [${Array(9).fill(index === 0 ? "x" : `*${all[index - 1]}`).join(",")}]`).join("\n");
  expect(load(bomb).diagnostics.map(({ code }) => code)).toEqual(["SYNTAX"]);
  expect(load("values: { a: !!js/function 'x' }").diagnostics.map(({ code }) => code)).toEqual(["SYNTAX"]);
  expect(load("__proto__: { port: 1 }").diagnostics.map(({ code }) => code)).toEqual(["CONFIG"]);
  expect(load("values: &a { x: *a }").diagnostics.map(({ code }) => code)).toEqual(["CONFIG"]);
});

test("files: on the disk, or in a bucket with its own key", () => {
  expect(load("").config.files).toEqual({ s3: null, types: [] });
  const { config, diagnostics } = load('files: { driver: s3, bucket: b, accessKey: a, secretKey: "${S}", types: [image/*] }\n', { S: "s" });
  expect([diagnostics, config.files]).toEqual([[], { s3: { bucket: "b", endpoint: null, region: null, accessKey: "a", secretKey: "s", prefix: "" }, types: ["image/*"] }]);
  const messages = (text: string): string[] => load(text).diagnostics.map(({ message }) => message);
  expect(messages("files: { driver: s3, bucket: b }")).toEqual(["files lacks accessKey, secretKey."]);
  expect(messages("files: { bucket: b, prefix: x }")).toEqual(["files.bucket is for the driver s3.", "files.prefix is for the driver s3."]);
  expect(messages("files: { driver: ftp }")).toHaveLength(1);
  expect(messages("files: { types: [pictures] }")).toHaveLength(1);
  expect(messages("limits: { fileBytes: 3GB }")).toEqual(["limits.fileBytes is too large."]);
  expect(messages("limits: { fileBytes: 2GB }")).toEqual([]);
});

test("days are counted in a zone that there is", () => {
  expect(load("zone: Europe/Berlin\n")).toMatchObject({ config: { zone: "Europe/Berlin" }, diagnostics: [] });
  expect(load("zone: Europe/Berlim\n").diagnostics).toMatchObject([{ code: "CONFIG", message: "There is no such time zone.", position: { line: 1 } }]);
});
